/* What everybody else's messages cost and wait for.
 *
 * bench_broker ping PORT SECONDS            PINGREQ every 2 ms over a connection of its own: how long its answer takes
 * bench_broker publish COUNT [PORT PID]...  COUNT messages of 100 bytes through each broker in turn, QoS 1 in and out:
 *                                           CPU of the broker per message, and the throughput per CPU of each
 *                                           beside the first's: medians over many short rounds, so that what else
 *                                           the machine does falls on all of them alike
 *
 * Prints `name value` lines. */
#include "tests/bench/bench_cpu.h"
#include "tests/bench/bench_link.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PING_EVERY_US = 2000, WINDOW = 20, PAYLOAD = 100, ROUNDS = 61, BROKERS_MAX = 4 };

static void run_ping(int argc, char **args)
{
    if (argc != 2) {
        exit(2);
    }
    unsigned port = bench_number("PORT", args[0], 65535), seconds = bench_number("SECONDS", args[1], 60);
    size_t cap = (size_t)seconds * 1000000 / PING_EVERY_US + 1, n = 0;
    double *wait_us = calloc(cap, sizeof *wait_us);
    struct bench_link *link = calloc(1, sizeof *link);
    if (wait_us == NULL || link == NULL) {
        bench_die("out of memory");
    }
    bench_link_open(link, port, NULL, "ping");
    double start_us = bench_now_us();
    while (n < cap && bench_now_us() - start_us < seconds * 1e6) {
        struct bench_packet packet;
        double asked_us = bench_now_us();
        bench_link_ping(link);
        bench_link_wait(link, BENCH_PINGRESP, &packet);
        wait_us[n++] = bench_now_us() - asked_us;
        double rest_us = PING_EVERY_US - wait_us[n - 1];
        if (rest_us > 0) {
            (void)poll(NULL, 0, (int)(rest_us / 1e3)); /* paces; nothing is waited for */
        }
    }
    printf("ping_p50_us %.1f\n", bench_percentile(wait_us, n, 50));
    printf("ping_p99_us %.1f\n", bench_percentile(wait_us, n, 99));
    bench_link_close(link);
    free(link);
    free(wait_us);
}

struct lane {
    struct bench_link in, out;
    int pid;
    double cpu_us[ROUNDS];
};

/* Keeps WINDOW messages on their way until `count` have come out at the other end. */
static void lane_run(struct lane *lane, unsigned count)
{
    static const uint8_t payload[PAYLOAD] = { 0 };
    unsigned sent = 0, received = 0;
    while (received < count) {
        struct bench_packet packet;
        for (; sent < count && sent - received < WINDOW; sent++) {
            bench_link_publish(&lane->in, "bench/publish", payload, sizeof payload, 1);
        }
        bench_link_wait(&lane->out, BENCH_PUBLISH, &packet);
        received++;
        while (bench_link_read(&lane->in) || bench_link_next(&lane->in, &packet)) {
        }
    }
}

static void run_publish(int argc, char **args)
{
    unsigned brokers = (unsigned)(argc - 1) / 2;
    if (argc < 3 || argc % 2 == 0 || brokers > BROKERS_MAX) {
        exit(2);
    }
    unsigned count = bench_number("COUNT", args[0], 10000000);
    struct lane *lane = calloc(brokers, sizeof *lane);
    if (lane == NULL) {
        bench_die("out of memory");
    }
    for (unsigned b = 0; b < brokers; b++) {
        unsigned port = bench_number("PORT", args[1 + 2 * b], 65535);
        lane[b].pid = (int)bench_number("PID", args[2 + 2 * b], 1 << 30);
        bench_link_open(&lane[b].in, port, NULL, "publisher");
        bench_link_open(&lane[b].out, port, NULL, "subscriber");
        bench_link_subscribe(&lane[b].out, "bench/publish", 1);
        lane_run(&lane[b], count / 10 + 1);
    }
    for (unsigned r = 0; r < ROUNDS; r++) {
        for (unsigned b = 0; b < brokers; b++) {
            unsigned turn = r % 2 == 0 ? b : brokers - 1 - b; /* nobody is always first */
            double before_us = bench_cpu_us(lane[turn].pid);
            lane_run(&lane[turn], count);
            lane[turn].cpu_us[r] = (bench_cpu_us(lane[turn].pid) - before_us) / count;
        }
    }
    for (unsigned b = 1; b < brokers; b++) {
        double ratio[ROUNDS];
        for (unsigned r = 0; r < ROUNDS; r++) {
            ratio[r] = lane[0].cpu_us[r] / lane[b].cpu_us[r];
        }
        printf("publish_ratio_%u %.4f\n", b, bench_percentile(ratio, ROUNDS, 50));
    }
    for (unsigned b = 0; b < brokers; b++) {
        printf("publish_cpu_us_%u %.3f\n", b, bench_percentile(lane[b].cpu_us, ROUNDS, 50));
        bench_link_close(&lane[b].in);
        bench_link_close(&lane[b].out);
    }
    free(lane);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "ping") == 0) {
        run_ping(argc - 2, argv + 2);
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "publish") == 0) {
        run_publish(argc - 2, argv + 2);
        return 0;
    }
    (void)fprintf(stderr, "bench_broker: ping or publish, and its arguments; bench_broker.c says which\n");
    return 2;
}
