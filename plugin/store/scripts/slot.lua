-- What every script begins with: the device's record is read.
--
-- KEYS: 1 the device, 2 its bucket's agenda, 3 its bucket's expiry, 4 the slot's pending certificate, 5 its bucket's
--       watch, 6 its bucket's alerts
-- ARGV: 1 the device's mark, 2 device, 3 slot, 4 now; the rest is each script's own
-- Answer: { code, note, ... }; note: what happened on the way, a line each ('expired <renewal> <slot>', 'cleared
--         <slot>'), or ''.
--
-- The first write is always an HSET: Redis refuses that one as a whole when it is out of memory or read-only, so no
-- script is ever left half done. For the same reason all that can meet a wrong type is read before anything is written.
--
-- The agenda says when to look at a slot next: a quiet one when it is due, a triggered one when its attempt is over. A
-- device that asks by itself changes nothing about that until it has confirmed.
local mark, device, slot, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local p, note = slot .. ':', ''
local flat = redis.call('HGETALL', KEYS[1])
local rec = {}
for i = 1, #flat, 2 do rec[flat[i]] = flat[i + 1] end
if flat[1] and rec.id ~= mark then return { 'foreign', '' } end

local function num(field)
  local value = rec[p .. field]
  return value and (tonumber(value) or error('CORRUPT ' .. p .. field)) or 0
end

-- A slot whose certificate is known has its time at `planned`, or so early that the device is likely to appear
-- `chances` times before notAfter; but not in the first tenth of the certificate's life. rec.gap: nine of ten of its
-- absences are at most so long.
local function early(chances, planned)
  if not rec.gap or chances == 0 then return planned end
  local na = num('na')
  local at = na - chances * (tonumber(rec.gap) or error('CORRUPT gap'))
  if at >= planned then return planned end
  local nb = num('nb')
  return math.min(planned, math.max(at, nb + math.floor(math.max(0, na - nb) / 10)))
end
