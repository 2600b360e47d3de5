/* The replay goes minute by minute. Who appears in the same minute is connected at the same time, some at once; each
 * does what the plugin asks of it while it is awake, then leaves. The clock stands while they are awake: an awake
 * period takes milliseconds. */
#include "tests/bench/meters_replay.h"

#include "tests/bench/bench_cpu.h"
#include "tests/bench/meters_plugin.h"
#include "tests/bench/meters_progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IDLE_TICK_MIN = 30, /* with nobody there, the loop is turned so often */
    MINUTE_S = 60,
    DAY_S = 86400,
    HOUR_S = 3600,
    ISSUER_BEFORE_D = 4 * 365,
    ISSUER_AFTER_D = 20 * 365,
    REACHABLE = 3, /* appearances */
    SLOT_LINES_CAP = 200,
    TURNS_MAX = 1000000,
    TOPIC_CAP = 96,
};

struct replay {
    const struct meters_options *options;
    struct meters_result *result;
    struct meters_host host;
    struct meters_plugin *plugin;
    struct meters_fleet fleet;
    struct meters_progress progress;
    int64_t now_s;
    long long bytes_before;
    char first_rejection[200];
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    interrupted = number;
}

/* ---- a meter that is awake ---- */

static void meter_connect(struct replay *replay, unsigned place, uint32_t number)
{
    char name[METERS_NAME_CAP];
    meters_name(name, number);
    struct meters_client *client =
        meters_host_connect(&replay->host, place, name, cr_blob_view(&replay->fleet.meter[number].certificate), NULL);
    client->device = number;
    meters_plugin_connected(replay->plugin, client);
}

static void meter_disconnect(struct replay *replay, unsigned place)
{
    meters_plugin_disconnected(replay->plugin, &replay->host.client[place]);
    meters_host_disconnect(&replay->host, &replay->host.client[place]);
}

/* A trigger: it asks, once a connection. */
static void meter_asks(struct replay *replay, struct meters_client *client)
{
    uint8_t key_hash[CR_SHA256_LEN];
    char topic[TOPIC_CAP];
    replay->result->triggers++;
    if (client->asked) {
        return;
    }
    client->asked = true;
    struct cr_blob request = meters_request(client->id, key_hash);
    memcpy(replay->fleet.meter[client->device].asked_key, key_hash, sizeof replay->fleet.meter->asked_key);
    (void)snprintf(topic, sizeof topic, "$identity/v1/%s/operational/csr", client->id);
    if (!meters_plugin_message(replay->plugin, client, topic, cr_blob_view(&request))) {
        bench_die("%s may not ask for its certificate", client->id);
    }
    cr_blob_fini(&request);
}

/* Its certificate: it comes back with it at once. */
static void meter_renews(struct replay *replay, unsigned place, struct cr_bytes chain)
{
    uint32_t number = replay->host.client[place].device;
    struct meter *meter = &replay->fleet.meter[number];
    struct cr_bytes leaf;
    struct cr_cert cert;
    if (cr_cert_next(&leaf, &chain) != CR_OK || cr_cert_parse(&cert, leaf) != CR_OK ||
        memcmp(cert.facts.key_hash, meter->asked_key, sizeof meter->asked_key) != 0) {
        bench_die("%s got a certificate that is not for its key", replay->host.client[place].id);
    }
    meter_disconnect(replay, place);
    cr_blob_fini(&meter->certificate);
    if (cr_blob_copy(&meter->certificate, leaf.data, leaf.len) != CR_OK) {
        bench_die("out of memory");
    }
    meter_connect(replay, place, number);
    meter->expires_s = cert.facts.not_after;
    meter->renewed = true;
    replay->result->renewed++;
    if (replay->now_s >= METERS_DAY_0_S) {
        replay->result->per_hour[(replay->now_s - METERS_DAY_0_S) / HOUR_S]++;
    }
}

static void meter_hears(struct replay *replay, const struct meters_message *message)
{
    switch (message->verb) {
    case METERS_RENEW: meter_asks(replay, &replay->host.client[message->client]); break;
    case METERS_CERTIFICATE: meter_renews(replay, message->client, cr_blob_view(&message->payload)); break;
    case METERS_REJECTED:
        if (replay->result->rejected++ == 0) {
            (void)snprintf(replay->first_rejection, sizeof replay->first_rejection, "%.*s", (int)message->payload.len,
                           (const char *)message->payload.data);
        }
        break;
    case METERS_OTHER: break;
    }
}

