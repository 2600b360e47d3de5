/* A pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): a tree in which nobody is earlier than its parent, its
 * children a list. Whoever has to find its place among a hundred thousand does so in a few steps. */
#include "plugin/loop/deadlines.h"

static bool earlier(const struct cr_deadline *a, const struct cr_deadline *b)
{
    return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->turn < b->turn);
}

/* Two trees into one. Either may be NULL. */
static struct cr_deadline *meld(struct cr_deadline *a, struct cr_deadline *b)
{
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    if (earlier(b, a)) {
        struct cr_deadline *swap = a;
        a = b;
        b = swap;
    }
    b->before = a;
    b->next = a->child;
    if (b->next != NULL) {
        b->next->before = b;
    }
    a->child = b;
    a->before = a->next = NULL;
    return a;
}

/* Children that lost their parent into one tree: in pairs, then those from the last to the first. */
static struct cr_deadline *gather(struct cr_deadline *first)
{
    struct cr_deadline *pairs = NULL, *all = NULL;
    while (first != NULL) {
        struct cr_deadline *a = first, *b = first->next;
        first = b != NULL ? b->next : NULL;
        a->next = a->before = NULL;
        if (b != NULL) {
            b->next = b->before = NULL;
        }
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        struct cr_deadline *next = pairs->next;
        pairs->next = NULL;
        all = meld(all, pairs);
        pairs = next;
    }
    return all;
}

void cr_deadline_set(struct cr_deadline **list, struct cr_deadline *deadline, struct cr_session *session, int64_t at_ms)
{
    static uint64_t turn; /* one loop, one thread */

    cr_deadline_clear(deadline);
    *deadline = (struct cr_deadline){ .list = list, .session = session, .at_ms = at_ms, .turn = ++turn };
    *list = meld(*list, deadline);
}

void cr_deadline_clear(struct cr_deadline *deadline)
{
    struct cr_deadline **list = deadline->list, *orphans;

    if (list == NULL) {
        return;
    }
    if (deadline->before != NULL) {
        if (deadline->before->child == deadline) {
            deadline->before->child = deadline->next;
        } else {
            deadline->before->next = deadline->next;
        }
        if (deadline->next != NULL) {
            deadline->next->before = deadline->before;
        }
    }
    orphans = gather(deadline->child);
    *list = *list == deadline ? orphans : meld(*list, orphans);
    deadline->list = NULL;
    deadline->child = deadline->next = deadline->before = NULL;
}

struct cr_session *cr_deadline_take(struct cr_deadline **list, int64_t now_ms)
{
    struct cr_deadline *first = *list;

    if (first == NULL || first->at_ms > now_ms) {
        return NULL;
    }
    cr_deadline_clear(first);
    return first->session;
}
