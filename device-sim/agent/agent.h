/* agent: the device's side of certificate renewal, for firmware and for the simulator.
 *
 * WHAT IT DOES. It keeps two slots of key and certificate. When the broker's plugin says `renew` (or the application
 * asks), it makes the next key, sends a CSR over the MQTT connection that the application holds anyway, checks the
 * certificate that comes back, has the application reconnect with it, and reports. The old pair stays untouched until
 * a connection with the new one succeeded; if that fails, the old one is used again and the roll-back is reported.
 * It does no I/O of its own, never waits, never allocates: what it needs of the platform is `struct agent_ports`.
 * A device that has no certificate of its operator's yet gets its first one by its factory's, or by a token, and a new
 * one when its own is lost. It keeps the set of certificates that it believes in, and takes a new one from the broker
 * when a CA that it believes in has signed it.
 *
 * SEQUENCE
 *     factory     agent_provision()                  the first key and certificate, or agent_config.enrol
 *     boot        agent_open()                       reads where a power loss left off
 *     radio off   agent_prepare()                    makes the next key and its CSR ahead of time; optional
 *     connecting  agent_credentials()                what to show in the TLS handshake; ask before every connection
 *                 agent_trust()                      whom to believe that it is the broker; ask before every connection
 *                 agent_connected()                  after CONNACK: sends what is owed (report, csr or get)
 *                 agent_connect_failed()             no CONNACK: counts against a certificate on trial
 *     connected   agent_message()                    each message below <prefix>/<device>/<slot>/ and .../ca/
 *                 agent_delivered()                  each PUBACK of a publish() of the agent's
 *                 agent_poll()                       when agent_due_ms() has come
 *                 agent_wants_reconnect()            true: disconnect and come back, what is new is on trial
 *     any end     agent_disconnected()
 * The messages arrive without a subscription. All of this from one thread at a time per agent; a callback must not
 * call back into the same agent.
 *
 * ENROLMENT (agent_config.enrol). agent_open() succeeds without a certificate. agent_credentials() then hands out the
 * factory's identity, or says that the application is to log in with its token (user name "enroll:<device>");
 * agent_connected() sends the CSR at once. The certificate that comes is stored and goes on trial as any other; until a
 * connection with it succeeded, the factory's identity stays what is used. A device that has a certificate falls back
 * to the factory's identity when both pairs are damaged, when its own was refused refusals_max times in a row (counted
 * since boot), or failed once and has expired by a clock that can be right. It then tries both in turn, the factory's
 * with growing pauses after each refusal. Its own pair is not touched before a new one was confirmed.
 *
 * TRUST (agent_config.trust_updates). config.trust is what the device believes in until a bundle of a higher version
 * arrives that is signed by a CA below its present set. Mode "add": it believes in both sets from then on, and says so.
 * Mode "replace": the new set is on trial from the next connection on; a connection under it confirms it. When three
 * connections in a row fail under it and one under the former set succeeds, the former set is back, and that version is
 * not taken again. A replacement under which its own certificate is worth nothing is refused. What is wrong in any way
 * changes nothing.
 *
 * WHAT THE PLATFORM MUST GUARANTEE
 *   1. write() returns AGENT_OK only when the record will survive a loss of power. A write that power interrupts may
 *      leave the record old, new, torn or absent; *other* records must be unharmed (so keep records in erase blocks of
 *      their own, or in a file system that does this). write() need not be atomic.
 *   2. AGENT_RECORD_KEY_* hold private keys: storage that only the firmware can read.
 *   3. random() is cryptographically good, or fails.
 *   4. now_ms() never runs backwards while powered. now_s() may be wrong, e.g. 1970 after a cold start: a clock that
 *      lies outside the current certificate's validity is not used to judge the next one.
 *   5. publish() is QoS 1 and is used only between agent_connected() and agent_disconnected().
 *   6. The factory's key and chain do not change, and the server's certificate is verified against agent_trust(). A
 *      server that fails this is agent_connect_failed(refused = false).
 *   7. Attempts are counted in struct agent: trials that failed, refusals. A device that sleeps between two connections
 *      keeps it, in retained memory for instance, and does not open it again: a count that always begins anew does not
 *      come to its end.
 *
 * MEMORY. struct agent (under 1 kB), AGENT_SCRATCH_MIN bytes of scratch (with trust_updates AGENT_SCRATCH_TRUST_MIN)
 * which agents of one thread may share, and about 1.5 kB of stack plus what the crypto operations need. Records: two
 * keys of AGENT_KEY_MAX, two chains of AGENT_CHAIN_MAX, two states of AGENT_STATE_LEN, and with trust_updates two sets
 * of AGENT_TRUST_MAX bytes.
 *
 * WRITES per renewal and per enrolment: next key, state (spare), state (asked), certificate, state (on trial), state
 * (confirmed), state (reported). Per trust bundle: set, state; state (confirmed) after a replacement.
 * At every point between two of them the current key and certificate are whole; tests/flow/test_agent_power.c cuts the
 * power at each. */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define AGENT_MUST_USE __attribute__((warn_unused_result))
