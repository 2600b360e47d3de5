/* session: the MQTT 5 connection to the broker, as the link that run.h asks through: made when it is first needed, kept
 * for as many requests as a run has. Waits, but never past the options' timeout: what libmosquitto itself cannot bound
 * (looking up a name, connecting) is ended by an alarm, which ends the program. One thread, one session at a time. */
#ifndef CR_CTL_SESSION_H
#define CR_CTL_SESSION_H

#include "plugin/renewalctl/run.h"

struct ctl_session;

/* The options are borrowed, and so is *stop, which ends a wait early (NULL: nothing does). CR_NOMEM. */
CR_MUST_USE cr_err ctl_session_new(struct ctl_session **session, const struct ctl_options *options,
                                   const volatile sig_atomic_t *stop);
/* Says farewell to the broker where there is a connection. Harmless with NULL. */
void ctl_session_free(struct ctl_session *session);
const struct ctl_link *ctl_session_link(const struct ctl_session *session);

#endif
