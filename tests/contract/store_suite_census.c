/* CENSUS: who needs which issuer. */
#include "tests/contract/store_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLD "00000000000000ca"
#define NEW "00000000000000cb"

static struct cr_census *count(struct rig_broker *broker, const struct cr_census *ask, unsigned *jobs)
{
    struct cr_census *census = malloc(sizeof *census);
    assert_non_null(census);
    *census = *ask;
    *jobs = 0;
    do {
        struct cr_job *job = rig_job(broker, CR_OP_CENSUS, "", "");
        job->census = malloc(sizeof *job->census);
        assert_non_null(job->census);
        *job->census = *census;
        job = rig_run(broker, job);
        assert_int_equal(job->outcome, CR_OUT_DONE);
        *census = *job->census;
        cr_job_free(job);
        assert_true(++*jobs < 1000);
    } while (census->cursor[0] != '\0');
    return census;
}

/* What is counted of one issuer, of all or with only that one. */
static struct cr_census_issuer count_of(struct rig_broker *broker, const char *issuer)
{
    struct cr_census ask = { .issuer = "" };
    unsigned jobs;
    struct cr_census *all = count(broker, &ask, &jobs);
    memcpy(ask.issuer, issuer, sizeof ask.issuer);
    struct cr_census *one = count(broker, &ask, &jobs);
    struct cr_census_issuer *a = cr_census_of(all, issuer), *b = cr_census_of(one, issuer), found;
    assert_non_null(a);
    assert_non_null(b);
    assert_memory_equal(a, b, sizeof *a);
    assert_int_equal(one->issuers, 1);
    found = *b;
    free(all);
    free(one);
    return found;
}

static void expect(struct rig_broker *broker, const char *issuer, unsigned live, unsigned held, unsigned pending,
                   unsigned expired)
{
    struct cr_census_issuer found = count_of(broker, issuer);
    assert_int_equal(found.live, live);
    assert_int_equal(found.held, held);
    assert_int_equal(found.pending, pending);
    assert_int_equal(found.expired, expired);
}

static struct cr_cert_facts enrol(struct rig *rig, struct rig_broker *broker, const char *device, unsigned number, int days)
{
    struct cr_cert_facts facts = rig_cert(device, number, number, rig->now_s + (days - 90) * (int64_t)RIG_DAY_S,
                                          rig->now_s + days * (int64_t)RIG_DAY_S);
    struct cr_job *job = rig_job_present(broker, "operational", &facts);
    job->may_begin = false;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
    return facts;
}

/* A renewal by the new issuer, as far as BEGIN, or until it waits for its device. */
static struct cr_cert_facts renew(struct rig_broker *broker, const struct cr_cert_facts *presented, const char *device,
                                  unsigned key, bool recorded)
{
    struct cr_job *job = rig_job_csr(broker, device, "operational", key, presented);
    snprintf(job->issuer, sizeof job->issuer, NEW);
    job->profile = &broker->rig->eager;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    if (recorded) {
        rig_sign(job);
        job->stage = CR_STAGE_RECORD;
        job = rig_run(broker, job);
        assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    }
    struct cr_cert_facts facts = rig_cert_of(job);
    cr_job_free(job);
    return facts;
}

void store_census_of_nothing_is_empty(void **state)
{
    struct cr_census ask = { .issuer = "" };
    unsigned jobs;
    struct cr_census *census = count(rig_open(*state, "b1"), &ask, &jobs);
    assert_int_equal(census->issuers, 0);
    free(census);
}

void store_census_counts_who_needs_it(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "b1");
    char name[16];
    for (unsigned i = 0; i < 20; i++) { /* in all buckets */
        (void)snprintf(name, sizeof name, "far-%u", i);
        (void)enrol(rig, broker, name, 100 + i, 80);
    }
    (void)enrol(rig, broker, "over", 1, 0);
    (void)enrol(rig, broker, "held", 2, 80);
    rig_hold(rig, "held", "operational", true);
    expect(broker, OLD, 21, 1, 0, 1);
    expect(broker, NEW, 0, 0, 0, 0);
    assert_int_equal(count_of(broker, OLD).last_seen, rig->now_s);

    /* On its way to another: both are needed until it is seen. */
    struct cr_cert_facts old = enrol(rig, broker, "moves", 3, 80);
    (void)renew(broker, &old, "moves", 33, false);
    expect(broker, OLD, 22, 1, 0, 1);
    expect(broker, NEW, 1, 0, 1, 0);
    old = enrol(rig, broker, "waits", 4, 80);
    struct cr_cert_facts new = renew(broker, &old, "waits", 44, true);
    expect(broker, OLD, 23, 1, 0, 1);
    expect(broker, NEW, 2, 0, 2, 0);
    assert_true(rig_present(broker, "operational", &new));
    expect(broker, OLD, 22, 1, 0, 1);
    expect(broker, NEW, 2, 0, 1, 0);

    /* Its first certificate: nothing else is known of it. */
    (void)renew(broker, NULL, "first", 55, true);
    expect(broker, NEW, 3, 0, 2, 0);
    expect(broker, OLD, 22, 1, 0, 1);

    rig->now_s += 81 * (int64_t)RIG_DAY_S;
    expect(broker, OLD, 0, 0, 0, 23);
}

