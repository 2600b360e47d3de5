-- An operator lets a device in that has no certificate of ours, or not any more; the device may be new.
-- ARGV: 5 verb: allow, forbid, token, 6 the factory's name ('*': any), 7 tags to add, 8 the token's hash, 9 when it expires,
--       10 '1': asked again, the answer was lost on its way, 11 the slot that devices connect with
-- Code: done, known (it has a certificate, or was allowed before); wrong, too-large: nothing was changed.
local again, set, drop, code = ARGV[10] == '1', {}, {}, 'done'

local function put(name, value)
  if rec[name] ~= value then
    set[#set + 1] = name
    set[#set + 1] = value
  end
end

-- Sorted, each once, as tags are. False: they are too long.
local function tag()
  if ARGV[7] == '' then return true end
  local have, list = {}, {}
  for name in string.gmatch((rec.tags or '') .. ARGV[7], '[^,]+') do
    if not have[name] then
      have[name] = true
      list[#list + 1] = name
    end
  end
  table.sort(list)
  local all = ',' .. table.concat(list, ',') .. ','
  if #all <= 64 then put('tags', all) end
  return #all <= 64
end

local allowance, token = ARGV[4] .. ' ' .. ARGV[6], ARGV[8] .. ' ' .. ARGV[9] .. ' '
local function forbid()
  if rec.enr then drop[#drop + 1] = 'enr' end
  if rec.tok and (string.match(rec.tok, ' $') or tonumber(string.match(rec.tok, ' (%d+)') or 0) <= now) then
    drop[#drop + 1] = 'tok'
  end
  if not drop[1] and not again then code = 'wrong' end
end

if ARGV[5] == 'forbid' then
  forbid()
elseif not tag() then
  code = 'too-large'
else
  local mine = again and rec.enr == allowance
  if rec[ARGV[11] .. ':crt'] or (rec.enr and not mine) then code = 'known' end
  if ARGV[5] == 'allow' then
    put('enr', allowance)
  else
    put('tok', token)
  end
end
if code ~= 'wrong' and code ~= 'too-large' then
  if not flat[1] and set[1] then
    set[#set + 1] = 'id'
    set[#set + 1] = mark
  end
  if set[1] then redis.call('HSET', KEYS[1], unpack(set)) end
  if drop[1] then redis.call('HDEL', KEYS[1], unpack(drop)) end
end
return { code, note }
