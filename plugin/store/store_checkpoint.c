/* The journal's checkpoints and files, as far as the store has to do with them: who signs, and who is told. */
#include "plugin/store/redis_store.h"
#include "plugin/worker/issuer.h"

#include <stdio.h>
#include <string.h>

/* ---- on the pool ---- */

/* Who signs at this time. Where none can issue, a checkpoint says all the same who wrote the journal. */
static const char *signer_issuer(void *ctx)
{
    struct cr_redis_store *store = ctx;
    const struct cr_trust *trust = store->signing->trust;
    if (trust == NULL) {
        return "";
    }
    unsigned signer = cr_trust_signer(trust, cr_wall_s(store->options.clock), NULL, NULL);
    return cr_issuer_id(trust, signer != CR_NO_SIGNER ? signer : 0);
}

/* The statement says who: another issuer's moment may have come since. */
static cr_err signer_sign(void *ctx, const char *issuer, struct cr_bytes statement, uint8_t *sig, size_t *sig_len)
{
    const struct cr_redis_store *store = ctx;
    unsigned signer = cr_trust_signer_of(store->signing->trust, issuer);
    if (signer == CR_NO_SIGNER) {
        return CR_BUG;
    }
    cr_err err = cr_issuer_attest(store->signing->trust, signer, statement, sig, sig_len);
    cr_key_thread_end(); /* libuv ends its pool after all else */
    return err;
}

/* ---- on the store's thread ---- */

void store_signer_know(struct cr_redis_store *store, struct cr_setup *setup)
{
    if (setup != store->newest) {
        cr_setup_drop(store->newest);
        store->newest = cr_setup_hold(setup);
    }
}

void store_signer_use(struct cr_redis_store *store)
{
    if (store->signing != store->newest && cr_journal_rests(store->journal)) {
        cr_setup_drop(store->signing);
        store->signing = cr_setup_hold(store->newest);
    }
}

static void told_checkpoint(struct cr_redis_store *store, const struct cr_journal_event *event)
{
    char hash[2 * CR_SHA256_LEN + 1], detail[CR_AUDIT_DETAIL_CAP];
    cr_hex_encode(hash, event->checkpoint_digest, CR_SHA256_LEN);
    snprintf(detail, sizeof detail, "line %llu SHA-256 %s", (unsigned long long)event->checkpoint_seq, hash);
    store_audit_elsewhere(
        store, &(struct cr_audit){ .what = "checkpoint", .now_s = cr_wall_s(store->options.clock), .detail = detail });
}

static void on_told(void *ctx, const struct cr_journal_event *event)
{
    struct cr_redis_store *store = ctx;
    if (event->checkpoint_seq != 0) {
        told_checkpoint(store, event);
        store->unsigned_said = false;
    }
    if (event->rotated_seq != 0) {
        store_log(store, 'n', "The journal goes on in a new file; the one from line %llu on was set aside.",
                  (unsigned long long)event->rotated_seq);
    }
    if (event->rotate_error != 0) {
        store_log(store, 'w', "The journal has grown beyond journal_max_size, and cannot begin a new file: %s.",
                  strerror(event->rotate_error));
    }
    if (event->sign_error != CR_OK && !store->unsigned_said) {
        store->unsigned_said = true;
        store_log(store, 'w', "A checkpoint of the journal cannot be signed: %s. Lines are written all the same.",
                  cr_err_text(event->sign_error));
    }
}

static void on_line(void *ctx, struct cr_bytes line, uint64_t offset)
{
    struct cr_redis_store *store = ctx;
    if (cr_tail_line(store->tail, line, offset) != CR_OK) {
        store->op_errors++; /* chained and whole, but not as this version writes it: nothing can be put back from it */
    }
}

cr_err store_journal_start(struct cr_redis_store *store, char *why, size_t why_cap)
{
    const struct cr_journal_options options = {
        .dir = store->config->journal_dir,
        .broker = store->owner.broker,
        .visit = on_line,
        .ctx = store,
        .counts = cr_tail_takes,
        .enough = CR_TAIL_MAX,
        .max_size = (uint64_t)store->config->journal_max_size,
        .clock = store->options.clock,
        .signer = { signer_issuer, signer_sign, store },
        .told = on_told,
    };
    store->newest = cr_setup_hold(store->options.setup);
    store->signing = cr_setup_hold(store->options.setup);
    cr_err err = cr_tail_new(&store->tail, CR_TAIL_MAX);
    if (err != CR_OK) {
        snprintf(why, why_cap, "Out of memory.");
        return err;
    }
    err = cr_journal_open(&store->journal, &options, why, why_cap);
    if (err == CR_OK && cr_journal_torn(store->journal) > 0) {
        char detail[80];
        snprintf(detail, sizeof detail, "a torn last line of %llu bytes was cut off",
                 (unsigned long long)cr_journal_torn(store->journal));
        store_log(store, 'w', "The journal: %s.", detail);
        store_audit(
            store, &(struct cr_audit){ .what = "journal", .now_s = cr_wall_s(store->options.clock), .detail = detail });
    }
    return err;
}

bool store_journal_finish(struct cr_redis_store *store)
{
    if (!store->finished) {
        store->finished = true;
        cr_journal_checkpoint(store->journal);
        cr_journal_flush(store->journal, &store->loop);
    }
    return cr_journal_idle(store->journal);
}

void store_signer_end(struct cr_redis_store *store)
{
    cr_setup_drop(store->newest);
    cr_setup_drop(store->signing);
}
