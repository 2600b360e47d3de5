-- A certificate was presented at a connection.
-- ARGV: 5 certificate, 6 key, 7 notBefore, 8 notAfter, 9 due, 10 '1': asked again, the answer was lost on its way
-- include answer.lua
local crt, state = ARGV[5], rec[p .. 'st']
if rec.fs and rec[p .. 'crt'] == crt and rec[p .. 'pcrt'] ~= crt and state ~= 'triggered' and ARGV[10] ~= '1' then
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
  if get('due') then
    put('due', ARGV[9])
  else
    score = tonumber(ARGV[9])
  end
  code = 'seen'
end
commit()
return answer(code, true)
