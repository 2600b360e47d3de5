#include "device-sim/device.h"

#include "common/bytes.h"
#include "device-sim/device_boot.h"
#include "device-sim/device_identity.h"
#include "device-sim/device_notes.h"
#include "device-sim/pause.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ATTEMPTS_MAX = 10, REFUSALS_MAX = 20, HANDSHAKE_MS = 15000, RETRY_MS = 1500, STEADY_MS = 10000 };

static void timer_arm(struct device *device);

/* --- the ways to end --- */

static void finish(struct device *device, enum device_outcome outcome)
{
    if (device->link != NULL) {
        struct link *link = device->link;
        device->link = NULL;
        link_close(link);
    }
    device->state = DEVICE_FINISHED;
    device->outcome = outcome;
    (void)uv_timer_stop(&device->timer);
    device->env->finished(device->env->fleet, device);
}

/* Another attempt at this renewal failed: again after a while, or never. */
static void attempt_failed(struct device *device)
{
    bool patient = device->env->options->forever;
    double wait_ms = pause_renewal_ms(device->attempts++, patient, device_chance(device));
    if (device->attempts >= ATTEMPTS_MAX && !patient) {
        finish(device, DEVICE_FAILED);
        return;
    }
    device->retry_at = device_now_ms() + wait_ms;
}

/* --- off and on --- */

static void go_off(struct device *device, double for_ms)
{
    device->state = DEVICE_OFF;
    device->sleep_at = device->retry_at = device->deadline_at = INFINITY;
    device->wake_at = device_now_ms() + for_ms;
    timer_arm(device);
}

static void link_drop(struct device *device, bool abruptly)
{
    struct link *link = device->link;
    device->link = NULL;
    if (link != NULL) {
        (abruptly ? link_abort : link_close)(link);
    }
}

static void power_lost(struct device *device)
{
    notes_interrupted(device);
    link_drop(device, true);
    if (device->state == DEVICE_CONNECTING) {
        device->env->handshake_over(device->env->fleet);
    }
    device->booted = false;
    device->env->figures->power_losses++;
    go_off(device, 300 + 700 * device_chance(device));
}

static void fall_asleep(struct device *device)
{
    const struct run_options *options = device->env->options;
    notes_interrupted(device);
    link_drop(device, false);
    agent_disconnected(&device->agent);
    device->slept = true;
    device->losses = 0;
    go_off(device, options->asleep_s * 1000 * device_vary(device, options->jitter));
}

static void connect_again_later(struct device *device)
{
    unsigned failures = device->connect_failures++ + (device->losses > 0 ? device->losses - 1 : 0);
    go_off(device, pause_connect_ms(failures, device->env->options->forever, device_chance(device)));
}

/* It cannot go on: the end, or, where there is none, a new start after a while. */
static void give_up(struct device *device)
{
    if (device->env->options->forever) {
        device->booted = false;
        connect_again_later(device);
    } else {
        finish(device, DEVICE_FAILED);
    }
}

static void wake(struct device *device)
{
    if (!device->booted && !device_boot(device)) {
        if (device->flash.dead) {
            power_lost(device);
        } else {
            give_up(device);
        }
        return;
    }
    if (notes_done(device)) { /* the power went after the last write of a renewal: nobody told us yet */
        finish(device, DEVICE_RENEWED);
        return;
    }
    enum agent_err err = agent_prepare(&device->agent); /* while the radio is off */
    if (device->flash.dead) {
        power_lost(device);
        return;
    }
    if (err != AGENT_OK) {
        device_reason(device, "storage");
    }
    device->wake_at = INFINITY;
    device->state = DEVICE_QUEUED;
    device->env->queue(device->env->fleet, device);
}

/* --- connecting --- */

static void connect_failed(struct device *device, enum link_end end)
{
    bool refused = end == LINK_REFUSED, answered = end != LINK_UNREACHABLE;
    notes_interrupted(device);
    if (answered && !device->answered) {
        device->connect_failures = 0; /* the broker is back, and something else fails */
    }
    device->answered = answered;
    agent_connect_failed(&device->agent, refused);
    /* A refusal can end in a reset before its alert was read: that it was one before says more. */
    if (refused || strcmp(device->reason, "connection-refused") != 0) {
        device_reason(device, refused ? "connection-refused" : "unreachable");
    }
    device->env->figures->turned_away += refused ? 1 : 0;
    if (refused && device->connect_failures >= REFUSALS_MAX && !device->env->options->forever) {
        finish(device, DEVICE_FAILED);
        return;
    }
    connect_again_later(device);
}

