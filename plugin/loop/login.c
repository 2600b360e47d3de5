/* A client connects, and the broker asks about it: before it has a session, and before anything is answered.
 *
 * Only those are looked at closely whose certificate's serial number is among the revoked, or whose issuer may be: for
 * everybody else it is a look into a table. */
#include "plugin/loop/enrol.h"
#include "plugin/worker/issuer.h"

#include <stdio.h>
#include <string.h>

/* A factory certificate under the client id of another device than its own: that one would be closed, and what the broker
 * keeps for it lost. */
static bool login_takes_id(struct cr_router *router, const struct cr_client *client, struct cr_bytes der,
                           struct cr_cert_facts *facts)
{
    const struct cr_trust *trust = router->setup->trust;
    enum cr_refusal why;

    return client->id != NULL && cr_trust_factory_claimed(trust, der) != 0 && loop_enrol_takes_id(router, client->id) &&
           (cr_trust_identify(trust, der, facts, &why) != CR_OK ||
            (facts->factory != 0 && strcmp(facts->device, client->id) != 0));
}

/* NONE: nothing is held against its certificate, or it has none. */
static enum cr_refusal login_refusal(struct cr_router *router, const struct cr_client *client, struct cr_cert_facts *facts)
{
    const struct cr_host_ops *ops = router->host->ops;
    enum cr_refusal refusal = CR_REFUSAL_NONE, why;
    struct cr_blob der = { NULL, 0 };
    struct cr_cert cert;
    void *held;

    if (ops->certificate_hold(router->host, client, &held, &der) != CR_OK) {
        return CR_REFUSAL_NONE;
    }
    if (cr_cert_parse(&cert, cr_blob_view(&der)) == CR_OK && loop_revoked_maybe(router, &cert.facts.serial) &&
        cr_trust_identify(router->setup->trust, cr_blob_view(&der), facts, &why) == CR_OK) {
        refusal = loop_revoked_refusal(router, facts);
    }
    if (refusal == CR_REFUSAL_NONE && login_takes_id(router, client, cr_blob_view(&der), facts)) {
        refusal = CR_REFUSAL_WRONG_IDENTITY;
    }
    ops->certificate_drop(router->host, held);
    return refusal;
}

/* It has no session yet, so who it is goes into the text. */
static void login_alarm(struct cr_router *router, const struct cr_client *client, const struct cr_cert_facts *facts,
                        enum cr_refusal refusal)
{
    char detail[CR_AUDIT_DETAIL_CAP + 64];

    (void)snprintf(detail, sizeof detail, "client %.64s at %.45s was refused: its certificate%s",
                   client->id != NULL ? client->id : "-", client->address != NULL ? client->address : "-",
                   refusal == CR_REFUSAL_REVOKED          ? " is revoked"
                   : refusal == CR_REFUSAL_WRONG_IDENTITY ? " is a factory's, and its client id another device's"
                                                          : "'s issuer was retired");
    loop_alarm(router, NULL, facts->device, refusal, detail);
}

enum cr_login cr_router_login(struct cr_router *router, const struct cr_client *client, const char *password)
{
    struct cr_cert_facts facts = { .device = "" };
    enum cr_refusal refusal;

    if (router->host->ops->certificate_mark(router->host, client) != NULL) { /* else it has none, or is away */
        refusal = login_refusal(router, client, &facts);
        if (refusal != CR_REFUSAL_NONE) {
            router->counters.revoked_refused += refusal != CR_REFUSAL_WRONG_IDENTITY;
            router->counters.refused[CR_REFUSAL_WRONG_IDENTITY] += refusal == CR_REFUSAL_WRONG_IDENTITY;
            login_alarm(router, client, &facts, refusal);
            return CR_LOGIN_DENY;
        }
    }
    return loop_enrol_login(router, client, password);
}
