/* enrol_scene: a device that is to be let in, two factories, and who asks for it how. */
#ifndef ENROL_SCENE_H
#define ENROL_SCENE_H

#include "tests/contract/store_suite.h"

#define ENROL_DEVICE "meter-17"
#define ENROL_SLOT "operational"

enum { FACTORY_KEY = 900 };

/* Two factories; the rules of the first one. */
struct rig_broker *enrol_open(struct rig *rig, const char *name, enum cr_factory_enroll enroll,
                              enum cr_factory_reenroll reenroll);
struct cr_cert_facts enrol_factory_cert(const struct rig *rig, unsigned number, unsigned key);
void enrol_trust(struct cr_job *job, const char *ids);
struct cr_job *enrol_csr_by(struct rig_broker *broker, unsigned key, const struct cr_cert_facts *factory);
struct cr_job *enrol_csr(struct rig_broker *broker, unsigned key);
struct cr_job *enrol_csr_token(struct rig_broker *broker, unsigned key, uint8_t token);
void enrol_refused(struct rig_broker *broker, struct cr_job *job, enum cr_refusal refusal);
/* BEGIN goes on, is signed and recorded; the certificate. */
struct cr_cert_facts enrol_issued(struct rig_broker *broker, struct cr_job *job);
void enrol_confirmed(struct rig_broker *broker, const struct cr_cert_facts *facts);
struct cr_job *enrol_job(struct rig_broker *broker, enum cr_enrol_verb verb, const char *factory);
bool enrol_done(struct rig_broker *broker, struct cr_job *job);
bool enrol_allow(struct rig_broker *broker, const char *factory);
void enrol_make_token(struct rig_broker *broker, uint8_t token, int64_t lives_s);
/* INSPECT; UNKNOWN_DEVICE: all zero. */
struct cr_device_record enrol_inspect(struct rig_broker *broker);

#endif
