#include "tests/contract/redis_scene.h"

#include "tests/support/ledger_check.h"

#include <stdio.h>
#include <string.h>

struct rig scene_rig;
const char scene_device[] = "meter-17", scene_slot[] = "operational";

int scene_set_up(void **state)
{
    *state = &scene_rig;
    rig_init(&scene_rig, RIG_REDIS);
    return 0;
}

int scene_tear_down(void **state)
{
    (void)state;
    rig_fini(&scene_rig);
    return 0;
}

int64_t scene_mono_ms(void)
{
    return cr_mono_ms(cr_clock_system());
}

struct cr_cert_facts scene_old_cert(void)
{
    return rig_cert(scene_device, 1, 1, scene_rig.now_s - 80 * RIG_DAY_S, scene_rig.now_s + 10 * RIG_DAY_S);
}

void scene_check_ledger(void)
{
    struct ledger_check_options options = { .redis = scene_rig.redis.socket, .out = stderr };
    struct ledger_check_result result;
    static char path[RIG_BROKERS][160];
    int count = 0;
    for (int i = 0; i < RIG_BROKERS; i++) {
        if (scene_rig.broker[i].rig != NULL) {
            (void)snprintf(path[i], sizeof path[i], "%s/journal.jsonl", scene_rig.broker[i].journal_dir);
            options.journal[count++] = path[i];
        }
    }
    assert_int_equal(ledger_check(&result, &options), CR_OK);
    assert_int_equal(result.wrong, 0);
}

void scene_expect_unavailable(struct cr_job *job)
{
    assert_int_equal(job->outcome, CR_OUT_REFUSED);
    assert_int_equal(job->refusal, CR_REFUSAL_STORE_UNAVAILABLE);
    assert_true(job->retry_after_s > 0);
    cr_job_free(job);
}

/* Asks until it is served. */
struct cr_job *scene_ask_until_served(struct rig_broker *broker, unsigned key)
{
    struct cr_cert_facts old = scene_old_cert();
    for (int64_t end = scene_mono_ms() + RIG_WAIT_MS;;) {
        struct cr_job *job = rig_run(broker, rig_job_csr(broker, scene_device, scene_slot, key, &old));
        if (job->outcome != CR_OUT_REFUSED || job->refusal != CR_REFUSAL_STORE_UNAVAILABLE) {
            return job;
        }
        cr_job_free(job);
        assert_true(scene_mono_ms() < end);
    }
}

void scene_config_set(const char *name, const char *value)
{
    redisReply *reply = private_redis_command(&scene_rig.redis, "CONFIG SET %s %s", name, value);
    assert_non_null(reply);
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
}
