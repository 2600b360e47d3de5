/* Commands about campaigns. */
#include "plugin/loop/control.h"

const struct cr_command_info control_campaign_commands[] = {
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
