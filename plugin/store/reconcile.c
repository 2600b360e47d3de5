/* What the journal knows and Redis lost is put back: entry by entry, oldest first, a window of them at a time. Nobody
 * is served before that is done, so that no key gets a second certificate while its first is only in the journal. */
#include "plugin/store/redis_store.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 64 };

struct put_back {
    struct cr_redis_call call;
    struct cr_reconcile *run;
    struct cr_tail_entry entry; /* a copy: the tail moves on */
    bool asked_for_der;
    bool reloaded; /* the scripts were loaded again for it */
    bool busy;
};

struct cr_reconcile {
    struct cr_redis_store *store; /* NULL: abandoned; ends with its last answer */
    uint64_t next, end;           /* numbers in the tail */
    unsigned busy;
    unsigned restored, stray;
    bool unsent;                  /* the connection took something no more */
    int64_t now_s;
    struct put_back window[WINDOW];
};

static void run_on(struct cr_reconcile *run);

cr_err store_reconcile_der(struct cr_redis_store *store, const struct cr_tail_entry *entry, struct cr_blob *der)
{
    char text[CR_JOURNAL_LINE_MAX];
    if (entry->len == 0 || entry->len > sizeof text) {
        return CR_NOT_FOUND;
    }
    cr_err err = cr_journal_read(store->journal, entry->offset, text, entry->len);
    return err == CR_OK ? cr_tail_der(der, (struct cr_bytes){ (const uint8_t *)text, entry->len }) : err;
}

static void put_back_send(struct put_back *put, struct cr_bytes der);

static void put_back_claim(struct cr_redis_store *store, const struct cr_restore *facts)
{
    struct cr_claim claim;
    if (cr_records_claim(&claim, &store->records, facts->entry.key_hash, facts->device, facts->slot) == CR_OK) {
        store_claim_use(store, &claim);
    }
}

static void put_back_done(struct cr_redis_store *store, struct put_back *put)
{
    const struct cr_restore *facts = &put->entry.restore;
    put->run->restored++;
    const struct cr_audit audit = {
        .what = "restored",
        .now_s = put->run->now_s,
        .device = facts->device,
        .slot = facts->slot,
        .renewal_id = facts->renewal_id,
        .detail = facts->confirmed ? "confirmed" : "issued",
        .certificate = facts,
    };
    store_audit(store, &audit);
    put_back_claim(store, facts);
}

/* Nobody has it, and nobody is to get it. */
static void put_back_void(struct cr_redis_store *store, const struct put_back *put)
{
    const struct cr_restore *facts = &put->entry.restore;
    const struct cr_audit audit = {
        .what = "void",
        .now_s = put->run->now_s,
        .device = facts->device,
        .slot = facts->slot,
        .renewal_id = facts->renewal_id,
        .detail = "another broker certified the same key before this one was recorded",
        .certificate = facts,
    };
    store_audit(store, &audit);
    cr_tail_void(store->tail, &facts->entry.serial);
}

static void put_back_with_der(struct cr_redis_store *store, struct put_back *put)
{
    struct cr_blob der;
    if (put->asked_for_der || store_reconcile_der(store, &put->entry, &der) != CR_OK) {
        put->run->stray++;
        return;
    }
    put->asked_for_der = true;
    put_back_send(put, cr_blob_view(&der));
    cr_blob_fini(&der);
}

static void put_back_judge(struct cr_redis_store *store, struct put_back *put, const redisReply *reply)
{
    struct cr_answer answer;
    if (reply->type == REDIS_REPLY_ERROR) {
        enum cr_redis_trouble trouble = cr_redis_trouble(store_reply_bytes(reply));
        if (trouble == CR_TROUBLE_SCRIPTS && !put->reloaded) {
            put->reloaded = true;
            put->asked_for_der = false;
            store_load_scripts(store);
            put_back_send(put, (struct cr_bytes){ NULL, 0 });
            return;
        }
        if (trouble != CR_TROUBLE_RECORD) {
            char sentence[100];
            snprintf(sentence, sizeof sentence, "Redis answered: %.70s", reply->str);
            cr_redis_link_drop(store->link, sentence);
            return;
        }
        put->run->stray++;
    } else if (store_answer_read(&answer, reply) != CR_OK || cr_answer_is(&answer, "foreign")) {
        put->run->stray++;
    } else if (cr_answer_is(&answer, "need")) {
        put_back_with_der(store, put);
    } else if (cr_answer_is(&answer, "restored")) {
        put_back_done(store, put);
    } else if (cr_answer_is(&answer, "replaced")) {
        put_back_void(store, put);
    } else if (cr_redis_link_parts(store->link) > 1) { /* the record is there; whose key it is stands in another node */
        put_back_claim(store, &put->entry.restore);
    }
}

