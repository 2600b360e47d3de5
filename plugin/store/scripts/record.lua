-- The certificate of an intent, signed and in the journal.
-- ARGV: 5 certificate's name, 6 its DER
local crt, st = ARGV[5], get('st')
local code = 'replaced'
if st == 'issuing' and get('pcrt') == crt then
  code = 'issued'
  bump()
  put('st', 'issued')
  for _, field in ipairs({ 'brk', 'own', 'lease' }) do del(field) end
  act_at(num('end'))
elseif (st == 'issued' and get('pcrt') == crt) or get('crt') == crt then
  code = 'again'
end
commit()
if code == 'issued' then redis.call('SET', KEYS[4], ARGV[6]) end
return { code, note, get('rid') or '' }
