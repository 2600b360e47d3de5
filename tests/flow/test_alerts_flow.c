/* Alerts and escalation over a certificate's life: which events come, in which order, and that each comes once. */
#include "tests/support/flow_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

enum { EVENTS_MAX = 64, EVENT_CAP = 80 };

/* What was published for operators, a line each: day, kind, and what it says; notes are in the order they came in. */
struct diary {
    struct scene *scene;
    struct cr_blob cert; /* of a year */
    struct cr_blob boss;
    int64_t not_after;
    unsigned count;
    char line[EVENTS_MAX][EVENT_CAP];
};

static int start(void **state)
{
    struct diary *d = calloc(1, sizeof *d);
    void *scene = NULL;
    struct rig_key boss;

    assert_non_null(d);
    assert_int_equal(scene_start_with(&scene, "admin_identity boss\nslot operational\nrequest_timing window\n"
                                              "lifetime 365d\nrenewal_window 100d\nrenewal_spread 0%\nmin_chances 0\n"),
                     0);
    d->scene = scene;
    rig_key_make(&boss);
    d->boss = rig_certify(&d->scene->rig, &boss, "boss", 2000 * (int64_t)DAY_S);
    rig_key_free(&boss);
    d->scene->boss = fake_host_connect(&d->scene->rig.host, "patient-boss", cr_blob_view(&d->boss), 5);
    d->cert = rig_certify(&d->scene->rig, &d->scene->key, "meter-1", 365 * (int64_t)DAY_S);
    reconnect(d->scene, cr_blob_view(&d->cert));
    d->not_after = scene_slot(d->scene)->current.not_after;
    *state = d;
    return 0;
}

static int finish(void **state)
{
    struct diary *d = *state;
    void *scene = d->scene;

    cr_blob_fini(&d->cert);
    cr_blob_fini(&d->boss);
    free(d);
    return scene_stop(&scene);
}

static const char *word(const cJSON *json, const char *name)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(json, name));

    return value != NULL ? value : "";
}

/* Takes the events that were published so far. */
static void note(struct diary *d, const char *kind)
{
    char topic[40];
    const struct fake_publication *event;
    int64_t left_s = d->not_after - d->scene->rig.clock.wall_s;

    (void)snprintf(topic, sizeof topic, "/event/%s", kind);
    while ((event = fake_host_take(&d->scene->rig.host, NULL, topic)) != NULL) {
        cJSON *json = cJSON_ParseWithLength((const char *)event->payload.data, event->payload.len);

        assert_non_null(json);
        assert_true(d->count < EVENTS_MAX);
        assert_string_equal(word(json, "device"), "meter-1");
        assert_string_equal(word(json, "slot"), "operational");
        assert_string_equal(word(json, "broker"), "rig");
        assert_int_equal(strlen(word(json, "time")), CR_TIME_TEXT - 1);
        if (strcmp(kind, "wake") == 0) {
            assert_true(word(json, "next")[0] != '\0' && word(json, "lastSeen")[0] != '\0');
            (void)snprintf(d->line[d->count++], EVENT_CAP, "%lld wake %.0f",
                           (long long)((left_s + DAY_S - 1) / DAY_S),
                           cJSON_GetNumberValue(cJSON_GetObjectItem(json, "attempt")));
        } else {
            assert_true(word(json, "detail")[0] != '\0');
            (void)snprintf(d->line[d->count++], EVENT_CAP, "%lld %s%s%s%s%s",
                           (long long)((left_s + DAY_S - 1) / DAY_S), word(json, "alert"),
                           word(json, "level")[0] != '\0' ? " " : "", word(json, "level"),
                           word(json, "threshold")[0] != '\0' ? " " : "", word(json, "threshold"));
        }
        cJSON_Delete(json);
    }
}

/* Hours go by, a quarter of an hour at a time, a minute of each second by second: the rounds of agenda and watch. */
static void live_until(struct diary *d, int64_t when_s)
{
    while (d->scene->rig.clock.wall_s < when_s) {
        int64_t left_s = when_s - d->scene->rig.clock.wall_s;

        flow_rig_pass(&d->scene->rig, left_s < 900 ? left_s : 900);
        for (unsigned i = 0; i < 3; i++) {
            flow_rig_pump(&d->scene->rig);
        }
        note(d, "wake");
        note(d, "alert");
    }
}

/* Until so many days before the end of its certificate. */
static void live_to(struct diary *d, int64_t days_left)
{
    live_until(d, d->not_after - days_left * DAY_S);
}