/* Until the plugin has nothing more to say and to do at this time. */
static void settle(struct replay *replay)
{
    for (unsigned turns = 0;;) {
        struct meters_message message;
        bool heard = false;
        if (interrupted != 0) {
            exit(128 + interrupted); /* Redis and its directory go with the program */
        }
        meters_plugin_tick(replay->plugin);
        while (meters_host_take(&replay->host, &message)) {
            meter_hears(replay, &message);
            cr_blob_fini(&message.payload);
            heard = true;
        }
        if (heard) {
            turns = 0;
            continue;
        }
        if (meters_plugin_idle(replay->plugin)) {
            return;
        }
        if (++turns == TURNS_MAX) {
            bench_die("the plugin does not come to rest while the clock stands");
        }
        meters_plugin_wait(replay->plugin);
    }
}

/* ---- time ---- */

static void pass_to(struct replay *replay, int64_t now_s)
{
    replay->now_s = now_s;
    meters_plugin_time(replay->plugin, now_s);
}

/* It is awake. False: its certificate has expired, so it cannot connect any more. */
static bool meter_appears(struct replay *replay, unsigned place, uint32_t number)
{
    struct meter *meter = &replay->fleet.meter[number];
    if (meter->expires_s < replay->now_s) {
        return false;
    }
    if (!meter->renewed) {
        meter->chances = (uint16_t)(meter->chances + (replay->now_s >= meter->due_s));
        meter->seen = (uint16_t)(meter->seen + (replay->now_s >= meter->expires_s - replay->fleet.window_s));
    }
    replay->result->appearances++;
    meter_connect(replay, place, number);
    return true;
}

static unsigned list_length(const struct meters_fleet *fleet, uint32_t number)
{
    unsigned length = 0;
    for (; number != METERS_NOBODY; number = fleet->meter[number].next) {
        length++;
    }
    return length;
}

/* All who appear in this minute, METERS_CLIENTS at a time, evenly over it. */
static void replay_minute(struct replay *replay, uint32_t minute)
{
    uint32_t number = replay->fleet.first[minute], awake[METERS_CLIENTS];
    int64_t begin_s = replay->fleet.begin_s + (int64_t)minute * MINUTE_S;
    unsigned turns = (list_length(&replay->fleet, number) + METERS_CLIENTS - 1) / METERS_CLIENTS;

    for (unsigned turn = 0; turn < turns; turn++) {
        unsigned count = 0;
        pass_to(replay, begin_s + (int64_t)turn * MINUTE_S / turns);
        meters_plugin_tick(replay->plugin); /* what is due by itself begins beside them */
        for (uint32_t next; number != METERS_NOBODY && count < METERS_CLIENTS; number = next) {
            next = replay->fleet.meter[number].next;
            if (meter_appears(replay, count, number)) {
                awake[count++] = number;
            }
        }
        settle(replay);
        for (unsigned i = 0; i < count; i++) {
            meter_disconnect(replay, i);
            meters_fleet_next(&replay->fleet, awake[i], minute);
        }
    }
}

static void replay_all(struct replay *replay)
{
    uint32_t day_0 = METERS_WARM_UP_D * METERS_DAY_MIN;
    for (uint32_t minute = 0; minute < replay->fleet.minutes; minute++) {
        if (minute == day_0) {
            replay->result->redis_bytes =
                (double)(meters_plugin_redis_bytes(replay->plugin) - replay->bytes_before) / replay->fleet.count;
        }
        if (replay->fleet.first[minute] != METERS_NOBODY) {
            replay_minute(replay, minute);
        } else if (minute % IDLE_TICK_MIN == 0) {
            pass_to(replay, replay->fleet.begin_s + (int64_t)minute * MINUTE_S);
            settle(replay);
        }
        meters_progress_show(&replay->progress, minute, replay->fleet.minutes, replay->result->renewed);
    }
    meters_progress_end(&replay->progress);
}

/* ---- beginning and end ---- */

