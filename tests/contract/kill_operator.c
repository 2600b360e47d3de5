/* An operator among those who are killed. */
#include "tests/contract/kill_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cr_job *steer_job(struct rig_broker *broker, enum cr_steer_verb verb, const char *name)
{
    struct cr_job *job = rig_job(broker, CR_OP_STEER, name, kill_slot);
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = verb;
    (void)snprintf(job->steer->text, sizeof job->steer->text, "kill");
    return kill_run(broker, job);
}

static bool is_unavailable(const struct cr_job *job)
{
    return job->outcome == CR_OUT_REFUSED && job->refusal == CR_REFUSAL_STORE_UNAVAILABLE;
}

/* False: it may still be on hold. */
static bool operator_releases(struct kill_world *world, struct rig_broker *broker, unsigned device,
                              const char *name)
{
    struct cr_job *job = steer_job(broker, CR_STEER_RELEASE, name);
    bool released = !is_unavailable(job);
    if (job->outcome == CR_OUT_RECORD && cr_device_record_slot(job->record, kill_slot)->held) {
        kill_went_wrong(world, "released, and on hold", device);
    }
    world->device[device].held = !released;
    cr_job_free(job);
    return released;
}

static void operator_holds(struct kill_world *world, struct rig_broker *broker, unsigned device,
                           const char *name)
{
    world->device[device].held = true;
    struct cr_job *job = steer_job(broker, CR_STEER_HOLD, name), *look;
    if (job->outcome == CR_OUT_RECORD) {
        look = kill_run(broker, rig_job(broker, CR_OP_INSPECT, name, kill_slot));
        if (!is_unavailable(look) && !(look->record != NULL && cr_device_record_slot(look->record, kill_slot)->held)) {
            kill_went_wrong(world, "a hold that was answered is gone", device);
        }
        cr_job_free(look);
    }
    cr_job_free(job);
}

/* Creates the campaign, or writes it once more. */
static void operator_writes(struct kill_world *world, struct rig_broker *broker)
{
    struct cr_job *job = rig_job(broker, CR_OP_CAMPAIGN, "", "");
    bool known = world->campaign[0] != '\0';
    job->campaigns = calloc(1, sizeof *job->campaigns);
    assert_non_null(job->campaigns);
    if (known) {
        memcpy(job->campaigns->id, world->campaign, sizeof job->campaigns->id);
        job = kill_run(broker, job); /* READ */
        if (job->outcome == CR_OUT_DONE && job->campaigns->campaign->version < world->version) {
            kill_went_wrong(world, "a campaign's write that was answered is gone", 0);
        }
        if (job->outcome == CR_OUT_REFUSED && job->refusal == CR_REFUSAL_UNKNOWN_CAMPAIGN) {
            kill_went_wrong(world, "the campaign is gone", 0);
        }
        if (job->outcome != CR_OUT_DONE) {
            cr_job_free(job);
            return;
        }
        job->outcome = CR_OUT_NONE;
        job->stage = CR_STAGE_STORE;
        job->campaigns->verb = CR_CAMPAIGN_WRITE;
        job->campaigns->campaign->rate_per_s++;
    } else {
        struct cr_campaign fresh = campaign_full(broker->rig);
        job->campaigns->verb = CR_CAMPAIGN_CREATE;
        job->campaigns->count = 1;
        job->campaigns->campaign = malloc(sizeof fresh);
        assert_non_null(job->campaigns->campaign);
        *job->campaigns->campaign = fresh;
    }
    job = kill_run(broker, job);
    if (job->outcome == CR_OUT_DONE) {
        memcpy(world->campaign, job->campaigns->campaign->id, sizeof world->campaign);
        world->version = job->campaigns->campaign->version;
    } else if (!is_unavailable(job)) {
        kill_went_wrong(world, "a campaign is refused", 0);
    }
    cr_job_free(job);
}

static void operator_asks(struct kill_world *world, struct rig_broker *broker, unsigned device,
                          const char *name)
{
    struct cr_job *job = rig_job_trigger(broker, name, kill_slot);
    memcpy(job->campaign.id, world->campaign, sizeof job->campaign.id);
    job->campaign.group = device % 2;
    job = kill_run(broker, job);
    if (job->outcome == CR_OUT_RECORD && strcmp(job->record->slot[0].campaign.id, world->campaign) != 0) {
        kill_went_wrong(world, "asked, and not a member", device);
    }
    cr_job_free(job);
}

bool kill_operate(struct kill_world *world, struct rig_broker *broker, unsigned device)
{
    enum { KINDS = 6 };
    char name[CR_NAME_CAP];
    kill_name(name, device);
    broker->rig->now_s = ++world->now_s;
    if (world->device[device].held) {
        return operator_releases(world, broker, device, name);
    }
    switch (world->operated++ % KINDS) {
    case 0:
        operator_writes(world, broker);
        break;
    case 1:
    case 2:
        operator_asks(world, broker, device, name);
        break;
    case 3:
        cr_job_free(steer_job(broker, CR_STEER_CANCEL, name));
        break;
    case 4:
        operator_holds(world, broker, device, name);
        return operator_releases(world, broker, device, name);
    default:
        cr_job_free(kill_run(broker, rig_job(broker, CR_OP_LOOK, name, kill_slot)));
        break;
    }
    return true;
}
