#include "tests/contract/campaign_scene.h"

#include "plugin/store/records_campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char campaign_slot[] = "operational";

struct cr_campaign campaign_full(const struct rig *rig)
{
    struct cr_campaign campaign = {
        .name = "Spring \"rotation\", part 1",
        .by = "operator:alice",
        .reason = CR_RENEW_CA_ROTATION,
        .created = rig->now_s,
        .start = rig->now_s + 60,
        .deadline = rig->now_s + 30 * RIG_DAY_S,
        .rate_per_s = 25,
        .filter = { .state = CR_FILTER_QUIET,
                    .slot = "operational",
                    .issuer = "00000000000000ca",
                    .tag = "north",
                    .prefix = "meter-",
                    .campaign = "0badcafe",
                    .expires_within_s = 30 * RIG_DAY_S,
                    .not_seen_for_s = RIG_DAY_S,
                    .level = CR_LEVEL_FIELD,
                    .acknowledged = -1 },
        .group_count = 3,
        .group = { { .name = "lab", .share = CR_SHARE_ALL, .tag = "lab", .success_permille = 1000 },
                   { .name = "canary", .share = 25000, .success_permille = 950, .error_permille = 50, .total = 12 },
                   { .name = "rest", .share = CR_SHARE_ALL, .error_permille = 100, .total = 400, .forgiven = 3 } },
        .state = CR_CAMPAIGN_RUNNING,
        .before_pause = CR_CAMPAIGN_WAITING,
        .pause = CR_PAUSE_DEADLINE,
        .at = 1,
        .walked = true,
        .cursor = "2:1800000000:meter-17/operational",
        .runner = "broker-1",
        .runner_until = rig->now_s + 15,
    };
    return campaign;
}

static void expect_group(const struct cr_campaign_group *group, const struct cr_campaign_group *expected)
{
    assert_string_equal(group->name, expected->name);
    assert_string_equal(group->tag, expected->tag);
    assert_int_equal(group->share, expected->share);
    assert_int_equal(group->success_permille, expected->success_permille);
    assert_int_equal(group->error_permille, expected->error_permille);
    assert_int_equal(group->total, expected->total);
    assert_int_equal(group->forgiven, expected->forgiven);
}

static void expect_filter(const struct cr_filter *filter, const struct cr_filter *expected)
{
    assert_int_equal(filter->state, expected->state);
    assert_string_equal(filter->slot, expected->slot);
    assert_string_equal(filter->issuer, expected->issuer);
    assert_string_equal(filter->tag, expected->tag);
    assert_string_equal(filter->prefix, expected->prefix);
    assert_string_equal(filter->campaign, expected->campaign);
    assert_int_equal(filter->expires_within_s, expected->expires_within_s);
    assert_int_equal(filter->not_seen_for_s, expected->not_seen_for_s);
    assert_int_equal(filter->level, expected->level);
    assert_int_equal(filter->acknowledged, expected->acknowledged);
}

void campaign_expect(const struct cr_campaign *campaign, const struct cr_campaign *expected)
{
    assert_string_equal(campaign->name, expected->name);
    assert_string_equal(campaign->by, expected->by);
    assert_int_equal(campaign->reason, expected->reason);
    assert_int_equal(campaign->created, expected->created);
    assert_int_equal(campaign->start, expected->start);
    assert_int_equal(campaign->deadline, expected->deadline);
    assert_int_equal(campaign->rate_per_s, expected->rate_per_s);
    expect_filter(&campaign->filter, &expected->filter);
    assert_int_equal(campaign->group_count, expected->group_count);
    for (unsigned i = 0; i < CR_CAMPAIGN_GROUPS; i++) {
        expect_group(&campaign->group[i], &expected->group[i]);
    }
    assert_int_equal(campaign->state, expected->state);
    assert_int_equal(campaign->before_pause, expected->before_pause);
    assert_int_equal(campaign->pause, expected->pause);
    assert_int_equal(campaign->at, expected->at);
    assert_int_equal(campaign->walked, expected->walked);
    assert_string_equal(campaign->cursor, expected->cursor);
    assert_string_equal(campaign->runner, expected->runner);
    assert_int_equal(campaign->runner_until, expected->runner_until);
}

struct cr_job *campaign_job(struct rig_broker *broker, enum cr_campaign_verb verb, const char *id,
                            const struct cr_campaign *campaign)
{
    struct cr_job *job = rig_job(broker, CR_OP_CAMPAIGN, "", "");
    (void)snprintf(job->who, sizeof job->who, "operator:alice");
    job->campaigns = calloc(1, sizeof *job->campaigns);
    assert_non_null(job->campaigns);
    job->campaigns->verb = verb;
    (void)snprintf(job->campaigns->id, sizeof job->campaigns->id, "%s", id);
    if (campaign != NULL) {
        job->campaigns->campaign = malloc(sizeof *campaign);
        assert_non_null(job->campaigns->campaign);
        *job->campaigns->campaign = *campaign;
        job->campaigns->count = 1;
    }
    return job;
}

