/* hostile_scene: an admin, a viewer and a device on a flow_rig, and what hostile commands are made of: every command of the
 * table with every field it takes. */
#ifndef CR_HOSTILE_SCENE_H
#define CR_HOSTILE_SCENE_H

#include "plugin/loop/control.h"
#include "tests/support/flow_rig.h"

struct hostile {
    struct flow_rig rig;
    struct cr_blob cert;
    const struct cr_client *admin, *viewer, *device; /* alice, bob, meter-1 */
};

/* cmocka's setup and teardown; the state is the scene. */
int hostile_start(void **state);
int hostile_start_without_operators(void **state);
int hostile_end(void **state);

/* Fails the test unless the reply is an error that blames the command, not us. */
void hostile_expect_blamed(const char *payload, const char *reply);
void hostile_expect_code(const char *payload, const char *reply, const char *code);
/* The plugin still serves, and nothing is left of a command. */
void hostile_expect_well(struct hostile *s);

enum hostile_kind { HOSTILE_TEXT, HOSTILE_NUMBER, HOSTILE_TRUTH, HOSTILE_OBJECT, HOSTILE_ARRAY };

struct hostile_field {
    const char *name;
    enum hostile_kind kind;
    const char *needed; /* what a command that has it needs to be whole; NULL: it does without */
};

/* The command with one field of this value (JSON), and whatever else it needs. Valid until the next call. */
const char *hostile_command(const struct cr_command_info *info, const char *field, const char *value);
/* Calls it for every field of every command, then makes sure that all is well. */
typedef void hostile_try_fn(struct hostile *s, const struct cr_command_info *info, const struct hostile_field *field);
void hostile_each_field(struct hostile *s, hostile_try_fn *try_it);

#endif
