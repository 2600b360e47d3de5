/* campaign watch and events: what goes on until it ends, or Ctrl-C; a connection that is lost is made again. */
#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/request.h"
#include "plugin/renewalctl/run.h"

#include "common/topic.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { EACH_MS = 1000, TRIES_MAX = 5, LINE_CAP = 400 };

bool ctl_stopped(const struct ctl_run *run)
{
    return run->stop != NULL && *run->stop != 0;
}

bool ctl_try_again(struct ctl_run *run, unsigned tries, const char *why)
{
    char ignored[CTL_WHY_CAP];
    if (tries >= TRIES_MAX) {
        (void)ctl_complain(run, CTL_NO_CONNECTION, why);
        return false;
    }
    if (tries == 1) {
        (void)fflush(run->sheet.out);
        (void)fprintf(run->err, "renewalctl: %s (trying again)\n", why);
    }
    run->link->drop(run->link->ctx);
    (void)run->link->wait(run->link->ctx, (unsigned)EACH_MS << (tries - 1), ignored);
    return !ctl_stopped(run);
}

/* ---- campaign watch ---- */

struct watch {
    struct ctl_run *run;
    unsigned lines;       /* that the display on the terminal has now */
    char last[LINE_CAP];  /* what was told last without one */
};

static void now_show(struct watch *watch, const cJSON *campaign)
{
    struct ctl_run *run = watch->run;
    char line[LINE_CAP], time[CR_TIME_TEXT];
    if (run->sheet.width > 0 && !run->options->json) {
        if (watch->lines > 0) {
            (void)fprintf(run->sheet.out, "\033[%uA\033[J", watch->lines);
        }
        watch->lines = ctl_render_watch(&run->sheet, campaign);
        (void)fflush(run->sheet.out);
        return;
    }
    ctl_watch_line(line, sizeof line, campaign);
    if (strcmp(line, watch->last) != 0) {
        memcpy(watch->last, line, sizeof line);
        cr_time_text(time, cr_wall_s(run->clock));
        char *json = run->options->json ? cJSON_PrintUnformatted(campaign) : NULL;
        (void)fprintf(run->sheet.out, "%s%s%s\n", json != NULL ? "" : time, json != NULL ? "" : "  ",
                      json != NULL ? json : line);
        (void)fflush(run->sheet.out);
        cJSON_free(json);
    }
}

/* The exit code of a campaign in this state; -1: it goes on. */
static int end_of(const cJSON *campaign)
{
    const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(campaign, "state"));
    if (state == NULL) {
        return CTL_FAILED;
    }
    return strcmp(state, "done") == 0                                       ? CTL_DONE
           : strcmp(state, "paused") == 0 || strcmp(state, "aborted") == 0 ? CTL_FAILED
                                                                           : -1;
}

/* It ended otherwise than hoped for: says what to look at. */
static void end_complain(struct ctl_run *run, const cJSON *campaign)
{
    const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(campaign, "state"));
    const char *by = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(campaign, "pausedBy"));
    const char *id = run->options->word[0];
    char line[CTL_WHY_CAP], hint[160] = "";
    if (state != NULL && strcmp(state, "paused") == 0) {
        bool errors = by != NULL && strcmp(by, "errors") == 0;
        (void)snprintf(hint, sizeof hint, "; %srenewalctl campaign resume %.64s goes on with it",
                       errors ? "renewalctl audit --what report says why; then " : "", id);
    }
    (void)snprintf(line, sizeof line, "campaign %.64s is %.32s%s", id, state != NULL ? state : "in no known state", hint);
    ctl_printable(line);
    (void)ctl_complain(run, CTL_FAILED, line);
}

int ctl_run_watch(struct ctl_run *run)
{
    struct watch watch = { .run = run };
    unsigned tries = 0;
    bool seen = false;
    while (!ctl_stopped(run)) {
        char why[CTL_WHY_CAP];
        cJSON *campaign = NULL;
        int rc = ctl_ask_quiet(run, ctl_command_json(run->options), &campaign, why);
        if (ctl_stopped(run)) {
            cJSON_Delete(campaign);
            break;
        }
        if (rc == CTL_NO_CONNECTION && seen) {
            watch.lines = 0; /* what is said about it stays */
            if (!ctl_try_again(run, ++tries, why)) {
                return ctl_stopped(run) ? CTL_INTERRUPTED : CTL_NO_CONNECTION;
            }
            continue;
        }
        if (rc != CTL_DONE) {
            return rc == CTL_NO_CONNECTION ? ctl_complain(run, CTL_NO_CONNECTION, why) : rc;
        }
        tries = 0;
        seen = true;
        now_show(&watch, campaign);
        rc = end_of(campaign);
        if (rc == CTL_FAILED) {
            end_complain(run, campaign);
        }
        cJSON_Delete(campaign);
        if (rc >= 0 || ctl_written(run) != CTL_DONE) {
            return rc >= 0 ? rc : CTL_FAILED;
        }
        (void)run->link->wait(run->link->ctx, EACH_MS, why); /* what is lost meanwhile: the next ask says so */
    }
    return CTL_INTERRUPTED;
}

/* ---- events ---- */

static void on_event(void *owner, const char *kind, struct cr_bytes payload)
{
    struct ctl_run *run = owner;
    cJSON *event = ctl_event_read(payload);
    if (event == NULL) {
        (void)ctl_complain(run, CTL_FAILED, "an event cannot be read, and is passed over");
        return;
    }
    if (run->options->json) {
        (void)(cJSON_GetObjectItemCaseSensitive(event, "kind") != NULL ||
               cJSON_AddStringToObject(event, "kind", kind) != NULL);
        char *json = cJSON_PrintUnformatted(event);
        (void)fprintf(run->sheet.out, "%s\n", json != NULL ? json : "{}");
        cJSON_free(json);
    } else {
        ctl_render_event(&run->sheet, kind, event);
    }
    (void)fflush(run->sheet.out);
    cJSON_Delete(event);
}

int ctl_run_events(struct ctl_run *run)
{
    char topic[CTL_TEXT_CAP], why[CTL_WHY_CAP] = "";
    bool seen = false;
    unsigned tries = 0;
    (void)snprintf(topic, sizeof topic, CR_TOPIC_CONTROL_EVENT "/%s",
                   run->options->words > 0 ? run->options->word[0] : "+");
    while (!ctl_stopped(run)) {
        cr_err err = run->link->listen(run->link->ctx, topic, on_event, run, why);
        if (err == CR_OK) {
            if (!seen && run->err_terminal) {
                (void)fputs("waiting for events; Ctrl-C ends\n", run->err);
            }
            seen = true;
            tries = 0;
        }
        while (err == CR_OK && !ctl_stopped(run)) {
            err = run->link->wait(run->link->ctx, EACH_MS, why);
            if (ctl_written(run) != CTL_DONE) {
                return CTL_FAILED;
            }
        }
        if (ctl_stopped(run)) {
            break;
        }
        if (!seen || (err != CR_UNAVAILABLE && err != CR_TIMEOUT)) {
            return ctl_complain(run, err == CR_UNAVAILABLE || err == CR_TIMEOUT ? CTL_NO_CONNECTION : CTL_FAILED, why);
        }
        if (!ctl_try_again(run, ++tries, why)) {
            return ctl_stopped(run) ? CTL_DONE : CTL_NO_CONNECTION;
        }
    }
    return CTL_DONE;
}
