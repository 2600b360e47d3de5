/* What audit --follow asks, again and again where the connection or Redis is away. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/follow.h"
#include "plugin/renewalctl/send.h"

#include <cjson/cJSON.h>
#include <inttypes.h>

/* SEQ_LAST: the plugin reads 19 digits; no millisecond has as many entries. */
enum { ID_DIGITS_MAX = 19 };
#define SEQ_LAST UINT64_C(9999999999999999999)

/* ---- ids: "<milliseconds>-<number>" ---- */

static bool number_read(const char **text, uint64_t *number)
{
    unsigned digits = 0;
    for (*number = 0; **text >= '0' && **text <= '9' && digits < ID_DIGITS_MAX; (*text)++, digits++) {
        *number = *number * 10 + (uint64_t)(**text - '0');
    }
    return digits > 0;
}

bool ctl_entry_read(struct ctl_entry_id *id, const char *text)
{
    return text != NULL && number_read(&text, &id->ms) && *text++ == '-' && number_read(&text, &id->seq) &&
           *text == '\0';
}

int ctl_entry_compare(struct ctl_entry_id one, struct ctl_entry_id other)
{
    return one.ms != other.ms ? (one.ms < other.ms ? -1 : 1) : (one.seq > other.seq) - (one.seq < other.seq);
}

bool ctl_entry_none(struct ctl_entry_id id)
{
    return id.ms == 0 && id.seq == 0;
}

void ctl_entry_text(char text[CTL_ENTRY_CAP], struct ctl_entry_id id)
{
    (void)snprintf(text, CTL_ENTRY_CAP, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
}

struct ctl_entry_id ctl_entry_before(struct ctl_entry_id id)
{
    return id.seq > 0 ? (struct ctl_entry_id){ id.ms, id.seq - 1 }
           : id.ms > 0 ? (struct ctl_entry_id){ id.ms - 1, SEQ_LAST }
                       : id;
}

bool ctl_entry_of(struct ctl_entry_id *id, const cJSON *row)
{
    return ctl_entry_read(id, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "id")));
}

/* ---- asking ---- */

/* Once. CTL_NO_CONNECTION: `why` says; with *away the connection is there, but it cannot be answered for now. */
static int ask_once(struct ctl_follow *f, cJSON *command, cJSON **data, bool *away, char why[CTL_WHY_CAP])
{
    struct ctl_run *run = f->run;
    struct cr_blob request = { NULL, 0 };
    char correlation[CTL_CORRELATION_CAP];
    cJSON *response = NULL;
    *away = false;
    why[0] = '\0';
    (void)snprintf(correlation, sizeof correlation, "%u", ++run->asked);
    if (command == NULL || ctl_request_write(&request, command, correlation) != CR_OK) {
        return ctl_complain(run, CTL_FAILED, "out of memory");
    }
    cr_err err = run->link->ask(run->link->ctx, &response, cr_blob_view(&request), correlation, why);
    cr_blob_fini(&request);
    if (err != CR_OK) {
        return err == CR_UNAVAILABLE || err == CR_TIMEOUT ? CTL_NO_CONNECTION : ctl_complain(run, CTL_FAILED, why);
    }
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(response, "errorCode"));
    *away = code != NULL && ctl_refusal_passes(code);
    ctl_response_error(why, response);
    *data = why[0] == '\0' ? ctl_take(response, "data") : NULL;
    cJSON_Delete(response);
    if (*away) {
        return CTL_NO_CONNECTION;
    }
    if (!cJSON_IsObject(*data)) {
        cJSON_Delete(*data);
        *data = NULL;
        return ctl_complain(run, CTL_FAILED, why[0] != '\0' ? why : "the broker's answer has no data");
    }
    return CTL_DONE;
}

/* It cannot be answered for now: Redis may be away for as long as it likes. */
static void away_wait(struct ctl_follow *f, const char *why)
{
    struct ctl_run *run = f->run;
    char ignored[CTL_WHY_CAP];
    if (!f->away) {
        (void)fflush(run->sheet.out);
        (void)fprintf(run->err, "renewalctl: %s (trying again)\n", why);
        f->away = true;
    }
    (void)run->link->wait(run->link->ctx, CTL_FOLLOW_EACH_MS, ignored);
}

/* Until there is an answer: what is asked can be asked again. Takes the command. CTL_INTERRUPTED: it is to stop; the other
 * codes have been told. */
static int follow_ask(struct ctl_follow *f, cJSON *command, cJSON **data)
{
    char why[CTL_WHY_CAP];
    int rc = CTL_INTERRUPTED;
    *data = NULL;
    while (!ctl_stopped(f->run)) {
        bool away;
        rc = ask_once(f, cJSON_Duplicate(command, true), data, &away, why);
        if (rc != CTL_NO_CONNECTION) {
            break;
        }
        if (ctl_stopped(f->run)) {
            rc = CTL_INTERRUPTED;
        } else if (!f->seen) {
            rc = ctl_complain(f->run, away ? CTL_FAILED : CTL_NO_CONNECTION, why);
            break;
        } else if (away) {
            f->tries = 0;
            away_wait(f, why);
            rc = CTL_INTERRUPTED;
        } else if (!ctl_try_again(f->run, ++f->tries, why)) {
            rc = ctl_stopped(f->run) ? CTL_INTERRUPTED : CTL_NO_CONNECTION;
            break;
        } else {
            rc = CTL_INTERRUPTED;
        }
    }
    cJSON_Delete(command);
    if (rc == CTL_DONE) {
        f->seen = true;
        f->away = false;
        f->tries = 0;
    }
    return rc;
}

/* getAudit: of the filter or of all, so many. NULL: out of memory. */
static cJSON *command_make(const struct ctl_follow *f, bool filter, bool oldest, unsigned limit, const char *cursor)
{
    cJSON *command = filter ? ctl_command_json(f->run->options) : cJSON_CreateObject();
    cJSON *order = cJSON_CreateString(oldest ? "oldest" : "newest");
    bool ok = command != NULL && order != NULL && (filter || ctl_put_named(command, "getAudit"));
    cJSON_DeleteItemFromObjectCaseSensitive(command, "order");
    if (!ok || !cJSON_AddItemToObject(command, "order", order)) {
        cJSON_Delete(order);
        cJSON_Delete(command);
        return NULL;
    }
    if (!ctl_page_put(command, limit, cursor)) {
        cJSON_Delete(command);
        return NULL;
    }
    return command;
}

int ctl_follow_page(struct ctl_follow *f, bool oldest, unsigned limit, const char *cursor, cJSON **data)
{
    return follow_ask(f, command_make(f, true, oldest, limit, cursor), data);
}

int ctl_follow_odd(const struct ctl_follow *f)
{
    return ctl_complain(f->run, CTL_FAILED, "the broker's answer has an entry or a cursor that leads nowhere");
}

int ctl_follow_one(struct ctl_follow *f, const struct ctl_entry_id *from, struct ctl_entry_id *found)
{
    char cursor[CTL_ENTRY_CAP] = "";
    cJSON *data;
    *found = (struct ctl_entry_id){ 0, 0 };
    if (from != NULL) {
        ctl_entry_text(cursor, ctl_entry_before(*from));
    }
    int rc = follow_ask(f, command_make(f, false, from != NULL, 1, cursor), &data);
    if (rc != CTL_DONE) {
        return rc;
    }
    const cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(data, "entries"), 0);
    if (row != NULL && !ctl_entry_of(found, row)) {
        rc = ctl_follow_odd(f);
    }
    cJSON_Delete(data);
    return rc;
}
