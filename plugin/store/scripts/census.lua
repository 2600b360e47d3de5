-- Counts who needs which issuer, among so many slots of one bucket; ask_trust.h says what counts as what. Slots whose
-- certificate is known are in its expiry; those that wait for their first one are in its agenda alone. A record that is
-- not what it must be is passed over: others tell of it.
-- KEYS: 1 the bucket's expiry, 2 its agenda
-- ARGV: 1 now, 2 'a': those of the agenda that are not in the expiry, 'e': then of the expiry, 3 where to go on ('0': at the
--       start), 4 how many, 5 only this issuer ('': all), 6 what the keys of devices begin with, 7 version of a trust
--       bundle ('0': not asked), 8 the slot of whose devices
-- Answer: { where to go on ('0': that was all), who confirmed the bundle, who did not,
--           { issuer, live, held, pending, expired, last seen ... }, { some of the devices that need it ... } }
local now, only, version, NAMES = tonumber(ARGV[1]), ARGV[5], tonumber(ARGV[7]), 10
local find, match, sub = string.find, string.match, string.sub
local counts, names, confirmed, unconfirmed = {}, {}, 0, 0

local function issuer_of(crt)
  local issuer = crt and match(crt, '@(%w+)$')
  return (only == '' or issuer == only) and issuer or nil
end

local function of(issuer)
  counts[issuer] = counts[issuer] or { 0, 0, 0, 0, 0 }
  return counts[issuer]
end

local function needs(issuer, device, seen, hold)
  local c = of(issuer)
  c[1] = c[1] + 1
  if hold then c[2] = c[2] + 1 end
  c[5] = math.max(c[5], tonumber(seen or 0) or 0)
  if only ~= '' and #names < NAMES then names[#names + 1] = device end
end

-- Whose superseded certificate the slot came back with, where it was another issuer's: until it is seen with a later one.
local function back_to(reg, old, crt)
  local issuer = reg and issuer_of(old)
  return issuer and issuer ~= issuer_of(crt) and issuer
end

-- f: ls, tb, crt, hold, rev, st, pcrt, pend, reg, old; na: nil where no certificate is known
local function count(device, slot, na, f)
  if f[5] then return end
  local lives, current = na and na > now, issuer_of(f[3])
  local waits = (f[6] == 'issuing' or f[6] == 'issued') and issuer_of(f[7])
  local ends = tonumber(match(f[8] or '', '^%d+ (%d+) '))
  if ends and ends <= now then waits = nil end
  if current and lives then
    needs(current, device, f[1], f[4])
  elseif current and na then
    of(current)[4] = of(current)[4] + 1
  end
  if waits then
    of(waits)[3] = of(waits)[3] + 1
    if waits ~= current or not lives then needs(waits, device, f[1], f[4]) end
  end
  local back = lives and back_to(f[9], f[10], f[3])
  if back and back ~= waits then needs(back, device, f[1], f[4]) end
  if version > 0 and lives and slot == ARGV[8] then
    if (tonumber(f[2] or 0) or 0) >= version then confirmed = confirmed + 1 else unconfirmed = unconfirmed + 1 end
  end
end

-- The names of the fields are the same for all slots of one name.
local fields = {}
local function fields_of(slot)
  if not fields[slot] then
    local p = slot .. ':'
    fields[slot] = { 'ls', 'tb', p .. 'crt', p .. 'hold', p .. 'rev', p .. 'st', p .. 'pcrt', p .. 'pend',
      p .. 'reg', p .. 'old' }
  end
  return fields[slot]
end

local function look(member, na)
  local slash = find(member, '/', 1, true)
  if not slash then return end
  local device, slot = sub(member, 1, slash - 1), sub(member, slash + 1)
  local f = redis.pcall('HMGET', ARGV[6] .. device, unpack(fields_of(slot)))
  if not f.err then count(device, slot, na, f) end
end

-- Those of the agenda that are not in the expiry, some at a time: Lua takes no more arguments than some thousand.
local CHUNK = 256
local function others(list)
  for from = 1, #list, 2 * CHUNK do
    local members = {}
    for i = from, math.min(from + 2 * CHUNK, #list + 1) - 2, 2 do members[#members + 1] = list[i] end
    local known = redis.call('ZMSCORE', KEYS[1], unpack(members)) -- since Redis 6.2; an error is better than too few
    for i = 1, #members do
      if not known[i] then look(members[i], nil) end
    end
  end
end

local first = ARGV[2] == 'e'
local found = redis.pcall('ZSCAN', first and KEYS[1] or KEYS[2], ARGV[3], 'COUNT', ARGV[4])
if found.err then found = { '0', {} } end
if first then
  for i = 1, #found[2], 2 do look(found[2][i], tonumber(found[2][i + 1])) end
else
  others(found[2])
end

local rows = {}
for issuer, c in pairs(counts) do
  rows[#rows + 1] = issuer
  for i = 1, 5 do rows[#rows + 1] = string.format('%.0f', c[i]) end
end
return { found[1], confirmed, unconfirmed, rows, names }
