/* deadlines: sessions that something is to be done about at a time, the earliest first. A heap for each kind of thing;
 * looking at its root is all that a tick costs. Broker loop only; nothing here allocates. */
#ifndef CR_DEADLINES_H
#define CR_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cr_session;

/* Part of its session; zeroed: not set. */
struct cr_deadline {
    struct cr_deadline **list;           /* where its root is kept; NULL: not set */
    struct cr_deadline *child, *next;    /* its first child, its next sibling */
    struct cr_deadline *before;          /* its former sibling, or its parent */
    struct cr_session *session;
    int64_t at_ms;                       /* monotonic */
    uint64_t turn;                       /* among those of the same time */
};

/* Sets it, or moves it; behind others of the same time. */
void cr_deadline_set(struct cr_deadline **list, struct cr_deadline *deadline, struct cr_session *session, int64_t at_ms);
/* Harmless when it is not set. */
void cr_deadline_clear(struct cr_deadline *deadline);
/* The session of the earliest, whose deadline is then not set any more; NULL: none is due yet. */
struct cr_session *cr_deadline_take(struct cr_deadline **list, int64_t now_ms);

static inline bool cr_deadline_is_set(const struct cr_deadline *deadline)
{
    return deadline->list != NULL;
}

#endif
