-- What is due in one bucket is claimed: put off, so that no other broker takes it meanwhile, and none loses it should
-- this one die.
-- KEYS: 1 the bucket's agenda; ARGV: 1 now, 2 until when it is claimed, 3 how many at most
-- Answer: the members
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
if due[1] then
  local claim = {}
  for i = 1, #due do
    claim[2 * i - 1] = ARGV[2]
    claim[2 * i] = due[i]
  end
  redis.call('ZADD', KEYS[1], unpack(claim))
end
return due
