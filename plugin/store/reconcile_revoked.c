/* What this broker revoked and Redis lost is put back, after its certificates and before anybody is served: one after the
 * other, its entry, then the slot that was revoked with it. What Redis still knows it knows better: there may have been a
 * release that this journal has not seen. */
#include "plugin/store/redis_store.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 64 };

struct undone_put {
    struct cr_redis_call call;
    struct store_undone *run;
    struct cr_undone one; /* a copy: the list moves on */
    bool slot_next, busy;
    struct cr_issuer_mark mark;               /* what the command refers to: its mark, */
    char text[CR_NAME_CAP + CR_CRT_CAP + 48]; /* or its certificate, as withdrawn.lua has it */
};

struct store_undone {
    struct cr_redis_store *store; /* NULL: abandoned; ends with its last answer */
    unsigned next, busy, restored;
    bool failed;
    int64_t now_s, lately_s; /* for so long after its end a certificate may still be of use */
    void (*done)(struct cr_redis_store *store, unsigned restored);
    struct undone_put window[WINDOW];
};

static void run_on(struct store_undone *run);
static void put_send(struct undone_put *put);

static void put_back_told(struct undone_put *put)
{
    const struct cr_undone *one = &put->one;
    struct cr_redis_store *store = put->run->store;
    put->run->restored++;
    store_audit(store, &(struct cr_audit){ .what = "restored",
                                           .now_s = put->run->now_s,
                                           .device = one->entry.device,
                                           .slot = one->slot,
                                           .detail = one->issuer ? "issuer" : "revoked",
                                           .revocation = &one->entry });
}

/* Whether the script put something back; and the claims of the keys that a slot told. */
static bool put_took(struct undone_put *put, const struct cr_answer *answer)
{
    enum { VERSION, NEW, CHANGED };
    struct cr_redis_store *store = put->run->store;
    int64_t changed = 0;
    if (!put->slot_next) {
        return cr_answer_number(answer, CHANGED, &changed) == CR_OK && changed > 0;
    }
    struct cr_bytes rest = answer->part_count > 0 ? answer->part[0] : (struct cr_bytes){ NULL, 0 };
    struct cr_withdrawn one;
    while (cr_answer_is(answer, "done") && cr_withdrawn_read(&one, &rest)) {
        struct cr_claim claim;
        struct cr_args args;
        if (one.has_key && cr_records_claim(&claim, &store->records, one.entry.key_hash, put->one.entry.device,
                                            one.slot) == CR_OK) {
            store_claim_revoke_args(&args, &claim);
            cr_redis_link_tell(store->link, &args);
        }
    }
    return cr_answer_is(answer, "done");
}

static void on_put(struct cr_redis_call *call, const redisReply *reply)
{
    struct undone_put *put = (struct undone_put *)((char *)call - offsetof(struct undone_put, call));
    struct store_undone *run = put->run;
    struct cr_answer answer;
    put->busy = false;
    run->busy--;
    if (run->store == NULL || reply == NULL) {
        if (run->store == NULL && run->busy == 0) {
            free(run);
        }
        return; /* else the connection is going down: it is abandoned next */
    }
    if (reply->type == REDIS_REPLY_ERROR && cr_redis_trouble(store_reply_bytes(reply)) != CR_TROUBLE_RECORD) {
        run->failed = true;
    } else if (reply->type != REDIS_REPLY_ERROR && store_answer_read(&answer, reply) == CR_OK) {
        if (put_took(put, &answer)) {
            put_back_told(put);
        }
        if (!put->slot_next && !put->one.issuer && put->one.slot[0] != '\0' && put->one.version > 0) {
            put->slot_next = true;
            put_send(put);
        }
    }
    run_on(run);
}

static cr_err put_args(struct undone_put *put, struct cr_args *args)
{
    const struct cr_undone *one = &put->one;
    const struct cr_records *records = &put->run->store->records;
    if (one->issuer) {
        put->mark = (struct cr_issuer_mark){ .state = one->state, .reason = one->entry.reason, .at = one->entry.at };
        memcpy(put->mark.id, one->entry.issuer, sizeof put->mark.id);
        return cr_args_revoked_issuer(args, records, &put->mark, true);
    }
    if (put->slot_next) {
        return cr_args_revoke(args, records, one->entry.device, one->slot, put->run->now_s,
                              put->run->lately_s, one->entry.reason, "", one->version);
    }
    cr_err err = cr_withdrawn_write(put->text, sizeof put->text, one->slot, &one->entry.serial, one->entry.issuer,
                                    one->entry.not_after);
    if (err == CR_OK) {
        err = cr_args_revoked_add(args, records, one->entry.at, one->entry.reason, one->entry.device,
                                  (struct cr_bytes){ (const uint8_t *)put->text, strlen(put->text) }, true);
    }
    return err;
}

static void put_send(struct undone_put *put)
{
    struct cr_redis_store *store = put->run->store;
    struct cr_args args;
    if (put_args(put, &args) != CR_OK) {
        return;
    }
    args.arg[1] = store->sha[args.script];
    args.len[1] = CR_SHA1_TEXT - 1;
    put->call.done = on_put;
    put->busy = true;
    put->run->busy++;
    if (cr_redis_link_send(store->link, &args, &put->call) != CR_OK) {
        put->busy = false;
        put->run->busy--;
        put->run->failed = true;
    }
}

/* The newest mark of an issuer is the one that counts. */
static bool is_overtaken(const struct cr_undone_list *list, const struct cr_undone *one, unsigned index)
{
    const struct cr_undone *later;
    while (one->issuer && (later = cr_undone_get(list, ++index)) != NULL) {
        if (later->issuer && strcmp(later->entry.issuer, one->entry.issuer) == 0) {
            return true;
        }
    }
    return false;
}

static void run_on(struct store_undone *run)
{
    struct cr_redis_store *store = run->store;
    const struct cr_undone_list *list = cr_tail_undone(store->tail);
    const struct cr_undone *one;
    for (unsigned i = 0; i < WINDOW && !run->failed; i++) {
        struct undone_put *put = &run->window[i];
        while (!put->busy && !run->failed && (one = cr_undone_get(list, run->next)) != NULL) {
            unsigned at = run->next++;
            if (one->gone || (one->entry.serial.len > 0 && one->entry.not_after <= run->now_s - run->lately_s) ||
                is_overtaken(list, one, at)) {
                continue;
            }
            *put = (struct undone_put){ .run = run, .one = *one };
            put->slot_next = !one->issuer && one->entry.serial.len == 0;
            put_send(put);
        }
    }
    if (run->failed) {
        cr_redis_link_drop(store->link, "What was revoked could not be put back.");
        return; /* it is abandoned */
    }
    if (run->busy == 0) {
        unsigned restored = run->restored;
        store->undone = NULL;
        run->done(store, restored);
        free(run);
    }
}

void store_undone_put_back(struct cr_redis_store *store, void (*done)(struct cr_redis_store *store, unsigned restored))
{
    struct store_undone *run = calloc(1, sizeof *run);
    if (run == NULL) {
        cr_redis_link_drop(store->link, "Out of memory.");
        return;
    }
    run->store = store;
    run->done = done;
    run->now_s = cr_wall_s(store->options.clock);
    run->lately_s = cr_config_accept_expired_s(&store->newest->config);
    store->undone = run;
    run_on(run);
}

void store_undone_abandon(struct cr_redis_store *store)
{
    struct store_undone *run = store->undone;
    store->undone = NULL;
    if (run != NULL) {
        run->store = NULL;
        if (run->busy == 0) {
            free(run);
        }
    }
}
