/* The fleet in figures: what counts as what, and who counts. */
#include "plugin/store/survey.h"
#include "tests/contract/store_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cr_job *survey_job(struct rig_broker *broker, enum cr_survey_verb verb)
{
    struct cr_job *job = rig_job(broker, CR_OP_SURVEY, "", "");
    job->survey = calloc(1, sizeof *job->survey);
    assert_non_null(job->survey);
    job->survey->verb = verb;
    return job;
}

/* All of it, page by page. */
static struct cr_survey_counts count_all(struct rig_broker *broker)
{
    struct cr_survey_counts sum;
    char cursor[CR_CURSOR_CAP] = "";
    unsigned pages = 0;
    memset(&sum, 0, sizeof sum);
    do {
        struct cr_job *job = survey_job(broker, CR_SURVEY_PAGE);
        memcpy(job->survey->cursor, cursor, sizeof cursor);
        job = rig_run(broker, job);
        assert_int_equal(job->outcome, CR_OUT_DONE);
        cr_survey_add(&sum, &job->survey->counts);
        memcpy(cursor, job->survey->cursor, sizeof cursor);
        cr_job_free(job);
        assert_true(++pages < 1000);
    } while (cursor[0] != '\0');
    return sum;
}

static struct cr_survey keep(struct rig_broker *broker, enum cr_survey_verb verb, const struct cr_survey_counts *counts)
{
    struct cr_job *job = survey_job(broker, verb);
    if (counts != NULL) {
        job->survey->counts = *counts;
        job->survey->at = job->now_s;
    }
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    struct cr_survey survey = *job->survey;
    cr_job_free(job);
    return survey;
}

/* A device whose certificate ends in so many days, of 90 in all; it appeared now. */
static void enrol(struct rig *rig, struct rig_broker *broker, const char *device, unsigned number, int days)
{
    struct cr_cert_facts facts = rig_cert(device, number, number, rig->now_s + (days - 90) * (int64_t)RIG_DAY_S,
                                          rig->now_s + days * (int64_t)RIG_DAY_S);
    struct cr_job *job = rig_job_present(broker, "operational", &facts);
    job->may_begin = false;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
}

static void trigger(struct rig_broker *broker, const char *device)
{
    struct cr_job *job = rig_run(broker, rig_job_trigger(broker, device, "operational"));
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
}

static void assert_spans(const uint64_t numbers[CR_SURVEY_SPANS], unsigned one, unsigned seven, unsigned thirty,
                         unsigned ninety)
{
    assert_int_equal(numbers[0], one);
    assert_int_equal(numbers[1], seven);
    assert_int_equal(numbers[2], thirty);
    assert_int_equal(numbers[3], ninety);
}

void store_survey_of_nothing_is_empty(void **state)
{
    struct rig_broker *broker = rig_open(*state, "b1");
    struct cr_survey_counts sum = count_all(broker), none;
    memset(&none, 0, sizeof none);
    assert_memory_equal(&sum, &none, sizeof sum);
}

void store_survey_counts_states_and_ends(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "b1");
    char name[16];
    for (unsigned i = 0; i < 20; i++) { /* in all buckets */
        (void)snprintf(name, sizeof name, "far-%u", i);
        enrol(rig, broker, name, 100 + i, 80);
    }
    enrol(rig, broker, "soon", 1, 1);
    enrol(rig, broker, "week", 2, 7);
    enrol(rig, broker, "month", 3, 29);
    enrol(rig, broker, "over", 4, 0);
    enrol(rig, broker, "asked", 5, 40);
    trigger(broker, "asked");
    enrol(rig, broker, "held", 6, 3);
    rig_hold(rig, "held", "operational", true);
    cr_job_free(rig_issue(broker, "week", "operational", 77)); /* waits for its device */

    struct cr_survey_counts sum = count_all(broker);
    assert_int_equal(sum.slots, 26);
    assert_int_equal(sum.state[CR_STATE_QUIET], 24);
    assert_int_equal(sum.state[CR_STATE_TRIGGERED], 1);
    assert_int_equal(sum.state[CR_STATE_ISSUING], 0);
    assert_int_equal(sum.state[CR_STATE_ISSUED], 1);
    assert_int_equal(sum.held, 1);
    assert_int_equal(sum.expired, 1);
    assert_int_equal(sum.alerts, 0);
    assert_spans(sum.expiring, 1, 2, 3, 24); /* who is held counts among none of these */
    assert_spans(sum.at_risk, 0, 0, 0, 0);   /* they were all just here */
    assert_int_equal(sum.issuers, 1);
    assert_int_equal(sum.issuer[0].slots, 26);

    rig->now_s += 8 * RIG_DAY_S; /* the trigger's deadline has passed, though nothing has touched it since */
    sum = count_all(broker);
    assert_int_equal(sum.state[CR_STATE_TRIGGERED], 0);
    assert_int_equal(sum.state[CR_STATE_QUIET], 25);
    assert_int_equal(sum.expired, 3);
}

