-- The time of a slot in the agenda has come: the next step.
-- ARGV: 5 until when it was claimed ('0': not), 6 a new renewal id, 7 the deadline of a renewal that begins now, 8 how it is
--       tried again, 9 '1': asked again, the answer was lost on its way, 10 '1': the slot has a profile
-- A slot whose time is not the claim's any more met something since, which goes first.
-- include answer.lua
-- include change.lua
local st, na, at, code = get('st'), num('na'), tonumber(score or due), 'record'
local ended = note ~= ''

local function begin()
  put('due', now)
  put('rid', ARGV[6])
  put('why', 'expiry')
  put('try', 1)
  go_triggered(ARGV[7], ARGV[8])
  code = 'triggered'
end

-- Another attempt of what is under way, which ends when it would have ended.
local function once_more()
  if not get('why') then put('why', 'expiry') end
  put('try', math.max(num('try'), 1) + 1)
  go_triggered(get('end') or ARGV[7], ARGV[8])
  code = 'triggered'
end

-- No such slot is configured here, or not any more, or not yet: it is looked at again while there is time to renew it.
local function unknown()
  if st == 'triggered' then return num('end') end
  if st then return now + 86400 end
  return na > now and math.min(na, now + math.max(3600, math.floor((na - now) / 4))) or 0
end

local function quiet()
  if not get('crt') then
    score, code = 0, 'gone'
  elseif na <= now then
    score, code = 0, ran_out() and 'ended' or 'record'
  elseif num('ret') > now then -- an operator cancelled it
    score = num('ret')
  elseif num('miss') > 0 then
    score = na
  else
    begin()
  end
end

-- The answer to the same question was lost: what it did is told again.
local function told_again()
  if st == 'triggered' and at == math.min(num('end'), next_try(ARGV[8])) then
    code = 'triggered'
  elseif not st and num('miss') > 0 and at == na then
    note_end('')
  elseif not st and not at and get('crt') and na <= now and select(2, need()) == 4 then
    code = 'ended'
  end
end

local function issuing()
  local _, _, _, lease = times()
  if lease > now then
    score = lease
  elseif get('end') and num('end') <= now then
    give_up()
  else
    once_more()
  end
end

local function issued()
  if select(2, times()) <= now then
    begin()
    return
  end
  put('try', math.max(num('try'), 1) + 1) -- it is brought again, less and less often; its appearance brings it anyway
  score, code = next_try(ARGV[8]), 'issued'
end

if not flat[1] or (not get('crt') and not get('ver')) then
  redis.call('ZREM', KEYS[2], member)
  redis.call('ZREM', KEYS[5], member)
  if redis.call('ZREM', KEYS[6], member) == 1 then note = note .. 'cleared ' .. slot .. '\n' end
  return { 'gone', note }
elseif ended then
  code = 'record'
elseif not at or (ARGV[5] ~= '0' and at ~= tonumber(ARGV[5])) or (ARGV[5] == '0' and at > now) then
  if ARGV[9] == '1' then told_again() end
elseif get('hold') then
  score = 0 -- whoever releases the hold puts it back
  rest()
elseif ARGV[10] ~= '1' then
  score, code = unknown(), 'no-profile'
elseif not st then
  quiet()
elseif st == 'triggered' then
  once_more()
elseif st == 'issuing' then
  issuing()
else
  issued()
end
commit()
return answer(code, true)
