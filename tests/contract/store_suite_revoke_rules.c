/* REVOKE, rule by rule: which certificates of a slot it takes, and what is known of each. */
#include "tests/contract/store_suite.h"

#include <stdlib.h>
#include <string.h>

static const char device[] = "meter-17", slot[] = "operational";

static struct cr_cert_facts shown(struct rig_broker *broker, unsigned key, int64_t not_before, int64_t not_after)
{
    struct cr_cert_facts facts = rig_cert(device, key, key, not_before, not_after);
    (void)rig_present(broker, slot, &facts);
    return facts;
}

static struct cr_cert_facts known(struct rig_broker *broker, unsigned key)
{
    int64_t now_s = broker->rig->now_s;
    return shown(broker, key, now_s - 80 * RIG_DAY_S, now_s + 10 * RIG_DAY_S);
}

/* How many are told, and how many of them are new. */
static void revoke_device(struct rig_broker *broker, unsigned reason, unsigned rows, unsigned count)
{
    struct cr_job *job = rig_run(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, device, "", reason));
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_int_equal(job->revoke->rows, rows);
    assert_int_equal(job->revoke->count, count);
    cr_job_free(job);
}

static void release(struct rig_broker *broker)
{
    struct cr_job *job = rig_job(broker, CR_OP_STEER, device, "");
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = CR_STEER_RELEASE;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
}

static struct cr_revocation entry_of(struct rig_broker *broker, const struct cr_cert_facts *facts)
{
    struct cr_revocation entry;
    assert_true(rig_revoked(broker, facts, true, &entry));
    return entry;
}

static void refused(struct rig_broker *broker, struct cr_job *job, enum cr_refusal refusal)
{
    job = rig_run(broker, job);
    assert_int_equal(job->refusal, refusal);
    cr_job_free(job);
}

/* A slot whose first certificate is being signed has none yet, and is revoked all the same. */
void store_revoking_takes_a_first_certificate(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)known(broker, 1);
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, device, "data", 2, NULL));
    assert_int_equal(job->stage, CR_STAGE_SIGN);
    struct cr_cert_facts first = rig_cert_of(job);
    rig_sign(job);
    revoke_device(broker, CR_REASON_KEY_COMPROMISE, 2, 2);
    assert_string_equal(entry_of(broker, &first).device, device);
    assert_true(rig_slot(broker, device, "data").held);
    refused(broker, job, CR_REFUSAL_REVOKED);
    refused(broker, rig_job_csr(broker, device, "data", 3, NULL), CR_REFUSAL_REVOKED);
}

/* What has ended is in no list; the slot is on hold, and the journal has a line of it. */
void store_revoking_leaves_what_has_ended(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, 1);
    rig->now_s = facts.not_after;
    revoke_device(broker, CR_REASON_SUPERSEDED, 0, 0);
    assert_true(rig_slot(broker, device, slot).held);
    rig_expect_audits(rig, "revoked", device, 1);
    refused(broker, rig_job_trigger(broker, device, slot), CR_REFUSAL_REVOKED);
}

/* Of a superseded certificate it is not known when it ends: not after any that came later. */
void store_revoked_superseded_is_kept_long_enough(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts first = known(broker, 1);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts second = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &second));
    rig->now_s += 80 * RIG_DAY_S;
    job = rig_issue(broker, device, slot, 3);
    struct cr_cert_facts third = rig_cert_of(job);
    cr_job_free(job);
    uint64_t version = rig_slot(broker, device, slot).version;
    assert_true(third.not_after > second.not_after);
    revoke_device(broker, CR_REASON_SUPERSEDED, 3, 3);
    assert_int_equal(entry_of(broker, &first).not_after, third.not_after);
    assert_int_equal(entry_of(broker, &second).not_after, second.not_after);
    assert_int_equal(rig_slot(broker, device, slot).version, version + 1);
    revoke_device(broker, CR_REASON_SUPERSEDED, 3, 0);
    assert_int_equal(rig_slot(broker, device, slot).version, version + 1);
}

