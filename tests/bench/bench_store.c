/* bench_store [DEVICES [BUCKETS]]: what the store costs by itself: Redis' memory per idle device, before and after a
 * renewal, CPU per appearance and per renewal of Redis and of the store's threads, and what the scheduler costs each second while nothing is
 * due: the agenda's part and the watch's; and what counting the fleet costs for each slot. With BENCH_IDLE in the environment no renewals; with BENCH_LIST what listing
 * costs, and nothing else. With BENCH_WATCH all are triggered and nobody answers: memory of being watched, and CPU per
 * look, on standard error. With BENCH_CAMPAIGN each renewal is triggered before, by that campaign, or where it is empty by
 * an operator. One JSON object on standard output. */
#include "plugin/store/store_redis.h"
#include "tests/support/private_redis.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { WINDOW = 256, NOW_S = 1800000000, DAY_S = 86400 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct cr_job *done;
} home = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL };

static struct cr_setup *setup;
static struct cr_store *store;
static struct private_redis redis;
static struct cr_profile *profile;
static unsigned failures;
static int64_t later_s; /* than its certificate was made */

static void on_done(void *ctx, struct cr_job *job)
{
    (void)ctx;
    if (cr_job_is_news(job)) {
        cr_job_free(job);
        return;
    }
    (void)pthread_mutex_lock(&home.lock);
    job->next = home.done;
    home.done = job;
    (void)pthread_cond_signal(&home.cond);
    (void)pthread_mutex_unlock(&home.lock);
}

static struct cr_job *take(void)
{
    (void)pthread_mutex_lock(&home.lock);
    while (home.done == NULL) {
        (void)pthread_cond_wait(&home.cond, &home.lock);
    }
    struct cr_job *list = home.done;
    home.done = NULL;
    (void)pthread_mutex_unlock(&home.lock);
    return list;
}

static void key_of(uint8_t hash[CR_SHA256_LEN], unsigned device, unsigned generation)
{
    unsigned seed[2] = { device, generation };
    if (cr_sha256(hash, seed, sizeof seed) != CR_OK) {
        abort();
    }
}

static void facts_of(struct cr_cert_facts *facts, unsigned device, unsigned generation)
{
    uint8_t random[CR_SHA256_LEN];
    memset(facts, 0, sizeof *facts);
    (void)snprintf(facts->device, sizeof facts->device, "meter-%07u", device);
    key_of(facts->key_hash, device, generation);
    key_of(random, device + 1000000000u, generation);
    facts->serial.len = 16; /* as random as real ones are */
    memcpy(facts->serial.octets, random, 16);
    facts->serial.octets[0] = (uint8_t)((random[0] & 0x7f) | 0x40);
    (void)snprintf(facts->issuer, sizeof facts->issuer, "0123456789abcdef");
    facts->not_before = NOW_S + (generation - 1) * 60 * DAY_S;
    facts->not_after = facts->not_before + 90 * DAY_S;
}

static struct cr_job *job_new(enum cr_op op, unsigned device, unsigned generation)
{
    struct cr_job *job;
    struct cr_cert_facts facts;
    if (cr_job_new(&job, op, setup) != CR_OK) {
        abort();
    }
    facts_of(&facts, device, generation);
    job->id = device;
    job->now_s = facts.not_before + 300;
    memcpy(job->device, facts.device, sizeof job->device);
    (void)snprintf(job->slot, sizeof job->slot, "operational");
    (void)snprintf(job->who, sizeof job->who, "device:%s at 192.0.2.17", facts.device);
    job->profile = profile;
    job->presented = facts;
    job->now_s += later_s;
    job->appeared = job->may_begin = true;
    job->reason = CR_RENEW_OPERATOR;
    if (op == CR_OP_TRIGGER && getenv("BENCH_CAMPAIGN") != NULL) {
        job->reason = CR_RENEW_CAMPAIGN;
        (void)snprintf(job->campaign.id, sizeof job->campaign.id, "%s", getenv("BENCH_CAMPAIGN"));
    }
    if (op == CR_OP_CSR) {
        job->stage = CR_STAGE_BEGIN;
        memcpy(job->csr.key_hash, facts.key_hash, sizeof facts.key_hash);
        job->intent = (struct cr_cert_intent){ facts.serial, facts.not_before, facts.not_after };
        memcpy(job->issuer, facts.issuer, sizeof job->issuer);
    }
    return job;
}

