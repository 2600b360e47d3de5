#include "tests/contract/store_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static unsigned count_lines(const char *dir, const char *what, const char *device)
{
    char path[160], what_field[64] = "", device_field[100] = "", line[16384];
    unsigned count = 0;
    snprintf(path, sizeof path, "%s/journal.jsonl", dir);
    if (what != NULL) {
        snprintf(what_field, sizeof what_field, ",\"what\":\"%s\"", what);
    }
    if (device != NULL) {
        snprintf(device_field, sizeof device_field, ",\"device\":\"%s\"", device);
    }
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        count += strstr(line, what_field) != NULL && strstr(line, device_field) != NULL;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return count;
}

unsigned rig_audits(struct rig *rig, const char *what, const char *device)
{
    unsigned count = 0;
    if (rig->backend == RIG_FAKE) {
        return fake_ledger_audit_count(rig->ledger, what, device);
    }
    for (int i = 0; i < RIG_BROKERS; i++) {
        bool counted = rig->broker[i].rig == NULL;
        for (int k = 0; k < i; k++) { /* a place may have been a broker's that is open elsewhere now */
            counted = counted || strcmp(rig->broker[k].journal_dir, rig->broker[i].journal_dir) == 0;
        }
        count += counted ? 0 : count_lines(rig->broker[i].journal_dir, what, device);
    }
    return count;
}

void rig_expect_audits(struct rig *rig, const char *what, const char *device, unsigned count)
{
    const struct timespec look = { 0, 1000000L };
    const struct cr_clock *clock = cr_clock_system();
    for (int64_t end = cr_mono_ms(clock) + RIG_WAIT_MS; rig_audits(rig, what, device) < count && cr_mono_ms(clock) < end;) {
        (void)nanosleep(&look, NULL);
    }
    assert_int_equal(rig_audits(rig, what, device), count);
}

void rig_keys(const struct rig *rig, struct cr_device_keys *keys, const char *device, const char *slot)
{
    (void)rig;
    const struct cr_records records = { "cr", RIG_BUCKETS };
    assert_int_equal(cr_records_keys(keys, &records, device, slot), CR_OK);
}

void rig_hold(struct rig *rig, const char *device, const char *slot, bool held)
{
    struct cr_device_keys keys;
    if (rig->backend == RIG_FAKE) {
        assert_true(fake_ledger_hold(rig->ledger, device, slot, held));
        return;
    }
    rig_keys(rig, &keys, device, slot);
    struct private_redis *redis = rig->redis_of != NULL ? rig->redis_of(keys.device.text) : &rig->redis;
    long long changed = held ? private_redis_integer(redis, "HSET %s %s:hold 1", keys.device.text, slot)
                             : private_redis_integer(redis, "HDEL %s %s:hold", keys.device.text, slot);
    assert_int_equal(changed, 1);
}

void rig_history(struct rig *rig, unsigned ms, const char *what, const char *device, const char *who)
{
    if (rig->backend == RIG_FAKE) {
        fake_ledger_audit_at(rig->ledger, RIG_HISTORY_S * 1000LL + ms, who, what, device, "operational", "by hand");
        return;
    }
    redisReply *reply = private_redis_command(
        &rig->redis, "XADD cr:audit %lld-* time %d what %s device %s slot operational who %b detail %b",
        RIG_HISTORY_S * 1000LL + ms, RIG_HISTORY_S, what, device, who, strlen(who), "by hand", (size_t)7);
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    freeReplyObject(reply);
}

static struct private_redis *redis_with(const struct rig *rig, const char *key)
{
    return rig->redis_of != NULL ? rig->redis_of(key) : (struct private_redis *)&rig->redis;
}

/* A member's score, rounded up; 0: it is not there. */
static int64_t score_of(const struct rig *rig, const char *key, const char *device, const char *slot)
{
    redisReply *reply = private_redis_command(redis_with(rig, key), "ZSCORE %s %s/%s", key, device, slot);
    assert_non_null(reply);
    double score = reply->type == REDIS_REPLY_STRING ? strtod(reply->str, NULL) : 0;
    freeReplyObject(reply);
    return (int64_t)ceil(score);
}

int64_t rig_watch_at(const struct rig *rig, const char *device, const char *slot)
{
    struct cr_device_keys keys;
    bool shown;
    if (rig->backend == RIG_FAKE) {
        return fake_ledger_watch_at(rig->ledger, device, slot, &shown);
    }
    rig_keys(rig, &keys, device, slot);
    return score_of(rig, keys.watch.text, device, slot);
}

bool rig_shown(const struct rig *rig, const char *device, const char *slot)
{
    struct cr_device_keys keys;
    bool shown;
    if (rig->backend == RIG_FAKE) {
        (void)fake_ledger_watch_at(rig->ledger, device, slot, &shown);
        return shown;
    }
    rig_keys(rig, &keys, device, slot);
    return score_of(rig, keys.alerts.text, device, slot) > 0;
}

void rig_alert(struct rig *rig, const char *device, const char *slot, unsigned level, char stage)
{
    struct cr_device_keys keys;
    char value[64];
    if (rig->backend == RIG_FAKE) {
        enum cr_alert_call call = stage == 'f' ? CR_CALL_FIELD : stage == 'w' ? CR_CALL_WAKE : CR_CALL_TRIGGER;
        assert_true(fake_ledger_alert(rig->ledger, device, slot, (enum cr_alert_level)level, call));
        return;
    }
    rig_keys(rig, &keys, device, slot);
    (void)snprintf(value, sizeof value, "%lld %u 1 %c 0", (long long)rig->now_s, level, stage);
    (void)private_redis_integer(&rig->redis, "HSET %s %s:al %b", keys.device.text, slot, value, strlen(value));
    if (level > 0 || stage != 't') {
        (void)private_redis_integer(&rig->redis, "ZADD %s 1 %s/%s", keys.alerts.text, device, slot);
    } else {
        (void)private_redis_integer(&rig->redis, "ZREM %s %s/%s", keys.alerts.text, device, slot);
    }
}

void rig_unplan(struct rig *rig, const char *device, const char *slot)
{
    struct cr_device_keys keys;
    if (rig->backend == RIG_FAKE) {
        assert_true(fake_ledger_unplan(rig->ledger, device, slot));
        return;
    }
    rig_keys(rig, &keys, device, slot);
    assert_int_equal(private_redis_integer(&rig->redis, "ZREM %s %s/%s", keys.agenda.text, device, slot), 1);
}
