/* REVOKE: a device, a certificate, an issuer; what that does to what is under way; and its end. */
#include "tests/contract/store_suite.h"

#include <stdlib.h>
#include <string.h>

static const char device[] = "meter-17", slot[] = "operational", issuer[] = "00000000000000ca";

/* In the inventory: its window open, or not. */
static struct cr_cert_facts known(struct rig_broker *broker, bool open)
{
    int64_t now_s = broker->rig->now_s;
    struct cr_cert_facts facts = rig_cert(device, 1, 1, now_s - (open ? 80 : 1) * RIG_DAY_S, now_s + (open ? 10 : 89) * RIG_DAY_S);
    struct cr_job *job = rig_job_present(broker, slot, &facts);
    job->may_begin = false;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    return facts;
}

static void refused(struct rig_broker *broker, struct cr_job *job, enum cr_refusal refusal)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, refusal);
    cr_job_free(job);
}

static unsigned revoke_device(struct rig_broker *broker, unsigned reason)
{
    return rig_revoke(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, device, "", reason));
}

static struct cr_job *release(struct rig_broker *broker)
{
    struct cr_job *job = rig_job(broker, CR_OP_STEER, device, "");
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = CR_STEER_RELEASE;
    job->command = 1;
    return job;
}

static void released(struct rig_broker *broker)
{
    struct cr_job *job = rig_run(broker, release(broker));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_not_equal(job->steer->changed, 0);
    cr_job_free(job);
}

static bool is_revoked(struct rig_broker *broker, const struct cr_cert_facts *facts, bool wanted)
{
    struct cr_revocation entry;
    return rig_revoked(broker, facts, wanted, &entry);
}

void store_revoked_device_is_held(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, true);
    struct cr_revocation entry;
    struct cr_job *job = rig_job_revoke(broker, CR_REVOKE_DEVICE, device, "", CR_REASON_KEY_COMPROMISE);
    memcpy(job->revoke->comment, "stolen", 7);
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_int_equal(job->revoke->count, 1);
    assert_int_equal(job->revoke->rows, 1);
    assert_true(cr_serial_equal(&job->revoke->row[0].serial, &facts.serial));
    assert_string_equal(job->revoke->row[0].device, device);
    cr_job_free(job);
    assert_true(rig_revoked(broker, &facts, true, &entry));
    assert_int_equal(entry.reason, CR_REASON_KEY_COMPROMISE);
    assert_int_equal(entry.at, rig->now_s);
    assert_int_equal(entry.not_after, facts.not_after);
    assert_string_equal(entry.device, device);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_true(record.held);
    assert_string_equal(record.hold, "revoked: keyCompromise");
    assert_int_equal(record.revoked.reason, CR_REASON_KEY_COMPROMISE);
    assert_int_equal(record.revoked.at, rig->now_s);
    assert_int_equal(record.state, CR_STATE_QUIET);
    rig_expect_audits(rig, "revoked", device, 1);

    /* nothing is done for it, and that it is revoked is what it is told */
    refused(broker, rig_job_trigger(broker, device, slot), CR_REFUSAL_REVOKED);
    refused(broker, rig_job_csr(broker, device, slot, 2, &facts), CR_REFUSAL_REVOKED);
    job = rig_run(broker, rig_job_present(broker, slot, &facts));
    assert_false(job->triggered);
    cr_job_free(job);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_QUIET);
    job = rig_run(broker, rig_job(broker, CR_OP_ADVANCE, device, slot));
    assert_false(job->triggered);
    cr_job_free(job);
    assert_int_equal(rig_slot(broker, device, slot).due, 0);
}

void store_revoking_needs_a_known_device(void **state)
{
    struct rig_broker *broker = rig_open(*state, "one");
    refused(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, device, "", 0), CR_REFUSAL_UNKNOWN_DEVICE);
    (void)known(broker, false);
    refused(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, device, "data", 0), CR_REFUSAL_UNKNOWN_SLOT);
    assert_false(rig_slot(broker, device, slot).held);
}

