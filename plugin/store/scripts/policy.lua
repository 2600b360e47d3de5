-- The settings that all brokers share: one hash, "slot/key" or "/key" → value, beside version, at, by and op, the id of
-- the write that was done last.
-- KEYS: 1 the policy; ARGV: 1 'read' or 'write', 2 version (write: -1 for any), 3 read: when that was; write: now, 4 who,
-- 5 this write's id, 6 how many settings there may be, 7 the changes, a line each: 'setting=value', '' takes it away
-- Answer: { code, note, version, at, who, { setting, value … } }. code: 'same' (read: nothing new; no settings follow),
-- 'all', 'written', 'unchanged', 'again' (this write was done before), 'stale', 'full', 'damaged'; note of 'written':
-- the former values, a line each: 'setting=value', '' where there was none
local flat = redis.pcall('HMGET', KEYS[1], 'version', 'at', 'by', 'op')
if flat.err then return { 'damaged', '' } end
local version, at, by, op = tonumber(flat[1] or '0'), flat[2] or '0', flat[3] or '', flat[4]
local wanted = tonumber(ARGV[2])
if not version or not tonumber(at) then return { 'damaged', '' } end

local function answer(code, note, settings)
  return { code, note, string.format('%.0f', version), at, by, settings }
end

local function all()
  local hash, settings = redis.call('HGETALL', KEYS[1]), {}
  for i = 1, #hash, 2 do
    if string.find(hash[i], '/', 1, true) then
      settings[#settings + 1] = hash[i]
      settings[#settings + 1] = hash[i + 1]
    end
  end
  return settings
end

if ARGV[1] == 'read' then
  if version == wanted and at == ARGV[3] then return answer('same', '', {}) end
  return answer('all', '', all())
end

if op == ARGV[5] then return answer('again', '', all()) end
if wanted ~= -1 and wanted ~= version then return answer('stale', '', {}) end

local put, drop, note, more = {}, {}, {}, 0
for name, value in string.gmatch(ARGV[7], '([^=\n]+)=([^\n]*)\n') do
  local former = redis.call('HGET', KEYS[1], name) or ''
  if former ~= value then
    note[#note + 1] = name .. '=' .. former
    if value == '' then
      drop[#drop + 1] = name
      more = more - 1
    else
      put[#put + 1] = name
      put[#put + 1] = value
      if former == '' then more = more + 1 end
    end
  end
end
if not note[1] then return answer('unchanged', '', all()) end
if more > 0 and #all() / 2 + more > tonumber(ARGV[6]) then return answer('full', '', {}) end

version, at, by = version + 1, ARGV[3], ARGV[4]
redis.call('HSET', KEYS[1], 'version', string.format('%.0f', version), 'at', at, 'by', by, 'op', ARGV[5], unpack(put))
if drop[1] then redis.call('HDEL', KEYS[1], unpack(drop)) end
return answer('written', table.concat(note, '\n'), all())
