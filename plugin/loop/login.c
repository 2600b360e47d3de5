/* A client connects, and the broker asks about it: before it has a session, and before anything is answered. */
#include "plugin/loop/loop.h"
#include "plugin/worker/issuer.h"

/* NONE: nothing is held against its certificate, or it has none. */
static enum cr_refusal login_refusal(struct cr_router *router, const struct cr_client *client, struct cr_cert_facts *facts)
{
    const struct cr_host_ops *ops = router->host->ops;
    enum cr_refusal refusal = CR_REFUSAL_NONE, why;
    struct cr_blob der = { NULL, 0 };
    void *held;

    if (ops->certificate_hold(router->host, client, &held, &der) != CR_OK) {
        return CR_REFUSAL_NONE;
    }
    if (cr_trust_identify(router->setup->trust, cr_blob_view(&der), facts, &why) == CR_OK) {
        refusal = loop_revoked_refusal(router, facts);
    }
    ops->certificate_drop(router->host, held);
    return refusal;
}

enum cr_login cr_router_login(struct cr_router *router, const struct cr_client *client, const char *password)
{
    struct cr_cert_facts facts = { .device = "" };
    enum cr_refusal refusal;

    if (router->host->ops->certificate_mark(router->host, client) != NULL) { /* else it has none, or is away */
        refusal = login_refusal(router, client, &facts);
        if (refusal != CR_REFUSAL_NONE) {
            loop_alarm(router, NULL, facts.device, refusal, "tried to connect");
            return CR_LOGIN_DENY;
        }
    }
    return loop_enrol_login(router, client, password);
}
