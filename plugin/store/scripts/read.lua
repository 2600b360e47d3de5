-- What is known: of one slot with its waiting certificate (ARGV 5 = 'one'), or of all without.
commit()
if ARGV[5] == 'one' then return answer('record', true, true) end
if not flat[1] then return { 'unknown', note } end
return answer('record', false, false)
