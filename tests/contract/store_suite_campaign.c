/* What a store remembers of campaigns, and how it counts their members. */
#include "tests/contract/store_suite.h"

#include "tests/contract/campaign_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char one[] = "meter-1", two[] = "meter-2", other[] = "fedcba98";

/* ---- campaigns ---- */

void store_campaign_survives_a_round_trip(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one"), *elsewhere = rig_open(rig, "two");
    struct cr_campaign full = campaign_full(rig);
    struct cr_campaign made = campaign_created(broker, &full);
    campaign_expect(&made, &full);
    struct cr_campaign read = campaign_known(elsewhere, made.id);
    campaign_expect(&read, &full);
    assert_int_equal(read.version, 1);

    struct cr_campaign least = { .created = rig->now_s, .group_count = 1, .filter = { .acknowledged = 1 } };
    least.group[0].share = CR_SHARE_ALL;
    made = campaign_created(broker, &least);
    read = campaign_known(elsewhere, made.id);
    campaign_expect(&read, &least);

    /* all that changes, changed; and then as if it had never been */
    for (unsigned i = 0; i < 2; i++) {
        struct cr_campaign next = i == 0 ? full : least;
        next.at = 0;
        memcpy(next.id, made.id, sizeof next.id);
        next.version = read.version;
        struct cr_campaign written = next;
        campaign_written(elsewhere, &written);
        assert_int_equal(written.version, read.version + 1);
        read = campaign_known(broker, made.id);
        campaign_expect(&read, &next);
        assert_int_equal(read.version, written.version);
    }
}

void store_campaign_is_written_by_one_at_a_time(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one"), *elsewhere = rig_open(rig, "two");
    struct cr_campaign full = campaign_full(rig);
    struct cr_campaign made = campaign_created(broker, &full);
    struct cr_campaign here = campaign_known(broker, made.id), there = campaign_known(elsewhere, made.id);
    snprintf(here.runner, sizeof here.runner, "one");
    snprintf(there.runner, sizeof there.runner, "two");
    campaign_written(broker, &here);
    campaign_refused(elsewhere, campaign_job(elsewhere, CR_CAMPAIGN_WRITE, "", &there), CR_REFUSAL_WRONG_STATE);
    there = campaign_known(elsewhere, made.id);
    assert_string_equal(there.runner, "one");
    snprintf(there.runner, sizeof there.runner, "two");
    campaign_written(elsewhere, &there);
    campaign_refused(broker, campaign_job(broker, CR_CAMPAIGN_WRITE, "", &here), CR_REFUSAL_WRONG_STATE);
    assert_string_equal(campaign_known(broker, made.id).runner, "two");
}

void store_campaign_must_be_known(void **state)
{
    static const char *const ids[] = { "fedcba98", "../x", "*", "FEDCBA98", "damaged:", "1", "{b00}:de" };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_campaign full = campaign_full(rig);
    (void)campaign_created(broker, &full);
    for (unsigned i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        campaign_refused(broker, campaign_job(broker, CR_CAMPAIGN_READ, ids[i], NULL), CR_REFUSAL_UNKNOWN_CAMPAIGN);
        snprintf(full.id, sizeof full.id, "%s", ids[i]);
        full.version = 1;
        campaign_refused(broker, campaign_job(broker, CR_CAMPAIGN_WRITE, "", &full), CR_REFUSAL_UNKNOWN_CAMPAIGN);
    }
}

static struct cr_job *all(struct rig_broker *broker)
{
    struct cr_job *job = rig_run(broker, campaign_job(broker, CR_CAMPAIGN_READ, "", NULL));
    assert_int_equal(job->outcome, CR_OUT_DONE);
    return job;
}