#else
#define AGENT_MUST_USE
#endif

enum agent_err {
    AGENT_OK = 0,
    AGENT_INVALID,   /* an argument or a message is not what it must be */
    AGENT_NOT_FOUND, /* no such record; nothing provisioned; a topic that is not this agent's */
    AGENT_NO_ROOM,   /* a buffer is too small */
    AGENT_STORAGE,   /* storage failed, or both slots are damaged */
    AGENT_CRYPTO,    /* a key, CSR or random number could not be made */
    AGENT_OFFLINE,   /* publish() could not take the message; it is sent again at the next connection */
    AGENT_BUSY,      /* not possible in this phase */
};

enum {
    AGENT_NAME_MAX = 64,        /* device and slot: [A-Za-z0-9._:-]{1,64} */
    AGENT_PREFIX_MAX = 64,
    AGENT_TOPIC_CAP = AGENT_PREFIX_MAX + 2 * AGENT_NAME_MAX + 16,
    AGENT_RENEWAL_ID_CAP = 37,  /* a UUID and a NUL */
    AGENT_KEY_MAX = 256,        /* what key_make() stores: DER of an EC key, or a secure element's handle */
    AGENT_CSR_MAX = 512,        /* DER */
    AGENT_CHAIN_MAX = 3072,     /* DER certificates one after another, the device's own first */
    AGENT_STATE_LEN = 160,
    AGENT_TRUST_MAX = 4096,     /* what is believed in: DER certificates one after another */
    AGENT_TRUST_CERTS_MAX = 16,
    AGENT_SIGNATURE_MAX = 512,  /* of a trust bundle: RSA-4096 */
    AGENT_REFUSALS_MAX = 5,     /* the default of agent_config.refusals_max */
    AGENT_SCRATCH_MIN = AGENT_CHAIN_MAX + 1024,
    AGENT_SCRATCH_TRUST_MIN = 2 * AGENT_TRUST_MAX + AGENT_CHAIN_MAX + AGENT_SIGNATURE_MAX + 128,
};

/* What storage holds. Each is replaced as a whole. */
enum agent_record {
    AGENT_RECORD_STATE_0, AGENT_RECORD_STATE_1, /* written in turn; the newer whole one counts */
    AGENT_RECORD_KEY_0, AGENT_RECORD_KEY_1,
    AGENT_RECORD_CHAIN_0, AGENT_RECORD_CHAIN_1,
    AGENT_RECORD_TRUST_0, AGENT_RECORD_TRUST_1,
    AGENT_RECORD_COUNT
};

/* Format of requests, and therefore of the answers. */
enum agent_format { AGENT_DER, AGENT_PEM, AGENT_JSON };

enum agent_phase {
    AGENT_IDLE,        /* the current certificate is all there is (a spare key may lie ready) */
    AGENT_REQUESTED,   /* the next key's CSR was sent, or will be at the next connection */
    AGENT_TRIAL,       /* the next certificate is stored and waits for a connection */
    AGENT_INSTALLED,   /* it is the current one; the report is owed */
    AGENT_ROLLED_BACK, /* the old one is back; the report is owed */
    AGENT_FAILED,      /* the certificate was refused and its key forgotten; the report is owed */
};

