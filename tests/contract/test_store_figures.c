/* FIGURES: the file is written whole or not at all, also while Redis is away; and a survey passes over what is
 * damaged. */
#include "plugin/store/survey.h"
#include "tests/contract/redis_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/cr-figures-XXXXXX";

static struct cr_job *write_figures(struct rig_broker *broker, const char *path, const char *text)
{
    struct cr_job *job = rig_job(broker, CR_OP_FIGURES, "", "");
    (void)snprintf(broker->setup->config.metrics_file, sizeof broker->setup->config.metrics_file, "%s", path);
    assert_int_equal(cr_blob_copy(&job->payload, text, strlen(text)), CR_OK);
    return rig_run(broker, job);
}

static void expect_written(struct rig_broker *broker, const char *path, const char *text)
{
    struct cr_job *job = write_figures(broker, path, text);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    cr_job_free(job);
    char there[64] = "", beside[200];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(there, 1, sizeof there - 1, file), strlen(text));
    (void)fclose(file);
    assert_string_equal(there, text);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    assert_int_equal(access(beside, F_OK), -1);
}

static void expect_refused(struct rig_broker *broker, const char *path, const char *why)
{
    struct cr_job *job = write_figures(broker, path, "x 1\n");
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_string_equal(job->audit_detail, why);
    cr_job_free(job);
}

static void test_writes_the_file(void **state)
{
    (void)state;
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    char path[120], elsewhere[120], beside[130];
    mode_t before = umask(077); /* the file is for others all the same */
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/a.prom", dir);
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", dir);
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    expect_written(broker, path, "one 1\n");
    expect_written(broker, path, "two 2\n");
    assert_int_equal(symlink(elsewhere, beside), 0); /* somebody's link is not followed */
    expect_written(broker, path, "three 3\n");
    assert_int_equal(access(elsewhere, F_OK), -1);

    expect_refused(broker, "/nonexistent/a.prom", "No such file or directory");
    expect_refused(broker, dir, "Is a directory");
    assert_int_equal(access(path, F_OK), 0);
    (void)umask(before);
    rig_close(broker);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_writes_while_redis_is_away(void **state)
{
    (void)state;
    char path[] = "/tmp/cr-figures-away-XXXXXX";
    int fd = mkstemp(path);
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    assert_true(fd >= 0);
    (void)close(fd);
    private_redis_kill(&scene_rig.redis);
    assert_true(rig_wait_connected(broker, false));
    expect_written(broker, path, "away 1\n");
    rig_close(broker);
    (void)unlink(path);
}

static struct cr_survey_counts count(struct rig_broker *broker)
{
    struct cr_job *job = rig_job(broker, CR_OP_SURVEY, "", "");
    job->survey = calloc(1, sizeof *job->survey);
    assert_non_null(job->survey);
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_string_equal(job->survey->cursor, "");
    struct cr_survey_counts counts = job->survey->counts;
    cr_job_free(job);
    return counts;
}

static void test_survey_passes_over_damage(void **state)
{
    (void)state;
    static const char *const values[][2] = {
        { "ls", "lately" },
        { "gap", "-" },
        { "operational:miss", "many" },
        { "operational:fail", "" },
        { "operational:al", "x" },
        { "operational:st", "dancing" },
        { "operational:end", "never" },
        { "operational:crt", "@ " },
    };
    struct rig_broker *broker = rig_open(&scene_rig, "one");
    struct cr_cert_facts old = scene_old_cert();
    struct cr_device_keys keys;
    (void)rig_present(broker, scene_slot, &old);
    rig_keys(&scene_rig, &keys, scene_device, scene_slot);
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        (void)private_redis_integer(&scene_rig.redis, "HSET %s %s %s", keys.device.text, values[i][0], values[i][1]);
        assert_int_equal(count(broker).slots, 1);
    }
    (void)private_redis_integer(&scene_rig.redis, "ZADD %s 1 neither 2 not-there/operational", keys.expiry.text);
    assert_int_equal(count(broker).slots, 1);
    freeReplyObject(private_redis_command(&scene_rig.redis, "SET %s x", keys.device.text));
    assert_int_equal(count(broker).slots, 0);
    freeReplyObject(private_redis_command(&scene_rig.redis, "SET %s x", keys.expiry.text));
    assert_int_equal(count(broker).slots, 0);
    assert_int_equal(rig_audits(&scene_rig, "alarm", NULL), 0);

    struct cr_job *job = rig_job(broker, CR_OP_SURVEY, "", ""); /* figures of another version are none */
    job->survey = calloc(1, sizeof *job->survey);
    assert_non_null(job->survey);
    job->survey->verb = CR_SURVEY_READ;
    (void)private_redis_integer(&scene_rig.redis, "HSET cr:survey at 1800000000 figures nonsense");
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_DONE);
    assert_int_equal(job->survey->at, 0);
    cr_job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writes_the_file, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(test_writes_while_redis_is_away, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(test_survey_passes_over_damage, scene_set_up, scene_tear_down),
    };
    return cmocka_run_group_tests_name("store_figures", tests, NULL, NULL);
}
