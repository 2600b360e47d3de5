/* REVOKE of certificates that are not the one in use: superseded, or ended. */
#include "tests/contract/store_suite.h"

#include <stdlib.h>
#include <string.h>

static const char device[] = "meter-17", slot[] = "operational";

/* In the inventory, its window open. */
static struct cr_cert_facts known(struct rig_broker *broker)
{
    int64_t now_s = broker->rig->now_s;
    struct cr_cert_facts facts = rig_cert(device, 1, 1, now_s - 80 * RIG_DAY_S, now_s + 10 * RIG_DAY_S);
    (void)rig_present(broker, slot, &facts);
    return facts;
}

/* A copy of the former one got lost: who has the new one goes on with it. */
void store_superseded_certificate_is_revoked_alone(void **state)
{
    struct rig_broker *broker = rig_open(*state, "one");
    struct cr_cert_facts old = known(broker);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts new = rig_cert_of(job);
    struct cr_revocation entry;
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &new));
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, device, &old, CR_REASON_KEY_COMPROMISE)), 1);
    assert_true(rig_revoked(broker, &old, true, &entry));
    assert_string_equal(entry.device, device);
    assert_int_equal(entry.not_after, old.not_after);
    assert_true(rig_revoked(broker, &new, false, &entry));
    assert_false(rig_slot(broker, device, slot).held);
    assert_int_equal(rig_slot(broker, device, slot).revoked.at, 0);
    /* of the one in use the slot is */
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, device, &new, CR_REASON_KEY_COMPROMISE)), 1);
    assert_true(rig_revoked(broker, &new, true, &entry));
    assert_true(rig_slot(broker, device, slot).held);
}

/* With accept_expired it could still renew: it is revoked with its device, stays so when that is released, and is known to
 * brokers that come later. */
void store_ended_certificate_that_may_renew_is_revoked(void **state)
{
    struct rig *rig = *state;
    struct cr_revocation entry;
    rig->operational.accept_expired_s = 30 * RIG_DAY_S;
    rig->now_s = cr_wall_s(cr_clock_system()) - 12 * RIG_DAY_S; /* what has ended is forgotten by the machine's clock */
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker);
    rig->now_s = facts.not_after + 2 * RIG_DAY_S;
    assert_int_equal(rig_revoke(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, device, "", CR_REASON_KEY_COMPROMISE)), 1);
    assert_true(rig_revoked(broker, &facts, true, &entry));
    struct cr_job *job = rig_job(broker, CR_OP_STEER, device, "");
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = CR_STEER_RELEASE;
    job->command = 1;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    struct rig_broker *two = rig_open(rig, "two"); /* who looks may forget what has ended */
    (void)rig_slot(two, device, slot);
    assert_true(rig_revoked(two, &facts, true, &entry));
    struct cr_cert_facts other = rig_cert("meter-18", 9, 9, rig->now_s, rig->now_s + RIG_DAY_S);
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, "", &other, 0)), 1);
    assert_true(rig_revoked(broker, &other, true, &entry));
    struct rig_broker *late = rig_open(rig, "three");
    (void)rig_slot(late, device, slot);
    assert_true(rig_revoked(late, &other, true, &entry));
    assert_true(rig_revoked(late, &facts, true, &entry));
}
