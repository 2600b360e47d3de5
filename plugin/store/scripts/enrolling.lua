-- Who asks has no certificate of ours. By what may it be enrolled: an operator's allowance, its factory's rules, a token?
-- ARGV: 21 'factory <its id> <its name> <any|list> <never|expired|always>', or 'token <hash>'; '': it has one of ours,
--       22 the ids of all issuers that are trusted, a blank before and behind each ('': not
--       known), 23 '1': the current certificate is
--       revoked
local by = {}
for word in string.gmatch(ARGV[21], '%S+') do by[#by + 1] = word end
local enr, factory, tok, tok_end, tok_key
if by[1] then
  enr, factory = string.match(rec.enr or '', '^(%d+) (%S+)')
  tok, tok_end, tok_key = string.match(rec.tok or '', '^(%S+) (%d+) (%S*)$')
  if rec.enr and not enr then error('CORRUPT enr') end
  if rec.tok and not tok then error('CORRUPT tok') end
end
local head = string.sub(ARGV[5], 1, 8)
local allowed = enr and by[1] == 'factory' and (factory == '*' or factory == by[3])

-- Nothing is to be lost: the device cannot connect with its certificate any more.
local function useless()
  local issuer = string.match(rec[p .. 'crt'], '@(%x+)$')
  return num('na') <= now or ARGV[23] == '1' or
    (ARGV[22] ~= '' and not string.find(ARGV[22], ' ' .. issuer .. ' ', 1, true))
end

-- nil: yes; else why not, and for how many seconds.
local function refuses()
  if by[1] == 'token' then
    local fits = tok == by[2] and tonumber(tok_end) > now and (tok_key == '' or tok_key == head)
    return not fits and 'token' or nil
  end
  if allowed then return nil end
  if rec.fac and rec.fac ~= by[2] then return 'barred' end -- another factory made it
  if not rec[p .. 'crt'] then return by[4] ~= 'any' and 'barred' or nil end
  if by[5] == 'always' or (by[5] == 'expired' and useless()) then return nil end
  return 'enrolled', math.max(0, math.min(86400, num('na') - now))
end

-- It is: what its record is to say, behind what else is written. The key marks which certificate used the allowance up.
local function enrolled(fields)
  local function add(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  if by[1] == 'factory' then add('fac', by[2]) end
  if allowed then add('enr', enr .. ' ' .. factory .. ' ' .. head) end
  if by[1] == 'token' then
    add('tok', tok .. ' ' .. tok_end .. ' ' .. head)
    if tok_key == '' then note = note .. 'token-used ' .. slot .. '\n' end
  end
end
