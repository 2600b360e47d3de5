/* Renews certificates over mutually authenticated connections and says what that took.
 *
 * bench_renew pki DIR                      makes the CA and the server's certificate
 * bench_renew load DIR PORT DEVICES COUNT BROKER_PID REDIS_PID
 *                                          connections open, one request of each device on its way at any time
 * bench_renew flood DIR PORT RATE SECONDS  RATE requests per second over 16 connections
 * bench_renew awake DIR PORT COUNT         one device at a time: connect, ask, have the certificate, leave
 * bench_renew fill DIR PORT DEVICES        devices that were never seen connect once
 *
 * Prints `name value` lines. Keys and requests are made before the clock starts; requests and answers are DER. */
#include "tests/bench/bench_cpu.h"
#include "tests/bench/bench_fleet.h"
#include "tests/bench/bench_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { DEVICES_MAX = 512, WARM_UP_ROUNDS = 4, FLOOD_DEVICES = 16, EVENTS_MAX = 64, NAME_CAP = 32, TOPIC_CAP = 96 };

struct device {
    struct bench_link link;
    SSL_CTX *context;
    char name[NAME_CAP], topic[TOPIC_CAP];
    struct cr_blob *csr; /* its requests, in order */
    unsigned next, count;
    double asked_us;
};

struct load {
    struct device *device;
    unsigned devices;
    unsigned answered, rejected, measured;
    double *latency_us;
    char first_rejection[128];
};

static void *array(size_t n, size_t size)
{
    void *memory = calloc(n, size);
    if (memory == NULL) {
        bench_die("out of memory");
    }
    return memory;
}

static void device_open(struct device *device, struct bench_ca *ca, unsigned port, const char *prefix, unsigned number,
                        unsigned requests)
{
    (void)snprintf(device->name, sizeof device->name, "%s-%u", prefix, number);
    (void)snprintf(device->topic, sizeof device->topic, "$identity/v1/%s/operational/csr", device->name);
    device->context = bench_device_context(ca, device->name);
    device->count = requests;
    device->csr = array(requests, sizeof *device->csr);
    for (unsigned i = 0; i < requests; i++) {
        device->csr[i] = bench_csr_der(device->name);
    }
    bench_link_open(&device->link, port, device->context, device->name);
}

static void device_close(struct device *device)
{
    bench_link_close(&device->link);
    SSL_CTX_free(device->context);
    for (unsigned i = 0; i < device->count; i++) {
        cr_blob_fini(&device->csr[i]);
    }
    free(device->csr);
}

static void device_ask(struct device *device)
{
    const struct cr_blob *csr = &device->csr[device->next % device->count];
    device->next++;
    device->asked_us = bench_now_us();
    bench_link_publish(&device->link, device->topic, csr->data, csr->len, 1);
}

enum answer { ANSWER_NONE, ANSWER_CERTIFICATE, ANSWER_REJECTED };

static enum answer answer_of(struct device *device, const struct bench_packet *packet)
{
    if (packet->type != BENCH_PUBLISH) {
        return ANSWER_NONE;
    }
    if (packet->qos > 0) {
        bench_link_puback(&device->link, packet->mid);
    }
    const char *verb = memrchr(packet->topic, '/', packet->topic_len);
    size_t len = verb == NULL ? 0 : (size_t)(packet->topic + packet->topic_len - verb);
    if (len == strlen("/certificate") && memcmp(verb, "/certificate", len) == 0) {
        return ANSWER_CERTIFICATE;
    }
    return len == strlen("/rejected") && memcmp(verb, "/rejected", len) == 0 ? ANSWER_REJECTED : ANSWER_NONE;
}

/* Handles all that has come for one device; true when its request is answered. */
static bool device_read(struct load *load, struct device *device)
{
    bool answered = false;
    do {
        struct bench_packet packet;
        while (bench_link_next(&device->link, &packet)) {
            enum answer answer = answer_of(device, &packet);
            if (answer == ANSWER_NONE) {
                continue;
            }
            answered = true;
            load->answered++;
            if (answer == ANSWER_REJECTED) {
                if (load->rejected++ == 0) {
                    (void)snprintf(load->first_rejection, sizeof load->first_rejection, "%.*s",
                                   packet.payload_len > 120 ? 120 : (int)packet.payload_len, (const char *)packet.payload);
                }
            } else if (load->latency_us != NULL) {
                load->latency_us[load->measured++] = bench_now_us() - device->asked_us;
            }
        }
    } while (bench_link_read(&device->link));
    return answered;
}

