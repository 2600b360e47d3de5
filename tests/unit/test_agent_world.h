/* test_agent_world: everything around an agent, made of memory: a flash that loses or tears the write that power
 * interrupts, toy cryptography, a plugin that keeps the protocol's promises, and a hand on the power switch. */
#ifndef TEST_AGENT_WORLD_H
#define TEST_AGENT_WORLD_H

#include "agent.h"

/* What becomes of the step (a write or a publish) at which the power goes. */
enum cut {
    CUT_LOST,    /* the record is as before */
    CUT_SHORT,   /* half of it is there, and its end is not */
    CUT_HEAD,    /* a tenth is new, the rest old */
    CUT_TAIL,    /* a tenth is old, the rest new */
    CUT_GARBAGE, /* the second half never got programmed */
    CUT_DONE,    /* it was the last thing that happened */
    CUT_COUNT
};

enum { WORLD_CERTS_MAX = 64, WORLD_INBOX_MAX = 16, WORLD_PAYLOAD_MAX = 1024 };

struct world_message {
    char topic[AGENT_TOPIC_CAP];
    uint8_t payload[WORLD_PAYLOAD_MAX];
    size_t len;
};

/* A toy certificate as the plugin knows it: index = serial. */
struct world_cert {
    uint32_t key;
    bool bad_on_the_wire; /* the copies that are sent are corrupt, this many times */
    unsigned corrupt_copies;
    bool refused_at_connect;
    bool superseded;
};

struct world {
    /* flash */
    struct {
        bool there;
        uint8_t data[AGENT_TRUST_MAX];
        size_t len;
    } record[AGENT_RECORD_COUNT];
    /* power */
    unsigned steps;       /* writes and publishes since the last boot */
    unsigned cut_at;      /* the power goes at this step; 0: never */
    enum cut cut;
    bool dead;
    /* platform */
    int64_t now_ms, now_s;
    uint32_t keys_made;
    bool random_fails;
    /* plugin */
    struct world_cert cert[WORLD_CERTS_MAX];
    uint32_t serials;     /* cert[1 .. serials] exist */
    uint32_t current, issued; /* serials; issued 0: none waits for its confirmation */
    bool triggered, any_time;
    bool never_pushes;    /* answers only */
    bool sees_connects;   /* as with Mosquitto 2.1; 2.0 tells the plugin of a device at its first PUBLISH */
    uint32_t shown;       /* the certificate of the connection, until it is seen; 0: seen */
    unsigned generation, renewals;
    unsigned corrupt_next, refuse_next; /* this many of the next certificates are so */
    unsigned csrs, installed_reports, failed_reports, rolled_back_reports, rounds_issued;
    bool by_factory;      /* this connection is the factory identity's, or a token's: nothing but CSRs */
    bool may_enrol;       /* an operator allowed it, or policy does */
    unsigned enrolments_rejected;
    uint8_t server_ca;    /* who issued the broker's certificate */
    struct {
        uint32_t version; /* 0: none */
        bool replace;
        uint8_t cas[4];   /* numbers, until 0 */
        uint8_t signer;
    } bundle;             /* sent at each appearance until it was answered */
    bool bundle_answered;
    char bundle_report[160]; /* the last one */
    unsigned bundle_reports;
    uint32_t key_asked;   /* the last CSR's key */
    unsigned keys_asked;  /* how many different ones in a row */
    struct world_message inbox[WORLD_INBOX_MAX]; /* to the device */
    unsigned inbox_len;
    uint32_t unacknowledged[WORLD_INBOX_MAX];
    unsigned unacknowledged_len;
    /* device */
    struct agent_config config;
    bool asks_itself;     /* requests a renewal whenever it is connected and has not had one */
    struct agent agent;
    uint8_t scratch[AGENT_SCRATCH_TRUST_MIN];
    unsigned events[AGENT_EVENT_COUNT];
    char detail[64];      /* of the last event that had one */
};

extern const struct agent_config world_config;
extern const struct agent_ports world_ports_template; /* ctx is the world */

/* A provisioned device whose certificate is serial 1. */
void world_init(struct world *world, struct agent_ports *ports);
/* One that has none, and gets its first one by its factory's identity or a token. */
void world_init_unborn(struct world *world, struct agent_ports *ports, enum agent_enrol enrol);
/* Boots and lives through up to `connections` of them, or until the power goes. */
void world_boot(struct world *world, struct agent_ports *ports, unsigned connections);
/* Power on again, nothing in RAM: whole pair in storage, and one that the plugin accepts. Fails the test otherwise. */
void world_check_pair(struct world *world, struct agent_ports *ports);

/* Single steps, for tests of the machine. */
void world_open(struct world *world, struct agent_ports *ports);
/* One connection attempt with what the agent shows; false: refused. */
bool world_connect(struct world *world);
void world_hang_up(struct world *world);
/* Hands the agent what waits for it, until nothing does. */
void world_deliver(struct world *world);
/* A message from the plugin, whether it makes sense or not. */
void world_say(struct world *world, const char *verb, const char *payload);
void world_trigger(struct world *world);
/* The bundle of the world as the plugin sends it; returns its length. */
size_t world_bundle(const struct world *world, char *json, size_t cap);

/* What the two halves of it share: test_agent_world.c and test_agent_plugin.c. */

/* Counts a step; true: the power goes right now. */
bool world_step(struct world *world);
/* A TLS connection that shows this serial: false when the plugin or the broker refuses it. */
bool world_plugin_connect(struct world *world, uint32_t serial);
/* The device shows up: what it presents is looked at, and what waits for it is sent. */
void world_plugin_seen(struct world *world);
/* As agent_ports wants it; ctx: the world. */
enum agent_err world_plugin_publish(void *ctx, uint32_t id, const char *topic, const uint8_t *payload, size_t len);

#endif
