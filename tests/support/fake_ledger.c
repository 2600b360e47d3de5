#include "tests/support/fake_inside.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICE_CHAINS = 1024 };

struct fake_ledger {
    struct fake_device *device[DEVICE_CHAINS];
    struct fake_key *key[DEVICE_CHAINS];
    struct fake_line *line; /* newest first */
    int64_t now_ms;         /* of the newest line; never goes back */
    unsigned renewals;
    struct fake_campaigns *campaigns;
    struct fake_revoked *revoked;
    int64_t paced_us; /* up to when all that the fleet may begin is taken */
    struct cr_policy policy;
    struct fake_survey_kept survey;
    struct fake_figures_file figures;
    struct cr_bundle bundle;
};

struct fake_survey_kept *fake_ledger_survey(struct fake_ledger *ledger)
{
    return &ledger->survey;
}

struct fake_figures_file *fake_ledger_figures(struct fake_ledger *ledger)
{
    return &ledger->figures;
}

cr_err fake_ledger_new(struct fake_ledger **ledger)
{
    *ledger = calloc(1, sizeof **ledger);
    return *ledger != NULL ? CR_OK : CR_NOMEM;
}

void fake_ledger_free(struct fake_ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    cr_blob_fini(&ledger->figures.text);
    for (int i = 0; i < DEVICE_CHAINS; i++) {
        for (struct fake_device *device = ledger->device[i], *next; device != NULL; device = next) {
            next = device->next;
            for (unsigned k = 0; k < device->slot_count; k++) {
                cr_blob_fini(&device->slot[k].view.certificate);
            }
            free(device);
        }
        for (struct fake_key *key = ledger->key[i], *next; key != NULL; key = next) {
            next = key->next;
            free(key);
        }
    }
    for (struct fake_line *line = ledger->line, *next; line != NULL; line = next) {
        next = line->next;
        free(line);
    }
    free(ledger->policy.setting);
    cr_blob_fini(&ledger->bundle.certs);
    fake_campaigns_free(ledger->campaigns);
    fake_revoked_free(ledger->revoked);
    free(ledger);
}

struct cr_bundle *fake_bundle_of(struct fake_ledger *ledger)
{
    return &ledger->bundle;
}

struct cr_policy *fake_policy_of(struct fake_ledger *ledger)
{
    return &ledger->policy;
}

struct fake_campaigns **fake_ledger_campaigns(struct fake_ledger *ledger)
{
    return &ledger->campaigns;
}

struct fake_revoked **fake_ledger_revoked(struct fake_ledger *ledger)
{
    return &ledger->revoked;
}

/* ---- audit ---- */

void fake_ledger_audit(struct fake_ledger *ledger, const char *what, const char *device, const char *slot,
                       const char *detail)
{
    fake_ledger_audit_at(ledger, ledger->now_ms, "", what, device, slot, detail);
}

void fake_ledger_audit_at(struct fake_ledger *ledger, int64_t now_ms, const char *who, const char *what,
                          const char *device, const char *slot, const char *detail)
{
    struct fake_line *line = calloc(1, sizeof *line);
    if (line == NULL) {
        abort(); /* only tests link this */
    }
    line->ms = now_ms > ledger->now_ms ? now_ms : ledger->now_ms;
    line->number = ledger->line != NULL && ledger->line->ms == line->ms ? ledger->line->number + 1 : 0;
    ledger->now_ms = line->ms;
    snprintf(line->who, sizeof line->who, "%s", who);
    snprintf(line->what, sizeof line->what, "%s", what);
    snprintf(line->device, sizeof line->device, "%s", device);
    snprintf(line->slot, sizeof line->slot, "%s", slot);
    snprintf(line->detail, sizeof line->detail, "%s", detail);
    line->next = ledger->line;
    ledger->line = line;
}

unsigned fake_ledger_audit_count(const struct fake_ledger *ledger, const char *what, const char *device)
{
    unsigned count = 0;
    for (const struct fake_line *line = ledger->line; line != NULL; line = line->next) {
        if ((what == NULL || strcmp(line->what, what) == 0) && (device == NULL || strcmp(line->device, device) == 0)) {
            count++;
        }
    }
    return count;
}

const struct fake_line *fake_lines(const struct fake_ledger *ledger)
{
    return ledger->line;
}

const char *fake_ledger_audit_detail(const struct fake_ledger *ledger, const char *what)
{
    for (const struct fake_line *line = ledger->line; line != NULL; line = line->next) {
        if (strcmp(line->what, what) == 0) {
            return line->detail;
        }
    }
    return "";
}

