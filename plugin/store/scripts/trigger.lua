-- An operator, or a rule, asks for a renewal.
-- ARGV: 5 a new renewal id, 6 reason, 7 deadline, 8 how it is tried again
-- include answer.lua
-- include change.lua
local st = get('st')
if not flat[1] then return { 'unknown', note } end
local code = 'record'
if not get('crt') and not get('ver') then
  return { 'no-slot', note }
elseif get('hold') then
  code = 'hold'
elseif st == 'triggered' then
  if get('rid') ~= ARGV[5] then -- else the answer to the same job got lost on its way
    put('try', num('try') + 1)
    go_triggered(ARGV[7], ARGV[8])
  end
  code = 'triggered'
elseif not st or spent() then
  put('rid', ARGV[5])
  put('why', ARGV[6])
  put('try', 1)
  go_triggered(ARGV[7], ARGV[8])
  code = 'triggered'
end
commit()
if code == 'hold' then return { code, note } end
return answer(code, true)
