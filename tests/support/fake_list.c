/* LIST: a page of the slots that match a filter. */
#include "tests/support/fake_inside.h"

#include "plugin/store/records.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MAX = 256 };

bool fake_alerted(const struct fake_slot *slot)
{
    return slot->shown;
}

/* ---- the order ---- */

struct spot {
    const struct fake_device *device;
    const struct fake_slot *slot;
    struct cr_list_place place;
};

static int order(const struct cr_list_place *a, const struct cr_list_place *b)
{
    if (a->bucket != b->bucket) {
        return a->bucket < b->bucket ? -1 : 1;
    }
    if ((a->member[0] == '\0') != (b->member[0] == '\0')) {
        return a->member[0] == '\0' ? -1 : 1;
    }
    if (a->score != b->score) {
        return a->score < b->score ? -1 : 1;
    }
    return strcmp(a->member, b->member);
}

/* The first one behind `after`. False: there is none. */
static bool next_spot(const struct fake_ledger *ledger, enum cr_list_source source, const struct cr_list_place *after,
                      struct spot *next)
{
    next->slot = NULL;
    for (const struct fake_device *device = fake_device_next(ledger, NULL); device != NULL;
         device = fake_device_next(ledger, device)) {
        struct cr_list_place place = { .bucket = fake_bucket(device->id) };
        if (place.bucket < after->bucket || (next->slot != NULL && place.bucket > next->place.bucket)) {
            continue;
        }
        for (unsigned i = 0; i < device->slot_count; i++) {
            const struct fake_slot *slot = &device->slot[i];
            if (slot->view.current.serial.len == 0 || (source == CR_LIST_ALERTS && !fake_alerted(slot))) {
                continue;
            }
            place.score = slot->view.current.not_after;
            snprintf(place.member, sizeof place.member, "%s/%s", device->id, slot->view.slot);
            if (order(&place, after) > 0 && (next->slot == NULL || order(&place, &next->place) < 0)) {
                *next = (struct spot){ device, slot, place };
            }
        }
    }
    return next->slot != NULL;
}

/* ---- what matches ---- */

static bool has_tag(const struct fake_device *device, const char *tag)
{
    char text[CR_TAG_CAP + 2];
    snprintf(text, sizeof text, ",%s,", tag);
    return tag[0] == '\0' || strstr(device->tags, text) != NULL;
}

/* Of the fleet, in parts of a million. */
static unsigned part_of(const char *campaign, const char *device)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    char text[CR_CAMPAIGN_ID_CAP + CR_NAME_CAP];
    int len = snprintf(text, sizeof text, "%s%s", campaign, device);
    if (EVP_Digest(text, (size_t)len, hash, NULL, EVP_sha1(), NULL) != 1) {
        abort();
    }
    uint64_t first = (uint64_t)hash[0] << 24 | (uint64_t)hash[1] << 16 | (uint64_t)hash[2] << 8 | hash[3];
    return (unsigned)(first * CR_SHARE_ALL >> 32);
}

static bool picked(const struct cr_pick *pick, const struct spot *spot)
{
    return pick->campaign[0] == '\0' ||
           (strcmp(spot->slot->view.campaign.id, pick->campaign) != 0 && has_tag(spot->device, pick->tag) &&
            part_of(pick->campaign, spot->device->id) < pick->share);
}

static bool state_matches(enum cr_filter_state wanted, const struct cr_slot_record *slot)
{
    switch (wanted) {
    case CR_FILTER_ANY:
        return true;
    case CR_FILTER_QUIET:
        return slot->state == CR_STATE_QUIET;
    case CR_FILTER_TRIGGERED:
        return slot->state == CR_STATE_TRIGGERED;
    case CR_FILTER_ISSUING:
        return slot->state == CR_STATE_ISSUING;
    case CR_FILTER_ISSUED:
        return slot->state == CR_STATE_ISSUED;
    case CR_FILTER_HELD:
        return slot->held;
    }
    return false;
}

