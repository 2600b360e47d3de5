/* request: a command of the operator channel as a payload, and its response out of what came back.
 * Pure but for the heap (cJSON); one thread. */
#ifndef CR_CTL_REQUEST_H
#define CR_CTL_REQUEST_H

#include "common/bytes.h"
#include "plugin/renewalctl/options.h"

struct cJSON;

enum { CTL_RESPONSE_MAX = 1 << 20, CTL_RESPONSE_DEPTH_MAX = 16, CTL_CORRELATION_CAP = 16 };

/* {"commands":[command]} with this correlation data, on the heap. Takes the command, whatever comes of it. */
CR_MUST_USE cr_err ctl_request_write(struct cr_blob *json, struct cJSON *command, const char *correlation);

/* The response with that correlation in a payload. CR_NOT_FOUND: it is not for us. CR_INVALID: it
 * cannot be read. The caller frees with cJSON_Delete. */
CR_MUST_USE cr_err ctl_response_read(struct cJSON **response, struct cr_bytes payload, const char *correlation);

/* The same with one of several, whose index is *which. One that could not even be read has none, and is the first's. */
CR_MUST_USE cr_err ctl_response_read_one(struct cJSON **response, size_t *which, struct cr_bytes payload,
                                         const char *const *correlation, size_t count);

/* The response's error as a line for people, "" when it has none: what is wrong, the stable code, and what to do next:
 * "No such device is known. (unknown-device); renewalctl devices lists those that are". */
void ctl_response_error(char line[CTL_WHY_CAP], const struct cJSON *response);

/* An event, or anything else that is one object; NULL: it is not. */
struct cJSON *ctl_event_read(struct cr_bytes payload);

#endif
