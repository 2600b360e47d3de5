#include "plugin/store/records_campaign.h"

#include <stdio.h>
#include <string.h>

static const char *const state_text[CR_CAMPAIGN_STATES] = {
    [CR_CAMPAIGN_COUNTING] = "counting", [CR_CAMPAIGN_WAITING] = "waiting",   [CR_CAMPAIGN_RUNNING] = "running",
    [CR_CAMPAIGN_PAUSED] = "paused",     [CR_CAMPAIGN_ABORTING] = "aborting", [CR_CAMPAIGN_ABORTED] = "aborted",
    [CR_CAMPAIGN_DONE] = "done",
};

const char *cr_campaign_state_text(enum cr_campaign_state state)
{
    return (unsigned)state < CR_CAMPAIGN_STATES ? state_text[state] : "";
}

const char *cr_campaign_pause_text(enum cr_campaign_pause pause)
{
    static const char *const text[] = { "", "operator", "errors", "deadline" };
    return (unsigned)pause < sizeof text / sizeof text[0] ? text[pause] : "";
}

bool cr_campaign_ended(enum cr_campaign_state state)
{
    return state == CR_CAMPAIGN_ABORTED || state == CR_CAMPAIGN_DONE;
}

unsigned *cr_campaign_count(struct cr_campaign_counts *counts, char letter)
{
    switch (letter) {
    case 'a':
        return &counts->asked;
    case 'r':
        return &counts->renewed;
    case 'f':
        return &counts->failed;
    case 'u':
        return &counts->unanswered;
    case 'c':
        return &counts->cancelled;
    case 's':
        return &counts->skipped;
    default:
        return NULL;
    }
}

/* "" where it only went on. */
static const char *change_word(const struct cr_campaign_course *before, const struct cr_campaign *campaign)
{
    if (before == NULL) {
        return "created";
    }
    if (before->state == campaign->state) {
        return before->at < campaign->at && campaign->state == CR_CAMPAIGN_RUNNING ? "group" : "";
    }
    if (before->state == CR_CAMPAIGN_PAUSED && campaign->state < CR_CAMPAIGN_PAUSED) {
        return "resumed";
    }
    switch (campaign->state) {
    case CR_CAMPAIGN_RUNNING:
        return "started";
    case CR_CAMPAIGN_PAUSED:
    case CR_CAMPAIGN_ABORTING:
    case CR_CAMPAIGN_ABORTED:
    case CR_CAMPAIGN_DONE:
        return cr_campaign_state_text(campaign->state);
    default:
        return "";
    }
}

bool cr_campaign_change(char text[CR_CAMPAIGN_CHANGE_CAP], const struct cr_campaign_course *before,
                        const struct cr_campaign *campaign)
{
    const char *word = change_word(before, campaign);
    char more[CR_TAG_CAP + 16] = "";
    if (strcmp(word, "group") == 0) {
        (void)snprintf(more, sizeof more, " %u %s", campaign->at,
                       campaign->at < CR_CAMPAIGN_GROUPS ? campaign->group[campaign->at].name : "");
    } else if (strcmp(word, "paused") == 0 && campaign->pause != CR_PAUSE_NONE) {
        (void)snprintf(more, sizeof more, " by %s", cr_campaign_pause_text(campaign->pause));
    }
    (void)snprintf(text, CR_CAMPAIGN_CHANGE_CAP, "%s %s%s%s%s", campaign->id, word, more,
                   campaign->name[0] != '\0' ? ": " : "", campaign->name);
    return word[0] != '\0';
}

/* ---- in Redis ---- */

bool cr_campaign_id_ok(const char *id)
{
    return strlen(id) == CR_CAMPAIGN_ID_CAP - 1 && strspn(id, "0123456789abcdef") == CR_CAMPAIGN_ID_CAP - 1;
}

