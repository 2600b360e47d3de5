#include "plugin/store/redis_address.h"
#include "tests/support/bucket_check.h"
#include "tests/support/ledger_inside.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

struct ledger_buckets {
    bool seen[65536];
};

static struct cr_bytes bytes_of(const redisReply *reply)
{
    if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        return (struct cr_bytes){ NULL, 0 };
    }
    return (struct cr_bytes){ (const uint8_t *)reply->str, (size_t)reply->len };
}

static redisContext *reach(const char *text)
{
    struct cr_redis_address address;
    if (cr_redis_address_parse(&address, text) != CR_OK || address.kind != CR_REDIS_SERVER) {
        return NULL;
    }
    const struct timeval wait = { 5, 0 };
    const struct cr_redis_host *host = &address.host[0];
    redisContext *context = address.unix_socket ? redisConnectUnixWithTimeout(host->name, wait)
                                                : redisConnectWithTimeout(host->name, (int)host->port, wait);
    if (context != NULL && context->err != 0) {
        redisFree(context);
        context = NULL;
    }
    return context;
}

static void check_waiting(struct ledger *ledger, redisContext *context, const char *device_key,
                          const struct cr_device_record *record, const struct cr_slot_record *slot)
{
    const struct ledger_cert *cert = ledger_find(ledger, &slot->pending.serial);
    ledger->result->waiting++;
    if (cert == NULL || !cert->issued) {
        ledger_wrong(ledger, "what waits for %s/%s is in no journal", record->device, slot->slot);
        return;
    }
    if (cert->voided) {
        ledger_wrong(ledger, "what waits for %s/%s was voided", record->device, slot->slot);
    }
    if (strcmp(cert->facts.device, record->device) != 0 || strcmp(cert->facts.slot, slot->slot) != 0) {
        ledger_wrong(ledger, "what waits for %s/%s was issued for %s/%s", record->device, slot->slot,
                     cert->facts.device, cert->facts.slot);
    }
    const char *tag_end = strchr(device_key, '}');
    redisReply *reply = redisCommand(context, "GET %b:cert:%s/%s", device_key, (size_t)(tag_end + 1 - device_key),
                                     record->device, slot->slot);
    struct cr_bytes der = bytes_of(reply);
    if (der.data == NULL) {
        ledger_wrong(ledger, "the certificate that waits for %s/%s is missing in Redis", record->device, slot->slot);
    } else if (der.len != cert->der.len || memcmp(der.data, cert->der.data, der.len) != 0) {
        ledger_wrong(ledger, "I4: what waits for %s/%s is not what the journal has", record->device, slot->slot);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
}

static void check_slot(struct ledger *ledger, redisContext *context, const char *device_key,
                       const struct cr_device_record *record, const struct cr_slot_record *slot)
{
    if (slot->state == CR_STATE_ISSUED) {
        check_waiting(ledger, context, device_key, record, slot);
    }
    if (slot->generation > 0) {
        const struct ledger_cert *cert = ledger_find(ledger, &slot->current.serial);
        if (cert == NULL || !cert->issued) {
            ledger_wrong(ledger, "the certificate of %s/%s in generation %llu is in no journal", record->device,
                         slot->slot, (unsigned long long)slot->generation);
        }
    }
    for (int i = 0; i < LEDGER_CHAINS; i++) {
        for (const struct ledger_cert *cert = ledger->chain[i]; cert != NULL; cert = cert->next) {
            if (cert->confirmed && cert->confirmed_generation > slot->generation &&
                strcmp(cert->facts.device, record->device) == 0 && strcmp(cert->facts.slot, slot->slot) == 0) {
                ledger_wrong(ledger, "I11: %s/%s is back in generation %llu after %llu was confirmed", record->device,
                             slot->slot, (unsigned long long)slot->generation,
                             (unsigned long long)cert->confirmed_generation);
            }
        }
    }
}

static void check_device(struct ledger *ledger, redisContext *context, const char *key)
{
    static struct cr_answer answer;
    struct cr_device_record *record;
    const char *device = strstr(key, "}:device:");
    redisReply *reply = redisCommand(context, "HGETALL %s", key);
    answer.pair_count = 0;
    for (size_t i = 0; reply != NULL && reply->type == REDIS_REPLY_ARRAY && i < reply->elements && i < CR_ANSWER_PAIRS;
         i++) {
        answer.pair[answer.pair_count++] = bytes_of(reply->element[i]);
    }
    ledger->result->devices++;
    if (device == NULL || answer.pair_count == 0 ||
        cr_answer_record(&answer, device + strlen("}:device:"), NULL, 0, &record) != CR_OK) {
        ledger_wrong(ledger, "%s cannot be read", key);
    } else {
        for (unsigned i = 0; i < record->slot_count; i++) {
            check_slot(ledger, context, key, record, &record->slot[i]);
        }
        cr_device_record_free(record);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
}

/* The bucket of this device, unless that was done. */
static void check_bucket(struct ledger *ledger, redisContext *context, const char *key, struct ledger_buckets *done)
{
    const char *number = strstr(key, ":{b"), *end = strstr(key, "}:device:");
    unsigned long bucket = number != NULL ? strtoul(number + 3, NULL, 10) : 0;
    char base[64];
    if (end == NULL || bucket >= sizeof done->seen || done->seen[bucket] || (size_t)(end + 2 - key) >= sizeof base) {
        return;
    }
    done->seen[bucket] = true;
    memcpy(base, key, (size_t)(end + 2 - key));
    base[end + 2 - key] = '\0';
    ledger->result->wrong += bucket_check(context, base, ledger->now_s, ledger->out);
}

cr_err ledger_check_redis(struct ledger *ledger, const char *address, const char *prefix)
{
    redisContext *context = reach(address);
    char cursor[24] = "0";
    struct ledger_buckets done = { { false } };
    if (context == NULL) {
        ledger_wrong(ledger, "Redis cannot be reached at %s", address);
        return CR_IO;
    }
    do {
        redisReply *reply = redisCommand(context, "SCAN %s MATCH %s:{b*}:device:* COUNT 1000", cursor, prefix);
        if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
            reply->element[0]->len >= sizeof cursor) {
            ledger_wrong(ledger, "Redis cannot be read");
            break;
        }
        memcpy(cursor, reply->element[0]->str, (size_t)reply->element[0]->len + 1);
        for (size_t i = 0; i < reply->element[1]->elements; i++) {
            check_device(ledger, context, reply->element[1]->element[i]->str);
            check_bucket(ledger, context, reply->element[1]->element[i]->str, &done);
        }
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    redisFree(context);
    return CR_OK;
}