/* The one before may be of another issuer, where the same serial is another certificate. */
void store_revoked_superseded_keeps_its_issuer(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts first = rig_cert(device, 1, 1, rig->now_s - 80 * RIG_DAY_S, rig->now_s + 10 * RIG_DAY_S);
    memcpy(first.issuer, "00000000000000cb", sizeof first.issuer);
    (void)rig_present(broker, slot, &first);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts second = rig_cert_of(job), stray = first;
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &second));
    memcpy(stray.issuer, second.issuer, sizeof stray.issuer);
    (void)rig_revoke(broker, rig_job_revoke_certificate(broker, device, &stray, 0));
    assert_false(rig_slot(broker, device, slot).held); /* that is none of this slot's */
    job = rig_run(broker, rig_job_revoke_certificate(broker, device, &first, 0));
    assert_int_equal(job->revoke->rows, 1);
    assert_int_equal(job->revoke->count, 1);
    cr_job_free(job);
    assert_false(rig_slot(broker, device, slot).held); /* it has a better one */
    assert_true(rig_revoked_complete(broker, 2));
    revoke_device(broker, 0, 2, 1);
    assert_true(rig_slot(broker, device, slot).held);
    (void)entry_of(broker, &first);
    (void)entry_of(broker, &second);
    assert_true(rig_revoked_complete(broker, 3));
}

/* Where the certificate that is named is one that is being signed, the slot goes with it; with a superseded one it stays. */
void store_certificate_under_way_takes_its_slot(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts first = known(broker, 1);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts second = rig_cert_of(job);
    cr_job_free(job);
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, device, &second, CR_REASON_CERTIFICATE_HOLD)), 2);
    assert_true(rig_slot(broker, device, slot).held);
    release(broker);
    job = rig_issue(broker, device, slot, 3);
    struct cr_cert_facts third = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &third));
    assert_false(rig_slot(broker, device, slot).held);
    struct cr_cert_facts other = first;
    memcpy(other.issuer, "00000000000000cb", sizeof other.issuer);
    (void)rig_revoke(broker, rig_job_revoke_certificate(broker, device, &other, 0));
    assert_false(rig_slot(broker, device, slot).held);
    (void)rig_revoke(broker, rig_job_revoke_certificate(broker, device, &first, CR_REASON_SUPERSEDED));
    assert_false(rig_slot(broker, device, slot).held);
    assert_int_equal(entry_of(broker, &first).reason, CR_REASON_SUPERSEDED);
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, device, &third, 0)), 1);
    assert_true(rig_slot(broker, device, slot).held);
}

/* A trigger whose time was over is told as such, not as one that the revocation ended. */
void store_revoking_tells_of_a_trigger_that_was_over(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)shown(broker, 1, rig->now_s - RIG_DAY_S, rig->now_s + 89 * RIG_DAY_S);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, device, slot)));
    rig->now_s = rig_slot(broker, device, slot).deadline;
    revoke_device(broker, 0, 1, 1);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_QUIET);
    rig_expect_audits(rig, "expired", device, 1);
    rig_expect_audits(rig, "cancelled", device, 0);
}