void device_connect(struct device *device)
{
    const struct run_options *options = device->env->options;
    enum agent_identity_kind kind = AGENT_BY_OWN;
    cr_err err = device_identity_take(device, &kind);
    if (device->flash.dead) {
        device->env->handshake_over(device->env->fleet);
        power_lost(device);
        return;
    }
    if (err != CR_OK) {
        device->env->handshake_over(device->env->fleet);
        device_reason(device, "storage");
        give_up(device);
        return;
    }
    notes_connecting(device);
    err = device_dial(device, kind);
    if (err != CR_OK) {
        device->env->handshake_over(device->env->fleet);
        connect_failed(device, LINK_UNREACHABLE);
        return;
    }
    device->state = DEVICE_CONNECTING;
    device->deadline_at = device->connect_at + HANDSHAKE_MS;
    double awake_ms = options->awake_s * 1000 * device_vary(device, options->jitter);
    if (!device->seen) { /* what starts together must not sleep together: anywhere in its first cycle */
        awake_ms = (options->awake_s + options->asleep_s) * 1000 * (0.05 + 0.95 * device_chance(device));
    }
    device->sleep_at = options->asleep_s > 0 ? device->connect_at + awake_ms : INFINITY;
    timer_arm(device);
}

/* --- what the agent wants --- */

/* After the calls into the agent: what has become of the device? */
static void after_agent(struct device *device)
{
    if (device->state == DEVICE_FINISHED) {
        return;
    }
    if (device->flash.dead) {
        power_lost(device);
        return;
    }
    notes_wire(device);
    if (notes_done(device)) {
        finish(device, DEVICE_RENEWED);
        return;
    }
    if (device->attempts_new > 0) {
        device->attempts_new = 0;
        attempt_failed(device);
        if (device->state == DEVICE_FINISHED) {
            return;
        }
    }
    if (device->state == DEVICE_ONLINE && device->never_wakes && device->heard) {
        finish(device, DEVICE_PENDING); /* it was seen; that was all */
        return;
    }
    if (agent_wants_reconnect(&device->agent)) {
        link_drop(device, false);
        agent_disconnected(&device->agent);
        device->retry_at = INFINITY;
        wake(device);
        return;
    }
    timer_arm(device);
}

/* The device's own initiative: at connect, and after failures. */
static void take_initiative(struct device *device)
{
    enum agent_err err = AGENT_OK;
    device->retry_at = INFINITY;
    if (agent_phase(&device->agent) != AGENT_IDLE || device->never_wakes || device->installed) {
        return; /* installed: done, and about to be counted */
    }
    if (device->env->options->request) {
        err = agent_request(&device->agent);
    } else {
        err = agent_ask(&device->agent);
    }
    if (err != AGENT_OK) {
        device->retry_at = device_now_ms() + RETRY_MS;
    }
}

/* --- the link's callbacks --- */

/* The broker acknowledged or said something, so it knows the device. */
static void heard(struct device *device)
{
    device->heard = true;
    if (!device->seen) {
        device->seen = true;
        device->env->seen(device->env->fleet);
    }
}

static void on_up(void *ctx)
{
    struct device *device = ctx;
    device->state = DEVICE_ONLINE;
    device->deadline_at = INFINITY;
    device->connect_failures = 0;
    device->env->handshake_over(device->env->fleet);
    notes_connected(device);
    if (agent_connected(&device->agent) == AGENT_OK && device->env->options->request) {
        take_initiative(device);
    }
}

static void on_message(void *ctx, const char *topic, const uint8_t *payload, size_t len, const char *renewal_id)
{
    struct device *device = ctx;
    uint8_t damaged[4096];
    heard(device);
    if (device->never_wakes || device->flash.dead) {
        return;
    }
    const char *verb = strrchr(topic, '/');
    if (verb != NULL && strcmp(verb, "/certificate") == 0) {
        device->arrived_at = device_now_ms();
        if (device->corrupt_next && agent_phase(&device->agent) == AGENT_REQUESTED && len > 200 &&
            len <= sizeof damaged) {
            memcpy(damaged, payload, len);
            device_damage(device, damaged, len);
            payload = damaged;
        }
    }
    if (agent_message(&device->agent, topic, payload, len, renewal_id) == AGENT_INVALID) {
        device_reason(device, "unreadable-message");
    }
}