/* ---- finding ---- */

static unsigned chain_of(const char *text)
{
    uint32_t hash = 2166136261u;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    }
    return hash % DEVICE_CHAINS;
}

unsigned fake_bucket(const char *device)
{
    return chain_of(device) % FAKE_BUCKETS;
}

struct fake_device *fake_device_next(const struct fake_ledger *ledger, const struct fake_device *device)
{
    if (device != NULL && device->next != NULL) {
        return device->next;
    }
    for (unsigned chain = device != NULL ? chain_of(device->id) + 1 : 0; chain < DEVICE_CHAINS; chain++) {
        if (ledger->device[chain] != NULL) {
            return ledger->device[chain];
        }
    }
    return NULL;
}

unsigned fake_pace(struct fake_ledger *ledger, int64_t now_s, unsigned rate_per_s, unsigned count)
{
    const int64_t second = 1000000, now = now_s * second;
    if (ledger->paced_us < now - second || ledger->paced_us > now + 600 * second) {
        ledger->paced_us = now - second;
    }
    ledger->paced_us += (int64_t)count * second / rate_per_s;
    int64_t left = ((now - ledger->paced_us) * rate_per_s + second / 100) / second;
    return left > 0 ? (unsigned)left : 0;
}

struct fake_device *fake_device_find(const struct fake_ledger *ledger, const char *id)
{
    struct fake_device *device = ledger->device[chain_of(id)];
    while (device != NULL && strcmp(device->id, id) != 0) {
        device = device->next;
    }
    return device;
}

struct fake_device *fake_device_make(struct fake_ledger *ledger, const char *id)
{
    struct fake_device *device = fake_device_find(ledger, id);
    if (device == NULL) {
        device = calloc(1, sizeof *device);
        if (device == NULL) {
            abort();
        }
        snprintf(device->id, sizeof device->id, "%s", id);
        device->next = ledger->device[chain_of(id)];
        ledger->device[chain_of(id)] = device;
    }
    return device;
}

struct fake_slot *fake_slot_find(struct fake_device *device, const char *name)
{
    for (unsigned i = 0; device != NULL && i < device->slot_count; i++) {
        if (strcmp(device->slot[i].view.slot, name) == 0) {
            return &device->slot[i];
        }
    }
    return NULL;
}

struct fake_slot *fake_slot_make(struct fake_device *device, const char *name)
{
    struct fake_slot *slot = fake_slot_find(device, name);
    if (slot == NULL && device->slot_count < CR_SLOTS_MAX) {
        slot = &device->slot[device->slot_count++];
        snprintf(slot->view.slot, sizeof slot->view.slot, "%s", name);
    }
    return slot;
}

const struct cr_slot_record *fake_ledger_slot(const struct fake_ledger *ledger, const char *device, const char *slot)
{
    struct fake_slot *found = fake_slot_find(fake_device_find(ledger, device), slot);
    return found == NULL ? NULL : &found->view;
}

int64_t fake_ledger_watch_at(const struct fake_ledger *ledger, const char *device, const char *slot, bool *shown)
{
    const struct fake_slot *found = fake_slot_find(fake_device_find(ledger, device), slot);
    *shown = found != NULL && found->shown;
    return found != NULL ? found->watch_at : 0;
}

bool fake_ledger_hold(struct fake_ledger *ledger, const char *device, const char *slot, bool held)
{
    struct fake_slot *found = fake_slot_find(fake_device_find(ledger, device), slot);
    if (found != NULL) {
        found->view.held = held;
    }
    return found != NULL;
}

bool fake_ledger_unplan(struct fake_ledger *ledger, const char *device, const char *slot)
{
    struct fake_slot *found = fake_slot_find(fake_device_find(ledger, device), slot);
    if (found != NULL) {
        found->view.due = found->quiet_due = 0;
    }
    return found != NULL;
}

bool fake_key_claim(struct fake_ledger *ledger, const uint8_t hash[CR_SHA256_LEN], const char *device,
                      const char *slot, struct fake_key **claimed)
{
    unsigned chain = (unsigned)(hash[0] | hash[1] << 8) % DEVICE_CHAINS;
    struct fake_key *key = ledger->key[chain];
    while (key != NULL && memcmp(key->hash, hash, CR_SHA256_LEN) != 0) {
        key = key->next;
    }
    if (key == NULL) {
        key = calloc(1, sizeof *key);
        if (key == NULL) {
            abort();
        }
        memcpy(key->hash, hash, CR_SHA256_LEN);
        key->next = ledger->key[chain];
        ledger->key[chain] = key;
    }
    if (key->device[0] == '\0') {
        snprintf(key->device, sizeof key->device, "%s", device);
        snprintf(key->slot, sizeof key->slot, "%s", slot);
    }
    *claimed = key;
    return strcmp(key->device, device) == 0 && strcmp(key->slot, slot) == 0;
}

