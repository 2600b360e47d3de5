/* message: the JSON payloads of the device channel, to and from structs. Every field is bounded, unknown and duplicate
 * fields are refused, times are RFC 3339 UTC. Text in and out is UTF-8 with an explicit length.
 * Pure but for the heap; any thread, but for cr_json_parse_strict. */
#ifndef CR_MESSAGE_H
#define CR_MESSAGE_H

#include "common/bytes.h"
#include "common/cert.h"
#include "common/csr.h"
#include "common/identity.h"
#include "common/refusal.h"

enum {
    CR_RENEWAL_ID_LEN = 36, CR_RENEWAL_ID_CAP = CR_RENEWAL_ID_LEN + 1, /* a UUID, RFC 9562 section 4, lower case */
    CR_REQUEST_ID_MAX = 36, CR_REQUEST_ID_CAP = CR_REQUEST_ID_MAX + 1, /* 4-36 of A-Za-z0-9- */
    CR_REASON_MAX = 100, CR_REASON_CAP = CR_REASON_MAX + 1,            /* printable ASCII */
    CR_JSON_MAX = 8192,       /* bytes of a JSON payload from a device */
    CR_JSON_DEPTH_MAX = 8,
};

/* Why a renewal was started; the text is on the wire. */
enum cr_renew_reason {
    CR_RENEW_NONE = 0,
    CR_RENEW_EXPIRY, CR_RENEW_OPERATOR, CR_RENEW_CAMPAIGN, CR_RENEW_CA_ROTATION, CR_RENEW_REGRESSION, CR_RENEW_POLICY,
    CR_RENEW_COUNT
};
const char *cr_renew_reason_text(enum cr_renew_reason reason); /* "expiry" … ; "" for none */
enum cr_renew_reason cr_renew_reason_parse(const char *text);  /* CR_RENEW_COUNT: no such */

enum cr_report_outcome { CR_REPORT_INSTALLED, CR_REPORT_FAILED, CR_REPORT_ROLLED_BACK, CR_REPORT_COUNT };
const char *cr_report_outcome_text(enum cr_report_outcome outcome);

/* A csr message in any format. csr_der is allocated (cr_csr_message_fini). */
struct cr_csr_message {
    enum cr_csr_format format;
    struct cr_blob csr_der;
    char renewal_id[CR_RENEWAL_ID_CAP]; /* "": not given */
    char request_id[CR_REQUEST_ID_CAP];
};
/* Tells the format by the first byte ('-', 0x30, '{') and unwraps it. Refusal: why not; the message is then empty, but
 * a readable request_id is kept so that the answer can carry it. */
CR_MUST_USE enum cr_refusal cr_csr_message_parse(struct cr_csr_message *message, struct cr_bytes payload);
void cr_csr_message_fini(struct cr_csr_message *message);

struct cr_get_message {
    char request_id[CR_REQUEST_ID_CAP];
};
/* Empty, or {"requestId"?}. */
CR_MUST_USE enum cr_refusal cr_get_message_parse(struct cr_get_message *message, struct cr_bytes payload);

struct cr_report_message {
    char renewal_id[CR_RENEWAL_ID_CAP]; /* required */
    enum cr_report_outcome outcome;
    char reason[CR_REASON_CAP];
};
CR_MUST_USE enum cr_refusal cr_report_message_parse(struct cr_report_message *message, struct cr_bytes payload);

/* Writers: allocate *json (NUL-terminated, len without it). Empty strings and zero times are left out. */
struct cr_renew_message {
    const char *renewal_id, *slot;
    enum cr_renew_reason reason;
    unsigned attempt;
    int64_t not_after, deadline; /* Unix seconds; 0: left out */
    unsigned key_types;          /* CR_ALLOW_… */
};
CR_MUST_USE cr_err cr_renew_message_write(struct cr_blob *json, const struct cr_renew_message *message);

CR_MUST_USE cr_err cr_pending_message_write(struct cr_blob *json, const char *renewal_id, const char *request_id,
                                            unsigned retry_after_s);

struct cr_certificate_message {
    const char *renewal_id, *request_id;
    const struct cr_serial *serial;
    int64_t not_before, not_after;
    struct cr_bytes chain_der; /* leaf first, concatenated */
};
CR_MUST_USE cr_err cr_certificate_message_write(struct cr_blob *json, const struct cr_certificate_message *message);

struct cr_rejected_message {
    enum cr_refusal refusal;
    const char *request_id, *renewal_id;
    unsigned retry_after_s; /* 0: left out */
};
CR_MUST_USE cr_err cr_rejected_message_write(struct cr_blob *json, const struct cr_rejected_message *message);

struct cr_status_message {
    const char *request_id;
    const struct cr_serial *serial;
    int64_t not_after, next_renewal;
};
CR_MUST_USE cr_err cr_status_message_write(struct cr_blob *json, const struct cr_status_message *message);

/* Parses one JSON object strictly (RFC 8259), for whoever reads objects of its own (operator channel): at most max_len
 * bytes, UTF-8 without NUL, no deeper than depth (at most 64; the object itself is the first level), no duplicate keys
 * at any level, at most 64 keys an object, nothing but white space around it, finite numbers. Arrays are as long as
 * max_len allows. NULL when it is not that. Freed with cJSON_Delete.
 * In the plugin on the loop's thread only: a broker may have given cJSON an allocator of its own that counts without
 * locks (Mosquitto 2.1 does). */
struct cJSON;
struct cJSON *cr_json_parse_strict(struct cr_bytes text, size_t max_len, unsigned depth);
/* Whether every key of the object is in the NULL-terminated list. */
bool cr_json_only_keys(const struct cJSON *object, const char *const *keys);

#endif
