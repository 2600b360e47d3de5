#include "plugin/store/records.h"

#include <stdio.h>
#include <string.h>

void cr_args_bytes(struct cr_args *args, const void *data, size_t len)
{
    if (args->count == CR_ARGS_MAX) {
        args->overflow = true;
        return;
    }
    args->arg[args->count] = len > 0 ? data : "";
    args->len[args->count++] = len;
}

void cr_args_text(struct cr_args *args, const char *text)
{
    cr_args_bytes(args, text, strlen(text));
}

/* Room for text of at most `cap` bytes with its NUL; what was not used is given back by args_keep. */
static char *args_room(struct cr_args *args, size_t cap)
{
    if (CR_ARGS_SCRATCH - args->used < cap) {
        args->overflow = true;
        return NULL;
    }
    return args->scratch + args->used;
}

static void args_keep(struct cr_args *args, const char *text)
{
    size_t len = strlen(text);
    args->used += len + 1;
    cr_args_bytes(args, text, len);
}

void cr_args_number(struct cr_args *args, int64_t number)
{
    enum { NUMBER_CAP = 21 };
    char *text = args_room(args, NUMBER_CAP);
    if (text == NULL) {
        return;
    }
    char digits[NUMBER_CAP];
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        digits[--at] = '-';
    }
    memcpy(text, digits + at, sizeof digits - at);
    args_keep(args, text);
}

void cr_args_copy(struct cr_args *args, const char *text)
{
    size_t len = strlen(text);
    char *room = args_room(args, len + 1);
    if (room != NULL) {
        memcpy(room, text, len + 1);
        args_keep(args, room);
    }
}

static void args_crt(struct cr_args *args, const struct cr_serial *serial, const char *issuer)
{
    char *text = args_room(args, CR_CRT_CAP);
    if (text != NULL) {
        cr_records_crt(text, serial, issuer);
        args_keep(args, text);
    }
}

static void args_key_hash(struct cr_args *args, const uint8_t hash[CR_SHA256_LEN])
{
    char *text = args_room(args, CR_HASH_TEXT);
    if (text != NULL) {
        cr_base64url_encode(text, hash, CR_SHA256_LEN);
        args_keep(args, text);
    }
}

static void args_flag(struct cr_args *args, bool flag)
{
    cr_args_bytes(args, flag ? "1" : "0", 1);
}

void cr_args_start(struct cr_args *args, const char *command)
{
    args->count = 0;
    args->used = 0;
    args->overflow = false;
    cr_args_text(args, command);
}

cr_err cr_args_script(struct cr_args *args, enum cr_script script, const struct cr_records *records,
                      const char *device, const char *slot, int64_t now_s)
{
    const struct cr_device_keys *keys = &args->keys;
    cr_args_start(args, "EVALSHA");
    args->script = script;
    cr_err err = cr_records_keys(&args->keys, records, device, slot);
    if (err != CR_OK) {
        return err;
    }
    cr_args_bytes(args, "", 0); /* the script's SHA-1, by who sends it */
    cr_args_bytes(args, "6", 1);
    cr_args_bytes(args, keys->device.text, keys->device.len);
    cr_args_bytes(args, keys->agenda.text, keys->agenda.len);
    cr_args_bytes(args, keys->expiry.text, keys->expiry.len);
    cr_args_bytes(args, keys->cert.text, keys->cert.len);
    cr_args_bytes(args, keys->watch.text, keys->watch.len);
    cr_args_bytes(args, keys->alerts.text, keys->alerts.len);
    cr_args_text(args, keys->mark);
    cr_args_text(args, device);
    cr_args_text(args, slot);
    cr_args_number(args, now_s);
    return CR_OK;
}

/* How an attempt is followed by the next: for next_try in change.lua. */
static void args_retry(struct cr_args *args, const struct cr_config *config)
{
    enum { RETRY_CAP = 42 };
    char *text = args_room(args, RETRY_CAP);
    if (text != NULL) {
        (void)snprintf(text, RETRY_CAP, "%lld %lld", (long long)cr_config_retry_first_s(config),
                       (long long)cr_config_retry_max_s(config));
        args_keep(args, text);
    }
}

