#include "tests/bench/meters_plugin.h"

#include "plugin/loop/router.h"
#include "plugin/store/store_redis.h"
#include "tests/bench/bench_cpu.h"
#include "tests/bench/meters_stations.h"
#include "tests/support/private_redis.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { WAIT_S = 120, CONNECT_S = 10, CONFIG_CAP = 2048, PATH_CAP = 256, MONO_START_MS = 1000000 };

/* Read by every thread, moved by one. */
struct manual_clock {
    struct cr_clock clock; /* first */
    _Atomic int64_t wall_s, mono_ms;
};

struct meters_plugin {
    struct meters_host *host;
    struct private_redis redis;
    struct manual_clock clock;
    struct cr_setup *setup;
    struct cr_wake *wake;
    struct meters_stations stations;
    struct cr_router *router;
    sigset_t waiting; /* the signals that are blocked while it waits: all but the wake-up */
    double loop_us;
};

static struct meters_plugin *running; /* so that its Redis ends with the program, however that ends */

static void end_redis(void)
{
    if (running != NULL) {
        private_redis_free(&running->redis);
    }
}

static double cpu_us(clockid_t which)
{
    struct timespec spent;
    (void)clock_gettime(which, &spent);
    return (double)spent.tv_sec * 1e6 + (double)spent.tv_nsec / 1e3;
}

/* ---- the clock ---- */

static int64_t manual_wall_s(const struct cr_clock *clock)
{
    return atomic_load_explicit(&((struct manual_clock *)clock)->wall_s, memory_order_relaxed);
}

static int64_t manual_mono_ms(const struct cr_clock *clock)
{
    return atomic_load_explicit(&((struct manual_clock *)clock)->mono_ms, memory_order_relaxed);
}

void meters_plugin_time(struct meters_plugin *plugin, int64_t now_s)
{
    int64_t passed_s = now_s - atomic_load(&plugin->clock.wall_s);
    if (passed_s > 0) {
        atomic_fetch_add(&plugin->clock.mono_ms, passed_s * 1000);
        atomic_store(&plugin->clock.wall_s, now_s);
    }
}

/* ---- what is under way ---- */

bool meters_plugin_idle(const struct meters_plugin *plugin)
{
    return meters_stations_idle(&plugin->stations);
}

void meters_plugin_wait(struct meters_plugin *plugin)
{
    /* The wake-up is a signal. It is blocked but for this wait, so that none is lost between looking and waiting. */
    struct timespec most = { WAIT_S, 0 };
    if (ppoll(NULL, 0, &most, &plugin->waiting) == 0 && !meters_plugin_idle(plugin)) {
        bench_die("nothing came back for %d s", WAIT_S);
    }
}

/* ---- start and stop ---- */

void meters_plugin_new(struct meters_plugin **plugin, struct meters_host *host)
{
    /* As an operator would run it; the rewrites of the append-only file included. */
    static const char *const persistence[] = { "--appendfsync", "everysec", NULL };
    struct meters_plugin *p = calloc(1, sizeof *p);
    static bool registered;
    if (p == NULL || (!registered && atexit(end_redis) != 0)) {
        bench_die("out of memory");
    }
    registered = true;
    running = p;
    p->host = host;
    if (!private_redis_available()) {
        bench_die("there is no redis-server");
    }
    if (private_redis_new(&p->redis, persistence) != CR_OK) {
        bench_die("redis-server does not start");
    }
    *plugin = p;
}

const char *meters_plugin_dir(const struct meters_plugin *plugin)
{
    return plugin->redis.dir;
}

static void complain(void *ctx, unsigned line, const char *sentence)
{
    (void)ctx;
    (void)fprintf(stderr, "the replay's configuration, line %u: %s\n", line, sentence);
}

static void load_setup(struct meters_plugin *plugin, int64_t now_s, const char *slot_lines)
{
    const char *dir = plugin->redis.dir;
    char path[PATH_CAP], text[CONFIG_CAP];
    (void)snprintf(path, sizeof path, "%s/journal", dir);
    if (mkdir(path, 0700) != 0) {
        bench_die("%s: %s", path, strerror(errno));
    }
    (void)snprintf(
        text, sizeof text,
        "issuer_certfile %s/ca.pem\nissuer_keyfile %s/ca.key\nredis unix:%s\nredis_timeout 1m\njournal_dir %s\n"
        "broker_name meters\ndefault_access allow\nadmin_username operator\n\nslot operational\n%s",
        dir, dir, plugin->redis.socket, path, slot_lines);
    (void)snprintf(path, sizeof path, "%s/cert-renewal.conf", dir);
    FILE *file = fopen(path, "we");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        bench_die("%s: %s", path, strerror(errno));
    }
    if (cr_setup_load(&plugin->setup, path, NULL, now_s, complain, NULL) != CR_OK) {
        bench_die("the plugin refuses the replay's configuration");
    }
}

static void start_wake(struct meters_plugin *plugin)
{
    sigset_t wake;
    if (cr_wake_new(&plugin->wake) != CR_OK) {
        bench_die("no signal can wake the loop");
    }
    (void)sigemptyset(&wake);
    (void)sigaddset(&wake, SIGURG);
    (void)pthread_sigmask(SIG_BLOCK, &wake, &plugin->waiting);
    (void)sigdelset(&plugin->waiting, SIGURG);
}

static void await_store(struct cr_store *store)
{
    struct cr_store_health health;
    double end_us = bench_now_us() + CONNECT_S * 1e6;
    do {
        cr_store_health_get(store, &health);
        if (bench_now_us() > end_us) {
            bench_die("the store does not reach Redis: %s", health.problem);
        }
        (void)poll(NULL, 0, 1);
    } while (!health.connected);
}

