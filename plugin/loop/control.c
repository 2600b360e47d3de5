#include "plugin/loop/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct cr_batch {
    uint64_t id;
    uint64_t session;
    unsigned count, open;
    uint8_t correlation[CR_CORRELATION_MAX];
    size_t correlation_len;
    unsigned rows;               /* that its pages hold, or will */
    size_t len;                  /* of the responses so far */
    struct cr_batch *next;
    struct control_entry {
        const struct cr_command_info *info;
        char *command;           /* as it was written, for the answer */
        cJSON *correlation_data; /* owned; NULL: none */
        char *response;          /* owned, JSON; NULL: still open */
        unsigned jobs;           /* under way; and one while it is being handled */
        control_gather_fn *gather; /* NULL: its one job is the answer */
        cJSON *gathered;         /* owned */
        enum cr_refusal refusal; /* what gathering ended with */
    } entry[];
};

/* A command's id: which batch, and which place in it. */
static uint64_t control_id(uint64_t batch, unsigned place)
{
    return batch << 8 | place;
}

static struct control_entry *control_find(struct cr_router *router, uint64_t id, struct cr_batch **batch)
{
    unsigned place = (unsigned)(id & 0xff);

    LL_SEARCH_SCALAR(router->batches, *batch, id, id >> 8);
    return *batch != NULL && place < (*batch)->count && (*batch)->entry[place].info != NULL ? &(*batch)->entry[place]
                                                                                            : NULL;
}

static void control_batch_free(struct cr_batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++) {
        cJSON_Delete(batch->entry[i].gathered);
        free(batch->entry[i].command);
        cJSON_Delete(batch->entry[i].correlation_data);
        cJSON_free(batch->entry[i].response);
    }
    free(batch);
}

void loop_control_fini(struct cr_router *router)
{
    struct cr_batch *batch, *next;

    LL_FOREACH_SAFE(router->batches, batch, next)
    {
        control_batch_free(batch);
    }
    router->batches = NULL;
}

/* Takes the response, and writes it at once: not all of a long batch at its end. What was only looked at is no longer
 * than the loop has time for. */
static void control_respond(struct cr_batch *batch, struct control_entry *entry, cJSON *response)
{
    bool looked = entry->info != NULL && entry->info->role == CR_ROLE_VIEWER &&
                  cJSON_GetObjectItemCaseSensitive(response, "data") != NULL;
    char *text = control_json(response, entry->correlation_data);

    if (text != NULL && looked && batch->len + strlen(text) > CR_CONTROL_ANSWER) {
        cJSON_free(text);
        response = control_error(entry->command, CR_REFUSAL_TOO_LARGE,
                                 "The batch's answers are longer than 4 megabytes: ask for less at once.");
        text = control_json(response, entry->correlation_data);
    }
    entry->response = text;
    batch->len += text != NULL ? strlen(text) : 0;
}

/* With its refusal, which is counted. */
static void control_refuse(struct cr_router *router, struct cr_batch *batch, struct control_entry *entry,
                           enum cr_refusal refusal, const char *text, const char *field)
{
    if ((unsigned)refusal < CR_REFUSAL_COUNT) {
        router->counters.refused[refusal]++;
    }
    control_respond(batch, entry, control_error_at(entry->command, refusal, text, field));
}

/* The batch's reply when nothing is open any more. */
static void control_finish(struct cr_router *router, struct cr_batch *batch)
{
    static const char reply_head[] = "{\"responses\":[", reply_tail[] = "]}";
    struct cr_session *session = cr_sessions_find_id(&router->sessions, batch->session);
    char *reply;
    size_t len = sizeof reply_head - 1;

    for (unsigned i = 0; i < batch->count; i++) {
        if (batch->entry[i].response == NULL) {
            control_respond(batch, &batch->entry[i],
                            control_error(batch->entry[i].command, CR_REFUSAL_INTERNAL, NULL));
        }
    }
    reply = session != NULL ? malloc(sizeof reply_head + batch->len + batch->count + sizeof reply_tail) : NULL;
    if (session != NULL && reply == NULL) {
        loop_log(router, 'e', "an answer to operator client %s could not be written: out of memory",
                 session->client_id);
    }
    if (reply != NULL) {
        memcpy(reply, reply_head, len);
        for (unsigned i = 0; i < batch->count; i++) {
            const char *text = batch->entry[i].response;
            size_t text_len = text != NULL ? strlen(text) : 0;

            if (text_len > 0 && reply[len - 1] == '}') {
                reply[len++] = ',';
            }
            memcpy(reply + len, text != NULL ? text : "", text_len);
            len += text_len;
        }
        memcpy(reply + len, reply_tail, sizeof reply_tail);
        control_publish(router, session->client_id, (struct cr_bytes){ batch->correlation, batch->correlation_len },
                        (struct cr_bytes){ (const uint8_t *)reply, len + sizeof reply_tail - 1 });
    }
    free(reply);
    LL_DELETE(router->batches, batch);
    router->batch_count--;
    router->command_rows -= batch->rows;
    control_batch_free(batch);
}

