/* arrivals: clients that connected a moment ago and may not have done anything yet, oldest first. Broker loop only. */
#ifndef CR_ARRIVALS_H
#define CR_ARRIVALS_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { ARRIVALS_MAX = 65536 };

struct arrival;

struct arrivals {
    struct arrival *first, *last;
    unsigned count;
};

/* Remembers a client until `due_ms`, which never lies before that of an earlier one. The id is copied; handle is only
 * compared. CR_NOMEM, CR_FULL: it is not remembered. */
CR_MUST_USE cr_err arrivals_add(struct arrivals *arrivals, const char *id, const void *handle, int64_t due_ms);
/* When the next one is due; INT64_MAX: there is none. */
int64_t arrivals_due_ms(const struct arrivals *arrivals);
/* The next one's id and handle, valid until it is dropped. There must be one. */
const char *arrivals_id(const struct arrivals *arrivals);
const void *arrivals_handle(const struct arrivals *arrivals);
void arrivals_drop(struct arrivals *arrivals);
void arrivals_fini(struct arrivals *arrivals);

#endif
