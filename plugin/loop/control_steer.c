/* Commands that steer one device: hold, release, cancel, tag. */
#include "plugin/loop/control.h"

const struct cr_command_info control_steer_commands[] = {
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