void meters_plugin_start(struct meters_plugin *plugin, int64_t now_s, const char *slot_lines)
{
    char why[200] = "";
    plugin->clock.clock = (struct cr_clock){ manual_wall_s, manual_mono_ms };
    atomic_init(&plugin->clock.wall_s, now_s);
    atomic_init(&plugin->clock.mono_ms, MONO_START_MS);
    load_setup(plugin, now_s, slot_lines);
    start_wake(plugin);
    unsigned most = plugin->setup->config.max_in_flight;
    struct meters_stations *stations = &plugin->stations;
    struct cr_store *store = NULL;
    struct cr_workers *workers = NULL;
    struct cr_store_redis_options store_options = {
        .setup = plugin->setup,
        .clock = &plugin->clock.clock,
        .max_jobs = most,
        .done = meters_stations_stored,
        .done_ctx = stations,
    };
    struct cr_pool_options pool_options = {
        .threads = plugin->setup->config.workers,
        .capacity = most,
        .random = cr_random_system(),
        .done = meters_stations_worked,
        .done_ctx = stations,
    };
    if (meters_stations_init(stations, most, plugin->wake) != CR_OK) {
        bench_die("out of memory");
    }
    if (cr_store_redis_new(&store, &store_options, why, sizeof why) != CR_OK) {
        bench_die("the store: %s", why);
    }
    meters_stations_set_store(stations, store);
    if (cr_pool_new(&workers, &pool_options) != CR_OK) {
        bench_die("the workers do not start");
    }
    meters_stations_set_workers(stations, workers);
    await_store(store);
    struct cr_router_options router = { &plugin->host->host, &plugin->clock.clock, plugin->setup, &stations->pipeline };
    if (cr_router_new(&plugin->router, &router) != CR_OK) {
        bench_die("out of memory");
    }
}

void meters_plugin_free(struct meters_plugin *plugin)
{
    meters_stations_stop(&plugin->stations);
    cr_router_free(plugin->router);
    meters_stations_fini(&plugin->stations);
    cr_wake_free(plugin->wake);
    cr_setup_drop(plugin->setup);
    private_redis_free(&plugin->redis);
    running = NULL;
    free(plugin);
}

const struct cr_profile *meters_plugin_profile(const struct meters_plugin *plugin)
{
    return cr_config_slot(&plugin->setup->config, "operational");
}

/* ---- calls into the plugin ---- */

void meters_plugin_connected(struct meters_plugin *plugin, struct meters_client *client)
{
    double begun_us = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    cr_router_connected(plugin->router, &client->client);
    plugin->loop_us += cpu_us(CLOCK_THREAD_CPUTIME_ID) - begun_us;
}

void meters_plugin_disconnected(struct meters_plugin *plugin, struct meters_client *client)
{
    double begun_us = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    cr_router_disconnected(plugin->router, &client->client);
    plugin->loop_us += cpu_us(CLOCK_THREAD_CPUTIME_ID) - begun_us;
}

bool meters_plugin_message(struct meters_plugin *plugin, struct meters_client *client, const char *topic,
                           struct cr_bytes payload)
{
    static const struct cr_request_properties none = { .user_properties = 0 };
    double begun_us = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    bool taken = cr_router_access(plugin->router, &client->client, CR_ACCESS_WRITE, topic) == CR_ALLOW &&
                 cr_router_message(plugin->router, &client->client, topic, payload, &none) == CR_CONSUMED;
    plugin->loop_us += cpu_us(CLOCK_THREAD_CPUTIME_ID) - begun_us;
    return taken;
}

void meters_plugin_control(struct meters_plugin *plugin, struct meters_client *client, const char *json)
{
    static const struct cr_request_properties none = { .user_properties = 0 };
    struct cr_bytes payload = { (const uint8_t *)json, strlen(json) };
    if (cr_router_access(plugin->router, &client->client, CR_ACCESS_WRITE, CR_TOPIC_CONTROL) != CR_ALLOW) {
        bench_die("the operator may not command");
    }
    cr_router_control(plugin->router, &client->client, payload, &none);
}

void meters_plugin_tick(struct meters_plugin *plugin)
{
    double begun_us = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    (void)cr_router_tick(plugin->router);
    plugin->loop_us += cpu_us(CLOCK_THREAD_CPUTIME_ID) - begun_us;
}

/* ---- figures ---- */

long long meters_plugin_redis_bytes(struct meters_plugin *plugin)
{
    long long used = -1;
    redisReply *reply = private_redis_command(&plugin->redis, "INFO memory");
    const char *at = reply != NULL && reply->type == REDIS_REPLY_STRING ? strstr(reply->str, "used_memory:") : NULL;
    if (at != NULL) {
        used = strtoll(at + strlen("used_memory:"), NULL, 10);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    long long audit =
        private_redis_integer(&plugin->redis, "MEMORY USAGE %s:audit SAMPLES 0", plugin->setup->config.redis_prefix);
    if (used < 0) {
        bench_die("Redis does not tell what it uses");
    }
    return used - (audit > 0 ? audit : 0);
}

struct meters_cpu meters_plugin_cpu(const struct meters_plugin *plugin)
{
    return (struct meters_cpu){
        .loop = plugin->loop_us,
        .threads = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us(CLOCK_THREAD_CPUTIME_ID),
        .redis = bench_cpu_us(plugin->redis.pid),
    };
}