static void expect(struct diary *d, const char *const *lines)
{
    unsigned at = 0;

    for (; lines[at] != NULL; at++) {
        if (at >= d->count || strcmp(d->line[at], lines[at]) != 0) {
            for (unsigned i = 0; i < d->count; i++) {
                print_error("%u: %s\n", i, d->line[i]);
            }
            fail_msg("event %u: expected %s", at, lines[at]);
        }
    }
    if (d->count != at) {
        fail_msg("unexpected: %s", d->line[at]);
    }
    d->count = 0;
}

static const cJSON *answer_to(struct diary *d, const char *command, cJSON **whole)
{
    char text[300];

    (void)snprintf(text, sizeof text, "{\"commands\":[{%s}]}", command);
    *whole = cJSON_Parse(rig_command(&d->scene->rig, d->scene->boss, text));
    assert_non_null(*whole);
    return cJSON_GetArrayItem(cJSON_GetObjectItem(*whole, "responses"), 0);
}

/* How many alerts listAlerts has; the first one's fields. */
static int alerts(struct diary *d, const char *filter, const char *kind, const char *level, const char *stage)
{
    char text[200];
    cJSON *whole;
    const cJSON *list, *first;
    int count;

    (void)snprintf(text, sizeof text, "\"command\":\"listAlerts\"%s", filter);
    list = cJSON_GetObjectItem(cJSON_GetObjectItem(answer_to(d, text, &whole), "data"), "alerts");
    assert_true(cJSON_IsArray(list));
    count = cJSON_GetArraySize(list);
    first = cJSON_GetArrayItem(list, 0);
    if (count > 0) {
        assert_string_equal(word(first, "device"), "meter-1");
        assert_string_equal(word(first, "kind"), kind);
        assert_string_equal(word(first, "level"), level);
        assert_string_equal(word(first, "stage"), stage);
        assert_true(word(first, "detail")[0] != '\0' && word(first, "since")[0] != '\0');
    }
    cJSON_Delete(whole);
    return count;
}

static void asked(struct diary *d, const char *command, const char *error)
{
    cJSON *whole;
    const char *code = word(answer_to(d, command, &whole), "errorCode");

    assert_string_equal(code, error);
    cJSON_Delete(whole);
}

/* It never answers: every step of the ladder, and every threshold, once. */
static void who_never_answers_is_called_by_all_means(void **state)
{
    static const char *const before[] = { NULL };
    static const char *const first[] = { "97 wake 1", "96 wake 2", "94 wake 3", NULL };
    static const char *const then[] = { "93 unanswered", "90 wake 4", "90 expiring notice 90d", NULL };
    static const char *const field[] = { "82 wake 5",  "68 wake 6", "60 expiring notice 60d", "60 expiring field",
                                         "54 wake 7", NULL };
    static const char *const last[] = { "40 wake 8",
                                        "30 expiring warning 30d",
                                        "26 wake 9",
                                        "14 expiring warning 14d",
                                        "12 wake 10",
                                        "7 expiring critical 7d",
                                        "1 expiring critical 1d",
                                        "0 expired",
                                        NULL };
    struct diary *d = *state;

    scene_leave(d->scene);
    live_to(d, 100);
    expect(d, before);
    assert_int_equal(alerts(d, "", "", "", ""), 0);
    live_until(d, d->not_after - 93 * DAY_S - 7200);
    expect(d, first);
    assert_int_equal(alerts(d, "", "expiring", "none", "wake"), 1);
    live_until(d, d->not_after - 89 * DAY_S);
    expect(d, then);
    assert_int_equal(alerts(d, ",\"level\":\"notice\"", "expiring", "notice", "wake"), 1);
    assert_int_equal(alerts(d, ",\"level\":\"field\"", "", "", ""), 0);
    live_until(d, d->not_after - 53 * DAY_S);
    expect(d, field);
    assert_int_equal(alerts(d, ",\"level\":\"field\"", "expiring", "notice", "field"), 1);
    assert_int_equal(alerts(d, ",\"level\":\"warning\"", "", "", ""), 0);
    live_until(d, d->not_after + DAY_S);
    expect(d, last);
    assert_int_equal(alerts(d, "", "expired", "critical", "field"), 1);
    live_until(d, d->not_after + 20 * DAY_S);
    expect(d, before);
    assert_int_equal(alerts(d, "", "expired", "critical", "field"), 1);
}

