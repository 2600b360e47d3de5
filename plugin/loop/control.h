/* control: the operator channel's batches and its table of commands. Private to loop/.
 *
 * A payload is a batch of commands. Each is answered in its place, at once or when its job is home; when the last is there
 * the one reply goes to the client that asked, at QoS 1. Jobs always come home, so a batch always ends. */
#ifndef CR_CONTROL_H
#define CR_CONTROL_H

#include "plugin/loop/loop.h"

#include <cjson/cJSON.h>

enum {
    CR_CONTROL_MAX = 65536,      /* bytes of a payload */
    CR_CONTROL_DEPTH = 8,
    CR_CONTROL_COMMANDS = 100,   /* in a batch */
    CR_CONTROL_BATCHES = 64,     /* under way */
    CR_CONTROL_JOBS = 4,         /* of all batches: at most this part of max_in_flight */
    CR_CONTROL_ROWS = 10000,     /* of pages, in all batches under way */
    CR_CONTROL_ANSWER = 4000000, /* bytes of what a batch reads */
    CR_CONTROL_FIELDS = 12,      /* of a command */
    CR_CORRELATION_DATA_MAX = 256,
};

enum { CR_COMMAND_WHY_CAP = 256 };

/* One command of a batch while it is being handled. */
struct cr_command {
    struct cr_router *router;
    const struct cr_session *session;
    const cJSON *request;
    uint64_t id;                 /* for its job */
    char why[CR_COMMAND_WHY_CAP]; /* room for what *text points at */
    const char *field;           /* of a setting that is wrong: told as "field"; NULL: none */
};

/* What a handler did. */
enum cr_command_result {
    CR_COMMAND_ANSWERED,         /* *data is the answer */
    CR_COMMAND_SENT,             /* a job is under way */
    CR_COMMAND_FAILED            /* *refusal says why; *text may say it better */
};

struct cr_command_info {
    const char *name;
    enum cr_role role;           /* the least that is needed */
    const char *const *fields;   /* besides command and correlationData */
    enum cr_command_result (*handle)(struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                     const char **text);
    /* The answer from its job; NULL on failure to allocate. NULL where no job is sent. */
    cJSON *(*answer)(struct cr_router *router, const struct cr_job *job);
};

/* A job of a command that takes several is home, also one that was refused: what it is good for goes into `data`. May
 * send more, but of the command only router, session (NULL: it left) and id are there. NONE; anything else is the command's
 * answer, once all its jobs are home. */
typedef enum cr_refusal control_gather_fn(struct cr_command *command, const struct cr_job *job, cJSON *data);

/* NULL: no such command. */
const struct cr_command_info *control_command(const char *name);
/* The command with this number, from 0 on; NULL: there are no more. */
const struct cr_command_info *control_command_at(unsigned number);

/* What each file has; ends with a name that is NULL. */
extern const struct cr_command_info control_inventory_commands[], control_steer_commands[],
    control_campaign_commands[], control_alert_commands[], control_audit_commands[], control_policy_commands[],
    control_forecast_commands[], control_revoke_commands[], control_distrust_commands[], control_enrol_commands[], control_issuer_commands[],
    control_bundle_commands[], control_ocsp_commands[];

/* ---- admission (control_admit.c) ---- */

/* Everything that must hold before a handler sees the command. info: NULL when there is no such command. */
enum cr_refusal control_admissible(const struct cr_command *command, const struct cr_command_info *info,
                                   enum cr_role role, const char **text);
/* An audit line: it was refused, or, with what was asked for, it changes something. */
void control_denied(struct cr_router *router, const struct cr_session *session, enum cr_refusal refusal,
                    const char *command);
void control_audit(const struct cr_command *command);

/* ---- fields of a request (control_fields.c) ---- */

/* Each takes the field `name`, which may be missing unless `required`; *value is then "" or 0. False: it is not what it must
 * be, and *text says so. */
bool control_name(struct cr_command *command, const char *name, bool required, const char **value, const char **text);
/* Any text of 1 to max bytes without control characters. */
bool control_text(struct cr_command *command, const char *name, bool required, size_t max, const char **value,
                  const char **text);
bool control_number(struct cr_command *command, const char *name, unsigned min, unsigned max, unsigned *value,
                    const char **text);
/* A time such as "30d", in seconds. */
bool control_duration(struct cr_command *command, const char *name, int64_t max_s, int64_t *value_s, const char **text);
/* An RFC 3339 time in UTC, "2026-11-21T18:00:00Z". */
bool control_time(struct cr_command *command, const char *name, int64_t *unix_s, const char **text);
bool control_truth(struct cr_command *command, const char *name, bool otherwise, bool *value, const char **text);
/* A share such as "2.5%", in thousandths. */
bool control_share(struct cr_command *command, const char *name, unsigned *permille, const char **text);
/* The slot, or the one that devices connect with when it is missing. *refusal when it is not configured. */
bool control_slot(struct cr_command *command, const char **slot, enum cr_refusal *refusal, const char **text);
/* The object "filter" (missing: everything). */
bool control_filter(struct cr_command *command, struct cr_filter *filter, const char **text);
/* An array of tags as a list (control_steer.c). False: not that. *refusal: TOO_LARGE where they are more than can be. */
bool control_tags(struct cr_command *command, const char *name, char list[CR_TAGS_CAP], enum cr_refusal *refusal,
                  const char **text);
/* "cursor" and "limit" of a page. */
bool control_page(struct cr_command *command, char cursor[CR_CURSOR_CAP], unsigned *limit, const char **text);

