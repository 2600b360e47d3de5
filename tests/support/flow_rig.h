/* flow_rig: the whole plugin without a broker, without Redis and without threads: the router between a fake host, a fake
 * store and workers that work when they are pumped, under a clock that a test moves. Keys, certificates and signatures
 * are real. One thread; a mistake in the rig itself fails the test. */
#ifndef CR_FLOW_RIG_H
#define CR_FLOW_RIG_H

#include "plugin/loop/router.h"
#include "plugin/setup.h"
#include "tests/support/fake_host.h"
#include "tests/support/fake_store.h"

enum { RIG_START_S = 1900000000 }; /* 2030-03-17, inside the issuer's validity */

struct rig_clock {
    struct cr_clock clock; /* first */
    int64_t wall_s, mono_ms;
};

/* The signing half of a test CA or of a device. */
struct rig_key {
    struct cr_private_key *key;
    struct cr_blob spki;
};

struct flow_rig {
    char dir[64], broker_name[16];
    struct rig_clock clock;
    struct fake_host host;
    struct cr_setup *setup;
    struct cr_pipeline pipeline;
    struct cr_workers *workers;
    struct cr_store *store;
    struct cr_router *router;
    struct rig_key ca_key;
    struct cr_blob ca_der;
    struct cr_cert ca;
    bool random_fails;
};

/* extra: lines for the configuration file, behind those that are always there. */
void flow_rig_start(struct flow_rig *rig, const char *extra);
/* As the broker of this name, on a ledger that others may share, and that stays the caller's. */
void flow_rig_start_on(struct flow_rig *rig, const char *extra, const char *broker_name, struct fake_ledger *ledger);
/* Reads the configuration anew with other extra lines, as SIGHUP does. */
void flow_rig_reload(struct flow_rig *rig, const char *extra);
void flow_rig_stop(struct flow_rig *rig);

/* Lets everything that is under way arrive. */
void flow_rig_pump(struct flow_rig *rig);
/* Moves both clocks. */
void flow_rig_pass(struct flow_rig *rig, int64_t seconds);

void rig_key_make(struct rig_key *key);
void rig_key_free(struct rig_key *key);
/* A certificate of the rig's CA for this device and key, valid from now - 1 h for `lifetime_s`. */
struct cr_blob rig_certify(struct flow_rig *rig, const struct rig_key *key, const char *device, int64_t lifetime_s);
/* A well-formed CSR, made by libcrypto's own builder. */
struct cr_blob rig_csr(const struct rig_key *key, const char *common_name);

/* What a client does; the verdict and what became of the message are those of the router. */
enum cr_handled rig_publish(struct flow_rig *rig, const struct cr_client *client, const char *topic,
                            struct cr_bytes payload);
enum cr_handled rig_publish_v5(struct flow_rig *rig, const struct cr_client *client, const char *topic,
                               struct cr_bytes payload, const struct cr_request_properties *properties);
/* Sends an operator's command batch, pumps, and returns the reply's JSON text. Lent. */
const char *rig_command(struct flow_rig *rig, const struct cr_client *client, const char *json);
static inline struct cr_bytes rig_text(const char *text)
{
    size_t len = 0;

    while (text[len] != '\0') {
        len++;
    }
    return (struct cr_bytes){ (const uint8_t *)text, len };
}

#endif
