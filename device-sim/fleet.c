#include "device-sim/fleet.h"

#include "common/cert.h"
#include "device-sim/admission.h"
#include "device-sim/claims.h"
#include "device-sim/device.h"
#include "device-sim/operator.h"
#include "device-sim/report.h"
#include "device-sim/roster.h"
#include "device-sim/watch.h"

#include <mosquitto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TICK_MS = 1000, PROGRESS_MS = 200, PATH_CAP = FLASH_PATH_CAP };

struct fleet {
    const struct run_options *options;
    struct figures *figures;
    uv_loop_t loop;
    struct tls tls;
    struct cr_blob trust;
    struct roster roster;
    struct device_env env;
    struct device *devices;
    unsigned count, made, finished;
    struct admission admission;
    uv_timer_t tick, deadline, progress;
    uv_timer_t mixed;          /* --trigger: from when on the devices' sleep is well mixed */
    unsigned seen;
    bool may_trigger;
    struct operator_job operator;
    struct claims claims;
    struct watch watch;
    uv_signal_t on_int, on_term;
    uint64_t started_ns;
    bool stopping;
};

/* --- what the devices ask for --- */

static void on_queue(void *ctx, struct device *device)
{
    admission_queue(&((struct fleet *)ctx)->admission, device);
}

static void on_handshake_over(void *ctx)
{
    admission_over(&((struct fleet *)ctx)->admission);
}

/* --- the operator --- */

static void on_triggered(void *ctx, const struct operator_result *result)
{
    struct fleet *fleet = ctx;
    fleet->figures->triggered = result->triggered;
    if (result->problem[0] != '\0') {
        report_progress_end();
        fprintf(stderr, "device-sim: --trigger: %u of %u devices: %s\n", result->triggered, fleet->count,
                result->problem);
    }
}

static void trigger_when_ready(struct fleet *fleet)
{
    if (!fleet->may_trigger || fleet->seen < fleet->count || fleet->operator.roster != NULL || fleet->stopping) {
        return;
    }
    for (unsigned i = 0; i < fleet->count; i++) {
        fleet->devices[i].overslept = !device_awake(&fleet->devices[i]);
        fleet->figures->asleep_when_triggered += fleet->devices[i].overslept ? 1 : 0;
    }
    fleet->operator = (struct operator_job){ .roster = &fleet->roster, .dir = fleet->options->dir,
                                             .slot = fleet->options->slot, .link = fleet->env.link,
                                             .done = on_triggered, .ctx = fleet };
    cr_err err = operator_start(&fleet->operator);
    if (err != CR_OK) {
        struct operator_result result = { 0 };
        (void)snprintf(result.problem, sizeof result.problem, "operator.pem, operator.key: %s", cr_err_text(err));
        on_triggered(fleet, &result);
    }
}

static void on_mixed(uv_timer_t *timer)
{
    struct fleet *fleet = timer->data;
    fleet->may_trigger = true;
    trigger_when_ready(fleet);
}

static void on_seen(void *ctx)
{
    struct fleet *fleet = ctx;
    if (++fleet->seen == fleet->count && fleet->may_trigger) {
        /* Not from within a device's connection. */
        (void)uv_timer_start(&fleet->mixed, on_mixed, 0, 0);
    }
}

/* --- the end --- */

static void stop(struct fleet *fleet, enum run_end end)
{
    if (!fleet->stopping) {
        fleet->stopping = fleet->admission.closed = true;
        fleet->figures->end = end;
        fleet->figures->duration_s = (double)(uv_hrtime() - fleet->started_ns) / 1e9;
        uv_stop(&fleet->loop);
    }
}

static void on_finished(void *ctx, struct device *device)
{
    struct fleet *fleet = ctx;
    (void)device;
    if (++fleet->finished == fleet->count && !fleet->options->forever) {
        stop(fleet, RUN_DONE);
    }
}

static void on_deadline(uv_timer_t *timer)
{
    stop(timer->data, RUN_TIMEOUT);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct fleet *fleet = handle->data;
    (void)number;
    stop(fleet, fleet->options->forever ? RUN_DONE : RUN_INTERRUPTED); /* which is how that is over */
}

static void on_tick(uv_timer_t *timer)
{
    struct fleet *fleet = timer->data;
    for (unsigned i = 0; i < fleet->made; i++) {
        device_tick(&fleet->devices[i]);
    }
    watch_tick(&fleet->watch);
}

