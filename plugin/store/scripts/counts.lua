-- How the members of campaigns fare in one bucket.
-- KEYS: 1 what the names of its counts begin with; ARGV: 1 ids, with a blank between each
-- Answer: of each its hash; nil where that was none, and is removed
local answer = {}
for id in string.gmatch(ARGV[1], '%x+') do
  local flat = redis.pcall('HGETALL', KEYS[1] .. ':' .. id)
  if flat.err then redis.call('DEL', KEYS[1] .. ':' .. id) end
  answer[#answer + 1] = not flat.err and flat
end
return answer
