/* CAMPAIGN: what is known of campaigns, and their counts. A campaign is read and written by one script; how its members
 * fare is counted in every bucket by itself: the buckets are asked side by side, COUNTS_AHEAD of them at a time, and what
 * they say is added up. An answer that is lost is not told from those that are still on their way until all have come:
 * only then is everything asked again. */
#include "common/random.h"
#include "plugin/store/records_campaign.h"
#include "plugin/store/redis_store.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTS_AHEAD = 64, PAIRS_MAX = 256 };

static void counts_go_on(struct store_op *op);

static void campaign_done(struct store_op *op)
{
    op->job->outcome = CR_OUT_DONE;
    op->job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

/* ---- counts ---- */

static void say_damaged(struct store_op *op, const char *id)
{
    char detail[80];
    (void)snprintf(detail, sizeof detail, "a count of campaign %s was damaged: it begins anew", id);
    store_audit_alarm(op, CR_REFUSAL_INTERNAL, detail);
}

static void counts_add(struct store_op *op, const redisReply *reply)
{
    struct cr_campaign_ask *ask = op->job->campaigns;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != ask->count) {
        op->gap = STORE_GAP_REFUSED;
        return;
    }
    for (unsigned i = 0; i < ask->count; i++) {
        const redisReply *hash = reply->element[i];
        if (hash->type != REDIS_REPLY_ARRAY) {
            say_damaged(op, ask->campaign[i].id);
            continue;
        }
        for (size_t k = 0; k + 1 < hash->elements; k += 2) {
            cr_campaign_add(&ask->campaign[i], store_reply_bytes(hash->element[k]),
                            store_reply_bytes(hash->element[k + 1]));
        }
    }
}

static void counts_refused(struct store_op *op, const redisReply *reply)
{
    if (cr_redis_trouble(store_reply_bytes(reply)) != CR_TROUBLE_SCRIPTS || op->reloaded) {
        op->gap = STORE_GAP_REFUSED;
    } else if (op->gap == STORE_NO_GAP) {
        op->gap = STORE_GAP_SCRIPTS;
    }
}

static void on_counts(struct cr_redis_call *call, const redisReply *reply)
{
    struct store_op *op = (struct store_op *)((char *)call - offsetof(struct store_op, side));
    op->calls--;
    if (op->job == NULL) {
        store_op_settle(op);
        return;
    }
    if (reply == NULL) {
        op->gap = STORE_GAP_LOST;
    } else if (reply->type == REDIS_REPLY_ERROR) {
        counts_refused(op, reply);
    } else {
        counts_add(op, reply);
    }
    counts_go_on(op);
}

static bool counts_ask(struct store_op *op, const char *ids)
{
    struct cr_args args;
    if (cr_args_counts(&args, &op->store->records, op->looked, ids) != CR_OK) {
        return false;
    }
    args.arg[1] = op->store->sha[CR_SCRIPT_COUNTS];
    args.len[1] = CR_SHA1_TEXT - 1;
    op->side.done = on_counts;
    if (cr_redis_link_send(op->store->link, &args, &op->side) != CR_OK) {
        return false;
    }
    op->calls++;
    op->looked++;
    return true;
}

static void counts_end(struct store_op *op)
{
    switch (op->gap) {
    case STORE_NO_GAP:
        campaign_done(op);
        break;
    case STORE_GAP_LOST:
        op->again = true;
        store_op_wait(op);
        break;
    case STORE_GAP_SCRIPTS:
        op->reloaded = true;
        store_load_scripts(op->store);
        store_op_go(op);
        break;
    case STORE_GAP_REFUSED:
        store_op_unavailable(op);
        break;
    }
}

/* Of many campaigns at once each bucket has much to say. */
static unsigned counts_ahead(const struct cr_campaign_ask *ask)
{
    return ask->count < COUNTS_AHEAD ? COUNTS_AHEAD / ask->count : 1;
}

static void counts_go_on(struct store_op *op)
{
    const struct cr_campaign_ask *ask = op->job->campaigns;
    char ids[CR_CAMPAIGN_IDS_CAP + 1];
    size_t len = 0;
    for (unsigned i = 0; i < ask->count && i < CR_CAMPAIGNS_MAX; i++) {
        memcpy(ids + len, ask->campaign[i].id, CR_CAMPAIGN_ID_CAP - 1);
        len += CR_CAMPAIGN_ID_CAP;
        ids[len - 1] = ' ';
    }
    ids[len] = '\0';
    while (op->gap == STORE_NO_GAP && op->looked < op->store->records.buckets && op->calls < counts_ahead(ask)) {
        if (!counts_ask(op, ids)) {
            op->gap = STORE_GAP_LOST;
        }
    }
    if (op->calls == 0) {
        counts_end(op);
    }
}

/* ---- reading ---- */

static void set_aside(struct store_op *op, const char *id)
{
    struct cr_args args;
    char detail[80];
    (void)snprintf(detail, sizeof detail, "campaign %s is damaged: it was set aside", id);
    store_audit_alarm(op, CR_REFUSAL_INTERNAL, detail);
    if (cr_args_campaign_damaged(&args, &op->store->records, id) == CR_OK) {
        args.arg[1] = op->store->sha[CR_SCRIPT_CAMPAIGN];
        args.len[1] = CR_SHA1_TEXT - 1;
        cr_redis_link_tell(op->store->link, &args);
    }
}