/* Again: new information is added, and nothing is lost. */
void store_revoking_again_adds_what_is_new(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, false);
    struct cr_revocation entry;
    assert_int_equal(revoke_device(broker, CR_REASON_SUPERSEDED), 1);
    uint64_t version = rig_slot(broker, device, slot).version;
    int64_t at = rig->now_s;
    rig->now_s += 60;
    assert_int_equal(revoke_device(broker, CR_REASON_UNSPECIFIED), 0);
    assert_true(rig_revoked(broker, &facts, true, &entry));
    assert_int_equal(entry.reason, CR_REASON_SUPERSEDED);
    assert_int_equal(rig_slot(broker, device, slot).version, version);
    assert_int_equal(revoke_device(broker, CR_REASON_KEY_COMPROMISE), 0);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_int_equal(record.revoked.reason, CR_REASON_KEY_COMPROMISE);
    assert_int_equal(record.revoked.at, at);
    assert_string_equal(record.hold, "revoked: keyCompromise");
    for (unsigned tries = 0; entry.reason != CR_REASON_KEY_COMPROMISE && tries < RIG_WAIT_MS; tries++) {
        assert_true(rig_revoked(broker, &facts, true, &entry));
        (void)rig_slot(broker, device, slot);
    }
    assert_int_equal(entry.reason, CR_REASON_KEY_COMPROMISE);
    assert_int_equal(entry.at, at);
}

/* Current, superseded, and the one that waits. */
void store_revoking_takes_every_certificate(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts first = known(broker, true);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts second = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &second));
    rig->now_s += 80 * RIG_DAY_S;
    first.not_after = second.not_after; /* all that is known of it: it ended no later */
    job = rig_issue(broker, device, slot, 3);
    struct cr_cert_facts third = rig_cert_of(job);
    cr_job_free(job);
    assert_int_equal(revoke_device(broker, CR_REASON_CESSATION_OF_OPERATION), 3);
    assert_true(is_revoked(broker, &first, true));
    assert_true(is_revoked(broker, &second, true));
    assert_true(is_revoked(broker, &third, true));
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_int_equal(record.state, CR_STATE_QUIET);
    assert_int_equal(record.pending.serial.len, 0);
    assert_int_equal(record.certificate.len, 0);
    /* and again, as after an answer that got lost on its way: the same three */
    job = rig_run(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, device, "", 0));
    assert_int_equal(job->revoke->rows, 3);
    assert_int_equal(job->revoke->count, 0);
    cr_job_free(job);
    /* it is nothing that could be had */
    job = rig_run(broker, rig_job(broker, CR_OP_GET, device, slot));
    assert_int_equal(job->record->slot[0].certificate.len, 0);
    cr_job_free(job);
    job = rig_run(broker, rig_job_present(broker, slot, &third));
    assert_false(job->confirmed);
    cr_job_free(job);
}

void store_revoking_ends_a_trigger(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)known(broker, true);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, device, slot)));
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_TRIGGERED);
    rig_alert(rig, device, slot, 2, 't');
    (void)revoke_device(broker, 0);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_int_equal(record.state, CR_STATE_QUIET);
    assert_string_equal(record.renewal_id, "");
    assert_int_equal(record.unanswered, 0);
    assert_int_equal(record.alert.since, 0);
    assert_false(rig_shown(rig, device, slot));
    assert_int_equal(rig_watch_at(rig, device, slot), 0);
    rig_expect_audits(rig, "cancelled", device, 1);
    rig_expect_audits(rig, "alert", device, 1);
}

/* The certificate is being signed: its serial is revoked already, and nobody gets it. */
void store_revoked_while_signing_is_not_handed_out(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, true);
    struct cr_job *job = rig_run(broker, rig_job_csr(broker, device, slot, 2, &facts));
    struct cr_cert_facts signing = rig_cert_of(job);
    rig_sign(job);
    assert_int_equal(revoke_device(broker, CR_REASON_KEY_COMPROMISE), 2);
    assert_true(is_revoked(broker, &signing, true));
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, CR_REFUSAL_REVOKED);
    assert_int_equal(job->certificate.len, 0);
    cr_job_free(job);
    rig_expect_audits(rig, "void", device, 1);
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_QUIET);
    released(broker);
    assert_int_equal(rig_slot(broker, device, slot).pending.serial.len, 0);
    rig_sign(job = rig_run(broker, rig_job_csr(broker, device, slot, 5, &facts)));
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(job);
}