void store_campaigns_are_listed_newest_first(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_job *job = all(broker);
    assert_int_equal(job->campaigns->count, 0);
    cr_job_free(job);
    struct cr_campaign full = campaign_full(rig);
    char id[3][CR_CAMPAIGN_ID_CAP];
    for (unsigned i = 0; i < 3; i++) {
        full.created++;
        struct cr_campaign made = campaign_created(broker, &full);
        memcpy(id[i], made.id, sizeof id[i]);
        char device[CR_NAME_CAP];
        snprintf(device, sizeof device, "meter-%u", i);
        (void)campaign_device(broker, device, 10 + i);
        (void)campaign_asked(broker, device, made.id, i);
    }
    job = all(broker);
    assert_int_equal(job->campaigns->count, 3);
    for (unsigned i = 0; i < 3; i++) {
        const struct cr_campaign *campaign = &job->campaigns->campaign[2 - i];
        assert_string_equal(campaign->id, id[i]);
        for (unsigned group = 0; group < 3; group++) {
            assert_int_equal(campaign->group[group].counts.asked, group == i);
        }
    }
    cr_job_free(job);
}

void store_campaigns_that_ended_make_room(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_campaign full = campaign_full(rig), ended[2], first = { .at = 0 };
    for (unsigned i = 0; i < CR_CAMPAIGNS_MAX; i++) {
        full.created++;
        struct cr_campaign made = campaign_created(broker, &full);
        first = i == 0 ? made : first;
        if (i == 7 || i == 100) {
            ended[i == 100] = made;
        }
    }
    campaign_refused(broker, campaign_job(broker, CR_CAMPAIGN_CREATE, "", &full), CR_REFUSAL_WRONG_STATE);
    ended[1].state = CR_CAMPAIGN_DONE;
    campaign_written(broker, &ended[1]);
    ended[0].state = CR_CAMPAIGN_ABORTED;
    campaign_written(broker, &ended[0]);
    for (unsigned i = 0; i < 2; i++) { /* the oldest first */
        (void)campaign_known(broker, ended[i].id);
        full.created++;
        struct cr_campaign made = campaign_created(broker, &full);
        campaign_refused(broker, campaign_job(broker, CR_CAMPAIGN_READ, ended[i].id, NULL),
                         CR_REFUSAL_UNKNOWN_CAMPAIGN);
        (void)campaign_known(broker, made.id);
    }
    (void)campaign_known(broker, first.id);
    campaign_refused(broker, campaign_job(broker, CR_CAMPAIGN_CREATE, "", &full), CR_REFUSAL_WRONG_STATE);
    struct cr_job *job = all(broker);
    assert_int_equal(job->campaigns->count, CR_CAMPAIGNS_MAX);
    cr_job_free(job);
}

void store_campaign_is_audited(void **state)
{
    static const struct {
        enum cr_campaign_state state;
        enum cr_campaign_pause pause;
        unsigned at, lines;
    } steps[] = {
        { CR_CAMPAIGN_WAITING, CR_PAUSE_NONE, 0, 0 }, { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 0, 1 },
        { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 0, 0 }, { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 1, 1 },
        { CR_CAMPAIGN_PAUSED, CR_PAUSE_ERRORS, 1, 1 }, { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 1, 1 },
        { CR_CAMPAIGN_ABORTING, CR_PAUSE_NONE, 1, 1 }, { CR_CAMPAIGN_ABORTED, CR_PAUSE_NONE, 1, 1 },
    };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_campaign campaign = campaign_full(rig);
    campaign.state = CR_CAMPAIGN_COUNTING;
    campaign.at = 0;
    campaign = campaign_created(broker, &campaign);
    unsigned lines = 1;
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        rig_expect_audits(rig, "campaign", NULL, lines);
        campaign.state = steps[i].state;
        campaign.pause = steps[i].pause;
        campaign.at = steps[i].at;
        campaign_written(broker, &campaign);
        lines += steps[i].lines;
    }
    rig_expect_audits(rig, "campaign", NULL, lines);
}

/* ---- members ---- */

static struct cr_campaign begun(struct rig_broker *broker)
{
    struct cr_campaign full = campaign_full(broker->rig);
    return campaign_created(broker, &full);
}

