-- A part of what is revoked, in the order of its changes. Changes nothing.
-- KEYS: 1 {revoked}:meta; ARGV: 1 behind which version, 2 at how many to look, 3 how many at most, 4 issuer ('': any), 5
--       '1': also those that are not revoked any more, 6 now
-- Answer: { code, note, version of the whole, how often something was put back, version of the last one looked at ('':
--         there is no more), issuers, entries, '1': some have ended }
-- issuers: 'id state reason at', a line each; entries: 'serial@issuer reason at notAfter device', or '-' behind the
-- name when it is not revoked any more.
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local looks, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
local version, lost, issuers, entries, last = '0', '0', {}, {}, ''
local flat = redis.call('HGETALL', meta)
for i = 1, #flat, 2 do
  local id = string.match(flat[i], '^issuer:(%x+)$')
  if id then
    issuers[#issuers + 1] = id .. ' ' .. flat[i + 1] .. '\n'
  elseif flat[i] == 'version' then
    version = flat[i + 1]
  elseif flat[i] == 'lost' then
    lost = flat[i + 1]
  end
end

local found = redis.call('ZRANGEBYSCORE', base .. 'changes', '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, looks + 1)
for i = 1, #found, 2 do
  local serial, issuer = string.match(found[i], '^(%x+)@(%x+)$')
  if (i + 1) / 2 > looks or #entries == limit then break end
  last = string.format('%.0f', tonumber(found[i + 1]))
  if serial and (ARGV[4] == '' or issuer == ARGV[4]) then
    local value = redis.call('HGET', base .. 'of:' .. issuer, serial)
    if value or ARGV[5] == '1' then entries[#entries + 1] = found[i] .. ' ' .. (value or '-') .. '\n' end
  end
  if i + 1 == #found then last = '' end
end
local ended = redis.call('ZCOUNT', base .. 'ends', '-inf', string.format('%.0f', tonumber(ARGV[6]) - 86400)) > 0
return { 'done', '', version, lost, last, table.concat(issuers), table.concat(entries), ended and '1' or '0' }
