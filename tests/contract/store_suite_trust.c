/* TRUST: the bundle of CA certificates. What is in it is not the store's business. */
#include "tests/contract/store_suite.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cr_job *trust_job(struct rig_broker *broker, enum cr_trust_verb verb, const char *device)
{
    struct cr_job *job = rig_job(broker, CR_OP_TRUST, device, device[0] != '\0' ? "ca" : "");
    job->bundle = calloc(1, sizeof *job->bundle);
    assert_non_null(job->bundle);
    job->bundle->verb = verb;
    return job;
}

static struct cr_job *write_bundle(struct rig_broker *broker, const void *certs, size_t len, enum cr_trust_mode mode,
                                   uint64_t highest)
{
    struct cr_job *job = trust_job(broker, CR_TRUST_WRITE, "");
    assert_int_equal(cr_blob_copy(&job->bundle->certs, certs, len), CR_OK);
    job->bundle->mode = mode;
    job->bundle->version = highest;
    (void)snprintf(job->bundle->by, sizeof job->bundle->by, "alice");
    return rig_run(broker, job);
}

static struct cr_job *confirm(struct rig_broker *broker, const char *device, uint64_t version,
                              enum cr_report_outcome outcome, const char *reason)
{
    struct cr_job *job = trust_job(broker, CR_TRUST_CONFIRM, device);
    job->bundle->version = version;
    job->bundle->outcome = outcome;
    (void)snprintf(job->bundle->reason, sizeof job->bundle->reason, "%s", reason);
    return rig_run(broker, job);
}

/* Waits until the broker was told of this version; what it was told of it. */
static struct cr_bundle *told(struct rig_broker *broker, uint64_t version, struct cr_job **news)
{
    const struct cr_clock *clock = cr_clock_system();
    *news = NULL;
    for (int64_t end = cr_mono_ms(clock) + RIG_WAIT_MS; cr_mono_ms(clock) < end; (void)poll(NULL, 0, 1)) {
        if (broker->rig->backend == RIG_FAKE) { /* it tells whenever it serves */
            cr_job_free(rig_run(broker, rig_job(broker, CR_OP_GET, "nobody", "operational")));
        }
        (void)pthread_mutex_lock(&broker->lock);
        if (broker->bundle != NULL && broker->bundle->bundle->version == version) {
            *news = broker->bundle;
            broker->bundle = NULL;
        }
        (void)pthread_mutex_unlock(&broker->lock);
        if (*news != NULL) {
            return (*news)->bundle;
        }
    }
    fail_msg("nothing was told of version %llu", (unsigned long long)version);
    return NULL;
}

static uint64_t version_of(struct rig_broker *broker, const char *device)
{
    struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_INSPECT, device, ""));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    uint64_t version = job->record->trust_version;
    cr_job_free(job);
    return version;
}

void store_trust_is_told_to_all(void **state)
{
    static const uint8_t first[] = { 0x30, 1, 0, 0xff, '\r', '\n' };
    struct rig *rig = *state;
    struct rig_broker *one = rig_open(rig, "one"), *two = rig_open(rig, "two");
    struct cr_job *news;
    uint8_t *large = malloc(CR_BUNDLE_MAX);
    assert_int_equal(told(one, 0, &news)->certs.len, 0); /* also that there is none */
    cr_job_free(news);

    struct cr_job *job = write_bundle(one, first, sizeof first, CR_TRUST_ADD, 0);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_int_equal(job->bundle->version, 1);
    cr_job_free(job);
    for (int i = 0; i < 2; i++) {
        struct cr_bundle *bundle = told(i == 0 ? one : two, 1, &news);
        assert_int_equal(bundle->mode, CR_TRUST_ADD);
        assert_int_equal(bundle->at, rig->now_s);
        assert_string_equal(bundle->by, "alice");
        assert_int_equal(bundle->certs.len, sizeof first);
        assert_memory_equal(bundle->certs.data, first, sizeof first);
        cr_job_free(news);
    }

    assert_non_null(large);
    memset(large, 0xa5, CR_BUNDLE_MAX);
    job = write_bundle(two, large, CR_BUNDLE_MAX, CR_TRUST_REPLACE, 1);
    assert_int_equal(job->bundle->version, 2);
    cr_job_free(job);
    struct cr_bundle *bundle = told(one, 2, &news);
    assert_int_equal(bundle->mode, CR_TRUST_REPLACE);
    assert_int_equal(bundle->certs.len, CR_BUNDLE_MAX);
    assert_memory_equal(bundle->certs.data, large, CR_BUNDLE_MAX);
    cr_job_free(news);
    free(large);
    rig_expect_audits(rig, "trust-bundle", NULL, 2);
}

void store_trust_versions_only_grow(void **state)
{
    struct rig_broker *broker = rig_open(*state, "one");
    struct cr_job *job = write_bundle(broker, "x", 1, CR_TRUST_ADD, 7); /* Redis lost what this broker still knows */
    assert_int_equal(job->bundle->version, 8);
    cr_job_free(job);
    job = write_bundle(broker, "x", 1, CR_TRUST_ADD, 3);
    assert_int_equal(job->bundle->version, 9);
    cr_job_free(job);
    job = write_bundle(broker, "", 0, CR_TRUST_ADD, 3);
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    cr_job_free(job);
}

void store_trust_confirming_is_kept(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = rig_cert("meter-1", 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 89 * (int64_t)RIG_DAY_S);
    (void)rig_present(broker, "operational", &facts);
    assert_int_equal(version_of(broker, "meter-1"), 0);

    struct cr_job *job = confirm(broker, "meter-1", 3, CR_REPORT_INSTALLED, "");
    assert_int_equal(job->outcome, CR_OUT_DONE);
    cr_job_free(job);
    assert_int_equal(version_of(broker, "meter-1"), 3);
    cr_job_free(confirm(broker, "meter-1", 2, CR_REPORT_INSTALLED, "")); /* it came late */
    assert_int_equal(version_of(broker, "meter-1"), 3);
    rig_expect_audits(rig, "trust-confirmed", "meter-1", 2);

    job = confirm(broker, "meter-1", 4, CR_REPORT_FAILED, "no room");
    assert_int_equal(job->outcome, CR_OUT_DONE);
    cr_job_free(job);
    cr_job_free(confirm(broker, "meter-1", 4, CR_REPORT_ROLLED_BACK, ""));
    assert_int_equal(version_of(broker, "meter-1"), 3);
    rig_expect_audits(rig, "trust-failed", "meter-1", 2);

    (void)rig_present(broker, "operational", &facts); /* appearing again changes nothing about it */
    assert_int_equal(version_of(broker, "meter-1"), 3);
    job = confirm(broker, "meter-2", 1, CR_REPORT_INSTALLED, "");
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, CR_REFUSAL_UNKNOWN_DEVICE);
    cr_job_free(job);
}
