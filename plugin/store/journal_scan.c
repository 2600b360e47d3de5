#include "plugin/store/journal_scan.h"

#include "plugin/store/checkpoint.h"

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
    const char *name;
    cr_err (*take)(struct scanning *s, struct cr_bytes line);
};

static cr_err scan_first(struct scanning *s, struct cr_bytes line)
{
    struct cr_journal_scan *scan = s->scan;
    struct cr_bytes broker = cr_line_field(line, "broker");
    if (broker.len != strlen(s->broker) || memcmp(broker.data, s->broker, broker.len) != 0) {
        snprintf(s->why, s->why_cap, "The journal belongs to the broker '%.*s', not to '%s': each broker has its own.",
                 (int)(broker.len < CR_SHA256_LEN * 2 ? broker.len : CR_SHA256_LEN * 2), (const char *)broker.data,
                 s->broker);
        return CR_INVALID;
    }
    scan->first_seq = scan->chain.seq;
    return CR_OK;
}

/* Where the chain stands before the first line of a file whose former is not there. */
static void scan_begin(struct cr_journal_scan *scan, struct cr_bytes line)
{
    uint64_t seq;
    uint8_t prev[CR_SHA256_LEN];
    if (cr_line_continues(line) && cr_chain_read(line, &seq, prev) == CR_OK) {
        scan->chain.seq = seq - 1;
        memcpy(scan->chain.digest, prev, sizeof prev);
    }
}

static cr_err scan_line(struct scanning *s, struct cr_bytes line)
{
    struct cr_journal_scan *scan = s->scan;
    if (scan->size == 0 && scan->anywhere) {
        scan_begin(scan, line);
    }
    if (cr_chain_check(&scan->chain, line) != CR_OK) {
        snprintf(s->why, s->why_cap,
                 "The journal's chain is broken at line %llu (byte %llu of %s): it was changed or damaged. Keep it for "
                 "investigation and start with an empty journal_dir.",
                 (unsigned long long)scan->chain.seq + 1, (unsigned long long)scan->size, s->name);
        return CR_INVALID;
    }
    cr_err err = scan->size == 0 ? scan_first(s, line) : CR_OK;
    if (err != CR_OK) {
        return err;
    }
    if (cr_checkpoint_is(line)) {
        scan->signed_seq = scan->chain.seq;
    }
    if (s->visit != NULL) {
        s->visit(s->ctx, line, scan->base + scan->size);
    }
    scan->size += line.len + 1;
    return CR_OK;
}

/* For whoever only looks. */
static cr_err pass_line(struct scanning *s, struct cr_bytes line)
{
    s->visit(s->ctx, line, s->scan->size);
    s->scan->size += line.len + 1;
    return CR_OK;
}

/* Takes the whole lines off the buffer's front; *len is what remains. */
static cr_err scan_lines(struct scanning *s, uint8_t *buffer, size_t *len)
{
    size_t at = 0;
    const uint8_t *end;
    while (at < *len && (end = memchr(buffer + at, '\n', *len - at)) != NULL) {
        size_t line_len = (size_t)(end - buffer) - at;
        cr_err err = s->take(s, (struct cr_bytes){ buffer + at, line_len });
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
            snprintf(s->why, s->why_cap, "The journal holds something that is no line at byte %llu of %s.",
                     (unsigned long long)s->scan->size, s->name);
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

static cr_err scan_run(struct scanning *s, int fd)
{
    uint8_t *buffer = malloc(SCAN_BUFFER);
    if (buffer == NULL) {
        snprintf(s->why, s->why_cap, "Out of memory.");
        return CR_NOMEM;
    }
    cr_err err = scan_all(s, fd, buffer);
    free(buffer);
    return err;
}

cr_err cr_journal_scan(struct cr_journal_scan *scan, int fd, const char *broker, cr_journal_visit_fn *visit, void *ctx,
                       char *why, size_t why_cap)
{
    struct scanning s = { .scan = scan, .broker = broker, .visit = visit, .ctx = ctx, .why = why, .why_cap = why_cap,
                          .name = scan->name != NULL ? scan->name : "journal.jsonl", .take = scan_line };
    scan->first_seq = scan->size = scan->torn = 0;
    return scan_run(&s, fd);
}

cr_err cr_journal_lines(int fd, cr_journal_visit_fn *visit, void *ctx, char *why, size_t why_cap)
{
    struct cr_journal_scan scan = { .size = 0 };
    struct scanning s = { .scan = &scan, .visit = visit, .ctx = ctx, .why = why, .why_cap = why_cap,
                          .name = "journal.jsonl", .take = pass_line };
    return scan_run(&s, fd);
}
