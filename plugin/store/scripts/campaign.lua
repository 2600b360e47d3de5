-- Campaigns: each a hash, <index>:<id>, and the index of them by the time when each was created.
-- KEYS: 1 the index
-- ARGV: 1 what to do, 2 id
--   'read'     of id '' all, newest first; 3 at most so many
--              Answer: { id, hash, id, hash ... }; a hash that is none is nil
--   'create', 'write'   3 at most so many, 4 the version that was read, 5 the write's own name, 6 fields, a line 'name value'
--              each, 7 when it was created, 8 for how many seconds it is kept ('0': for good)
--              Answer: { code, '', version, 'state pause group' before }; code: written, taken, full, unknown, conflict
--   'damaged'  is set aside
local what, id, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local function key(of) return KEYS[1] .. ':' .. of end

if what == 'read' then
  local ids, answer = { id }, {}
  if id == '' then ids = redis.call('ZREVRANGE', KEYS[1], 0, most - 1) end
  for _, each in ipairs(ids) do
    local flat = redis.pcall('HGETALL', key(each))
    if #each == 8 and (flat.err or flat[1]) then
      answer[#answer + 1] = each
      answer[#answer + 1] = not flat.err and flat
    else
      redis.pcall('ZREM', KEYS[1], each) -- Redis has forgotten it, or it never was one
    end
  end
  return answer
elseif what == 'damaged' then
  redis.pcall('RENAME', key(id), key('damaged:' .. id))
  return redis.call('ZREM', KEYS[1], id)
end

local version, st, pause, at, job, prev = unpack(redis.call('HMGET', key(id), 'v', 'st', 'pause', 'at', 'job', 'prev'))
local leaves
if job == ARGV[5] then return { 'written', '', version, prev } end -- the answer was lost
if what == 'create' then
  if redis.call('EXISTS', key(id)) == 1 then return { 'taken', '' } end
  if redis.call('ZCARD', KEYS[1]) >= most then -- the oldest that ended makes room
    for _, each in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
      local state = redis.pcall('HGET', key(each), 'st')
      if not state or state == 'aborted' or state == 'done' then
        leaves = each
        break
      end
    end
    if not leaves then return { 'full', '' } end
  end
  prev = ''
else
  if not version then return { 'unknown', '' } end
  if version ~= ARGV[4] then return { 'conflict', '' } end
  if not (st and pause and at) then error('CORRUPT campaign') end
  prev = st .. ' ' .. pause .. ' ' .. at
end
version = string.format('%.0f', tonumber(ARGV[4]) + 1)
local puts = { 'v', version, 'job', ARGV[5], 'prev', prev }
for name, value in string.gmatch(ARGV[6], '(%w+) ([^\n]*)\n') do
  puts[#puts + 1] = name
  puts[#puts + 1] = value
end
redis.call('HSET', key(id), unpack(puts))
redis.call('ZADD', KEYS[1], ARGV[7], id)
if ARGV[8] == '0' then
  redis.call('PERSIST', key(id))
else
  redis.call('EXPIRE', key(id), ARGV[8])
end
if leaves then
  redis.call('ZREM', KEYS[1], leaves)
  redis.call('UNLINK', key(leaves))
end
return { 'written', '', version, prev }