void store_campaign_counts_what_becomes_of_its_members(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one"), *elsewhere = rig_open(rig, "two");
    struct cr_campaign campaign = begun(broker);
    (void)campaign_device(broker, one, 1);
    (void)campaign_device(broker, two, 2);
    campaign_expect_counts(broker, campaign.id, 1, "");
    struct cr_slot_record slot = campaign_asked(broker, one, campaign.id, 1);
    assert_int_equal(slot.state, CR_STATE_TRIGGERED);
    assert_int_equal(slot.reason, CR_RENEW_CAMPAIGN);
    assert_int_equal(slot.campaign.group, 1);
    assert_int_equal(slot.campaign.state, 'a');
    (void)campaign_asked(elsewhere, two, campaign.id, 1);
    campaign_expect_counts(broker, campaign.id, 1, "a2");
    campaign_expect_counts(broker, campaign.id, 0, "");
    campaign_renewed(broker, one, 3);
    campaign_expect_counts(elsewhere, campaign.id, 1, "a1 r1");
    assert_int_equal(rig_slot(broker, one, campaign_slot).campaign.state, 'r');

    /* fails, and succeeds later */
    campaign_failed(broker, two);
    campaign_failed(broker, two);
    campaign_expect_counts(broker, campaign.id, 1, "r1 f1");
    campaign_renewed(elsewhere, two, 4);
    campaign_expect_counts(broker, campaign.id, 1, "r2");

    /* what comes later is not the campaign's any more */
    cr_job_free(rig_run(broker, rig_job_trigger(broker, one, campaign_slot)));
    campaign_failed(broker, one);
    campaign_expect_counts(broker, campaign.id, 1, "r2");
    rig->now_s += 7 * RIG_DAY_S;
    cr_job_free(rig_run(broker, rig_job(broker, CR_OP_GET, one, campaign_slot)));
    assert_int_equal(rig_slot(broker, one, campaign_slot).unanswered, 1);
    campaign_expect_counts(broker, campaign.id, 1, "r2");
}

void store_campaign_counts_who_does_not_answer(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_campaign campaign = begun(broker);
    struct cr_cert_facts first = campaign_device(broker, one, 1), second = campaign_device(broker, two, 2);
    (void)campaign_asked(broker, one, campaign.id, 0);
    (void)campaign_asked(broker, two, campaign.id, 0);
    rig->now_s += 7 * RIG_DAY_S;
    cr_job_free(rig_run(broker, rig_job(broker, CR_OP_GET, one, campaign_slot))); /* whoever meets it first */
    campaign_expect_counts(broker, campaign.id, 0, "a1 u1");
    (void)rig_present(broker, campaign_slot, &second); /* ends, and begins anew */
    campaign_expect_counts(broker, campaign.id, 0, "u2");
    assert_int_equal(rig_slot(broker, two, campaign_slot).state, CR_STATE_TRIGGERED);
    campaign_failed(broker, two);
    campaign_expect_counts(broker, campaign.id, 0, "f1 u1");
    rig->now_s += 7 * RIG_DAY_S; /* it has failed; that it is silent now is no more */
    cr_job_free(rig_run(broker, rig_job(broker, CR_OP_GET, two, campaign_slot)));
    campaign_expect_counts(broker, campaign.id, 0, "f1 u1");
    (void)rig_present(broker, campaign_slot, &first);
    campaign_renewed(broker, one, 3);
    campaign_expect_counts(broker, campaign.id, 0, "r1 f1");
}

void store_campaign_passes_over_what_is_on_hold(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_campaign campaign = begun(broker);
    (void)campaign_device(broker, one, 1);
    rig_hold(rig, one, campaign_slot, true);
    for (unsigned i = 0; i < 2; i++) {
        struct cr_job *job = campaign_asks(broker, one, campaign.id, 0);
        assert_int_equal(job->refusal, CR_REFUSAL_ON_HOLD);
        cr_job_free(job);
        campaign_expect_counts(broker, campaign.id, 0, "s1");
    }
    assert_int_equal(rig_slot(broker, one, campaign_slot).campaign.state, 's');
    rig_hold(rig, one, campaign_slot, false);
    assert_int_equal(campaign_asked(broker, one, campaign.id, 0).state, CR_STATE_TRIGGERED);
    campaign_expect_counts(broker, campaign.id, 0, "a1");
    rig_hold(rig, one, campaign_slot, true); /* it was asked before */
    cr_job_free(campaign_asks(broker, one, campaign.id, 0));
    campaign_expect_counts(broker, campaign.id, 0, "a1");
}

