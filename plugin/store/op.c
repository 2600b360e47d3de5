#include "plugin/store/redis_store.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

enum { SPARE_MAX = 256 };

/* ---- a life ---- */

static struct store_op *op_new(struct cr_redis_store *store)
{
    struct store_op *op = store->spare;
    if (op != NULL) {
        store->spare = op->next;
        store->spare_count--;
        memset(op, 0, sizeof *op);
    } else {
        op = calloc(1, sizeof *op);
    }
    if (op != NULL) {
        op->store = store;
    }
    return op;
}

static void op_line_up(struct store_op *op)
{
    struct cr_redis_store *store = op->store;
    op->deadline_ms = store_now_ms() + store->config->redis_timeout_ms;
    op->prev = store->last;
    if (store->last != NULL) {
        store->last->next = op;
    } else {
        store->first = op;
    }
    store->last = op;
}

static void op_leave(struct store_op *op)
{
    struct cr_redis_store *store = op->store;
    if (op->prev != NULL) {
        op->prev->next = op->next;
    } else if (op->late) {
        store->late = op->next;
    } else {
        store->first = op->next;
    }
    if (op->next != NULL) {
        op->next->prev = op->prev;
    } else if (!op->late) {
        store->last = op->prev;
    }
    op->prev = op->next = NULL;
    store->late_count -= op->late;
}

void store_op_settle(struct store_op *op)
{
    struct cr_redis_store *store = op->store;
    if (op->job != NULL || op->calls > 0 || op->journaling || op->waiting) {
        return;
    }
    store_withdrawal_free(op->withdrawal);
    op->withdrawal = NULL;
    if (store->spare_count < SPARE_MAX) {
        op->next = store->spare;
        store->spare = op;
        store->spare_count++;
    } else {
        free(op);
    }
}

void store_op_finish(struct store_op *op)
{
    struct cr_redis_store *store = op->store;
    struct cr_job *job = op->job;
    bool counted = !op->late;
    op_leave(op);
    op->late = false;
    op->job = NULL;
    store->options.done(store->options.done_ctx, job);
    if (counted) {
        atomic_fetch_sub(&store->inside, 1);
    }
    store_line_leave(op);
    store_op_settle(op);
}

void store_op_go_late(struct store_op *op, struct cr_job *deliver)
{
    struct cr_redis_store *store = op->store;
    struct cr_job *job = op->job;
    op_leave(op);
    op->job = deliver;
    if (deliver != NULL) {
        op->late = true;
        op->next = store->late;
        if (op->next != NULL) {
            op->next->prev = op;
        }
        store->late = op;
        store->late_count++;
    }
    store->options.done(store->options.done_ctx, job);
    atomic_fetch_sub(&store->inside, 1);
    store_op_settle(op);
}

void store_op_drop(struct store_op *op)
{
    op_leave(op);
    op->late = false;
    cr_job_free(op->job);
    op->job = NULL;
    store_op_settle(op);
}

void store_op_begin(struct cr_redis_store *store, struct cr_job *job)
{
    struct store_op *op = op_new(store);
    if (op == NULL) {
        cr_job_refuse(job, CR_REFUSAL_BUSY, job->setup->config.retry_after_s);
        store->options.done(store->options.done_ctx, job);
        atomic_fetch_sub(&store->inside, 1);
        return;
    }
    op->job = job;
    op_line_up(op);
    store_op_go(op);
}

static bool op_is_record(const struct store_op *op)
{
    return op->job->op == CR_OP_CSR && op->job->stage == CR_STAGE_RECORD;
}

void store_op_new_renewal(struct store_op *op)
{
    if (op->new_renewal_id[0] == '\0') {
        uuid_t uuid;
        uuid_generate_random(uuid);
        uuid_unparse_lower(uuid, op->new_renewal_id);
    }
}

