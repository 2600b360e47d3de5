-- May this key be certified now? If so the intent is recorded.
-- ARGV: 5 key, 6 certificate, 7 notBefore, 8 notAfter, 9 due, 10 seconds of lease, 11 owner: broker/life, 12 length of
--       the broker's part, 13 format, 14 a new renewal id, 15 the current key is fine, 16 any time is fine, 17 the key
--       was used before, 18 window in thousandths, 19 when the window of the presented certificate opens, 20 the
--       chances that it is to have to appear, 21 to 23 of who enrols
local key, crt, st = ARGV[5], ARGV[6], rec[p .. 'st']
local same = rec[p .. 'pkey'] == key
local function told(code, seconds)
  return { code, note, rec[p .. 'rid'] or '', rec[p .. 'gen'] or '0', string.format('%.0f', seconds or 0) }
end
-- include enrolling.lua

-- Nothing is decided by what we would not have written.
if st and st ~= 'triggered' and st ~= 'issuing' and st ~= 'issued' then error('CORRUPT ' .. p .. 'st') end
if rec[p .. 'crt'] and not string.find(rec[p .. 'crt'], '^%x+@%x+$') then error('CORRUPT ' .. p .. 'crt') end
for _, field in ipairs({ 'gen', 'ver', 'try', 'nb', 'na' }) do
  if string.find(rec[p .. field] or '', '%D') then error('CORRUPT ' .. p .. field) end
end

local pnb, pna, pdue, lease
if st == 'issued' or st == 'issuing' then
  pnb, pna, pdue, lease = string.match(rec[p .. 'pend'] or '', '^(%d+) (%d+) (%d+) (%d+) %a+$')
  if not pnb then error('CORRUPT ' .. p .. 'pend') end
end
if rec[p .. 'hold'] then return told(rec[p .. 'rev'] and 'revoked' or 'hold') end
if st == 'triggered' and num('end') <= now then return { 'stale', '' } end
if by[1] then
  local why, seconds = refuses()
  if why then
    local answer = told(why, seconds)
    answer[6] = rec[p .. 'crt'] or ''
    return answer
  end
end
local rest = 0
if st == 'issued' and same then
  if tonumber(pna) <= now then return told('reused') end -- it came too late; one key, one certificate
  local der = redis.pcall('GET', KEYS[4])
  if type(der) ~= 'string' then return told('lost') end
  return { 'same', note, rec[p .. 'rid'], rec[p .. 'gen'] or '0', '0', rec[p .. 'pcrt'], pnb, pna, der }
elseif st == 'issuing' then
  local own, head = rec[p .. 'own'] or '', tonumber(ARGV[12])
  rest = tonumber(lease) - now
  if rest > tonumber(ARGV[10]) then rest = 0 end -- by a clock that was ahead
  if own ~= ARGV[11] and #own == #ARGV[11] and string.sub(own, 1, head) == string.sub(ARGV[11], 1, head) then
    rest = 0 -- an earlier life of this broker will not finish it
  end
  if rest > 0 and same then
    if rec[p .. 'pcrt'] == crt and own == ARGV[11] then
      return { 'go', note, rec[p .. 'rid'], rec[p .. 'gen'] or '0', rec[p .. 'ver'] }
    end
    return told('pending', rest)
  end
end
local current = rec[p .. 'key'] == key
if current and ARGV[15] ~= '1' then return told('reused') end
if ARGV[17] == '1' and not current and not (st == 'issuing' and same) then return told('reused') end
if rest > 0 then return told('busy', rest) end
if not st and ARGV[16] ~= '1' and not by[1] then
  local opens = tonumber(ARGV[19])
  if rec[p .. 'crt'] then
    local nb, na = num('nb'), num('na')
    opens = na <= nb and nb or na - math.floor((na - nb) * tonumber(ARGV[18]) / 1000)
    if opens > now then -- it may have been brought forward
      local planned = redis.call('ZSCORE', KEYS[2], device .. '/' .. slot)
      opens = early(tonumber(ARGV[20]), math.min(opens, tonumber(planned) or opens))
    end
  end
  if opens > now then return told('early', opens - now) end
end

-- Nothing is known of this slot, or its certificate ended: it is not in the agenda.
local first = not st and (not rec[p .. 'crt'] or num('na') <= now)
if first then redis.call('ZSCORE', KEYS[2], device .. '/' .. slot) end
local called = string.find(rec[p .. 'al'] or '', ' [twf] [1-9]') -- by a wake: an answer ends that
if called then redis.call('ZSCORE', KEYS[5], device .. '/' .. slot) end
local renewal, version = rec[p .. 'rid'] or ARGV[14], num('ver') + 1
if not flat[1] then redis.call('HSET', KEYS[1], 'id', mark) end
local fields = { p .. 'st', 'issuing', p .. 'rid', renewal, p .. 'ver', version, p .. 'pcrt', crt, p .. 'pkey', key,
  p .. 'own', ARGV[11],
  p .. 'pend', ARGV[7] .. ' ' .. ARGV[8] .. ' ' .. ARGV[9] .. ' ' .. now + tonumber(ARGV[10]) .. ' ' .. ARGV[13] }
enrolled(fields)
redis.call('HSET', KEYS[1], unpack(fields))
if rec[p .. 'ret'] then redis.call('HDEL', KEYS[1], p .. 'ret') end
if st == 'issued' then redis.call('DEL', KEYS[4]) end
if called then redis.call('ZADD', KEYS[5], 'XX', now, device .. '/' .. slot) end
if first then redis.call('ZADD', KEYS[2], 'NX', now + tonumber(ARGV[10]), device .. '/' .. slot) end
return { 'go', note, renewal, rec[p .. 'gen'] or '0', string.format('%.0f', version) }
