#include "device-sim/device_notes.h"

#include "device-sim/device_boot.h"

#include <math.h>
#include <string.h>

enum { AFTER_FAILURE_MS = 1500 };

void notes_booted(struct device *device)
{
    if (agent_phase(&device->agent) == AGENT_INSTALLED) {
        device->installed = true; /* the power went before the agent could say so */
    }
}

void notes_connecting(struct device *device)
{
    device->connect_at = device->count_from = device_now_ms();
    device->csr_at = 0;
    device->quiet = device->heard = device->measure_wire = false;
}

void notes_connected(struct device *device)
{
    device->connect_ms = device_now_ms() - device->connect_at;
    samples_add(&device->env->figures->connect_ms, device->connect_ms);
    device_reason(device, "");
}

void notes_sending(struct device *device, const char *topic)
{
    const char *verb = strrchr(topic, '/');
    if (verb != NULL && strcmp(verb, "/csr") == 0) {
        device->csr_at = device_now_ms();
        device->wire_at_csr = link_wire(device->link);
    }
}

/* The certificate is here and good. */
static void accepted(struct device *device)
{
    struct figures *figures = device->env->figures;
    device->awake_ms += device->arrived_at - device->count_from;
    device->count_from = device->arrived_at;
    samples_add(&figures->awake_ms, device->awake_ms);
    device->awake_ms = 0;
    device->awake_noted = true;
    if (device->csr_at > 0) {
        samples_add(&figures->exchange_ms, device->arrived_at - device->csr_at);
        device->measure_wire = true;
    }
}

void notes_wire(struct device *device)
{
    if (!device->measure_wire || device->link == NULL) {
        return;
    }
    struct wire now = link_wire(device->link);
    device->measure_wire = false;
    samples_add(&device->env->figures->sent, (double)(now.sent - device->wire_at_csr.sent));
    samples_add(&device->env->figures->received, (double)(now.received - device->wire_at_csr.received));
}

/* A trigger came, or the device decided: time in which nothing was pending does not count, its connection does. */
static void begun(struct device *device)
{
    if (device->quiet) {
        device->count_from = device_now_ms() - device->connect_ms;
        device->quiet = false;
    }
}

/* With --trigger the fleet counts, at the instant of the operator's command. */
static void triggered(struct device *device)
{
    struct figures *figures = device->env->figures;
    if (figures->by_operator || device->triggered) {
        return;
    }
    device->triggered = true;
    device->overslept = device->slept;
    figures->triggered++;
    figures->asleep_when_triggered += device->overslept ? 1 : 0;
}

static void failed(struct device *device, const char *reason)
{
    device_reason(device, reason);
    device->attempts_new++;
}

void notes_event(struct device *device, enum agent_event event, const char *detail)
{
    struct figures *figures = device->env->figures;
    switch (event) {
    case AGENT_EVENT_TRIGGERED:
        triggered(device);
        begun(device);
        break;
    case AGENT_EVENT_CSR_SENT:
        begun(device);
        break;
    case AGENT_EVENT_ACCEPTED:
        accepted(device);
        break;
    case AGENT_EVENT_REFUSED:
        figures->refused++;
        failed(device, detail);
        break;
    case AGENT_EVENT_REJECTED:
        figures->rejected++;
        device_reason(device, detail);
        break;
    case AGENT_EVENT_GAVE_UP:
        figures->rejected++;
        failed(device, detail);
        break;
    case AGENT_EVENT_INSTALLED:
        device->installed = true;
        break;
    case AGENT_EVENT_ROLLED_BACK:
        figures->rolled_back++;
        failed(device, "rolled-back");
        break;
    case AGENT_EVENT_DONE:
        if (device->installed) {
            samples_add(&figures->confirm_ms, device_now_ms() - device->connect_at);
        } else {
            double at = device_now_ms() + AFTER_FAILURE_MS;
            bool later = device->env->options->forever && !isinf(device->retry_at) && device->retry_at > at;
            device->retry_at = later ? device->retry_at : at;
        }
        device->quiet = true; /* until the next one begins */
        break;
    case AGENT_EVENT_QUIET:
        device->quiet = true;
        device->slept = false;
        device_reason(device, "");
        break;
    case AGENT_EVENT_ENROLLED:
        figures->enrolled += detail == NULL ? 1 : 0;
        figures->enrolled_again += detail != NULL ? 1 : 0;
        break;
    case AGENT_EVENT_TRUST_INSTALLED:
        figures->trust_installed++;
        break;
    case AGENT_EVENT_TRUST_FAILED:
        figures->trust_failed++;
        device_reason(device, detail);
        break;
    case AGENT_EVENT_TRUST_ROLLED_BACK:
        figures->trust_rolled_back++;
        break;
    case AGENT_EVENT_ENROLLING:
    case AGENT_EVENT_TRUST_TRIAL:
    case AGENT_EVENT_PENDING:
    case AGENT_EVENT_COUNT:
        break;
    }
}

void notes_interrupted(struct device *device)
{
    bool under_way = device->booted && agent_phase(&device->agent) == AGENT_REQUESTED;
    if (under_way && device->state >= DEVICE_CONNECTING) {
        device->awake_ms += device_now_ms() - device->count_from;
    }
}

bool notes_done(struct device *device)
{
    if (device->booted && device->installed && agent_phase(&device->agent) == AGENT_IDLE) {
        if (!device->awake_noted) { /* accepted just when the power went: what was counted until then */
            samples_add(&device->env->figures->awake_ms, device->awake_ms);
        }
        device->installed = device->awake_noted = false;
        device->awake_ms = 0;
        device->attempts = 0;
        device->renewals++;
        device->env->figures->renewals++;
        if (device->env->options->forever || device->renewals < device->env->options->renewals) {
            device_fate_renewal(device);
            device->retry_at = device->env->options->request ? device_now_ms() : device->retry_at;
        }
    }
    return !device->env->options->forever && device->renewals >= device->env->options->renewals && device->booted &&
           agent_trust_version(&device->agent) >= device->env->options->trust_version &&
           !agent_trust_on_trial(&device->agent);
}
