#include "tests/support/bucket_check.h"

static const char script[] =
    "local base, now, wrong, sums, known = ARGV[1], tonumber(ARGV[2]), {}, {}, {}\n"
    "local function say(what) wrong[#wrong + 1] = what end\n"
    "local function check(device, rec, slot)\n"
    "  local member = device .. '/' .. slot\n"
    "  known[member] = true\n"
    "  local function f(name) return rec[slot .. ':' .. name] end\n"
    "  local function score(index)\n"
    "    local at = redis.call('ZSCORE', base .. index, member)\n"
    "    return at and tonumber(at)\n"
    "  end\n"
    "  local function bad(what) say(member .. ': ' .. what) end\n"
    "  local st, crt, hold, al, na = f('st'), f('crt'), f('hold'), f('al'), tonumber(f('na'))\n"
    "  local watch, shown, level, stage = score('watch'), score('alerts'), nil, nil\n"
    "  if al then\n"
    "    level, stage = string.match(al, '^%d+ (%d) %d+ ([twf]) %d+$')\n"
    "    level = tonumber(level)\n"
    "    if not level then bad('al is damaged: ' .. al) return end\n"
    "  end\n"
    "  local need = crt and al and not hold\n"
    "  if crt and score('expiry') ~= na then bad('its time in the expiry is not its notAfter') end\n"
    "  if not crt and score('expiry') then bad('in the expiry without a certificate') end\n"
    "  if watch and not need then bad('watched without need') end\n"
    "  if need and level < 4 and not watch then bad('not watched, al ' .. al) end\n"
    "  if shown and not need then bad('an alert without need') end\n"
    "  if shown and shown ~= na then bad('its time among the alerts is not its notAfter') end\n"
    "  if need and level > 0 and not shown and not (watch and (now == 0 or watch <= now)) then\n"
    "    bad('no alert, al ' .. al)\n"
    "  end\n"
    "  if f('ack') and not al then bad('acknowledged without an alert') end\n"
    "  if not hold and not score('agenda') and (st or (crt and now > 0 and na > now)) then bad('not in the agenda') end\n"
    "  local has = { rid = st, why = false, try = st == 'triggered', ['end'] = st == 'triggered',\n"
    "    due = st == 'triggered', pcrt = st == 'issuing' or st == 'issued', pkey = st == 'issuing' or st == 'issued',\n"
    "    pend = st == 'issuing' or st == 'issued' }\n"
    "  if f('rev') and not hold then bad('revoked, and not on hold') end\n"
    "  if f('rev') and (st or al) then bad('revoked, and ' .. (st or al)) end\n"
    "  for name, wanted in pairs(has) do\n"
    "    if wanted and not f(name) then bad((st or 'quiet') .. ' without ' .. name) end\n"
    "    local kept = f('rev') and string.find('pcrt pkey pend', name, 1, true)\n"
    "    if not st and f(name) and not kept then bad('quiet with ' .. name) end\n"
    "  end\n"
    "  if st == 'triggered' and f('pend') then bad('triggered with pend') end\n"
    "  if (st == 'issued') ~= (redis.call('EXISTS', base .. 'cert:' .. member) == 1) then\n"
    "    bad((st or 'quiet') .. (st == 'issued' and ' without' or ' with') .. ' a waiting certificate')\n"
    "  end\n"
    "  if f('cmp') then\n"
    "    local id, group, letter = string.match(f('cmp'), '^(%x+) (%d+) ([arfucs])$')\n"
    "    if not id then bad('cmp is damaged: ' .. f('cmp')) return end\n"
    "    local name = id .. ' ' .. group .. ':' .. letter\n"
    "    sums[name] = (sums[name] or 0) + 1\n"
    "    if letter == 'a' and not st then bad('asked, and quiet') end\n"
    "  end\n"
    "end\n"
    "for _, key in ipairs(redis.call('KEYS', base .. 'device:*')) do\n"
    "  local device, rec, seen = string.sub(key, #base + 8), {}, {}\n"
    "  local flat = redis.call('HGETALL', key)\n"
    "  for i = 1, #flat, 2 do\n"
    "    rec[flat[i]] = flat[i + 1]\n"
    "    if #flat[i + 1] > 64 then say(device .. ': ' .. flat[i] .. ' is long: ' .. flat[i + 1]) end\n"
    "  end\n"
    "  for name in pairs(rec) do\n"
    "    local slot = string.match(name, '^(.+):crt$') or string.match(name, '^(.+):ver$')\n"
    "    if slot and not seen[slot] then\n"
    "      seen[slot] = true\n"
    "      check(device, rec, slot)\n"
    "    end\n"
    "  end\n"
    "end\n"
    "for _, key in ipairs(redis.call('KEYS', base .. 'campaign:*')) do\n"
    "  local id, flat = string.sub(key, #base + 10), redis.call('HGETALL', key)\n"
    "  for i = 1, #flat, 2 do\n"
    "    local name = id .. ' ' .. flat[i]\n"
    "    local counted, has = tonumber(flat[i + 1]), sums[name] or 0\n"
    "    if counted < has or (counted > has and string.sub(name, -1) == 'a') then\n"
    "      say('campaign ' .. name .. ' counts ' .. flat[i + 1] .. ', has ' .. (sums[name] or 0))\n"
    "    end\n"
    "    sums[name] = nil\n"
    "  end\n"
    "end\n"
    "for name, sum in pairs(sums) do say('campaign ' .. name .. ' counts none, has ' .. sum) end\n"
    "for _, index in ipairs({ 'watch', 'alerts', 'expiry' }) do\n"
    "  for _, member in ipairs(redis.call('ZRANGE', base .. index, 0, -1)) do\n"
    "    if not known[member] then say(member .. ': in ' .. index .. ', and nowhere else') end\n"
    "  end\n"
    "end\n"
    "return wrong\n";

unsigned bucket_check(redisContext *context, const char *base, int64_t now_s, FILE *out)
{
    redisReply *reply = redisCommand(context, "EVAL %s 1 %sagenda %s %lld", script, base, base, (long long)now_s);
    unsigned wrong = 1;
    if (reply != NULL && reply->type == REDIS_REPLY_ARRAY) {
        wrong = (unsigned)reply->elements;
        for (size_t i = 0; i < reply->elements; i++) {
            (void)fprintf(out, "%s%s\n", base, reply->element[i]->str);
        }
    } else {
        (void)fprintf(out, "%s cannot be looked at: %s\n", base, reply != NULL ? reply->str : context->errstr);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    return wrong;
}
