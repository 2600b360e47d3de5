/* The audit stream, page by page. */
#include "tests/contract/store_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cr_job *ask(struct rig_broker *broker, bool oldest_first, unsigned limit, const char *cursor)
{
    struct cr_job *job = rig_job(broker, CR_OP_HISTORY, "", "");
    job->history = calloc(1, sizeof *job->history);
    assert_non_null(job->history);
    job->history->oldest_first = oldest_first;
    job->history->limit = limit;
    (void)snprintf(job->history->cursor, sizeof job->history->cursor, "%s", cursor);
    return job;
}

/* A field of an entry; "": it has none. Lent. */
static const char *field(const struct cr_history_entry *entry, const char *name)
{
    const char *at = (const char *)entry->fields.data, *end = at + entry->fields.len;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        assert_true(value < end);
        if (strcmp(at, name) == 0) {
            return value;
        }
        at = value + strlen(value) + 1;
    }
    return "";
}

/* Asks, page by page, for lines that were put there by hand, and compares their devices in order. Frees the job. */
static void expect(struct rig_broker *broker, struct cr_job *job, const char *devices)
{
    char found[1024] = "", cursor[CR_CURSOR_CAP] = "";
    struct cr_history like = *job->history;
    for (unsigned pages = 0; pages < 100; pages++) {
        job = rig_run(broker, job);
        assert_int_equal(job->outcome, CR_OUT_DONE);
        assert_in_range(job->history->count, 0, like.limit);
        for (unsigned i = 0; i < job->history->count; i++) {
            const struct cr_history_entry *entry = &job->history->entry[i];
            size_t len = strlen(found);
            if (strcmp(field(entry, "detail"), "by hand") == 0) {
                (void)snprintf(found + len, sizeof found - len, "%s ", field(entry, "device"));
            }
        }
        (void)snprintf(cursor, sizeof cursor, "%s", job->history->cursor);
        cr_job_free(job);
        if (cursor[0] == '\0') {
            break;
        }
        job = ask(broker, false, 0, "");
        *job->history = like;
        memcpy(job->history->cursor, cursor, sizeof cursor);
    }
    assert_string_equal(cursor, "");
    assert_string_equal(found, devices);
}

static void put_lines(struct rig *rig)
{
    rig_history(rig, 0, "triggered", "d0", "scheduler");
    rig_history(rig, 999, "issued", "d1", "d1@10.0.0.1");
    rig_history(rig, 1000, "held", "d2", "operator:alice c@10.0.0.2");
    rig_history(rig, 1000, "released", "d3", "operator:bob c@10.0.0.2");
    rig_history(rig, 2000, "held", "d4", "operator:alice c@10.0.0.2");
    rig_history(rig, 3001, "issued", "d0", "d0@10.0.0.3");
}

void store_history_goes_both_ways(void **state)
{
    struct rig *rig = *state;
    put_lines(rig);
    struct rig_broker *broker = rig_open(rig, "one");
    for (unsigned limit = 1; limit < 9; limit++) {
        expect(broker, ask(broker, true, limit, ""), "d0 d1 d2 d3 d4 d0 ");
        expect(broker, ask(broker, false, limit, ""), "d0 d4 d3 d2 d1 d0 ");
    }
    struct cr_job *job = rig_run(broker, ask(broker, true, 1, ""));
    assert_int_equal(job->history->count, 1);
    assert_string_equal(job->history->entry[0].id, "1000000000000-0");
    assert_string_equal(field(&job->history->entry[0], "time"), "1000000000");
    assert_string_equal(field(&job->history->entry[0], "what"), "triggered");
    assert_string_equal(field(&job->history->entry[0], "who"), "scheduler");
    assert_string_equal(job->history->cursor, "1000000000000-0");
    cr_job_free(job);
}

/* More than is fetched at once lies between two that match. */
void store_history_looks_far(void **state)
{
    struct rig *rig = *state;
    rig_history(rig, 0, "held", "first", "x");
    for (unsigned i = 1; i <= 450; i++) {
        rig_history(rig, i, "seen", "between", "x");
    }
    rig_history(rig, 451, "held", "last", "x");
    struct rig_broker *broker = rig_open(rig, "one");
    for (int forward = 0; forward < 2; forward++) {
        for (unsigned limit = 1; limit < 4; limit++) {
            struct cr_job *job = ask(broker, forward, limit, "");
            (void)snprintf(job->history->what, sizeof job->history->what, "held");
            expect(broker, job, forward ? "first last " : "last first ");
        }
    }
}

void store_history_filters(void **state)
{
    struct rig *rig = *state;
    put_lines(rig);
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_job *job = ask(broker, true, 100, "");
    (void)snprintf(job->history->device, sizeof job->history->device, "d0");
    expect(broker, job, "d0 d0 ");
    job = ask(broker, true, 100, "");
    (void)snprintf(job->history->what, sizeof job->history->what, "held");
    expect(broker, job, "d2 d4 ");
    job = ask(broker, true, 100, ""); /* a whole word */
    (void)snprintf(job->history->what, sizeof job->history->what, "hel");
    expect(broker, job, "");
    job = ask(broker, true, 100, ""); /* how it begins */
    (void)snprintf(job->history->who, sizeof job->history->who, "operator:");
    expect(broker, job, "d2 d3 d4 ");
    (void)snprintf((job = ask(broker, true, 1, ""))->history->who, sizeof job->history->who, "operator:alice");
    (void)snprintf(job->history->what, sizeof job->history->what, "held");
    expect(broker, job, "d2 d4 ");
    job = ask(broker, true, 100, "");
    (void)snprintf(job->history->slot, sizeof job->history->slot, "data");
    expect(broker, job, "");
}