static cr_err args_end(const struct cr_args *args)
{
    return args->overflow ? CR_FULL : CR_OK;
}

/* How often a device is to be able to appear before the end of its certificate; "" where nothing begins by itself. */
static void args_chances(struct cr_args *args, const struct cr_profile *profile)
{
    if (profile == NULL) {
        cr_args_bytes(args, "", 0);
    } else {
        cr_args_number(args, profile->min_chances);
    }
}

/* All slots that have a profile but the job's, each with its chances. */
static void args_other_slots(struct cr_args *args, const struct cr_job *job)
{
    enum { OTHERS_CAP = CR_SLOTS_MAX * (CR_NAME_CAP + 12) };
    const struct cr_config *config = &job->setup->config;
    char text[OTHERS_CAP] = "";
    size_t len = 0;
    for (unsigned i = 0; i < config->slot_count; i++) {
        const struct cr_profile *profile = &config->slot[i];
        if (strcmp(profile->slot, job->slot) != 0) {
            int added = snprintf(text + len, sizeof text - len, "%s%s %u", len > 0 ? " " : "", profile->slot,
                                 profile->min_chances);
            len += added > 0 ? (size_t)added : 0;
        }
    }
    cr_args_copy(args, text);
}

static int64_t due_of(const struct cr_job *job, int64_t not_before, int64_t not_after)
{
    return job->profile == NULL ? not_after : cr_profile_due(job->profile, job->device, not_before, not_after);
}

void cr_restore_of_job(struct cr_restore *restore, const struct cr_job *job)
{
    const struct cr_cert_intent *intent = &job->intent;
    *restore = (struct cr_restore){
        .entry = { .serial = intent->serial, .not_before = intent->not_before, .not_after = intent->not_after },
        .due = due_of(job, intent->not_before, intent->not_after),
        .generation = job->generation,
        .version = job->version,
        .format = job->request.format,
    };
    memcpy(restore->device, job->device, sizeof restore->device);
    memcpy(restore->slot, job->slot, sizeof restore->slot);
    memcpy(restore->entry.issuer, job->issuer, sizeof restore->entry.issuer);
    memcpy(restore->entry.key_hash, job->csr.key_hash, CR_SHA256_LEN);
    memcpy(restore->renewal_id, job->renewal_id, sizeof restore->renewal_id);
}

cr_err cr_args_present(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                       const char *new_renewal_id, bool again)
{
    const struct cr_cert_facts *presented = &job->presented;
    cr_err err = cr_args_script(args, CR_SCRIPT_PRESENT, records, job->device, job->slot, job->now_s);
    if (err != CR_OK) {
        return err;
    }
    args_crt(args, &presented->serial, presented->issuer);
    args_key_hash(args, presented->key_hash);
    cr_args_number(args, presented->not_before);
    cr_args_number(args, presented->not_after);
    cr_args_number(args, due_of(job, presented->not_before, presented->not_after));
    args_flag(args, again);
    cr_args_text(args, new_renewal_id);
    cr_args_number(args, job->profile == NULL || !job->may_begin ? 0
                                                                  : job->now_s + job->setup->config.renewal_deadline_s);
    args_retry(args, &job->setup->config);
    args_flag(args, job->appeared);
    args_chances(args, job->profile);
    if (job->profile == NULL) {
        cr_args_bytes(args, "", 0);
    } else {
        cr_args_number(args, job->profile->superseded_grace_s);
    }
    args_other_slots(args, job);
    cr_args_text(args, job->setup->config.broker_name);
    return args_end(args);
}

