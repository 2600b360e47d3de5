/* Redis can go back in time. What the loop was told holds all the same: another broker may still be about to put it back.
 * So all is told again, but nothing is forgotten; and not before this broker's journal has put back what it knows.
 *
 * What is revoked, page by page to the loop. A page is asked for when the version of the whole is another than the one
 * that the loop was told of. Pages go one after the other, a few of them at a time: the loop says by freeing one that it
 * had it. One that its queue had no room for was never told: then all is told again from where it was before that. */
#include "plugin/store/redis_store.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES_OUT = 4, TURN_MS = 5, LOOKS = 256 };

struct store_revoked {
    struct cr_redis_store *store;
    struct cr_redis_call call;
    uv_timer_t turn;
    struct cr_receipt *receipt; /* of the pages that are out */
    bool asking;                /* a page was asked for */
    bool again;                 /* something changed since */
    bool anew;                  /* the next page begins from nothing */
    bool complete;              /* all was told, as of `told` */
    uint64_t told;              /* up to where */
    uint64_t sure;              /* and up to where it is known to have arrived */
    uint64_t lost;              /* how often Redis was given back what it lost */
    unsigned served;            /* which reconciling it was that `told` is from */
    char epoch[CR_EPOCH_CAP];   /* of which Redis */
};

static void revoked_ask(struct store_revoked *revoked);

/* What ended a day before is forgotten: after that nobody lets it in, not even to renew. */
static int64_t revoked_over_s(const struct cr_redis_store *store)
{
    return cr_wall_s(store->options.clock) - cr_config_accept_expired_s(&store->newest->config);
}

static void on_turn(uv_timer_t *timer)
{
    revoked_ask(timer->data);
}

static struct store_revoked *revoked_of(struct cr_redis_store *store)
{
    if (store->revoked != NULL) {
        return store->revoked;
    }
    struct store_revoked *revoked = calloc(1, sizeof *revoked);
    if (revoked == NULL) {
        return NULL;
    }
    revoked->receipt = cr_receipt_new();
    if (revoked->receipt == NULL) {
        free(revoked);
        return NULL;
    }
    revoked->store = store;
    revoked->anew = true;
    (void)uv_timer_init(&store->loop, &revoked->turn);
    revoked->turn.data = revoked;
    store->revoked = revoked;
    return revoked;
}

/* ---- a page ---- */

static bool page_fill(struct cr_revocations *page, const struct cr_answer *answer)
{
    enum { VERSION, LOST, LAST, ISSUERS, ENTRIES };
    struct cr_bytes issuers = answer->part[ISSUERS], entries = answer->part[ENTRIES];
    struct cr_issuer_mark mark;
    while (cr_issuer_mark_read(&mark, &issuers)) {
        if (mark.state != CR_ISSUER_TRUSTED && page->mark_count < CR_ISSUER_MARKS_MAX) {
            page->mark[page->mark_count++] = mark;
        }
    }
    while (page->count < CR_REVOCATIONS_MAX && cr_revocation_read(&page->change[page->count], &entries)) {
        page->count++;
    }
    return issuers.len == 0 && entries.len == 0;
}

/* To the loop. */
static void page_tell(struct store_revoked *revoked, const struct cr_answer *answer, uint64_t version, bool complete)
{
    struct cr_redis_store *store = revoked->store;
    struct cr_job *job = NULL;
    struct cr_revocations *page = calloc(1, sizeof *page);
    if (page == NULL || cr_job_new(&job, CR_OP_REVOKED, store->options.setup) != CR_OK) {
        free(page);
        store->op_errors++;
        return; /* the next look repeats it */
    }
    job->revoked = page;
    if (!page_fill(page, answer)) { /* what can be read is told all the same */
        store_log(store, 'e', "Redis' record of what is revoked is damaged: look at the keys {revoked} under redis_prefix.");
        store->op_errors++;
    }
    page->version = version;
    page->anew = revoked->anew;
    page->complete = complete;
    page->receipt = cr_receipt_take(revoked->receipt);
    revoked->anew = false;
    revoked->complete = complete;
    revoked->told = version;
    job->now_s = cr_wall_s(store->options.clock);
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
    store->options.done(store->options.done_ctx, job);
}

static void tell_again(struct store_revoked *revoked)
{
    revoked->served = revoked->store->served;
    revoked->complete = false;
    revoked->told = revoked->sure = 0;
}