static void on_delivered(void *ctx, uint32_t id)
{
    struct device *device = ctx;
    heard(device);
    if (agent_delivered(&device->agent, id) != AGENT_OK && !device->flash.dead) {
        device_reason(device, "storage");
    }
}

static void on_settled(void *ctx)
{
    after_agent(ctx);
}

static void on_down(void *ctx, enum link_end end)
{
    struct device *device = ctx;
    device->link = NULL;
    if (device->state == DEVICE_CONNECTING) {
        device->env->handshake_over(device->env->fleet);
        connect_failed(device, end);
        return;
    }
    notes_interrupted(device);
    agent_disconnected(&device->agent);
    if (device->flash.dead) {
        power_lost(device);
    } else {
        device_reason(device, "connection-lost");
        bool steady = device_now_ms() - device->connect_at > STEADY_MS;
        device->losses = steady ? 0 : device->losses + 1;
        connect_again_later(device);
    }
}

const struct link_handler device_link_handler = { on_up, on_message, on_delivered, on_settled, on_down };

/* --- time --- */

static void on_timer(uv_timer_t *timer)
{
    struct device *device = timer->data;
    double now = device_now_ms();
    switch (device->state) {
    case DEVICE_OFF:
        if (now >= device->wake_at) {
            wake(device);
            return;
        }
        break;
    case DEVICE_CONNECTING:
        if (now >= device->deadline_at) {
            link_drop(device, true);
            device->env->handshake_over(device->env->fleet);
            connect_failed(device, LINK_UNREACHABLE);
            return;
        }
        break;
    case DEVICE_ONLINE:
        if (now >= device->sleep_at) {
            fall_asleep(device);
            return;
        }
        if (now >= device->retry_at) {
            take_initiative(device);
        } else if (agent_poll(&device->agent) != AGENT_OK && !device->flash.dead) {
            device_reason(device, "storage");
        }
        after_agent(device);
        return;
    default:
        return;
    }
    timer_arm(device);
}

static void timer_arm(struct device *device)
{
    double at = INFINITY;
    switch (device->state) {
    case DEVICE_OFF: at = device->wake_at; break;
    case DEVICE_CONNECTING: at = device->deadline_at; break;
    case DEVICE_ONLINE: {
        int64_t due_ms = agent_due_ms(&device->agent);
        at = fmin(device->sleep_at, device->retry_at);
        at = due_ms == INT64_MAX ? at : fmin(at, (double)due_ms);
        break;
    }
    default: break;
    }
    if (isinf(at)) {
        (void)uv_timer_stop(&device->timer);
        return;
    }
    double wait = at - device_now_ms();
    uv_update_time(device->env->loop);
    (void)uv_timer_start(&device->timer, on_timer, wait > 0 ? (uint64_t)wait + 1 : 0, 0);
}

/* --- for the fleet --- */

cr_err device_init(struct device *device, struct device_env *env, const char *id, const char *dir)
{
    cr_err err = CR_BUG;
    *device = (struct device){ .env = env, .wake_at = INFINITY, .sleep_at = INFINITY, .retry_at = INFINITY,
                               .deadline_at = INFINITY };
    CR_TRY(cr_text_copy(device->id, sizeof device->id, id));
    CR_TRY(flash_init(&device->flash, dir, env->options->fsync));
    CR_TRY(device_fate(device));
    device->timer.data = device;
    err = uv_timer_init(env->loop, &device->timer) == 0 ? CR_OK : CR_IO;
out:
    return err;
}

void device_start(struct device *device, double delay_ms)
{
    go_off(device, delay_ms);
}

bool device_awake(const struct device *device)
{
    return device->state == DEVICE_QUEUED || device->state == DEVICE_CONNECTING || device->state == DEVICE_ONLINE;
}

void device_tick(struct device *device)
{
    if (device->link != NULL && device->state == DEVICE_ONLINE) {
        link_tick(device->link);
    }
}

void device_stop(struct device *device)
{
    if (device->state != DEVICE_FINISHED) {
        const struct run_options *options = device->env->options;
        bool troubled = device->reason[0] != '\0';
        bool enough = options->forever ? !troubled : device->renewals >= options->renewals;
        if (device->renewals > 0 && enough) {
            device->outcome = DEVICE_RENEWED;
        } else {
            device->outcome = troubled ? DEVICE_FAILED : DEVICE_PENDING;
        }
        link_drop(device, false);
        device->state = DEVICE_FINISHED;
    }
    device_identity_fini(device);
    (void)uv_timer_stop(&device->timer);
    uv_close((uv_handle_t *)&device->timer, NULL);
}
