/* AGENDA: claims what is due. First how many renewals the fleet may begin now (pace.lua), then one bucket after the other
 * (agenda.lua) until enough is claimed; of the watch without a rate. Each command touches one key, so that this works in a Redis Cluster too. It ends
 * early rather than late: what was claimed and not told would rest until the claim is over. */
#include "plugin/store/redis_store.h"

#include <string.h>

static void ask_bucket(struct store_op *op);

static void agenda_done(struct store_op *op)
{
    op->job->outcome = CR_OUT_DONE;
    op->job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

static void on_taken(struct store_op *op, const redisReply *reply)
{
    (void)reply;
    agenda_done(op);
}

/* What was claimed counts for the whole fleet. */
static void agenda_end(struct store_op *op)
{
    const struct cr_agenda *agenda = op->job->agenda;
    struct cr_args args;
    if (agenda->watch || agenda->count == 0 || cr_args_pace(&args, &op->store->records, op->job->now_s, agenda->rate_per_s,
                                           agenda->count) != CR_OK) {
        agenda_done(op);
        return;
    }
    store_op_send(op, &args, on_taken);
}

/* "device/slot" */
static bool due_read(struct cr_due *due, struct cr_bytes member)
{
    const uint8_t *slash = member.len > 0 ? memchr(member.data, '/', member.len) : NULL;
    if (slash == NULL) {
        return false;
    }
    const char *device = (const char *)member.data, *slot = (const char *)slash + 1;
    size_t device_len = (size_t)(slash - member.data), slot_len = member.len - device_len - 1;
    if (!cr_name_ok(device, device_len) || !cr_name_ok(slot, slot_len)) {
        return false;
    }
    memcpy(due->device, device, device_len);
    due->device[device_len] = '\0';
    memcpy(due->slot, slot, slot_len);
    due->slot[slot_len] = '\0';
    return true;
}

static void strike(struct store_op *op, struct cr_bytes member)
{
    struct cr_args args;
    store_audit_alarm(op, CR_REFUSAL_INTERNAL, "the agenda held something that is no device/slot: removed");
    const struct cr_agenda *agenda = op->job->agenda;
    if (cr_args_strike(&args, &op->store->records, agenda->watch, agenda->bucket, member) == CR_OK) {
        cr_redis_link_tell(op->store->link, &args);
    }
}

/* Half of its time is gone. */
static bool agenda_is_late(const struct store_op *op)
{
    return store_now_ms() + op->store->config->redis_timeout_ms / 2 > op->deadline_ms;
}

static void on_bucket(struct store_op *op, const redisReply *reply)
{
    struct cr_agenda *agenda = op->job->agenda;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements > op->room - agenda->count) {
        store_op_quarantine(op, "an answer of Redis that is none");
        return;
    }
    agenda->until = op->job->now_s + CR_CLAIM_S;
    bool filled = reply->elements == op->room - agenda->count;
    for (size_t i = 0; i < reply->elements; i++) {
        struct cr_bytes member = store_reply_bytes(reply->element[i]);
        if (due_read(&agenda->due[agenda->count], member)) {
            agenda->count++;
        } else {
            strike(op, member);
        }
    }
    if (!filled) {
        agenda->bucket = (agenda->bucket + 1) % agenda->total;
        agenda->round = agenda->round || agenda->bucket == 0;
        op->looked++;
    }
    if (filled || op->looked == agenda->buckets || agenda_is_late(op)) {
        agenda_end(op);
    } else {
        ask_bucket(op);
    }
}

static void ask_bucket(struct store_op *op)
{
    const struct cr_agenda *agenda = op->job->agenda;
    struct cr_args args;
    if (cr_args_agenda(&args, &op->store->records, agenda->watch, agenda->bucket, op->job->now_s,
                       op->room - agenda->count) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_bucket);
}

static void on_pace(struct store_op *op, const redisReply *reply)
{
    const struct cr_agenda *agenda = op->job->agenda;
    if (reply->type != REDIS_REPLY_INTEGER) {
        store_op_quarantine(op, "an answer of Redis that is none");
        return;
    }
    op->room = reply->integer < (long long)agenda->limit ? (unsigned)reply->integer : agenda->limit;
    if (reply->integer <= 0) {
        agenda_end(op);
    } else {
        ask_bucket(op);
    }
}

void store_agenda_start(struct store_op *op)
{
    struct cr_agenda *agenda = op->job->agenda;
    struct cr_args args;
    unsigned total = op->store->records.buckets;
    if (agenda == NULL || agenda->limit == 0 || (agenda->rate_per_s == 0 && !agenda->watch) || total == 0) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    if (agenda->count > 0) { /* the connection was lost on the way */
        agenda_done(op);
        return;
    }
    agenda->total = total;
    agenda->bucket %= total;
    agenda->buckets = agenda->buckets < 1 ? 1 : agenda->buckets < total ? agenda->buckets : total;
    agenda->limit = agenda->limit < CR_DUE_MAX ? agenda->limit : CR_DUE_MAX;
    op->looked = 0;
    if (agenda->watch) {
        op->room = agenda->limit;
        ask_bucket(op);
        return;
    }
    if (cr_args_pace(&args, &op->store->records, op->job->now_s, agenda->rate_per_s, 0) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_pace);
}
