/* Onboarding. */
#include "plugin/loop/loop.h"

cr_err loop_enrol_init(struct cr_router *router)
{
    (void)router;
    return CR_OK;
}

enum cr_login loop_enrol_login(struct cr_router *router, const struct cr_client *client, const char *password)
{
    (void)router;
    (void)client;
    (void)password;
    return CR_LOGIN_DEFER;
}

enum cr_refusal loop_enrol_refusal(const struct cr_router *router, const struct cr_session *session,
                                   const struct cr_topic *topic)
{
    (void)router;
    (void)session;
    (void)topic;
    return CR_REFUSAL_NONE;
}

void loop_enrol_admit(const struct cr_router *router, const struct cr_session *session, struct cr_job *job)
{
    (void)router;
    (void)session;
    (void)job;
}

void loop_enrol_fini(struct cr_router *router)
{
    (void)router;
}