/* It answers late: its alert is over when the new certificate has been seen, and not before. */
static void who_answers_late_is_cleared(void **state)
{
    static const char *const raised[] = { "97 wake 1", "96 wake 2", "94 wake 3", "93 unanswered", "90 wake 4",
                                          "90 expiring notice 90d", NULL };
    static const char *const nothing[] = { NULL };
    static const char *const cleared[] = { "88 cleared", NULL };
    struct diary *d = *state;
    struct scene *s = d->scene;
    struct cr_blob fresh = { NULL, 0 };
    struct cr_bytes leaf;

    scene_leave(s);
    live_to(d, 89);
    expect(d, raised);
    asked(d, "\"command\":\"acknowledgeAlert\",\"device\":\"meter-1\"", "");
    assert_int_equal(alerts(d, ",\"acknowledged\":false", "", "", ""), 0);
    assert_int_equal(alerts(d, ",\"acknowledged\":true", "expiring", "notice", "wake"), 1);
    reconnect(s, cr_blob_view(&d->cert));
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    leaf = leaf_of(take_certificate(s));
    assert_int_equal(cr_blob_copy(&fresh, leaf.data, leaf.len), CR_OK);
    live_until(d, s->rig.clock.wall_s + 3600);
    expect(d, nothing);
    assert_int_equal(alerts(d, "", "expiring", "notice", "trigger"), 1); /* it is called by MQTT again */
    live_to(d, 88);
    reconnect(s, cr_blob_view(&fresh));
    note(d, "alert");
    expect(d, cleared);
    assert_int_equal(alerts(d, "", "", "", ""), 0);
    asked(d, "\"command\":\"acknowledgeAlert\",\"device\":\"meter-1\"", "unknown-alert");
    assert_int_equal(scene_slot(s)->alert.since, 0);
    live_until(d, s->rig.clock.wall_s + 30 * DAY_S);
    expect(d, nothing);
    cr_blob_fini(&fresh);
}

/* A renewal that is done at once is nobody's alert, whatever was passed when it began. */
static void who_answers_at_once_is_no_alert(void **state)
{
    static const char *const nothing[] = { NULL };
    struct diary *d = *state;
    struct scene *s = d->scene;
    struct cr_blob fresh = { NULL, 0 };
    struct cr_bytes leaf;

    scene_leave(s);
    flow_rig_pass(&s->rig, d->not_after - 20 * DAY_S - s->rig.clock.wall_s); /* nobody was here meanwhile */
    reconnect(s, cr_blob_view(&d->cert));
    assert_non_null(fake_host_take(&s->rig.host, "meter-1", "/renew"));
    live_until(d, s->rig.clock.wall_s + 2 * 3600);
    expect(d, nothing);
    (void)fake_host_take(&s->rig.host, "meter-1", "/renew");
    rig_publish(&s->rig, s->client, CSR_TOPIC, cr_blob_view(&s->csr));
    leaf = leaf_of(take_certificate(s));
    assert_int_equal(cr_blob_copy(&fresh, leaf.data, leaf.len), CR_OK);
    reconnect(s, cr_blob_view(&fresh));
    live_until(d, s->rig.clock.wall_s + 30 * DAY_S);
    expect(d, nothing);
    cr_blob_fini(&fresh);
}

/* On hold it is neither called nor an alert; released it is again, and what was told is not told again. */
static void who_is_on_hold_is_no_alert(void **state)
{
    static const char *const raised[] = { "97 wake 1", "96 wake 2", "94 wake 3", "93 unanswered", "90 wake 4",
                                          "90 expiring notice 90d", NULL };
    static const char *const nothing[] = { NULL };
    static const char *const released[] = { "50 wake 5", "50 expiring notice 60d", "50 expiring field", NULL };
    struct diary *d = *state;

    scene_leave(d->scene);
    live_to(d, 89);
    expect(d, raised);
    asked(d, "\"command\":\"holdDevice\",\"device\":\"meter-1\",\"reason\":\"stolen\"", "");
    assert_int_equal(alerts(d, "", "", "", ""), 0);
    asked(d, "\"command\":\"acknowledgeAlert\",\"device\":\"meter-1\"", "unknown-alert");
    live_to(d, 50);
    expect(d, nothing);
    asked(d, "\"command\":\"releaseDevice\",\"device\":\"meter-1\"", "");
    live_until(d, d->not_after - 50 * DAY_S + 3600);
    for (unsigned i = 0; i < d->count; i++) { /* an hour later at most */
        if (strncmp(d->line[i], "50 ", 3) != 0) {
            fail_msg("%s", d->line[i]);
        }
    }
    expect(d, released);
    assert_int_equal(alerts(d, "", "expiring", "notice", "field"), 1);
}

