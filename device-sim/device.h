/* device: one simulated device: an agent with its flash, its radio, its sleep, and its bad luck.
 *
 *     off ──wake──► queued ──admitted──► connecting ──CONNACK──► online ──asleep, power lost──► off … ──► finished
 *
 * The fleet starts it, admits it to a handshake, and hears when that is over and when the device is finished.
 * Main thread only. */
#ifndef DEVICE_SIM_DEVICE_H
#define DEVICE_SIM_DEVICE_H

#include "device-sim/agent/agent.h"
#include "common/bytes.h"
#include "common/identity.h"
#include "device-sim/figures.h"
#include "device-sim/flash.h"
#include "device-sim/link.h"
#include "device-sim/options.h"

#include <uv.h>

struct device;

/* What the devices of a fleet have in common. Outlives them. */
struct device_env {
    const struct run_options *options;
    uv_loop_t *loop;
    struct link_config link;               /* handler: device_link_handler */
    const uint8_t *trust;                  /* DER, one after another */
    size_t trust_len;
    uint8_t scratch[AGENT_SCRATCH_TRUST_MIN]; /* one thread, so one will do */
    struct figures *figures;
    void *fleet;
    void (*queue)(void *fleet, struct device *device); /* wants to connect: device_connect() when there is room */
    void (*handshake_over)(void *fleet);
    void (*seen)(void *fleet);             /* for the first time the broker has heard of it */
    void (*finished)(void *fleet, struct device *device);
};

enum device_state { DEVICE_OFF, DEVICE_QUEUED, DEVICE_CONNECTING, DEVICE_ONLINE, DEVICE_FINISHED };

/* How a device ended, or stands. */
enum device_outcome { DEVICE_UNDECIDED, DEVICE_RENEWED, DEVICE_PENDING, DEVICE_FAILED };

struct device {
    struct device_env *env;
    struct device *next_queued;            /* the fleet's */
    char id[CR_NAME_CAP];
    enum device_state state;
    enum device_outcome outcome;
    char reason[FIGURES_REASON_CAP];       /* of the last failure; "": none yet */
    uv_timer_t timer;
    struct flash flash;
    struct agent agent;
    struct agent_config agent_config;
    struct agent_ports agent_ports;
    bool booted;                           /* agent is open; a loss of power takes this away */
    struct tls_identity identity;
    struct cr_blob factory_key, factory_chain; /* with --factory */
    struct link *link;
    uint64_t dice;
    /* faults */
    bool never_wakes, wrong_clock, corrupt_next, cannot_install;
    /* instants of the monotonic clock in milliseconds; INFINITY: not set */
    double wake_at, sleep_at, retry_at, deadline_at;
    /* this renewal; not lost with the power: it is the observer's notebook */
    bool installed, awake_noted, measure_wire, quiet;
    bool triggered;                        /* the plugin asked it to renew: counted */
    bool slept;                            /* and has not been told since that nothing is pending */
    bool overslept;                        /* it was asleep when its renewal began */
    bool seen;                             /* heard, on any connection */
    bool heard;                            /* the broker acknowledged or said something on this connection */
    double connect_at, connect_ms, count_from, csr_at, arrived_at, awake_ms;
    struct wire wire_at_csr;
    unsigned renewals, attempts, attempts_new, connect_failures;
    unsigned losses;                       /* connections in a row that ended soon after CONNACK */
    bool answered;                         /* the last one that failed met a broker */
};

extern const struct link_handler device_link_handler;

/* `dir` is the device's directory. CR_FULL, CR_NOT_FOUND: as flash_init(). */
CR_MUST_USE cr_err device_init(struct device *device, struct device_env *env, const char *id, const char *dir);
/* Sets its timer going: the first wake is this far away. */
void device_start(struct device *device, double delay_ms);
/* The fleet has room for its handshake. */
void device_connect(struct device *device);
/* Whether it has a connection, or is after one. */
bool device_awake(const struct device *device);
/* Keep-alive, about once a second. */
void device_tick(struct device *device);
/* The run is over: decides what is undecided and lets go of everything but the timer, which it closes. */
void device_stop(struct device *device);

#endif
