/* The trust bundle. */
#include "plugin/loop/loop.h"

cr_err loop_bundle_init(struct cr_router *router)
{
    (void)router;
    return CR_OK;
}

void loop_bundle_home(struct cr_router *router, struct cr_job *job)
{
    if (job->command != 0) {
        loop_command_done(router, job);
    }
}

void loop_bundle_presented(struct cr_router *router, struct cr_session *session, const struct cr_device_record *record)
{
    (void)router;
    (void)session;
    (void)record;
}

void loop_bundle_report(struct cr_router *router, struct cr_session *session, const struct cr_topic *topic,
                        struct cr_bytes payload, const struct cr_request_properties *properties)
{
    (void)router;
    (void)session;
    (void)topic;
    (void)payload;
    (void)properties;
}

void loop_bundle_tick(struct cr_router *router, int64_t now_ms)
{
    (void)router;
    (void)now_ms;
}

void loop_bundle_fini(struct cr_router *router)
{
    (void)router;
}
