/* Every way in which Redis can answer badly (hostile 89-91, 93): nothing is issued, the device is told when to try
 * again, and the store recovers by itself. Redis is played by fake_resp. */
#include "tests/contract/store_rig.h"
#include "tests/support/fake_resp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char device[] = "meter-17", slot[] = "operational";

struct scene {
    struct rig rig;
    struct fake_resp *fake;
    struct rig_broker *broker;
};
static struct scene scene;

static int set_up(void **state)
{
    rig_init(&scene.rig, RIG_REDIS); /* for its directory */
    assert_int_equal(fake_resp_new(&scene.fake), CR_OK);
    scene.rig.address = fake_resp_path(scene.fake);
    scene.rig.timeout_ms = 300;
    scene.broker = rig_open(&scene.rig, "one");
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&scene.rig);
    fake_resp_free(scene.fake);
    return 0;
}

static struct cr_job *ask(void)
{
    struct cr_cert_facts old = rig_cert(device, 1, 1, scene.rig.now_s - 80 * RIG_DAY_S, scene.rig.now_s + RIG_DAY_S);
    return rig_run(scene.broker, rig_job_csr(scene.broker, device, slot, 2, &old));
}

/* It is told when to try again, and nothing went on to be signed. */
static void expect_unavailable(struct cr_job *job)
{
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, CR_REFUSAL_STORE_UNAVAILABLE);
    assert_int_equal(job->stage, CR_STAGE_DONE);
    assert_true(job->retry_after_s > 0);
    assert_int_equal(job->certificate.len, 0);
    cr_job_free(job);
}

static void expect_recovery(void)
{
    fake_resp_scripts(scene.fake, NULL);
    fake_resp_claims(scene.fake, NULL);
    fake_resp_meta(scene.fake, NULL);
    int64_t end = cr_mono_ms(cr_clock_system()) + RIG_WAIT_MS;
    for (;;) {
        struct cr_job *job = ask();
        bool well = job->outcome == CR_OUT_NONE;
        cr_job_free(job);
        if (well) {
            break;
        }
        assert_true(cr_mono_ms(cr_clock_system()) < end);
    }
    assert_true(rig_wait_connected(scene.broker, true));
}

/* An error, as the answer to the script and as the answer to the claim of the key. */
static void refused_and_recovers(const char *error)
{
    char line[200];
    (void)snprintf(line, sizeof line, "-%s\r\n", error);
    fake_resp_scripts(scene.fake, line);
    expect_unavailable(ask());
    expect_recovery();
    fake_resp_claims(scene.fake, line);
    expect_unavailable(ask());
    expect_recovery();
}

#define REFUSED(NAME, ERROR)                 \
    static void NAME(void **state)           \
    {                                        \
        (void)state;                         \
        refused_and_recovers(ERROR);         \
    }
REFUSED(hostile_90_readonly, "READONLY You can't write against a read only replica.")
REFUSED(hostile_90_oom, "OOM command not allowed when used memory > 'maxmemory'.")
REFUSED(hostile_90_loading, "LOADING Redis is loading the dataset in memory")
REFUSED(hostile_90_misconf, "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist.")
REFUSED(hostile_90_noauth, "NOAUTH Authentication required.")
REFUSED(hostile_90_noperm, "NOPERM this user has no permissions to run the 'evalsha' command")
REFUSED(hostile_90_noscript, "NOSCRIPT No matching script. Please use EVAL.")
REFUSED(hostile_90_busy, "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.")
REFUSED(hostile_90_masterdown, "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
REFUSED(hostile_90_noreplicas, "NOREPLICAS Not enough good replicas to write.")
REFUSED(hostile_89_wrongtype, "WRONGTYPE Operation against a key holding the wrong kind of value")
REFUSED(
    hostile_90_inside_a_script,
    "ERR Error running script (call to f_ab): @user_script:12: -OOM command not allowed when used memory > 'maxmemory'")
REFUSED(hostile_94_script_stumbles, "ERR user_script:27: CORRUPT operational:gen script: ab, on @user_script:27.")

static void hostile_89_damaged_records_raise_an_alarm(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "$-1\r\n",                                              /* nil */
        ":1\r\n",                                               /* a number */
        "*0\r\n",                                               /* nothing */
        "*2\r\n$2\r\ngo\r\n$0\r\n\r\n",                         /* too short */
        "*5\r\n$2\r\ngo\r\n$0\r\n\r\n$-1\r\n$1\r\n0\r\n$1\r\n1\r\n", /* nil within */
        "*5\r\n$2\r\ngo\r\n$0\r\n\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\n1\r\n", /* not a number */
        "*2\r\n$7\r\nforeign\r\n$0\r\n\r\n",                    /* another device's record */
        "*5\r\n$5\r\nwhat?\r\n$0\r\n\r\n$0\r\n\r\n$1\r\n0\r\n$1\r\n0\r\n",
        "*9\r\n$4\r\nsame\r\n$0\r\n\r\n$0\r\n\r\n$1\r\n0\r\n$1\r\n0\r\n$2\r\nzz\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\nx\r\n",
    };
    for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        fake_resp_scripts(scene.fake, answers[i]);
        expect_unavailable(ask());
        rig_expect_audits(&scene.rig, "alarm", device, i + 1);
    }
    expect_recovery();
    assert_int_equal(fake_resp_connections(scene.fake), 1); /* one record's damage is no reason to leave */
}

