-- The time of a slot in the watch has come: is its alert more pressing by now, and is its device to be called otherwise?
-- ARGV: 5 until when it was claimed ('0': not), 6 '1': asked again, the answer was lost on its way, 7 the thresholds, in
--       order: seconds before notAfter, and a level; in seconds without an answer: 8 the first wake, 9 the next, 10 the
--       longest between two, 11 from the first wake to the field list, 12 which is not earlier than so long before
--       notAfter; 13 how many failures are an alert, 14 '1': a wake may go out now
-- Note: also 'raised <slot>', 'woken <slot>', 'field <slot>', 'ended <slot>'.
-- The time of the next look, in the second before it, has in its eighths which of the first three were told, for who has
-- to ask again.
-- include answer.lua
-- include change.lua
local RAISED, WOKEN, FIELD, POSTPONED = 1, 2, 4, 5
local at = redis.call('ZSCORE', KEYS[5], member)
at = at and tonumber(at)
local told = 0

local function tell(bit, what)
  told = told + bit
  note = note .. what .. ' ' .. slot .. '\n'
end

local function tell_again()
  local told_then = at and at % 1 * 8 or 0
  if told_then % 2 >= RAISED then tell(0, 'raised') end
  if told_then % 4 >= WOKEN then tell(0, 'woken') end
  if told_then >= FIELD then tell(0, 'field') end
  if not at and select(2, need()) == 4 then tell(0, 'ended') end
end

local function look()
  local since, level, step, stage, wakes = need()
  local st, na, was = get('st'), num('na'), level
  local after, retry, most = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
  local answered = st == 'issuing' or st == 'issued' or num('fail') > 0
  local cancelled = not st and num('ret') > now -- by an operator: nothing begins before that
  local first, time = since + after, na

  -- A threshold that was passed when the renewal began counts once an answer is overdue.
  local count, reached, pressing = 0, 0, 0
  local from = since + math.min(after, math.max(0, math.floor((na - since) / 4)))
  for before, of in string.gmatch(ARGV[7], '(%d+) (%d)') do
    local when = math.max(na - tonumber(before), from)
    count = count + 1
    if when <= now then
      reached, pressing = count, tonumber(of)
    else
      time = math.min(time, when)
    end
  end

  -- Of the wake that follows on so many.
  local function wake_at(so_many)
    local when, wait = first, retry
    for i = 1, so_many do
      if wait >= most then return when + (so_many - i + 1) * most end
      when, wait = when + wait, wait * 2
    end
    return when
  end

  local function wake()
    if ARGV[14] ~= '1' then
      time = math.min(time, now + POSTPONED)
      return
    end
    wakes = wakes + 1
    if stage == 't' then stage = 'w' end
    tell(WOKEN, 'woken')
    time = math.min(time, math.max(wake_at(wakes), now + math.min(most, retry * 2 ^ math.min(wakes - 1, 30))))
  end

  local function call()
    if wake_at(wakes) <= now then
      wake()
    else
      time = math.min(time, wake_at(wakes))
    end
    if wakes > 0 and stage ~= 'f' then
      local when = math.max(first + tonumber(ARGV[11]), na - tonumber(ARGV[12]))
      if when <= now then
        stage = 'f'
        tell(FIELD, 'field')
      else
        time = math.min(time, when)
      end
    end
  end

  if na <= now then
    if ran_out() then tell(0, 'ended') end
    return
  end
  if reached > step then
    step, level = reached, math.max(level, pressing)
    if level > was then del('ack') end
    tell(RAISED, 'raised')
  end
  if cancelled then
    time = math.min(time, num('ret'))
  elseif not answered then
    call()
  elseif stage ~= 't' or wakes > 0 then -- and if it falls silent again, that is a silence of its own
    since, stage, wakes = now, 't', 0
  end
  local failing = num('fail') >= tonumber(ARGV[13])
  put_need(since, level, step, stage, wakes)
  looks[member] = { at = told > 0 and time - 1 + told / 8 or time }
  show(level > 0 or stage ~= 't' or num('miss') > 0 or failing)
end

if not flat[1] or (not get('crt') and not get('ver')) then
  redis.call('ZREM', KEYS[5], member)
  if redis.call('ZREM', KEYS[6], member) == 1 then note = note .. 'cleared ' .. slot .. '\n' end
  return { 'gone', note }
elseif not at or (ARGV[5] ~= '0' and at ~= tonumber(ARGV[5])) or (ARGV[5] == '0' and at > now) then
  if ARGV[6] == '1' then tell_again() end
elseif get('hold') or not get('al') or not get('crt') then
  rest()
else
  look()
end
commit()
return answer('record', false)
