/* What every store answers who lists the fleet: rows and filters. */
#include "tests/contract/list_scene.h"

#include <stdio.h>
#include <string.h>

/* ---- rows ---- */

void store_list_shows_what_is_known(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *one = rig_open(rig, "one"), *two = rig_open(rig, "two");
    struct cr_cert_facts facts = fleet_known(one, 7, rig->now_s + 90 * RIG_DAY_S);
    fleet_tag(rig, 7, ",alpha,beta,");
    rig->now_s += 600;
    (void)rig_present(two, fleet_slot, &facts);
    fleet_issue(one, 7);
    struct cr_job *job = fleet_page(one, &(struct cr_list){ .limit = 5 });
    const struct cr_row *row = &job->list->row[0];
    struct cr_slot_record shown = rig_slot(one, "meter-007", fleet_slot);
    assert_int_equal(job->list->count, 1);
    assert_int_equal(job->list->matched, 1);
    assert_string_equal(job->list->cursor, "");
    assert_string_equal(row->device, "meter-007");
    assert_int_equal(row->first_seen, RIG_NOW_S);
    assert_int_equal(row->last_seen, RIG_NOW_S + 600);
    assert_int_equal(row->gap_s, 600);
    assert_string_equal(row->broker, "two");
    assert_string_equal(row->tags, ",alpha,beta,");
    assert_string_equal(row->slot.slot, fleet_slot);
    assert_int_equal(row->slot.state, CR_STATE_ISSUED);
    assert_true(cr_serial_equal(&row->slot.current.serial, &facts.serial));
    assert_int_equal(row->slot.pending.not_after, shown.pending.not_after);
    assert_true(row->slot.due > 0 && row->slot.due == shown.due);
    assert_int_equal(row->slot.version, shown.version);
    assert_null(row->slot.certificate.data);
    cr_job_free(job);
}

/* Where a device appeared last is known; a connection that is only looked at again is no appearance. */
void store_present_notes_the_broker(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker[2] = { rig_open(rig, "one"), rig_open(rig, "two") };
    struct cr_cert_facts facts = fleet_known(broker[0], 7, rig->now_s + 90 * RIG_DAY_S);
    static const struct {
        unsigned at;
        bool appeared;
        const char *where;
    } steps[] = { { 0, true, "one" }, { 1, true, "two" }, { 0, false, "two" }, { 0, true, "one" }, { 0, true, "one" } };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct cr_job *job = rig_job_present(broker[steps[i].at], fleet_slot, &facts);
        job->appeared = steps[i].appeared;
        rig->now_s += 60;
        job = rig_run(broker[steps[i].at], job);
        assert_int_equal(job->outcome, CR_OUT_RECORD);
        assert_string_equal(job->record->broker, steps[i].where);
        cr_job_free(job);
        job = rig_run(broker[0], rig_job(broker[0], CR_OP_INSPECT, facts.device, ""));
        assert_string_equal(job->record->broker, steps[i].where);
        cr_job_free(job);
    }
}

/* A trigger whose deadline has passed is shown, and found, as the quiet that it is. */
void store_list_tells_what_is_over(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)fleet_known(broker, 1, rig->now_s + 90 * RIG_DAY_S);
    fleet_trigger(broker, 1);
    fleet_finds(broker, &(struct cr_list){ .filter.state = CR_FILTER_TRIGGERED }, "1");
    rig->now_s += 8 * RIG_DAY_S;
    fleet_finds(broker, &(struct cr_list){ .filter.state = CR_FILTER_TRIGGERED }, "");
    fleet_finds(broker, &(struct cr_list){ .filter.state = CR_FILTER_QUIET }, "1");
    struct cr_job *job = fleet_page(broker, &(struct cr_list){ .limit = 5 });
    assert_int_equal(job->list->row[0].slot.state, CR_STATE_QUIET);
    assert_int_equal(job->list->row[0].slot.unanswered, 1);
    cr_job_free(job);
    rig_expect_audits(rig, "expired", NULL, 0); /* looking changes nothing */
}

/* ---- filters ---- */

