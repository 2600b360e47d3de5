/* agent_wire: topics and payloads of the device channel, as the device writes and reads them. Pure; no heap.
 *
 *     <prefix>/<device>/<slot>/<verb>    csr, get, report out; renew, pending, certificate, rejected, status in
 *     <prefix>/<device>/ca/<verb>        report out; trust in */
#ifndef AGENT_WIRE_H
#define AGENT_WIRE_H

#include "agent.h"
#include "agent_pem.h"

enum agent_verb {
    AGENT_CSR, AGENT_GET, AGENT_REPORT, AGENT_TRUST_REPORT,
    AGENT_RENEW, AGENT_PENDING, AGENT_CERTIFICATE, AGENT_REJECTED, AGENT_STATUS, AGENT_TRUST,
    AGENT_VERB_COUNT
};

/* Whether prefix, device and slot are what they may be. */
bool agent_names_ok(const struct agent_config *config);
void agent_topic_build(char topic[AGENT_TOPIC_CAP], const struct agent_config *config, enum agent_verb verb);
/* The verb of a message to this agent; AGENT_VERB_COUNT: not one of its topics. */
enum agent_verb agent_topic_verb(const struct agent_config *config, const char *topic);

/* Payloads out. `text` is where they are written; its `full` tells that they did not fit. A CSR in DER needs no
 * writing: it is its own payload. */
void agent_csr_write(struct agent_text *text, enum agent_format format, const uint8_t *csr, size_t len,
                     const char *renewal_id);
void agent_report_write(struct agent_text *text, const char *renewal_id, const char *outcome, const char *reason);

void agent_trust_report_write(struct agent_text *text, uint32_t version, const char *outcome, const char *reason);

/* Payloads in. False: unreadable. Fields that are absent are "" or 0. */
struct agent_answer {
    char renewal_id[AGENT_RENEWAL_ID_CAP];
    char error_code[40];
    uint32_t retry_after_s;
    bool has_retry_after;
};
bool agent_answer_read(struct agent_answer *answer, const uint8_t *payload, size_t len);
/* A trigger: additionally for this slot, and with this key algorithm among those it allows. */
bool agent_renew_read(struct agent_answer *answer, const uint8_t *payload, size_t len, const char *slot,
                      const char *key_algorithm);
/* A certificate and what follows it, in any of the formats (told by the first byte), as DER. renewal_id is set from
 * JSON and otherwise left alone. */
bool agent_chain_read(uint8_t *chain, size_t cap, size_t *chain_len, const uint8_t *payload, size_t len,
                      char renewal_id[AGENT_RENEWAL_ID_CAP]);

/* Whether this is a UUID in lower case: nothing else is kept or echoed as a renewal id. */
bool agent_renewal_id_ok(const char *id);

#endif
