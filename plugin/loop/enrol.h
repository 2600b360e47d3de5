/* enrol: onboarding: sessions with a factory certificate, or with a token. Broker loop only; private to it. */
#ifndef CR_LOOP_ENROL_H
#define CR_LOOP_ENROL_H

#include "plugin/loop/loop.h"

CR_MUST_USE cr_err loop_enrol_init(struct cr_router *router);
/* A client connects with a user name or none; what of it is "enroll:..." is decided here. It runs again, without a
 * certificate and for sessions whose device is away, when the broker's configuration is read again. */
enum cr_login loop_enrol_login(struct cr_router *router, const struct cr_client *client, const char *password);
/* Whether a client with this id would take it from a device that is connected here, or whose session the broker keeps. */
bool loop_enrol_takes_id(struct cr_router *router, const char *client_id);
/* May this session do this here? A session that enrols may do nothing else than that. NONE, or why not. */
enum cr_refusal loop_enrol_refusal(const struct cr_router *router, const struct cr_session *session,
                                   const struct cr_topic *topic);
/* Denied for that: an audit line, if there were not too many. */
void loop_enrol_denied(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic);
/* May this session's factory certificate enrol it? NONE: it is one that enrols. */
enum cr_refusal loop_enrol_judge(struct cr_router *router, struct cr_session *session);
/* A new session: true, when it logged in with a token; then it is bound, and is nothing else. */
bool loop_enrol_noticed(struct cr_router *router, struct cr_session *session);
/* One that enrols has come. */
void loop_enrol_appeared(struct cr_router *router, struct cr_session *session);
/* All are judged anew; true: this one by its token. */
bool loop_enrol_judged_anew(struct cr_router *router, struct cr_session *session);
/* A client with this handle logged in with a token, and did nothing yet. */
bool loop_enrol_awaits(const struct cr_router *router, const void *handle);
/* It left; true: without having done anything. */
bool loop_enrol_gone(struct cr_router *router, const void *handle);
/* Whether its rate allows this request, as every session is asked; *wait_ms: when not, until it does. */
bool loop_enrol_may_ask(struct cr_router *router, struct cr_session *session, int64_t now_ms, int64_t *wait_ms);
/* Whether what it is refused is written down. Who only says that it has a token may be anybody: not without end. */
bool loop_enrol_heard(struct cr_router *router, const struct cr_session *session);
/* A CSR of somebody who enrols is home, and answered. session: NULL: it left. */
void loop_enrol_home(struct cr_router *router, struct cr_session *session, const struct cr_job *job);
void loop_enrol_tick(struct cr_router *router, int64_t now_ms);
/* What BEGIN is to know of it. */
void loop_enrol_admit(struct cr_router *router, const struct cr_session *session, struct cr_job *job);
void loop_enrol_fini(struct cr_router *router);

#endif
