#include "plugin/store/journal_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCAN_BUFFER = 256 * 1024 };

struct scanning {
    struct cr_journal_scan *scan;
    const char *broker;
    cr_journal_visit_fn *visit;
    void *ctx;
    char *why;
    size_t why_cap;
};

static cr_err scan_line(struct scanning *s, struct cr_bytes line)
{
    struct cr_journal_scan *scan = s->scan;
    if (cr_chain_check(&scan->chain, line) != CR_OK) {
        snprintf(s->why, s->why_cap,
                 "The journal's chain is broken at line %llu (byte %llu): it was changed or damaged. Keep it for "
                 "investigation and start with an empty journal_dir.",
                 (unsigned long long)scan->chain.seq + 1, (unsigned long long)scan->size);
        return CR_INVALID;
    }
    if (scan->chain.seq == 1) {
        struct cr_bytes broker = cr_line_field(line, "broker");
        if (broker.len != strlen(s->broker) || memcmp(broker.data, s->broker, broker.len) != 0) {
            snprintf(s->why, s->why_cap,
                     "The journal belongs to the broker '%.*s', not to '%s': each broker has its own.",
                     (int)(broker.len < CR_SHA256_LEN * 2 ? broker.len : CR_SHA256_LEN * 2), (const char *)broker.data,
                     s->broker);
            return CR_INVALID;
        }
    }
    if (s->visit != NULL) {
        s->visit(s->ctx, line, scan->size);
    }
    scan->size += line.len + 1;
    return CR_OK;
}

/* Takes the whole lines off the buffer's front; *len is what remains. */
static cr_err scan_lines(struct scanning *s, uint8_t *buffer, size_t *len)
{
    size_t at = 0;
    const uint8_t *end;
    while (at < *len && (end = memchr(buffer + at, '\n', *len - at)) != NULL) {
        size_t line_len = (size_t)(end - buffer) - at;
        cr_err err = scan_line(s, (struct cr_bytes){ buffer + at, line_len });
        if (err != CR_OK) {
            return err;
        }
        at += line_len + 1;
    }
    memmove(buffer, buffer + at, *len - at);
    *len -= at;
    return CR_OK;
}

static cr_err scan_all(struct scanning *s, int fd, uint8_t *buffer)
{
    size_t len = 0;
    for (;;) {
        if (len == SCAN_BUFFER) {
            /* No line is that long: whatever follows the last good line, it is no torn line. */
            snprintf(s->why, s->why_cap, "The journal holds something that is no line at byte %llu.",
                     (unsigned long long)s->scan->size);
            return CR_INVALID;
        }
        ssize_t got = read(fd, buffer + len, SCAN_BUFFER - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            snprintf(s->why, s->why_cap, "The journal cannot be read: %s.", strerror(errno));
            return CR_IO;
        }
        if (got == 0) {
            s->scan->torn = len;
            return CR_OK;
        }
        len += (size_t)got;
        cr_err err = scan_lines(s, buffer, &len);
        if (err != CR_OK) {
            return err;
        }
    }
}

cr_err cr_journal_scan(struct cr_journal_scan *scan, int fd, const char *broker, cr_journal_visit_fn *visit, void *ctx,
                       char *why, size_t why_cap)
{
    struct scanning s = { scan, broker, visit, ctx, why, why_cap };
    *scan = (struct cr_journal_scan){ .size = 0 };
    uint8_t *buffer = malloc(SCAN_BUFFER);
    if (buffer == NULL) {
        snprintf(why, why_cap, "Out of memory.");
        return CR_NOMEM;
    }
    cr_err err = scan_all(&s, fd, buffer);
    free(buffer);
    return err;
}
