-- An operator, or a rule, asks for a renewal.
-- ARGV: 5 a new renewal id, 6 reason, 7 deadline, 8 how it is tried again, 9 the campaign that asks ('': none), 10 its
--       group, 11 '1': asked again, the answer was lost on its way
-- include answer.lua
-- include change.lua
local st = get('st')
local campaign, group, was = membership()
local asked = ARGV[9] ~= '' and campaign == ARGV[9]

-- It becomes a member; in a campaign before it counts as cancelled, unless it was settled there.
local function join(letter)
  if ARGV[9] == '' then return end
  if asked then
    count(campaign, group .. ':' .. was, -1)
  else
    tally('c')
  end
  put('cmp', ARGV[9] .. ' ' .. ARGV[10] .. ' ' .. letter)
  count(ARGV[9], ARGV[10] .. ':' .. letter, 1)
end

if not flat[1] then return { 'unknown', note } end
local code = 'record'
if not get('crt') and not get('ver') then
  return { 'no-slot', note }
elseif get('hold') then
  if not asked then join('s') end
  code = get('rev') and 'revoked' or 'hold'
elseif asked and was ~= 's' then
  if st == 'triggered' and (get('rid') == ARGV[5] or ARGV[11] == '1') then code = 'triggered' end
elseif st == 'triggered' then
  join('a')
  if get('rid') ~= ARGV[5] then -- else the answer to the same job got lost on its way
    put('try', num('try') + 1)
    go_triggered(ARGV[7], ARGV[8])
  end
  code = 'triggered'
elseif not st or spent() then
  join('a')
  put('rid', ARGV[5])
  put('why', ARGV[6])
  put('try', 1)
  go_triggered(ARGV[7], ARGV[8])
  code = 'triggered'
else
  join('a')
end
commit()
if code == 'hold' or code == 'revoked' then return { code, note } end
return answer(code, true)
