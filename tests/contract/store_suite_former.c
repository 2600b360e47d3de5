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
