/* Rows in commands of a hundred, a few of them under way; again, one by one and later, what the broker was too busy for. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/send.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 5 /* without any progress */, AGAIN_MS = 1000 };

/* A command that is under way. */
struct parcel {
    char correlation[CTL_CORRELATION_CAP]; /* "": none */
    uint32_t index[CTL_PAGE_MAX];
    size_t count;
};

struct rows_sending {
    struct ctl_send *send;
    uint32_t *queue, *again; /* rows */
    size_t queued, next, repeats;
    size_t window, under_way;
    bool last_round, over, dead; /* over: no more is sent; dead: nor will anything come */
    struct parcel parcel[CTL_WINDOW];
};

static bool stopped(const struct ctl_run *run)
{
    return run->stop != NULL && *run->stop != 0;
}

/* It ends before all were sent: how far it came. */
static int cut_short(const struct rows_sending *sending, enum ctl_exit code, const char *why)
{
    const struct ctl_send *send = sending->send;
    char line[CTL_WHY_CAP];
    size_t open = 0;
    for (size_t i = 0; i < CTL_WINDOW; i++) {
        open += sending->parcel[i].correlation[0] != '\0' ? sending->parcel[i].count : 0;
    }
    char unknown[60] = "";
    if (open > 0) {
        (void)snprintf(unknown, sizeof unknown, ", of %zu it is not known", open);
    }
    (void)snprintf(line, sizeof line, "%.260s; %.0f of %zu devices are %s%s; run it again: what is done stays done", why,
                   send->devices, send->rows->count, send->done, unknown);
    return ctl_complain(send->run, code, line);
}

static int parcel_send(struct rows_sending *sending)
{
    struct ctl_send *send = sending->send;
    struct ctl_run *run = send->run;
    struct parcel *parcel = sending->parcel;
    struct cr_blob request = { NULL, 0 };
    char why[CTL_WHY_CAP] = "";
    size_t left = sending->queued - sending->next;
    while (parcel->correlation[0] != '\0') {
        parcel++; /* there is a free one: fewer than the window are under way */
    }
    parcel->count = left < CTL_PAGE_MAX ? left : CTL_PAGE_MAX;
    memcpy(parcel->index, sending->queue + sending->next, parcel->count * sizeof *parcel->index);
    (void)snprintf(parcel->correlation, sizeof parcel->correlation, "%u", ++run->asked);
    cJSON *command = cJSON_CreateObject();
    if (command == NULL || !send->build(command, send, parcel->index, parcel->count)) {
        cJSON_Delete(command);
        parcel->correlation[0] = '\0';
        return ctl_complain(run, CTL_FAILED, "out of memory");
    }
    cr_err err = ctl_request_write(&request, command, parcel->correlation);
    if (err == CR_OK) {
        err = run->link->send(run->link->ctx, cr_blob_view(&request), parcel->correlation, why);
    }
    cr_blob_fini(&request);
    if (err != CR_OK) {
        parcel->correlation[0] = '\0';
        ctl_progress_clear(&send->progress, run);
        sending->dead = true;
        bool away = err == CR_UNAVAILABLE || err == CR_TIMEOUT;
        return cut_short(sending, away ? CTL_NO_CONNECTION : CTL_FAILED, err == CR_NOMEM ? "out of memory" : why);
    }
    sending->next += parcel->count;
    sending->under_way++;
    return CTL_DONE;
}

/* All of a command was refused: it is for another time, or the end. */
static int refusal_take(struct rows_sending *sending, const struct parcel *parcel, const cJSON *response,
                        const char *line)
{
    const struct ctl_rows *rows = sending->send->rows;
    char of[CTL_WHY_CAP];
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(response, "errorCode"));
    bool again = code != NULL && (strcmp(code, "busy") == 0 || strcmp(code, "rate-limited") == 0);
    if (again && !sending->last_round) {
        memcpy(sending->again + sending->repeats, parcel->index, parcel->count * sizeof *parcel->index);
        sending->repeats += parcel->count;
        return CTL_DONE;
    }
    ctl_progress_clear(&sending->send->progress, sending->send->run);
    /* An entry that is told by its place is to be found. */
    char behind[40] = "";
    if (parcel->count > 1) {
        (void)snprintf(behind, sizeof behind, " and the %zu behind it", parcel->count - 1);
    }
    (void)snprintf(of, sizeof of, "%.64s%s: %.160s", ctl_row_device(rows, parcel->index[0]), behind, line);
    return sending->over ? CTL_FAILED : cut_short(sending, CTL_FAILED, of);
}