/* broker/life, in at most 64 bytes, and the length of the first part. */
static void args_owner(struct cr_args *args, const struct cr_owner *owner)
{
    enum { BROKER_MAX = 64 - CR_INSTANCE_CAP };
    char broker[CR_NAME_CAP];
    uint64_t hash = 0;
    size_t len = strlen(owner->broker);
    memcpy(broker, owner->broker, len + 1);
    if (len > BROKER_MAX) {
        args->overflow = args->overflow || cr_hash64(&hash, owner->broker, len) != CR_OK;
        (void)snprintf(broker, sizeof broker, "%016llx", (unsigned long long)hash);
        len = strlen(broker);
    }
    char *text = args_room(args, len + 1 + CR_INSTANCE_CAP);
    if (text != NULL) {
        (void)snprintf(text, len + 1 + CR_INSTANCE_CAP, "%s/%s", broker, owner->instance);
        args_keep(args, text);
        cr_args_number(args, (int64_t)len + 1);
    }
}

cr_err cr_args_begin(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                     const struct cr_owner *owner, const char *new_renewal_id, bool key_used)
{
    const struct cr_cert_intent *intent = &job->intent;
    const struct cr_profile *profile = job->profile;
    int64_t opens = 0; /* a slot that nothing is known of has nothing to be early for */
    if (profile->tls && job->presented.serial.len > 0) {
        opens = cr_profile_window_opens(profile, job->presented.not_before, job->presented.not_after);
    }
    cr_err err = cr_args_script(args, CR_SCRIPT_BEGIN, records, job->device, job->slot, job->now_s);
    if (err != CR_OK) {
        return err;
    }
    args_key_hash(args, job->csr.key_hash);
    args_crt(args, &intent->serial, job->issuer);
    cr_args_number(args, intent->not_before);
    cr_args_number(args, intent->not_after);
    cr_args_number(args, due_of(job, intent->not_before, intent->not_after));
    cr_args_number(args, CR_LEASE_S);
    args_owner(args, owner);
    cr_args_text(args, cr_csr_format_text(job->request.format));
    cr_args_text(args, new_renewal_id);
    args_flag(args, profile->allow_same_key);
    args_flag(args, profile->request_any_time);
    args_flag(args, key_used);
    cr_args_number(args, profile->window_permille > 1000 ? 1000 : profile->window_permille);
    cr_args_number(args, opens);
    args_chances(args, profile);
    cr_args_enrolling(args, job);
    return args_end(args);
}

cr_err cr_args_record(struct cr_args *args, const struct cr_records *records, const struct cr_job *job)
{
    cr_err err = cr_args_script(args, CR_SCRIPT_RECORD, records, job->device, job->slot, job->now_s);
    if (err != CR_OK) {
        return err;
    }
    args_crt(args, &job->intent.serial, job->issuer);
    cr_args_bytes(args, job->certificate.data, job->certificate.len);
    return args_end(args);
}

cr_err cr_args_read(struct cr_args *args, const struct cr_records *records, const struct cr_job *job, bool certificates)
{
    cr_err err = cr_args_script(args, CR_SCRIPT_READ, records, job->device, job->slot, job->now_s);
    if (err != CR_OK) {
        return err;
    }
    args_flag(args, certificates);
    return args_end(args);
}

cr_err cr_args_trigger(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                       const char *new_renewal_id, bool again)
{
    cr_err err = cr_args_script(args, CR_SCRIPT_TRIGGER, records, job->device, job->slot, job->now_s);
    if (err != CR_OK) {
        return err;
    }
    cr_args_text(args, new_renewal_id);
    cr_args_text(args, cr_renew_reason_text(job->reason));
    cr_args_number(args, job->now_s + job->setup->config.renewal_deadline_s);
    args_retry(args, &job->setup->config);
    cr_args_text(args, job->campaign.id);
    cr_args_number(args, job->campaign.group);
    args_flag(args, again);
    return args_end(args);
}

cr_err cr_args_advance(struct cr_args *args, const struct cr_records *records, const struct cr_job *job,
                       const char *new_renewal_id, bool again)
{
    cr_err err = cr_args_script(args, CR_SCRIPT_ADVANCE, records, job->device, job->slot, job->now_s);
    if (err != CR_OK) {
        return err;
    }
    cr_args_number(args, job->claimed_until);
    cr_args_text(args, new_renewal_id);
    cr_args_number(args, job->now_s + job->setup->config.renewal_deadline_s);
    args_retry(args, &job->setup->config);
    args_flag(args, again);
    args_flag(args, job->profile != NULL);
    return args_end(args);
}

