/* Broker, Redis, or both are killed with SIGKILL, again and again, at every moment of a renewal: at chosen steps, and
 * at moments that move through it in small steps of time. Devices keep on asking until they have what they asked for;
 * they must never get two answers to one question, and in the end the ledger must be whole. An operator meddles: asks
 * them in a campaign, cancels, holds and releases; nothing of that which was answered may be lost.
 *
 * The store runs in a child process. What devices know is in memory shared with it, as their flash would be. */
#include "tests/contract/kill_world.h"
#include "tests/support/ledger_check.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SWEEP = 90, SWEEP_STEP_US = 60, ROUNDS_WANTED = 3 };

static struct rig rig;
static struct kill_world *world;
const char kill_slot[] = "operational";

void kill_name(char name[CR_NAME_CAP], unsigned device)
{
    (void)snprintf(name, CR_NAME_CAP, "meter-%u", device);
}

void kill_went_wrong(struct kill_world *at, const char *what, unsigned device)
{
    if (at->wrong++ == 0) {
        (void)snprintf(at->what, sizeof at->what, "%s (meter-%u)", what, device);
    }
}

/* ---- the child: a broker, and devices that use it ---- */

/* Hands a job in; NULL: the store would not say. */
struct cr_job *kill_run(struct rig_broker *broker, struct cr_job *job)
{
    rig_submit(broker, job);
    for (;;) {
        struct cr_job *home = rig_next(broker, RIG_WAIT_MS);
        if (home == NULL) {
            _exit(3);
        }
        if (home->op != CR_OP_DELIVER) {
            return home;
        }
        cr_job_free(home); /* the device asks by itself */
    }
}

static void child_receive(struct kill_flash *flash, const struct cr_job *job, unsigned device)
{
    if (job->certificate.len > KILL_BYTES_MAX) {
        kill_went_wrong(world, "a certificate too long", device);
        return;
    }
    if (flash->received_len != 0 && (flash->received_len != job->certificate.len ||
                                     memcmp(flash->received, job->certificate.data, job->certificate.len) != 0)) {
        kill_went_wrong(world, "two answers to one request", device);
    }
    memcpy(flash->received, job->certificate.data, job->certificate.len);
    flash->received_len = job->certificate.len;
    flash->next = rig_cert_of(job);
}

/* It connects with what it has received. */
static void child_confirm(struct rig_broker *broker, struct kill_flash *flash)
{
    struct cr_cert_facts fresh = flash->next;
    flash->tried = true;
    struct cr_job *present = kill_run(broker, rig_job_present(broker, kill_slot, &fresh));
    if (present->outcome == CR_OUT_RECORD) { /* also when an earlier life of the broker was told first */
        const struct cr_slot_record *record = cr_device_record_slot(present->record, kill_slot);
        if (record == NULL || !cr_serial_equal(&record->current.serial, &fresh.serial)) {
            kill_went_wrong(world, "a certificate was presented and not taken", 0);
        }
        flash->current = fresh;
        flash->key = 0;
        flash->received_len = 0;
        flash->tried = false;
        flash->renewed++;
    }
    cr_job_free(present);
}

static void child_turn(struct rig_broker *broker, unsigned device)
{
    struct kill_flash *flash = &world->device[device];
    char name[CR_NAME_CAP];
    kill_name(name, device);
    if (flash->received_len > 0 && (flash->tried || device % 2 == 0 || world->progress / KILL_DEVICES % 2 == 0)) {
        rig.now_s = ++world->now_s;
        child_confirm(broker, flash);
        world->progress++;
        return;
    }
    if (flash->key == 0) {
        flash->received_len = 0;
        flash->key = ++world->keys;
    }
    rig.now_s = ++world->now_s;
    rig.serials = ++world->serials;
    struct cr_job *job = rig_job_csr(broker, name, kill_slot, flash->key, &flash->current);
    job->profile = &rig.eager; /* at any time, but never the same key twice */
    job = kill_run(broker, job);
    if (job->outcome == CR_OUT_NONE) {
        rig_sign(job);
        job = kill_run(broker, job);
    }
    world->progress++;
    if (job->outcome == CR_OUT_CERTIFICATE) {
        child_receive(flash, job, device);
        if (device % 2 == 0) { /* the others are in no hurry: they ask once more before they connect */
            child_confirm(broker, flash);
        }
    } else if (job->outcome == CR_OUT_PENDING ||
               (job->outcome == CR_OUT_REFUSED && job->refusal == CR_REFUSAL_RENEWAL_IN_PROGRESS)) {
        world->now_s += FAKE_LEASE_S; /* it waits as it was told */
    } else if (job->outcome != CR_OUT_REFUSED || job->refusal != CR_REFUSAL_STORE_UNAVAILABLE) {
        kill_went_wrong(world, cr_refusal_info(job->refusal)->error_code, device);
    }
    cr_job_free(job);
}

