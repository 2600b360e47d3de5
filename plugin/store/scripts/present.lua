-- A certificate was presented at a connection.
-- ARGV: 5 certificate, 6 key, 7 notBefore, 8 notAfter, 9 due, 10 '1': asked again, the answer was lost on its way,
--       11 a new renewal id, 12 the deadline of a renewal that begins now ('0': none may), 13 how it is tried again,
--       14 '1': it appeared, 15 the chances that it is to have to appear, 16 for how many seconds a superseded
--       certificate is accepted ('' where the slot has no profile), 17 the other slots that have one: name chances ...,
--       18 the broker where it is
-- Code: known, seen, confirmed, regressed, split, stranger; outdated: nothing was changed.
-- Note: also 'began <slot>'.
-- include answer.lua
local crt, chances, appeared, may_begin = ARGV[5], tonumber(ARGV[15]), ARGV[14] == '1', ARGV[12] ~= '0'

-- How long it was away: a running quantile, which steps up nine times as far as it steps down.
local gap, moved = rec.gap and (tonumber(rec.gap) or error('CORRUPT gap')), false
if appeared and rec.ls then
  local away = now - tonumber(rec.ls)
  if away > 0 then
    moved = true
    if not gap then
      gap = away
      flat[#flat + 1] = 'gap'
      flat[#flat + 1] = ''
    elseif away > gap then
      gap = math.min(away, gap + math.max(1, math.floor(gap * 9 / 40)))
    else
      gap = gap - (gap - gap % 40) / 40
    end
    rec.gap = string.format('%.0f', gap)
  end
end

local came = appeared and rec.br ~= ARGV[18] -- from another broker

-- Is there nothing to begin, to bring forward or to end in the slot with this prefix? at: its time in the agenda. Says
-- no also where it takes a closer look.
local function rests(q, needs, at)
  local st = rec[q .. 'st']
  if st then
    if st == 'triggered' then return tonumber(rec[q .. 'end'] or 0) > now or rec[q .. 'hold'] end
    local pna, lease = string.match(rec[q .. 'pend'] or '', '^%d+ (%d+) %d+ (%d+) ')
    return pna and tonumber(st == 'issuing' and lease or pna) > now
  end
  if not needs or rec[q .. 'hold'] then return true end
  local na = tonumber(rec[q .. 'na'])
  if not na or not at or na <= now or rec[q .. 'miss'] then return false end
  return (at > now or not may_begin) and (not gap or needs == 0 or na - needs * gap >= at)
end

local function others_rest()
  for other, needs in string.gmatch(ARGV[17], '(%S+) (%d+)') do
    local at = rec[other .. ':crt'] and redis.call('ZSCORE', KEYS[2], device .. '/' .. other)
    if rec[other .. ':crt'] and not rests(other .. ':', tonumber(needs), tonumber(at)) then return false end
  end
  return true
end

local at = redis.call('ZSCORE', KEYS[2], device .. '/' .. slot)
if rec.fs and rec[p .. 'crt'] == crt and rec[p .. 'pcrt'] ~= crt and not rec[p .. 'reg'] and ARGV[10] ~= '1' and
    rests(p, chances, tonumber(at)) and (ARGV[17] == '' or others_rest()) then
  if came then
    if not rec.br then
      flat[#flat + 1] = 'br'
      flat[#flat + 1] = ''
    end
    rec.br = ARGV[18]
    redis.call('HSET', KEYS[1], 'br', rec.br)
  end
  if moved then -- by far the most frequent: it is who it was
    redis.call('HSET', KEYS[1], 'ls', ARGV[4], 'gap', rec.gap)
  else
    redis.call('HSET', KEYS[1], 'ls', ARGV[4])
  end
  rec.ls = ARGV[4]
  return answer('known', true, at)
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

local function planned_at()
  local at = tonumber(score or due) or 0
  return at > 0 and at or math.huge
end

local function begin(why)
  local at = planned_at()
  if not get('st') then put('due', at < math.huge and at or 0) end
  put('rid', new_id())
  put('why', why)
  put('try', 1)
  go_triggered(ARGV[12], ARGV[13])
end

-- When the slot begins by itself. nil: it does not.
local function begins_at(chances, planned)
  if not chances or get('hold') or not get('crt') then return nil end
  if get('st') then return spent() and math.min(planned, now) or nil end
  local at = (num('miss') > 0 or num('na') <= now) and math.min(planned, now) or early(chances, planned)
  return num('ret') > now and math.max(at, num('ret')) or at -- unless an operator cancelled it
end

-- It is here, and a quiet slot of it is due, or what was under way came to nothing: its renewal begins, for who knows when it comes again. natural: its time
-- where the agenda has lost it.
local function look(chances, natural)
  local planned = planned_at()
  local at = begins_at(chances, planned < math.huge and planned or natural)
  if at and at <= now and may_begin then
    begin('expiry')
  elseif at and at < planned then
    score = at
  end
end

redis.call('ZSCORE', KEYS[3], member)
if not rec.fs then put_raw('fs', ARGV[4]) end
put_raw('ls', ARGV[4])
if moved then put_raw('gap', gap) end
if came then put_raw('br', ARGV[18]) end
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
elseif superseded() == serial or (num('gen') > 0 and get('crt') and tonumber(ARGV[7]) < num('nb')) then
  local grace = tonumber(ARGV[16])
  if grace and (get('oldat') and num('oldat') or now) + grace <= now then return { 'outdated', '' } end
  if appeared then -- else it is on a connection that is older than the confirmed one
    code = 'regressed'
    if not get('oldat') then put('oldat', now) end
    put('reg', now)
    if not get('st') and not get('hold') and num('ret') <= now and may_begin then begin('regression') end
  end
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
  count_anew()
  code = 'seen'
end
if code ~= 'confirmed' and get('crt') == crt then look(chances, tonumber(ARGV[9])) end

local function say()
  if get('st') == 'triggered' and get('rid') == new_id() then note = note .. 'began ' .. slot .. '\n' end
end
say()
for other, needs in string.gmatch(ARGV[17], '(%S+) (%d+)') do
  if rec[other .. ':crt'] then
    turn(other)
    expire()
    look(tonumber(needs), math.huge)
    say()
  end
end
turn(name)
commit()
return answer(code, true)
