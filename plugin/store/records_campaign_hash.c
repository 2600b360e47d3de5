/* A campaign's hash in Redis: a table of its fields, and those of its groups. */
#include "plugin/store/records_campaign.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

static const char *pause_word(unsigned pause)
{
    return pause == CR_PAUSE_NONE ? "-" : cr_campaign_pause_text((enum cr_campaign_pause)pause);
}

static const char *state_word(unsigned state)
{
    return cr_campaign_state_text((enum cr_campaign_state)state);
}

static const char *reason_word(unsigned reason)
{
    return reason == CR_RENEW_NONE ? "-" : cr_renew_reason_text((enum cr_renew_reason)reason);
}

static const char *filter_word(unsigned state)
{
    static const char *const text[] = { "any", "quiet", "triggered", "issuing", "issued", "held" };
    return state < sizeof text / sizeof text[0] ? text[state] : "";
}

static const char *level_word(unsigned level)
{
    static const char *const text[] = { "none", "notice", "warning", "critical", "field" };
    return level < sizeof text / sizeof text[0] ? text[level] : "";
}

/* ---- the table ---- */

enum kind { TEXT, LONG, COUNT, WORD, TRUTH, SIGNED, LETTER };

static const struct field {
    const char *name;
    enum kind kind;
    size_t at, size;
    const char *(*word)(unsigned value); /* WORD: of each value; "" or NULL beyond the last */
    bool needed;
} fields[] = {
#define AT(MEMBER) offsetof(struct cr_campaign, MEMBER), sizeof((struct cr_campaign *)0)->MEMBER
    { "name", TEXT, AT(name), NULL, false },
    { "by", TEXT, AT(by), NULL, false },
    { "why", WORD, AT(reason), reason_word, true },
    { "made", LONG, AT(created), NULL, true },
    { "start", LONG, AT(start), NULL, false },
    { "end", LONG, AT(deadline), NULL, false },
    { "rate", COUNT, AT(rate_per_s), NULL, false },
    { "fst", WORD, AT(filter.state), filter_word, true },
    { "fslot", TEXT, AT(filter.slot), NULL, false },
    { "fiss", TEXT, AT(filter.issuer), NULL, false },
    { "ftag", TEXT, AT(filter.tag), NULL, false },
    { "fpre", TEXT, AT(filter.prefix), NULL, false },
    { "fcmp", TEXT, AT(filter.campaign), NULL, false },
    { "fwithin", LONG, AT(filter.expires_within_s), NULL, true },
    { "funseen", LONG, AT(filter.not_seen_for_s), NULL, true },
    { "flevel", WORD, AT(filter.level), level_word, true },
    { "fafter", LONG, AT(filter.issued_after), NULL, false },
    { "fbefore", LONG, AT(filter.issued_before), NULL, false },
    { "ffac", TEXT, AT(filter.factory), NULL, false },
    { "frev", LETTER, AT(filter.revoked), NULL, false },
    { "ftrust", LONG, AT(filter.trust_before), NULL, false },
    { "fack", SIGNED, AT(filter.acknowledged), NULL, true },
    { "n", COUNT, AT(group_count), NULL, true },
    { "st", WORD, AT(state), state_word, true },
    { "was", WORD, AT(before_pause), state_word, true },
    { "pause", WORD, AT(pause), pause_word, true },
    { "at", COUNT, AT(at), NULL, true },
    { "walked", TRUTH, AT(walked), NULL, true },
    { "cur", TEXT, AT(cursor), NULL, false },
    { "run", TEXT, AT(runner), NULL, false },
    { "until", LONG, AT(runner_until), NULL, false },
#undef AT
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

_Static_assert(sizeof(enum cr_campaign_state) == sizeof(unsigned) && sizeof(enum cr_renew_reason) == sizeof(unsigned),
               "words are kept as unsigned");

/* ---- writing ---- */

struct lines {
    char *text;
    size_t len;
    bool bad;
};

static void line(struct lines *lines, const char *format, ...) CR_PRINTF(2, 3);
static void line(struct lines *lines, const char *format, ...)
{
    size_t room = CR_CAMPAIGN_TEXT_CAP - lines->len;
    va_list list;
    va_start(list, format);
    int len = vsnprintf(lines->text + lines->len, room, format, list);
    va_end(list);
    lines->bad = lines->bad || len < 2 || (size_t)len >= room;
    for (int i = 0; !lines->bad && i < len; i++) { /* one line, and the only thing that ends it is its end */
        unsigned char c = (unsigned char)lines->text[lines->len + (size_t)i];
        lines->bad = (c < ' ' || c == 0x7f) != (i == len - 1);
    }
    lines->len += lines->bad ? 0 : (size_t)len;
}

static unsigned unsigned_of(const void *member)
{
    unsigned value;
    memcpy(&value, member, sizeof value);
    return value;
}

static void field_write(struct lines *lines, const struct field *field, const struct cr_campaign *campaign)
{
    const void *member = (const char *)campaign + field->at;
    int64_t number = 0;
    int small = 0;
    switch (field->kind) {
    case TEXT:
        line(lines, "%s %.*s\n", field->name, (int)field->size - 1, (const char *)member);
        break;
    case LONG:
        memcpy(&number, member, sizeof number);
        line(lines, "%s %" PRId64 "\n", field->name, number);
        break;
    case COUNT:
        line(lines, "%s %u\n", field->name, unsigned_of(member));
        break;
    case WORD:
        lines->bad = lines->bad || field->word(unsigned_of(member))[0] == '\0';
        line(lines, "%s %s\n", field->name, field->word(unsigned_of(member)));
        break;
    case TRUTH:
        line(lines, "%s %d\n", field->name, *(const bool *)member ? 1 : 0);
        break;
    case LETTER:
        line(lines, "%s %c\n", field->name, *(const char *)member != '\0' ? *(const char *)member : '-');
        break;
    case SIGNED:
        memcpy(&small, member, sizeof small);
        line(lines, "%s %d\n", field->name, small);
        break;
    }
}

cr_err cr_campaign_write(char text[CR_CAMPAIGN_TEXT_CAP], const struct cr_campaign *campaign)
{
    struct lines lines = { .text = text };
    if (campaign->group_count < 1 || campaign->group_count > CR_CAMPAIGN_GROUPS) {
        return CR_INVALID;
    }
    for (size_t i = 0; i < FIELDS; i++) {
        field_write(&lines, &fields[i], campaign);
    }
    for (unsigned i = 0; i < campaign->group_count; i++) {
        const struct cr_campaign_group *group = &campaign->group[i];
        line(&lines, "g%u %u %u %u %u %u\n", i, group->share, group->success_permille, group->error_permille,
             group->total, group->forgiven);
        line(&lines, "g%uname %s\n", i, group->name);
        line(&lines, "g%utag %s\n", i, group->tag);
    }
    return lines.bad ? CR_INVALID : CR_OK;
}

/* ---- reading ---- */

static cr_err number_read(int64_t *number, struct cr_bytes text)
{
    enum { DIGITS_MAX = 18 };
    bool negative = text.len > 1 && text.data[0] == '-';
    *number = 0;
    text.data += negative;
    text.len -= negative;
    if (text.len < 1 || text.len > DIGITS_MAX) {
        return CR_INVALID;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return CR_INVALID;
        }
        *number = *number * 10 + (text.data[i] - '0');
    }
    *number = negative ? -*number : *number;
    return CR_OK;
}