static void issuer(struct rig_broker *broker, unsigned number, int64_t not_after)
{
    char name[CR_NAME_CAP];
    fleet_name(name, number);
    struct cr_cert_facts facts = rig_cert(name, number + 1, number + 1, broker->rig->now_s - RIG_DAY_S, not_after);
    snprintf(facts.issuer, sizeof facts.issuer, "00000000000000cb");
    (void)rig_present(broker, fleet_slot, &facts);
}

/* 1 quiet, 2 triggered, 3 issuing, 4 issued, 5 held, 6 another issuer, 7 tagged, 8 in a campaign and tagged, 9 with
 * another fleet_slot, 10 seen lately, 11 ends soon, 12 has ended, 13 and 14 have an alert. All but 10 were seen ten days ago. */
static void fleet(struct rig_broker *broker)
{
    struct rig *rig = broker->rig;
    int64_t end = rig->now_s + 90 * RIG_DAY_S;
    char name[CR_NAME_CAP];
    rig->now_s -= 10 * RIG_DAY_S;
    for (unsigned i = 1; i <= 14; i++) {
        if (i != 6 && i != 10) {
            (void)fleet_known(broker, i, i == 11 ? end - 70 * RIG_DAY_S : i == 12 ? end - 91 * RIG_DAY_S : end + i);
        }
    }
    issuer(broker, 6, end);
    fleet_name(name, 9);
    struct cr_cert_facts facts = rig_cert(name, 900, 900, rig->now_s, end);
    (void)rig_present(broker, "data", &facts);
    rig->now_s += 10 * RIG_DAY_S;
    (void)fleet_known(broker, 10, end);
    fleet_trigger(broker, 2);
    fleet_trigger(broker, 3);
    fleet_name(name, 3);
    cr_job_free(rig_run(broker, rig_job_csr(broker, name, fleet_slot, 777, NULL)));
    fleet_issue(broker, 4);
    fleet_hold(rig, 5);
    fleet_tag(rig, 7, ",lab,");
    fleet_tag(rig, 8, ",hall-1,lab-2,");
    fleet_join(rig, 8, "0badcafe");
    fleet_alert(broker, 13, CR_LEVEL_NOTICE, CR_CALL_TRIGGER, false);
    fleet_alert(broker, 14, CR_LEVEL_CRITICAL, CR_CALL_FIELD, true);
}

void store_list_filters_one_by_one(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    fleet(broker);
    static const struct {
        struct cr_filter filter;
        const char *expected;
    } wanted[] = {
        { { .state = CR_FILTER_QUIET }, "1 5 6 7 8 10 11 12 13 14" },
        { { .state = CR_FILTER_TRIGGERED }, "2" },
        { { .state = CR_FILTER_ISSUING }, "3" },
        { { .state = CR_FILTER_ISSUED }, "4" },
        { { .state = CR_FILTER_HELD }, "5" },
        { { .slot = "data" }, "9" },
        { { .slot = "dat" }, "" },
        { { .issuer = "00000000000000cb" }, "6" },
        { { .issuer = "0000000000cb" }, "" },
        { { .tag = "lab" }, "7" },
        { { .tag = "hall-1" }, "8" },
        { { .tag = "lab-2" }, "8" },
        { { .tag = "hall" }, "" },
        { { .prefix = "meter-01" }, "10 11 12 13 14" },
        { { .prefix = "meter-012" }, "12" },
        { { .prefix = "eter" }, "" },
        { { .prefix = "meter-[01]" }, "" },
        { { .campaign = "0badcafe" }, "8" },
        { { .campaign = "0badcaff" }, "" },
        { { .expires_within_s = 20 * RIG_DAY_S }, "11 12" },
        { { .expires_within_s = 20 * RIG_DAY_S - 1 }, "12" },
        { { .expires_within_s = 1 }, "12" },
        { { .not_seen_for_s = 10 * RIG_DAY_S }, "1 2 3 4 5 6 7 8 11 12 13 14" },
        { { .not_seen_for_s = 10 * RIG_DAY_S + 1 }, "" },
        { { .level = CR_LEVEL_NOTICE }, "13 14" },
        { { .level = CR_LEVEL_WARNING }, "14" },
        { { .level = CR_LEVEL_CRITICAL }, "14" },
        { { .level = CR_LEVEL_FIELD }, "14" },
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct cr_list list = { .filter = wanted[i].filter, .limit = 3 };
        if (wanted[i].filter.slot[0] == '\0') {
            snprintf(list.filter.slot, sizeof list.filter.slot, "%s", fleet_slot); /* 9 has two */
        }
        const char *expected = wanted[i].expected;
        char with_nine[80];
        bool nine = list.filter.state == CR_FILTER_QUIET || list.filter.not_seen_for_s == 10 * RIG_DAY_S;
        if (nine) { /* its operational slot is as any other */
            const char *after = strstr(expected, " 8 ") + 2;
            snprintf(with_nine, sizeof with_nine, "%.*s 9%s", (int)(after - expected), expected, after);
            expected = with_nine;
        }
        fleet_finds(broker, &list, expected);
    }
    struct list_seen all = fleet_walk(broker, &(struct cr_list){ .limit = 0 });
    assert_int_equal(all.rows, 15);
    assert_int_equal(all.times[9], 2);
}

