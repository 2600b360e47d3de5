/* Commands about the audit log. */
#include "plugin/loop/control.h"

const struct cr_command_info control_audit_commands[] = {
    { NULL, CR_ROLE_ADMIN, NULL, NULL, NULL },
};