/* Why a certificate was refused. */
enum agent_refusal {
    AGENT_ACCEPTED,
    AGENT_UNREADABLE,     /* not certificates, or too large */
    AGENT_OTHER_KEY,      /* for a key that is not the next one */
    AGENT_OTHER_IDENTITY, /* the subject is not exactly CN=<device> among its attributes, or it is a CA */
    AGENT_UNTRUSTED,      /* no chain of signatures to a trusted certificate */
    AGENT_NOT_FOR_CLIENTS,
    AGENT_NOT_VALID_NOW,
};
/* "certificate-unreadable" …: the reason in `report failed`. Never NULL. */
const char *agent_refusal_text(enum agent_refusal refusal);

struct agent_validity {
    int64_t not_before, not_after; /* Unix seconds */
};

/* The cryptography, replaceable as a whole; agent_mbedtls.h has one. All sizes in bytes; `random` is that of the ports.
 * A port to a secure element stores its key handle as "key". */
struct agent_ports;
struct agent_crypto {
    const char *key_algorithm; /* as in the trigger's keyAlgorithms: "EC-P256" */
    enum agent_err (*key_make)(const struct agent_ports *ports, uint8_t *key, size_t cap, size_t *len);
    /* PKCS#10 with the subject CN=<device> and nothing else, signed by the key. */
    enum agent_err (*csr_make)(const struct agent_ports *ports, const uint8_t *key, size_t key_len, const char *device,
                               uint8_t *csr, size_t cap, size_t *len);
    /* Judges a chain for this key and device against trusted certificates (DER, one after another); times are read, not
     * judged. AGENT_OK: *refusal and *validity are set; *refusal is the verdict. Anything else: could not tell. */
    enum agent_err (*chain_check)(const struct agent_ports *ports, const uint8_t *key, size_t key_len,
                                  const uint8_t *chain, size_t chain_len, const uint8_t *trust, size_t trust_len,
                                  const char *device, enum agent_refusal *refusal, struct agent_validity *validity);
    /* Whether a message was signed (ECDSA in DER, or RSA with PKCS#1 v1.5; SHA-384 for P-384, otherwise SHA-256) by the
     * first certificate of `signer`, which must be a CA's, and among the trusted ones or below one of them. AGENT_OK:
     * *signed_by_trusted is the verdict. Needed for trust_updates only. */
    enum agent_err (*signer_check)(const struct agent_ports *ports, const uint8_t *signer, size_t signer_len,
                                   const uint8_t *trust, size_t trust_len, const uint8_t *message, size_t message_len,
                                   const uint8_t *signature, size_t signature_len, bool *signed_by_trusted);
    /* Whether these are certificates of CAs, one to AGENT_TRUST_CERTS_MAX of them. Needed for trust_updates only. */
    bool (*trust_check)(const uint8_t *trust, size_t trust_len);
};

/* For the application's information; `detail` is NULL or a short text that lives as long as the call. */
enum agent_event {
    AGENT_EVENT_TRIGGERED,   /* a `renew` started a renewal */
    AGENT_EVENT_CSR_SENT,
    AGENT_EVENT_PENDING,     /* accepted, the certificate comes later */
    AGENT_EVENT_ACCEPTED,    /* a certificate was checked and stored: reconnect */
    AGENT_EVENT_REFUSED,     /* a certificate was not good enough: why */
    AGENT_EVENT_REJECTED,    /* the plugin refused, the request is kept and tried again: errorCode */
    AGENT_EVENT_GAVE_UP,     /* the plugin refused for good, the next key is discarded: errorCode */
    AGENT_EVENT_INSTALLED,   /* connected with the new certificate */
    AGENT_EVENT_ROLLED_BACK,
    AGENT_EVENT_DONE,        /* the report arrived, or none was owed */
    AGENT_EVENT_QUIET,       /* the plugin says that nothing is pending */
    AGENT_EVENT_ENROLLING,   /* the factory's identity is to be shown instead of our own: why */
    AGENT_EVENT_ENROLLED,    /* after INSTALLED, of a certificate that the factory's identity or a token got; "again":
                              * there had been one before */
    AGENT_EVENT_TRUST_TRIAL, /* a new trust set is stored, and on trial: reconnect */
    AGENT_EVENT_TRUST_INSTALLED,
    AGENT_EVENT_TRUST_FAILED,/* a bundle was refused: why */
    AGENT_EVENT_TRUST_ROLLED_BACK,
    AGENT_EVENT_COUNT
};

