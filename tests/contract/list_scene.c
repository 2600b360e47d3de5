#include "tests/contract/list_scene.h"

#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char fleet_slot[] = "operational";

void fleet_name(char name[CR_NAME_CAP], unsigned number)
{
    snprintf(name, CR_NAME_CAP, "meter-%03u", number);
}

struct cr_cert_facts fleet_known(struct rig_broker *broker, unsigned number, int64_t not_after)
{
    char name[CR_NAME_CAP];
    fleet_name(name, number);
    struct cr_cert_facts facts = rig_cert(name, number + 1, number + 1, broker->rig->now_s - RIG_DAY_S, not_after);
    (void)rig_present(broker, fleet_slot, &facts);
    return facts;
}

/* A certificate that begins later and ends later replaces it. */
void fleet_renewed(struct rig_broker *broker, unsigned number, int64_t not_after)
{
    char name[CR_NAME_CAP];
    fleet_name(name, number);
    unsigned serial = 100000 + ++broker->rig->serials;
    struct cr_cert_facts facts = rig_cert(name, serial, serial, broker->rig->now_s, not_after);
    (void)rig_present(broker, fleet_slot, &facts);
    assert_int_equal(rig_slot(broker, name, fleet_slot).current.not_after, not_after);
}

/* Looks at one page; the job is the caller's. */
struct cr_job *fleet_page(struct rig_broker *broker, const struct cr_list *what)
{
    struct cr_job *job = rig_job(broker, CR_OP_LIST, "", "");
    job->list = calloc(1, sizeof *job->list);
    assert_non_null(job->list);
    *job->list = *what;
    return rig_run(broker, job);
}

/* All pages, from the beginning on. */
struct list_seen fleet_walk(struct rig_broker *broker, const struct cr_list *what)
{
    struct list_seen seen = { .rows = 0 };
    struct cr_list next = *what;
    do {
        struct cr_job *job = fleet_page(broker, &next);
        assert_int_equal(job->outcome, CR_OUT_DONE);
        assert_true(job->list->count <= (what->limit > 0 ? what->limit : CR_PAGE_MAX));
        assert_true(job->list->matched >= job->list->count && job->list->looked >= job->list->matched);
        for (unsigned i = 0; i < job->list->count; i++) {
            unsigned number = 0;
            assert_int_equal(sscanf(job->list->row[i].device, "meter-%u", &number), 1);
            assert_true(number < FLEET_MAX);
            seen.times[number]++;
        }
        seen.rows += job->list->count;
        memcpy(next.cursor, job->list->cursor, sizeof next.cursor);
        cr_job_free(job);
        assert_true(++seen.pages < 2000);
    } while (next.cursor[0] != '\0');
    return seen;
}

/* The numbers of the devices that a filter finds, "1 4 7". */
void fleet_finds(struct rig_broker *broker, const struct cr_list *what, const char *expected)
{
    char text[FLEET_MAX * 4] = "";
    struct list_seen seen = fleet_walk(broker, what);
    for (unsigned i = 0; i < FLEET_MAX; i++) {
        assert_true(seen.times[i] <= 1);
        if (seen.times[i] > 0) {
            size_t len = strlen(text);
            snprintf(text + len, sizeof text - len, "%s%u", len > 0 ? " " : "", i);
        }
    }
    assert_string_equal(text, expected);
}

/* ---- what is in a record, for filters that other operations write for ---- */

static struct private_redis *redis_with(struct rig *rig, const struct cr_redis_key *key)
{
    return rig->redis_of != NULL ? rig->redis_of(key->text) : &rig->redis;
}

static void put(struct rig *rig, unsigned number, const char *field, const char *value)
{
    struct cr_device_keys keys;
    char name[CR_NAME_CAP];
    fleet_name(name, number);
    rig_keys(rig, &keys, name, fleet_slot);
    assert_true(private_redis_integer(redis_with(rig, &keys.device), "HSET %s %s %s", keys.device.text, field, value) >= 0);
}