static cr_err campaign_take(struct cr_campaign *campaign, const char *id, const redisReply *hash)
{
    struct cr_bytes pair[PAIRS_MAX];
    if (!cr_campaign_id_ok(id) || hash->type != REDIS_REPLY_ARRAY || hash->elements > PAIRS_MAX) {
        return CR_INVALID;
    }
    for (size_t i = 0; i < hash->elements; i++) {
        pair[i] = store_reply_bytes(hash->element[i]);
    }
    return cr_campaign_read(campaign, id, pair, (unsigned)hash->elements);
}

static void on_read(struct store_op *op, const redisReply *reply)
{
    struct cr_campaign_ask *ask = op->job->campaigns;
    size_t told = reply->type == REDIS_REPLY_ARRAY ? reply->elements / 2 : CR_CAMPAIGNS_MAX + 1;
    if (told > CR_CAMPAIGNS_MAX) {
        store_op_quarantine(op, "an answer of Redis that is none");
        return;
    }
    ask->campaign = told > 0 ? calloc(told, sizeof *ask->campaign) : NULL;
    if (told > 0 && ask->campaign == NULL) {
        store_op_refuse(op, CR_REFUSAL_BUSY, 0);
        return;
    }
    for (size_t i = 0; i < told; i++) {
        struct cr_bytes text = store_reply_bytes(reply->element[2 * i]);
        char id[CR_NAME_CAP] = "";
        if (text.len < sizeof id && text.data != NULL) {
            memcpy(id, text.data, text.len);
        }
        if (campaign_take(&ask->campaign[ask->count], id, reply->element[2 * i + 1]) == CR_OK) {
            ask->count++;
        } else {
            set_aside(op, id);
        }
    }
    if (ask->count == 0 && ask->id[0] != '\0') {
        store_op_refuse(op, told == 0 ? CR_REFUSAL_UNKNOWN_CAMPAIGN : CR_REFUSAL_INTERNAL, 0);
    } else if (ask->count == 0 || ask->uncounted) {
        campaign_done(op);
    } else {
        counts_go_on(op);
    }
}

static void campaign_read_start(struct store_op *op)
{
    struct cr_campaign_ask *ask = op->job->campaigns;
    struct cr_args args;
    free(ask->campaign);
    ask->campaign = NULL;
    ask->count = op->looked = 0;
    op->gap = STORE_NO_GAP;
    if (ask->id[0] != '\0' && !cr_campaign_id_ok(ask->id)) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_CAMPAIGN, 0);
    } else if (cr_args_campaign_read(&args, &op->store->records, ask->id) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    } else {
        store_op_send(op, &args, on_read);
    }
}

/* ---- writing ---- */

static void audit_change(struct store_op *op, const struct cr_answer *answer)
{
    const struct cr_campaign *campaign = op->job->campaigns->campaign;
    struct cr_campaign_course before = { .at = 0 };
    char text[CR_CAMPAIGN_CHANGE_CAP];
    bool create = op->job->campaigns->verb == CR_CAMPAIGN_CREATE;
    if (!create && (answer->part_count < 2 || cr_campaign_course_read(&before, answer->part[1]) != CR_OK)) {
        before = (struct cr_campaign_course){ .state = CR_CAMPAIGN_STATES }; /* not known: whatever it is now is new */
    }
    if (cr_campaign_change(text, create ? NULL : &before, campaign)) {
        store_audit_op(op, "campaign", text, NULL);
    }
}

static void on_written(struct store_op *op, const redisReply *reply)
{
    struct cr_campaign *campaign = op->job->campaigns->campaign;
    struct cr_answer answer;
    int64_t version = 0;
    if (store_answer_read(&answer, reply) != CR_OK) {
        store_op_quarantine(op, "an answer of Redis that is none");
    } else if (cr_answer_is(&answer, "taken")) { /* by another: another id */
        campaign->id[0] = '\0';
        store_op_go(op);
    } else if (cr_answer_is(&answer, "unknown")) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_CAMPAIGN, 0);
    } else if (!cr_answer_is(&answer, "written")) {
        store_op_refuse(op, CR_REFUSAL_WRONG_STATE, 0);
    } else if (cr_answer_number(&answer, 0, &version) != CR_OK) {
        store_op_quarantine(op, "a campaign's version is none");
    } else {
        campaign->version = (uint64_t)version;
        audit_change(op, &answer);
        campaign_done(op);
    }
}

static cr_err new_id(char id[CR_CAMPAIGN_ID_CAP])
{
    uint8_t random[4];
    cr_err err = cr_random_fill(cr_random_system(), random, sizeof random);
    if (err == CR_OK) {
        (void)snprintf(id, CR_CAMPAIGN_ID_CAP, "%02x%02x%02x%02x", random[0], random[1], random[2], random[3]);
    }
    return err;
}

static void campaign_write_start(struct store_op *op)
{
    struct cr_campaign_ask *ask = op->job->campaigns;
    bool create = ask->verb == CR_CAMPAIGN_CREATE;
    struct cr_args args;
    char text[CR_CAMPAIGN_TEXT_CAP];
    if (ask->count != 1 || ask->campaign == NULL || cr_campaign_write(text, ask->campaign) != CR_OK ||
        (create && ask->campaign->id[0] == '\0' && new_id(ask->campaign->id) != CR_OK)) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    if (!cr_campaign_id_ok(ask->campaign->id)) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_CAMPAIGN, 0);
        return;
    }
    store_op_new_renewal(op); /* the write's own name */
    if (cr_args_campaign_write(&args, &op->store->records, ask->campaign, create, op->new_renewal_id, text) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_written);
}

void store_campaign_start(struct store_op *op)
{
    if (op->job->campaigns == NULL) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    } else if (op->job->campaigns->verb == CR_CAMPAIGN_READ) {
        campaign_read_start(op);
    } else {
        campaign_write_start(op);
    }
}
