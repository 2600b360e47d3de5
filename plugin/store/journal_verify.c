#include "plugin/store/journal_verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *cr_verify_kind_text(enum cr_verify_kind kind)
{
    switch (kind) {
    case CR_VERIFY_DAMAGED: return "damaged";
    case CR_VERIFY_CHANGED: return "changed";
    case CR_VERIFY_MISSING: return "missing";
    case CR_VERIFY_REPEATED: return "repeated";
    case CR_VERIFY_MOVED: return "moved";
    case CR_VERIFY_CUT: return "cut";
    case CR_VERIFY_SIGNATURE: break;
    }
    return "signature";
}

static void fault_tell(struct cr_verify *v, enum cr_verify_kind kind, uint64_t seq, uint64_t until, const char *format,
                       ...) CR_PRINTF(5, 6);
static void fault_tell(struct cr_verify *v, enum cr_verify_kind kind, uint64_t seq, uint64_t until, const char *format,
                       ...)
{
    struct cr_verify_fault fault = {
        .kind = kind,
        .seq = seq,
        .until = until,
        .file = v->file,
        .file_line = v->file_line,
        .byte = v->byte,
    };
    va_list args;
    if (v->faults++ == 0) {
        v->consistent_seq = v->last.seq > v->first_seq ? v->last.seq - 1 : 0;
        v->trusted_seq = v->checkpoint.seq;
        v->consistent_seq = v->consistent_seq > v->trusted_seq ? v->consistent_seq : v->trusted_seq;
    }
    va_start(args, format);
    (void)vsnprintf(fault.text, sizeof fault.text, format, args);
    va_end(args);
    v->fault(v->ctx, &fault);
}

/* For printing as %llu. */
static unsigned long long llu(uint64_t number)
{
    return (unsigned long long)number;
}

/* ---- checkpoints ---- */

static void prove(struct cr_verify *v)
{
    struct cr_verify_range *last = v->proved_count > 0 ? &v->proved[v->proved_count - 1] : NULL;
    if (last != NULL && last->from == v->run_first) {
        last->to = v->chain.seq;
    } else if (v->proved_count < CR_VERIFY_RANGES_MAX) {
        v->proved[v->proved_count++] = (struct cr_verify_range){ v->run_first, v->chain.seq };
    }
}

static const struct cr_cert *issuer_find(const struct cr_verify *v, const char *id)
{
    for (size_t i = 0; i < v->issuers; i++) {
        char own[CR_ISSUER_ID_TEXT];
        cr_checkpoint_issuer(own, &v->issuer[i]);
        if (strcmp(own, id) == 0) {
            return &v->issuer[i];
        }
    }
    return NULL;
}

/* The line is the last one of the chain. */
static void checkpoint_take(struct cr_verify *v, struct cr_bytes line)
{
    struct cr_checkpoint checkpoint;
    uint64_t seq = v->chain.seq;
    if (!cr_checkpoint_is(line) || cr_checkpoint_read(&checkpoint, line) != CR_OK) {
        fault_tell(v, CR_VERIFY_SIGNATURE, seq, seq, "line %llu is a checkpoint that is not written as one", llu(seq));
        return;
    }
    if (v->issuers == 0) {
        v->unchecked++;
        return;
    }
    const struct cr_cert *issuer = issuer_find(v, checkpoint.issuer);
    if (issuer == NULL) {
        fault_tell(v, CR_VERIFY_SIGNATURE, seq, seq,
                   "line %llu is a checkpoint of the issuer '%s', whose certificate was "
                   "not given",
                   llu(seq), checkpoint.issuer);
    } else if (cr_checkpoint_verify(&checkpoint, issuer, v->backend) != CR_OK) {
        fault_tell(v, CR_VERIFY_SIGNATURE, seq, seq,
                   "the signature of line %llu does not fit: the checkpoint, or what is "
                   "before it, was changed",
                   llu(seq));
    } else {
        v->checkpoints++;
        v->checkpoint = v->last;
        memcpy(v->signer, checkpoint.issuer, sizeof v->signer);
        prove(v);
    }
}

/* ---- the chain ---- */

/* The chain goes on with this line, whatever was before it. */
static void chain_take(struct cr_verify *v, struct cr_bytes line, uint64_t seq, const uint8_t digest[CR_SHA256_LEN])
{
    struct cr_bytes time = cr_line_field(line, "time");
    v->chain.seq = seq;
    memcpy(v->chain.digest, digest, CR_SHA256_LEN);
    v->damaged = 0;
    v->last = (struct cr_verify_line){ .seq = seq };
    memcpy(v->last.digest, digest, CR_SHA256_LEN);
    if (time.data != NULL && time.len < sizeof v->last.time) {
        int64_t unix_s;
        memcpy(v->last.time, time.data, time.len);
        if (cr_time_parse(&unix_s, v->last.time) != CR_OK) { /* it will be shown, and may be anything */
            v->last.time[0] = '\0';
        }
    }
    /* One flipped byte must not make it another kind of line: either mark of a checkpoint will do. */
    if (cr_checkpoint_is(line) || cr_line_field(line, "signature").data != NULL) {
        checkpoint_take(v, line);
    }
}

static void missing_tell(struct cr_verify *v, uint64_t from, uint64_t until)
{
    char which[64];
    if (from == until) {
        (void)snprintf(which, sizeof which, "line %llu is", llu(from));
    } else {
        (void)snprintf(which, sizeof which, "lines %llu to %llu are", llu(from), llu(until));
    }
    if (v->file_began) {
        fault_tell(v, CR_VERIFY_MISSING, from, until, "%s missing", which);
    } else if (v->first_seq == 0) {
        fault_tell(v, CR_VERIFY_MISSING, from, until, "%s missing at the beginning", which);
    } else {
        fault_tell(v, CR_VERIFY_MISSING, from, until, "%s missing: a file before this one, or the former one's end",
                   which);
    }
}

