/* request: one command of the operator channel as JSON, and its response out of what came back.
 * Pure but for the heap (cJSON); any thread. */
#ifndef CR_CTL_REQUEST_H
#define CR_CTL_REQUEST_H

#include "common/bytes.h"
#include "plugin/renewalctl/options.h"

struct cJSON;

#define CTL_CORRELATION "1" /* one request per connection: any value tells its response from events */

enum { CTL_RESPONSE_MAX = 1 << 20, CTL_RESPONSE_DEPTH_MAX = 16 };

/* {"commands":[{…}]} for status, device or trigger, on the heap. */
CR_MUST_USE cr_err ctl_request_write(struct cr_blob *json, const struct ctl_options *options);

/* Our response in a payload: exactly one object with our correlation. CR_NOT_FOUND: it is not for us. CR_INVALID: it
 * cannot be read. The caller frees with cJSON_Delete. */
CR_MUST_USE cr_err ctl_response_read(struct cJSON **response, struct cr_bytes payload);

/* The response's error as a line for people, "" when it has none: "No such device is known. (unknown-device)". */
void ctl_response_error(char line[CTL_WHY_CAP], const struct cJSON *response);

#endif
