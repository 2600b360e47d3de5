-- The figures of the whole fleet: kept, read, and who counts them.
-- KEYS: 1 the survey; ARGV: 1 'read', 'load' or 'save', 2 now, 3 broker, 4 how old the figures may become, 5 how long a
--       claim lasts; 'save': 6 the figures
-- Answer: { when they were counted ('0': never), the figures, '1': this broker is to count }
local now, broker, every, lasts = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local was = redis.call('HMGET', KEYS[1], 'at', 'figures', 'by', 'till')
if ARGV[1] == 'save' then
  redis.call('HSET', KEYS[1], 'at', ARGV[2], 'figures', ARGV[6])
  if was[3] == broker then redis.call('HDEL', KEYS[1], 'by', 'till') end
  return { ARGV[2], ARGV[6], '0' }
end
local at, till, ours = tonumber(was[1] or 0) or 0, tonumber(was[4] or 0) or 0, '0'
if ARGV[1] == 'load' then
  local claimed = was[3] and till > now and till <= now + lasts
  local old = at + every <= now or at > now + every
  if was[3] == broker or (not claimed and old) then
    ours = '1'
    redis.call('HSET', KEYS[1], 'by', broker, 'till', now + lasts)
  end
end
return { string.format('%.0f', at), was[2] or '', ours }
