/* Revocation: one contract, two stores. */
#include "tests/contract/store_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct rig rig;

static int set_up_fake(void **state)
{
    rig_init(&rig, RIG_FAKE);
    *state = &rig;
    return 0;
}

static int set_up_redis(void **state)
{
    rig_init(&rig, RIG_REDIS);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

/* ---- on Redis alone ---- */

static const char device[] = "meter-17", slot[] = "operational", issuer[] = "00000000000000ca";

static void nap(void)
{
    const struct timespec look = { 0, 2000000L };
    (void)nanosleep(&look, NULL);
}

static int64_t mono_ms(void)
{
    return cr_mono_ms(cr_clock_system());
}

static struct cr_cert_facts known(struct rig_broker *broker, const char *name, unsigned key)
{
    struct cr_cert_facts facts = rig_cert(name, key, key, rig.now_s - RIG_DAY_S, rig.now_s + 89 * RIG_DAY_S);
    assert_false(rig_present(broker, slot, &facts));
    return facts;
}

/* Issued here and confirmed, so that the journal can give it back. */
static struct cr_cert_facts issued(struct rig_broker *broker, const char *name, unsigned key)
{
    struct cr_cert_facts facts = known(broker, name, key);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, name, slot)));
    struct cr_job *job = rig_issue(broker, name, slot, key + 1);
    facts = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(broker, slot, &facts));
    return facts;
}

static void release(struct rig_broker *broker, const char *name)
{
    struct cr_job *job = rig_job(broker, CR_OP_STEER, name, "");
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = CR_STEER_RELEASE;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
}

static void mark_issuer(struct rig_broker *broker, enum cr_revoke_verb verb)
{
    struct cr_job *job = rig_job_revoke(broker, verb, "", "", 0);
    memcpy(job->revoke->issuer, issuer, sizeof issuer);
    (void)rig_revoke(broker, job);
}

static void wait_until_revoked(struct rig_broker *broker, const char *name, unsigned reason)
{
    unsigned found = 0;
    for (int64_t end = mono_ms() + RIG_WAIT_MS; found != reason; nap()) {
        struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_INSPECT, name, slot)); /* Redis may be away for a while */
        const struct cr_slot_record *record = job->record != NULL ? cr_device_record_slot(job->record, slot) : NULL;
        found = record != NULL ? record->revoked.reason : 0;
        cr_job_free(job);
        assert_true(mono_ms() < end);
    }
}

static void refused(struct rig_broker *broker, struct cr_job *job, enum cr_refusal refusal)
{
    job = rig_run(broker, job);
    assert_int_equal(job->refusal, refusal);
    cr_job_free(job);
}

/* All that Redis knew is gone: what is revoked is not. */
static void lost_revocations_are_put_back(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&rig, "one");
    struct cr_cert_facts stolen = issued(broker, device, 10), held = issued(broker, "meter-18", 20);
    struct cr_cert_facts stray = rig_cert("meter-19", 30, 30, rig.now_s, rig.now_s + RIG_DAY_S);
    struct cr_revocation entry;
    (void)rig_revoke(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, device, "", CR_REASON_KEY_COMPROMISE));
    (void)rig_revoke(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, "meter-18", "", CR_REASON_CERTIFICATE_HOLD));
    (void)rig_revoke(broker, rig_job_revoke_certificate(broker, "", &stray, CR_REASON_SUPERSEDED));
    release(broker, "meter-18");
    mark_issuer(broker, CR_REVOKE_RETIRE);
    freeReplyObject(private_redis_command(&rig.redis, "FLUSHALL"));
    wait_until_revoked(broker, device, CR_REASON_KEY_COMPROMISE);
    struct rig_broker *two = rig_open(&rig, "two"); /* knows of nothing but what Redis knows */
    assert_true(rig_revoked(two, &stolen, true, &entry));
    assert_int_equal(entry.reason, CR_REASON_KEY_COMPROMISE);
    assert_string_equal(entry.device, device);
    assert_int_equal(entry.not_after, stolen.not_after);
    assert_true(rig_revoked(two, &stray, true, &entry));
    assert_int_equal(entry.at, rig.now_s);
    assert_true(rig_revoked(two, &held, false, &entry));
    assert_int_equal(rig_issuer(two, issuer, CR_ISSUER_RETIRED), CR_ISSUER_RETIRED);
    assert_int_equal(rig_slot(two, "meter-18", slot).revoked.at, 0);
    assert_true(rig_slot(two, device, slot).held);
    refused(two, rig_job_csr(two, "meter-20", slot, 11, NULL), CR_REFUSAL_REVOKED); /* its key */
    assert_int_equal(broker->revoked.anew, 1);
    assert_true(rig_revoked(broker, &stray, true, &entry));
}