/* One of a slot's certificates was revoked for good while the slot was on hold: releasing the slot leaves that alone. */
void store_release_leaves_what_is_revoked_for_good(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, 1);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts second = rig_cert_of(job);
    cr_job_free(job);
    revoke_device(broker, CR_REASON_CERTIFICATE_HOLD, 2, 2);
    (void)rig_revoke(broker, rig_job_revoke_certificate(broker, "", &facts, CR_REASON_KEY_COMPROMISE));
    release(broker);
    struct cr_revocation entry;
    assert_true(rig_revoked(broker, &second, false, &entry));
    assert_int_equal(entry_of(broker, &facts).reason, CR_REASON_KEY_COMPROMISE);
    assert_false(rig_slot(broker, device, slot).held);
    job = rig_run(broker, rig_job_revoke(broker, CR_REVOKE_LIST, "", "", 0));
    assert_int_equal(job->revoke->rows, 1);
    assert_true(cr_serial_equal(&job->revoke->row[0].serial, &facts.serial));
    cr_job_free(job);
    job = rig_job_csr(broker, device, slot, 1, &facts);
    job->profile = &rig->eager; /* which would let a device keep its key */
    refused(broker, job, CR_REFUSAL_REVOKED);
    struct rig_broker *two = rig_open(rig, "two"); /* whose journal does not know of that key */
    refused(two, rig_job_csr(two, device, slot, 2, &facts), CR_REFUSAL_KEY_REUSED);
    revoke_device(broker, CR_REASON_SUPERSEDED, 1, 0); /* what was taken back is none of its certificates any more */
}

/* A certificate that has ended takes its slot as well, and what that has else. */
void store_ended_certificate_takes_its_slot(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts first = known(broker, 1);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts second = rig_cert_of(job);
    cr_job_free(job);
    rig->now_s = first.not_after;
    job = rig_run(broker, rig_job_revoke_certificate(broker, device, &first, CR_REASON_KEY_COMPROMISE));
    assert_int_equal(job->revoke->rows, 2);
    assert_int_equal(job->revoke->count, 2);
    cr_job_free(job);
    (void)entry_of(broker, &first);
    (void)entry_of(broker, &second);
}

/* Whoever still presents a revoked certificate does not make its key any better. */
void store_presenting_leaves_a_revoked_key(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, 1);
    revoke_device(broker, CR_REASON_KEY_COMPROMISE, 1, 1);
    assert_false(rig_present(broker, slot, &facts));
    release(broker);
    assert_false(rig_present(broker, slot, &facts));
    refused(broker, rig_job_csr(broker, "meter-18", slot, 1, NULL), CR_REFUSAL_REVOKED);
    struct cr_job *job = rig_job_csr(broker, device, slot, 1, &facts);
    job->profile = &rig->eager;
    refused(broker, job, CR_REFUSAL_REVOKED);
}

/* What is told of a certificate later is added to what was known. */
void store_revoked_entry_grows(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts stray = rig_cert(device, 8, 8, rig->now_s, rig->now_s + 5 * RIG_DAY_S);
    int64_t at = rig->now_s;
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, "", &stray, CR_REASON_SUPERSEDED)), 1);
    rig->now_s += 60;
    stray.not_after += 2 * RIG_DAY_S;
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, device, &stray, 0)), 0);
    stray.not_after -= 4 * RIG_DAY_S;
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, "", &stray, 0)), 0);
    /* all of it, to who asks; and to one that comes now */
    struct cr_job *job = rig_run(broker, rig_job_revoke(broker, CR_REVOKE_LIST, "", "", 0));
    assert_int_equal(job->revoke->rows, 1);
    struct cr_revocation row = job->revoke->row[0], entry;
    cr_job_free(job);
    struct rig_broker *two = rig_open(rig, "two");
    (void)rig_slot(two, device, slot);
    assert_true(rig_revoked(two, &stray, true, &entry));
    for (int i = 0; i < 2; i++, row = entry) {
        assert_int_equal(row.reason, CR_REASON_SUPERSEDED);
        assert_int_equal(row.at, at);
        assert_int_equal(row.not_after, at + 7 * RIG_DAY_S);
        assert_string_equal(row.device, device);
    }
    /* nothing new is no change */
    assert_true(rig_revoked_complete(two, 1));
    uint64_t version = two->revoked.version;
    assert_int_equal(rig_revoke(two, rig_job_revoke_certificate(two, "", &stray, 0)), 0);
    struct rig_broker *three = rig_open(rig, "three");
    (void)rig_slot(three, device, slot);
    assert_true(rig_revoked_complete(three, 1));
    assert_int_equal(three->revoked.version, version);
}