void store_campaign_asks_each_member_once(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_campaign campaign = begun(broker);
    (void)campaign_device(broker, one, 1);
    struct cr_slot_record before = campaign_asked(broker, one, campaign.id, 1);
    rig->now_s += 10;
    for (unsigned i = 0; i < 2; i++) { /* in another group too: it counts where it was asked first */
        struct cr_slot_record after = campaign_asked(broker, one, campaign.id, 1 + i);
        assert_memory_equal(&before, &after, sizeof before);
    }
    campaign_expect_counts(broker, campaign.id, 1, "a1");
    campaign_expect_counts(broker, campaign.id, 2, "");
    rig_expect_audits(rig, "triggered", one, 1);
    campaign_failed(broker, one);
    before = campaign_asked(broker, one, campaign.id, 1);
    assert_int_equal(before.attempt, 2);
    campaign_expect_counts(broker, campaign.id, 1, "f1");
    campaign_renewed(broker, one, 2);
    before = campaign_asked(broker, one, campaign.id, 1);
    assert_int_equal(before.state, CR_STATE_QUIET);
    campaign_expect_counts(broker, campaign.id, 1, "r1");
    rig_expect_audits(rig, "triggered", one, 1);
}

void store_campaign_takes_in_what_is_under_way(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_campaign campaign = begun(broker);
    (void)campaign_device(broker, one, 1);
    (void)campaign_device(broker, two, 2);
    struct cr_job *job = rig_run(broker, rig_job_trigger(broker, one, campaign_slot));
    struct cr_slot_record before = job->record->slot[0];
    cr_job_free(job);
    struct cr_slot_record after = campaign_asked(broker, one, campaign.id, 0);
    assert_string_equal(after.renewal_id, before.renewal_id);
    assert_int_equal(after.reason, CR_RENEW_OPERATOR);
    assert_int_equal(after.attempt, 2);
    campaign_expect_counts(broker, campaign.id, 0, "a1");

    cr_job_free(rig_run(broker, rig_job_trigger(broker, two, campaign_slot)));
    job = rig_run(broker, rig_job_csr(broker, two, campaign_slot, 4, NULL));
    assert_int_equal(job->outcome, CR_OUT_NONE);
    before = rig_slot(broker, two, campaign_slot);
    assert_int_equal(before.state, CR_STATE_ISSUING);
    after = campaign_asked(broker, two, campaign.id, 0);
    after.campaign = before.campaign;
    assert_memory_equal(&after, &before, sizeof before);
    campaign_expect_counts(broker, campaign.id, 0, "a2");
    rig_sign(job);
    cr_job_free(rig_run(broker, job));

    /* another takes in what is issued */
    before = rig_slot(broker, two, campaign_slot);
    assert_int_equal(before.state, CR_STATE_ISSUED);
    struct cr_campaign next = begun(broker);
    after = campaign_asked(broker, two, next.id, 2);
    assert_int_equal(after.state, CR_STATE_ISSUED);
    assert_string_equal(after.renewal_id, before.renewal_id);
    assert_int_equal(after.attempt, before.attempt);
    campaign_expect_counts(broker, campaign.id, 0, "a1 c1");
    campaign_expect_counts(broker, next.id, 2, "a1");
    struct cr_job *get = rig_run(broker, rig_job(broker, CR_OP_GET, two, campaign_slot));
    struct cr_cert_facts facts =
        rig_cert(two, 0, 4, get->record->slot[0].pending.not_before, get->record->slot[0].pending.not_after);
    facts.serial = get->record->slot[0].pending.serial;
    cr_job_free(get);
    assert_true(rig_present(broker, campaign_slot, &facts));
    campaign_expect_counts(broker, campaign.id, 0, "a1 c1");
    campaign_expect_counts(broker, next.id, 2, "r1");
}

