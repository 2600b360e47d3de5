-- May this key be certified now? If so the intent is recorded.
-- ARGV: 5 key, 6 certificate, 7 notBefore, 8 notAfter, 9 due, 10 seconds of lease, 11 broker, 12 its life, 13 format,
--       14 a new renewal id, 15 deadline, 16 the current key is fine, 17 any time is fine, 18 the key was used before,
--       19 window in thousandths, 20 when the window of the presented certificate opens
local key, crt = ARGV[5], ARGV[6]
local st, same = get('st'), get('pkey') == key
local function told(code, seconds)
  commit()
  return { code, note, get('rid') or '', get('gen') or '0', string.format('%.0f', seconds or 0) }
end

if get('hold') then return told('hold') end
if st == 'issued' and same and num('pna') > now then
  local der = redis.pcall('GET', KEYS[4])
  if type(der) ~= 'string' then return told('lost') end
  return { 'same', note, get('rid'), get('gen') or '0', '0', get('pcrt'), get('pnb'), get('pna'), der }
end
local rest = st == 'issuing' and num('lease') - now or 0
if rest > 0 and get('brk') == ARGV[11] and get('own') ~= ARGV[12] then rest = 0 end -- an earlier life of this broker
if rest > 0 and same then
  if get('pcrt') == crt and get('own') == ARGV[12] then return told('go') end
  return told('pending', rest)
end
local current = get('key') == key
if current and ARGV[16] ~= '1' then return told('reused') end
if ARGV[18] == '1' and not current and not (st == 'issuing' and same) then return told('reused') end
if rest > 0 then return told('busy', rest) end
if not st and ARGV[17] ~= '1' then
  local opens = tonumber(ARGV[20])
  if get('crt') then
    local nb, na = num('nb'), num('na')
    opens = na <= nb and nb or na - math.floor((na - nb) * tonumber(ARGV[19]) / 1000)
  end
  if opens > now then return told('early', opens - now) end
end

if not st or not get('rid') then
  put('due', due or 0)
  put('rid', ARGV[14])
  put('why', 'expiry')
  put('try', 1)
  put('end', ARGV[15])
end
bump()
if st == 'issued' then drop = true end
put('st', 'issuing')
put('pcrt', crt)
put('pkey', key)
put('pnb', ARGV[7])
put('pna', ARGV[8])
put('pdue', ARGV[9])
put('brk', ARGV[11])
put('own', ARGV[12])
put('lease', now + tonumber(ARGV[10]))
put('fmt', ARGV[13])
act_at(now + tonumber(ARGV[10]))
commit()
return { 'go', note, get('rid'), get('gen') or '0', get('ver') }