/* hostile 41: a key that was in a revoked certificate is nobody's for ever. */
void store_revoked_key_is_refused_for_ever(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, true);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts second = rig_cert_of(job);
    cr_job_free(job);
    (void)revoke_device(broker, CR_REASON_KEY_COMPROMISE);
    refused(broker, rig_job_csr(broker, "meter-18", slot, 2, NULL), CR_REFUSAL_REVOKED);
    refused(broker, rig_job_csr(broker, "meter-18", slot, 1, NULL), CR_REFUSAL_REVOKED);
    released(broker);
    job = rig_job_csr(broker, device, slot, 1, &facts);
    job->profile = &rig->eager;
    refused(broker, job, CR_REFUSAL_REVOKED);
    refused(broker, rig_job_csr(broker, device, slot, 2, &facts), CR_REFUSAL_REVOKED);
    rig->now_s += 1000 * RIG_DAY_S;
    refused(broker, rig_job_csr(broker, device, slot, 2, &facts), CR_REFUSAL_REVOKED);
    /* and whoever presents it is told of */
    struct cr_cert_facts theirs = rig_cert("meter-18", 9, 2, rig->now_s - 1, rig->now_s + 90 * RIG_DAY_S);
    rig_expect_audits(rig, "alarm", "meter-18", 2);
    assert_false(rig_present(broker, slot, &theirs));
    rig_expect_audits(rig, "alarm", "meter-18", 3);
    (void)second;
}

void store_release_ends_it(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, false);
    (void)revoke_device(broker, CR_REASON_PRIVILEGE_WITHDRAWN);
    released(broker);
    struct cr_slot_record record = rig_slot(broker, device, slot);
    assert_false(record.held);
    assert_int_equal(record.revoked.at, 0);
    assert_int_equal(record.state, CR_STATE_QUIET);
    assert_true(cr_serial_equal(&record.current.serial, &facts.serial));
    assert_true(is_revoked(broker, &facts, true)); /* for ever */
    refused(broker, release(broker), CR_REFUSAL_WRONG_STATE);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, device, slot)));
    assert_int_equal(rig_slot(broker, device, slot).state, CR_STATE_TRIGGERED);
}

/* The one reason that has an end. */
void store_certificate_hold_is_taken_back(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, true);
    struct cr_job *job = rig_issue(broker, device, slot, 2);
    struct cr_cert_facts second = rig_cert_of(job);
    cr_job_free(job);
    assert_int_equal(revoke_device(broker, CR_REASON_CERTIFICATE_HOLD), 2);
    assert_true(is_revoked(broker, &facts, true));
    assert_true(is_revoked(broker, &second, true));
    released(broker);
    assert_true(is_revoked(broker, &facts, false));
    assert_true(is_revoked(broker, &second, false));
    assert_false(rig_slot(broker, device, slot).held);
    refused(broker, rig_job_csr(broker, "meter-18", slot, 1, NULL), CR_REFUSAL_KEY_REUSED);
    refused(broker, rig_job_csr(broker, device, slot, 2, &facts), CR_REFUSAL_KEY_REUSED);
    job = rig_run(broker, rig_job_csr(broker, device, slot, 3, &facts));
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);
    /* what it was told later is not */
    assert_int_equal(revoke_device(broker, CR_REASON_CERTIFICATE_HOLD), 2); /* the current one, and what is being signed */
    (void)revoke_device(broker, CR_REASON_KEY_COMPROMISE);
    assert_true(is_revoked(broker, &facts, true));
    released(broker);
    refused(broker, rig_job_csr(broker, device, slot, 1, &facts), CR_REFUSAL_REVOKED);
    assert_true(is_revoked(broker, &facts, true));
}

/* What is put on hold after it was revoked for good is not on hold; and what was on hold is revoked for good by whoever
 * gives another reason, or none. */