/* A script on one key that is no device's. */
static void args_plain_script(struct cr_args *args, enum cr_script script, struct cr_redis_key *key)
{
    cr_args_start(args, "EVALSHA");
    args->script = script;
    cr_args_bytes(args, "", 0);
    cr_args_bytes(args, "1", 1);
    cr_args_bytes(args, key->text, key->len);
}

static cr_err args_bucket(struct cr_redis_key *key, const struct cr_records *records, bool watch, unsigned bucket)
{
    return cr_records_bucket_key(key, records, bucket, watch ? "watch" : "agenda");
}

cr_err cr_args_agenda(struct cr_args *args, const struct cr_records *records, bool watch, unsigned bucket,
                      int64_t now_s, unsigned limit)
{
    cr_err err = args_bucket(&args->keys.agenda, records, watch, bucket);
    if (err != CR_OK) {
        return err;
    }
    args_plain_script(args, CR_SCRIPT_AGENDA, &args->keys.agenda);
    cr_args_number(args, now_s);
    cr_args_number(args, now_s + CR_CLAIM_S);
    cr_args_number(args, limit);
    return args_end(args);
}

cr_err cr_args_strike(struct cr_args *args, const struct cr_records *records, bool watch, unsigned bucket,
                      struct cr_bytes member)
{
    cr_err err = args_bucket(&args->keys.agenda, records, watch, bucket);
    if (err != CR_OK) {
        return err;
    }
    cr_args_start(args, "ZREM");
    cr_args_bytes(args, args->keys.agenda.text, args->keys.agenda.len);
    cr_args_bytes(args, member.data, member.len);
    return args_end(args);
}

cr_err cr_args_pace(struct cr_args *args, const struct cr_records *records, int64_t now_s, unsigned rate_per_s,
                    unsigned count)
{
    cr_records_plain_key(&args->keys.agenda, records, "pace");
    args_plain_script(args, CR_SCRIPT_PACE, &args->keys.agenda);
    cr_args_number(args, now_s);
    cr_args_number(args, rate_per_s);
    cr_args_number(args, count);
    return args_end(args);
}

cr_err cr_args_report(struct cr_args *args, const struct cr_records *records, const struct cr_job *job, bool again)
{
    cr_err err = cr_args_script(args, CR_SCRIPT_REPORT, records, job->device, job->slot, job->now_s);
    if (err != CR_OK) {
        return err;
    }
    cr_args_text(args, job->report.renewal_id);
    cr_args_text(args, cr_report_outcome_text(job->report.outcome));
    args_flag(args, job->profile == NULL || job->profile->tls);
    cr_args_number(args, job->now_s + job->setup->config.renewal_deadline_s);
    args_flag(args, again);
    args_retry(args, &job->setup->config);
    args_chances(args, job->profile);
    cr_args_number(args, job->setup->config.failures_alert);
    return args_end(args);
}

cr_err cr_args_restore(struct cr_args *args, const struct cr_records *records, const struct cr_restore *restore,
                       struct cr_bytes der, int64_t now_s)
{
    const struct cr_cert_entry *entry = &restore->entry;
    cr_err err = cr_args_script(args, CR_SCRIPT_RESTORE, records, restore->device, restore->slot, now_s);
    if (err != CR_OK) {
        return err;
    }
    cr_args_text(args, restore->confirmed ? "confirmed" : "issued");
    args_crt(args, &entry->serial, entry->issuer);
    args_key_hash(args, entry->key_hash);
    cr_args_number(args, entry->not_before);
    cr_args_number(args, entry->not_after);
    cr_args_number(args, restore->due);
    cr_args_number(args, (int64_t)restore->generation);
    cr_args_number(args, (int64_t)restore->version);
    cr_args_text(args, restore->renewal_id);
    cr_args_text(args, cr_csr_format_text(restore->format));
    cr_args_bytes(args, der.data, der.len);
    return args_end(args);
}
