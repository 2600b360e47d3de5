-- Changes are gathered in `rec`, then written at once.
local member = device .. '/' .. slot
local due = redis.call('ZSCORE', KEYS[2], member)
local had, touched, plans, score, expires, drops = {}, {}, {}, nil, nil, {}
local looks, shown = {}, {} -- of the watch and of the alerts, by member

local function get(field) return rec[p .. field] end

local function put_raw(name, value)
  if type(value) == 'number' then value = string.format('%.0f', value) end
  if not touched[name] then
    touched[name] = true
    had[name] = rec[name]
  end
  rec[name] = value
end

local function put(field, value) put_raw(p .. field, value) end

local function del(field)
  if rec[p .. field] then put_raw(p .. field, nil) end
end

-- How the members of campaigns fare is counted in this bucket, once the record is written; a count that is damaged must
-- not keep a device from its renewal. Redis forgets a count 400 days (CR_CAMPAIGN_KEEP_S) after its last change.
local counted = {}

local function count(campaign, field, by)
  counted[#counted + 1] = { string.match(KEYS[1], '^(.-})') .. ':campaign:' .. campaign, field, by }
end

-- The campaign in which it is, its group there, and how it fares.
local function membership()
  return string.match(get('cmp') or '', '^(%x+) (%d+) (%l)$')
end

-- What became of a member, where that changes its letter.
local moves = { r = 'afu', f = 'au', u = 'a', c = 'a' }
local function tally(letter)
  local campaign, group, was = membership()
  if was and string.find(moves[letter], was, 1, true) then
    put('cmp', campaign .. ' ' .. group .. ' ' .. letter)
    count(campaign, group .. ':' .. was, -1)
    count(campaign, group .. ':' .. letter, 1)
  end
end

-- What follows is about another slot of the device.
local function turn(name)
  plans[member] = score
  slot, p, member = name, name .. ':', device .. '/' .. name
  due, score = redis.call('ZSCORE', KEYS[2], member), plans[member]
end

-- The serial of the superseded certificate; '': none.
local function superseded() return string.match(get('old') or '', '^[^@]*') end

local function bump() put('ver', num('ver') + 1) end

-- notBefore, notAfter, due, end of lease, format of the request
local function times()
  local pnb, pna, pdue, lease, fmt = string.match(get('pend') or '', '^(%d+) (%d+) (%d+) (%d+) (%a+)$')
  if not pnb then error('CORRUPT ' .. p .. 'pend') end
  return tonumber(pnb), tonumber(pna), tonumber(pdue), tonumber(lease)
end

-- ---- the watch: slots whose renewal is due and not confirmed, by the time of the next look at them (look.lua) ----

-- Since when without an answer, level, threshold that raised it, stage, wakes. Level 4: critical, and that the
-- certificate ended was told. since nil: nothing is due.
local function need()
  if not get('al') then return nil, 0, 0, 't', 0 end
  local since, level, step, stage, wakes = string.match(get('al'), '^(%d+) (%d) (%d+) ([twf]) (%d+)$')
  if not since then error('CORRUPT ' .. p .. 'al') end
  return tonumber(since), tonumber(level), tonumber(step), stage, tonumber(wakes)
end

local function put_need(since, level, step, stage, wakes)
  put('al', string.format('%.0f %d %d %s %d', since, level, step, stage, wakes))
end

-- Its renewal is due: looked at `at`, unless it is watched already. only_if 'later': also when that is later.
local function heed(at, only_if)
  if not get('crt') or get('hold') then return end
  if not get('al') then put_need(now, 0, 0, 't', 0) end
  local plan = looks[member]
  if plan and plan.at > 0 and plan.at <= at then return end
  looks[member] = { at = at, only_if = not (plan and plan.at == 0) and (only_if or 'new') }
end

-- It answered: whoever was called otherwise is looked at soon.
local function heed_answer()
  local _, _, _, stage, wakes = need()
  if not get('hold') and (stage ~= 't' or wakes > 0) then looks[member] = { at = now, only_if = 'later' } end
end

-- Operators see it among the alerts, or not.
local function show(wanted) shown[member] = wanted and num('na') or 0 end

-- Not watched, and no alert, while it is on hold: `al` stays, for when it is released.
local function rest()
  looks[member] = { at = 0 }
  show(false)
end

-- The need is over.
local function calm()
  if redis.call('ZSCORE', KEYS[6], member) then note = note .. 'cleared ' .. slot .. '\n' end
  rest()
  del('al')
  del('ack')
end

-- Its certificate ended un-renewed: nothing more to look at, and it stays among the alerts. False: that was told.
local function ran_out()
  local since, level, step, stage, wakes = need()
  looks[member] = { at = 0 }
  show(true)
  if level == 4 then return false end
  if get('st') ~= 'issuing' and get('st') ~= 'issued' and num('fail') == 0 then stage = 'f' end
  put_need(since or now, 4, step, stage, wakes)
  del('ack')
  return true
end

-- What is under way came to nothing: an intent whose lease is over, or a certificate that ended before it was seen.
local function spent()
  local st = get('st')
  if st ~= 'issuing' and st ~= 'issued' then return false end
  local _, pna, _, lease = times()
  return (st == 'issuing' and lease or pna) <= now
end

-- Only a renewal under way has these.
local function clear_pending()
  if get('st') == 'issued' then drops[#drops + 1] = string.sub(KEYS[4], 1, -#ARGV[3] - 1) .. slot end
  for _, field in ipairs({ 'pcrt', 'pkey', 'pend', 'own' }) do del(field) end
end

local function go_quiet()
  bump()
  if get('due') then score = num('due') end
  clear_pending()
  for _, field in ipairs({ 'st', 'rid', 'why', 'try', 'end', 'due', 'ret' }) do del(field) end
end

-- When an attempt that nobody answers is followed by the next. retry: the first wait and the longest, 'first most', in
-- seconds; doubled with each attempt, and a quarter more or less, which device, slot and attempt throw.
local function next_try(retry)
  local first, most = string.match(retry, '^(%d+) (%d+)$')
  local wait = math.min(most, first * 2 ^ math.min(num('try') - 1, 20))
  local chance = tonumber(string.sub(redis.sha1hex(member .. num('try')), 1, 4), 16)
  return now + math.max(1, math.floor(wait * (98304 + chance) / 131072))
end

-- An attempt; its number is in `try` already.
local function go_triggered(deadline, retry)
  local again = get('st') == 'issuing' or get('st') == 'issued'
  bump()
  clear_pending()
  if not get('due') then put('due', due or 0) end
  put('st', 'triggered')
  put('end', deadline)
  del('ret')
  score = math.min(tonumber(deadline), next_try(retry))
  heed(score, again and 'later')
end

-- What counts from one confirmed certificate to the next.
local function count_anew()
  for _, field in ipairs({ 'fail', 'miss', 'reg' }) do del(field) end
  calm()
end

-- What let the device in is used up by the certificate that it got for it.
local function settle_enrolment()
  local head = string.sub(get('key'), 1, 8)
  if string.match(rec.enr or '', '^%d+ %S+ (%S+)$') == head or string.match(rec.tok or '', '^%S+ %d+ (%S+)$') == head then
    put_raw('enr', nil)
    put_raw('tok', nil)
  end
end

-- The pending certificate becomes the current one. chances: see early(); nil: the slot has no profile.
local function confirm(chances)
  local pnb, pna, pdue = times()
  if get('crt') then -- with its issuer where that is another one
    local serial, issuer = string.match(get('crt'), '^([^@]*)(.*)$')
    put('old', string.sub(get('pcrt'), -#issuer) == issuer and serial or get('crt'))
  end
  put('oldat', now)
  put('lr', string.sub(get('rid'), 1, 8))
  put('crt', get('pcrt'))
  put('key', get('pkey'))
  put('nb', pnb)
  put('na', pna)
  put('gen', num('gen') + 1)
  put('due', pdue)
  settle_enrolment()
  expires = pna
  count_anew()
  tally('r')
  go_quiet()
  if chances then score = early(chances, score) end
end

local function commit()
  if not next(touched) and not score and not next(looks) then return end
  for name in pairs(looks) do
    looks[name].was = redis.call('ZSCORE', KEYS[5], name)
    redis.call('ZSCORE', KEYS[6], name)
  end
  for name in pairs(shown) do
    if not looks[name] then redis.call('ZSCORE', KEYS[6], name) end
  end
  if not flat[1] then put_raw('id', mark) end
  local puts, dels = {}, {}
  for name in pairs(touched) do
    if rec[name] then
      puts[#puts + 1] = name
      puts[#puts + 1] = rec[name]
    elseif had[name] then
      dels[#dels + 1] = name
    end
  end
  if puts[1] then redis.call('HSET', KEYS[1], unpack(puts)) end
  if #dels > 0 then redis.call('HDEL', KEYS[1], unpack(dels)) end
  plans[member] = score
  for name, at in pairs(plans) do
    if at > 0 then
      redis.call('ZADD', KEYS[2], at, name)
    else
      redis.call('ZREM', KEYS[2], name)
    end
  end
  for name, look in pairs(looks) do
    if look.at == 0 then
      if look.was then redis.call('ZREM', KEYS[5], name) end
    elseif not look.only_if or not look.was or (look.only_if == 'later' and tonumber(look.was) > look.at) then
      redis.call('ZADD', KEYS[5], look.at, name)
    end
  end
  for name, na in pairs(shown) do
    if na > 0 then
      redis.call('ZADD', KEYS[6], na, name)
    else
      redis.call('ZREM', KEYS[6], name)
    end
  end
  if expires then redis.call('ZADD', KEYS[3], expires, member) end
  for _, key in ipairs(drops) do redis.call('DEL', key) end
  for _, c in ipairs(counted) do
    redis.pcall('HINCRBY', c[1], c[2], c[3])
    if redis.call('TTL', c[1]) < 34473600 then redis.call('EXPIRE', c[1], 34560000) end -- once a day is often enough
  end
  flat = redis.call('HGETALL', KEYS[1])
end

local function note_end(renewal) note = note .. 'expired ' .. renewal .. ' ' .. slot .. '\n' end

-- A renewal that nobody answered ends. Another begins when the device appears; until then the agenda only waits for the
-- end of its certificate.
local function give_up()
  note_end(get('rid') or '')
  tally('u')
  go_quiet()
  put('miss', num('miss') + 1)
  score = num('na')
  heed(now)
  show(get('crt') and not get('hold'))
end

local function expire()
  if get('st') == 'triggered' and num('end') <= now and not get('hold') then give_up() end
end
expire()