/* ---- jobs ---- */

/* What a page will hold. */
static unsigned control_rows(const struct cr_job *job)
{
    if (job->op == CR_OP_LIST && job->list != NULL && !job->list->count_only) {
        return job->list->limit;
    }
    if (job->op == CR_OP_REVOKE && job->revoke != NULL && job->revoke->verb == CR_REVOKE_LIST) {
        return job->revoke->limit;
    }
    return job->op == CR_OP_HISTORY && job->history != NULL ? job->history->limit : 0;
}

enum cr_command_result control_take(struct cr_command *command, struct cr_job *job, enum cr_refusal *refusal)
{
    struct cr_router *router = command->router;
    struct cr_batch *batch;
    struct control_entry *entry = control_find(router, command->id, &batch);
    unsigned rows = job != NULL ? control_rows(job) : 0;

    *refusal = CR_REFUSAL_BUSY;
    if (job == NULL) {
        return CR_COMMAND_FAILED;
    }
    if (entry == NULL || router->command_jobs >= router->setup->config.max_in_flight / CR_CONTROL_JOBS ||
        router->command_rows + rows > CR_CONTROL_ROWS) {
        loop_abandon(router, job);
        return CR_COMMAND_FAILED;
    }
    router->command_jobs++;
    router->command_rows += rows;
    batch->rows += rows;
    entry->jobs++;
    job->command = command->id;
    return CR_COMMAND_SENT;
}

enum cr_command_result control_send(struct cr_command *command, struct cr_job *job, enum cr_refusal *refusal)
{
    enum cr_command_result result = control_take(command, job, refusal);

    if (result == CR_COMMAND_SENT) {
        loop_send(command->router, job, CR_STAGE_STORE);
    }
    return result;
}

cJSON *control_gather(struct cr_command *command, control_gather_fn *gather)
{
    struct cr_batch *batch;
    struct control_entry *entry = control_find(command->router, command->id, &batch);

    if (entry == NULL) {
        return NULL;
    }
    entry->gather = gather;
    entry->gathered = cJSON_CreateObject();
    return entry->gathered;
}

/* A job less, or its handler is done with it: when that was the last, it is answered. */
static void control_settle(struct cr_router *router, struct cr_batch *batch, struct control_entry *entry)
{
    if (--entry->jobs > 0) {
        return;
    }
    batch->open--;
    if (entry->gather == NULL || entry->response != NULL) {
        return;
    }
    if (entry->refusal != CR_REFUSAL_NONE) {
        control_refuse(router, batch, entry, entry->refusal, NULL, NULL);
    } else {
        control_respond(batch, entry, control_success(entry->command, entry->gathered));
        entry->gathered = NULL;
    }
}

/* text, field: of a refusal, as in control_error_at. */
static void control_home(struct cr_router *router, const struct cr_job *job, const char *text, const char *field)
{
    struct cr_batch *batch;
    struct control_entry *entry = control_find(router, job->command, &batch);

    router->command_jobs--;
    if (entry == NULL) {
        return;
    }
    if (entry->gather != NULL) {
        struct cr_command command = {
            .router = router,
            .session = cr_sessions_find_id(&router->sessions, job->session),
            .id = job->command,
        };
        enum cr_refusal refusal = entry->refusal == CR_REFUSAL_NONE ? entry->gather(&command, job, entry->gathered)
                                                                    : entry->refusal;
        entry->refusal = refusal;
    } else if (job->outcome == CR_OUT_REFUSED) {
        control_refuse(router, batch, entry, job->refusal, text, field);
    } else {
        control_respond(batch, entry, control_success(entry->command, entry->info->answer(router, job)));
    }
    control_settle(router, batch, entry);
    if (batch->open == 0) {
        control_finish(router, batch);
    }
}

void loop_command_done(struct cr_router *router, struct cr_job *job)
{
    control_home(router, job, NULL, NULL);
}

void loop_command_failed(struct cr_router *router, const struct cr_job *job, const char *text, const char *field)
{
    control_home(router, job, text, field);
}

void control_fail(struct cr_command *command, enum cr_refusal refusal, const char *text, cJSON *beside)
{
    struct cr_batch *batch;
    struct control_entry *entry = control_find(command->router, command->id, &batch);

    if (entry != NULL && entry->response == NULL) {
        cJSON *response = control_error(entry->command, refusal, text);

        while (response != NULL && beside != NULL && beside->child != NULL) {
            cJSON *item = cJSON_DetachItemViaPointer(beside, beside->child);

            if (!cJSON_AddItemToObject(response, item->string, item)) {
                cJSON_Delete(item);
                break;
            }
        }
        command->router->counters.refused[refusal]++;
        control_respond(batch, entry, response);
    }
    cJSON_Delete(beside);
}

void control_like(struct cr_job *job, const struct cr_job *like)
{
    job->session = like->session;
    job->presented = like->presented;
    memcpy(job->who, like->who, sizeof job->who);
}