static void copy(const char *from, const char *to)
{
    char command[400];
    (void)snprintf(command, sizeof command, "rm -rf %s/%s && cp -r %s/%s %s/%s", rig.redis.dir, to, rig.redis.dir, from,
                   rig.redis.dir, to);
    assert_int_equal(system(command), 0);
}

/* Redis comes back as it was before a revocation, but after a release that only another broker's journal has. */
static void older_redis_is_brought_up_to_date(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one"), *two = rig_open(&rig, "two");
    struct cr_cert_facts early = issued(one, "meter-18", 20), late = issued(one, device, 10);
    struct cr_revocation entry;
    (void)rig_revoke(one, rig_job_revoke(one, CR_REVOKE_DEVICE, "meter-18", "", CR_REASON_CERTIFICATE_HOLD));
    release(two, "meter-18");
    mark_issuer(one, CR_REVOKE_RETIRE);
    mark_issuer(two, CR_REVOKE_RESTORE);
    private_redis_kill(&rig.redis);
    copy("appendonlydir", "older");
    assert_int_equal(private_redis_start(&rig.redis), CR_OK);
    assert_true(rig_wait_connected(one, true));
    for (int64_t end = mono_ms() + RIG_WAIT_MS;; nap()) { /* the connection may be the old one still */
        struct cr_job *job = rig_run(one, rig_job_revoke(one, CR_REVOKE_DEVICE, device, "", CR_REASON_KEY_COMPROMISE));
        enum cr_outcome outcome = job->outcome;
        cr_job_free(job);
        if (outcome == CR_OUT_DONE) {
            break;
        }
        assert_true(mono_ms() < end);
    }
    private_redis_kill(&rig.redis);
    copy("older", "appendonlydir");
    assert_int_equal(private_redis_start(&rig.redis), CR_OK);
    wait_until_revoked(one, device, CR_REASON_KEY_COMPROMISE);
    struct rig_broker *three = rig_open(&rig, "three");
    assert_true(rig_revoked(three, &late, true, &entry));
    assert_true(rig_revoked(three, &early, false, &entry)); /* what Redis still knew, it knew better */
    assert_int_equal(rig_slot(three, "meter-18", slot).revoked.at, 0);
    assert_int_equal(rig_issuer(three, issuer, CR_ISSUER_TRUSTED), CR_ISSUER_TRUSTED);
}

/* Redis forgets what is revoked, and nothing else, while it serves: each broker puts back what its journal knows, and none
 * forgets what it was told. Who asks for something meanwhile is answered. */
static void revocations_alone_are_put_back(void **state)
{
    enum { ENTRIES = 300 }; /* some pages, and more than are put back at a time */
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one"), *two = rig_open(&rig, "two");
    struct cr_cert_facts theirs = rig_cert("meter-18", 999, 999, rig.now_s, rig.now_s + RIG_DAY_S);
    struct cr_revocation entry;
    for (unsigned i = 0; i < ENTRIES; i++) {
        struct cr_cert_facts facts = rig_cert(device, 1000 + i, 1000 + i, rig.now_s, rig.now_s + RIG_DAY_S);
        rig_submit(one, rig_job_revoke_certificate(one, device, &facts, CR_REASON_KEY_COMPROMISE));
        cr_job_free(rig_next(one, RIG_WAIT_MS));
    }
    for (unsigned i = 0; i < 10; i++) { /* more changes than entries: what comes after the loss has a lower version */
        (void)rig_revoke(two, rig_job_revoke_certificate(two, "", &theirs, CR_REASON_CESSATION_OF_OPERATION));
        (void)rig_revoke(two, rig_job_revoke_certificate(two, "", &theirs, CR_REASON_SUPERSEDED));
    }
    assert_true(rig_revoked_complete(one, ENTRIES + 1));
    assert_true(rig_revoked_complete(two, ENTRIES + 1));
    freeReplyObject(private_redis_command(&rig.redis, "DEL cr:{revoked}:meta cr:{revoked}:of:%s cr:{revoked}:changes "
                                                      "cr:{revoked}:ends", issuer));
    long long back = 0;
    for (int64_t end = mono_ms() + RIG_WAIT_MS; back < ENTRIES + 1; nap()) {
        (void)rig_slot(one, device, slot);
        back = private_redis_integer(&rig.redis, "HLEN cr:{revoked}:of:%s", issuer);
        assert_true(mono_ms() < end);
    }
    struct rig_broker *three = rig_open(&rig, "three");
    assert_true(rig_revoked_complete(three, ENTRIES + 1));
    assert_true(rig_revoked(three, &theirs, true, &entry));
    assert_int_equal(one->revoked.anew, 1);
    assert_int_equal(two->revoked.anew, 1);
    /* and what comes now, is told to all */
    struct cr_cert_facts late = rig_cert(device, 5000, 5000, rig.now_s, rig.now_s + RIG_DAY_S);
    (void)rig_revoke(three, rig_job_revoke_certificate(three, "", &late, 0));
    assert_true(rig_revoked(one, &late, true, &entry));
    assert_true(rig_revoked(two, &late, true, &entry));
    assert_true(rig_revoked_complete(one, ENTRIES + 2));
    assert_true(rig_revoked_complete(two, ENTRIES + 2));
}

