-- The device says what became of a renewal.
-- ARGV: 5 renewal id, 6 outcome, 7 the slot is confirmed by a connection, 8 deadline of another attempt,
--       9 '1': asked again, the answer was lost on its way
local st, renewal = get('st'), ARGV[5]
redis.call('ZSCORE', KEYS[3], member)
if not st or get('rid') ~= renewal then
  commit()
  if get('lr') ~= string.sub(renewal, 1, 8) then return { 'unknown', note } end
  if ARGV[9] == '1' and ARGV[7] ~= '1' and num('oldat') == now then return answer('confirmed', true, false) end
  return { 'noted', note }
end
local code = 'noted'
if ARGV[6] == 'installed' then
  if st == 'issued' and ARGV[7] ~= '1' then
    confirm()
    code = 'confirmed'
  end
elseif st ~= 'issuing' then
  bump()
  clear_pending()
  put('st', 'triggered')
  put('try', num('try') + 1)
  put('end', ARGV[8])
  act_at(tonumber(ARGV[8]))
  code = 'failed'
end
commit()
if code == 'confirmed' then return answer(code, true, false) end
return { code, note }