void store_history_has_bounds(void **state)
{
    struct rig *rig = *state;
    put_lines(rig);
    struct rig_broker *broker = rig_open(rig, "one");
    for (int forward = 0; forward < 2; forward++) {
        struct cr_job *job = ask(broker, forward, 2, "");
        job->history->since = RIG_HISTORY_S + 1;
        job->history->until = RIG_HISTORY_S + 2; /* that second is still meant */
        expect(broker, job, forward ? "d2 d3 d4 " : "d4 d3 d2 ");
        job = ask(broker, forward, 1, "");
        job->history->until = RIG_HISTORY_S;
        expect(broker, job, forward ? "d0 d1 " : "d1 d0 ");
        job = ask(broker, forward, 5, forward ? "1000000000000-0" : "1000000009000-0"); /* a page of another question */
        job->history->since = RIG_HISTORY_S + 1;
        job->history->until = RIG_HISTORY_S + 1;
        expect(broker, job, forward ? "d2 d3 " : "d3 d2 ");
    }
    assert_int_equal(rig_audits(rig, "refused", NULL), 0);
}

void store_history_knows_its_cursors(void **state)
{
    static const char *const odd[] = { "x", "1", "1-", "-1", "1-2x", "(1-2", "+", "1-2-3", "99999999999999999999-1" };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    for (unsigned i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct cr_job *job = rig_run(broker, ask(broker, i % 2 == 0, 10, odd[i]));
        assert_int_equal(job->outcome, CR_OUT_REFUSED);
        assert_int_equal(job->refusal, CR_REFUSAL_UNKNOWN_CURSOR);
        cr_job_free(job);
    }
}

/* What a store does is found in it, by whom. */
void store_history_has_what_was_done(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = rig_cert("meter-17", 1, 1, rig->now_s - 89 * RIG_DAY_S, rig->now_s + 11 * RIG_DAY_S);
    unsigned found = 0;
    (void)rig_present(broker, "operational", &facts);
    cr_job_free(rig_issue(broker, "meter-17", "operational", 2));
    struct cr_job *job = ask(broker, true, 100, "");
    (void)snprintf(job->history->device, sizeof job->history->device, "meter-17");
    job = rig_run(broker, job);
    for (unsigned i = 0; i < job->history->count; i++) {
        static const char *const what[] = { "seen", "triggered", "issued" };
        const struct cr_history_entry *entry = &job->history->entry[i];
        found += found < 3 && strcmp(field(entry, "what"), what[found]) == 0 &&
                 (rig->backend == RIG_FAKE || strcmp(field(entry, "broker"), "one") == 0);
    }
    assert_int_equal(found, 3);
    cr_job_free(job);
}

static void expect_of_device(struct rig_broker *broker, struct cr_job *job, const char *device, const char *found)
{
    (void)snprintf(job->history->device, sizeof job->history->device, "%s", device);
    if (found != NULL) {
        expect(broker, job, found);
        return;
    }
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, CR_REFUSAL_UNKNOWN_DEVICE);
    cr_job_free(job);
}

/* Neither in the inventory nor in a line: an error. One that only a line tells of, also where that line is not asked for,
 * and one without any line, is known. */
void store_history_knows_who_is_unknown(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_cert_facts facts = rig_cert("meter-17", 1, 1, rig->now_s - RIG_DAY_S, rig->now_s + 99 * RIG_DAY_S);
    put_lines(rig);
    for (unsigned i = 0; i < 450; i++) { /* more than is fetched at once, on either side */
        rig_history(rig, 5000 + i, "seen", "between", "x");
    }
    (void)rig_present(broker, "operational", &facts);
    for (int forward = 0; forward < 2; forward++) {
        expect_of_device(broker, ask(broker, forward, 10, ""), "ghost", NULL);
        expect_of_device(broker, ask(broker, forward, 10, ""), "d", NULL);
        expect_of_device(broker, ask(broker, forward, 10, ""), "d4", "d4 ");
        expect_of_device(broker, ask(broker, forward, 10, ""), "meter-17", "");
        struct cr_job *job = ask(broker, forward, 10, "");
        job->history->until = RIG_HISTORY_S + 1;
        expect_of_device(broker, job, "d4", "");
        job = ask(broker, forward, 10, "");
        job->history->since = RIG_HISTORY_S + 3;
        (void)snprintf(job->history->what, sizeof job->history->what, "held");
        expect_of_device(broker, job, "d4", "");
        job = ask(broker, forward, 10, "");
        job->history->until = RIG_HISTORY_S + 1;
        expect_of_device(broker, job, "ghost", NULL);
        /* A page that ended late, without a line of it so far. */
        expect_of_device(broker, ask(broker, forward, 10, "1000000002000-0/"), "ghost", NULL);
        expect_of_device(broker, ask(broker, forward, 10, "1000000002000-0/"), forward ? "d0" : "d2", forward ? "d0 " : "d2 ");
        expect_of_device(broker, ask(broker, forward, 10, "1000000002000-0"), "ghost", "");
    }
}