static void child_main(unsigned rounds)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct rig_broker *broker = rig_open_only(&rig, "one");
    for (unsigned turn = 0;; turn++) {
        if (kill_operate(world, broker, turn % KILL_DEVICES)) {
            child_turn(broker, turn % KILL_DEVICES);
        }
        bool done = rounds > 0;
        for (unsigned i = 0; i < KILL_DEVICES; i++) {
            done = done && world->device[i].renewed >= rounds && world->device[i].key == 0;
        }
        if (done) {
            rig_close(broker);
            _exit(0);
        }
    }
}

static pid_t child_start(unsigned rounds)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        rig.redis.context = NULL;
        child_main(rounds);
    }
    return pid;
}

static void child_kill(pid_t pid)
{
    int status;
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

/* ---- the parent ---- */

static void nap_us(long us)
{
    const struct timespec nap = { us / 1000000, us % 1000000 * 1000 };
    (void)nanosleep(&nap, NULL);
}

static void wait_for_progress(unsigned more)
{
    unsigned goal = *(volatile unsigned *)&world->progress + more;
    for (int64_t end = cr_mono_ms(cr_clock_system()) + RIG_WAIT_MS; *(volatile unsigned *)&world->progress < goal;) {
        nap_us(50);
        assert_true(cr_mono_ms(cr_clock_system()) < end);
    }
}

static void check(void)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/one/journal.jsonl", rig.redis.dir);
    struct ledger_check_options options = {
        .journal = { path }, .redis = rig.redis.socket, .now_s = world->now_s, .out = stderr
    };
    struct ledger_check_result result;
    assert_int_equal(ledger_check(&result, &options), CR_OK);
    assert_int_equal(result.wrong, 0);
    if (world->wrong > 0) {
        print_message("%s\n", world->what);
    }
    assert_int_equal(world->wrong, 0);
}

/* Lets everybody finish, then looks. */
static void finish(unsigned rounds)
{
    int status;
    pid_t pid = child_start(rounds);
    int64_t end = cr_mono_ms(cr_clock_system()) + RIG_WAIT_MS;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        nap_us(2000);
        if (cr_mono_ms(cr_clock_system()) > end) {
            child_kill(pid);
            fail_msg("what was pending did not complete");
        }
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    check();
}

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, RIG_REDIS);
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(world, MAP_FAILED);
    rig.eager.allow_same_key = false;
    world->now_s = RIG_NOW_S;
    world->keys = 1000;
    for (unsigned i = 0; i < KILL_DEVICES; i++) {
        char name[CR_NAME_CAP];
        kill_name(name, i);
        world->device[i].current = rig_cert(name, i + 1, i + 1, RIG_NOW_S - 80 * RIG_DAY_S, RIG_NOW_S + 10 * RIG_DAY_S);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    (void)munmap(world, sizeof *world);
    return 0;
}

static void broker_killed_at_any_moment(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SWEEP; i++) {
        pid_t pid = child_start(0);
        wait_for_progress(1 + i % 3);
        nap_us((long)i * SWEEP_STEP_US);
        child_kill(pid);
        if (i % 10 == 0) {
            check();
        }
    }
    finish(ROUNDS_WANTED);
}

static void redis_killed_at_any_moment(void **state)
{
    (void)state;
    pid_t pid = child_start(0);
    for (unsigned i = 0; i < SWEEP / 3; i++) {
        wait_for_progress(1 + i % 3);
        nap_us((long)i * 3 * SWEEP_STEP_US);
        private_redis_kill(&rig.redis);
        assert_int_equal(private_redis_start(&rig.redis), CR_OK);
    }
    wait_for_progress(KILL_DEVICES);
    child_kill(pid);
    finish(ROUNDS_WANTED);
}

static void both_killed_at_any_moment(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SWEEP / 2; i++) {
        pid_t pid = child_start(0);
        wait_for_progress(1 + i % 3);
        nap_us((long)i * 2 * SWEEP_STEP_US);
        if (i % 2 == 0) {
            private_redis_kill(&rig.redis);
            child_kill(pid);
        } else {
            child_kill(pid);
            private_redis_kill(&rig.redis);
        }
        assert_int_equal(private_redis_start(&rig.redis), CR_OK);
        if (i % 10 == 0) {
            check();
        }
    }
    finish(ROUNDS_WANTED);
}

/* The broker dies, and Redis has lost everything when both come back. */
static void broker_killed_and_redis_emptied(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SWEEP / 6; i++) {
        pid_t pid = child_start(0);
        wait_for_progress(2 * KILL_DEVICES);
        nap_us((long)i * 5 * SWEEP_STEP_US);
        child_kill(pid);
        freeReplyObject(private_redis_command(&rig.redis, "FLUSHALL"));
        world->campaign[0] = '\0'; /* the journal does not have it */
    }
    finish(ROUNDS_WANTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(broker_killed_at_any_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(redis_killed_at_any_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(both_killed_at_any_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broker_killed_and_redis_emptied, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("store kill", tests, NULL, NULL);
}