static struct fake_device *fake(struct rig *rig, unsigned number)
{
    char name[CR_NAME_CAP];
    fleet_name(name, number);
    return fake_device_find(rig->ledger, name);
}

void fleet_tag(struct rig *rig, unsigned number, const char *tags)
{
    if (rig->backend == RIG_FAKE) {
        snprintf(fake(rig, number)->tags, CR_TAGS_CAP, "%s", tags);
    } else {
        put(rig, number, "tags", tags);
    }
}

void fleet_hold(struct rig *rig, unsigned number)
{
    char name[CR_NAME_CAP];
    fleet_name(name, number);
    rig_hold(rig, name, fleet_slot, true);
}

void fleet_join(struct rig *rig, unsigned number, const char *campaign)
{
    char text[32];
    snprintf(text, sizeof text, "%s 0 a", campaign);
    if (rig->backend == RIG_FAKE) {
        struct cr_slot_campaign *member = &fake_slot_find(fake(rig, number), fleet_slot)->view.campaign;
        *member = (struct cr_slot_campaign){ .state = 'a' };
        snprintf(member->id, sizeof member->id, "%s", campaign);
    } else {
        put(rig, number, "operational:cmp", text);
    }
}

void fleet_made_by(struct rig *rig, unsigned number, const char *factory)
{
    if (rig->backend == RIG_FAKE) {
        snprintf(fake(rig, number)->factory, CR_FACTORY_ID_CAP, "%s", factory);
    } else {
        put(rig, number, "fac", factory);
    }
}

void fleet_confirmed(struct rig *rig, unsigned number, unsigned version)
{
    char text[12];
    (void)snprintf(text, sizeof text, "%u", version);
    if (rig->backend == RIG_FAKE) {
        fake(rig, number)->trust_version = version;
    } else {
        put(rig, number, "tb", text);
    }
}

void fleet_alert(struct rig_broker *broker, unsigned number, enum cr_alert_level level, enum cr_alert_call stage,
                  bool acknowledged)
{
    struct rig *rig = broker->rig;
    char text[64], name[CR_NAME_CAP];
    int64_t since = rig->now_s - RIG_DAY_S;
    fleet_name(name, number);
    if (rig->backend == RIG_FAKE) {
        struct fake_slot *slot = fake_slot_find(fake(rig, number), fleet_slot);
        struct cr_slot_record *view = &slot->view;
        slot->shown = true;
        view->alert = (struct cr_slot_alert){ .since = since, .level = level, .step = 1, .stage = stage };
        view->alert.acknowledged = acknowledged ? rig->now_s : 0;
        return;
    }
    snprintf(text, sizeof text, "%lld %d 1 %c 0", (long long)since, (int)level, "twf"[stage]);
    put(rig, number, "operational:al", text);
    if (acknowledged) {
        put(rig, number, "operational:ack", "1800000000");
    }
    struct cr_device_keys keys;
    rig_keys(rig, &keys, name, fleet_slot);
    int bucket_len = (int)(strchr(keys.device.text, '}') - keys.device.text) + 1;
    assert_int_equal(private_redis_integer(redis_with(rig, &keys.device), "ZADD %b:alerts %lld %s/%s",
                                           keys.device.text, (size_t)bucket_len,
                                           (long long)rig_slot(broker, name, fleet_slot).current.not_after, name, fleet_slot), 1);
}

void fleet_trigger(struct rig_broker *broker, unsigned number)
{
    char name[CR_NAME_CAP];
    fleet_name(name, number);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, name, fleet_slot)));
}

void fleet_issue(struct rig_broker *broker, unsigned number)
{
    char name[CR_NAME_CAP];
    fleet_name(name, number);
    fleet_trigger(broker, number);
    struct cr_job *job = rig_issue(broker, name, fleet_slot, 5000 + number);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    cr_job_free(job);
}
