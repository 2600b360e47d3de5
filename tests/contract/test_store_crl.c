/* CRLs on a real Redis: made by one broker, checked and written by each; what is wrong, or dies on the way, leaves what
 * there was. */
#include "tests/contract/crl_scene.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static void one_makes_it_and_both_write_the_same(void **state)
{
    (void)state;
    size_t count = 0;
    for (unsigned i = 0; i < 2500; i++) { /* more than a page */
        char value[80];
        snprintf(value, sizeof value, "%u 1700000000 1900000000 meter-%u", i % 3, i);
        (void)private_redis_integer(&world.redis, "HSET cr:{revoked}:of:%s %08x %s", world.id, 0x01000000u + i, value);
    }
    struct site *one = scene_open(0, true), *two = scene_open(1, true);
    EVENTUALLY(scene_number(one, NULL) > 0 && scene_number(two, NULL) == scene_number(one, NULL) && scene_all(two) == 1);
    EVENTUALLY(scene_same(one->all, two->all));
    uint64_t number = scene_number(one, &count);
    assert_int_equal(count, 2500);
    scene_revoke(5000, "1 1700000000 1900000000 -");
    scene_revoke(5001, "what is this");
    EVENTUALLY(scene_number(one, &count) > number && count == 2502);
    EVENTUALLY(scene_number(two, &count) > number && count == 2502 && scene_same(one->all, two->all));
    EVENTUALLY(scene_told(one) == scene_number(one, NULL) && scene_told(two) == scene_told(one));
    /* Each number was made once: as many lines as the number says. */
    scene_close(one);
    scene_close(two);
    long long lines = 0;
    redisReply *reply = private_redis_command(&world.redis, "XRANGE cr:audit - +");
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *fields = reply->element[i]->element[1];
        for (size_t k = 0; k + 1 < fields->elements; k += 2) {
            lines += strcmp(fields->element[k]->str, "what") == 0 && strcmp(fields->element[k + 1]->str, "crl") == 0;
        }
    }
    freeReplyObject(reply);
    assert_int_equal(lines, private_redis_integer(&world.redis, "HINCRBY cr:{revoked}:crl:%s number 0", world.id));
}

static void one_without_the_key_takes_what_it_can_check(void **state)
{
    (void)state;
    struct site *one = scene_open(0, true), *two = scene_open(1, false);
    EVENTUALLY(scene_number(two, NULL) == 1 && scene_all(two) == 2);
    scene_close(one);
    /* Somebody plants another CA's, one that is cut, one with a lower number than it says. */
    struct cr_blob good = scene_crl(two, world.id), foreign = scene_crl(two, world.other_id);
    assert_true(foreign.len > 0);
    struct cr_blob before = scene_file(two->all), after;
    static const char *const whys[] = { "another issuer", "not all of one", "number is lower" };
    for (unsigned i = 0; i < 3; i++) {
        const struct cr_blob *der = i == 0 ? &foreign : &good;
        freeReplyObject(private_redis_command(&world.redis, "HSET cr:{revoked}:crl:%s number %d der %b", world.id, 50 + i,
                                              der->data, der->len - (i == 1)));
        EVENTUALLY(scene_heard(two, whys[i]));
        assert_int_equal(scene_number(two, NULL), 1);
        after = scene_file(two->all);
        assert_true(cr_bytes_equal(cr_blob_view(&before), cr_blob_view(&after)));
        cr_blob_fini(&after);
    }
    cr_blob_fini(&before);
    cr_blob_fini(&good);
    cr_blob_fini(&foreign);
    /* Who has the key puts it right, with a higher number. */
    one = scene_open(0, true);
    EVENTUALLY(scene_number(one, NULL) == 53 && scene_number(two, NULL) == 53);
}

static void a_number_never_goes_back(void **state)
{
    (void)state;
    struct site *one = scene_open(0, true);
    EVENTUALLY(scene_number(one, NULL) == 1);
    scene_revoke(1, "0 1700000000 1900000000 -");
    EVENTUALLY(scene_number(one, NULL) == 2);
    scene_close(one);
    (void)private_redis_integer(&world.redis, "DEL cr:{revoked}:crl:%s", world.id); /* Redis lost it */
    one = scene_open(0, true);
    EVENTUALLY(scene_number(one, NULL) == 3);
}

