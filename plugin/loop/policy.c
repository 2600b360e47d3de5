#include "plugin/loop/loop.h"

#include <string.h>

static bool policy_named(const struct cr_principal *principal, const struct cr_session *session)
{
    const char *name = principal->by_username ? session->username : session->facts.device;

    return name[0] != '\0' && strcmp(principal->name, name) == 0;
}

static bool policy_is(const struct cr_principal *principal, const struct cr_session *session)
{
    if (session->restricted) {
        return false; /* by whatever name it comes */
    }
    if (!principal->by_username && (!session->has_certificate || session->refusal != CR_REFUSAL_NONE)) {
        return false;
    }
    return policy_named(principal, session);
}

bool loop_is_operator_name(const struct cr_router *router, const struct cr_session *session)
{
    const struct cr_config *config = &router->setup->config;

    for (unsigned i = 0; i < config->principal_count; i++) {
        if (policy_named(&config->principal[i], session)) {
            return true;
        }
    }
    return false;
}

const struct cr_profile *loop_tls_profile(const struct cr_router *router)
{
    const struct cr_config *config = &router->setup->config;

    for (unsigned i = 0; i < config->slot_count; i++) {
        if (config->slot[i].tls) {
            return &config->slot[i];
        }
    }
    return NULL;
}

int64_t loop_accept_expired_s(const struct cr_router *router)
{
    const struct cr_profile *profile = loop_tls_profile(router);

    return profile != NULL ? profile->accept_expired_s : 0;
}

enum cr_role loop_role(const struct cr_router *router, const struct cr_session *session)
{
    const struct cr_config *config = &router->setup->config;
    enum cr_role role = CR_ROLE_NONE;

    for (unsigned i = 0; session != NULL && i < config->principal_count; i++) {
        if (policy_is(&config->principal[i], session) && config->principal[i].role > role) {
            role = config->principal[i].role;
        }
    }
    return role;
}

enum cr_refusal loop_device_refusal(const struct cr_session *session, const char *device)
{
    if (session == NULL || !session->has_certificate) {
        return CR_REFUSAL_WRONG_IDENTITY;
    }
    if (session->refusal != CR_REFUSAL_NONE) {
        return session->refusal;
    }
    if (session->presence == NULL || strcmp(session->presence->device, device) != 0) {
        return CR_REFUSAL_WRONG_IDENTITY;
    }
    return CR_REFUSAL_NONE;
}
