#include "plugin/loop/deadlines.h"

#include <stddef.h>
#include <utlist.h>

void cr_deadline_set(struct cr_deadline **list, struct cr_deadline *deadline, struct cr_session *session, int64_t at_ms)
{
    struct cr_deadline *before;

    cr_deadline_clear(deadline);
    deadline->list = list;
    deadline->session = session;
    deadline->at_ms = at_ms;
    before = *list != NULL ? (*list)->prev : NULL; /* the last one */
    while (before != NULL && before->at_ms > at_ms) {
        before = before == *list ? NULL : before->prev;
    }
    if (before == NULL) {
        DL_PREPEND(*list, deadline);
    } else {
        DL_APPEND_ELEM(*list, before, deadline);
    }
}

void cr_deadline_clear(struct cr_deadline *deadline)
{
    if (deadline->list != NULL) {
        DL_DELETE(*deadline->list, deadline);
        deadline->list = NULL;
    }
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
