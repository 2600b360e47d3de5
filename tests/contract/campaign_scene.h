/* campaign_scene: what the tests of campaigns share: one that has something in every field, jobs about it, and members. */
#ifndef CAMPAIGN_SCENE_H
#define CAMPAIGN_SCENE_H

#include "tests/contract/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern const char campaign_slot[]; /* "operational" */

/* With three groups, running, and nothing left at its zero. */
struct cr_campaign campaign_full(const struct rig *rig);
/* The same in all that is written. */
void campaign_expect(const struct cr_campaign *campaign, const struct cr_campaign *expected);

struct cr_job *campaign_job(struct rig_broker *broker, enum cr_campaign_verb verb, const char *id,
                            const struct cr_campaign *campaign);
/* Each expects DONE, but for `refused`. */
struct cr_campaign campaign_created(struct rig_broker *broker, const struct cr_campaign *campaign);
struct cr_campaign campaign_known(struct rig_broker *broker, const char *id);
void campaign_written(struct rig_broker *broker, struct cr_campaign *campaign);
void campaign_refused(struct rig_broker *broker, struct cr_job *job, enum cr_refusal refusal);
/* "a1 r2" and so on of this group: what is not 0. */
void campaign_expect_counts(struct rig_broker *broker, const char *id, unsigned group, const char *expected);

/* A device whose certificate is known, and is not due. */
struct cr_cert_facts campaign_device(struct rig_broker *broker, const char *device, unsigned key);
/* The campaign asks it; the job is home. */
struct cr_job *campaign_asks(struct rig_broker *broker, const char *device, const char *id, unsigned group);
/* The same, where the outcome is a record; the slot's. */
struct cr_slot_record campaign_asked(struct rig_broker *broker, const char *device, const char *id, unsigned group);
/* It asks for a certificate for this key and gets it. */
struct cr_cert_facts campaign_issued(struct rig_broker *broker, const char *device, unsigned key);
/* And it is seen with it. */
void campaign_renewed(struct rig_broker *broker, const char *device, unsigned key);
void campaign_failed(struct rig_broker *broker, const char *device);

#endif