static bool alert_matches(const struct cr_list *list, const struct cr_slot_alert *alert)
{
    const struct cr_filter *filter = &list->filter;
    if (list->source == CR_LIST_ALERTS && filter->acknowledged >= 0 &&
        (alert->acknowledged != 0) != (filter->acknowledged != 0)) {
        return false;
    }
    if (filter->level == CR_LEVEL_NONE) {
        return true;
    }
    return alert->since > 0 &&
           (filter->level == CR_LEVEL_FIELD ? alert->stage == CR_CALL_FIELD : alert->level >= filter->level);
}

static bool trust_matches(const struct cr_filter *filter, const struct fake_device *device,
                          const struct cr_slot_record *slot)
{
    return (filter->issued_after == 0 || slot->current.not_before >= filter->issued_after) &&
           (filter->issued_before == 0 || slot->current.not_before < filter->issued_before) &&
           (filter->factory[0] == '\0' || strcmp(filter->factory, device->factory) == 0) &&
           (filter->revoked == '\0' || (filter->revoked == 'y') == (slot->revoked.at != 0)) &&
           (filter->trust_before == 0 || device->trust_version < filter->trust_before);
}

static bool matches(const struct cr_list *list, const struct spot *spot, const struct cr_slot_record *slot, int64_t now_s)
{
    const struct cr_filter *filter = &list->filter;
    const struct fake_device *device = spot->device;
    return state_matches(filter->state, slot) && (filter->slot[0] == '\0' || strcmp(filter->slot, slot->slot) == 0) &&
           (filter->issuer[0] == '\0' || strcmp(filter->issuer, slot->current.issuer) == 0) &&
           has_tag(device, filter->tag) && strncmp(device->id, filter->prefix, strlen(filter->prefix)) == 0 &&
           (filter->campaign[0] == '\0' || strcmp(filter->campaign, slot->campaign.id) == 0) &&
           (filter->expires_within_s == 0 || slot->current.not_after <= now_s + filter->expires_within_s) &&
           (filter->not_seen_for_s == 0 || device->last_seen <= now_s - filter->not_seen_for_s) &&
           trust_matches(filter, device, slot) && alert_matches(list, &slot->alert) && picked(&list->pick, spot);
}

/* ---- a page ---- */

static void add_row(struct cr_list *list, const struct spot *spot, const struct cr_slot_record *slot)
{
    struct cr_device_record *shown;
    struct cr_row *row = &list->row[list->count++];
    if (cr_device_record_new(&shown) != CR_OK) {
        abort();
    }
    fake_show_device(shown, spot->device);
    *row = (struct cr_row){ .first_seen = shown->first_seen, .last_seen = shown->last_seen, .gap_s = shown->gap_s };
    snprintf(row->device, sizeof row->device, "%s", spot->device->id);
    memcpy(row->broker, shown->broker, sizeof row->broker);
    memcpy(row->tags, shown->tags, sizeof row->tags);
    memcpy(row->factory, shown->factory, sizeof row->factory);
    row->trust_version = shown->trust_version;
    row->slot = *slot;
    cr_device_record_free(shown);
}

void fake_list(struct fake_ledger *ledger, struct cr_job *job)
{
    struct cr_list *list = job->list;
    struct cr_list_place place;
    if (!cr_list_place_read(&place, list->cursor, FAKE_BUCKETS)) {
        fake_refuse(ledger, job, CR_REFUSAL_UNKNOWN_CURSOR, 0);
        return;
    }
    unsigned limit = list->limit == 0 || list->limit > CR_PAGE_MAX ? CR_PAGE_MAX : list->limit;
    list->row = calloc(limit, sizeof *list->row);
    if (list->row == NULL) {
        abort();
    }
    struct spot spot;
    bool more;
    while ((more = next_spot(ledger, list->source, &place, &spot)) && list->looked < LOOK_MAX && list->count < limit) {
        struct cr_slot_record slot;
        fake_show_slot(&slot, spot.slot, job->now_s);
        place = spot.place;
        list->looked++;
        if (matches(list, &spot, &slot, job->now_s)) {
            list->matched++;
            if (!list->count_only) {
                add_row(list, &spot, &slot);
            }
        }
    }
    list->cursor[0] = '\0';
    if (more) {
        cr_list_place_write(list->cursor, &place);
    }
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}