/* More wakes than a gateway can take wait for their turn; none is lost. More alerts than an operator can read are in
 * listAlerts and in the audit log. */
static void many_at_once_are_told_in_turn(void **state)
{
    enum { DEVICES = 300, WAKES_A_SECOND = 100, ALERTS_A_MINUTE = 60 };
    struct diary *d = *state;
    struct scene *s = d->scene;
    unsigned wakes = 0, told = 0, before;

    scene_leave(s);
    for (unsigned i = 0; i < DEVICES; i++) {
        struct cr_job *job;

        assert_int_equal(cr_job_new(&job, CR_OP_PRESENT, s->rig.setup), CR_OK);
        job->now_s = s->rig.clock.wall_s;
        job->profile = cr_config_slot(&s->rig.setup->config, "operational");
        (void)snprintf(job->device, sizeof job->device, "asleep-%u", i);
        (void)snprintf(job->slot, sizeof job->slot, "operational");
        job->presented = (struct cr_cert_facts){ .not_before = job->now_s - 100 * DAY_S,
                                                 .not_after = job->now_s + 5 * DAY_S };
        job->presented.serial = (struct cr_serial){ .len = 3, .octets = { 1, (uint8_t)(i >> 8), (uint8_t)i } };
        (void)memcpy(job->presented.key_hash, &i, sizeof i);
        job->presented.key_hash[9] = 0x77;
        job->appeared = job->may_begin = true;
        fake_ledger_present(fake_store_ledger(s->rig.store), job);
        assert_true(job->triggered);
        cr_job_free(job);
    }
    flow_rig_pass(&s->rig, 4 * DAY_S);
    for (unsigned i = 0; i < 400; i++) {
        flow_rig_pass(&s->rig, i % 4 == 3);
        s->rig.clock.mono_ms += i % 4 == 3 ? -750 : 250;
        before = wakes;
        for (unsigned k = 0; k < 2; k++) {
            flow_rig_pump(&s->rig);
        }
        while (fake_host_take(&s->rig.host, NULL, "/event/wake") != NULL) {
            wakes++;
        }
        while (fake_host_take(&s->rig.host, NULL, "/event/alert") != NULL) {
            told++;
        }
        assert_true(wakes - before <= WAKES_A_SECOND + WAKES_A_SECOND / 4 + 1);
    }
    assert_int_equal(wakes, DEVICES);
    assert_in_range(told, ALERTS_A_MINUTE, 3 * ALERTS_A_MINUTE);
    assert_true(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "alert", NULL) >= DEVICES);
    assert_int_equal(fake_ledger_audit_count(fake_store_ledger(s->rig.store), "wake", NULL), DEVICES);
}

static void wrong_fields_are_told(void **state)
{
    struct diary *d = *state;

    asked(d, "\"command\":\"listAlerts\",\"level\":\"loud\"", "malformed-json");
    asked(d, "\"command\":\"listAlerts\",\"acknowledged\":1", "malformed-json");
    asked(d, "\"command\":\"listAlerts\",\"limit\":0", "malformed-json");
    asked(d, "\"command\":\"listAlerts\",\"cursor\":\"../..\"", "unknown-cursor");
    asked(d, "\"command\":\"listAlerts\",\"slot\":\"nothing\"", "unknown-slot");
    asked(d, "\"command\":\"listAlerts\",\"device\":\"meter-1\"", "malformed-json");
    asked(d, "\"command\":\"acknowledgeAlert\"", "malformed-json");
    asked(d, "\"command\":\"acknowledgeAlert\",\"device\":\"*\"", "malformed-json");
    asked(d, "\"command\":\"acknowledgeAlert\",\"device\":\"meter-2\"", "unknown-device");
    asked(d, "\"command\":\"acknowledgeAlert\",\"device\":\"meter-1\"", "unknown-alert");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_never_answers_is_called_by_all_means, start, finish),
        cmocka_unit_test_setup_teardown(who_answers_late_is_cleared, start, finish),
        cmocka_unit_test_setup_teardown(who_answers_at_once_is_no_alert, start, finish),
        cmocka_unit_test_setup_teardown(who_is_on_hold_is_no_alert, start, finish),
        cmocka_unit_test_setup_teardown(many_at_once_are_told_in_turn, start, finish),
        cmocka_unit_test_setup_teardown(wrong_fields_are_told, start, finish),
    };

    return cmocka_run_group_tests_name("alerts", tests, NULL, NULL);
}
