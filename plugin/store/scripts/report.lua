-- The device says what became of a renewal.
-- ARGV: 5 renewal id, 6 outcome, 7 the slot is confirmed by a connection, 8 deadline of another attempt,
--       9 '1': asked again, the answer was lost on its way, 10 how it is tried again, 11 the chances that the device is
--       to have to appear, 12 how many failures are an alert
-- Answer: with 'failed' how many failures in a row it has reported.
-- include answer.lua
-- include change.lua
local st, renewal, code = get('st'), ARGV[5], 'noted'
redis.call('ZSCORE', KEYS[3], member)
if not st or get('rid') ~= renewal then
  if get('lr') ~= string.sub(renewal, 1, 8) then
    code = 'unknown'
  elseif ARGV[9] == '1' and ARGV[7] ~= '1' and num('oldat') == now then
    code = 'confirmed'
  end
elseif ARGV[6] == 'installed' then
  if st == 'issued' and ARGV[7] ~= '1' then
    confirm(tonumber(ARGV[11]))
    code = 'confirmed'
  end
elseif st ~= 'issuing' then
  code = 'failed'
  if ARGV[9] ~= '1' or not get('ret') or get('end') ~= ARGV[8] then -- else this very job has counted it already
    put('try', math.max(num('try'), 1) + 1)
    put('fail', num('fail') + 1)
    tally('f')
    go_triggered(ARGV[8], ARGV[10])
    put('ret', score)
    heed_answer()
    if num('fail') >= tonumber(ARGV[12]) then show(get('crt') and not get('hold')) end
  end
end
commit()
if code == 'confirmed' then return answer(code, false) end
return { code, note, string.format('%.0f', num('fail')) }