void store_certificate_hold_takes_nothing_back(void **state)
{
    static const unsigned order[][2] = { { CR_REASON_KEY_COMPROMISE, CR_REASON_CERTIFICATE_HOLD },
                                         { CR_REASON_UNSPECIFIED, CR_REASON_CERTIFICATE_HOLD },
                                         { CR_REASON_CERTIFICATE_HOLD, CR_REASON_UNSPECIFIED } };
    for (unsigned i = 0; i < sizeof order / sizeof order[0]; i++) {
        struct rig *rig = *state;
        struct rig_broker *broker = rig_open(rig, "one");
        unsigned last = order[i][0] == CR_REASON_KEY_COMPROMISE ? CR_REASON_KEY_COMPROMISE : CR_REASON_UNSPECIFIED;
        struct cr_cert_facts facts = rig_cert(device, 20 + i, 20 + i, rig->now_s + i, rig->now_s + 50 * RIG_DAY_S);
        assert_false(rig_present(broker, slot, &facts));
        assert_int_equal(revoke_device(broker, order[i][0]), 1);
        assert_int_equal(revoke_device(broker, order[i][1]), 0);
        assert_int_equal(rig_slot(broker, device, slot).revoked.reason, last);
        released(broker);
        assert_true(is_revoked(broker, &facts, true));
        assert_false(rig_slot(broker, device, slot).held);
        refused(broker, rig_job_csr(broker, device, slot, 20 + i, &facts), CR_REFUSAL_REVOKED);
        rig_close(broker);
    }
}

void store_revoked_certificate_takes_its_slot(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = known(broker, false);
    struct cr_cert_facts other = rig_cert(device, 7, 7, rig->now_s - 1, rig->now_s + 50 * RIG_DAY_S);
    assert_false(rig_present(broker, "data", &other));
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, device, &other, CR_REASON_SUPERSEDED)), 1);
    assert_int_equal(rig_slot(broker, device, "data").revoked.reason, CR_REASON_SUPERSEDED);
    assert_false(rig_slot(broker, device, slot).held);
    assert_true(is_revoked(broker, &other, true));
    /* one that nobody knows, and whose nobody knows */
    struct cr_cert_facts stray = rig_cert(device, 8, 8, rig->now_s, rig->now_s + RIG_DAY_S);
    struct cr_revocation entry;
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, "", &stray, CR_REASON_KEY_COMPROMISE)), 1);
    assert_true(rig_revoked(broker, &stray, true, &entry));
    assert_string_equal(entry.device, "");
    assert_int_equal(entry.not_after, stray.not_after);
    stray = rig_cert(device, 9, 9, rig->now_s, rig->now_s + RIG_DAY_S);
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, device, &stray, 0)), 1);
    assert_true(rig_revoked(broker, &stray, true, &entry));
    assert_string_equal(entry.device, device);
    assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, "nobody", &stray, 0)), 0);
    assert_false(rig_slot(broker, device, slot).held);
    (void)facts;
}

static void issuer_refused(struct rig_broker *broker, enum cr_revoke_verb verb, const char *id, enum cr_refusal refusal)
{
    struct cr_job *job = rig_job_revoke(broker, verb, "", "", 0);
    memcpy(job->revoke->issuer, id, sizeof job->revoke->issuer);
    refused(broker, job, refusal);
}

static void issuer_done(struct rig_broker *broker, enum cr_revoke_verb verb, unsigned reason)
{
    struct cr_job *job = rig_job_revoke(broker, verb, "", "", reason);
    memcpy(job->revoke->issuer, issuer, sizeof issuer);
    (void)rig_revoke(broker, job);
}

void store_issuers_are_retired_and_revoked(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    issuer_refused(broker, CR_REVOKE_RESTORE, issuer, CR_REFUSAL_WRONG_STATE);
    issuer_done(broker, CR_REVOKE_RETIRE, 0);
    assert_int_equal(rig_issuer(broker, issuer, CR_ISSUER_RETIRED), CR_ISSUER_RETIRED);
    issuer_done(broker, CR_REVOKE_RESTORE, 0);
    assert_int_equal(rig_issuer(broker, issuer, CR_ISSUER_TRUSTED), CR_ISSUER_TRUSTED);
    issuer_done(broker, CR_REVOKE_RETIRE, 0);
    issuer_done(broker, CR_REVOKE_ISSUER, CR_REASON_CA_COMPROMISE);
    assert_int_equal(rig_issuer(broker, issuer, CR_ISSUER_REVOKED), CR_ISSUER_REVOKED);
    assert_int_equal(broker->revoked.mark[0].reason, CR_REASON_CA_COMPROMISE);
    assert_int_equal(broker->revoked.mark[0].at, rig->now_s);
    issuer_refused(broker, CR_REVOKE_RESTORE, issuer, CR_REFUSAL_WRONG_STATE);
    issuer_refused(broker, CR_REVOKE_RETIRE, issuer, CR_REFUSAL_WRONG_STATE);
    rig_expect_audits(rig, "issuer-retired", NULL, 2);
    rig_expect_audits(rig, "issuer-restored", NULL, 1);
    rig_expect_audits(rig, "issuer-revoked", NULL, 1);
    for (unsigned i = 1; i < CR_ISSUER_MARKS_MAX; i++) {
        struct cr_job *job = rig_job_revoke(broker, CR_REVOKE_RETIRE, "", "", 0);
        (void)snprintf(job->revoke->issuer, sizeof job->revoke->issuer, "%016x", i);
        (void)rig_revoke(broker, job);
    }
    issuer_refused(broker, CR_REVOKE_ISSUER, "ffffffffffffffff", CR_REFUSAL_TOO_LARGE);
}

