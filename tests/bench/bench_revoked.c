/* What keeping the list of what is revoked costs the broker's loop: bench_revoked COUNT has a router take in COUNT entries,
 * page by page, as at a start, and then asks it. Prints `name value` lines: how long a page takes the loop, the memory
 * an entry takes, and how long a connection waits to know that it is not on the list, or is. */
#include "plugin/loop/loop.h"
#include "tests/bench/bench_cpu.h"
#include "tests/support/flow_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_UPS = 1000000 };

/* CPU time: other programs on the machine do not count. */
static double now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Entry i of a sequence that looks random (splitmix64). */
static void serial_make(struct cr_serial *serial, uint64_t i)
{
    for (unsigned half = 0; half < 2; half++) {
        uint64_t z = (2 * i + half + 1) * 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        z ^= z >> 31;
        memcpy(serial->octets + 8 * half, &z, 8);
    }
    serial->octets[0] = (uint8_t)(serial->octets[0] & 0x7f) | 1;
    serial->len = 16;
}

static void entry_make(struct cr_revocation *entry, uint64_t i)
{
    *entry = (struct cr_revocation){ .reason = CR_REASON_KEY_COMPROMISE, .at = RIG_START_S, .not_after = RIG_START_S + 9000000 };
    serial_make(&entry->serial, i);
    memcpy(entry->issuer, "0123456789abcdef", sizeof entry->issuer);
    (void)snprintf(entry->device, sizeof entry->device, "meter-%llu", (unsigned long long)i);
}

static void measure_pages(struct flow_rig *rig, uint64_t count)
{
    double worst_us = 0, sum_us = 0;
    unsigned pages = 0;
    for (uint64_t at = 0; at < count; pages++) {
        struct cr_job *job;
        if (cr_job_new(&job, CR_OP_REVOKED, rig->setup) != CR_OK ||
            (job->revoked = calloc(1, sizeof *job->revoked)) == NULL) {
            bench_die("out of memory");
        }
        job->revoked->anew = at == 0;
        while (at < count && job->revoked->count < CR_REVOCATIONS_MAX) {
            entry_make(&job->revoked->change[job->revoked->count++], at++);
        }
        job->revoked->complete = at == count;
        job->revoked->version = at;
        job->outcome = CR_OUT_DONE;
        double start_us = now_us();
        loop_complete(rig->router, job);
        double took_us = now_us() - start_us;
        sum_us += took_us;
        worst_us = took_us > worst_us ? took_us : worst_us;
    }
    struct cr_revoked_state state;
    loop_revoked_state(rig->router, &state);
    printf("entries %zu\npages %u\npage_mean_us %.1f\npage_worst_us %.1f\nall_ms %.1f\nbytes_per_entry %.1f\n", state.entries,
           pages, sum_us / pages, worst_us, sum_us / 1e3, (double)state.bytes / (double)count);
}

static void measure_look_ups(struct flow_rig *rig, const char *name, uint64_t from, uint64_t count)
{
    struct cr_cert_facts *facts = calloc(4096, sizeof *facts);
    unsigned found = 0;
    if (facts == NULL) {
        bench_die("out of memory");
    }
    for (uint64_t i = 0; i < 4096; i++) {
        serial_make(&facts[i].serial, from + i * 7919 % count);
        memcpy(facts[i].issuer, "0123456789abcdef", sizeof facts[i].issuer);
    }
    double start_us = now_us();
    for (unsigned i = 0; i < LOOK_UPS; i++) {
        found += loop_revoked_refusal(rig->router, &facts[i % 4096]) != CR_REFUSAL_NONE;
    }
    printf("%s_ns %.1f\n", name, (now_us() - start_us) * 1e3 / LOOK_UPS);
    if (found != (from == 0 ? LOOK_UPS : 0)) {
        bench_die("%u of %u were found", found, (unsigned)LOOK_UPS);
    }
    free(facts);
}

int main(int argc, char **argv)
{
    static struct flow_rig rig;
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    if (count == 0 || count > 10000000) {
        bench_die("bench_revoked COUNT, up to 10000000");
    }
    flow_rig_start(&rig, "");
    measure_pages(&rig, count);
    measure_look_ups(&rig, "revoked", 0, count);
    measure_look_ups(&rig, "not_revoked", count + 1, count);
    flow_rig_stop(&rig);
    return 0;
}
