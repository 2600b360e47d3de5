/* How many certificates can be revoked, on one Redis: revoking them one by one, the memory they take, how long a broker
 * that starts takes to know them all, and how long the one that revoked them to put them back when Redis has lost them.
 * Prints one JSON object. Usage: bench_revoke [ENTRIES] */
#include "plugin/store/journal_revoked.h"
#include "plugin/store/store_redis.h"
#include "tests/support/private_redis.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WINDOW = 128, DAY_S = 86400, STALLED_MS = 30000 };

static struct private_redis redis;
static struct cr_setup *setup;
static atomic_uint home, failed, told, pages;
static atomic_bool complete;

static void on_done(void *ctx, struct cr_job *job)
{
    (void)ctx;
    if (job->op == CR_OP_REVOKED) {
        atomic_fetch_add(&told, job->revoked->count);
        atomic_fetch_add(&pages, 1);
        atomic_store(&complete, job->revoked->complete);
    } else if (!cr_job_is_news(job)) { /* there is other news, which nobody asked for */
        atomic_fetch_add(&failed, job->outcome != CR_OUT_DONE);
        atomic_fetch_add(&home, 1);
    }
    cr_job_free(job);
}

static void nap(void)
{
    const struct timespec look = { 0, 200000L };
    (void)nanosleep(&look, NULL);
}

static int64_t mono_ms(void)
{
    return cr_mono_ms(cr_clock_system());
}

static struct cr_store *store_open(const char *journal)
{
    struct cr_store *store;
    struct cr_store_health health;
    char why[200] = "";
    (void)snprintf(setup->config.journal_dir, sizeof setup->config.journal_dir, "%s/%s", redis.dir, journal);
    const struct cr_store_redis_options options = {
        .setup = setup,
        .clock = cr_clock_system(),
        .max_jobs = 2 * WINDOW,
        .done = on_done,
    };
    if (cr_store_redis_new(&store, &options, why, sizeof why) != CR_OK) {
        (void)fprintf(stderr, "bench_revoke: %s\n", why);
        exit(1);
    }
    for (int64_t end = mono_ms() + 10000; cr_store_health_get(store, &health), !health.connected; nap()) {
        if (mono_ms() > end) {
            exit(1);
        }
    }
    return store;
}

static struct cr_job *revoke(unsigned number)
{
    struct cr_job *job;
    int64_t now_s = cr_wall_s(cr_clock_system());
    if (cr_job_new(&job, CR_OP_REVOKE, setup) != CR_OK || (job->revoke = calloc(1, sizeof *job->revoke)) == NULL) {
        exit(1);
    }
    job->now_s = now_s;
    job->revoke->verb = CR_REVOKE_CERTIFICATE;
    job->revoke->reason = CR_REASON_KEY_COMPROMISE;
    job->revoke->not_after = now_s + 90 * DAY_S;
    (void)snprintf(job->device, sizeof job->device, "meter-%08u", number);
    (void)snprintf(job->revoke->issuer, sizeof job->revoke->issuer, "00000000000000ca");
    job->revoke->serial.len = 16;
    memset(job->revoke->serial.octets, 0x5a, 16);
    memcpy(job->revoke->serial.octets + 12, &number, sizeof number);
    return job;
}

static long long memory(void)
{
    redisReply *reply = private_redis_command(&redis, "INFO memory");
    const char *at = reply != NULL && reply->str != NULL ? strstr(reply->str, "\nused_memory:") : NULL;
    long long bytes = at != NULL ? strtoll(at + 13, NULL, 10) : -1;
    freeReplyObject(reply);
    return bytes;
}

static bool begin(void)
{
    static const char *const fast[] = { "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0", NULL };
    setup = calloc(1, sizeof *setup);
    if (setup == NULL || private_redis_new(&redis, fast) != CR_OK) {
        return false;
    }
    struct cr_config *config = &setup->config;
    atomic_init(&setup->refs, 1);
    (void)snprintf(config->redis, sizeof config->redis, "%s", redis.socket);
    (void)snprintf(config->redis_prefix, sizeof config->redis_prefix, "cr");
    (void)snprintf(config->broker_name, sizeof config->broker_name, "broker-1");
    config->redis_timeout_ms = 5000;
    config->buckets = 64;
    return true;
}

/* All of them, WINDOW at a time. False: nothing moves any more. */
static bool revoke_all(struct cr_store *store, unsigned entries)
{
    unsigned sent = 0, seen = 0;
    int64_t end = mono_ms() + STALLED_MS;
    while (seen < entries) {
        unsigned now = atomic_load(&home);
        while (sent < entries && sent - now < WINDOW) {
            struct cr_job *job = revoke(sent++);
            if (cr_store_submit(store, &job) != CR_OK) {
                exit(1);
            }
        }
        if (now != seen) {
            seen = now;
            end = mono_ms() + STALLED_MS;
        } else if (mono_ms() > end) {
            (void)fprintf(stderr, "bench_revoke: nothing moves any more after %u\n", seen);
            return false;
        }
        nap();
    }
    return true;
}

/* How long a broker with this journal takes from its start until it knows all that Redis knows. */
static int64_t sync_ms(const char *journal)
{
    atomic_store(&told, 0);
    atomic_store(&pages, 0);
    atomic_store(&complete, false);
    int64_t from = mono_ms(), took;
    struct cr_store *store = store_open(journal);
    while (!atomic_load(&complete) && mono_ms() - from < 120000) {
        nap();
    }
    took = mono_ms() - from;
    cr_store_free(store);
    return took;
}

int main(int argc, char **argv)
{
    unsigned entries = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
    if (entries == 0 || !begin()) {
        (void)fputs("usage: bench_revoke [ENTRIES]\n", stderr);
        return 2;
    }
    struct cr_store *store = store_open("one");
    long long before = memory();
    int64_t from = mono_ms();
    bool done = revoke_all(store, entries);
    int64_t revoked_ms = mono_ms() - from;
    freeReplyObject(private_redis_command(&redis, "DEL cr:audit"));
    long long bytes = memory() - before;
    cr_store_free(store);
    if (done) {
        unsigned kept = entries < CR_UNDONE_MAX ? entries : CR_UNDONE_MAX;
        int64_t start_ms = sync_ms("two");
        unsigned known = atomic_load(&told), in = atomic_load(&pages);
        freeReplyObject(private_redis_command(&redis, "FLUSHALL"));
        int64_t restore_ms = sync_ms("one");
        (void)printf("{\"entries\":%u,\"failed\":%u,\"revoke_ms\":%lld,\"redis_bytes_per_entry\":%.0f,"
                     "\"sync_ms\":%lld,\"told\":%u,\"pages\":%u,\"restore_ms\":%lld,\"restored\":%u}\n",
                     entries, atomic_load(&failed), (long long)revoked_ms, (double)bytes / entries,
                     (long long)start_ms, known, in, (long long)restore_ms, atomic_load(&told));
        done = atomic_load(&failed) == 0 && known == entries && atomic_load(&told) == kept;
    }
    cr_setup_drop(setup);
    private_redis_free(&redis);
    return done ? 0 : 1;
}
