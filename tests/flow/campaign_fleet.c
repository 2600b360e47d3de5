#include "tests/flow/campaign_fleet.h"

#include "common/topic.h"
#include "tests/support/fake_inside.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY_S = 86400 };

static const char config[] = "admin_identity boss\nviewer_username watcher\ntrigger_rate 1000\n";

/* ---- brokers ---- */

void fleet_broker(struct fleet *f, unsigned broker, const char *extra)
{
    struct flow_rig *rig = &f->rig[broker];
    struct rig_key key;
    char text[512];

    snprintf(text, sizeof text, "%s%s", config, extra);
    flow_rig_start_on(rig, text, broker == 0 ? "first" : "second", f->ledger);
    rig->clock.wall_s = f->now_s;
    rig_key_make(&key);
    f->boss_cert[broker] = rig_certify(rig, &key, "boss", 90 * DAY_S);
    rig_key_free(&key);
    f->boss[broker] = fake_host_connect(&rig->host, "c-boss", cr_blob_view(&f->boss_cert[broker]), 5);
    f->viewer[broker] = fake_host_connect(&rig->host, "c-watcher", (struct cr_bytes){ NULL, 0 }, 4);
    ((struct fake_client *)f->viewer[broker]->handle)->client.username = "watcher";
    f->runs[broker] = true;
}

void fleet_kill(struct fleet *f, unsigned broker)
{
    flow_rig_stop(&f->rig[broker]);
    cr_blob_fini(&f->boss_cert[broker]);
    f->runs[broker] = false;
}

int fleet_start(void **state)
{
    struct fleet *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_int_equal(fake_ledger_new(&f->ledger), CR_OK);
    f->now_s = RIG_START_S;
    fleet_broker(f, 0, "");
    *state = f;
    return 0;
}

int fleet_stop(void **state)
{
    struct fleet *f = *state;

    for (unsigned i = 0; i < FLEET_BROKERS; i++) {
        if (f->runs[i]) {
            fleet_kill(f, i);
        }
    }
    fake_ledger_free(f->ledger);
    cJSON_Delete(f->reply);
    free(f);
    return 0;
}

void fleet_live(struct fleet *f, int64_t seconds)
{
    for (; seconds > 0; seconds--) {
        f->now_s++;
        for (unsigned i = 0; i < FLEET_BROKERS; i++) {
            if (f->runs[i]) {
                flow_rig_pass(&f->rig[i], 1);
                flow_rig_pump(&f->rig[i]);
                flow_rig_pump(&f->rig[i]); /* what the last tick began by itself */
            }
        }
    }
}

/* ---- devices ---- */

static const struct flow_rig *some_rig(const struct fleet *f)
{
    return &f->rig[f->runs[0] ? 0 : 1];
}

static struct cr_job *device_job(struct fleet *f, enum cr_op op, unsigned device)
{
    struct cr_job *job;

    assert_int_equal(cr_job_new(&job, op, some_rig(f)->setup), CR_OK);
    snprintf(job->device, sizeof job->device, "d%u", device);
    snprintf(job->slot, sizeof job->slot, "operational");
    job->profile = cr_config_slot(&job->setup->config, job->slot);
    job->now_s = f->now_s;
    return job;
}

static void serial_of(struct cr_serial *serial, unsigned device, unsigned generation)
{
    *serial = (struct cr_serial){ .len = 4,
                                  .octets = { 1, (uint8_t)generation, (uint8_t)(device >> 8), (uint8_t)device } };
}

static void present(struct fleet *f, unsigned device, unsigned generation, int64_t not_before)
{
    struct cr_job *job = device_job(f, CR_OP_PRESENT, device);
    unsigned key[2] = { device, generation };

    serial_of(&job->presented.serial, device, generation);
    assert_int_equal(cr_sha256(job->presented.key_hash, key, sizeof key), CR_OK);
    job->presented.not_before = not_before;
    job->presented.not_after = not_before + 90 * DAY_S;
    job->appeared = true;
    fake_ledger_present(f->ledger, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
}

void fleet_add(struct fleet *f, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        present(f, f->count++, 0, f->now_s - DAY_S);
    }
    assert_true(f->count <= FLEET_MAX);
}