void store_campaign_gives_members_away(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_campaign first = begun(broker), second = begun(broker);
    const char *const devices[] = { "meter-1", "meter-2", "meter-3", "meter-4" };
    for (unsigned i = 0; i < 4; i++) {
        (void)campaign_device(broker, devices[i], 10 + i);
        (void)campaign_asked(broker, devices[i], first.id, 0);
    }
    campaign_renewed(broker, devices[1], 21);
    campaign_failed(broker, devices[2]);
    campaign_expect_counts(broker, first.id, 0, "a2 r1 f1");
    for (unsigned i = 0; i < 3; i++) {
        (void)campaign_asked(broker, devices[i], second.id, 1);
    }
    rig_hold(rig, devices[3], campaign_slot, true);
    cr_job_free(campaign_asks(broker, devices[3], second.id, 1));
    campaign_expect_counts(broker, first.id, 0, "r1 f1 c2"); /* each is counted, and once */
    campaign_expect_counts(broker, second.id, 1, "a3 s1");
    campaign_renewed(broker, devices[0], 30);
    campaign_renewed(broker, devices[2], 32);
    campaign_expect_counts(broker, first.id, 0, "r1 f1 c2");
    campaign_expect_counts(broker, second.id, 1, "a1 r2 s1");
}

static struct cr_job *cancel(struct rig_broker *broker, const char *device)
{
    struct cr_job *job = rig_job(broker, CR_OP_STEER, device, campaign_slot);
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = CR_STEER_CANCEL;
    return rig_run(broker, job);
}

void store_campaign_counts_who_is_cancelled(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_campaign campaign = begun(broker);
    (void)campaign_device(broker, one, 1);
    (void)campaign_device(broker, two, 2);
    (void)campaign_asked(broker, one, campaign.id, 0);
    (void)campaign_asked(broker, two, campaign.id, 0);
    campaign_failed(broker, two);
    struct cr_job *job = cancel(broker, one);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    assert_int_equal(job->record->slot[0].campaign.state, 'c');
    cr_job_free(job);
    cr_job_free(cancel(broker, two)); /* it has failed all the same */
    campaign_expect_counts(broker, campaign.id, 0, "f1 c1");
    assert_int_equal(campaign_asked(broker, one, campaign.id, 0).state, CR_STATE_QUIET);
    cr_job_free(rig_run(broker, rig_job_trigger(broker, one, campaign_slot)));
    campaign_renewed(broker, one, 3); /* not for the campaign */
    campaign_expect_counts(broker, campaign.id, 0, "f1 c1");
}

/* Revoked is cancelled, too; who has renewed has done so all the same. */
void store_campaign_counts_who_is_revoked(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_campaign campaign = begun(broker);
    (void)campaign_device(broker, one, 1);
    (void)campaign_device(broker, two, 2);
    (void)campaign_asked(broker, one, campaign.id, 0);
    (void)campaign_asked(broker, two, campaign.id, 0);
    campaign_renewed(broker, two, 3);
    (void)rig_revoke(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, one, "", 0));
    (void)rig_revoke(broker, rig_job_revoke(broker, CR_REVOKE_DEVICE, two, "", 0));
    assert_int_equal(rig_slot(broker, one, campaign_slot).campaign.state, 'c');
    campaign_expect_counts(broker, campaign.id, 0, "r1 c1");
}

void store_campaign_needs_not_be_known_to_its_members(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    struct cr_job *job = campaign_asks(broker, "meter-9", other, 0);
    assert_int_equal(job->refusal, CR_REFUSAL_UNKNOWN_DEVICE);
    cr_job_free(job);
    (void)campaign_device(broker, one, 1);
    (void)campaign_asked(broker, one, other, 0);
    campaign_renewed(broker, one, 2);
    assert_int_equal(rig_slot(broker, one, campaign_slot).campaign.state, 'r');
    job = all(broker);
    assert_int_equal(job->campaigns->count, 0);
    cr_job_free(job);
}
