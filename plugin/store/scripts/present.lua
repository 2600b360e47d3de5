-- A certificate was presented at a connection.
-- ARGV: 5 certificate, 6 key, 7 notBefore, 8 notAfter, 9 due, 10 '1': asked again, the answer was lost on its way,
--       11 a new renewal id, 12 the deadline of a renewal that begins now ('0': none may), 13 how it is tried again
-- include answer.lua
local crt, state = ARGV[5], rec[p .. 'st']
local planned = not state and redis.call('ZSCORE', KEYS[2], device .. '/' .. slot)
local is_due = planned and (tonumber(planned) <= now or num('miss') > 0) and not rec[p .. 'hold'] and ARGV[12] ~= '0'
if rec.fs and rec[p .. 'crt'] == crt and rec[p .. 'pcrt'] ~= crt and state ~= 'triggered' and not is_due and
    ARGV[10] ~= '1' then
  redis.call('HSET', KEYS[1], 'ls', ARGV[4]) -- by far the most frequent: it is who it was
  rec.ls = ARGV[4]
  return answer('known', true)
end

-- include change.lua
local code = 'known'
redis.call('ZSCORE', KEYS[3], member)
if not rec.fs then put_raw('fs', ARGV[4]) end
put_raw('ls', ARGV[4])
if get('st') == 'issued' and get('pcrt') == crt then
  confirm()
  code = 'confirmed'
elseif get('crt') == crt then
  if ARGV[10] == '1' and num('oldat') == now and num('gen') > 0 then code = 'confirmed' end
elseif get('old') and get('old') == string.match(crt, '^[^@]*') then
  code = 'regressed'
elseif num('gen') > 0 and get('crt') then
  code = 'stranger'
elseif not get('crt') or num('nb') < tonumber(ARGV[7]) then
  put('crt', crt)
  put('key', ARGV[6])
  put('nb', ARGV[7])
  put('na', ARGV[8])
  expires = tonumber(ARGV[8])
  del('miss')
  if get('due') then
    put('due', ARGV[9])
  else
    score = tonumber(ARGV[9])
  end
  code = 'seen'
end

-- It is here, and a quiet slot of it is due, or did not answer before: its renewal begins, for who knows when it comes
-- again.
local at = tonumber(score or due)
if code ~= 'confirmed' and get('crt') == crt and not get('st') and not get('hold') and ARGV[12] ~= '0' and at and
    (at <= now or num('miss') > 0) then
  put('due', at)
  put('rid', ARGV[11])
  put('why', 'expiry')
  put('try', 1)
  go_triggered(ARGV[12], ARGV[13])
end
commit()
return answer(code, true)