static void mark(struct rig_broker *broker, enum cr_revoke_verb verb, unsigned number, unsigned reason)
{
    struct cr_job *job = rig_job_revoke(broker, verb, "", "", reason);
    (void)snprintf(job->revoke->issuer, sizeof job->revoke->issuer, "%016x", number);
    (void)rig_revoke(broker, job);
}

/* What is trusted again takes no room, and another reason needs none. */
void store_issuer_marks_have_a_bound(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    int64_t at = rig->now_s;
    for (unsigned i = 1; i <= CR_ISSUER_MARKS_MAX; i++) {
        mark(broker, CR_REVOKE_RETIRE, i, 0);
    }
    mark(broker, CR_REVOKE_RESTORE, 1, 0);
    mark(broker, CR_REVOKE_RETIRE, CR_ISSUER_MARKS_MAX + 1, 0);
    rig->now_s += 60;
    mark(broker, CR_REVOKE_ISSUER, 2, CR_REASON_SUPERSEDED);
    rig->now_s += 60;
    mark(broker, CR_REVOKE_ISSUER, 2, CR_REASON_CA_COMPROMISE);
    mark(broker, CR_REVOKE_ISSUER, 2, 0);
    assert_int_equal(rig_issuer(broker, "0000000000000002", CR_ISSUER_REVOKED), CR_ISSUER_REVOKED);
    struct rig_broker *two = rig_open(rig, "two");
    (void)rig_slot(two, device, slot);
    assert_int_equal(rig_issuer(two, "0000000000000002", CR_ISSUER_REVOKED), CR_ISSUER_REVOKED);
    assert_int_equal(two->revoked.mark_count, CR_ISSUER_MARKS_MAX);
    for (unsigned i = 0; i < two->revoked.mark_count; i++) {
        assert_int_not_equal(two->revoked.mark[i].state, CR_ISSUER_TRUSTED);
        if (strcmp(two->revoked.mark[i].id, "0000000000000002") == 0) {
            assert_int_equal(two->revoked.mark[i].reason, CR_REASON_CA_COMPROMISE);
            assert_int_equal(two->revoked.mark[i].at, at + 60); /* since it is revoked */
        }
    }
    struct cr_job *job = rig_job_revoke(broker, CR_REVOKE_RETIRE, "", "", 0);
    (void)snprintf(job->revoke->issuer, sizeof job->revoke->issuer, "%016x", 1u);
    refused(broker, job, CR_REFUSAL_TOO_LARGE);
}

/* Whatever a job does not say is no reason to write it down. */
void store_revoking_needs_what_it_is_about(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts none = { .not_after = rig->now_s + RIG_DAY_S };
    refused(broker, rig_job_revoke_certificate(broker, device, &none, 0), CR_REFUSAL_INTERNAL);
    refused(broker, rig_job_revoke(broker, CR_REVOKE_RETIRE, "", "", 0), CR_REFUSAL_INTERNAL);
    struct cr_job *job = rig_job_revoke(broker, CR_REVOKE_LIST, "", "", 0);
    (void)snprintf(job->revoke->cursor, sizeof job->revoke->cursor, "1234567890123456");
    refused(broker, job, CR_REFUSAL_UNKNOWN_CURSOR);
    /* how long it is kept when nobody says when it ends: longer than any certificate of ours */
    struct cr_cert_facts stray = rig_cert(device, 8, 8, rig->now_s, rig->now_s + RIG_DAY_S);
    job = rig_job_revoke_certificate(broker, "", &stray, 0);
    job->revoke->not_after = 0;
    (void)rig_revoke(broker, job);
    assert_true(entry_of(broker, &stray).not_after > rig->now_s + 3650 * RIG_DAY_S);
}