void store_list_filters_together(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    fleet(broker);
    fleet_tag(rig, 12, ",lab,");
    fleet_finds(broker, &(struct cr_list){ .filter = { .tag = "lab", .expires_within_s = RIG_DAY_S } }, "12");
    fleet_finds(broker, &(struct cr_list){ .filter = { .tag = "lab", .state = CR_FILTER_QUIET } }, "7 12");
    fleet_finds(broker, &(struct cr_list){ .filter = { .state = CR_FILTER_HELD, .prefix = "meter-005" } }, "5");
    fleet_finds(broker, &(struct cr_list){ .filter = { .state = CR_FILTER_HELD, .prefix = "meter-006" } }, "");
    fleet_finds(broker, &(struct cr_list){ .filter = { .state = CR_FILTER_QUIET, .slot = "data" } }, "9");
    fleet_finds(broker, &(struct cr_list){ .filter = { .state = CR_FILTER_TRIGGERED, .slot = "data" } }, "");
    fleet_finds(broker, &(struct cr_list){ .filter = { .issuer = "00000000000000cb", .not_seen_for_s = RIG_DAY_S } }, "6");
    fleet_finds(broker, &(struct cr_list){ .filter = { .campaign = "0badcafe", .tag = "lab-2", .prefix = "meter",
                                                 .slot = "operational", .state = CR_FILTER_QUIET,
                                                 .issuer = "00000000000000ca", .not_seen_for_s = RIG_DAY_S,
                                                 .expires_within_s = 100 * RIG_DAY_S } }, "8");
}

/* Devices 1 to 5, whose certificates began a day after each other; 3 and 4 of a factory, 2 to 4 with a trust bundle; of 5
 * both slots were revoked, of 1 only the other one. */
static int64_t trusting_fleet(struct rig_broker *broker)
{
    struct rig *rig = broker->rig;
    char name[CR_NAME_CAP];
    int64_t first = rig->now_s - RIG_DAY_S; /* as fleet_known has it */
    for (unsigned i = 1; i <= 5; i++) {
        (void)fleet_known(broker, i, rig->now_s + 90 * RIG_DAY_S);
        fleet_name(name, i);
        struct cr_cert_facts facts = rig_cert(name, 900 + i, 900 + i, rig->now_s - RIG_DAY_S, rig->now_s + RIG_DAY_S);
        (void)rig_present(broker, "data", &facts);
        rig->now_s += RIG_DAY_S / 24;
    }
    fleet_made_by(rig, 3, "fac00001");
    fleet_made_by(rig, 4, "fac00001");
    fleet_made_by(rig, 5, "fac00002");
    for (unsigned i = 2; i <= 4; i++) {
        fleet_confirmed(rig, i, i);
    }
    (void)rig_revoke(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, "meter-005", "", CR_REASON_SUPERSEDED));
    (void)rig_revoke(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, "meter-001", "data", CR_REASON_SUPERSEDED));
    return first;
}