/* 16 hex digits. Lent; *value is lower case as given, or the field is wrong. */
bool control_issuer(struct cr_command *command, bool required, const char **value, const char **text);
/* Whether the operator is here with a certificate of this issuer: without it there would be no way back, nor any other
 * command. *text says so then. */
bool control_issuer_is_own(const struct cr_command *command, const char *issuer, const char **text);


/* "reason" and "comment" of what revokes (control_revoke.c). */
bool control_revoke_why(struct cr_command *command, struct cr_revoke *revoke, const char **text);

/* ---- commands about many devices (control_inventory.c) ---- */

/* "filter", "limit" and "cursor". False: *refusal, *text. */
bool control_page_fields(struct cr_command *command, struct cr_list *list, enum cr_refusal *refusal, const char **text);
/* Looks at a page. Where the filter names a campaign, whether there is such a one is asked first; the same `list` then goes
 * on with control_page_go_on when that job is home. reason, revoke: what is to become of those on it, for the job. */
enum cr_command_result control_page_send(struct cr_command *command, const struct cr_list *list,
                                         enum cr_renew_reason reason, const struct cr_revoke *revoke,
                                         enum cr_refusal *refusal);
enum cr_refusal control_page_go_on(struct cr_command *command, const struct cr_job *asked);
/* "devices": up to 100 names, each once. */
bool control_devices_ok(const cJSON *devices, const char **text);

/* ---- jobs of commands (control.c) ---- */

/* Every job of a command goes through one of these. Takes it; NULL, or too much is under way: BUSY. `take` leaves it to the
 * caller to send it later, or to end it with loop_command_failed. */
enum cr_command_result control_take(struct cr_command *command, struct cr_job *job, enum cr_refusal *refusal);
enum cr_command_result control_send(struct cr_command *command, struct cr_job *job, enum cr_refusal *refusal);
/* The command takes several jobs, or one after the other: each goes to `gather` when it is home, and when none is under way
 * any more, the object that is returned is the answer. Lent; NULL: out of memory. To be called by a handler before it
 * sends; it then returns CR_COMMAND_SENT, also when it could send none. */
cJSON *control_gather(struct cr_command *command, control_gather_fn *gather);

/* A gathered command ends with this refusal and sentence, whatever else is under way for it. Takes `beside` (NULL: none):
 * fields that are told beside the error. */
void control_fail(struct cr_command *command, enum cr_refusal refusal, const char *text, cJSON *beside);
/* The job is the same operator's as that one, whose asker may have left. */
void control_like(struct cr_job *job, const struct cr_job *like);

/* ---- counting who needs which issuer (census.c) ---- */

enum { CR_CENSUS_SHOW, CR_CENSUS_RETIRE, CR_CENSUS_BUNDLE }; /* cr_census.why */
/* Counts the whole fleet, part by part; then goes on with what `why` says. */
enum cr_command_result control_census(struct cr_command *command, struct cr_census *census, enum cr_refusal *refusal);
/* It is counted. As control_gather_fn. */
enum cr_refusal control_census_shown(struct cr_command *command, const struct cr_job *job, cJSON *data);
enum cr_refusal control_retire_counted(struct cr_command *command, const struct cr_job *job, cJSON *data);
enum cr_refusal control_bundle_counted(struct cr_command *command, const struct cr_job *job, cJSON *data);
/* And the issuer is marked. */
enum cr_refusal control_retired(struct cr_command *command, const struct cr_job *job, cJSON *data);

/* ---- replies (control_reply.c) ---- */

/* correlation: the client's, of MQTT 5. */
void control_publish(struct cr_router *router, const char *client_id, struct cr_bytes correlation,
                     struct cr_bytes payload);
/* One answer for a payload that is no batch. */
void control_reject(struct cr_router *router, const char *client_id, struct cr_bytes correlation,
                    enum cr_refusal refusal, const char *text);
/* A response. text: NULL for the refusal's own; field: NULL or "" for none. NULL: out of memory. */
cJSON *control_error_at(const char *command, enum cr_refusal refusal, const char *text, const char *field);
cJSON *control_error(const char *command, enum cr_refusal refusal, const char *text);
/* Takes data, which may be NULL for want of memory. */
cJSON *control_success(const char *command, cJSON *data);
/* Takes the response (NULL: out of memory), lends the data (NULL: none): as text in UTF-8, to be freed with cJSON_free. */
char *control_json(cJSON *response, cJSON *correlation_data);

/* ---- rendering (control_render.c); NULL: out of memory ---- */

/* Fields that are left out when there is nothing to say: a time of 0, an empty text. False: out of memory. */
bool control_put_time(cJSON *object, const char *name, int64_t unix_s);
bool control_put_text(cJSON *object, const char *name, const char *text);
bool control_put_serial(cJSON *object, const char *name, const struct cr_serial *serial);
/* A list as in cr_device_record.tags, as the array "tags". */
bool control_put_tags(cJSON *object, const char *tags);
bool control_put_filter(cJSON *object, const char *name, const struct cr_filter *filter);
/* A row of the inventory. */
cJSON *control_render_row(const struct cr_row *row, int64_t now_s);
/* now_s: for what is left of its certificates. */
cJSON *control_render_device(const struct cr_device_record *record, int64_t now_s);
cJSON *control_render_status(struct cr_router *router);
/* Who lets the device in, where somebody does, as "enrol" (control_enrol.c). */
bool control_put_enrol(cJSON *object, const struct cr_device_enrol *enrol);
/* The fleet as it was counted at that time. */
bool control_put_fleet(cJSON *data, const struct cr_survey_counts *counts, int64_t at);

#endif