struct agent_ports {
    void *ctx; /* handed to each of these */
    /* AGENT_NOT_FOUND: there is none. AGENT_NO_ROOM: longer than cap. AGENT_STORAGE: unreadable. */
    enum agent_err (*read)(void *ctx, enum agent_record record, uint8_t *data, size_t cap, size_t *len);
    enum agent_err (*write)(void *ctx, enum agent_record record, const uint8_t *data, size_t len);
    /* Sends at QoS 1; agent_delivered(id) when its PUBACK is in. The bytes are only lent. AGENT_OFFLINE: not sent. */
    enum agent_err (*publish)(void *ctx, uint32_t id, const char *topic, const uint8_t *payload, size_t len);
    int64_t (*now_ms)(void *ctx); /* monotonic */
    int64_t (*now_s)(void *ctx);  /* wall clock, Unix seconds, maybe wrong */
    bool (*random)(void *ctx, uint8_t *data, size_t len);
    void (*event)(void *ctx, enum agent_event event, const char *detail); /* may be NULL */
    const struct agent_crypto *crypto;
};

/* What a device without a certificate of its own starts from. */
enum agent_enrol {
    AGENT_ENROL_NEVER,   /* agent_provision() gives it its first one */
    AGENT_ENROL_FACTORY, /* from the identity that its factory gave it (IDevID) */
    AGENT_ENROL_TOKEN,   /* from a token that the application has */
};
/* The agent hands these on and never writes or keeps them. */
struct agent_factory {
    const uint8_t *key;         /* at most AGENT_KEY_MAX: the key, or a handle that the application understands */
    size_t key_len;
    const uint8_t *chain;       /* at most AGENT_CHAIN_MAX, DER, the device's own first */
    size_t chain_len;
};

/* Constant while the agent lives; the pointers are lent. */
struct agent_config {
    const char *prefix;         /* "$identity/v1" */
    const char *device, *slot;  /* "meter-17", "operational" */
    enum agent_format format;
    const uint8_t *trust;       /* certificates to believe in as DER, one after another: the issuing CA or its root */
    size_t trust_len;
    bool ask_at_connect;        /* send `get` at each connection when idle: a trigger may have waited */
    bool own_link;              /* the slot's certificate is the one of the MQTT connection; otherwise it counts as
                                 * installed once it is stored */
    uint32_t answer_timeout_ms; /* a CSR without an answer is sent again after this, then twice as long …; 0: 10 s */
    enum agent_enrol enrol;     /* other than NEVER: with own_link only */
    struct agent_factory factory; /* of AGENT_ENROL_FACTORY */
    uint8_t refusals_max;       /* 0: AGENT_REFUSALS_MAX */
    bool trust_updates;         /* take trust bundles; of several agents of a device, the one with own_link */
};

/* What is durable of a slot, and of the agent. Private to it; here only so that the caller can provide the memory. */
struct agent_slot {
    uint16_t key_len, chain_len; /* 0: none */
    uint32_t key_crc, chain_crc;
    struct agent_validity validity;
};
struct agent_trust_set {
    uint16_t len;    /* 0: the set of the configuration */
    uint32_t crc, version;
};
struct agent_state {
    uint32_t sequence;
    enum agent_phase phase;
    uint8_t current; /* 0 or 1 */
    bool spare;      /* idle, and the other slot's key is a fresh one */
    enum agent_refusal refusal; /* why, in AGENT_FAILED */
    bool enrolling;  /* requested or on trial: by the factory's identity or a token */
    struct agent_slot slot[2];
    char renewal_id[AGENT_RENEWAL_ID_CAP];
    uint8_t trust_current;
    bool trust_trial;
    uint32_t trust_refused; /* the version that was rolled back; 0: none */
    struct agent_trust_set trust[2];
};
struct agent {
    const struct agent_config *config;
    const struct agent_ports *ports;
    uint8_t *scratch;
    size_t scratch_len;
    struct agent_state state;
    bool online, ask_later, trial_old;
    uint8_t presented;       /* the slot that agent_credentials() handed out last, or AGENT_PRESENTED_FACTORY */
    uint8_t trial_failures, strangers;
    bool factory_turn, damaged, go_back;
    uint8_t refusals, enrol_tries, enrol_bad;
    int64_t enrol_after_ms;
    bool trust_shown, trust_old;
    uint8_t trust_failures;
    uint32_t last_id, report_id;
    unsigned tries;
    int64_t due_ms, csr_sent_ms;
    size_t csr_len;          /* 0: not made yet */
    uint8_t csr[AGENT_CSR_MAX];
};

