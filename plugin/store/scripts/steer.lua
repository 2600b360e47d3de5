-- What an operator does to one device.
-- ARGV: 5 verb, 6 a hold's reason, or who acknowledges, 7 tags to add, 8 tags to take away, 9 the deadline of a trigger that
--       goes on now, 10 '1': asked again, the answer was lost on its way,
--       11 '1': what is revoked knows of the release already, 12 for how many seconds a certificate that ended may still
--       be of use
-- The slot may be '': then holding and releasing are about all of the device's slots.
-- Code: done; unknown, no-slot, wrong, no-renewal, no-alert, too-large: nothing was changed; entries: nor now, for what is
--       revoked is to know first that these certificates are not any more.
-- Note: also 'held <slot>', 'released <slot>', 'cancelled <slot> <renewal>'.
-- include answer.lua
-- include change.lua
local lately = tonumber(ARGV[12])
-- include withdrawn.lua
local verb, text, deadline, again, code = ARGV[5], ARGV[6], tonumber(ARGV[9]), ARGV[10] == '1', 'done'

local function known(name) return rec[name .. ':crt'] or rec[name .. ':ver'] end

local function slots()
  local list, seen = {}, {}
  for name in pairs(rec) do
    local of = string.match(name, '^(.+):%a+$')
    if of and not seen[of] and known(of) and (slot == '' or of == slot) then
      seen[of] = true
      list[#list + 1] = of
    end
  end
  table.sort(list)
  return list
end

local function tell(what) note = note .. what .. ' ' .. slot .. '\n' end

local function hold()
  local list = slots()
  if not list[1] then code = 'no-slot' end
  for _, name in ipairs(list) do
    turn(name)
    expire()
    put('hold', text)
    rest()
    tell('held')
  end
end

-- A trigger gets its whole time again: while the slot was held it could not be answered. What is under way, and what was due
-- meanwhile, is looked at soon.
local function release()
  local list, any = slots(), false
  for _, name in ipairs(ARGV[11] ~= '1' and list or {}) do
    turn(name)
    if string.find(get('rev') or '', '^6 ') then -- certificateHold
      code = 'entries'
      withdraw_all()
    end
  end
  if code == 'entries' then return end
  for _, name in ipairs(list) do
    turn(name)
    if get('hold') or get('rev') then
      any = true
      del('hold')
      if get('rev') and not get('st') then
        for _, field in ipairs({ 'pcrt', 'pkey', 'pend' }) do del(field) end
      end
      del('rev')
      if get('st') == 'triggered' then put('end', deadline) end
      if get('st') or (not due and get('crt')) then score = math.min(tonumber(due) or now, now) end
      if get('al') or get('st') == 'triggered' then heed(now, 'later') end
      tell('released')
    end
  end
  if again and not any then -- it was this very job
    for _, name in ipairs(list) do
      turn(name)
      tell('released')
    end
  elseif not any then
    code = 'wrong'
  end
end

-- Nothing begins by itself before `ret`: not for as long as a renewal would have had, but there is time left after it.
local function cancel()
  local time = deadline - now
  if num('na') > now then time = math.min(time, math.floor((num('na') - now) / 2)) end
  local at = now + math.max(1, time)
  if get('st') == 'triggered' then
    note = note .. 'cancelled ' .. slot .. ' ' .. (get('rid') or '') .. '\n'
    tally('c')
    go_quiet()
    put('ret', at)
    if not redis.call('ZSCORE', KEYS[6], member) then calm() end -- what is an alert stays one
    score = get('crt') and math.max(score or 0, at) or 0
  elseif get('st') then
    code = 'wrong'
  elseif again and num('ret') == at then
    tell('cancelled')
  else
    code = 'no-renewal'
  end
end

local function tag()
  local have, list = {}, {}
  for name in string.gmatch(rec.tags or '', '[^,]+') do have[name] = true end
  for name in string.gmatch(ARGV[8], '[^,]+') do have[name] = nil end
  for name in string.gmatch(ARGV[7], '[^,]+') do have[name] = true end
  for name in pairs(have) do list[#list + 1] = name end
  table.sort(list)
  local all = list[1] and ',' .. table.concat(list, ',') .. ','
  if all and #all > 64 then
    code = 'too-large'
  else
    put_raw('tags', all or nil)
  end
end

local function acknowledge()
  if get('al') and redis.call('ZSCORE', KEYS[6], member) then
    put('ack', string.format('%.0f ', now) .. string.sub(text, 1, 50))
  else
    code = 'no-alert'
  end
end

local what = { hold = hold, release = release, cancel = cancel, tag = tag, acknowledge = acknowledge }
if not flat[1] then
  code = 'unknown'
elseif slot ~= '' and not known(slot) then
  code = 'no-slot'
else
  what[verb]()
end
commit()
if code == 'entries' then return { code, note, withdrawn } end
if code ~= 'done' then return { code, note } end
return answer(code, false)