/* Its image was put back: it is on the superseded certificate, and needs whose that is until it is seen with another. */
void store_census_counts_who_came_back_with_a_former_one(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "b1");
    struct cr_cert_facts old = enrol(rig, broker, "back", 1, 80);
    struct cr_cert_facts new = renew(broker, &old, "back", 11, true);
    assert_true(rig_present(broker, "operational", &new));
    expect(broker, OLD, 0, 0, 0, 0);
    rig->now_s += 60;
    struct cr_job *job = rig_job_present(broker, "operational", &old);
    job->appeared = true;
    job = rig_run(broker, job);
    assert_true(job->regressed);
    cr_job_free(job);
    expect(broker, OLD, 1, 0, 0, 0);
    expect(broker, NEW, 1, 0, 0, 0);
    struct cr_cert_facts healed = renew(broker, &old, "back", 12, true);
    expect(broker, OLD, 1, 0, 0, 0);
    expect(broker, NEW, 1, 0, 1, 0);
    assert_true(rig_present(broker, "operational", &healed));
    expect(broker, OLD, 0, 0, 0, 0);
    expect(broker, NEW, 1, 0, 0, 0);
}

void store_census_names_some(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "b1");
    struct cr_census ask = { .issuer = OLD };
    unsigned jobs;
    char name[16];
    (void)enrol(rig, broker, "over", 1, 0);
    (void)enrol(rig, broker, "only", 2, 10);
    struct cr_census *census = count(broker, &ask, &jobs);
    assert_int_equal(census->named, 1);
    assert_string_equal(census->name[0], "only");
    free(census);
    for (unsigned i = 0; i < 2 * CR_CENSUS_NAMED; i++) {
        (void)snprintf(name, sizeof name, "more-%u", i);
        (void)enrol(rig, broker, name, 100 + i, 10);
    }
    census = count(broker, &ask, &jobs);
    assert_int_equal(census->named, CR_CENSUS_NAMED);
    for (unsigned i = 0; i < census->named; i++) {
        assert_string_not_equal(census->name[i], "over");
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(census->name[i], census->name[k]);
        }
    }
    free(census);
}

void store_census_counts_a_large_bucket_whole(void **state)
{
    struct rig *rig = *state;
    struct cr_census ask = { .issuer = "" };
    unsigned jobs;
    char name[16];
    rig->buckets = 1; /* Redis walks it in many steps */
    struct rig_broker *broker = rig_open(rig, "b1");
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "d%u", i);
        (void)enrol(rig, broker, name, 1000 + i, 50);
    }
    struct cr_census *census = count(broker, &ask, &jobs);
    assert_int_equal(census->issuers, 1);
    assert_int_equal(census->count[0].live, 1000);
    free(census);
}

void store_census_counts_who_confirmed_the_bundle(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "b1");
    struct cr_census ask = { .trust_version = 2, .trust_slot = "operational" };
    unsigned jobs;
    static const char *const devices[] = { "none", "one", "two", "three" };
    for (unsigned i = 0; i < 4; i++) {
        (void)enrol(rig, broker, devices[i], i + 1, 50);
        struct cr_job *job = rig_job(broker, CR_OP_TRUST, devices[i], "ca");
        job->bundle = calloc(1, sizeof *job->bundle);
        assert_non_null(job->bundle);
        job->bundle->verb = CR_TRUST_CONFIRM;
        job->bundle->version = i;
        cr_job_free(rig_run(broker, job));
    }
    (void)enrol(rig, broker, "over", 9, 0); /* it does not connect any more */
    struct cr_census *census = count(broker, &ask, &jobs);
    assert_int_equal(census->confirmed, 2);
    assert_int_equal(census->unconfirmed, 2);
    free(census);
}
