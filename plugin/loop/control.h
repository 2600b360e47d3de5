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
    CR_CONTROL_FIELDS = 8,       /* of a command */
    CR_CORRELATION_DATA_MAX = 256,
};

/* One command of a batch while it is being handled. */
struct cr_command {
    struct cr_router *router;
    const struct cr_session *session;
    const cJSON *request;
    uint64_t id;                 /* for its job */
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
    enum cr_command_result (*handle)(const struct cr_command *command, cJSON **data, enum cr_refusal *refusal,
                                     const char **text);
    /* The answer from its job; NULL on failure to allocate. NULL where no job is sent. */
    cJSON *(*answer)(struct cr_router *router, const struct cr_job *job);
};

/* NULL: no such command. */
const struct cr_command_info *control_command(const char *name);

/* ---- rendering (control_render.c); NULL: out of memory ---- */

/* now_s: for what is left of its certificates. */
cJSON *control_render_device(const struct cr_device_record *record, int64_t now_s);
cJSON *control_render_status(struct cr_router *router);

#endif