static void submit(struct cr_job *job)
{
    if (cr_store_submit(store, &job) != CR_OK) {
        failures++;
        cr_job_free(job);
    }
}

/* Sends all devices through, WINDOW at a time. */
static void all(enum cr_op op, unsigned devices, unsigned generation)
{
    static uint8_t certificate[600];
    unsigned next = 0, inside = 0;
    memset(certificate, 0xa5, sizeof certificate);
    while (next < devices || inside > 0) {
        for (; next < devices && inside < WINDOW; inside++) {
            submit(job_new(op, next++, generation));
        }
        for (struct cr_job *job = take(), *rest; job != NULL; job = rest) {
            rest = job->next;
            if (job->op == CR_OP_CSR && job->outcome == CR_OUT_NONE) {
                if (cr_blob_copy(&job->certificate, certificate, sizeof certificate) != CR_OK) {
                    abort();
                }
                job->stage = CR_STAGE_RECORD;
                submit(job);
                continue;
            }
            failures += job->outcome != CR_OUT_CERTIFICATE && job->outcome != CR_OUT_RECORD;
            inside--;
            cr_job_free(job);
        }
    }
}

static long long redis_info(const char *section, const char *field)
{
    redisReply *reply = private_redis_command(&redis, "INFO %s", section);
    const char *at = reply != NULL ? strstr(reply->str, field) : NULL;
    long long value = -1;
    if (at != NULL) {
        const char *number = at + strlen(field) + 1;
        char *end;
        value = strtoll(number, &end, 10);
        if (*end == '.') { /* seconds, to microseconds */
            value = value * 1000000 + strtoll(end + 1, NULL, 10);
        }
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    return value;
}

static long long redis_cpu_us(void)
{
    return redis_info("cpu", "used_cpu_sys") + redis_info("cpu", "used_cpu_user");
}

static long long own_cpu_us(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

struct cost {
    double redis_us, own_us, wall_us;
};

static struct cost measure(enum cr_op op, unsigned devices, unsigned generation)
{
    struct timespec begun, ended;
    long long redis_begun = redis_cpu_us(), own_begun = own_cpu_us();
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    all(op, devices, generation);
    (void)clock_gettime(CLOCK_MONOTONIC, &ended);
    return (struct cost){
        (double)(redis_cpu_us() - redis_begun) / devices,
        (double)(own_cpu_us() - own_begun) / devices,
        ((double)(ended.tv_sec - begun.tv_sec) * 1e6 + (double)(ended.tv_nsec - begun.tv_nsec) / 1e3) / devices,
    };
}

/* Asks a part of the agenda, or of the watch, such that a round takes so many seconds; nothing is due. Where to go on. */
static unsigned ask_idle(bool watch, unsigned bucket, unsigned buckets, unsigned round_s)
{
    struct cr_job *job = job_new(CR_OP_AGENDA, 0, 1);
    job->agenda = calloc(1, sizeof *job->agenda);
    if (job->agenda == NULL) {
        abort();
    }
    job->agenda->watch = watch;
    job->agenda->bucket = bucket;
    job->agenda->buckets = (buckets + round_s - 1) / round_s;
    job->agenda->limit = CR_DUE_MAX;
    job->agenda->rate_per_s = 50;
    submit(job);
    job = take();
    failures += job->outcome != CR_OUT_DONE || job->agenda->count != 0;
    bucket = job->agenda->bucket;
    cr_job_free(job);
    return bucket;
}

/* The scheduler with nothing due: what it asks each second, many seconds in a row. */
static struct cost measure_idle(unsigned buckets, bool watch)
{
    enum { SECONDS = 1000, AGENDA_ROUND_S = 5, WATCH_ROUND_S = 64 };
    long long redis_begun = redis_cpu_us(), own_begun = own_cpu_us();
    unsigned bucket = 0;
    for (unsigned i = 0; i < SECONDS; i++) {
        bucket = ask_idle(watch, bucket, buckets, watch ? WATCH_ROUND_S : AGENDA_ROUND_S);
    }
    return (struct cost){ (double)(redis_cpu_us() - redis_begun) / SECONDS,
                          (double)(own_cpu_us() - own_begun) / SECONDS, 0 };
}

/* Lists up to so many pages: costs of a page, and of a slot that was looked at. */
static void measure_list(const char *name, const struct cr_list *what, unsigned pages_max)
{
    struct cr_list next = *what;
    struct timespec begun, ended;
    long long redis_begun = redis_cpu_us(), own_begun = own_cpu_us(), looked = 0, rows = 0;
    unsigned pages = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    do {
        struct cr_job *job = job_new(CR_OP_LIST, 0, 1);
        job->list = malloc(sizeof *job->list);
        if (job->list == NULL) {
            abort();
        }
        *job->list = next;
        submit(job);
        job = take();
        failures += job->outcome != CR_OUT_DONE;
        looked += job->list->looked;
        rows += job->list->matched;
        memcpy(next.cursor, job->list->cursor, sizeof next.cursor);
        cr_job_free(job);
        pages++;
    } while (next.cursor[0] != '\0' && pages < pages_max);
    (void)clock_gettime(CLOCK_MONOTONIC, &ended);
    double wall_us = (double)(ended.tv_sec - begun.tv_sec) * 1e6 + (double)(ended.tv_nsec - begun.tv_nsec) / 1e3;
    double redis_us = (double)(redis_cpu_us() - redis_begun), own_us = (double)(own_cpu_us() - own_begun);
    double slots = looked > 0 ? (double)looked : 1;
    printf("%s\"%s\":{\"pages\":%u,\"looked\":%lld,\"matched\":%lld,\"page_redis_us\":%.1f,\"page_store_us\":%.1f,"
           "\"page_wall_us\":%.1f,\"slot_redis_us\":%.2f,\"slot_store_us\":%.2f}",
           strcmp(name, "page") == 0 ? "{" : ",", name, pages, looked, rows, redis_us / pages, own_us / pages,
           wall_us / pages, redis_us / slots, own_us / slots);
}

static void measure_lists(unsigned devices)
{
    (void)measure(CR_OP_PRESENT, devices, 1);
    measure_list("page", &(struct cr_list){ .limit = CR_PAGE_MAX }, 1000);
    measure_list("expiring", &(struct cr_list){ .limit = CR_PAGE_MAX, .filter.expires_within_s = 1 }, UINT32_MAX);
    measure_list("tag", &(struct cr_list){ .limit = CR_PAGE_MAX, .filter.tag = "none" }, UINT32_MAX);
    measure_list("prefix", &(struct cr_list){ .limit = CR_PAGE_MAX, .filter.prefix = "other" }, UINT32_MAX);
    measure_list("group", &(struct cr_list){ .count_only = true, .pick = { "0badcafe", CR_SHARE_ALL / 100, "" } },
                 UINT32_MAX);
    printf("}\n");
}

/* All are triggered and nobody answers: what being watched takes of Redis' memory, and what a look costs. */
static void measure_watch(unsigned devices, unsigned buckets)
{
    static const char drop[] = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('HDEL', key, 'operational:al') end";
    char pattern[40];
    struct cost trigger = measure(CR_OP_TRIGGER, devices, 1);
    later_s += 4 * DAY_S;
    struct cost look = measure(CR_OP_LOOK, devices, 1);
    freeReplyObject(private_redis_command(&redis, "DEL cr:audit"));
    long long watched = redis_info("memory", "used_memory");
    for (unsigned i = 0; i < buckets; i++) {
        freeReplyObject(private_redis_command(&redis, "DEL cr:{b%02u}:watch", i));
        (void)snprintf(pattern, sizeof pattern, "cr:{b%02u}:device:*", i);
        freeReplyObject(private_redis_command(&redis, "EVAL %s 0 %s", drop, pattern));
    }
    fprintf(stderr, "{\"trigger_redis_us\":%.1f,\"look_redis_us\":%.1f,\"look_store_us\":%.1f,\"bytes_per_watched\":%lld,",
            trigger.redis_us, look.redis_us, look.own_us, (watched - redis_info("memory", "used_memory")) / devices);
    watched = redis_info("memory", "used_memory");
    for (unsigned i = 0; i < buckets; i++) {
        freeReplyObject(private_redis_command(&redis, "DEL cr:{b%02u}:alerts", i));
    }
    fprintf(stderr, "\"bytes_per_alert\":%lld}\n", (watched - redis_info("memory", "used_memory")) / devices);
}

/* The whole fleet counted once. */
static struct cost measure_survey(unsigned devices)
{
    long long redis_begun = redis_cpu_us(), own_begun = own_cpu_us();
    uint64_t slots = 0;
    char cursor[CR_CURSOR_CAP] = "";
    unsigned pages = 0;
    do {
        struct cr_job *job = job_new(CR_OP_SURVEY, 0, 1);
        job->survey = calloc(1, sizeof *job->survey);
        if (job->survey == NULL) {
            abort();
        }
        job->survey->verb = CR_SURVEY_PAGE;
        memcpy(job->survey->cursor, cursor, sizeof cursor);
        submit(job);
        job = take();
        failures += job->outcome != CR_OUT_DONE;
        slots += job->survey->counts.slots;
        memcpy(cursor, job->survey->cursor, sizeof cursor);
        cr_job_free(job);
        pages++;
    } while (cursor[0] != '\0' && failures == 0);
    failures += slots != devices;
    return (struct cost){ (double)(redis_cpu_us() - redis_begun) / devices,
                          (double)(own_cpu_us() - own_begun) / devices, (double)slots / pages };
}

static bool begin(unsigned buckets)
{
    static const char *const fast[] = { "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0", NULL };
    char why[200] = "";
    setup = calloc(1, sizeof *setup);
    if (setup == NULL || private_redis_new(&redis, fast) != CR_OK) {
        return false;
    }
    struct cr_config *config = &setup->config;
    atomic_init(&setup->refs, 1);
    (void)snprintf(config->redis, sizeof config->redis, "%s", redis.socket);
    (void)snprintf(config->redis_prefix, sizeof config->redis_prefix, "cr");
    (void)snprintf(config->broker_name, sizeof config->broker_name, "broker-1");
    (void)snprintf(config->journal_dir, sizeof config->journal_dir, "%s/journal", redis.dir);
    config->redis_timeout_ms = 5000;
    config->retry_after_s = 30;
    config->renewal_deadline_s = 7 * DAY_S;
    config->buckets = buckets;
    config->retry_first_s = 3600;
    config->retry_max_s = DAY_S;
    config->failures_alert = 3;
    config->wake_after_s = 3 * DAY_S;
    config->wake_retry_s = DAY_S;
    config->wake_retry_max_s = 14 * DAY_S;
    config->field_after_s = 7 * DAY_S;
    config->field_before_s = 60 * DAY_S;
    profile = &config->slot[0];
    cr_profile_default(profile, "operational");
    profile->request_any_time = true;
    const struct cr_store_redis_options options = {
        .setup = setup,
        .clock = cr_clock_system(),
        .max_jobs = 2 * WINDOW,
        .done = on_done,
    };
    if (cr_store_redis_new(&store, &options, why, sizeof why) != CR_OK) {
        (void)fprintf(stderr, "bench_store: %s\n", why);
        return false;
    }
    struct cr_store_health health;
    int64_t end = cr_mono_ms(cr_clock_system()) + 5000;
    do {
        cr_store_health_get(store, &health);
    } while (!health.connected && cr_mono_ms(cr_clock_system()) < end);
    return health.connected;
}

int main(int argc, char **argv)
{
    unsigned devices = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
    unsigned buckets = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 64;
    if (devices == 0 || buckets == 0) {
        (void)fputs("usage: bench_store [DEVICES [BUCKETS]]\n", stderr);
        return 2;
    }
    if (!begin(buckets)) {
        private_redis_free(&redis);
        return 1;
    }
    if (getenv("BENCH_LIST") != NULL) {
        measure_lists(devices);
        cr_store_free(store);
        private_redis_free(&redis);
        return failures == 0 ? 0 : 1;
    }
    struct cost first = measure(CR_OP_PRESENT, devices, 1);
    later_s = 26 * 3600; /* once more, so that it is known how seldom it appears; and again, which is the usual case */
    (void)measure(CR_OP_PRESENT, devices, 1);
    later_s += 25 * 3600;
    struct cost again = measure(CR_OP_PRESENT, devices, 1);
    freeReplyObject(private_redis_command(&redis, "DEL cr:audit"));
    long long idle = redis_info("memory", "used_memory");
    long long overhead = redis_info("memory", "used_memory_startup");
    struct cost scheduler = measure_idle(buckets, false), watch = measure_idle(buckets, true);
    if (getenv("BENCH_WATCH") != NULL) {
        measure_watch(devices, buckets);
    }
    struct cost survey = measure_survey(devices);
    freeReplyObject(private_redis_command(&redis, "CONFIG RESETSTAT"));
    unsigned renewing = getenv("BENCH_IDLE") != NULL ? 1 : devices;
    struct cost trigger = { .redis_us = 0 };
    if (getenv("BENCH_CAMPAIGN") != NULL) {
        trigger = measure(CR_OP_TRIGGER, renewing, 2);
    }
    struct cost renewal = measure(CR_OP_CSR, renewing, 2);
    if (getenv("CR_BENCH_COMMANDS") != NULL) { /* what of it is which command's */
        redisReply *stats = private_redis_command(&redis, "INFO commandstats");
        (void)fprintf(stderr, "%s\n", stats->str);
        freeReplyObject(stats);
    }
    struct cost confirm = measure(CR_OP_PRESENT, renewing, 2);
    freeReplyObject(private_redis_command(&redis, "DEL cr:audit"));
    long long renewed = redis_info("memory", "used_memory");
    printf("{\"devices\":%u,\"buckets\":%u,\"failures\":%u,\"bytes_per_device\":%lld,\"bytes_per_renewed_device\":%lld,"
           "\"present_redis_us\":%.1f,\"present_store_us\":%.1f,\"again_redis_us\":%.1f,\"again_store_us\":%.1f,"
           "\"trigger_redis_us\":%.1f,\"renewal_redis_us\":%.1f,\"renewal_store_us\":%.1f,"
           "\"renewal_wall_us\":%.1f,\"confirm_redis_us\":%.1f,\"confirm_store_us\":%.1f,"
           "\"idle_scheduler_redis_us_per_s\":%.1f,\"idle_scheduler_store_us_per_s\":%.1f,"
           "\"idle_watch_redis_us_per_s\":%.1f,\"idle_watch_store_us_per_s\":%.1f,"
           "\"survey_redis_us_per_slot\":%.2f,\"survey_store_us_per_slot\":%.2f,\"survey_slots_per_page\":%.1f}\n",
           devices, buckets, failures, (idle - overhead) / devices, (renewed - overhead) / devices, first.redis_us,
           first.own_us, again.redis_us, again.own_us, trigger.redis_us, renewal.redis_us, renewal.own_us, renewal.wall_us,
           confirm.redis_us, confirm.own_us, scheduler.redis_us, scheduler.own_us, watch.redis_us,
           watch.own_us, survey.redis_us, survey.own_us, survey.wall_us);
    cr_store_free(store);
    private_redis_free(&redis);
    return failures == 0 ? 0 : 1;
}
