/* What two stores that walk side by side must say and remember alike. */
#include "tests/contract/walk.h"

#include "tests/contract/campaign_scene.h"
#include "tests/support/bucket_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const walk_slot_name[WALK_SLOTS] = { "operational", "data" };

static void same_renewal(struct walk *walk, const char *fake, const char *real)
{
    if (fake[0] == '\0' || real[0] == '\0') {
        assert_string_equal(fake, real);
        return;
    }
    for (unsigned i = 0; i < walk->renewals && i < 64; i++) {
        bool match = strcmp(walk->renewal[0][i], fake) == 0;
        assert_int_equal(match, strcmp(walk->renewal[1][i], real) == 0);
        if (match) {
            return;
        }
    }
    unsigned at = walk->renewals++ % 64;
    (void)snprintf(walk->renewal[0][at], CR_RENEWAL_ID_CAP, "%s", fake);
    (void)snprintf(walk->renewal[1][at], CR_RENEWAL_ID_CAP, "%s", real);
}

static void same_entry(const struct cr_cert_entry *fake, const struct cr_cert_entry *real)
{
    assert_true(cr_serial_equal(&fake->serial, &real->serial));
    if (fake->serial.len > 0) {
        assert_string_equal(fake->issuer, real->issuer);
        assert_memory_equal(fake->key_hash, real->key_hash, CR_SHA256_LEN);
        assert_int_equal(fake->not_before, real->not_before);
        assert_int_equal(fake->not_after, real->not_after);
    }
}

/* Campaigns have other ids there. */
static void same_member(const struct walk *walk, const struct cr_slot_campaign *fake,
                        const struct cr_slot_campaign *real)
{
    assert_int_equal(fake->state, real->state);
    assert_int_equal(fake->group, real->group);
    assert_int_equal(fake->id[0] != '\0', real->id[0] != '\0');
    for (unsigned i = 0; i < WALK_CAMPAIGNS; i++) {
        assert_int_equal(strcmp(fake->id, walk->campaign[0][i]) == 0, strcmp(real->id, walk->campaign[1][i]) == 0);
    }
}

static void same_slot(struct walk *walk, const struct cr_slot_record *fake, const struct cr_slot_record *real)
{
    assert_string_equal(fake->slot, real->slot);
    assert_int_equal(fake->state, real->state);
    assert_int_equal(fake->held, real->held);
    assert_int_equal(fake->generation, real->generation);
    assert_int_equal(fake->version, real->version);
    same_entry(&fake->current, &real->current);
    same_entry(&fake->pending, &real->pending);
    assert_true(cr_serial_equal(&fake->superseded.serial, &real->superseded.serial));
    assert_int_equal(fake->due, real->due);
    same_renewal(walk, fake->renewal_id, real->renewal_id);
    assert_int_equal(fake->reason, real->reason);
    assert_int_equal(fake->attempt, real->attempt);
    assert_int_equal(fake->deadline, real->deadline);
    assert_int_equal(fake->failures, real->failures);
    assert_int_equal(fake->unanswered, real->unanswered);
    assert_int_equal(fake->retry_at, real->retry_at);
    assert_int_equal(fake->superseded.not_after, real->superseded.not_after);
    assert_memory_equal(&fake->alert, &real->alert, offsetof(struct cr_slot_alert, by));
    assert_string_equal(fake->alert.by, real->alert.by);
    assert_string_equal(fake->hold, real->hold);
    assert_int_equal(fake->revoked.reason, real->revoked.reason);
    assert_int_equal(fake->revoked.at, real->revoked.at);
    same_member(walk, &fake->campaign, &real->campaign);
    assert_int_equal(fake->certificate.len, real->certificate.len);
    if (fake->certificate.len > 0) {
        assert_memory_equal(fake->certificate.data, real->certificate.data, fake->certificate.len);
        assert_int_equal(fake->format, real->format);
    }
}

static void same_record(struct walk *walk, const struct cr_device_record *fake, const struct cr_device_record *real)
{
    assert_int_equal(fake != NULL, real != NULL);
    if (fake == NULL) {
        return;
    }
    assert_string_equal(fake->device, real->device);
    assert_int_equal(fake->gap_s, real->gap_s);
    assert_int_equal(fake->last_seen, real->last_seen);
    assert_string_equal(fake->broker, real->broker);
    assert_string_equal(fake->tags, real->tags);
    assert_int_equal(fake->slot_count, real->slot_count);
    for (unsigned i = 0; i < fake->slot_count; i++) {
        const struct cr_slot_record *other = cr_device_record_slot(real, fake->slot[i].slot);
        assert_non_null(other);
        same_slot(walk, &fake->slot[i], other);
    }
}