static cr_err count_read(unsigned *count, struct cr_bytes text)
{
    int64_t number;
    cr_err err = number_read(&number, text);
    if (err != CR_OK || number < 0 || number > UINT32_MAX) {
        return CR_INVALID;
    }
    *count = (unsigned)number;
    return CR_OK;
}

static cr_err text_read(char *text, size_t cap, struct cr_bytes from)
{
    if (from.len >= cap) {
        return CR_INVALID;
    }
    for (size_t i = 0; i < from.len; i++) {
        if (from.data[i] < ' ' || from.data[i] == 0x7f) {
            return CR_INVALID;
        }
    }
    memcpy(text, from.data, from.len);
    text[from.len] = '\0';
    return CR_OK;
}

static bool bytes_are(struct cr_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

static cr_err word_read(unsigned *value, const struct field *field, struct cr_bytes text)
{
    enum { WORDS_MAX = 16 };
    for (*value = 0; *value < WORDS_MAX; ++*value) {
        const char *word = field->word(*value);
        if (word[0] == '\0') {
            break;
        }
        if (bytes_are(text, word)) {
            return CR_OK;
        }
    }
    return CR_INVALID;
}

static cr_err field_read(struct cr_campaign *campaign, const struct field *field, struct cr_bytes value)
{
    void *member = (char *)campaign + field->at;
    cr_err err = CR_INVALID;
    int64_t number = 0;
    unsigned count = 0;
    int small;
    switch (field->kind) {
    case TEXT:
        return text_read(member, field->size, value);
    case LONG:
        CR_TRY(number_read(&number, value));
        memcpy(member, &number, sizeof number);
        break;
    case COUNT:
        CR_TRY(count_read(&count, value));
        memcpy(member, &count, sizeof count);
        break;
    case WORD:
        CR_TRY(word_read(&count, field, value));
        memcpy(member, &count, sizeof count);
        break;
    case TRUTH:
        CR_TRY(count_read(&count, value));
        *(bool *)member = count != 0;
        break;
    case LETTER:
        err = value.len == 1 ? CR_OK : CR_INVALID;
        *(char *)member = err == CR_OK && (value.data[0] == 'y' || value.data[0] == 'n') ? (char)value.data[0] : '\0';
        break;
    case SIGNED:
        CR_TRY(number_read(&number, value));
        small = number < -1 ? -1 : number > 1 ? 1 : (int)number;
        memcpy(member, &small, sizeof small);
        break;
    }
out:
    return err;
}

/* "share success error total forgiven" */
static cr_err group_read(struct cr_campaign_group *group, struct cr_bytes value)
{
    unsigned *const number[] = { &group->share, &group->success_permille, &group->error_permille, &group->total,
                                 &group->forgiven };
    enum { NUMBERS = sizeof number / sizeof number[0] };
    for (unsigned i = 0; i < NUMBERS; i++) {
        const uint8_t *blank = value.len > 0 ? memchr(value.data, ' ', value.len) : NULL;
        size_t len = blank != NULL ? (size_t)(blank - value.data) : value.len;
        cr_err err = count_read(number[i], (struct cr_bytes){ value.data, len });
        if (err != CR_OK || (blank == NULL) != (i == NUMBERS - 1)) {
            return CR_INVALID;
        }
        value.data += blank != NULL ? len + 1 : len;
        value.len -= blank != NULL ? len + 1 : len;
    }
    return CR_OK;
}

/* g0, g0name, g0tag; groups: which were there. */
static cr_err group_field(struct cr_campaign *campaign, struct cr_bytes name, struct cr_bytes value, unsigned *groups)
{
    unsigned at = name.len >= 2 && name.data[0] == 'g' ? (unsigned)(name.data[1] - '0') : CR_CAMPAIGN_GROUPS;
    if (at >= CR_CAMPAIGN_GROUPS) {
        return CR_OK; /* v, job, prev, and what a later version may add */
    }
    struct cr_campaign_group *group = &campaign->group[at];
    struct cr_bytes rest = { name.data + 2, name.len - 2 };
    if (rest.len == 0) {
        *groups |= 1u << at;
        return group_read(group, value);
    }
    return bytes_are(rest, "name")  ? text_read(group->name, sizeof group->name, value)
           : bytes_are(rest, "tag") ? text_read(group->tag, sizeof group->tag, value)
                                    : CR_OK;
}

/* All that must be there is. */
static bool campaign_whole(const struct cr_campaign *campaign, uint32_t seen, unsigned groups)
{
    for (size_t i = 0; i < FIELDS; i++) {
        if (fields[i].needed && (seen & 1u << i) == 0) {
            return false;
        }
    }
    if (campaign->version == 0 || campaign->group_count < 1 || campaign->group_count > CR_CAMPAIGN_GROUPS ||
        campaign->at >= campaign->group_count) {
        return false;
    }
    unsigned all = (1u << campaign->group_count) - 1;
    return (groups & all) == all;
}

cr_err cr_campaign_read(struct cr_campaign *campaign, const char *id, const struct cr_bytes *pair, unsigned count)
{
    uint32_t seen = 0;
    unsigned groups = 0;
    cr_err err = CR_INVALID;
    *campaign = (struct cr_campaign){ .version = 0 };
    CR_TRY(cr_text_copy(campaign->id, sizeof campaign->id, id));
    for (unsigned i = 0; i + 1 < count; i += 2) {
        size_t at = 0;
        int64_t version;
        CR_TRY(pair[i].data != NULL && pair[i + 1].data != NULL ? CR_OK : CR_INVALID);
        while (at < FIELDS && !bytes_are(pair[i], fields[at].name)) {
            at++;
        }
        if (at < FIELDS) {
            seen |= 1u << at;
            CR_TRY(field_read(campaign, &fields[at], pair[i + 1]));
        } else if (bytes_are(pair[i], "v")) {
            CR_TRY(number_read(&version, pair[i + 1]));
            campaign->version = version > 0 ? (uint64_t)version : 0;
        } else {
            CR_TRY(group_field(campaign, pair[i], pair[i + 1], &groups));
        }
    }
    CR_TRY(campaign_whole(campaign, seen, groups) ? CR_OK : CR_INVALID);
    memset(campaign->group + campaign->group_count, 0, /* of a time when there were more */
           (CR_CAMPAIGN_GROUPS - campaign->group_count) * sizeof campaign->group[0]);
out:
    return err;
}
