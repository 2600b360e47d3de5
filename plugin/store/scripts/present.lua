-- A certificate was presented at a connection.
-- ARGV: 5 certificate, 6 key, 7 notBefore, 8 notAfter, 9 due, 10 '1': asked again, the answer was lost on its way,
--       11 a new renewal id, 12 the deadline of a renewal that begins now ('0': none may), 13 how it is tried again,
--       14 '1': it appeared, 15 the chances that it is to have to appear, 16 for how many seconds a superseded
--       certificate is accepted ('' where the slot has no profile), 17 the other slots that have one: name chances ...
-- Code: known, seen, confirmed, regressed, split, stranger; outdated: nothing was changed.
-- Note: also 'began <slot>'.
-- include answer.lua
local crt, state, chances = ARGV[5], rec[p .. 'st'], tonumber(ARGV[15])
local appeared, may_begin = ARGV[14] == '1', ARGV[12] ~= '0'

-- How long it was away: a running quantile, which steps up nine times as far as it steps down.
local away, gap = now - (tonumber(rec.ls) or now), nil
if appeared and away > 0 then
  local was = tonumber(rec.gap)
  if not was then
    gap = away
    flat[#flat + 1] = 'gap'
    flat[#flat + 1] = ''
  elseif away > was then
    gap = math.min(away, was + math.max(1, math.floor(was * 9 / 40)))
  else
    gap = was - math.floor(was / 40)
  end
  gap = string.format('%.0f', gap)
  rec.gap = gap
end

-- When the slot, being quiet, begins by itself, where the agenda has it at `planned`. nil: it does not.
local function begins_at(chances, planned)
  if not chances or rec[p .. 'st'] or rec[p .. 'hold'] or not rec[p .. 'crt'] then return nil end
  if num('miss') > 0 or num('na') <= now then return math.min(planned, now) end
  return math.min(planned, early(chances))
end

-- Is there nothing to begin, to bring forward or to end?
local function rests(chances)
  if rec[p .. 'st'] then return rec[p .. 'st'] ~= 'triggered' or num('end') > now end
  local planned = tonumber(redis.call('ZSCORE', KEYS[2], device .. '/' .. slot)) or math.huge
  local at = begins_at(chances, planned)
  return not at or (at == planned and (at > now or not may_begin))
end

local function others_rest()
  local name, all = slot, true
  for other, needs in string.gmatch(ARGV[17], '(%S+) (%d+)') do
    slot, p = other, other .. ':'
    all = all and (not rec[p .. 'crt'] or rests(tonumber(needs)))
  end
  slot, p = name, name .. ':'
  return all
end

if rec.fs and rec[p .. 'crt'] == crt and rec[p .. 'pcrt'] ~= crt and not rec[p .. 'reg'] and ARGV[10] ~= '1' and
    rests(chances) and others_rest() then
  if gap then -- by far the most frequent: it is who it was
    redis.call('HSET', KEYS[1], 'ls', ARGV[4], 'gap', gap)
  else
    redis.call('HSET', KEYS[1], 'ls', ARGV[4])
  end
  rec.ls = ARGV[4]
  return answer('known', true)
end

-- include change.lua
local code, serial, name = 'known', string.match(crt, '^[^@]*'), slot

-- Each slot has a renewal id of its own, and the same when it is asked again.
local function new_id()
  if slot == name then return ARGV[11] end
  local hash = redis.sha1hex(ARGV[11] .. slot)
  return string.sub(hash, 1, 8) .. '-' .. string.sub(hash, 9, 12) .. '-5' .. string.sub(hash, 14, 16) .. '-8' ..
    string.sub(hash, 18, 20) .. '-' .. string.sub(hash, 21, 32)
end

local function planned()
  local at = tonumber(score or due) or 0
  return at > 0 and at or math.huge
end

local function begin(why)
  local at = planned()
  put('due', at < math.huge and at or 0)
  put('rid', new_id())
  put('why', why)
  put('try', 1)
  go_triggered(ARGV[12], ARGV[13])
end

-- It is here, and a quiet slot of it is due: its renewal begins, for who knows when it comes again.
local function look(chances)
  local at = begins_at(chances, planned())
  if at and at <= now and may_begin then
    begin('expiry')
  elseif at and at < planned() then
    score = at
  end
end

redis.call('ZSCORE', KEYS[3], member)
if not rec.fs then put_raw('fs', ARGV[4]) end
put_raw('ls', ARGV[4])
if gap then put_raw('gap', gap) end
if get('st') == 'issued' and get('pcrt') == crt then
  confirm(chances)
  code = 'confirmed'
elseif get('crt') == crt then
  if ARGV[10] == '1' and num('oldat') == now and num('gen') > 0 then
    code = 'confirmed'
  elseif get('reg') then -- the superseded one was here since: somebody else has the one or the other
    code = 'split'
    del('reg')
  end
elseif get('old') == serial or (num('gen') > 0 and get('crt') and tonumber(ARGV[7]) < num('nb')) then
  local grace = tonumber(ARGV[16])
  if grace and (get('oldat') and num('oldat') or now) + grace <= now then return { 'outdated', '' } end
  if appeared then -- else it is on a connection that is older than the confirmed one
    code = 'regressed'
    if not get('oldat') then put('oldat', now) end
    put('reg', now)
    if not get('st') and not get('hold') and may_begin then begin('regression') end
  end
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
  count_anew()
  code = 'seen'
end
if code ~= 'confirmed' and get('crt') == crt then look(chances) end

local function say()
  if get('st') == 'triggered' and get('rid') == new_id() then note = note .. 'began ' .. slot .. '\n' end
end
say()
for other, needs in string.gmatch(ARGV[17], '(%S+) (%d+)') do
  if rec[other .. ':crt'] then
    turn(other)
    expire()
    look(tonumber(needs))
    say()
  end
end
turn(name)
commit()
return answer(code, true)