void walk_same_job(struct walk *walk, const struct cr_job *fake, const struct cr_job *real)
{
    assert_int_equal(fake->outcome, real->outcome);
    assert_int_equal(fake->stage, real->stage);
    assert_int_equal(fake->refusal, real->refusal);
    assert_int_equal(fake->retry_after_s, real->retry_after_s);
    assert_int_equal(fake->confirmed, real->confirmed);
    assert_int_equal(fake->regressed, real->regressed);
    assert_int_equal(fake->triggered, real->triggered);
    assert_int_equal(fake->alarm, real->alarm);
    assert_int_equal(fake->alert, real->alert);
    assert_string_equal(fake->alert_slot, real->alert_slot);
    assert_int_equal(fake->told, real->told);
    assert_string_equal(fake->cleared_slot, real->cleared_slot);
    walk->told |= fake->told;
    walk->cleared += fake->cleared_slot[0] != '\0';
    walk->regressed += fake->regressed;
    walk->split += fake->alarm == CR_REFUSAL_SPLIT_IDENTITY;
    walk->outdated += fake->refusal == CR_REFUSAL_CERTIFICATE_OUTDATED;
    walk->begun += fake->triggered;
    walk->unanswered += fake->alert == CR_ALERT_UNANSWERED;
    walk->failing += fake->alert == CR_ALERT_FAILING;
    if (fake->outcome == CR_OUT_NONE || fake->outcome == CR_OUT_CERTIFICATE) {
        assert_int_equal(fake->generation, real->generation);
    }
    if (fake->outcome != CR_OUT_REFUSED && fake->op != CR_OP_PRESENT) {
        same_renewal(walk, fake->renewal_id, real->renewal_id);
    }
    assert_int_equal(fake->certificate.len, real->certificate.len);
    if (fake->certificate.len > 0) {
        assert_memory_equal(fake->certificate.data, real->certificate.data, fake->certificate.len);
    }
    same_record(walk, fake->record, real->record);
}

static void same_watch(const struct walk *walk, const char *device)
{
    for (unsigned s = 0; s < WALK_SLOTS; s++) {
        const char *slot = walk_slot_name[s];
        assert_int_equal(rig_watch_at(&walk->rig[0], device, slot), rig_watch_at(&walk->rig[1], device, slot));
        assert_int_equal(rig_shown(&walk->rig[0], device, slot), rig_shown(&walk->rig[1], device, slot));
    }
}

static void same_counts(struct walk *walk)
{
    for (unsigned i = 0; i < WALK_CAMPAIGNS; i++) {
        struct cr_campaign campaign[2];
        for (int k = 0; k < 2; k++) {
            campaign[k] = campaign_known(walk->broker[k][0], walk->campaign[k][i]);
        }
        for (unsigned group = 0; group < campaign[0].group_count; group++) {
            const struct cr_campaign_counts *fake = &campaign[0].group[group].counts;
            assert_memory_equal(fake, &campaign[1].group[group].counts, sizeof *fake);
            walk->most.asked += fake->asked;
            walk->most.renewed += fake->renewed;
            walk->most.failed += fake->failed;
            walk->most.unanswered += fake->unanswered;
            walk->most.cancelled += fake->cancelled;
            walk->most.skipped += fake->skipped;
        }
    }
}

void walk_compare(struct walk *walk)
{
    for (unsigned d = 0; d < WALK_DEVICES; d++) {
        char device[CR_NAME_CAP];
        struct cr_job *job[2];
        (void)snprintf(device, sizeof device, "walker-%u", d);
        for (int k = 0; k < 2; k++) {
            job[k] = rig_run(walk->broker[k][0], rig_job(walk->broker[k][0], CR_OP_INSPECT, device, ""));
        }
        walk_same_job(walk, job[0], job[1]);
        for (unsigned s = 0; s < WALK_SLOTS && job[0]->record != NULL; s++) { /* a generation never decreases */
            const struct cr_slot_record *record = cr_device_record_slot(job[1]->record, walk_slot_name[s]);
            if (record != NULL) {
                assert_true(record->generation >= walk->generation[d][s]);
                walk->generation[d][s] = record->generation;
            }
        }
        same_watch(walk, device);
        cr_job_free(job[0]);
        cr_job_free(job[1]);
    }    same_counts(walk);
    for (unsigned bucket = 0; bucket < RIG_BUCKETS; bucket++) {
        char base[16];
        (void)snprintf(base, sizeof base, "cr:{b%02u}:", bucket);
        assert_int_equal(bucket_check(walk->rig[1].redis.context, base, walk->rig[0].now_s, stderr), 0);
    }
}

/* ---- what is revoked ---- */

enum { REVOKED_MAX = 4096 };

static int by_serial(const void *a, const void *b)
{
    const struct cr_revocation *one = a, *other = b;
    return memcmp(one->serial.octets, other->serial.octets, sizeof one->serial.octets);
}

static unsigned revoked_all(struct rig_broker *broker, struct cr_revocation *all)
{
    char cursor[sizeof ((struct cr_revoke *)0)->cursor] = "";
    unsigned count = 0;
    do {
        struct cr_job *job = rig_job_revoke(broker, CR_REVOKE_LIST, "", "", 0);
        memcpy(job->revoke->cursor, cursor, sizeof cursor);
        job = rig_run(broker, job);
        assert_int_equal(job->outcome, CR_OUT_DONE);
        assert_true(count + job->revoke->count <= REVOKED_MAX);
        for (unsigned i = 0; i < job->revoke->count; i++) {
            all[count++] = job->revoke->row[i];
        }
        memcpy(cursor, job->revoke->cursor, sizeof cursor);
        cr_job_free(job);
    } while (cursor[0] != '\0');
    qsort(all, count, sizeof *all, by_serial);
    return count;
}

void walk_compare_revoked(struct walk *walk)
{
    static struct cr_revocation fake[REVOKED_MAX], real[REVOKED_MAX];
    unsigned count = revoked_all(walk->broker[0][0], fake);
    assert_int_equal(revoked_all(walk->broker[1][0], real), count);
    for (unsigned i = 0; i < count; i++) {
        assert_true(cr_serial_equal(&fake[i].serial, &real[i].serial));
        assert_string_equal(fake[i].issuer, real[i].issuer);
        assert_string_equal(fake[i].device, real[i].device);
        assert_int_equal(fake[i].reason, real[i].reason);
        assert_int_equal(fake[i].at, real[i].at);
        assert_int_equal(fake[i].not_after, real[i].not_after);
    }
    walk->taken_back += count < walk->entries;
    walk->entries = count;
}
