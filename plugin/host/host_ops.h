/* host_ops: what the rest of the plugin asks of Mosquitto (host.h's operations), and the state they share with the
 * events. Private to this folder. Broker loop, but for log lines, which any thread may write. */
#ifndef CR_HOST_OPS_H
#define CR_HOST_OPS_H

#include "plugin/app.h"
#include "plugin/handoff/lines.h"
#include "plugin/handoff/nudge.h"
#include "plugin/host/arrivals.h"
#include "plugin/host/broker_conf.h"
#include "plugin/host/host.h"
#include "plugin/host/mosquitto_api.h"

#include <sys/types.h>

enum { KICKS_MAX = 64 };

struct host_mosquitto {
    struct cr_host host; /* first: the operations get this */
    mosquitto_plugin_id_t *id;
    struct cr_app *app;
    pid_t process;             /* that the app runs in */
    struct cr_lines *lines;
    struct cr_nudge *nudge;
    bool published;            /* since the last tick began */
    bool connect_events;       /* the broker is 2.1 or later */
    enum cr_login_rule login;  /* 2.0 only */
    unsigned registered;       /* how many of `registrations` */
    /* The publication that the access check was last asked about: what comes without is `unchecked`. */
    const void *checked_client, *checked_topic, *checked_payload;
    struct arrivals arrivals;
    const void *gone;          /* said farewell in this turn of the loop; its will is checked after that */
    unsigned kick_count;
    char *kick[KICKS_MAX];
};

/* Makes the calling thread the loop. */
void host_ops_here(void);
/* Whether it is called on the loop. */
bool host_on_loop(void);

/* Sets h->host.ops. */
CR_MUST_USE cr_err host_ops_init(struct host_mosquitto *h);
/* What waited for the tick: log lines of other threads, clients to disconnect. */
void host_ops_flush(struct host_mosquitto *h);
/* The last log lines; harmless when init failed. */
void host_ops_fini(struct host_mosquitto *h);

/* As host.h's certificate_mark. */
const void *host_ops_certificate_mark(const struct cr_client *client);

/* One line in the broker's log, on the loop. level as in host.h. */
void host_say(char level, const char *text);

#endif
