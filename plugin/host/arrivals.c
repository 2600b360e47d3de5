#include "plugin/host/arrivals.h"

#include <stdlib.h>
#include <string.h>

struct arrival {
    struct arrival *next;
    const void *handle;
    int64_t due_ms;
    char id[];
};

cr_err arrivals_add(struct arrivals *arrivals, const char *id, const void *handle, int64_t due_ms)
{
    if (arrivals->count == ARRIVALS_MAX) {
        return CR_FULL;
    }
    size_t len = strlen(id);
    struct arrival *arrival = malloc(sizeof *arrival + len + 1);
    if (arrival == NULL) {
        return CR_NOMEM;
    }
    *arrival = (struct arrival){ .handle = handle, .due_ms = due_ms };
    memcpy(arrival->id, id, len + 1);
    if (arrivals->last != NULL) {
        arrivals->last->next = arrival;
    } else {
        arrivals->first = arrival;
    }
    arrivals->last = arrival;
    arrivals->count++;
    return CR_OK;
}

int64_t arrivals_due_ms(const struct arrivals *arrivals)
{
    return arrivals->first != NULL ? arrivals->first->due_ms : INT64_MAX;
}

const char *arrivals_id(const struct arrivals *arrivals)
{
    return arrivals->first->id;
}

const void *arrivals_handle(const struct arrivals *arrivals)
{
    return arrivals->first->handle;
}

void arrivals_drop(struct arrivals *arrivals)
{
    struct arrival *arrival = arrivals->first;
    arrivals->first = arrival->next;
    if (arrivals->first == NULL) {
        arrivals->last = NULL;
    }
    arrivals->count--;
    free(arrival);
}

void arrivals_fini(struct arrivals *arrivals)
{
    while (arrivals->first != NULL) {
        arrivals_drop(arrivals);
    }
}