/* ---- batches ---- */

/* Handles the command at `place`. */
static void control_handle(struct cr_router *router, struct cr_batch *batch, unsigned place, const cJSON *request,
                           const struct cr_session *session, enum cr_role role)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "command"));
    const struct cr_command_info *info = name != NULL ? control_command(name) : NULL;
    struct cr_command command = { .router = router, .session = session, .request = request, .id = control_id(batch->id, place) };
    struct control_entry *entry = &batch->entry[place];
    const char *text = NULL;
    enum cr_refusal refusal;
    cJSON *data = NULL;

    entry->info = info;
    entry->jobs = 1;
    entry->command = strdup(name != NULL && strlen(name) <= 64 ? name : "");
    if (entry->command == NULL) {
        batch->open--;
        return;
    }
    refusal = control_admissible(&command, info, role, &text);
    if (refusal == CR_REFUSAL_NONE) {
        enum cr_command_result result = info->handle(&command, &data, &refusal, &text);

        if (result != CR_COMMAND_FAILED && info->role == CR_ROLE_ADMIN) {
            control_audit(&command);
        }
        switch (result) {
        case CR_COMMAND_SENT:
            control_settle(router, batch, entry);
            return;
        case CR_COMMAND_ANSWERED:
            control_respond(batch, entry, control_success(info->name, data));
            batch->open--;
            return;
        case CR_COMMAND_FAILED:
            break;
        }
    }
    if (refusal == CR_REFUSAL_NOT_AUTHORISED || refusal == CR_REFUSAL_CERTIFICATE_NOT_VALID) {
        control_denied(router, session, refusal, entry->command);
    }
    control_refuse(router, batch, entry, refusal, text, command.field);
    batch->open--;
}

static struct cr_batch *control_batch_new(struct cr_router *router, const struct cr_session *session,
                                          const cJSON *commands, struct cr_bytes correlation)
{
    unsigned count = (unsigned)cJSON_GetArraySize(commands), place = 0;
    struct cr_batch *batch = calloc(1, sizeof *batch + count * sizeof batch->entry[0]);
    const cJSON *request;

    if (batch == NULL) {
        return NULL;
    }
    batch->id = ++router->last_batch;
    batch->session = session->id;
    batch->count = batch->open = count;
    if (correlation.len > 0 && correlation.len <= sizeof batch->correlation) {
        memcpy(batch->correlation, correlation.data, correlation.len);
        batch->correlation_len = correlation.len;
    }
    cJSON_ArrayForEach(request, commands)
    {
        const char *data = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "correlationData"));

        if (data != NULL && strlen(data) <= CR_CORRELATION_DATA_MAX) {
            batch->entry[place].correlation_data = cJSON_CreateString(data);
        }
        place++;
    }
    return batch;
}

static void control_run(struct cr_router *router, const struct cr_session *session, const cJSON *commands,
                        struct cr_bytes correlation)
{
    enum cr_role role = loop_role(router, session);
    struct cr_batch *batch = control_batch_new(router, session, commands, correlation);
    unsigned place = 0;
    const cJSON *request;

    if (batch == NULL) {
        control_reject(router, session->client_id, correlation, CR_REFUSAL_BUSY, NULL);
        return;
    }
    LL_PREPEND(router->batches, batch);
    router->batch_count++;
    cJSON_ArrayForEach(request, commands)
    {
        control_handle(router, batch, place++, request, session, role);
    }
    if (batch->open == 0) {
        control_finish(router, batch);
    }
}

void loop_control(struct cr_router *router, struct cr_session *session, struct cr_bytes payload,
                  const struct cr_request_properties *properties)
{
    static const char *const keys[] = { "commands", NULL };
    struct cr_bytes correlation = properties->correlation;
    const cJSON *commands;
    cJSON *json;

    if (payload.len > CR_CONTROL_MAX) {
        control_reject(router, session->client_id, correlation, CR_REFUSAL_TOO_LARGE, NULL);
        return;
    }
    if (router->batch_count >= CR_CONTROL_BATCHES) {
        control_reject(router, session->client_id, correlation, CR_REFUSAL_BUSY, NULL);
        return;
    }
    json = cr_json_parse_strict(payload, CR_CONTROL_MAX, CR_CONTROL_DEPTH);
    commands = json != NULL ? cJSON_GetObjectItemCaseSensitive(json, "commands") : NULL;
    if (!cJSON_IsArray(commands) || cJSON_GetArraySize(commands) == 0 || !cr_json_only_keys(json, keys)) {
        control_reject(router, session->client_id, correlation, CR_REFUSAL_MALFORMED_JSON,
                       "Send {\"commands\":[{\"command\":\"getStatus\"}]}.");
    } else if (cJSON_GetArraySize(commands) > CR_CONTROL_COMMANDS) {
        control_reject(router, session->client_id, correlation, CR_REFUSAL_TOO_LARGE,
                       "At most 100 commands can be given at once.");
    } else {
        control_run(router, session, commands, correlation);
    }
    cJSON_Delete(json);
}