static void hostile_91_broken_protocol_means_reconnect(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "",                                /* the connection ends instead */
        "*2\r\n$7\r\nrec",                 /* half an answer, then nothing */
        "?nonsense\r\n",                   /* no such type */
        "*1000000000\r\n",                 /* would need gigabytes */
        "*-7\r\n",                         /* fewer than none */
        "$99999999999999999999\r\n",       /* no number */
        "*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n", /* nested beyond reason */
    };
    for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        unsigned before = fake_resp_connections(scene.fake);
        fake_resp_scripts(scene.fake, answers[i]);
        expect_unavailable(ask());
        expect_recovery();
        assert_true(fake_resp_connections(scene.fake) > before);
    }
}

static void hostile_94_old_schema_is_not_served(void **state)
{
    (void)state;
    static const char *const metas[] = {
        "*3\r\n$1\r\n9\r\n$1\r\n4\r\n$5\r\nepoch\r\n",   /* another version's */
        "*3\r\n$-1\r\n$1\r\n4\r\n$5\r\nepoch\r\n",       /* none */
        "*3\r\n$1\r\n1\r\n$1\r\n0\r\n$5\r\nepoch\r\n",   /* no buckets */
        "*3\r\n$1\r\n1\r\n$4\r\nmany\r\n$5\r\nepoch\r\n",
        "*3\r\n$1\r\n1\r\n$1\r\n4\r\n$-1\r\n",
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    };
    for (unsigned i = 0; i < sizeof metas / sizeof metas[0]; i++) {
        fake_resp_meta(scene.fake, metas[i]);
        fake_resp_scripts(scene.fake, ""); /* ends the connection */
        expect_unavailable(ask());
        assert_true(rig_wait_connected(scene.broker, false));
        unsigned seen = fake_resp_scripts_seen(scene.fake);
        expect_unavailable(ask());
        assert_int_equal(fake_resp_scripts_seen(scene.fake), seen); /* it was not even asked */
        assert_string_not_equal(rig_health(scene.broker).problem, "");
        expect_recovery();
    }
}

static void hostile_93_lost_answer_is_asked_again(void **state)
{
    (void)state;
    rig_close(scene.broker); /* one connection at a time */
    scene.rig.timeout_ms = 2000;
    struct rig_broker *broker = rig_open(&scene.rig, "two");
    fake_resp_scripts(scene.fake, ""); /* carried out or not: the answer is lost */
    struct cr_cert_facts old = rig_cert(device, 1, 1, scene.rig.now_s - 80 * RIG_DAY_S, scene.rig.now_s + RIG_DAY_S);
    unsigned seen = fake_resp_scripts_seen(scene.fake);
    rig_submit(broker, rig_job_csr(broker, device, slot, 2, &old));
    int64_t end = cr_mono_ms(cr_clock_system()) + RIG_WAIT_MS;
    while (fake_resp_scripts_seen(scene.fake) == seen && cr_mono_ms(cr_clock_system()) < end) {
    }
    fake_resp_scripts(scene.fake, NULL);
    struct cr_job *job = rig_next(broker, RIG_WAIT_MS);
    assert_non_null(job);
    assert_int_equal(job->outcome, CR_OUT_NONE);
    cr_job_free(job);
}

int main(void)
{
#define ERROR_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ERROR_TEST(hostile_90_readonly),
        ERROR_TEST(hostile_90_oom),
        ERROR_TEST(hostile_90_loading),
        ERROR_TEST(hostile_90_misconf),
        ERROR_TEST(hostile_90_noauth),
        ERROR_TEST(hostile_90_noperm),
        ERROR_TEST(hostile_90_noscript),
        ERROR_TEST(hostile_90_busy),
        ERROR_TEST(hostile_90_masterdown),
        ERROR_TEST(hostile_90_noreplicas),
        ERROR_TEST(hostile_90_inside_a_script),
        ERROR_TEST(hostile_89_wrongtype),
        ERROR_TEST(hostile_94_script_stumbles),
        ERROR_TEST(hostile_89_damaged_records_raise_an_alarm),
        ERROR_TEST(hostile_91_broken_protocol_means_reconnect),
        ERROR_TEST(hostile_94_old_schema_is_not_served),
        ERROR_TEST(hostile_93_lost_answer_is_asked_again),
    };
    return cmocka_run_group_tests_name("store errors", tests, NULL, NULL);
}