void fake_renewal_id(struct fake_ledger *ledger, char id[CR_RENEWAL_ID_CAP])
{
    snprintf(id, CR_RENEWAL_ID_CAP, "00000000-0000-4000-8000-%012u", ++ledger->renewals);
}

struct cr_cert_entry fake_entry_presented(const struct cr_job *job)
{
    struct cr_cert_entry entry = {
        .serial = job->presented.serial,
        .not_before = job->presented.not_before,
        .not_after = job->presented.not_after,
    };
    memcpy(entry.issuer, job->presented.issuer, sizeof entry.issuer);
    memcpy(entry.key_hash, job->presented.key_hash, sizeof entry.key_hash);
    return entry;
}

bool fake_entry_is(const struct cr_cert_entry *entry, const struct cr_job *job)
{
    return entry->serial.len > 0 && cr_serial_equal(&entry->serial, &job->presented.serial) &&
           strcmp(entry->issuer, job->presented.issuer) == 0;
}

int64_t fake_wait_s(const struct fake_slot *slot, const struct cr_job *job)
{
    const struct cr_config *config = &job->setup->config;
    const struct cr_slot_record *view = &slot->view;
    unsigned char hash[EVP_MAX_MD_SIZE];
    char text[2 * CR_NAME_CAP + 16];
    int len = snprintf(text, sizeof text, "%s/%s%u", job->device, view->slot, view->attempt);
    int64_t wait = cr_config_retry_first_s(config);
    if (EVP_Digest(text, (size_t)len, hash, NULL, EVP_sha1(), NULL) != 1) {
        abort();
    }
    for (unsigned i = 1; i < view->attempt && wait < cr_config_retry_max_s(config); i++) {
        wait *= 2;
    }
    wait = wait < cr_config_retry_max_s(config) ? wait : cr_config_retry_max_s(config);
    wait = wait * (98304 + (hash[0] << 8 | hash[1])) / 131072;
    return wait > 1 ? wait : 1;
}

void fake_attempt(struct fake_slot *slot, const struct cr_job *job)
{
    struct cr_slot_record *view = &slot->view;
    view->deadline = job->now_s + job->setup->config.renewal_deadline_s;
    view->retry_at = 0;
    view->due = job->now_s + fake_wait_s(slot, job);
    view->due = view->due < view->deadline ? view->due : view->deadline;
    fake_heed(slot, job->now_s, view->due, slot->was_pending);
    slot->was_pending = false;
    slot->parked = true;
}

bool fake_spent(const struct fake_slot *slot, int64_t now_s)
{
    return (slot->view.state == CR_STATE_ISSUING && slot->lease <= now_s) ||
           (slot->view.state == CR_STATE_ISSUED && slot->view.pending.not_after <= now_s);
}

/* ---- looking ---- */

void fake_show_device(struct cr_device_record *record, const struct fake_device *device)
{
    record->first_seen = device->first_seen;
    record->last_seen = device->last_seen;
    record->gap_s = device->gap_s;
    snprintf(record->broker, sizeof record->broker, "%s", device->broker);
    snprintf(record->tags, sizeof record->tags, "%s", device->tags);
    record->trust_version = device->trust_version;
    memcpy(record->factory, device->factory, sizeof record->factory);
    record->enrol = device->enrol;
}

void fake_show_slot(struct cr_slot_record *record, const struct fake_slot *slot, int64_t now_s)
{
    *record = slot->view;
    record->certificate = (struct cr_blob){ NULL, 0 };
    if (record->state == CR_STATE_TRIGGERED && record->deadline <= now_s && !record->held) {
        record->state = CR_STATE_QUIET;
        record->renewal_id[0] = '\0';
        record->reason = CR_RENEW_NONE;
        record->attempt = 0;
        record->deadline = 0;
        record->retry_at = 0;
        record->unanswered++;
    }
}

void fake_ledger_inspect(struct fake_ledger *ledger, struct cr_job *job)
{
    struct fake_device *device = fake_device_find(ledger, job->device);
    if (device == NULL) {
        fake_refuse(ledger, job, CR_REFUSAL_UNKNOWN_DEVICE, 0);
        return;
    }
    fake_expire(ledger, job, fake_slot_find(device, job->slot));
    fake_answer_record(job, device, FAKE_ALL_SLOTS, false);
}
