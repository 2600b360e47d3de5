/* What a census costs: bench_census [DEVICES [BUCKETS]]. Fills a Redis of its own with devices, half of each of two issuers,
 * straight through a script, and counts who needs which, as retireIssuer does. One JSON object on standard output. */
#include "plugin/store/store_redis.h"
#include "tests/support/private_redis.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW_S = 1800000000, CONNECT_MS = 10000 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct cr_job *done;
} home = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL };

static void on_done(void *ctx, struct cr_job *job)
{
    (void)ctx;
    if (cr_job_is_news(job)) {
        cr_job_free(job);
        return;
    }
    (void)pthread_mutex_lock(&home.lock);
    home.done = job;
    (void)pthread_cond_signal(&home.cond);
    (void)pthread_mutex_unlock(&home.lock);
}

static struct cr_job *run(struct cr_store *store, struct cr_job *job)
{
    if (cr_store_submit(store, &job) != CR_OK) {
        return job;
    }
    (void)pthread_mutex_lock(&home.lock);
    while (home.done == NULL) {
        (void)pthread_cond_wait(&home.cond, &home.lock);
    }
    job = home.done;
    home.done = NULL;
    (void)pthread_mutex_unlock(&home.lock);
    return job;
}

static bool fill(struct private_redis *redis, unsigned devices, unsigned buckets)
{
    static const char script[] =
        "local b, n = '{b' .. string.format('%02d', tonumber(ARGV[1])) .. '}:', tonumber(ARGV[2]) "
        "for i = 1, n do local d = 'meter-' .. ARGV[1] .. '-' .. i "
        "redis.call('HSET', 'cr:' .. b .. 'device:' .. d, 'id', '7', 'fs', 1790000000, 'ls', 1799990000 + i % 100, 'gap', 90000, "
        "'br', 'broker-1', 'operational:crt', string.format('%032x', i) .. (i % 2 == 0 and '@00000000000000ca' or '@00000000000000cb'), "
        "'operational:key', string.rep('k', 43), 'operational:nb', 1795000000, 'operational:na', 1803000000, 'operational:ver', 1) "
        "redis.call('ZADD', 'cr:' .. b .. 'expiry', 1803000000 + i, d .. '/operational') "
        "redis.call('ZADD', 'cr:' .. b .. 'agenda', 1801000000 + i, d .. '/operational') end return 1";
    bool ok = true;

    for (unsigned i = 0; i < buckets && ok; i++) {
        unsigned count = devices / buckets + (i < devices % buckets);
        redisReply *reply = private_redis_command(redis, "EVAL %s 0 %u %u", script, i, count);

        ok = reply != NULL && reply->type == REDIS_REPLY_INTEGER;
        freeReplyObject(reply);
    }
    return ok;
}

/* CPU that Redis has used, in microseconds. */
static double cpu_us(struct private_redis *redis)
{
    static const char *const names[] = { "used_cpu_user:", "used_cpu_sys:" };
    redisReply *info = private_redis_command(redis, "INFO cpu");
    double us = 0;

    for (unsigned i = 0; i < 2; i++) {
        const char *at = info != NULL && info->str != NULL ? strstr(info->str, names[i]) : NULL;

        us += at != NULL ? strtod(at + strlen(names[i]), NULL) * 1e6 : 0;
    }
    freeReplyObject(info);
    return us;
}

static struct cr_store *begin(struct private_redis *redis, struct cr_setup *setup, unsigned buckets)
{
    struct cr_config *config = &setup->config;
    struct cr_store_redis_options options = { .setup = setup, .clock = cr_clock_system(), .max_jobs = 64, .done = on_done };
    struct cr_store_health health = { .connected = false };
    struct cr_store *store = NULL;
    char why[200] = "";

    atomic_init(&setup->refs, 1);
    (void)snprintf(config->redis, sizeof config->redis, "%s", redis->socket);
    (void)snprintf(config->redis_prefix, sizeof config->redis_prefix, "cr");
    (void)snprintf(config->broker_name, sizeof config->broker_name, "broker-1");
    (void)snprintf(config->journal_dir, sizeof config->journal_dir, "%s/journal", redis->dir);
    config->redis_timeout_ms = 2000;
    config->retry_after_s = 30;
    config->buckets = buckets;
    if (cr_store_redis_new(&store, &options, why, sizeof why) != CR_OK) {
        (void)fprintf(stderr, "bench_census: %s\n", why);
        return NULL;
    }
    for (int64_t end = cr_mono_ms(cr_clock_system()) + CONNECT_MS; !health.connected && cr_mono_ms(cr_clock_system()) < end;) {
        cr_store_health_get(store, &health);
    }
    return store;
}

/* Counts the whole fleet, job after job. False: it could not be counted. */
static bool count(struct cr_store *store, struct cr_setup *setup, struct cr_census *census, unsigned *jobs)
{
    do {
        struct cr_job *job;

        if (cr_job_new(&job, CR_OP_CENSUS, setup) != CR_OK || (job->census = malloc(sizeof *job->census)) == NULL) {
            return false;
        }
        *job->census = *census;
        job->now_s = NOW_S;
        job = run(store, job);
        *census = *job->census;
        if (job->outcome != CR_OUT_DONE) {
            cr_job_free(job);
            return false;
        }
        cr_job_free(job);
        (*jobs)++;
    } while (census->cursor[0] != '\0');
    return true;
}

int main(int argc, char **argv)
{
    unsigned devices = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000, jobs = 0;
    unsigned buckets = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 64;
    struct cr_census census = { .issuer = "" };
    struct cr_setup *setup = calloc(1, sizeof *setup);
    struct private_redis redis;
    struct cr_store *store = NULL;
    bool ok;

    if (setup == NULL || devices == 0 || buckets == 0 || private_redis_new(&redis, NULL) != CR_OK) {
        (void)fputs("usage: bench_census [DEVICES [BUCKETS]]\n", stderr);
        return 2;
    }
    store = begin(&redis, setup, buckets);
    ok = store != NULL && fill(&redis, devices, buckets);
    double before_us = cpu_us(&redis);
    int64_t began_ms = cr_mono_ms(cr_clock_system());
    ok = ok && count(store, setup, &census, &jobs);
    int64_t took_ms = cr_mono_ms(cr_clock_system()) - began_ms;
    printf("{\"devices\":%u,\"buckets\":%u,\"live\":%llu,\"jobs\":%u,\"wall_ms\":%lld,\"redis_us_per_slot\":%.2f}\n", devices,
           buckets, (unsigned long long)(census.issuers == 2 ? census.count[0].live + census.count[1].live : 0), jobs,
           (long long)took_ms, (cpu_us(&redis) - before_us) / devices);
    ok = ok && census.issuers == 2 && census.count[0].live + census.count[1].live == devices;
    cr_store_free(store);
    private_redis_free(&redis);
    free(setup);
    return ok ? 0 : 1;
}