static void replay_begin(struct replay *replay)
{
    struct meters_ca ca;
    char slot_lines[SLOT_LINES_CAP];
    (void)snprintf(slot_lines, sizeof slot_lines, "lifetime %dd\nrenewal_window %dd\nrenewal_spread %u%%\n",
                   METERS_LIFETIME_D, METERS_CAMPAIGN_D, replay->options->spread_percent);
    meters_host_init(&replay->host);
    meters_plugin_new(&replay->plugin, &replay->host);
    meters_ca_make(&ca, meters_plugin_dir(replay->plugin), METERS_DAY_0_S - (int64_t)ISSUER_BEFORE_D * DAY_S,
                   METERS_DAY_0_S + (int64_t)ISSUER_AFTER_D * DAY_S);
    replay->now_s = METERS_DAY_0_S - (int64_t)METERS_WARM_UP_D * DAY_S;
    meters_plugin_start(replay->plugin, replay->now_s, slot_lines);
    meters_fleet_make(&replay->fleet, replay->options->devices, replay->options->seed, &ca,
                      meters_plugin_profile(replay->plugin));
    meters_ca_fini(&ca);
    replay->result->days = replay->fleet.minutes / METERS_DAY_MIN - METERS_WARM_UP_D + 1;
    replay->result->per_hour = calloc((size_t)replay->result->days * 24, sizeof *replay->result->per_hour);
    if (replay->result->per_hour == NULL) {
        bench_die("out of memory");
    }
    replay->bytes_before = meters_plugin_redis_bytes(replay->plugin);
}

/* The plugin's own count must be the meters'. */
static void replay_compare(struct replay *replay)
{
    static const char command[] = "{\"commands\":[{\"command\":\"getStatus\"}]}", name[] = "\"confirmed\":";
    struct meters_client *operator=
        meters_host_connect(&replay->host, 0, "operator", (struct cr_bytes){ NULL, 0 }, "operator");
    meters_plugin_connected(replay->plugin, operator);
    meters_plugin_control(replay->plugin, operator, command);
    settle(replay);
    meters_plugin_disconnected(replay->plugin, operator);
    meters_host_disconnect(&replay->host, operator);
    const char *answer = (const char *)replay->host.response.data;
    const char *at = answer != NULL ? strstr(answer, name) : NULL;
    uint64_t confirmed = at != NULL ? strtoull(at + strlen(name), NULL, 10) : 0;
    if (at == NULL || confirmed != replay->result->renewed) {
        bench_die("%" PRIu32 " meters have a new certificate, but the plugin confirmed %" PRIu64,
                  replay->result->renewed, confirmed);
    }
}

static void replay_count(struct replay *replay)
{
    for (uint32_t i = 0; i < replay->fleet.count; i++) {
        const struct meter *meter = &replay->fleet.meter[i];
        if (!meter->renewed) {
            replay->result->stranded++;
            replay->result->stranded_reachable += meter->chances >= REACHABLE;
            replay->result->stranded_seen += meter->seen >= REACHABLE;
        }
    }
}

void meters_replay(struct meters_result *result, const struct meters_options *options)
{
    struct replay replay = { .options = options, .result = result };
    double begun_us = bench_now_us(), devices = options->devices;
    *result = (struct meters_result){ .devices = options->devices };
    (void)signal(SIGINT, interrupt);
    (void)signal(SIGTERM, interrupt);
    meters_progress_begin(&replay.progress, options->title);
    replay_begin(&replay);
    struct meters_cpu begun = meters_plugin_cpu(replay.plugin);
    replay_all(&replay);
    struct meters_cpu ended = meters_plugin_cpu(replay.plugin);
    replay_compare(&replay);
    replay_count(&replay);
    result->loop_us = (ended.loop - begun.loop) / devices;
    result->threads_us = (ended.threads - begun.threads) / devices;
    result->redis_us = (ended.redis - begun.redis) / devices;
    result->wall_s = (bench_now_us() - begun_us) / 1e6;
    if (result->rejected > 0) {
        (void)fprintf(stderr, "%" PRIu64 " requests were rejected; the first: %s\n", result->rejected,
                      replay.first_rejection);
    }
    result->warnings = replay.host.warnings;
    meters_plugin_free(replay.plugin);
    meters_host_fini(&replay.host);
    meters_fleet_fini(&replay.fleet);
}

void meters_result_fini(struct meters_result *result)
{
    free(result->per_hour);
}