static void on_put_back(struct cr_redis_call *call, const redisReply *reply)
{
    struct put_back *put = (struct put_back *)((char *)call - offsetof(struct put_back, call));
    struct cr_reconcile *run = put->run;
    put->busy = false;
    if (run->store != NULL && reply != NULL) {
        put_back_judge(run->store, put, reply); /* may drop the connection, and so abandon the run */
    }
    run->busy--;
    if (run->store == NULL && run->busy == 0) {
        free(run);
    } else if (run->store != NULL && reply != NULL) { /* else the connection is going down: it is abandoned next */
        run_on(run);
    }
}

static void put_back_send(struct put_back *put, struct cr_bytes der)
{
    struct cr_redis_store *store = put->run->store;
    struct cr_args args;
    if (cr_args_restore(&args, &store->records, &put->entry.restore, der, put->run->now_s) != CR_OK) {
        put->run->stray++;
        return;
    }
    args.arg[1] = store->sha[args.script];
    args.len[1] = CR_SHA1_TEXT - 1;
    put->call.done = on_put_back;
    put->busy = true;
    put->run->busy++;
    if (cr_redis_link_send(store->link, &args, &put->call) != CR_OK) {
        put->busy = false;
        put->run->unsent = true;
        put->run->busy--;
    }
}

/* Whether Redis could still want it. */
static bool of_interest(const struct cr_reconcile *run, const struct cr_tail_entry *entry)
{
    return !entry->gone && entry->restore.entry.not_after > run->now_s;
}

static void serve(struct cr_redis_store *store, unsigned restored)
{
    store->phase = STORE_READY;
    store->served++;
    store->lost = false;
    cr_redis_link_good(store->link);
    store_trouble(store, "");
    if (restored > 0) {
        store_log(store, 'w', "%u revocations that Redis had lost were put back from the journal.", restored);
    }
    store_record_catch_up(store);
    store_ops_resume(store);
    store_revoked_look(store);
}

static void run_end(struct cr_reconcile *run)
{
    struct cr_redis_store *store = run->store;
    store->reconcile = NULL;
    if (run->restored > 0) {
        store_log(store, 'w', "%u certificates that Redis had lost were put back from the journal.", run->restored);
    }
    if (run->stray > 0) {
        store_log(store, 'e', "%u records in Redis are damaged and could not be compared with the journal.",
                  run->stray);
    }
    free(run);
    store_undone_put_back(store, serve);
}

static void run_on(struct cr_reconcile *run)
{
    struct cr_redis_store *store = run->store;
    if (store->phase != STORE_RECONCILING) {
        return;
    }
    for (unsigned i = 0; i < WINDOW && run->next < run->end; i++) {
        struct put_back *put = &run->window[i];
        while (!put->busy && !run->unsent && run->next < run->end) {
            const struct cr_tail_entry *entry = cr_tail_get(store->tail, run->next++);
            if (entry != NULL && of_interest(run, entry)) {
                put->run = run;
                put->entry = *entry;
                put->asked_for_der = put->reloaded = false;
                put_back_send(put, (struct cr_bytes){ NULL, 0 });
            }
        }
    }
    if (run->unsent) {
        cr_redis_link_drop(store->link, "The connection to Redis could not be used.");
        return; /* it is abandoned */
    }
    if (run->busy == 0 && run->next >= run->end) {
        run_end(run);
    }
}

void store_reconcile(struct cr_redis_store *store)
{
    struct cr_reconcile *run = calloc(1, sizeof *run);
    if (run == NULL) {
        cr_redis_link_drop(store->link, "Out of memory.");
        return;
    }
    run->store = store;
    run->next = cr_tail_first(store->tail);
    run->end = cr_tail_next(store->tail);
    run->now_s = cr_wall_s(store->options.clock);
    store->reconcile = run;
    store->phase = STORE_RECONCILING;
    run_on(run);
}

void store_reconcile_abandon(struct cr_redis_store *store)
{
    struct cr_reconcile *run = store->reconcile;
    store->reconcile = NULL;
    store_undone_abandon(store);
    if (run == NULL) {
        return;
    }
    run->store = NULL;
    if (run->busy == 0) {
        free(run);
    }
}