static int epoll_of(struct load *load)
{
    int poller = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < load->devices; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &load->device[i] };
        if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, load->device[i].link.fd, &event) != 0) {
            bench_die("epoll: %s", strerror(errno));
        }
    }
    return poller;
}

/* Keeps one request of every device under way until `count` more are answered. */
static void load_run(struct load *load, int poller, unsigned count)
{
    unsigned asked = 0, goal = load->answered + count;
    struct epoll_event event[EVENTS_MAX];
    for (; asked < load->devices && asked < count; asked++) {
        device_ask(&load->device[asked]);
    }
    while (load->answered < goal) {
        int n = epoll_wait(poller, event, EVENTS_MAX, BENCH_WAIT_MS);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            bench_die("%u of %u requests were answered, then none", load->answered, goal);
        }
        for (int i = 0; i < n; i++) {
            struct device *device = event[i].data.ptr;
            if (device_read(load, device) && asked < count) {
                device_ask(device);
                asked++;
            }
        }
    }
}

static double load_bytes(const struct load *load)
{
    double sum = 0;
    for (unsigned i = 0; i < load->devices; i++) {
        sum += bench_link_bytes(&load->device[i].link);
    }
    return sum;
}

static void load_open(struct load *load, const char *dir, unsigned port, const char *prefix, unsigned devices,
                      unsigned requests)
{
    struct bench_ca ca;
    bench_ca_read(&ca, dir);
    load->devices = devices;
    load->device = array(devices, sizeof *load->device);
    for (unsigned i = 0; i < devices; i++) {
        device_open(&load->device[i], &ca, port, prefix, i, requests);
    }
    bench_ca_fini(&ca);
}

static void load_close(struct load *load)
{
    for (unsigned i = 0; i < load->devices; i++) {
        device_close(&load->device[i]);
    }
    free(load->device);
    if (load->rejected > 0) {
        bench_die("%u of %u requests were rejected, first with %s", load->rejected, load->answered, load->first_rejection);
    }
}

static void run_load(char **args)
{
    unsigned port = bench_number("PORT", args[1], 65535), devices = bench_number("DEVICES", args[2], DEVICES_MAX);
    unsigned count = bench_number("COUNT", args[3], 10000000);
    int broker = (int)bench_number("BROKER_PID", args[4], 1 << 30), redis = (int)bench_number("REDIS_PID", args[5], 1 << 30);
    struct load load = { 0 };
    /* A device that is faster than the others asks more often than the mean: it has a reserve. */
    load_open(&load, args[0], port, "load", devices, (count / devices + WARM_UP_ROUNDS) * 2 + 16);
    int poller = epoll_of(&load);
    load_run(&load, poller, devices * WARM_UP_ROUNDS);

    load.latency_us = array(count, sizeof *load.latency_us);
    double bytes = load_bytes(&load), broker_us = bench_cpu_us(broker), redis_us = bench_cpu_us(redis);
    double start_us = bench_now_us();
    load_run(&load, poller, count);
    double took_us = bench_now_us() - start_us;
    broker_us = bench_cpu_us(broker) - broker_us;
    redis_us = bench_cpu_us(redis) - redis_us;
    bytes = load_bytes(&load) - bytes;
    for (unsigned i = 0; i < devices; i++) {
        if (load.device[i].next > load.device[i].count) {
            bench_die("a device ran out of requests; keys were used twice");
        }
    }
    printf("renewals_per_s %.1f\n", count / took_us * 1e6);
    printf("broker_cpu_us %.2f\nredis_cpu_us %.2f\n", broker_us / count, redis_us / count);
    printf("renewal_cpu_us %.2f\n", (broker_us + redis_us) / count);
    printf("wire_bytes_per_renewal %.1f\n", bytes / count);
    printf("latency_p50_ms %.3f\n", bench_percentile(load.latency_us, load.measured, 50) / 1e3);
    printf("latency_p99_ms %.3f\n", bench_percentile(load.latency_us, load.measured, 99) / 1e3);
    free(load.latency_us);
    (void)close(poller);
    load_close(&load);
}

