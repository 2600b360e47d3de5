/* A client connects, and the broker asks about it. */
#include "plugin/loop/loop.h"

enum cr_login cr_router_login(struct cr_router *router, const struct cr_client *client, const char *password)
{
    (void)router;
    (void)client;
    (void)password;
    return CR_LOGIN_DEFER;
}
