#include "plugin/handoff/lines.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES_KEPT = 64 };

struct cr_lines {
    pthread_mutex_t lock;
    unsigned first;       /* oldest line */
    atomic_uint count;    /* changed under the lock; looked at without it */
    atomic_uint lost;
    struct cr_log_line line[LINES_KEPT];
};

cr_err cr_lines_new(struct cr_lines **lines)
{
    *lines = calloc(1, sizeof **lines);
    if (*lines == NULL) {
        return CR_NOMEM;
    }
    if (pthread_mutex_init(&(*lines)->lock, NULL) != 0) {
        free(*lines);
        *lines = NULL;
        return CR_NOMEM;
    }
    return CR_OK;
}

void cr_lines_free(struct cr_lines *lines)
{
    if (lines != NULL) {
        (void)pthread_mutex_destroy(&lines->lock);
        free(lines);
    }
}

void cr_lines_put(struct cr_lines *lines, char level, const char *text)
{
    (void)pthread_mutex_lock(&lines->lock);
    unsigned count = atomic_load(&lines->count);
    if (count < LINES_KEPT) {
        struct cr_log_line *line = &lines->line[(lines->first + count) % LINES_KEPT];
        line->level = level;
        (void)snprintf(line->text, sizeof line->text, "%s", text);
        atomic_store(&lines->count, count + 1);
    } else {
        (void)atomic_fetch_add(&lines->lost, 1);
    }
    (void)pthread_mutex_unlock(&lines->lock);
}

bool cr_lines_take(struct cr_lines *lines, struct cr_log_line *line)
{
    if (atomic_load(&lines->count) == 0) {
        return false;
    }
    (void)pthread_mutex_lock(&lines->lock);
    *line = lines->line[lines->first];
    lines->first = (lines->first + 1) % LINES_KEPT;
    (void)atomic_fetch_sub(&lines->count, 1);
    (void)pthread_mutex_unlock(&lines->lock);
    return true;
}

unsigned cr_lines_lost(struct cr_lines *lines)
{
    return atomic_load(&lines->lost) == 0 ? 0 : atomic_exchange(&lines->lost, 0);
}