/* The first line of all. */
static void first_take(struct cr_verify *v, struct cr_bytes line, uint64_t seq, const uint8_t prev[CR_SHA256_LEN],
                       const uint8_t digest[CR_SHA256_LEN])
{
    static const uint8_t zero[CR_SHA256_LEN];
    uint64_t damaged = v->damaged;
    if (seq > 1 + damaged && !cr_line_continues(line)) {
        missing_tell(v, 1, seq - 1);
    } else if (seq == 1 && memcmp(prev, zero, sizeof zero) != 0) {
        fault_tell(v, CR_VERIFY_CHANGED, 1, 1,
                   "line 1 was changed: there is no line before it, and it carries a hash of one");
    }
    v->first_seq = v->run_first = seq;
    chain_take(v, line, seq, digest);
}

/* A line whose number is not the next one, behind one that is no line of ours, or neither. */
static void unexpected_take(struct cr_verify *v, struct cr_bytes line, uint64_t seq, bool follows,
                            const uint8_t digest[CR_SHA256_LEN])
{
    uint64_t next = v->chain.seq + 1;
    if (follows) {
        fault_tell(v, CR_VERIFY_CHANGED, next, next, "line %llu was changed: it says that it is line %llu", llu(next),
                   llu(seq));
        seq = next;
    } else if (seq == v->chain.seq && memcmp(digest, v->chain.digest, CR_SHA256_LEN) == 0) {
        fault_tell(v, CR_VERIFY_REPEATED, seq, seq, "line %llu is there twice", llu(seq));
        return;
    } else if (seq < next) {
        fault_tell(v, CR_VERIFY_MOVED, seq, seq, "line %llu stands behind line %llu", llu(seq), llu(v->chain.seq));
        return;
    } else if (seq > next + v->damaged) {
        missing_tell(v, next + v->damaged, seq - 1);
    }
    v->run_first = seq;
    chain_take(v, line, seq, digest);
}

static void line_take(struct cr_verify *v, struct cr_bytes line)
{
    uint64_t seq;
    uint8_t prev[CR_SHA256_LEN], digest[CR_SHA256_LEN];
    v->lines++;
    v->file_line++;
    if (cr_chain_read(line, &seq, prev) != CR_OK || cr_sha256(digest, line.data, line.len) != CR_OK) {
        fault_tell(v, CR_VERIFY_DAMAGED, 0, 0, "what stands behind line %llu is no line of a journal",
                   llu(v->chain.seq + v->damaged));
        v->damaged++;
        return;
    }
    bool follows = memcmp(prev, v->chain.digest, CR_SHA256_LEN) == 0;
    if (v->first_seq == 0) {
        first_take(v, line, seq, prev, digest);
    } else if (seq != v->chain.seq + 1) {
        unexpected_take(v, line, seq, follows, digest);
    } else {
        if (!follows) {
            fault_tell(v, CR_VERIFY_CHANGED, seq - 1, seq - 1,
                       "line %llu was changed, or the hash of it that line %llu carries", llu(seq - 1), llu(seq));
            v->run_first = seq;
        }
        chain_take(v, line, seq, digest);
    }
    v->file_began = true;
}

/* ---- the stream ---- */

void cr_verify_file(struct cr_verify *verify, const char *name)
{
    verify->file = name;
    verify->file_line = verify->byte = 0;
    verify->part_len = 0;
    verify->skipped = 0;
    verify->file_began = verify->too_long = false;
}

/* A line that is longer than any of ours; its bytes were not kept. */
static void long_line_take(struct cr_verify *v)
{
    v->lines++;
    v->file_line++;
    fault_tell(v, CR_VERIFY_DAMAGED, 0, 0, "what stands behind line %llu is longer than any line of a journal",
               llu(v->chain.seq + v->damaged));
    v->damaged++;
}

static void part_add(struct cr_verify *v, const uint8_t *data, size_t len)
{
    if (v->too_long || len > sizeof v->part - v->part_len) {
        v->too_long = true;
        v->skipped += len;
        return;
    }
    memcpy(v->part + v->part_len, data, len);
    v->part_len += len;
}

void cr_verify_bytes(struct cr_verify *verify, const uint8_t *data, size_t len)
{
    while (len > 0) {
        const uint8_t *end = memchr(data, '\n', len);
        size_t take = end != NULL ? (size_t)(end - data) : len;
        part_add(verify, data, take);
        if (end == NULL) {
            return;
        }
        if (verify->too_long) {
            long_line_take(verify);
        } else {
            line_take(verify, (struct cr_bytes){ verify->part, verify->part_len });
        }
        verify->byte += verify->part_len + verify->skipped + 1;
        verify->part_len = 0;
        verify->skipped = 0;
        verify->too_long = false;
        data += take + 1;
        len -= take + 1;
    }
}

void cr_verify_file_end(struct cr_verify *verify)
{
    uint64_t left = verify->part_len + verify->skipped;
    if (left > 0) {
        verify->file_line++;
        fault_tell(verify, CR_VERIFY_CUT, verify->chain.seq + 1, verify->chain.seq + 1,
                   "the file ends within a line, behind line %llu (%llu bytes): it was cut, or is being written",
                   llu(verify->chain.seq), llu(left));
    }
    if (verify->faults == 0) {
        verify->consistent_seq = verify->last.seq;
        verify->trusted_seq = verify->checkpoint.seq;
    }
}

bool cr_verify_ok(const struct cr_verify *verify)
{
    return verify->faults == 0 && (verify->issuers == 0 || verify->checkpoints > 0);
}