/* Those that Redis is asked for. */
static void (*const starts[])(struct store_op *op) = {
    [CR_OP_CSR] = store_begin_start,
    [CR_OP_PRESENT] = store_present_start,
    [CR_OP_GET] = store_read_start,
    [CR_OP_INSPECT] = store_read_start,
    [CR_OP_DELIVER] = store_read_start,
    [CR_OP_REPORT] = store_report_start,
    [CR_OP_TRIGGER] = store_trigger_start,
    [CR_OP_AGENDA] = store_agenda_start,
    [CR_OP_ADVANCE] = store_advance_start,
    [CR_OP_LIST] = store_list_start,
    [CR_OP_STEER] = store_steer_start,
    [CR_OP_CAMPAIGN] = store_campaign_start,
    [CR_OP_LOOK] = store_look_start,
    [CR_OP_HISTORY] = store_history_start,
    [CR_OP_POLICY] = store_policy_start,
    [CR_OP_SURVEY] = store_survey_start,
    [CR_OP_REVOKE] = store_revoke_start,
    [CR_OP_ENROL] = store_enrol_start,
    [CR_OP_TRUST] = store_trust_start,
    [CR_OP_OCSP] = store_ocsp_start,
    [CR_OP_CENSUS] = store_census_start,
};

void store_op_go(struct store_op *op)
{
    if (op_is_record(op)) {
        store_record_start(op); /* the journal first, whatever Redis does */
        return;
    }
    if (op->job->op == CR_OP_AUDIT) {
        store_audit_start(op);
        return;
    }
    if (op->job->op == CR_OP_FIGURES) {
        store_figures_start(op); /* also of a Redis that is away */
        return;
    }
    if (op->store->phase != STORE_READY) {
        store_op_wait(op);
        return;
    }
    if (!store_line_enter(op)) {
        return;
    }
    if (op->job->op < sizeof starts / sizeof starts[0] && starts[op->job->op] != NULL) {
        starts[op->job->op](op);
    } else {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    }
}

/* ---- ends ---- */

void store_op_unavailable(struct store_op *op)
{
    if (op_is_record(op)) {
        store_record_late(op);
        return;
    }
    if (op->late) {
        return; /* it is tried again */
    }
    op->store->op_errors += !op->in_line;
    store_op_refuse(op, op->in_line ? CR_REFUSAL_BUSY : CR_REFUSAL_STORE_UNAVAILABLE, 0);
}

/* ---- asking Redis ---- */

void store_op_wait(struct store_op *op)
{
    struct cr_redis_store *store = op->store;
    if (op->late) {
        return;
    }
    if (store->closing || (store->phase == STORE_AWAY && cr_redis_link_failures(store->link) > 1)) {
        store_op_unavailable(op);
        return;
    }
    if (!op->waiting) {
        op->waiting = true;
        op->waiting_next = NULL;
        *store->waiting_tail = op;
        store->waiting_tail = &op->waiting_next;
    }
}

static void op_trouble(struct store_op *op, struct cr_bytes error)
{
    struct cr_redis_store *store = op->store;
    char sentence[100];
    snprintf(sentence, sizeof sentence, "Redis answered: %.*s", (int)(error.len < 70 ? error.len : 70),
             (const char *)error.data);
    switch (cr_redis_trouble(error)) {
    case CR_TROUBLE_SCRIPTS:
        if (op->late) {
            store_load_scripts(store);
            return;
        }
        if (!op->reloaded) {
            op->reloaded = true;
            store_load_scripts(store);
            store_op_go(op);
            return;
        }
        store_op_unavailable(op);
        return;
    case CR_TROUBLE_WRITES:
        store->writable = false;
        store_trouble(store, sentence);
        store_op_unavailable(op);
        return;
    case CR_TROUBLE_ELSEWHERE:
        op->again = true;
        cr_redis_link_drop(store->link, sentence);
        store_op_wait(op);
        return;
    case CR_TROUBLE_ACCESS:
        cr_redis_link_drop(store->link, sentence);
        store_op_unavailable(op);
        return;
    case CR_TROUBLE_RECORD:
        store_op_quarantine(op, sentence);
        return;
    case CR_TROUBLE_LATER:
    case CR_TROUBLE_NONE:
        store_trouble(store, sentence);
        store_op_unavailable(op);
        return;
    }
}

struct cr_bytes store_reply_bytes(const redisReply *reply)
{
    if (reply == NULL || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS &&
                          reply->type != REDIS_REPLY_ERROR)) {
        return (struct cr_bytes){ NULL, 0 };
    }
    return (struct cr_bytes){ (const uint8_t *)reply->str, (size_t)reply->len };
}