static int response_take(struct rows_sending *sending)
{
    struct ctl_send *send = sending->send;
    struct ctl_run *run = send->run;
    char why[CTL_WHY_CAP] = "", correlation[CTL_CORRELATION_CAP];
    cJSON *response = NULL;
    int rc = CTL_DONE;
    cr_err err = run->link->take(run->link->ctx, &response, correlation, why);
    if (err != CR_OK) {
        ctl_progress_clear(&send->progress, run);
        sending->dead = true;
        bool away = err == CR_UNAVAILABLE || err == CR_TIMEOUT;
        return stopped(run) ? cut_short(sending, CTL_INTERRUPTED, "interrupted")
                            : cut_short(sending, away ? CTL_NO_CONNECTION : CTL_FAILED, why);
    }
    struct parcel *parcel = sending->parcel, *end = parcel + CTL_WINDOW;
    while (parcel < end && (parcel->correlation[0] == '\0' || strcmp(parcel->correlation, correlation) != 0)) {
        parcel++;
    }
    if (parcel == end) {
        cJSON_Delete(response);
        sending->dead = true;
        return cut_short(sending, CTL_FAILED, "the broker answers what was not asked");
    }
    parcel->correlation[0] = '\0';
    sending->under_way--;
    ctl_response_error(why, response);
    cJSON *data = cJSON_DetachItemFromObjectCaseSensitive(response, "data");
    if (why[0] != '\0') {
        rc = refusal_take(sending, parcel, response, why);
    } else if (!cJSON_IsObject(data)) {
        rc = sending->over ? CTL_FAILED : cut_short(sending, CTL_FAILED, "the broker's answer has no data");
    } else {
        sending->repeats += ctl_send_answer(send, data, parcel->index, parcel->count,
                                            sending->last_round ? NULL : sending->again + sending->repeats);
        data = NULL;
    }
    cJSON_Delete(data);
    cJSON_Delete(response);
    return rc;
}

/* The queue once. After a refusal that ends it, the answers under way are still taken. */
static int round_run(struct rows_sending *sending)
{
    int rc = CTL_DONE;
    while (sending->under_way > 0 || (!sending->over && sending->next < sending->queued)) {
        struct ctl_run *run = sending->send->run;
        if (stopped(run)) {
            ctl_progress_clear(&sending->send->progress, run);
            return cut_short(sending, CTL_INTERRUPTED, "interrupted");
        }
        int now = CTL_DONE;
        if (!sending->over && sending->under_way < sending->window && sending->next < sending->queued) {
            now = parcel_send(sending);
        } else {
            now = response_take(sending);
        }
        if (sending->dead) {
            return now;
        }
        if (now != CTL_DONE) {
            sending->over = true;
            rc = now;
        }
    }
    return rc;
}

static int rounds_run(struct rows_sending *sending)
{
    char ignored[CTL_WHY_CAP];
    struct ctl_run *run = sending->send->run;
    unsigned fruitless = 0;
    int rc = CTL_DONE;
    while (rc == CTL_DONE && sending->queued > 0) {
        sending->last_round = fruitless == ROUNDS_MAX - 1;
        rc = round_run(sending);
        fruitless = sending->repeats < sending->queued ? 0 : fruitless + 1;
        uint32_t *queue = sending->queue;
        sending->queue = sending->again;
        sending->again = queue;
        sending->queued = sending->repeats;
        sending->next = sending->repeats = 0;
        sending->window = 1;
        if (rc == CTL_DONE && sending->queued > 0) {
            (void)run->link->wait(run->link->ctx, AGAIN_MS * (fruitless + 1), ignored);
        }
    }
    return rc;
}

int ctl_send_rows(struct ctl_send *send)
{
    size_t count = send->rows->count;
    struct rows_sending *sending = calloc(1, sizeof *sending);
    /* again: an answer's own rows, and those of a full parcel beyond */
    uint32_t *queue = calloc(count + CTL_PAGE_MAX, sizeof *queue), *again = calloc(count + CTL_PAGE_MAX, sizeof *again);
    int rc = CTL_FAILED;
    send->expected = (double)count;
    ctl_send_begin(send);
    if (sending == NULL || queue == NULL || again == NULL) {
        rc = ctl_complain(send->run, CTL_FAILED, "out of memory");
    } else {
        sending->send = send;
        sending->queue = queue;
        sending->again = again;
        sending->queued = count;
        sending->window = CTL_WINDOW;
        for (size_t i = 0; i < count; i++) {
            queue[i] = (uint32_t)i;
        }
        rc = rounds_run(sending);
    }
    rc = ctl_send_end(send, rc);
    free(sending);
    free(queue);
    free(again);
    return rc;
}
