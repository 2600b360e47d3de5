/* policy_scene: two brokers on one ledger, with an operator each, for tests of the settings that they share. */
#ifndef CR_POLICY_SCENE_H
#define CR_POLICY_SCENE_H

#include "plugin/loop/policies.h"
#include "tests/support/flow_rig.h"

#define FILE_ONE "admin_username alice\nviewer_username bob\nslot operational\nlifetime 90d\nrenewal_window 30d\n"
#define FILE_TWO "admin_username alice\nslot operational\nlifetime 90d\nslot data\ntls false\n"
#define SET(slot, set) "{\"commands\":[{\"command\":\"setPolicy\"" slot ",\"set\":" set "}]}"
#define OF_SLOT ",\"slot\":\"operational\""
#define GET "{\"commands\":[{\"command\":\"getPolicy\"}]}"
#define STATUS "{\"commands\":[{\"command\":\"getStatus\"}]}"

enum { DAY_S = 86400, BOTH = 2 };

struct policy_scene {
    struct flow_rig rig[BOTH];
    const struct cr_client *alice[BOTH], *bob; /* admins; a viewer at the first */
    struct fake_ledger *ledger;
};

/* cmocka's setup and teardown; the state is the scene. */
int policy_start(void **state);
int policy_end(void **state);

/* Fails the test unless the reply has this part. */
void policy_expect(const char *reply, const char *part);
/* A batch from alice at one of the brokers; its reply. Lent. */
const char *policy_command(struct policy_scene *s, int which, const char *json);
/* What is in force there. */
const struct cr_config *policy_config(const struct policy_scene *s, int which);
int64_t policy_lifetime_days(const struct policy_scene *s, int which);
/* Time passes at both, second by second, with all that happens meanwhile. */
void policy_pass(struct policy_scene *s, int64_t seconds);
/* Audit lines about changes. */
unsigned policy_changes(const struct policy_scene *s);

#endif
