#include "device-sim/device_boot.h"

#include "device-sim/agent/agent_mbedtls.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/random.h"
#include "device-sim/device_identity.h"
#include "device-sim/device_notes.h"

#include <stdio.h>

enum { WRITES_OF_A_RENEWAL = 7, CLOCK_1970_S = 7 * 3600 };

double device_now_ms(void)
{
    return (double)uv_hrtime() / 1e6;
}

/* SplitMix64: small, and repeatable everywhere. */
static uint64_t roll(struct device *device)
{
    device->dice += 0x9e3779b97f4a7c15u;
    uint64_t z = device->dice;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double device_chance(struct device *device)
{
    return (double)(roll(device) >> 11) / 9007199254740992.0; /* 2^53 */
}

double device_vary(struct device *device, double jitter)
{
    return 1 + jitter * (2 * device_chance(device) - 1);
}

void device_reason(struct device *device, const char *reason)
{
    (void)snprintf(device->reason, sizeof device->reason, "%s", reason);
}

void device_damage(struct device *device, uint8_t *payload, size_t len)
{
    size_t start = 20, span = len / 4 - start; /* serial number to subject: nothing there may change */
    for (int i = 0; i < 3; i++) {
        payload[start + roll(device) % span] ^= (uint8_t)(1u << (roll(device) % 8));
    }
    payload[start + roll(device) % span] ^= 0x55; /* in case the flips cancelled each other out */
    device->corrupt_next = device->cannot_install;
    device->env->figures->corrupted++;
}

cr_err device_fate(struct device *device)
{
    const struct run_options *options = device->env->options;
    char name[CR_NAME_CAP + 24];
    int len = snprintf(name, sizeof name, "%s/%llu", device->id, (unsigned long long)options->seed);
    cr_err err = cr_hash64(&device->dice, name, (size_t)len);
    if (err != CR_OK) {
        return err;
    }
    device->never_wakes = device_chance(device) < options->fault_never_wakes;
    device->wrong_clock = device_chance(device) < options->fault_clock;
    device->cannot_install = options->fault_install > 0 && device_chance(device) < options->fault_install;
    device->env->figures->cannot_install += device->cannot_install ? 1 : 0;
    device->env->figures->never_wake += device->never_wakes ? 1 : 0;
    device->env->figures->wrong_clocks += device->wrong_clock ? 1 : 0;
    return CR_OK;
}

void device_fate_renewal(struct device *device)
{
    const struct run_options *options = device->env->options;
    bool lose_power = device_chance(device) < options->fault_power;
    device->corrupt_next = device_chance(device) < options->fault_corrupt || device->cannot_install;
    device->flash.writes_left = lose_power ? 1 + (unsigned)(roll(device) % WRITES_OF_A_RENEWAL) : 0;
    device->flash.cut = (enum flash_cut)(roll(device) % FLASH_CUT_COUNT);
}

/* --- the agent's ports --- */

static enum agent_err port_read(void *ctx, enum agent_record record, uint8_t *data, size_t cap, size_t *len)
{
    return flash_read(&((struct device *)ctx)->flash, record, data, cap, len);
}

static enum agent_err port_write(void *ctx, enum agent_record record, const uint8_t *data, size_t len)
{
    return flash_write(&((struct device *)ctx)->flash, record, data, len);
}

static enum agent_err port_publish(void *ctx, uint32_t id, const char *topic, const uint8_t *payload, size_t len)
{
    struct device *device = ctx;
    if (device->link == NULL || device->flash.dead) {
        return AGENT_OFFLINE;
    }
    notes_sending(device, topic);
    return link_publish(device->link, id, topic, payload, len) == CR_OK ? AGENT_OK : AGENT_OFFLINE;
}

static int64_t port_now_ms(void *ctx)
{
    (void)ctx;
    return (int64_t)device_now_ms();
}

static int64_t port_now_s(void *ctx)
{
    const struct device *device = ctx;
    return device->wrong_clock ? CLOCK_1970_S + port_now_ms(NULL) / 1000 : cr_wall_s(cr_clock_system());
}

static bool port_random(void *ctx, uint8_t *data, size_t len)
{
    (void)ctx;
    return cr_random_fill(cr_random_system(), data, len) == CR_OK;
}

static void port_event(void *ctx, enum agent_event event, const char *detail)
{
    notes_event(ctx, event, detail);
}

/* --- power on --- */

static enum agent_err agent_start(struct device *device)
{
    return agent_open(&device->agent, &device->agent_config, &device->agent_ports, device->env->scratch,
                      sizeof device->env->scratch);
}

bool device_boot(struct device *device)
{
    const struct run_options *options = device->env->options;
    bool first = device->agent_config.device == NULL;
    device->agent_config = (struct agent_config){
        .prefix = options->prefix, .device = device->id, .slot = options->slot, .format = options->format,
        .trust = device->env->trust, .trust_len = device->env->trust_len,
        .ask_at_connect = !options->request || device->never_wakes, .own_link = true,
        .trust_updates = device->env->trust_len <= AGENT_TRUST_MAX,
    };
    if (!device_enrolment(device, &device->agent_config)) {
        device_reason(device, "no-factory-certificate");
        return false;
    }
    device->agent_ports = (struct agent_ports){
        .ctx = device, .read = port_read, .write = port_write, .publish = port_publish, .now_ms = port_now_ms,
        .now_s = port_now_s, .random = port_random, .event = port_event, .crypto = &agent_mbedtls,
    };
    flash_restore(&device->flash);
    enum agent_err err = agent_start(device);
    if (err == AGENT_NOT_FOUND && device_provision(device)) {
        err = agent_start(device);
    }
    if (err != AGENT_OK) {
        device_reason(device, err == AGENT_NOT_FOUND ? "no-certificate" : "storage");
        return false;
    }
    if (first) {
        device_fate_renewal(device);
    }
    device->booted = true;
    notes_booted(device);
    return true;
}
