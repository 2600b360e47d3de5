-- A device is revoked, or one slot of it: it is held, what is under way ends, and its certificates are told, for who
-- writes them down as revoked.
-- ARGV: 5 reason, 6 the hold's text, 7 only the slot that has this certificate ('': every one, or the one named), 8 the
--       slot's version when that was journaled, of a revocation that Redis may have lost ('': it is being revoked now),
--       9 for how many seconds a certificate that ended may still be of use
-- Answer: { code, note, withdrawn, record }. Code: done; unknown, no-slot: nothing was changed; none: no slot has that
--         certificate; known: Redis has not lost it.
-- Note: also 'cancelled <slot> <renewal>'.
-- include answer.lua
-- include change.lua
local lately = tonumber(ARGV[9])
-- include withdrawn.lua
local reason, hold, only, lost = ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
local name, code = slot, 'done'

local function slots()
  local list, seen = {}, {}
  for field in pairs(rec) do
    local of = string.match(field, '^(.+):%a+$')
    if of and not seen[of] and (rec[of .. ':crt'] or rec[of .. ':ver']) and (slot == '' or of == slot) then
      seen[of] = true
      list[#list + 1] = of
    end
  end
  table.sort(list)
  return list
end

-- The fields of a certificate under way stay, for when this is asked again: the answer may get lost.
local function end_what_is_under_way()
  local pcrt, pkey, pend = get('pcrt'), get('pkey'), get('pend')
  note = note .. 'cancelled ' .. slot .. ' ' .. (get('rid') or '') .. '\n'
  tally('c')
  local under_way = get('st') ~= 'triggered'
  go_quiet()
  if under_way then
    put('pcrt', pcrt)
    put('pkey', pkey)
    put('pend', pend)
  end
end

-- certificateHold (6) has an end, so it gives way to any other reason, and to none of them is it news.
local function revoke()
  local was, since = string.match(get('rev') or '', '^(%d+) (%d+)$')
  if not was or (reason ~= was and (was == '6' or (reason ~= '0' and reason ~= '6'))) then
    put('rev', reason .. ' ' .. (since or string.format('%.0f', now)))
    put('hold', hold)
    if not get('st') then bump() end
  end
  if get('st') then end_what_is_under_way() end
  calm()
  if lost and num('ver') < lost then put('ver', lost) end
  withdraw_all()
end

local function all()
  local list, any = slots(), false
  for _, of in ipairs(list) do
    turn(of)
    if only == '' or has(only) then
      any = true
      if lost and num('ver') >= lost then
        code = 'known'
      else
        expire()
        revoke()
      end
    end
  end
  if not any then code = list[1] and 'none' or 'no-slot' end
end

if not flat[1] then
  code = 'unknown'
else
  all()
  turn(name)
end
commit()
if code ~= 'done' then return { code, note } end
local told = answer(code, false)
table.insert(told, 3, withdrawn)
return told