cr_err cr_campaign_course_read(struct cr_campaign_course *course, struct cr_bytes text)
{
    char copy[64], state[16], pause[16];
    *course = (struct cr_campaign_course){ .at = 0 };
    if (text.data == NULL || text.len >= sizeof copy) {
        return CR_INVALID;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (sscanf(copy, "%15s %15s %3u", state, pause, &course->at) != 3) {
        return CR_INVALID;
    }
    while (course->state < CR_CAMPAIGN_STATES && strcmp(state, state_text[course->state]) != 0) {
        course->state++;
    }
    while (course->pause <= CR_PAUSE_DEADLINE && strcmp(pause, cr_campaign_pause_text(course->pause)) != 0) {
        course->pause++;
    }
    course->pause = course->pause > CR_PAUSE_DEADLINE ? CR_PAUSE_NONE : course->pause;
    return course->state < CR_CAMPAIGN_STATES ? CR_OK : CR_INVALID;
}

/* "<group>:<letter>" */
void cr_campaign_add(struct cr_campaign *campaign, struct cr_bytes name, struct cr_bytes value)
{
    unsigned group = name.len == 3 && name.data[1] == ':' ? (unsigned)(name.data[0] - '0') : CR_CAMPAIGN_GROUPS;
    unsigned *count =
        group < CR_CAMPAIGN_GROUPS ? cr_campaign_count(&campaign->group[group].counts, (char)name.data[2]) : NULL;
    unsigned number = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9' || i > 8) {
            return; /* below nothing: Redis forgot what was there before */
        }
        number = number * 10 + (unsigned)(value.data[i] - '0');
    }
    if (count != NULL) {
        *count += number;
    }
}

static void script_start(struct cr_args *args, enum cr_script script, const struct cr_redis_key *key)
{
    cr_args_start(args, "EVALSHA");
    args->script = script;
    cr_args_bytes(args, "", 0); /* its SHA-1, by who sends it */
    cr_args_text(args, "1");
    cr_args_bytes(args, key->text, key->len);
}

static cr_err args_start(struct cr_args *args, const struct cr_records *records, const char *what, const char *id)
{
    cr_records_plain_key(&args->keys.agenda, records, "{campaigns}");
    script_start(args, CR_SCRIPT_CAMPAIGN, &args->keys.agenda);
    cr_args_text(args, what);
    cr_args_text(args, id);
    cr_args_number(args, CR_CAMPAIGNS_MAX);
    return args->overflow ? CR_FULL : CR_OK;
}

cr_err cr_args_campaign_read(struct cr_args *args, const struct cr_records *records, const char *id)
{
    return args_start(args, records, "read", id);
}

cr_err cr_args_campaign_damaged(struct cr_args *args, const struct cr_records *records, const char *id)
{
    return args_start(args, records, "damaged", id);
}

cr_err cr_args_campaign_write(struct cr_args *args, const struct cr_records *records,
                              const struct cr_campaign *campaign, bool create, const char *write, const char *text)
{
    cr_err err = args_start(args, records, create ? "create" : "write", campaign->id);
    cr_args_number(args, create ? 0 : (int64_t)campaign->version);
    cr_args_text(args, write);
    cr_args_text(args, text);
    cr_args_number(args, campaign->created);
    cr_args_number(args, cr_campaign_ended(campaign->state) ? CR_CAMPAIGN_KEEP_S : 0);
    return err == CR_OK && !args->overflow ? CR_OK : CR_FULL;
}

cr_err cr_args_counts(struct cr_args *args, const struct cr_records *records, unsigned bucket, const char *ids)
{
    struct cr_redis_key *key = &args->keys.agenda;
    int len = snprintf(key->text, sizeof key->text, "%s:{b%02u}:campaign", records->prefix, bucket);
    key->len = len > 0 ? (size_t)len : 0;
    script_start(args, CR_SCRIPT_COUNTS, key);
    cr_args_text(args, ids);
    return key->len > 0 && key->len < sizeof key->text && !args->overflow ? CR_OK : CR_FULL;
}
