-- What is revoked, written down. All its keys share one hash slot; they begin with what comes before 'meta'.
-- KEYS: 1 meta; ARGV: 1 verb, 2 now, then
--   add      3 reason, 4 device or '-', 5 certificates, as withdrawn.lua has them, 6 '1': put back, where nothing is known
--   gone     3 certificates: of those that are on hold (reason 6) nothing is revoked any more
--   issuer   3 id, 4 'revoked', 'retired' or 'trusted', 5 reason, 6 '1': put back, where nothing is known, 7 how many
--            may not be trusted
--   prune    those that ended a day ago, some of them
-- Answer: { code, note, version, how many are new, how many changed, entries }; code: done; wrong, full: nothing was
--         changed. Entries: as revoked_page.lua has them.
local verb, now = ARGV[1], tonumber(ARGV[2])
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local changes, ends, gone = base .. 'changes', base .. 'ends', base .. 'gone'
local entries, new, changed = {}, 0, 0
local function int(number) return string.format('%.0f', number) end

-- What can meet a wrong type is read before anything is written.
redis.call('ZCARD', changes)
redis.call('ZCARD', ends)
redis.call('HLEN', gone)
local version = redis.call('HGET', meta, 'version') or '0'

local function tell(member, value)
  entries[#entries + 1] = member .. ' ' .. value .. '\n'
end

local function note_change(member, issuer, na)
  version = int(redis.call('HINCRBY', meta, 'version', 1))
  redis.call('HSET', meta, 'v:' .. issuer, version)
  redis.call('ZADD', changes, version, member)
  redis.call('ZADD', ends, na, member)
  changed = changed + 1
end

-- New information is added to what is known; the first time stays. certificateHold (6) has an end: it gives way to any
-- other reason, and never takes the place of one.
local function weightier(why, reason)
  return (why == '6' or (reason ~= '0' and reason ~= '6')) and reason or why
end

local function add(serial, issuer, na)
  local reason, device, restore = ARGV[3], ARGV[4], ARGV[6] == '1'
  local member, of = serial .. '@' .. issuer, base .. 'of:' .. issuer
  local was = redis.call('HGET', of, serial)
  if restore and (redis.call('HEXISTS', gone, member) == 1 or
      (was and (reason == '6' or not string.find(was, '^6 ')))) then return end
  local value = reason .. ' ' .. int(now) .. ' ' .. na .. ' ' .. device
  if was then
    local why, at, last, whose = string.match(was, '^(%d+) (%d+) (%d+) (%S+)$')
    if why then
      value = weightier(why, reason) .. ' ' .. at .. ' ' .. int(math.max(tonumber(na), tonumber(last))) .. ' ' ..
        (device ~= '-' and device or whose)
    end
  end
  if value ~= was then
    redis.call('HSET', of, serial, value)
    redis.call('HDEL', gone, member)
    note_change(member, issuer, string.match(value, '^%d+ %d+ (%d+)'))
    if not was then
      new = new + 1
      if restore then redis.call('HINCRBY', meta, 'lost', 1) end
    end
  end
  tell(member, value)
end

local function release(serial, issuer, na)
  local member, of = serial .. '@' .. issuer, base .. 'of:' .. issuer
  local was = redis.call('HGET', of, serial)
  if not was and redis.call('HEXISTS', gone, member) == 1 then tell(member, '-') end -- the answer was lost on its way
  if not was or not string.find(was, '^6 ') then return end
  redis.call('HSET', gone, member, na)
  redis.call('HDEL', of, serial)
  note_change(member, issuer, na)
  tell(member, '-')
end

local function each(text, what)
  for crt, na in string.gmatch(text, '%S+ (%S+) (%d+) %S+ %d+\n') do
    local serial, issuer = string.match(crt, '^(%x+)@(%x+)$')
    if serial then what(serial, issuer, na) end
  end
end

local function not_trusted()
  local count, flat = 0, redis.call('HGETALL', meta)
  for i = 1, #flat, 2 do
    if string.find(flat[i], '^issuer:') and not string.find(flat[i + 1], '^trusted ') then count = count + 1 end
  end
  return count
end

local function issuer()
  local id, state, reason = ARGV[3], ARGV[4], ARGV[5]
  local was, why, at = string.match(redis.call('HGET', meta, 'issuer:' .. id) or '', '^(%l+) (%d+) (%d+)$')
  if ARGV[6] == '1' and was then return 'done' end
  if (state == 'retired' and was == 'revoked') or (state == 'trusted' and was ~= 'retired' and ARGV[6] ~= '1') then
    return 'wrong'
  end
  if state == was and (reason == why or reason == '0') then return 'done' end
  if state ~= 'trusted' and (not was or was == 'trusted') and not_trusted() >= tonumber(ARGV[7]) then return 'full' end
  if state ~= was or not at then at = int(now) end
  redis.call('HSET', meta, 'issuer:' .. id, state .. ' ' .. reason .. ' ' .. at)
  version = int(redis.call('HINCRBY', meta, 'version', 1))
  if ARGV[6] == '1' then redis.call('HINCRBY', meta, 'lost', 1) end
  changed, new = 1, 1
  return 'done'
end

local function prune()
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', int(now - 86400), 'LIMIT', 0, 100)) do
    local serial, of = string.match(member, '^(%x+)@(%x+)$')
    if serial then redis.call('HDEL', base .. 'of:' .. of, serial) end
    redis.call('HDEL', gone, member)
    redis.call('ZREM', changes, member)
    redis.call('ZREM', ends, member)
    changed = changed + 1
  end
end

local code = 'done'
if verb == 'add' then
  each(ARGV[5], add)
elseif verb == 'gone' then
  each(ARGV[3], release)
elseif verb == 'issuer' then
  code = issuer()
else
  prune()
end
return { code, '', version, int(new), int(changed), table.concat(entries) }