static struct cr_campaign run(struct rig_broker *broker, struct cr_job *job)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_int_equal(job->stage, CR_STAGE_DONE);
    assert_int_equal(job->campaigns->count, 1);
    struct cr_campaign campaign = *job->campaigns->campaign;
    cr_job_free(job);
    return campaign;
}

struct cr_campaign campaign_created(struct rig_broker *broker, const struct cr_campaign *campaign)
{
    struct cr_campaign made = run(broker, campaign_job(broker, CR_CAMPAIGN_CREATE, "", campaign));
    assert_true(cr_campaign_id_ok(made.id));
    assert_int_equal(made.version, 1);
    return made;
}

struct cr_campaign campaign_known(struct rig_broker *broker, const char *id)
{
    struct cr_campaign campaign = run(broker, campaign_job(broker, CR_CAMPAIGN_READ, id, NULL));
    assert_string_equal(campaign.id, id);
    return campaign;
}

void campaign_written(struct rig_broker *broker, struct cr_campaign *campaign)
{
    *campaign = run(broker, campaign_job(broker, CR_CAMPAIGN_WRITE, "", campaign));
}

void campaign_refused(struct rig_broker *broker, struct cr_job *job, enum cr_refusal refusal)
{
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, refusal);
    cr_job_free(job);
}

/* Without the counts all else is the same. */
static void campaign_expect_same_uncounted(struct rig_broker *broker, const struct cr_campaign *campaign)
{
    struct cr_job *job = campaign_job(broker, CR_CAMPAIGN_READ, campaign->id, NULL);
    job->campaigns->uncounted = true;
    struct cr_campaign uncounted = run(broker, job);
    for (unsigned i = 0; i < CR_CAMPAIGN_GROUPS; i++) {
        for (const char *letter = "arfucs"; *letter != '\0'; letter++) {
            assert_int_equal(*cr_campaign_count(&uncounted.group[i].counts, *letter), 0);
        }
    }
    assert_int_equal(uncounted.version, campaign->version);
    assert_int_equal(uncounted.state, campaign->state);
    assert_string_equal(uncounted.cursor, campaign->cursor);
}

void campaign_expect_counts(struct rig_broker *broker, const char *id, unsigned group, const char *expected)
{
    struct cr_campaign campaign = campaign_known(broker, id);
    char text[100] = "";
    for (const char *letter = "arfucs"; *letter != '\0'; letter++) {
        unsigned count = *cr_campaign_count(&campaign.group[group].counts, *letter);
        size_t len = strlen(text);
        if (count > 0) {
            (void)snprintf(text + len, sizeof text - len, "%s%c%u", len > 0 ? " " : "", *letter, count);
        }
    }
    assert_string_equal(text, expected);
    campaign_expect_same_uncounted(broker, &campaign);
}

/* ---- members ---- */

struct cr_cert_facts campaign_device(struct rig_broker *broker, const char *device, unsigned key)
{
    const struct rig *rig = broker->rig;
    struct cr_cert_facts facts = rig_cert(device, key, key, rig->now_s - 10 * RIG_DAY_S, rig->now_s + 900 * RIG_DAY_S);
    (void)rig_present(broker, campaign_slot, &facts);
    return facts;
}

struct cr_job *campaign_asks(struct rig_broker *broker, const char *device, const char *id, unsigned group)
{
    struct cr_job *job = rig_job_trigger(broker, device, campaign_slot);
    job->reason = CR_RENEW_CAMPAIGN;
    (void)snprintf(job->campaign.id, sizeof job->campaign.id, "%s", id);
    job->campaign.group = group;
    return rig_run(broker, job);
}

struct cr_slot_record campaign_asked(struct rig_broker *broker, const char *device, const char *id, unsigned group)
{
    struct cr_job *job = campaign_asks(broker, device, id, group);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    struct cr_slot_record slot = job->record->slot[0];
    slot.certificate = (struct cr_blob){ NULL, 0 };
    cr_job_free(job);
    assert_string_equal(slot.campaign.id, id);
    return slot;
}

struct cr_cert_facts campaign_issued(struct rig_broker *broker, const char *device, unsigned key)
{
    struct cr_job *job = rig_issue(broker, device, campaign_slot, key);
    assert_int_equal(job->outcome, CR_OUT_CERTIFICATE);
    struct cr_cert_facts facts = rig_cert_of(job);
    cr_job_free(job);
    return facts;
}

void campaign_renewed(struct rig_broker *broker, const char *device, unsigned key)
{
    struct cr_cert_facts facts = campaign_issued(broker, device, key);
    assert_true(rig_present(broker, campaign_slot, &facts));
}

void campaign_failed(struct rig_broker *broker, const char *device)
{
    struct cr_slot_record slot = rig_slot(broker, device, campaign_slot);
    struct cr_job *job =
        rig_run(broker, rig_job_report(broker, device, campaign_slot, slot.renewal_id, CR_REPORT_FAILED));
    assert_int_equal(job->outcome, CR_OUT_DONE);
    cr_job_free(job);
}
