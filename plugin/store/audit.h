/* audit: one line about something that was decided or done, on its way to the journal and to the stream cr:audit. Pure.
 */
#ifndef CR_AUDIT_H
#define CR_AUDIT_H

#include "plugin/store/journal_line.h"
#include "plugin/store/records.h"

/* NULL and "" are left out. */
struct cr_audit {
    const char *what;    /* a word; the plugin's README lists them */
    int64_t now_s;
    const char *device, *slot, *who, *renewal_id, *detail;
    const struct cr_restore *certificate; /* NULL: the line is about none */
    const struct cr_revocation *revocation; /* of this certificate, or (no serial) of an issuer; NULL: none */
    uint64_t version;    /* of the slot that was revoked; 0: none */
    const struct cr_serial *serial;       /* instead of all that: only which certificate; NULL: none */
    struct cr_bytes der;                  /* issued: journal only */
};

/* The line's fields; CR_JOURNAL_LINE_MAX bytes of text suffice. */
void cr_audit_line(const struct cr_audit *audit, const char *broker, struct cr_line *line);
/* XADD <stream> MAXLEN ~ 1000000 * field value … */
void cr_audit_args(const struct cr_audit *audit, const char *broker, const struct cr_redis_key *stream,
                   struct cr_args *args);

#endif