static unsigned pages_of(struct rig_broker *broker, const char *of, unsigned limit, unsigned *pages)
{
    char cursor[sizeof ((struct cr_revoke *)0)->cursor] = "";
    unsigned rows = 0;
    *pages = 0;
    do {
        struct cr_job *job = rig_job_revoke(broker, CR_REVOKE_LIST, "", "", 0);
        memcpy(job->revoke->cursor, cursor, sizeof cursor);
        (void)snprintf(job->revoke->issuer, sizeof job->revoke->issuer, "%s", of);
        job->revoke->limit = limit;
        job = rig_run(broker, job);
        assert_int_equal(job->outcome, CR_OUT_DONE);
        assert_true(job->revoke->count <= limit);
        for (unsigned i = 0; i < job->revoke->count; i++) {
            assert_int_equal(job->revoke->row[i].serial.octets[15], ++rows);
        }
        memcpy(cursor, job->revoke->cursor, sizeof cursor);
        cr_job_free(job);
        ++*pages;
    } while (cursor[0] != '\0' && *pages < 100);
    return rows;
}

void store_revoked_are_listed_in_pages(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    unsigned pages;
    assert_int_equal(pages_of(broker, "", 10, &pages), 0);
    for (unsigned i = 1; i <= 25; i++) {
        struct cr_cert_facts facts = rig_cert(device, i, i, rig->now_s, rig->now_s + RIG_DAY_S);
        assert_int_equal(rig_revoke(broker, rig_job_revoke_certificate(broker, "", &facts, 0)), 1);
    }
    assert_int_equal(pages_of(broker, "", 10, &pages), 25);
    assert_int_equal(pages, 3);
    assert_int_equal(pages_of(broker, issuer, 7, &pages), 25);
    assert_int_equal(pages_of(broker, "00000000000000cb", 7, &pages), 0);
    struct cr_job *job = rig_job_revoke(broker, CR_REVOKE_LIST, "", "", 0);
    memcpy(job->revoke->cursor, "x", 2);
    refused(broker, job, CR_REFUSAL_UNKNOWN_CURSOR);
    assert_true(rig_revoked_complete(broker, 25));
}

/* What one broker revokes, the others know; and one that comes later knows all of it. */
void store_other_brokers_are_told(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *one = rig_open(rig, "one"), *two = rig_open(rig, "two");
    struct cr_cert_facts facts = known(one, false);
    (void)known(two, false);
    (void)revoke_device(one, CR_REASON_CERTIFICATE_HOLD);
    assert_true(is_revoked(two, &facts, true));
    released(two);
    assert_true(is_revoked(one, &facts, false));
    (void)revoke_device(two, CR_REASON_KEY_COMPROMISE);
    issuer_done(two, CR_REVOKE_RETIRE, 0);
    assert_true(is_revoked(one, &facts, true));
    struct rig_broker *three = rig_open(rig, "three");
    (void)rig_slot(three, device, slot);
    assert_true(is_revoked(three, &facts, true));
    assert_int_equal(rig_issuer(three, issuer, CR_ISSUER_RETIRED), CR_ISSUER_RETIRED);
    assert_int_equal(rig_issuer(one, issuer, CR_ISSUER_RETIRED), CR_ISSUER_RETIRED);
    assert_int_equal(three->revoked.anew, 1);
}