const struct cr_slot_record *fleet_slot(struct fleet *f, unsigned device)
{
    char name[16];

    snprintf(name, sizeof name, "d%u", device);
    return fake_ledger_slot(f->ledger, name, "operational");
}

void fleet_renew(struct fleet *f, unsigned device)
{
    unsigned generation = (unsigned)fleet_slot(f, device)->generation + 1, key[2] = { device, generation };
    struct fake_owner owner = { "first", 1 };
    struct cr_job *job = device_job(f, CR_OP_CSR, device);

    serial_of(&job->intent.serial, device, generation);
    job->intent.not_before = f->now_s;
    job->intent.not_after = f->now_s + 90 * DAY_S;
    assert_int_equal(cr_sha256(job->csr.key_hash, key, sizeof key), CR_OK);
    assert_int_equal(cr_blob_copy(&job->certificate, "x", 1), CR_OK);
    fake_ledger_begin(f->ledger, job, &owner);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    assert_true(fake_ledger_record(f->ledger, job));
    cr_job_free(job);
    present(f, device, generation, f->now_s);
    assert_int_equal(fleet_slot(f, device)->generation, generation);
}

void fleet_fail(struct fleet *f, unsigned device)
{
    struct cr_job *job = device_job(f, CR_OP_REPORT, device);

    job->report.outcome = CR_REPORT_FAILED;
    snprintf(job->report.renewal_id, sizeof job->report.renewal_id, "%s", fleet_slot(f, device)->renewal_id);
    fake_ledger_report(f->ledger, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    cr_job_free(job);
}

unsigned fleet_renew_all(struct fleet *f)
{
    unsigned done = 0;

    for (unsigned i = 0; i < f->count; i++) {
        if (fleet_slot(f, i)->state == CR_STATE_TRIGGERED) {
            fleet_renew(f, i);
            done++;
        }
    }
    return done;
}

unsigned fleet_members(struct fleet *f, unsigned group)
{
    unsigned count = 0;

    for (unsigned i = 0; i < f->count; i++) {
        const struct cr_slot_record *slot = fleet_slot(f, i);

        count += slot->campaign.id[0] != '\0' && slot->campaign.group == group;
    }
    return count;
}

unsigned fleet_triggers(struct fleet *f)
{
    unsigned count = 0;
    char name[16];

    for (unsigned i = 0; i < f->count; i++) {
        unsigned triggers;

        snprintf(name, sizeof name, "d%u", i);
        triggers = fake_ledger_audit_count(f->ledger, "triggered", name);
        assert_in_range(triggers, 0, 1);
        count += triggers;
    }
    return count;
}

/* ---- commands ---- */

static const cJSON *response(struct fleet *f, unsigned broker, const struct cr_client *client, const char *fields)
{
    char text[2048];

    snprintf(text, sizeof text, "{\"commands\":[{%s}]}", fields);
    cJSON_Delete(f->reply);
    f->reply = cJSON_Parse(rig_command(&f->rig[broker], client, text));
    return cJSON_GetArrayItem(cJSON_GetObjectItem(f->reply, "responses"), 0);
}

const cJSON *fleet_command(struct fleet *f, unsigned broker, const char *fields)
{
    const cJSON *answer = response(f, broker, f->boss[broker], fields);
    const cJSON *data = cJSON_GetObjectItem(answer, "data");

    if (data == NULL) {
        fail_msg("%s: %s", fields, cJSON_GetStringValue(cJSON_GetObjectItem(answer, "error")));
    }
    return data;
}

bool fleet_tried(struct fleet *f, unsigned broker, const char *fields)
{
    return cJSON_GetObjectItem(response(f, broker, f->boss[broker], fields), "data") != NULL;
}

void fleet_refused(struct fleet *f, const char *fields, const char *code, const char *sentence)
{
    const cJSON *answer = response(f, 0, f->boss[0], fields);
    const char *error = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "error"));

    if (error == NULL) {
        fail_msg("%s was not refused", fields);
        return;
    }
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(answer, "errorCode")), code);
    if (strstr(error, sentence) == NULL) {
        fail_msg("%s: expected %s in %s", fields, sentence, error);
    }
}

