/* session_inside: what the session's two files share. Private to session.c and session_client.c. */
#ifndef CR_CTL_SESSION_INSIDE_H
#define CR_CTL_SESSION_INSIDE_H

#include "plugin/renewalctl/session.h"
#include "plugin/renewalctl/trouble.h"

#include <mosquitto.h>

struct ctl_session {
    struct ctl_link link;
    const struct ctl_options *options;
    const volatile sig_atomic_t *stop;
    int port;
    struct mosquitto *client;    /* NULL: none yet */
    bool connected, broken, subscribed;
    int64_t used_ms;             /* when the library last had a chance to answer the broker */
    /* what is waited for */
    bool settled;                /* whatever it is: it has come, or cannot come any more */
    cr_err err;
    const char *correlation;     /* of the response; NULL: none is waited for */
    struct cJSON *response;
    struct { char correlation[CTL_CORRELATION_CAP]; struct cJSON *response; } sent[CTL_WINDOW]; /* "": a free one */
    void (*on_event)(void *owner, const char *kind, struct cr_bytes payload);
    void *owner;
    char why[CTL_WHY_CAP];
    char log[CTL_LOG_CAP];       /* errors of the library, one a line, as far as they fit */
    /* while the library works */
    struct sigaction before;
    bool ignoring;
};

/* The first one counts, until `settled` is cleared. */
void session_settle(struct ctl_session *session, cr_err err, const char *what, const char *detail);
void session_settle_broken(struct ctl_session *session, int rc);

/* A client with its options and callbacks. CR_NOMEM, CR_UNAVAILABLE: session->why says why. (session_client.c) */
CR_MUST_USE cr_err session_client_new(struct ctl_session *session);

#endif