/* What Redis has of it is damaged: it is made anew, or it would end, and a broker that reads it lets nobody in. */
static void a_damaged_one_is_made_anew(void **state)
{
    struct site *one = scene_open(0, true);
    (void)state;
    EVENTUALLY(scene_number(one, NULL) == 1);
    (void)private_redis_integer(&world.redis, "HSET cr:{revoked}:crl:%s number x1", world.id);
    EVENTUALLY(scene_number(one, NULL) == 2);
    (void)private_redis_integer(&world.redis, "DEL cr:{revoked}:crl:%s", world.id);
    (void)private_redis_integer(&world.redis, "LPUSH cr:{revoked}:crl:%s x", world.id);
    EVENTUALLY(scene_number(one, NULL) >= 3 && scene_told(one) >= 3);
    (void)private_redis_integer(&world.redis, "HSET cr:{revoked}:crl:%s next 9999999999999999", world.id);
    EVENTUALLY(scene_number(one, NULL) >= 4);
}

static void a_disk_that_is_full_keeps_the_old_file(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        const char *words;
    } faults[] = { { FAULT_FULL, "No space left" }, { FAULT_READ_ONLY, "Read-only" } };
    struct site *one = scene_open(0, true);
    char beside[PATH + 20];
    EVENTUALLY(scene_number(one, NULL) == 1 && scene_all(one) == 1);
    snprintf(beside, sizeof beside, "%s.one.new", one->all);
    for (unsigned i = 0; i < 2; i++) {
        struct cr_blob before = scene_file(one->all), after;
        uint64_t number = scene_number(one, NULL);
        atomic_store(&crl_fault, faults[i].fault);
        scene_revoke(i, "0 1700000000 1900000000 -");
        EVENTUALLY(scene_heard(one, faults[i].words));
        after = scene_file(one->all);
        assert_true(cr_bytes_equal(cr_blob_view(&before), cr_blob_view(&after)));
        cr_blob_fini(&before);
        cr_blob_fini(&after);
        assert_int_equal(scene_number(one, NULL), number);
        EVENTUALLY(access(beside, F_OK) == -1);
        EVENTUALLY(scene_told(one) == number + 1); /* in force all the same, for whoever hears of it */
        assert_int_equal(scene_number(one, NULL), number);
        atomic_store(&crl_fault, FAULT_NONE);
        EVENTUALLY(scene_number(one, NULL) == number + 1); /* tried again by itself */
    }
}

#if defined(__SANITIZE_THREAD__)
/* A child is made while libuv's pool has threads; libuv begins a new one there. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void); /* to be seen by a shared libtsan */
const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}
#endif

