-- What every script begins with: the device's record is read and looked at, changes are gathered, then written at once.
--
-- KEYS: 1 the device, 2 its bucket's agenda, 3 its bucket's expiry, 4 the slot's pending certificate
-- ARGV: 1 the device's mark, 2 device, 3 slot, 4 now; the rest is each script's own
-- Answer: { code, note, ... }; note: something that happened on the way ('expired <renewal>') or ''.
--
-- The first write is always an HSET: Redis refuses that one as a whole when it is out of memory or read-only, so no
-- script is ever left half done. For the same reason all that can meet a wrong type is read before anything is written.
local mark, device, slot, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local member, p, note = device .. '/' .. slot, slot .. ':', ''
local flat = redis.call('HGETALL', KEYS[1])
local rec = {}
for i = 1, #flat, 2 do rec[flat[i]] = flat[i + 1] end
if flat[1] and rec.id ~= mark then return { 'foreign', '' } end
local due = redis.call('ZSCORE', KEYS[2], member)
local had, touched, score, expires, drop = {}, {}, nil, nil, false

local function get(field) return rec[p .. field] end

local function num(field)
  local value = rec[p .. field]
  return value and (tonumber(value) or error('CORRUPT ' .. p .. field)) or 0
end

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

local function act_at(time)
  score = time
  due = time > 0 and string.format('%.0f', time) or false
end

local function bump() put('ver', num('ver') + 1) end

-- Only a renewal under way has these.
local function clear_pending()
  if get('st') == 'issued' then drop = true end
  for _, field in ipairs({ 'pcrt', 'pkey', 'pnb', 'pna', 'pdue', 'brk', 'own', 'lease', 'fmt' }) do del(field) end
end

local function go_quiet()
  bump()
  act_at(num('due'))
  clear_pending()
  for _, field in ipairs({ 'st', 'rid', 'why', 'try', 'end', 'due' }) do del(field) end
end

-- The renewal's opening, from quiet or from a certificate that came too late.
local function go_triggered(renewal, reason, deadline)
  bump()
  if not get('st') then put('due', due or 0) end
  clear_pending()
  put('st', 'triggered')
  put('rid', renewal)
  put('why', reason)
  put('try', 1)
  put('end', deadline)
  act_at(deadline)
end

-- The pending certificate becomes the current one.
local function confirm()
  if get('crt') then
    put('old', string.match(get('crt'), '^[^@]*'))
  end
  put('oldat', now)
  put('lr', string.sub(get('rid'), 1, 8))
  put('crt', get('pcrt'))
  put('key', get('pkey'))
  put('nb', get('pnb'))
  put('na', get('pna'))
  put('gen', num('gen') + 1)
  expires = num('na')
  put('due', get('pdue'))
  go_quiet()
end

local function commit()
  if not next(touched) then return end
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
  redis.call('HSET', KEYS[1], unpack(puts))
  if #dels > 0 then redis.call('HDEL', KEYS[1], unpack(dels)) end
  if score and score > 0 then
    redis.call('ZADD', KEYS[2], score, member)
  elseif score then
    redis.call('ZREM', KEYS[2], member)
  end
  if expires then redis.call('ZADD', KEYS[3], expires, member) end
  if drop then redis.call('DEL', KEYS[4]) end
end

-- The record as name, value, name, value ... with <slot>:at, its time in the agenda, and, where wanted, <slot>:der, its
-- waiting certificate. only: one slot's fields and the device's own.
local function answer(code, only, certificates)
  local out, slots = {}, {}
  for name, value in pairs(rec) do
    local of, field = string.match(name, '^(.+):(%a+)$')
    if not of or not only or of == slot then
      out[#out + 1] = name
      out[#out + 1] = value
      if field == 'crt' or field == 'ver' then slots[of] = true end
    end
  end
  local base = string.sub(KEYS[4], 1, -#slot - 1)
  for of in pairs(slots) do
    local at = due
    if of ~= slot then at = redis.call('ZSCORE', KEYS[2], device .. '/' .. of) end
    if at then
      out[#out + 1] = of .. ':at'
      out[#out + 1] = at
    end
    if certificates and rec[of .. ':st'] == 'issued' then
      local der = redis.pcall('GET', base .. of)
      if type(der) == 'string' then
        out[#out + 1] = of .. ':der'
        out[#out + 1] = der
      end
    end
  end
  return { code, note, out }
end

-- A trigger that nobody answered ends with its deadline.
if get('st') == 'triggered' and num('end') <= now then
  note = 'expired ' .. (get('rid') or '')
  go_quiet()
end
