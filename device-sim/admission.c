#include "device-sim/admission.h"

#include "device-sim/report.h"

#include <stdio.h>

static bool has_room(const struct admission *admission)
{
    return admission->first != NULL && admission->connecting < admission->options->connecting && !admission->closed;
}

static void admit(uv_idle_t *idle)
{
    struct admission *admission = idle->data;
    (void)uv_idle_stop(idle);
    while (has_room(admission)) {
        if (!resolver_fresh(&admission->resolver)) {
            resolver_ask(&admission->resolver);
            return;
        }
        struct device *device = admission->first;
        admission->first = device->next_queued;
        device->next_queued = NULL;
        admission->connecting++;
        device_connect(device);
    }
}

/* Never from within the caller: it may be in the middle of another device's connection. */
static void admit_soon(struct admission *admission)
{
    if (has_room(admission)) {
        (void)uv_idle_start(&admission->soon, admit);
    }
}

/* That the broker's name has no address is no device's failure: they wait. */
static void on_answered(void *ctx, const char *problem)
{
    struct admission *admission = ctx;
    if (problem != NULL && !admission->unresolved) {
        report_progress_end();
        fprintf(stderr, "device-sim: %s: %s; devices wait until its address is found\n", admission->options->host,
                problem);
    }
    admission->unresolved = problem != NULL;
    if (problem == NULL) {
        admit_soon(admission);
    }
}

cr_err admission_init(struct admission *admission, uv_loop_t *loop, const struct run_options *options)
{
    *admission = (struct admission){ .options = options, .soon.data = admission };
    if (uv_idle_init(loop, &admission->soon) != 0) {
        return CR_IO;
    }
    return resolver_init(&admission->resolver, loop, options->host, on_answered, admission);
}

void admission_queue(struct admission *admission, struct device *device)
{
    if (admission->first == NULL) {
        admission->first = device;
    } else {
        admission->last->next_queued = device;
    }
    admission->last = device;
    admit_soon(admission);
}

void admission_over(struct admission *admission)
{
    admission->connecting--;
    admit_soon(admission);
}

void admission_fini(struct admission *admission)
{
    admission->closed = true;
    resolver_fini(&admission->resolver);
}