/* Stores a first key (as key_make() would) and chain, replacing whatever was there. AGENT_INVALID: the chain is not for
 * this key and device. Who signed it does not matter. Follow with agent_open(). */
AGENT_MUST_USE enum agent_err agent_provision(const struct agent_config *config, const struct agent_ports *ports,
                                              const uint8_t *key, size_t key_len, const uint8_t *chain,
                                              size_t chain_len);

/* Reads the state. All pointers are lent until the agent is no longer used; there is nothing to close.
 * AGENT_NOT_FOUND: not provisioned, and does not enrol. AGENT_NO_ROOM: too little scratch. */
AGENT_MUST_USE enum agent_err agent_open(struct agent *agent, const struct agent_config *config,
                                         const struct agent_ports *ports, uint8_t *scratch, size_t scratch_len);

/* Makes a spare key and its CSR when idle, or the CSR of the key that was asked for, so that no connection waits for
 * them. Harmless at any other time, and as often as one likes. */
AGENT_MUST_USE enum agent_err agent_prepare(struct agent *agent);

/* Copies key and chain for the next connection: the new pair while it is on trial, else the current one. When the
 * current one is damaged and the other is whole, that one. The factory's, or nothing but kind = AGENT_BY_TOKEN, when
 * this is the way in. key holds AGENT_KEY_MAX, chain AGENT_CHAIN_MAX bytes. */
enum agent_identity_kind { AGENT_BY_OWN, AGENT_BY_FACTORY, AGENT_BY_TOKEN };
struct agent_identity {
    enum agent_identity_kind kind;
    uint8_t key[AGENT_KEY_MAX], chain[AGENT_CHAIN_MAX];
    size_t key_len, chain_len;
};
AGENT_MUST_USE enum agent_err agent_credentials(struct agent *agent, struct agent_identity *identity);

/* Copies what to believe in for the next connection. AGENT_NO_ROOM: more than cap, for which AGENT_TRUST_MAX or the
 * size of config.trust, whichever is more, is always enough. */
AGENT_MUST_USE enum agent_err agent_trust(struct agent *agent, uint8_t *trust, size_t cap, size_t *len);
/* Of the set that is used now; 0: the configuration's. */
uint32_t agent_trust_version(const struct agent *agent);
/* Whether that set waits for a connection to prove it. */
bool agent_trust_on_trial(const struct agent *agent);

/* CONNACK came. With a new certificate this is its confirmation: the switch, durable, before anything is sent. */
AGENT_MUST_USE enum agent_err agent_connected(struct agent *agent);
/* The connection ended before CONNACK. `refused`: the other side said no to the identity (a TLS alert, a CONNACK with
 * an error); false: it could be the network. A new certificate is given up only when the old one connects where the
 * new one was refused, or failed three times. */
void agent_connect_failed(struct agent *agent, bool refused);
void agent_disconnected(struct agent *agent);

/* One message. `renewal_id` is MQTT 5's user property "renewal-id", or NULL. AGENT_NOT_FOUND: not this agent's topic.
 * AGENT_INVALID: unreadable. Anything else that is wrong is the agent's own business and AGENT_OK. */
AGENT_MUST_USE enum agent_err agent_message(struct agent *agent, const char *topic, const uint8_t *payload, size_t len,
                                            const char *renewal_id);
AGENT_MUST_USE enum agent_err agent_delivered(struct agent *agent, uint32_t id);

/* Starts a renewal without a trigger (inside the renewal window, or where policy allows it). AGENT_BUSY: one is on. */
AGENT_MUST_USE enum agent_err agent_request(struct agent *agent);
/* Asks what is pending. AGENT_BUSY: a renewal is on. */
AGENT_MUST_USE enum agent_err agent_ask(struct agent *agent);

/* When agent_poll() wants to be called (ports->now_ms), INT64_MAX: not at all. */
int64_t agent_due_ms(const struct agent *agent);
AGENT_MUST_USE enum agent_err agent_poll(struct agent *agent);

bool agent_wants_reconnect(const struct agent *agent);
enum agent_phase agent_phase(const struct agent *agent);

#endif
