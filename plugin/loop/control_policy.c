/* Commands about the settings that all brokers share. */
#include "plugin/loop/control.h"

const struct cr_command_info control_policy_commands[] = {
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