static void run_flood(char **args)
{
    unsigned port = bench_number("PORT", args[1], 65535), rate = bench_number("RATE", args[2], 100000);
    unsigned seconds = bench_number("SECONDS", args[3], 60), sent = 0, turn = 0, total = rate * seconds;
    struct load load = { 0 };
    load_open(&load, args[0], port, "flood", FLOOD_DEVICES, total / FLOOD_DEVICES * 2 + 16);
    int poller = epoll_of(&load);
    bool busy[FLOOD_DEVICES] = { false };
    printf("ready 1\n");
    (void)fflush(stdout);
    double start_us = bench_now_us();
    while (load.answered < total) {
        struct epoll_event event[EVENTS_MAX];
        double due = (bench_now_us() - start_us) * rate / 1e6;
        for (unsigned i = 0; i < FLOOD_DEVICES && sent < total && sent < due; i++) {
            turn = (turn + 1) % FLOOD_DEVICES;
            if (!busy[turn]) {
                device_ask(&load.device[turn]);
                busy[turn] = true;
                sent++;
            }
        }
        double wait_us = start_us + (sent + 1) * 1e6 / rate - bench_now_us();
        if (sent == total || wait_us <= 0) {
            wait_us = sent == total ? BENCH_WAIT_MS * 1e3 : 1e3; /* nothing more to ask, or nobody free to: for answers */
        }
        /* To the microsecond: rounded to milliseconds, requests would come in twos and threes. */
        const struct timespec wait = { .tv_sec = (long)wait_us / 1000000, .tv_nsec = (long)wait_us % 1000000 * 1000 };
        int n = epoll_pwait2(poller, event, EVENTS_MAX, &wait, NULL);
        if ((n == 0 && sent == total) || (n < 0 && errno != EINTR)) {
            bench_die("%u of %u requests were answered, then none", load.answered, total);
        }
        for (int i = 0; i < n; i++) {
            struct device *device = event[i].data.ptr;
            if (device_read(&load, device)) {
                busy[device - load.device] = false;
            }
        }
        if (bench_now_us() - start_us > seconds * 3e6) {
            break;
        }
    }
    printf("flood_per_s %.1f\n", load.answered / (bench_now_us() - start_us) * 1e6);
    (void)close(poller);
    load_close(&load);
}

static void run_awake(char **args)
{
    unsigned port = bench_number("PORT", args[1], 65535), count = bench_number("COUNT", args[2], 100000);
    double *awake_us = array(count, sizeof *awake_us), *connect_us = array(count, sizeof *connect_us);
    struct load load = { 0 };
    struct bench_ca ca;
    struct device *device = array(1, sizeof *device);
    bench_ca_read(&ca, args[0]);
    for (unsigned i = 0; i < count; i++) {
        /* made and forgotten first, so that key and request are there when the device wakes */
        device_open(device, &ca, port, "awake", i, 1);
        bench_link_close(&device->link);
        double start_us = bench_now_us();
        bench_link_open(&device->link, port, device->context, device->name);
        connect_us[i] = bench_now_us() - start_us;
        device_ask(device);
        while (!device_read(&load, device)) {
            bench_link_poll(&device->link);
        }
        awake_us[i] = bench_now_us() - start_us;
        device_close(device);
    }
    if (load.rejected > 0) {
        bench_die("%u of %u requests were rejected, first with %s", load.rejected, count, load.first_rejection);
    }
    printf("awake_connect_p50_ms %.3f\n", bench_percentile(connect_us, count, 50) / 1e3);
    printf("awake_p50_ms %.3f\n", bench_percentile(awake_us, count, 50) / 1e3);
    printf("awake_p99_ms %.3f\n", bench_percentile(awake_us, count, 99) / 1e3);
    bench_ca_fini(&ca);
    free(device);
    free(awake_us);
    free(connect_us);
}

static void run_fill(char **args)
{
    unsigned port = bench_number("PORT", args[1], 65535), count = bench_number("DEVICES", args[2], 1000000);
    struct bench_ca ca;
    struct device *device = array(1, sizeof *device);
    bench_ca_read(&ca, args[0]);
    for (unsigned i = 0; i < count; i++) {
        char topic[TOPIC_CAP];
        struct bench_packet packet;
        device_open(device, &ca, port, "meter", i, 1);
        (void)snprintf(topic, sizeof topic, "$identity/v1/%s/operational/get", device->name);
        bench_link_publish(&device->link, topic, "", 0, 1);
        bench_link_wait(&device->link, BENCH_PUBLISH, &packet);
        device_close(device);
    }
    printf("filled %u\n", count);
    bench_ca_fini(&ca);
    free(device);
}

static void run_pki(char **args)
{
    bench_ca_write(args[0]);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; int args; void (*run)(char **args); } commands[] = {
        { "pki", 1, run_pki },     { "load", 6, run_load }, { "flood", 4, run_flood },
        { "awake", 3, run_awake }, { "fill", 3, run_fill },
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (argc == commands[i].args + 2 && strcmp(argv[1], commands[i].name) == 0) {
            commands[i].run(argv + 2);
            return 0;
        }
    }
    (void)fprintf(stderr, "bench_renew: pki, load, flood, awake or fill, and its arguments; bench_renew.c says which\n");
    return 2;
}
