/* flow_scene: one device with its first certificate, an operator, and a fresh key to be certified, on a flow_rig. */
#ifndef CR_FLOW_SCENE_H
#define CR_FLOW_SCENE_H

#include "tests/support/flow_rig.h"

#define CSR_TOPIC "$identity/v1/meter-1/operational/csr"
#define GET_TOPIC "$identity/v1/meter-1/operational/get"
#define REPORT_TOPIC "$identity/v1/meter-1/operational/report"
#define ANY_TIME "admin_identity boss\nslot operational\nrequest_timing any\n"
#define NO_ESCALATION "alert_notice none\nalert_warning none\nalert_critical none\n" /* of the slot */
#define IN_WINDOW "admin_identity boss\nwake_after 3660d\nslot operational\nrequest_timing window\n" NO_ESCALATION

enum { DAY_S = 86400 };

struct scene {
    struct flow_rig rig;
    struct rig_key key, next;    /* of the certificate, and to be certified */
    struct cr_blob cert, csr, boss_cert;
    const struct cr_client *client, *boss;
};

/* cmocka's setup and teardown; the state is the scene. */
int scene_start_any_time(void **state);
int scene_start_in_window(void **state);
/* With a configuration of its own. */
int scene_start_with(void **state, const char *config);
int scene_stop(void **state);
/* Time passes by second by second, or in 20,000 steps, with everything that happens meanwhile. */
void scene_live(struct scene *s, int64_t seconds);
/* The device's connection ends, or the boss's command is carried out. */
void scene_leave(struct scene *s);
void scene_trigger(struct scene *s);

/* The ledger's view of meter-1's slot; NULL: never seen. */
const struct cr_slot_record *scene_slot(struct scene *s);
/* Fails the test unless the device was sent this errorCode. */
void expect_rejected(struct scene *s, const char *code);
/* Fails the test unless the device was sent a certificate; its chain. Lent. */
struct cr_bytes take_certificate(struct scene *s);
struct cr_bytes leaf_of(struct cr_bytes chain);
/* The device leaves and comes back with this certificate. */
void reconnect(struct scene *s, struct cr_bytes certificate);

#endif
