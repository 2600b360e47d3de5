/* What is revoked. */
#include "plugin/loop/loop.h"

cr_err loop_revoked_init(struct cr_router *router)
{
    (void)router;
    return CR_OK;
}

void loop_revoked_home(struct cr_router *router, const struct cr_job *job)
{
    (void)router;
    (void)job;
}

enum cr_refusal loop_revoked_refusal(const struct cr_router *router, const struct cr_cert_facts *facts)
{
    (void)router;
    (void)facts;
    return CR_REFUSAL_NONE;
}

bool loop_revoked_find(const struct cr_router *router, const struct cr_serial *serial, const char *issuer,
                       struct cr_revocation *entry)
{
    (void)router;
    (void)serial;
    (void)issuer;
    (void)entry;
    return false;
}

const struct cr_issuer_mark *loop_issuer_mark(const struct cr_router *router, const char *issuer)
{
    (void)router;
    (void)issuer;
    return NULL;
}

static bool revoked_excluded(void *ctx, const char *issuer_id)
{
    return loop_issuer_mark(ctx, issuer_id) != NULL;
}

unsigned loop_signer(const struct cr_router *router)
{
    return cr_trust_signer(router->setup->trust, cr_wall_s(router->clock), revoked_excluded, (void *)router);
}

void loop_revoked_fini(struct cr_router *router)
{
    (void)router;
}
