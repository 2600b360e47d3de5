-- The record as name, value, name, value ... as it is in `flat`, with <slot>:at, its time in the agenda, and, where
-- wanted, <slot>:der, its waiting certificate. at: the slot's time, where it is known already.
local function answer(code, certificates, at)
  local find, others = string.find, nil
  for i = 1, #flat, 2 do
    local name = flat[i]
    if name == 'ls' then
      flat[i + 1] = rec.ls
    elseif name == 'gap' or name == 'br' then
      flat[i + 1] = rec[name]
    elseif name ~= 'id' and name ~= 'fs' and find(name, p, 1, true) ~= 1 then
      local other, field = string.match(name, '^(.+):(%a+)$')
      if field == 'crt' or field == 'ver' then
        others = others or {}
        others[other] = true
      end
    end
  end
  at = at or redis.call('ZSCORE', KEYS[2], device .. '/' .. slot)
  if at then
    flat[#flat + 1] = p .. 'at'
    flat[#flat + 1] = at
  end
  if certificates and rec[p .. 'st'] == 'issued' then
    local der = redis.pcall('GET', KEYS[4])
    if type(der) == 'string' then
      flat[#flat + 1] = p .. 'der'
      flat[#flat + 1] = der
    end
  end
  if others then
    local base = string.sub(KEYS[4], 1, -#slot - 1)
    for other in pairs(others) do
      at = redis.call('ZSCORE', KEYS[2], device .. '/' .. other)
      if at then
        flat[#flat + 1] = other .. ':at'
        flat[#flat + 1] = at
      end
      local der = certificates and rec[other .. ':st'] == 'issued' and redis.pcall('GET', base .. other)
      if type(der) == 'string' then
        flat[#flat + 1] = other .. ':der'
        flat[#flat + 1] = der
      end
    end
  end
  return { code, note, flat }
end
