-- The certificate of an intent, signed and in the journal. The busiest script: it reads only what it needs.
-- KEYS, ARGV and answer as in slot.lua; ARGV: 5 certificate's name, 6 its DER
local p, crt = ARGV[3] .. ':', ARGV[5]
local was = redis.call('HMGET', KEYS[1], 'id', p .. 'st', p .. 'pcrt', p .. 'ver', p .. 'rid', p .. 'crt', p .. 'hold',
  p .. 'rev')
local st, pcrt, code = was[2], was[3], 'replaced'
if was[1] and was[1] ~= ARGV[1] then return { 'foreign', '' } end
if st == 'issuing' and pcrt == crt then
  redis.call('HSET', KEYS[1], p .. 'st', 'issued', p .. 'ver', tonumber(was[4]) + 1)
  redis.call('SET', KEYS[4], ARGV[6])
  code = 'issued'
elseif (st == 'issued' and pcrt == crt) or was[6] == crt then
  code = 'again'
end
if was[7] and code ~= 'replaced' then code = 'held' end -- it was put on hold meanwhile: kept, and not handed out
if was[8] then code = 'revoked' end -- and its serial is told to be, whatever was signed
return { code, '', was[5] or '' }