/* Some of its answers say nothing about whether Redis takes writes. */
static bool op_only_reads(const struct store_op *op)
{
    return op->job->op == CR_OP_GET || op->job->op == CR_OP_INSPECT || op->job->op == CR_OP_AGENDA ||
           op->job->op == CR_OP_LIST || op->job->op == CR_OP_LOOK || op->job->op == CR_OP_HISTORY ||
           op->job->op == CR_OP_POLICY || op->job->op == CR_OP_SURVEY || op->job->op == CR_OP_CENSUS || op->job->op == CR_OP_OCSP ||
           (op->job->op == CR_OP_REVOKE && op->job->revoke->verb == CR_REVOKE_LIST) ||
           (op->job->op == CR_OP_CAMPAIGN && op->job->campaigns->verb == CR_CAMPAIGN_READ);
}

static void on_answer(struct cr_redis_call *call, const redisReply *reply)
{
    struct store_op *op = (struct store_op *)((char *)call - offsetof(struct store_op, call));
    struct cr_redis_store *store = op->store;
    op->calls--;
    if (op->job == NULL) {
        store_op_settle(op);
    } else if (reply == NULL) {
        op->again = true;
        store_op_wait(op);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        op_trouble(op, store_reply_bytes(reply));
    } else {
        if (store->trouble[0] != '\0' && !op_only_reads(op)) {
            store->writable = true; /* every other operation has a write among what it asks */
            store_trouble(store, "");
        }
        op->answered(op, reply);
    }
}

void store_op_send(struct store_op *op, struct cr_args *args,
                   void (*answered)(struct store_op *op, const redisReply *reply))
{
    struct cr_redis_store *store = op->store;
    if (args->count > 1 && args->arg[1][0] == '\0') {
        args->arg[1] = store->sha[args->script];
        args->len[1] = CR_SHA1_TEXT - 1;
    }
    op->answered = answered;
    op->call.done = on_answer;
    if (cr_redis_link_send(store->link, args, &op->call) == CR_OK) {
        op->calls++;
    } else {
        store_op_wait(op);
    }
}

cr_err store_answer_read(struct cr_answer *answer, const redisReply *reply)
{
    answer->part_count = answer->pair_count = 0;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2) {
        return CR_INVALID;
    }
    answer->code = store_reply_bytes(reply->element[0]);
    answer->note = store_reply_bytes(reply->element[1]);
    if (answer->code.data == NULL || answer->note.data == NULL) {
        return CR_INVALID;
    }
    for (size_t i = 2; i < reply->elements; i++) {
        const redisReply *element = reply->element[i];
        if (element->type == REDIS_REPLY_ARRAY) {
            if (element->elements > CR_ANSWER_PAIRS || element->elements % 2 != 0) {
                return CR_INVALID;
            }
            for (size_t k = 0; k < element->elements; k++) {
                answer->pair[answer->pair_count++] = store_reply_bytes(element->element[k]);
            }
            return CR_OK;
        }
        if (answer->part_count == CR_ANSWER_PARTS) {
            return CR_INVALID;
        }
        answer->part[answer->part_count++] = store_reply_bytes(element);
    }
    return CR_OK;
}

/* ---- all of them ---- */

void store_ops_time_out(struct cr_redis_store *store, uint64_t now_ms)
{
    while (store->first != NULL && store->first->deadline_ms <= now_ms) {
        store_op_unavailable(store->first);
    }
}

static struct store_op *take_waiting(struct cr_redis_store *store)
{
    struct store_op *list = store->waiting;
    store->waiting = NULL;
    store->waiting_tail = &store->waiting;
    return list;
}

void store_ops_resume(struct cr_redis_store *store)
{
    for (struct store_op *op = take_waiting(store), *next; op != NULL; op = next) {
        next = op->waiting_next;
        op->waiting = false;
        if (op->job == NULL) {
            store_op_settle(op);
        } else if (!op->late) {
            store_op_go(op);
        }
    }
}

void store_ops_give_up(struct cr_redis_store *store)
{
    for (struct store_op *op = take_waiting(store), *next; op != NULL; op = next) {
        next = op->waiting_next;
        op->waiting = false;
        if (op->job == NULL) {
            store_op_settle(op);
        } else {
            store_op_unavailable(op);
        }
    }
}

void store_ops_end(struct cr_redis_store *store)
{
    store_ops_give_up(store);
    store_ops_time_out(store, UINT64_MAX);
    while (store->late != NULL) {
        store_op_drop(store->late); /* the journal has it: it is recorded after the next start */
    }
}

void store_ops_free(struct cr_redis_store *store)
{
    while (store->spare != NULL) {
        struct store_op *op = store->spare;
        store->spare = op->next;
        free(op);
    }
}
