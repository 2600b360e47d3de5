/* What operators look at takes many calls each: pages of the inventory, of the audit log, the counts of campaigns.
 * Redis answers in order, so that a hundred of them at once would let every device wait for all of them. Only some are
 * under way at a time; the others wait in line, for as long as any operation may take. One campaign goes before the
 * rest: whoever stops it reads it first. */
#include "plugin/store/redis_store.h"

enum { LOOKS_AT_ONCE = 4 };

static bool is_long(const struct cr_job *job)
{
    return job->command != 0 &&
           (job->op == CR_OP_LIST || job->op == CR_OP_HISTORY || job->op == CR_OP_CENSUS ||
            (job->op == CR_OP_CAMPAIGN && job->campaigns != NULL && job->campaigns->verb == CR_CAMPAIGN_READ));
}

/* Behind another; NULL: before all. */
static void line_put(struct store_op *op, struct store_op *behind)
{
    struct cr_redis_store *store = op->store;
    op->line_prev = behind;
    op->line_next = behind != NULL ? behind->line_next : store->line;
    *(behind != NULL ? &behind->line_next : &store->line) = op;
    *(op->line_next != NULL ? &op->line_next->line_prev : &store->line_last) = op;
    op->in_line = true;
}

bool store_line_enter(struct store_op *op)
{
    struct cr_redis_store *store = op->store;
    if (op->looking || !is_long(op->job)) {
        return true;
    }
    if (store->looking < LOOKS_AT_ONCE) {
        store->looking++;
        op->looking = true;
        return true;
    }
    line_put(op, op->job->op == CR_OP_CAMPAIGN && op->job->campaigns->id[0] != '\0' ? NULL : store->line_last);
    return false;
}

static void line_take(struct store_op *op)
{
    struct cr_redis_store *store = op->store;
    *(op->line_prev != NULL ? &op->line_prev->line_next : &store->line) = op->line_next;
    *(op->line_next != NULL ? &op->line_next->line_prev : &store->line_last) = op->line_prev;
    op->line_prev = op->line_next = NULL;
    op->in_line = false;
}

/* One after the other, also where each ends at once. */
static void line_go_on(struct cr_redis_store *store)
{
    if (store->line_moves) {
        return;
    }
    store->line_moves = true;
    while (store->line != NULL && store->looking < LOOKS_AT_ONCE) {
        struct store_op *op = store->line;
        if (op->deadline_ms <= store_now_ms()) {
            store_op_unavailable(op);
        } else {
            line_take(op);
            store_op_go(op);
        }
    }
    store->line_moves = false;
}

void store_line_leave(struct store_op *op)
{
    if (op->in_line) {
        line_take(op);
    } else if (op->looking) {
        op->looking = false;
        op->store->looking--;
        line_go_on(op->store);
    }
}
