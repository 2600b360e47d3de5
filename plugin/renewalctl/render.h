/* render: an answer of the operator channel as aligned text for people.
 * What the broker sent is shown, never trusted: control characters become '?', a missing field is left out, and fields
 * that this version does not know follow as name and JSON. One thread. */
#ifndef CR_CTL_RENDER_H
#define CR_CTL_RENDER_H

#include "plugin/renewalctl/options.h"

#include <stdio.h>

struct cJSON;

/* Writes the response's data as the action's tables. Takes the fields that it shows out of *data. */
void ctl_render(FILE *out, const struct ctl_options *options, struct cJSON *data, bool colour);

#endif
