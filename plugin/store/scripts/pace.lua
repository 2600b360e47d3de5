-- How many renewals the whole fleet may begin now. The key holds the time, in microseconds, up to which all is taken: a
-- second behind the clock when nobody has begun anything, so that at most one second's worth begins at once; ahead of it
-- when brokers asked at the same time, which the next second pays back.
-- KEYS: 1 the pace; ARGV: 1 now, 2 how many begin each second, 3 how many are taken
-- Answer: how many more may begin
local SECOND = 1000000
local now, rate, count = tonumber(ARGV[1]) * SECOND, tonumber(ARGV[2]), tonumber(ARGV[3])
local taken = redis.pcall('GET', KEYS[1])
taken = type(taken) == 'string' and tonumber(taken) or 0
if taken < now - SECOND or taken > now + 600 * SECOND then taken = now - SECOND end -- also what no broker can have taken
if count > 0 then
  taken = taken + count * SECOND / rate
  redis.call('SET', KEYS[1], string.format('%.0f', taken), 'EX', 3600)
end
return math.max(0, math.floor((now - taken) * rate / SECOND + 0.01))
