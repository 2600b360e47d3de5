#include "plugin/loop/loop.h"

#include <string.h>

/* A user name may come from the certificate too (use_identity_as_username), so its time, or its being revoked, ends every
 * role. TLS looks at it only when a connection begins. */
static bool policy_certificate_over(const struct cr_router *router, const struct cr_session *session)
{
    return session->restricted || session->refusal == CR_REFUSAL_CERTIFICATE_NOT_VALID ||
           session->refusal == CR_REFUSAL_REVOKED ||
           (session->has_certificate && cr_wall_s(router->clock) > session->not_after);
}

static bool policy_named(const struct cr_principal *principal, const struct cr_session *session)
{
    const char *name = principal->by_username ? session->username : session->facts.device;

    return name[0] != '\0' && strcmp(principal->name, name) == 0;
}

static bool policy_is(const struct cr_principal *principal, const struct cr_session *session)
{
    if (!principal->by_username &&
        (!session->has_certificate ||
         (session->refusal != CR_REFUSAL_NONE && session->refusal != CR_REFUSAL_CERTIFICATE_NOT_VALID))) {
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

bool loop_is_operators(const struct cr_router *router, const char *name)
{
    const struct cr_config *config = &router->setup->config;

    for (unsigned i = 0; i < config->principal_count; i++) {
        if (strcmp(config->principal[i].name, name) == 0) {
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

/* What its names give it, if its certificate is valid: the highest role. NULL: none. Whatever a factory wrote into a
 * certificate, nobody becomes an operator by it, nor by a user name that is taken from it. */
static const struct cr_principal *policy_principal(const struct cr_router *router, const struct cr_session *session)
{
    const struct cr_config *config = &router->setup->config;
    const struct cr_principal *best = NULL;

    if (session == NULL || session->facts.factory != 0) {
        return NULL;
    }
    for (unsigned i = 0; i < config->principal_count; i++) {
        if (policy_is(&config->principal[i], session) && (best == NULL || config->principal[i].role > best->role)) {
            best = &config->principal[i];
        }
    }
    return best;
}

static enum cr_role policy_role(const struct cr_router *router, const struct cr_session *session)
{
    const struct cr_principal *principal = policy_principal(router, session);

    return principal != NULL ? principal->role : CR_ROLE_NONE;
}

const char *loop_operator_name(const struct cr_router *router, const struct cr_session *session)
{
    const struct cr_principal *principal = policy_principal(router, session);

    return principal != NULL ? principal->name : "";
}

enum cr_role loop_role(const struct cr_router *router, const struct cr_session *session)
{
    enum cr_role role = policy_role(router, session);

    return role != CR_ROLE_NONE && policy_certificate_over(router, session) ? CR_ROLE_NONE : role;
}

enum cr_refusal loop_role_refusal(const struct cr_router *router, const struct cr_session *session)
{
    return session != NULL && session->refusal != CR_REFUSAL_REVOKED && policy_role(router, session) != CR_ROLE_NONE &&
                   policy_certificate_over(router, session)
               ? CR_REFUSAL_CERTIFICATE_NOT_VALID
               : CR_REFUSAL_NOT_AUTHORISED;
}

/* A certificate that expires while its device is connected is not looked at again: the device may still renew it. */
enum cr_refusal loop_device_refusal(const struct cr_session *session, const char *device)
{
    if (session == NULL || (!session->has_certificate && session->enrolment == NULL)) {
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