static int by_size(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

/* Without being told, another broker would look within a second: in half of one, mostly. */
static void others_are_told_at_once(void **state)
{
    enum { TIMES = 9, HALF_OF_THAT_MS = 250 };
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one"), *two = rig_open(&rig, "two");
    struct cr_revocation entry;
    int64_t took[TIMES];
    struct cr_cert_facts first = rig_cert(device, 99, 99, rig.now_s, rig.now_s + RIG_DAY_S);
    (void)rig_revoke(one, rig_job_revoke_certificate(one, "", &first, 0));
    assert_true(rig_revoked(two, &first, true, &entry)); /* it listens by now, or soon */
    for (unsigned i = 0; i < TIMES; i++) {
        struct cr_cert_facts facts = rig_cert(device, 100 + i, 100 + i, rig.now_s, rig.now_s + RIG_DAY_S);
        int64_t from = mono_ms();
        (void)rig_revoke(one, rig_job_revoke_certificate(one, "", &facts, 0));
        assert_true(rig_revoked(two, &facts, true, &entry));
        took[i] = mono_ms() - from;
    }
    qsort(took, TIMES, sizeof took[0], by_size);
    assert_true(took[TIMES / 2] < HALF_OF_THAT_MS);
}

/* The loop's queue was full: it is told again. */
static void page_that_was_lost_is_told_again(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one"), *two = rig_open(&rig, "two");
    struct cr_revocation entry;
    for (unsigned i = 1; i < 5; i++) {
        struct cr_cert_facts facts = rig_cert(device, i, i, rig.now_s, rig.now_s + RIG_DAY_S);
        (void)pthread_mutex_lock(&two->lock);
        two->revoked.lose = i;
        (void)pthread_mutex_unlock(&two->lock);
        (void)rig_revoke(one, rig_job_revoke_certificate(one, "", &facts, 0));
        assert_true(rig_revoked(two, &facts, true, &entry));
        assert_int_equal(two->revoked.lose, 0);
    }
    assert_true(rig_revoked_complete(two, 4));
}

#define REDIS(TEST)                                                      \
    {                                                                    \
        "redis: " #TEST, TEST, set_up_redis, tear_down, NULL             \
    }

#define BOTH(TEST)                                                       \
    { "fake: " #TEST, TEST, set_up_fake, tear_down, NULL },              \
    {                                                                    \
        "redis: " #TEST, TEST, set_up_redis, tear_down, NULL             \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(store_revoked_device_is_held),
        BOTH(store_revoking_needs_a_known_device),
        BOTH(store_revoking_again_adds_what_is_new),
        BOTH(store_revoking_takes_every_certificate),
        BOTH(store_revoking_ends_a_trigger),
        BOTH(store_revoked_while_signing_is_not_handed_out),
        BOTH(store_revoked_key_is_refused_for_ever),
        BOTH(store_release_ends_it),
        BOTH(store_certificate_hold_is_taken_back),
        BOTH(store_certificate_hold_takes_nothing_back),
        BOTH(store_revoked_certificate_takes_its_slot),
        BOTH(store_superseded_certificate_is_revoked_alone),
        BOTH(store_ended_certificate_that_may_renew_is_revoked),
        BOTH(store_issuers_are_retired_and_revoked),
        BOTH(store_revoked_are_listed_in_pages),
        BOTH(store_other_brokers_are_told),
        BOTH(store_revoking_takes_a_first_certificate),
        BOTH(store_revoking_leaves_what_has_ended),
        BOTH(store_revoked_superseded_is_kept_long_enough),
        BOTH(store_revoked_superseded_keeps_its_issuer),
        BOTH(store_certificate_under_way_takes_its_slot),
        BOTH(store_revoking_tells_of_a_trigger_that_was_over),
        BOTH(store_release_leaves_what_is_revoked_for_good),
        BOTH(store_ended_certificate_takes_its_slot),
        BOTH(store_presenting_leaves_a_revoked_key),
        BOTH(store_revoked_entry_grows),
        BOTH(store_issuer_marks_have_a_bound),
        BOTH(store_revoking_needs_what_it_is_about),
        REDIS(lost_revocations_are_put_back),
        REDIS(older_redis_is_brought_up_to_date),
        REDIS(revocations_alone_are_put_back),
        REDIS(others_are_told_at_once),
        REDIS(page_that_was_lost_is_told_again),
    };
    return cmocka_run_group_tests_name("store_revoke", tests, NULL, NULL);
}
