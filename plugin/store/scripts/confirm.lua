-- A device has a version of the trust bundle.
-- KEYS, ARGV as in slot.lua; ARGV: 5 version
-- Answer: { code, '' }; code: 'done', 'unknown', 'foreign'
local was = redis.call('HMGET', KEYS[1], 'id', 'tb')
if not was[1] then return { 'unknown', '' } end
if was[1] ~= ARGV[1] then return { 'foreign', '' } end
if (tonumber(was[2] or 0) or 0) < tonumber(ARGV[5]) then redis.call('HSET', KEYS[1], 'tb', ARGV[5]) end
return { 'done', '' }