void store_survey_tells_when_renewals_begin(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "b1");
    enrol(rig, broker, "far", 1, 80);
    enrol(rig, broker, "now", 2, 20);
    enrol(rig, broker, "held", 3, 80);
    rig_hold(rig, "held", "operational", true);
    int64_t due = rig_slot(broker, "far", "operational").due;
    assert_true(due > rig->now_s + 10 * (int64_t)RIG_DAY_S);

    struct cr_survey_counts sum = count_all(broker);
    int64_t all = 0;
    for (unsigned i = 0; i < CR_FORECAST_DAYS; i++) {
        all += (int64_t)sum.due[i];
    }
    assert_int_equal(all, 2);
    assert_int_equal(sum.due[(due - rig->now_s) / RIG_DAY_S], 1);
    rig->now_s = due + 5; /* it is late: it begins now */
    assert_int_equal(count_all(broker).due[0], 1);
}

void store_survey_tells_who_will_not_renew(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "b1");
    int64_t begun = rig->now_s;
    enrol(rig, broker, "quiet", 1, 80); /* never asked: it may be connected all the time */
    enrol(rig, broker, "away", 2, 80);  /* asked, and away for longer than is left */
    enrol(rig, broker, "rare", 3, 80);  /* away, but no longer than usual */
    enrol(rig, broker, "rarer", 4, 80); /* usually away beyond its end */
    rig->now_s = begun + 25 * RIG_DAY_S;
    enrol(rig, broker, "rare", 3, 55);
    rig->now_s = begun + 41 * RIG_DAY_S;
    enrol(rig, broker, "rarer", 4, 39);
    rig->now_s = begun + 45 * RIG_DAY_S; /* all end in 35 days */
    trigger(broker, "away");
    trigger(broker, "rare");

    struct cr_survey_counts sum = count_all(broker);
    assert_spans(sum.expiring, 0, 0, 0, 4);
    assert_spans(sum.at_risk, 0, 0, 0, 2); /* away; and rarer: seen four days ago, usually away for 41 */
    rig->now_s = begun + 48 * RIG_DAY_S;
    enrol(rig, broker, "away", 2, 32); /* there it is, and it is usually away for longer than that */
    assert_spans(count_all(broker).at_risk, 0, 0, 0, 2);
}

void store_survey_tells_who_fails(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "b1");
    enrol(rig, broker, "fails", 1, 60);
    trigger(broker, "fails");
    for (unsigned i = 0; i < 3; i++) {
        assert_spans(count_all(broker).at_risk, 0, 0, 0, 0);
        struct cr_slot_record slot = rig_slot(broker, "fails", "operational");
        cr_job_free(rig_run(broker, rig_job_report(broker, "fails", "operational", slot.renewal_id, CR_REPORT_FAILED)));
    }
    assert_spans(count_all(broker).at_risk, 0, 0, 0, 1);
}

void store_survey_tells_who_does_not_answer(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "b1");
    enrol(rig, broker, "mute", 1, 60);
    for (unsigned i = 0; i < 2; i++) {
        assert_spans(count_all(broker).at_risk, 0, 0, 0, 0);
        trigger(broker, "mute");
        rig->now_s += 8 * RIG_DAY_S;                          /* beyond the deadline */
        enrol(rig, broker, "mute", 1, 60 - 8 * ((int)i + 1)); /* it is here, and was all the time */
    }
    assert_spans(count_all(broker).at_risk, 0, 0, 0, 1);
}

/* More than fits into one piece of each bucket. */
void store_survey_goes_through_all(void **state)
{
    enum { MANY = 1500 };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "b1");
    char name[16];
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "many-%u", i);
        enrol(rig, broker, name, i + 1, i % 2 == 0 ? 20 : 80);
    }
    struct cr_survey_counts sum = count_all(broker);
    assert_int_equal(sum.slots, MANY);
    assert_spans(sum.expiring, 0, 0, MANY / 2, MANY);
    assert_int_equal(sum.issuer[0].slots, MANY);
}

void store_survey_one_broker_counts(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *one = rig_open(rig, "b1"), *two = rig_open(rig, "b2");
    assert_int_equal(keep(one, CR_SURVEY_READ, NULL).at, 0);
    assert_false(keep(one, CR_SURVEY_READ, NULL).ours);

    struct cr_survey survey = keep(one, CR_SURVEY_LOAD, NULL);
    assert_true(survey.ours);
    assert_int_equal(survey.at, 0);
    assert_false(keep(two, CR_SURVEY_LOAD, NULL).ours);
    assert_true(keep(one, CR_SURVEY_LOAD, NULL).ours); /* it still does */

    enrol(rig, one, "soon", 1, 1);
    struct cr_survey_counts sum = count_all(one);
    (void)keep(one, CR_SURVEY_SAVE, &sum);
    survey = keep(two, CR_SURVEY_LOAD, NULL);
    assert_false(survey.ours); /* it is fresh */
    assert_int_equal(survey.at, rig->now_s);
    assert_memory_equal(&survey.counts, &sum, sizeof sum);
    assert_int_equal(keep(two, CR_SURVEY_READ, NULL).counts.expiring[0], 1);

    rig->now_s += CR_SURVEY_EVERY_S;
    assert_true(keep(two, CR_SURVEY_LOAD, NULL).ours);
    assert_false(keep(one, CR_SURVEY_LOAD, NULL).ours);
    rig->now_s += CR_SURVEY_CLAIM_S + 1; /* it died */
    assert_true(keep(one, CR_SURVEY_LOAD, NULL).ours);
}