static void page_take(struct store_revoked *revoked, const struct cr_answer *answer)
{
    enum { VERSION, LOST, LAST, ISSUERS, ENTRIES, ENDED, PARTS };
    struct cr_redis_store *store = revoked->store;
    int64_t version = 0, lost = 0, last = 0;
    if (answer->part_count < PARTS || cr_answer_number(answer, VERSION, &version) != CR_OK ||
        cr_answer_number(answer, LOST, &lost) != CR_OK ||
        (answer->part[LAST].len > 0 && cr_answer_number(answer, LAST, &last) != CR_OK)) {
        store->op_errors++;
        return;
    }
    if (answer->part[ENDED].len == 1 && answer->part[ENDED].data[0] == '1') {
        struct cr_args args;
        if (cr_args_revoked_prune(&args, &store->records, revoked_over_s(store)) == CR_OK) {
            args.arg[1] = store->sha[args.script];
            args.len[1] = CR_SHA1_TEXT - 1;
            cr_redis_link_tell(store->link, &args);
        }
    }
    bool first = revoked->anew && revoked->told == 0;
    if (!first && ((uint64_t)version < revoked->told || (uint64_t)lost != revoked->lost)) {
        if (revoked->served == store->served) {
            store->lost = true; /* the next beat puts back what the journal knows */
            return;
        }
        revoked->lost = (uint64_t)lost;
        tell_again(revoked);
        revoked->again = true;
        return;
    }
    revoked->lost = (uint64_t)lost;
    bool complete = answer->part[LAST].len == 0;
    if (revoked->anew || !complete || !revoked->complete || (uint64_t)version != revoked->told) {
        page_tell(revoked, answer, complete ? (uint64_t)version : (uint64_t)last, complete);
    }
    revoked->again = revoked->again || !complete;
}

static void on_page(struct cr_redis_call *call, const redisReply *reply)
{
    struct store_revoked *revoked = (struct store_revoked *)((char *)call - offsetof(struct store_revoked, call));
    struct cr_redis_store *store = revoked->store;
    struct cr_answer answer;
    revoked->asking = false;
    if (reply == NULL || store->phase != STORE_READY || store->closing) {
        return; /* the next look asks again */
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        if (cr_redis_trouble(store_reply_bytes(reply)) == CR_TROUBLE_SCRIPTS) {
            store_load_scripts(store);
        } else {
            store->op_errors++;
        }
        return;
    }
    if (store_answer_read(&answer, reply) != CR_OK) {
        store->op_errors++;
        return;
    }
    page_take(revoked, &answer);
    if (revoked->again) {
        revoked_ask(revoked);
    }
}

/* What the loop made of the pages that are out. False: it is to have less of them first. */
static bool pages_settled(struct store_revoked *revoked)
{
    bool lost = false;
    unsigned out = cr_receipt_look(revoked->receipt, &lost);
    if (lost) {
        revoked->told = revoked->sure;
        revoked->anew = revoked->anew || revoked->sure == 0;
        revoked->complete = false;
    }
    if (out == 0) {
        revoked->sure = revoked->told;
    }
    return out < PAGES_OUT;
}

static void revoked_ask(struct store_revoked *revoked)
{
    struct cr_redis_store *store = revoked->store;
    struct cr_args args;
    if (store->phase != STORE_READY || store->closing) {
        return;
    }
    if (revoked->asking) {
        revoked->again = true;
        return;
    }
    if (!pages_settled(revoked)) {
        (void)uv_timer_start(&revoked->turn, on_turn, TURN_MS, 0);
        return;
    }
    if (strcmp(revoked->epoch, store->epoch) != 0) {
        memcpy(revoked->epoch, store->epoch, sizeof revoked->epoch);
        tell_again(revoked);
    }
    revoked->again = false;
    if (cr_args_revoked_page(&args, &store->records, revoked->told, LOOKS, CR_REVOCATIONS_MAX, "", true,
                             revoked_over_s(store)) != CR_OK) {
        return;
    }
    args.arg[1] = store->sha[args.script];
    args.len[1] = CR_SHA1_TEXT - 1;
    revoked->call.done = on_page;
    revoked->asking = cr_redis_link_send(store->link, &args, &revoked->call) == CR_OK;
}

void store_revoked_look(struct cr_redis_store *store)
{
    struct store_revoked *revoked = revoked_of(store);
    if (revoked != NULL) {
        revoked_ask(revoked);
    }
}

void store_revoked_end(struct cr_redis_store *store)
{
    if (store->revoked != NULL) {
        uv_close((uv_handle_t *)&store->revoked->turn, NULL);
    }
}

void store_revoked_free(struct cr_redis_store *store)
{
    if (store->revoked != NULL) {
        cr_receipt_drop(store->revoked->receipt);
        free(store->revoked);
        store->revoked = NULL;
    }
}