static void on_progress(uv_timer_t *timer)
{
    struct fleet *fleet = timer->data;
    unsigned each = fleet->options->forever ? 0 : fleet->options->renewals;
    report_progress(fleet->figures, fleet->finished, fleet->count, each,
                    (double)(uv_hrtime() - fleet->started_ns) / 1e9);
}

static void count_outcomes(struct fleet *fleet)
{
    struct figures *figures = fleet->figures;
    figures->devices = fleet->count;
    for (unsigned i = 0; i < fleet->made; i++) {
        struct device *device = &fleet->devices[i];
        if (device->booted) {
            figures_trust(figures, agent_trust_version(&device->agent));
        }
        device_stop(device);
        switch (device->outcome) {
        case DEVICE_RENEWED:
            figures->renewed++;
            figures->woke_and_renewed += fleet->devices[i].overslept ? 1 : 0;
            break;
        case DEVICE_FAILED: figures_failed(figures, device->reason[0] != '\0' ? device->reason : "unknown"); break;
        default: figures->pending++; break;
        }
    }
}

/* --- the beginning --- */

static cr_err complain(const struct fleet *fleet, cr_err err, const char *what)
{
    fprintf(stderr, "device-sim: %s: %s: %s\n", fleet->options->dir, what, cr_err_text(err));
    return err;
}

static cr_err trust_load(struct fleet *fleet)
{
    char path[PATH_CAP];
    struct cr_blob pem = { 0 };
    cr_err err = CR_FULL;
    int len = fleet->options->cafile != NULL ? snprintf(path, sizeof path, "%s", fleet->options->cafile) :
              snprintf(path, sizeof path, "%s/ca.pem", fleet->options->dir);
    if (len <= 0 || len >= (int)sizeof path) {
        goto out;
    }
    CR_TRY(roster_read_file(&pem, path));
    CR_TRY(cr_cert_from_pem(&fleet->trust, cr_blob_view(&pem)));
    CR_TRY(tls_init(&fleet->tls, path, fleet->options->host));
out:
    cr_blob_fini(&pem);
    return err == CR_OK ? CR_OK :
           complain(fleet, err, fleet->options->cafile != NULL ? "the file of --cafile" :
                    "ca.pem, which `device-sim pki` makes (or --cafile)");
}

/* The devices that exist, less those that are not meant or not to be had. */
static cr_err devices_find(struct fleet *fleet)
{
    const struct run_options *options = fleet->options;
    cr_err err = roster_load(&fleet->roster, options->dir, options->claim ? 0 : options->count);
    if (err != CR_OK) {
        return complain(fleet, err, "not as many devices as --count asks for; `device-sim pki` makes them");
    }
    if (options->name != NULL && roster_only(&fleet->roster, options->name) != CR_OK) {
        return complain(fleet, CR_NOT_FOUND, options->name);
    }
    return claims_take(&fleet->claims, &fleet->roster, options);
}

static cr_err devices_init(struct fleet *fleet)
{
    char dir[PATH_CAP];
    cr_err err = devices_find(fleet);
    if (err != CR_OK) {
        return err;
    }
    fleet->count = fleet->roster.count;
    fleet->devices = calloc(fleet->count, sizeof *fleet->devices);
    if (fleet->devices == NULL) {
        return complain(fleet, CR_NOMEM, "devices");
    }
    while (fleet->made < fleet->count) {
        const char *name = fleet->roster.names[fleet->made];
        int len = snprintf(dir, sizeof dir, "%s/devices/%s", fleet->options->dir, name);
        err = len > 0 && len < (int)sizeof dir ? device_init(&fleet->devices[fleet->made], &fleet->env, name, dir) :
              CR_FULL;
        if (err != CR_OK) {
            return complain(fleet, err, name);
        }
        fleet->made++;
    }
    return CR_OK;
}

static void env_init(struct fleet *fleet)
{
    const struct run_options *options = fleet->options;
    fleet->env = (struct device_env){
        .options = options, .loop = &fleet->loop, .trust = fleet->trust.data, .trust_len = fleet->trust.len,
        .figures = fleet->figures, .fleet = fleet, .queue = on_queue, .handshake_over = on_handshake_over,
        .seen = on_seen, .finished = on_finished,
        .link = { .loop = &fleet->loop, .tls = &fleet->tls, .resolver = &fleet->admission.resolver,
                  .port = options->port, .mqtt5 = options->mqtt5, .persistent = options->persistent,
                  .handler = &device_link_handler },
    };
}

