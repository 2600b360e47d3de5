/* HISTORY: a page of the audit stream. */
#include "tests/support/fake_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool wanted(const struct cr_history *history, const struct fake_line *line)
{
    int64_t at_s = line->ms / 1000;
    return (history->device[0] == '\0' || strcmp(history->device, line->device) == 0) &&
           (history->slot[0] == '\0' || strcmp(history->slot, line->slot) == 0) &&
           (history->what[0] == '\0' || strcmp(history->what, line->what) == 0) &&
           strncmp(history->who, line->who, strlen(history->who)) == 0 &&
           (history->since <= 0 || at_s >= history->since) && (history->until <= 0 || at_s <= history->until);
}

static void field_add(struct cr_blob *fields, const char *name, const char *value)
{
    size_t name_len = strlen(name) + 1, value_len = strlen(value) + 1;
    if (value[0] == '\0') {
        return;
    }
    uint8_t *data = realloc(fields->data, fields->len + name_len + value_len);
    if (data == NULL) {
        abort();
    }
    memcpy(data + fields->len, name, name_len);
    memcpy(data + fields->len + name_len, value, value_len);
    fields->data = data;
    fields->len += name_len + value_len;
}

static void entry_make(struct cr_history_entry *entry, const struct fake_line *line)
{
    char time[32];
    snprintf(entry->id, sizeof entry->id, "%lld-%u", (long long)line->ms, line->number);
    snprintf(time, sizeof time, "%lld", (long long)(line->ms / 1000));
    field_add(&entry->fields, "time", time);
    field_add(&entry->fields, "what", line->what);
    field_add(&entry->fields, "device", line->device);
    field_add(&entry->fields, "slot", line->slot);
    field_add(&entry->fields, "who", line->who);
    field_add(&entry->fields, "detail", line->detail);
}

/* Whether the line is behind the cursor, in the order asked for. */
static bool behind(const struct cr_history *history, long long ms, unsigned number, const struct fake_line *line)
{
    if (history->oldest_first) {
        return line->ms > ms || (line->ms == ms && line->number > number);
    }
    return line->ms < ms || (line->ms == ms && line->number < number);
}

/* Digits, a dash, digits. */
static bool is_id(const char *text)
{
    static const char digits[] = "0123456789";
    size_t first = strspn(text, digits), second = text[first] == '-' ? strspn(text + first + 1, digits) : 0;
    return first > 0 && first < 20 && second > 0 && second < 20 && text[first + 1 + second] == '\0';
}

static const struct fake_line *next(const struct fake_line *lines, const struct fake_line *after, bool oldest_first)
{
    const struct fake_line *line = lines;
    if (!oldest_first) {
        return after == NULL ? lines : after->next;
    }
    while (line != NULL && line->next != after) { /* the newest is the first of the list */
        line = line->next;
    }
    return line;
}

/* Neither in the inventory nor in a line of the log. */
static bool is_unknown(const struct fake_ledger *ledger, const char *device)
{
    const struct fake_line *line = device[0] != '\0' ? fake_lines(ledger) : NULL;
    while (line != NULL && strcmp(line->device, device) != 0) {
        line = line->next;
    }
    return device[0] != '\0' && line == NULL && fake_device_find(ledger, device) == NULL;
}

void fake_history(struct fake_ledger *ledger, struct cr_job *job)
{
    struct cr_history *history = job->history;
    long long ms = history->oldest_first ? -1 : INT64_MAX;
    unsigned number = 0;
    size_t len = strlen(history->cursor);
    bool sought = len > 0 && history->cursor[len - 1] == '/' && history->device[0] != '\0'; /* so far in vain */
    if (sought) {
        history->cursor[len - 1] = '\0';
    }
    if (history->cursor[0] != '\0' &&
        (!is_id(history->cursor) || sscanf(history->cursor, "%lld-%u", &ms, &number) != 2)) {
        fake_refuse(ledger, job, CR_REFUSAL_UNKNOWN_CURSOR, 0);
        return;
    }
    if ((history->cursor[0] == '\0' || sought) && is_unknown(ledger, history->device)) {
        fake_refuse(ledger, job, CR_REFUSAL_UNKNOWN_DEVICE, 0);
        return;
    }
    history->limit = history->limit == 0 || history->limit > CR_PAGE_MAX ? CR_PAGE_MAX : history->limit;
    history->entry = calloc(history->limit, sizeof *history->entry);
    if (history->entry == NULL) {
        abort();
    }
    history->cursor[0] = '\0';
    const struct fake_line *lines = fake_lines(ledger);
    for (const struct fake_line *line = next(lines, NULL, history->oldest_first); line != NULL;
         line = line == lines && history->oldest_first ? NULL : next(lines, line, history->oldest_first)) {
        if (!behind(history, ms, number, line) || !wanted(history, line)) {
            continue;
        }
        entry_make(&history->entry[history->count], line);
        if (++history->count == history->limit) {
            memcpy(history->cursor, history->entry[history->count - 1].id, sizeof history->entry[0].id);
            break;
        }
    }
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}

void fake_deliveries(struct fake_ledger *ledger, struct cr_job *job)
{
    for (unsigned i = 0; i < job->deliveries->count; i++) {
        const struct cr_delivery *one = &job->deliveries->delivery[i];
        fake_ledger_audit_at(ledger, one->at_s * 1000, one->who, "delivered", one->device, one->slot,
                             one->serial.len > 0 ? "certificate" : "trigger");
    }
    job->audited = true;
    job->outcome = CR_OUT_DONE;
    job->stage = CR_STAGE_DONE;
}