void store_list_filters_by_trust(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    int64_t first = trusting_fleet(broker), hour = RIG_DAY_S / 24;
    const struct {
        struct cr_filter filter;
        const char *expected;
    } wanted[] = {
        { { .issued_after = first + 2 * hour }, "3 4 5" },
        { { .issued_after = first + 2 * hour + 1 }, "4 5" },
        { { .issued_before = first + 2 * hour }, "1 2" },
        { { .issued_before = first + 2 * hour + 1 }, "1 2 3" },
        { { .issued_after = first + hour, .issued_before = first + 3 * hour }, "2 3" },
        { { .factory = "fac00001" }, "3 4" },
        { { .factory = "fac00002" }, "5" },
        { { .factory = "fac0000" }, "" },
        { { .revoked = 'y' }, "5" },
        { { .revoked = 'n' }, "1 2 3 4" },
        { { .trust_before = 1 }, "1 5" },
        { { .trust_before = 3 }, "1 2 5" },
        { { .trust_before = 5 }, "1 2 3 4 5" },
        { { .trust_before = 4, .factory = "fac00001", .revoked = 'n', .issued_after = first }, "3" },
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct cr_list list = { .filter = wanted[i].filter, .limit = 2 };
        snprintf(list.filter.slot, sizeof list.filter.slot, "%s", fleet_slot);
        fleet_finds(broker, &list, wanted[i].expected);
    }
    fleet_finds(broker, &(struct cr_list){ .filter = { .slot = "data", .revoked = 'y' } }, "1 5");
}

/* ---- alerts ---- */

void store_list_shows_alerts(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    for (unsigned i = 0; i < 20; i++) {
        (void)fleet_known(broker, i, rig->now_s + (60 - i) * RIG_DAY_S);
    }
    struct cr_list alerts = { .source = CR_LIST_ALERTS, .filter.acknowledged = -1 };
    fleet_finds(broker, &alerts, "");
    fleet_alert(broker, 3, CR_LEVEL_NOTICE, CR_CALL_TRIGGER, false);
    fleet_alert(broker, 4, CR_LEVEL_WARNING, CR_CALL_WAKE, true);
    fleet_alert(broker, 5, CR_LEVEL_CRITICAL, CR_CALL_FIELD, false);
    fleet_alert(broker, 6, CR_LEVEL_NOTICE, CR_CALL_FIELD, true);
    fleet_finds(broker, &alerts, "3 4 5 6");
    alerts.limit = 1;
    fleet_finds(broker, &alerts, "3 4 5 6");
    alerts.filter.acknowledged = 1;
    fleet_finds(broker, &alerts, "4 6");
    alerts.filter.acknowledged = 0;
    fleet_finds(broker, &alerts, "3 5");
    alerts.filter = (struct cr_filter){ .acknowledged = -1, .level = CR_LEVEL_WARNING };
    fleet_finds(broker, &alerts, "4 5");
    alerts.filter.level = CR_LEVEL_FIELD;
    fleet_finds(broker, &alerts, "5 6");
    alerts.filter.expires_within_s = 54 * RIG_DAY_S;
    fleet_finds(broker, &alerts, "6");

    alerts.filter = (struct cr_filter){ .acknowledged = -1, .level = CR_LEVEL_CRITICAL };
    struct cr_job *job = fleet_page(broker, &alerts);
    while (job->list->count == 0) {
        memcpy(alerts.cursor, job->list->cursor, sizeof alerts.cursor);
        assert_true(alerts.cursor[0] != '\0');
        cr_job_free(job);
        job = fleet_page(broker, &alerts);
    }
    const struct cr_slot_alert *shown = &job->list->row[0].slot.alert;
    assert_int_equal(shown->since, rig->now_s - RIG_DAY_S);
    assert_int_equal(shown->level, CR_LEVEL_CRITICAL);
    assert_int_equal(shown->stage, CR_CALL_FIELD);
    cr_job_free(job);
}
