-- Looks at some slots of one bucket, in the order of its index: which of them match? Changes nothing.
-- KEYS: 1 the index: expiry or alerts, both by notAfter, 2 the bucket's agenda
-- ARGV: 1 now, 2 and 3 behind which notAfter and member to begin (member '': at the beginning), 4 at how many to look,
--       5 how many rows at most ('0': they are only counted), 6 what the keys of the bucket's devices begin with.
--       The filter, each '' for any: 7 state, 8 slot, 9 issuer, 10 tag, 11 what the device's id begins with, 12 campaign,
--       13 the last notAfter, 14 when it was last seen at the latest, 15 level, 16 acknowledged: '1' or '0'.
--       20 and 21 its notBefore is not before this one, and before that one, 22 factory, 23 revoked: 'y' or 'n', 24 the
--       trust bundle that it has not confirmed.
--       Of a campaign's group: 17 campaign ('': no group), 18 share in parts of a million, 19 tag
-- Answer: { looked, matched, notAfter and member of the last one ('': that was all of the bucket), row ... }
-- row: { member, its time in the agenda or '', { name, value ... } }
local now, after, rows = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[5])
local latest, seen, level, share = tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[18])
local after_nb, before_nb, trust = tonumber(ARGV[20]), tonumber(ARGV[21]), tonumber(ARGV[24])
local index, find, sub = KEYS[1], string.find, string.sub
local answer, fields, looked, matched = { 0, 0, '0', '' }, {}, 0, 0

-- As Redis orders members; the operators of Lua follow the locale.
local function less(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- How many come before the place where this begins: that member may be elsewhere by now.
local function rank()
  local member = ARGV[3]
  if member == '' then return 0 end
  local at = redis.call('ZSCORE', index, member)
  if at and tonumber(at) == after then return redis.call('ZRANK', index, member) + 1 end
  local low = redis.call('ZCOUNT', index, '-inf', '(' .. ARGV[2])
  local high = low + redis.call('ZCOUNT', index, ARGV[2], ARGV[2])
  while low < high do
    local middle = math.floor((low + high) / 2)
    if less(member, redis.call('ZRANGE', index, middle, middle)[1]) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

-- What of a record the filter needs, and the fields' names, which are the same for all slots of one name.
local names, place, of_slot = {}, {}, {}
local function need(name, wanted, device)
  if wanted then
    names[#names + 1], place[name], of_slot[name] = name, #names + 1, not device
  end
end
need('crt', true)
need('tags', ARGV[10] ~= '' or ARGV[19] ~= '', true)
need('ls', seen, true)
need('st', ARGV[7] ~= '')
need('end', ARGV[7] ~= '')
need('hold', ARGV[7] ~= '')
need('cmp', ARGV[12] ~= '' or ARGV[17] ~= '')
need('al', level)
need('ack', ARGV[16] ~= '')
need('nb', after_nb or before_nb)
need('fac', ARGV[22] ~= '', true)
need('rev', ARGV[23] ~= '')
need('tb', trust, true)

local function fields_of(slot)
  if not fields[slot] then
    fields[slot] = {}
    for i, name in ipairs(names) do fields[slot][i] = of_slot[name] and slot .. ':' .. name or name end
  end
  return fields[slot]
end

local function has_tag(tags, tag) return tag == '' or (tags and find(tags, ',' .. tag .. ',', 1, true)) end

local function member_of(cmp, campaign) return cmp and sub(cmp, 1, #campaign + 1) == campaign .. ' ' end

local function state_matches(st, deadline, hold)
  local wanted = ARGV[7]
  if wanted == '' then return true end
  if wanted == 'held' then return hold end
  if st == 'triggered' and not hold and (tonumber(deadline) or 0) <= now then st = nil end -- over, though nobody noted it yet
  return wanted == (st or 'quiet')
end

-- al: since, level, threshold, stage, wakes
local function alert_matches(al, ack)
  if ARGV[16] ~= '' and (ARGV[16] == '1') ~= (ack and true or false) then return false end
  if not level then return true end
  local high, stage = string.match(al or '', '^%d+ (%d+) %d+ (%a)')
  return high and (level > 3 and stage == 'f' or level <= 3 and tonumber(high) >= level)
end

local function picked(device, tags, cmp)
  if ARGV[17] == '' then return true end
  return not member_of(cmp, ARGV[17]) and has_tag(tags, ARGV[19]) and
    math.floor(tonumber(sub(redis.sha1hex(ARGV[17] .. device), 1, 8), 16) * 1000000 / 4294967296) < share
end

local function trust_matches(rec)
  local nb = tonumber(rec[place.nb] or 0) or 0
  return (not after_nb or nb >= after_nb) and (not before_nb or nb < before_nb) and
    (ARGV[22] == '' or rec[place.fac] == ARGV[22]) and
    (ARGV[23] == '' or (ARGV[23] == 'y') == (rec[place.rev] and true or false)) and
    (not trust or (tonumber(rec[place.tb] or 0) or 0) < trust)
end

local function record_matches(key, device, slot)
  local rec = redis.pcall('HMGET', key, unpack(fields_of(slot)))
  if rec.err or not rec[1] then return false end
  local tags, cmp = rec[place.tags], rec[place.cmp]
  return (ARGV[9] == '' or sub(rec[1], -#ARGV[9] - 1) == '@' .. ARGV[9]) and has_tag(tags, ARGV[10]) and
    (not seen or (tonumber(rec[place.ls] or 0) or 0) <= seen) and
    state_matches(rec[place.st], rec[place['end']], rec[place.hold]) and
    (ARGV[12] == '' or member_of(cmp, ARGV[12])) and alert_matches(rec[place.al], rec[place.ack]) and
    trust_matches(rec) and picked(device, tags, cmp)
end

local all = #names == 1 and ARGV[9] == '' and ARGV[17] == '' and rows > 0 -- then the row says whether there is one
local function look(member)
  local device, slot = string.match(member, '^([^/]+)/([^/]+)$')
  if not device or (ARGV[8] ~= '' and ARGV[8] ~= slot) or sub(device, 1, #ARGV[11]) ~= ARGV[11] then return end
  local key = ARGV[6] .. device
  if not all and not record_matches(key, device, slot) then return end
  local row = rows > 0 and redis.pcall('HGETALL', key)
  if row and (row.err or not row[1]) then return end
  matched = matched + 1
  if row then answer[#answer + 1] = { member, redis.call('ZSCORE', KEYS[2], member) or '', row } end
end

local CHUNK = 64
local stop = latest and redis.call('ZCOUNT', index, '-inf', ARGV[13]) or redis.call('ZCARD', index)
local from, full = rank(), false
local last = math.min(from + tonumber(ARGV[4]), stop)
for first = from, last - 1, CHUNK do
  local found = redis.call('ZRANGE', index, first, math.min(first + CHUNK, last) - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    full = rows > 0 and matched == rows
    if full then break end
    looked = looked + 1
    look(found[i])
    answer[3], answer[4] = found[i + 1], found[i]
  end
  if full then break end
end
answer[3] = string.format('%.0f', tonumber(answer[3])) -- never as 1e+17
if last == stop and not full then answer[4] = '' end
answer[1], answer[2] = looked, matched
return answer
