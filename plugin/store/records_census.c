/* The census: which slots are counted next, and how that is asked for. */
#include "plugin/store/records.h"

#include <string.h>

bool cr_census_place_read(struct cr_census_place *place, const char *cursor, unsigned buckets)
{
    *place = (struct cr_census_place){ .first = true };
    if (cursor[0] == '\0') {
        return cr_survey_place_read(&place->at, "", buckets);
    }
    place->first = cursor[0] == 'a';
    return (cursor[0] == 'e' || cursor[0] == 'a') && cursor[1] != '\0' &&
           cr_survey_place_read(&place->at, cursor + 1, buckets);
}

void cr_census_place_write(char cursor[CR_CURSOR_CAP], const struct cr_census_place *place, unsigned buckets)
{
    char at[CR_CURSOR_CAP];
    cursor[0] = '\0';
    if (place->at.bucket >= buckets) {
        return;
    }
    cr_survey_place_write(at, &place->at);
    cursor[0] = place->first ? 'a' : 'e';
    memcpy(cursor + 1, at, strnlen(at, CR_CURSOR_CAP - 2));
    cursor[1 + strnlen(at, CR_CURSOR_CAP - 2)] = '\0';
}

bool cr_census_place_move(struct cr_census_place *place, struct cr_bytes scan)
{
    if (scan.len == 0 || scan.len >= sizeof place->at.scan) {
        return false;
    }
    memcpy(place->at.scan, scan.data, scan.len);
    place->at.scan[scan.len] = '\0';
    if (strspn(place->at.scan, "0123456789") != scan.len) {
        return false;
    }
    if (strcmp(place->at.scan, "0") == 0) {
        place->at.bucket += !place->first;
        place->first = !place->first;
    }
    return true;
}

cr_err cr_args_census(struct cr_args *args, const struct cr_records *records, const struct cr_census *census,
                      const struct cr_census_place *place, int64_t now_s, unsigned looks)
{
    struct cr_device_keys *keys = &args->keys;
    cr_err err = CR_FULL;
    CR_TRY(cr_records_bucket_key(&keys->expiry, records, place->at.bucket, "expiry"));
    CR_TRY(cr_records_bucket_key(&keys->agenda, records, place->at.bucket, "agenda"));
    CR_TRY(cr_records_bucket_key(&keys->device, records, place->at.bucket, "device:"));
    cr_args_start(args, "EVALSHA");
    args->script = CR_SCRIPT_CENSUS;
    cr_args_bytes(args, "", 0);
    cr_args_bytes(args, "2", 1);
    cr_args_bytes(args, keys->expiry.text, keys->expiry.len);
    cr_args_bytes(args, keys->agenda.text, keys->agenda.len);
    cr_args_number(args, now_s);
    cr_args_bytes(args, place->first ? "a" : "e", 1);
    cr_args_copy(args, place->at.scan);
    cr_args_number(args, looks);
    cr_args_text(args, census->issuer);
    cr_args_bytes(args, keys->device.text, keys->device.len);
    cr_args_number(args, (int64_t)census->trust_version);
    cr_args_text(args, census->trust_slot);
    err = args->overflow ? CR_FULL : CR_OK;
out:
    return err;
}
