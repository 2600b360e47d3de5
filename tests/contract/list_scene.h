/* list_scene: a fleet to be listed: devices meter-000, meter-001 … and what is known of them. */
#ifndef LIST_SCENE_H
#define LIST_SCENE_H

#include "tests/contract/store_suite.h"

enum { FLEET_MAX = 400 };

extern const char fleet_slot[]; /* of all that follows */

/* How often each device was listed. */
struct list_seen {
    unsigned times[FLEET_MAX];
    unsigned rows, pages;
};

void fleet_name(char name[CR_NAME_CAP], unsigned number);
/* It presents a certificate that began yesterday. */
struct cr_cert_facts fleet_known(struct rig_broker *broker, unsigned number, int64_t not_after);
/* And another one, which begins now. */
void fleet_renewed(struct rig_broker *broker, unsigned number, int64_t not_after);
void fleet_trigger(struct rig_broker *broker, unsigned number);
void fleet_issue(struct rig_broker *broker, unsigned number);

/* What other operations write, put there by hand. */
void fleet_tag(struct rig *rig, unsigned number, const char *tags);
void fleet_hold(struct rig *rig, unsigned number);
void fleet_join(struct rig *rig, unsigned number, const char *campaign);
void fleet_made_by(struct rig *rig, unsigned number, const char *factory);
void fleet_confirmed(struct rig *rig, unsigned number, unsigned version);
void fleet_alert(struct rig_broker *broker, unsigned number, enum cr_alert_level level, enum cr_alert_call stage,
                 bool acknowledged);

/* One page; the job is the caller's. */
struct cr_job *fleet_page(struct rig_broker *broker, const struct cr_list *what);
/* All pages, from what->cursor on. */
struct list_seen fleet_walk(struct rig_broker *broker, const struct cr_list *what);
/* The numbers of the devices that are found, each once: "1 4 7". */
void fleet_finds(struct rig_broker *broker, const struct cr_list *what, const char *expected);

#endif