static void one_that_dies_leaves_the_rest_to_others(void **state)
{
    (void)state;
    struct site *one = scene_open(0, true);
    EVENTUALLY(scene_number(one, NULL) == 1 && scene_all(one) == 1);
    scene_close(one);
    for (int at = FAULT_DIES_BUILDING; at <= FAULT_DIES_RENAMING; at++) {
        uint64_t number = scene_number(one, NULL);
        int status = 0;
        scene_revoke((unsigned)at, "0 1700000000 1900000000 -");
        pid_t child = fork();
        if (child == 0) {
            atomic_store(&crl_fault, at);
            (void)scene_open(0, true);
            (void)alarm(30);
            for (;;) {
                (void)pause();
            }
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(scene_number(one, NULL), number); /* the old one, and whole */
        assert_int_equal(scene_all(one), 1);
        if (at == FAULT_DIES_BUILDING) { /* its claim ends by itself, some time */
            assert_in_range(private_redis_integer(&world.redis, "PTTL cr:{revoked}:making:%s", world.id), 1, 60000);
            (void)private_redis_integer(&world.redis, "PEXPIRE cr:{revoked}:making:%s 100", world.id);
        }
        struct site *two = scene_open(1, true);
        EVENTUALLY(scene_number(two, NULL) > number && scene_all(two) == 1);
        scene_close(two);
        one = scene_open(0, true);
        EVENTUALLY(scene_number(one, NULL) == scene_number(two, NULL) && scene_same(one->all, two->all));
        scene_close(one);
    }
}

static bool file_has(const char *path, const char *text)
{
    struct cr_blob all = scene_file(path);
    bool has = all.len > 0 && memmem(all.data, all.len, text, strlen(text)) != NULL;
    cr_blob_fini(&all);
    return has;
}

static void what_is_included_has_to_be_good(void **state)
{
    (void)state;
    char path[PATH], text[4096] = "";
    const int64_t now_s = cr_wall_s(cr_clock_system());
    struct test_ca factory;
    struct cr_blob good, over;
    test_ca_make_at(&factory, "Factory CA", NULL, CR_KEY_EC_P256, 1577836800, 2840140800);
    const struct cr_crl_request requests[] = { { 1, now_s - 60, now_s + DAY_S, NULL, 0 }, { 1, now_s - 60, now_s - 1, NULL, 0 } };
    assert_int_equal(cr_crl_build(&good, &requests[0], &factory.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &factory), CR_OK);
    assert_int_equal(cr_crl_build(&over, &requests[1], &factory.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &factory), CR_OK);
    snprintf(path, sizeof path, "%s/factory.crl", world.redis.dir);
    snprintf(world.extra, sizeof world.extra, "crl_include %s\n", path);
    assert_int_equal(cr_crl_to_pem(text, sizeof text, cr_blob_view(&over)), CR_OK);
    test_file_write(path, text, strlen(text) / 2, 0644);
    struct site *one = scene_open(0, true);
    EVENTUALLY(scene_heard(one, "not all of one"));
    assert_int_equal(scene_all(one), 0); /* not a part of it */
    assert_int_equal(scene_number(one, NULL), 1);
    test_file_write(path, text, strlen(text), 0644); /* what has ended does not keep ours from being renewed */
    EVENTUALLY(scene_heard(one, "nextUpdate has passed"));
    EVENTUALLY(scene_all(one) == 2);
    text[0] = '\0';
    assert_int_equal(cr_crl_to_pem(text, sizeof text, cr_blob_view(&good)), CR_OK);
    test_file_write(path, text, strlen(text), 0644);
    EVENTUALLY(file_has(one->all, text));
    cr_blob_fini(&good);
    cr_blob_fini(&over);
    test_ca_fini(&factory);
}

static void what_gets_old_is_told(void **state)
{
    (void)state;
    struct site *one = scene_open(0, true), *two = scene_open(1, false);
    EVENTUALLY(scene_number(two, NULL) == 1);
    scene_close(one);
    atomic_store(&crl_ahead_s, 3 * DAY_S); /* one was due two days ago, four are left */
    for (int64_t end_ms = cr_mono_ms(cr_clock_system()) + 2500; cr_mono_ms(cr_clock_system()) < end_ms;) { /* two rounds: nothing is to be heard */
        assert_false(scene_heard(two, "it ends at"));
        (void)usleep(50000);
    }
    atomic_store(&crl_ahead_s, 4 * DAY_S + 60);
    EVENTUALLY(scene_heard(two, "it ends at"));
    atomic_store(&crl_ahead_s, 7 * DAY_S + 60);
    EVENTUALLY(scene_heard(two, "it ended at"));
    /* A refresh, once its maker is back; long before the end. */
    atomic_store(&crl_ahead_s, DAY_S + 60);
    one = scene_open(0, true);
    EVENTUALLY(scene_told(one) == 2 && scene_told(two) == 2);
}

static void after_a_restart_it_is_told_again_without_redis(void **state)
{
    (void)state;
    struct site *one = scene_open(0, true);
    EVENTUALLY(scene_number(one, NULL) == 1);
    scene_close(one);
    private_redis_kill(&world.redis);
    one = scene_open(0, true);
    EVENTUALLY(scene_told(one) == 1 && one->payloads == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_makes_it_and_both_write_the_same, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(one_without_the_key_takes_what_it_can_check, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_number_never_goes_back, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_one_is_made_anew, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_is_full_keeps_the_old_file, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(one_that_dies_leaves_the_rest_to_others, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(what_is_included_has_to_be_good, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(what_gets_old_is_told, scene_set_up, scene_tear_down),
        cmocka_unit_test_setup_teardown(after_a_restart_it_is_told_again_without_redis, scene_set_up, scene_tear_down),
    };
    return cmocka_run_group_tests_name("store_crl", tests, NULL, NULL);
}
