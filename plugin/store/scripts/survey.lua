-- Counts about so many slots of one bucket; those whose certificate is known are in its expiry. ask.h says what counts
-- as what. A record that is not what it must be is passed over: others tell of it.
-- KEYS: 1 the bucket's expiry; ARGV: 1 now, 2 where to go on ('0': at the start), 3 how many, 4 days of the forecast
-- Answer: { where to go on ('0': that was all), the figures as survey.h has them }
local DAY, OFTEN = 86400, 3
local now, days = tonumber(ARGV[1]), tonumber(ARGV[4])
local base = string.sub(KEYS[1], 1, -7)
local agenda, find, match = base .. 'agenda', string.find, string.match
local slots, held, expired, alerts = 0, 0, 0, 0
local states = { quiet = 0, triggered = 0, issuing = 0, issued = 0 }
local span, expiring, risk = { 1, 7, 30, 90 }, { 0, 0, 0, 0 }, { 0, 0, 0, 0 }
local due, issuers = {}, {}

-- It is there again before its certificate ends: after its usual absence, or, when it is away for longer, after as long
-- again.
local function appears(seen, gap, na, asked)
  local away = now - seen
  if gap > 0 and away <= gap then return seen + gap <= na end
  return not asked or away <= na - now
end

local function planned(member)
  local at = redis.pcall('ZSCORE', agenda, member)
  return type(at) == 'string' and tonumber(at) or nil
end

local function count(member, na, f)
  local st, miss = f[4] or 'quiet', tonumber(f[8] or 0) or 0
  if st == 'triggered' and (tonumber(f[5] or 0) or 0) <= now then st, miss = 'quiet', miss + 1 end
  slots = slots + 1
  states[st] = (states[st] or 0) + 1
  local issuer = match(f[3], '@([%w._:-]+)$')
  if issuer then issuers[issuer] = (issuers[issuer] or 0) + 1 end
  if f[6] then
    held = held + 1
    return
  end
  local level, stage = match(f[9] or '', '^%d+ (%d+) %d+ (%a)')
  if level and (level ~= '0' or stage ~= 't') then alerts = alerts + 1 end
  if na <= now then
    expired = expired + 1
    return
  end
  local asked = st ~= 'quiet' or miss > 0
  if not asked then
    local at = planned(member)
    asked = not at or at <= now
    local day = at and math.max(0, math.floor((at - now) / DAY))
    if day and day < days then due[day] = (due[day] or 0) + 1 end
  end
  local left = na - now
  if left > span[4] * DAY then return end
  local lost = miss >= 2 or (tonumber(f[7] or 0) or 0) >= OFTEN or
    not appears(tonumber(f[1] or 0) or 0, tonumber(f[2] or 0) or 0, na, asked)
  for i = 1, 4 do
    if left <= span[i] * DAY then
      expiring[i] = expiring[i] + 1
      if lost then risk[i] = risk[i] + 1 end
    end
  end
end

local found = redis.pcall('ZSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])
if found.err then found = { '0', {} } end
local list = found[2]
for i = 1, #list, 2 do
  local slash = find(list[i], '/', 1, true)
  if slash then
    local p = string.sub(list[i], slash + 1) .. ':'
    local f = redis.pcall('HMGET', base .. 'device:' .. string.sub(list[i], 1, slash - 1), 'ls', 'gap', p .. 'crt', p .. 'st',
      p .. 'end', p .. 'hold', p .. 'fail', p .. 'miss', p .. 'al')
    if f[3] then count(list[i], tonumber(list[i + 1]), f) end
  end
end

local out = { slots, held, expired, alerts, states.quiet, states.triggered, states.issuing, states.issued }
for i = 1, 4 do out[#out + 1] = expiring[i] end
for i = 1, 4 do out[#out + 1] = risk[i] end
for day, n in pairs(due) do out[#out + 1] = '+' .. day .. ':' .. n end
for issuer, n in pairs(issuers) do out[#out + 1] = '@' .. issuer .. ':' .. n end
return { found[1], table.concat(out, ' ') }
