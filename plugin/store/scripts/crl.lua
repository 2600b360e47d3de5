-- The CRL of an issuer: who makes the next one, and what it is.
-- KEYS: 1 what is revoked (meta), 2 the CRL: a hash of number, version (of what is revoked, for this issuer), this, next,
-- count, der, 3 who makes the next one, for as long as that may take
-- ARGV: 1 verb, 2 the issuer; claim: 3 who, 4 for how many ms; give-up: 3 who; store: 3 who, 4 the number that it
-- follows, 5 number, 6 version, 7 this, 8 next, 9 count, 10 der
-- Answer: { code, '', the version of what is revoked, number, version, this, next, count }. code: 'crl' of look;
-- 'claimed', 'busy' of claim; 'given-up'; 'stored', 'stale' of store: there is another one by now
local verb = ARGV[1]
local flat = redis.pcall('HMGET', KEYS[2], 'number', 'version', 'this', 'next', 'count')
local changed = redis.call('HGET', KEYS[1], 'v:' .. ARGV[2]) or '0'

-- One that is damaged counts as lost: the next one takes its place, before the one that is in force ends.
local damaged = flat.err ~= nil
for i = 1, 5 do
  local field = not damaged and flat[i]
  damaged = damaged or (field and (#field > 15 or not string.find(field, '^%d+$')))
end
if damaged then flat = {} end

local function answer(code)
  return { code, '', changed, flat[1] or '0', flat[2] or '0', flat[3] or '0', flat[4] or '0', flat[5] or '0' }
end

local function give_up()
  if redis.call('GET', KEYS[3]) == ARGV[3] then redis.call('DEL', KEYS[3]) end
end

if verb == 'claim' then
  if redis.call('SET', KEYS[3], ARGV[3], 'NX', 'PX', ARGV[4]) then return answer('claimed') end
  return answer('busy')
elseif verb == 'give-up' then
  give_up()
  return answer('given-up')
elseif verb == 'store' then
  if (flat[1] or '0') ~= ARGV[4] then
    give_up()
    return answer('stale')
  end
  if damaged then redis.call('DEL', KEYS[2]) end
  redis.call('HSET', KEYS[2], 'number', ARGV[5], 'version', ARGV[6], 'this', ARGV[7], 'next', ARGV[8],
             'count', ARGV[9], 'der', ARGV[10])
  give_up()
  return answer('stored')
end
return answer('crl')
