-- The trust bundle: a new one takes the former one's place.
-- KEYS: 1 the bundle; ARGV: 1 the highest version that the asker knows of, 2 mode, 3 now, 4 who, 5 this write's id,
--       6 the certificates
-- Answer: { code, '', version }; code: 'written', 'again' (this write was done before), 'damaged'
local was = redis.pcall('HMGET', KEYS[1], 'version', 'op')
if was.err or (was[1] and not tonumber(was[1])) then return { 'damaged', '' } end
if was[2] == ARGV[5] then return { 'again', '', was[1] } end
local version = string.format('%.0f', math.max(tonumber(was[1] or 0), tonumber(ARGV[1])) + 1)
redis.call('HSET', KEYS[1], 'version', version, 'mode', ARGV[2], 'at', ARGV[3], 'by', ARGV[4], 'op', ARGV[5], 'der', ARGV[6])
return { 'written', '', version }
