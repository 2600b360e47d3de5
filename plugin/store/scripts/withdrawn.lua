-- The certificates of this slot that have not ended, or `lately`, so many seconds ago, a line each: slot, serial@issuer,
-- notAfter, its key's hash or '-', and the slot's version; of a slot that has none, one line with '-' and 0.
-- Of a superseded one only the serial is known for certain: it is of the current one's issuer unless it says otherwise,
-- and ended no later than what came after it. What was under way when it was revoked is still in pcrt, pkey and pend.
local withdrawn = ''

local function withdraw(crt, na, key)
  if na <= now - lately then return end
  withdrawn = withdrawn .. string.format('%s %s %.0f %s %.0f\n', slot, crt, na, key or '-', num('ver'))
end

local function withdraw_all()
  local pna, before = get('pcrt') and select(2, times()) or 0, withdrawn
  if get('crt') then withdraw(get('crt'), num('na'), get('key')) end
  if get('pcrt') and get('pcrt') ~= get('crt') then withdraw(get('pcrt'), pna, get('pkey')) end
  if get('old') and get('crt') then
    local old = string.find(get('old'), '@', 1, true) and get('old') or get('old') .. string.match(get('crt'), '@.*$')
    withdraw(old, math.max(num('na'), pna))
  end
  if withdrawn == before then withdrawn = withdrawn .. string.format('%s - 0 - %.0f\n', slot, num('ver')) end
end

-- Whether the slot has this certificate, or will. One that was superseded can be revoked without the one in use.
local function has(crt) return get('crt') == crt or get('pcrt') == crt end
