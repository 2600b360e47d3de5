-- An operator, or a rule, asks for a renewal.
-- ARGV: 5 a new renewal id, 6 reason, 7 deadline
local st = get('st')
if not flat[1] then return { 'unknown', note } end
if not get('crt') and not get('ver') then
  commit()
  return { 'no-slot', note }
end
if get('hold') then
  commit()
  return { 'hold', note }
end
local code = 'record'
if st == 'triggered' then
  if get('rid') ~= ARGV[5] then -- else the answer to the same job got lost on its way
    bump()
    put('try', num('try') + 1)
    put('end', ARGV[7])
    act_at(tonumber(ARGV[7]))
  end
  code = 'triggered'
elseif not st or (st == 'issued' and num('pna') <= now) then
  go_triggered(ARGV[5], ARGV[6], tonumber(ARGV[7]))
  code = 'triggered'
end
commit()
return answer(code, true, true)
