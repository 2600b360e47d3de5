/* The survey: how a part of the fleet is asked for, and the whole one kept. */
#include "plugin/store/records.h"
#include "plugin/store/survey.h"

#include <stdio.h>
#include <string.h>

static cr_err survey_args_end(const struct cr_args *args)
{
    return args->overflow ? CR_FULL : CR_OK;
}

static void survey_args_start(struct cr_args *args, enum cr_script script, const struct cr_redis_key *key)
{
    cr_args_start(args, "EVALSHA");
    args->script = script;
    cr_args_bytes(args, "", 0);
    cr_args_bytes(args, "1", 1);
    cr_args_bytes(args, key->text, key->len);
}

cr_err cr_args_survey(struct cr_args *args, const struct cr_records *records, const struct cr_survey_place *place,
                      int64_t now_s)
{
    struct cr_redis_key *key = &args->keys.expiry;
    int len = snprintf(key->text, sizeof key->text, "%s:{b%02u}:expiry", records->prefix, place->bucket);

    if (len < 0 || (size_t)len >= sizeof key->text) {
        return CR_FULL;
    }
    key->len = (size_t)len;
    survey_args_start(args, CR_SCRIPT_SURVEY, key);
    cr_args_number(args, now_s);
    cr_args_text(args, place->scan);
    cr_args_number(args, CR_SURVEY_PIECE);
    cr_args_number(args, CR_FORECAST_DAYS);
    return survey_args_end(args);
}

cr_err cr_args_survey_keep(struct cr_args *args, const struct cr_records *records, enum cr_survey_verb verb,
                           int64_t now_s, const char *broker, const char *figures)
{
    cr_records_plain_key(&args->keys.expiry, records, "survey");
    survey_args_start(args, CR_SCRIPT_SURVEY_KEEP, &args->keys.expiry);
    cr_args_text(args, verb == CR_SURVEY_SAVE ? "save" : verb == CR_SURVEY_LOAD ? "load" : "read");
    cr_args_number(args, now_s);
    cr_args_text(args, broker);
    cr_args_number(args, CR_SURVEY_EVERY_S);
    cr_args_number(args, CR_SURVEY_CLAIM_S);
    cr_args_text(args, figures);
    return survey_args_end(args);
}

bool cr_survey_place_read(struct cr_survey_place *place, const char *cursor, unsigned buckets)
{
    size_t digits = strspn(cursor, "0123456789"), len;

    *place = (struct cr_survey_place){ .scan = "0" };
    if (cursor[0] == '\0') {
        return true;
    }
    for (size_t i = 0; i < digits && place->bucket < buckets; i++) {
        place->bucket = place->bucket * 10 + (unsigned)(cursor[i] - '0');
    }
    if (digits == 0 || place->bucket >= buckets || cursor[digits] != ':') {
        return false;
    }
    cursor += digits + 1;
    len = strlen(cursor);
    if (len == 0 || len >= sizeof place->scan || strspn(cursor, "0123456789") != len) {
        return false;
    }
    memcpy(place->scan, cursor, len + 1);
    return true;
}

void cr_survey_place_write(char cursor[CR_CURSOR_CAP], const struct cr_survey_place *place)
{
    (void)snprintf(cursor, CR_CURSOR_CAP, "%u:%s", place->bucket, place->scan);
}
