-- What the journal knows and Redis may have lost is put back. Never lowers a generation, never overwrites what is
-- newer.
-- ARGV: 5 'issued' or 'confirmed', 6 certificate, 7 key, 8 notBefore, 9 notAfter, 10 due, 11 generation and 12 version
--       at that time, 13 renewal id, 14 format, 15 the certificate's DER ('' to be asked for it with 'need')
-- Answer: 'same', 'newer', 'restored', 'need'; 'replaced': the same key got another certificate in its generation, and
--         Redis knows nothing of this one
-- A trigger past its deadline ends with the next operation, which tells of it.
local today = now
now = 0
-- include change.lua
now = today
local crt, nb, na = ARGV[6], tonumber(ARGV[8]), tonumber(ARGV[9])
local gen, ver, st = tonumber(ARGV[11]), tonumber(ARGV[12]), get('st')
local serial = string.match(crt, '^[^@]*')
redis.call('ZSCORE', KEYS[3], member)

local function told(code)
  commit()
  return { code, note }
end

local function raise()
  put('gen', gen) -- never lower: what is behind Redis was told 'newer'
  if num('ver') < ver then put('ver', ver) end
end

local function restore_confirmed()
  -- A generation without its certificate is one that restore_issued raised before this.
  if num('gen') > gen or (num('gen') == gen and get('crt')) then
    return told(get('crt') == crt and 'same' or 'newer')
  end
  local asked_before = num('ver') < ver
  if st and get('pcrt') == crt then
    confirm()
  elseif get('crt') ~= crt and (not get('crt') or num('nb') <= nb) then
    put('crt', crt)
    put('key', ARGV[7])
    put('nb', ARGV[8])
    put('na', ARGV[9])
    expires = na
    if get('due') then
      put('due', ARGV[10])
    else
      score = tonumber(ARGV[10])
    end
    count_anew()
    if st == 'triggered' and num('ver') < ver then go_quiet() end -- a trigger from before this
  end
  if asked_before then tally('r') end
  put('lr', string.sub(ARGV[13], 1, 8))
  raise()
  return told('restored')
end

local function restore_issued()
  -- Its broker ended before it was recorded, and another one certified the key.
  if superseded() ~= serial and get('crt') ~= crt and get('pcrt') ~= crt and
      ((num('gen') == gen and get('pkey') == ARGV[7]) or (num('gen') == gen + 1 and get('key') == ARGV[7])) then
    return told('replaced')
  end
  if num('gen') > gen or superseded() == serial then return told('newer') end
  if get('crt') == crt then
    if num('ver') > ver then return told('newer') end
    -- It was presented since, and all that Redis knew of it was lost: only the counting is missing.
    gen = gen + 1
    count_anew()
    put('lr', string.sub(ARGV[13], 1, 8))
    if st and get('pcrt') == crt then
      tally('r')
      go_quiet()
    end
    raise()
    return told('restored')
  end
  local under_way = st == 'issuing' or st == 'issued'
  local this = under_way and get('pcrt') == crt
  if this and st == 'issued' and redis.call('EXISTS', KEYS[4]) == 1 then return told('same') end
  if under_way and not this and times() >= nb then return told('newer') end
  if not under_way and num('ver') > ver then return told('newer') end
  if na <= now then return told('newer') end
  if ARGV[15] == '' then return { 'need', '' } end
  put('st', 'issued')
  put('pcrt', crt)
  put('pkey', ARGV[7])
  put('pend', ARGV[8] .. ' ' .. ARGV[9] .. ' ' .. ARGV[10] .. ' 0 ' .. ARGV[14])
  if not this then put('rid', ARGV[13]) end
  if not due then score = now + 3600 end -- the agenda forgot it: it is looked at again
  ver = ver + 1
  raise()
  commit()
  redis.call('SET', KEYS[4], ARGV[15])
  return { 'restored', note }
end

if ARGV[5] == 'confirmed' then return restore_confirmed() end
return restore_issued()