static cr_err loop_init(struct fleet *fleet)
{
    if (uv_loop_init(&fleet->loop) != 0) {
        return CR_IO;
    }
    uv_loop_t *loop = &fleet->loop;
    fleet->tick.data = fleet->deadline.data = fleet->progress.data = fleet->mixed.data = fleet;
    fleet->on_int.data = fleet->on_term.data = fleet;
    bool ok = uv_timer_init(loop, &fleet->tick) == 0 &&
              uv_timer_init(loop, &fleet->deadline) == 0 && uv_timer_init(loop, &fleet->progress) == 0 &&
              uv_timer_init(loop, &fleet->mixed) == 0 && uv_timer_init(loop, &fleet->watch.timer) == 0 &&
              uv_signal_init(loop, &fleet->on_int) == 0 && uv_signal_init(loop, &fleet->on_term) == 0 &&
              admission_init(&fleet->admission, loop, fleet->options) == CR_OK;
    return ok ? CR_OK : CR_IO;
}

static cr_err loop_start(struct fleet *fleet)
{
    const struct run_options *options = fleet->options;
    double spacing_ms = options->arrival_rate > 0 ? 1000 / options->arrival_rate : 0;
    fleet->started_ns = uv_hrtime();
    bool ok = uv_timer_start(&fleet->tick, on_tick, TICK_MS, TICK_MS) == 0 &&
              uv_signal_start(&fleet->on_int, on_signal, SIGINT) == 0 &&
              uv_signal_start(&fleet->on_term, on_signal, SIGTERM) == 0;
    if (ok && !options->forever) {
        ok = uv_timer_start(&fleet->deadline, on_deadline, (uint64_t)(options->timeout_s * 1000), 0) == 0;
    }
    if (ok && !options->quiet && isatty(STDERR_FILENO)) {
        ok = uv_timer_start(&fleet->progress, on_progress, PROGRESS_MS, PROGRESS_MS) == 0;
    }
    if (ok && options->trigger) {
        double cycle_ms = options->asleep_s > 0 ? (options->awake_s + options->asleep_s) * 1000 : 0;
        ok = uv_timer_start(&fleet->mixed, on_mixed, (uint64_t)cycle_ms, 0) == 0;
    }
    for (unsigned i = 0; ok && i < fleet->count; i++) {
        device_start(&fleet->devices[i], spacing_ms * i);
    }
    return ok ? CR_OK : CR_IO;
}

/* A file descriptor a connection: as many as the system lets us have. */
static void raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a broker that goes away is an event like any other */
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

cr_err fleet_run(const struct run_options *options, struct figures *figures)
{
    struct fleet *fleet = calloc(1, sizeof *fleet);
    cr_err err = CR_NOMEM;
    if (fleet == NULL) {
        return complain(&(struct fleet){ .options = options }, err, "fleet");
    }
    fleet->options = options;
    fleet->figures = figures;
    figures->by_operator = options->trigger;
    raise_limits();
    (void)mosquitto_lib_init();
    err = loop_init(fleet);
    bool looped = err == CR_OK;
    if (!looped) {
        err = complain(fleet, err, "event loop");
        goto out;
    }
    CR_TRY(trust_load(fleet));
    env_init(fleet);
    CR_TRY(devices_init(fleet));
    fleet->watch.options = options;
    fleet->watch.figures = figures;
    fleet->watch.devices = fleet->devices;
    fleet->watch.count = fleet->count;
    err = watch_start(&fleet->watch);
    if (err != CR_OK) {
        fprintf(stderr, "device-sim: %s: %s\n", options->alive, strerror(errno));
        goto out;
    }
    err = loop_start(fleet);
    if (err != CR_OK) {
        err = complain(fleet, err, "event loop");
        goto out;
    }
    (void)uv_run(&fleet->loop, UV_RUN_DEFAULT);
out:
    report_progress_end();
    fleet->stopping = true;
    operator_stop(&fleet->operator);
    admission_fini(&fleet->admission);
    count_outcomes(fleet);
    if (looped) {
        uv_walk(&fleet->loop, close_handle, NULL);
        (void)uv_run(&fleet->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&fleet->loop);
    }
    free(fleet->devices);
    claims_fini(&fleet->claims);
    roster_fini(&fleet->roster);
    tls_fini(&fleet->tls);
    cr_blob_fini(&fleet->trust);
    (void)mosquitto_lib_cleanup();
    free(fleet);
    return err;
}