const char *fleet_create(struct fleet *f, char id[CR_CAMPAIGN_ID_CAP], const char *fields)
{
    char text[1024];
    const cJSON *data;

    snprintf(text, sizeof text, "\"command\":\"createCampaign\"%s%s", fields[0] != '\0' ? "," : "", fields);
    data = fleet_command(f, 0, text);
    assert_int_equal(cr_text_copy(id, CR_CAMPAIGN_ID_CAP, cJSON_GetStringValue(cJSON_GetObjectItem(data, "campaign"))),
                     CR_OK);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(data, "state")), "counting");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(data, "createdBy")), "boss");
    return id;
}

const cJSON *fleet_campaign(struct fleet *f, const char *id)
{
    unsigned broker = f->runs[0] ? 0 : 1;
    char text[128];
    const cJSON *answer;

    snprintf(text, sizeof text, "\"command\":\"getCampaign\",\"campaign\":\"%s\"", id);
    answer = response(f, broker, f->viewer[broker], text);
    assert_non_null(cJSON_GetObjectItem(answer, "data"));
    return cJSON_GetObjectItem(answer, "data");
}

const char *fleet_state(struct fleet *f, const char *id)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(fleet_campaign(f, id), "state"));
}

int fleet_number(struct fleet *f, const char *id, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(fleet_campaign(f, id), name);

    assert_true(cJSON_IsNumber(item));
    return (int)item->valuedouble;
}

static void ledger_campaign(struct fleet *f, const char *id, enum cr_campaign_verb verb)
{
    struct cr_job *job;

    assert_int_equal(cr_job_new(&job, CR_OP_CAMPAIGN, some_rig(f)->setup), CR_OK);
    job->campaigns = calloc(1, sizeof *job->campaigns);
    assert_non_null(job->campaigns);
    job->campaigns->verb = verb;
    snprintf(job->campaigns->id, sizeof job->campaigns->id, "%s", id);
    if (verb == CR_CAMPAIGN_WRITE) {
        job->campaigns->campaign = calloc(1, sizeof f->campaign);
        assert_non_null(job->campaigns->campaign);
        job->campaigns->campaign[0] = f->campaign;
        job->campaigns->count = 1;
    }
    fake_campaign(f->ledger, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    f->campaign = job->campaigns->campaign[0];
    cr_job_free(job);
}

const struct cr_campaign *fleet_ledger_campaign(struct fleet *f, const char *id)
{
    ledger_campaign(f, id, CR_CAMPAIGN_READ);
    return &f->campaign;
}

void fleet_touch(struct fleet *f, const char *id)
{
    ledger_campaign(f, id, CR_CAMPAIGN_READ);
    ledger_campaign(f, id, CR_CAMPAIGN_WRITE);
}

const char *fleet_event(struct fleet *f, unsigned broker)
{
    const struct fake_publication *event =
        fake_host_take(&f->rig[broker].host, NULL, CR_TOPIC_CONTROL_EVENT "/campaign");

    return event != NULL ? (const char *)event->payload.data : "";
}

void fleet_expect_event(struct fleet *f, unsigned broker, const char *event)
{
    char field[64];
    const char *text = fleet_event(f, broker);

    snprintf(field, sizeof field, "\"event\":\"%s\"", event);
    if (strstr(text, field) == NULL) {
        fail_msg("expected %s, got %s", event, text);
    }
}

void fleet_steer(struct fleet *f, unsigned broker, const char *verb, const char *id)
{
    char text[128];

    snprintf(text, sizeof text, "\"command\":\"%sCampaign\",\"campaign\":\"%s\"", verb, id);
    (void)fleet_command(f, broker, text);
}
