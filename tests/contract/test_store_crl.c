/* CRLs on a real Redis: made by one broker, checked and written by each; what is wrong, or dies on the way, leaves what
 * there was. What is revoked is put into Redis by hand. */
#include "common/crl.h"
#include "plugin/store/store_redis.h"
#include "tests/support/private_redis.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SITES = 2, DAY_S = 86400, WAIT_MS = 30000, PATH = 200 };

/* ---- time, and faults ---- */

static atomic_llong ahead_s;
static int64_t wall(const struct cr_clock *clock)
{
    (void)clock;
    return cr_wall_s(cr_clock_system()) + atomic_load(&ahead_s);
}
static int64_t mono(const struct cr_clock *clock)
{
    (void)clock;
    return cr_mono_ms(cr_clock_system());
}
static const struct cr_clock test_clock = { wall, mono };

enum fault { FAULT_NONE, FAULT_FULL, FAULT_READ_ONLY, FAULT_DIES_BUILDING, FAULT_DIES_SYNCING, FAULT_DIES_RENAMING };
static atomic_int fault;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    if (atomic_load(&fault) == FAULT_FULL) {
        errno = ENOSPC;
        return -1;
    }
    if (atomic_load(&fault) == FAULT_DIES_SYNCING) {
        (void)kill(getpid(), SIGKILL);
    }
    return __real_fsync(fd);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    if (atomic_load(&fault) == FAULT_READ_ONLY) {
        errno = EROFS;
        return -1;
    }
    if (atomic_load(&fault) == FAULT_DIES_RENAMING) {
        (void)kill(getpid(), SIGKILL);
    }
    return __real_rename(from, to);
}

cr_err __real_cr_crl_build(struct cr_blob *der, const struct cr_crl_request *request, const struct cr_cert *issuer,
                           enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx);
cr_err __wrap_cr_crl_build(struct cr_blob *der, const struct cr_crl_request *request, const struct cr_cert *issuer,
                           enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx);
cr_err __wrap_cr_crl_build(struct cr_blob *der, const struct cr_crl_request *request, const struct cr_cert *issuer,
                           enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx)
{
    if (atomic_load(&fault) == FAULT_DIES_BUILDING) {
        (void)kill(getpid(), SIGKILL);
    }
    return __real_cr_crl_build(der, request, issuer, alg, sign, sign_ctx);
}

/* ---- brokers ---- */

struct site {
    const char *name;
    char dir[PATH], all[PATH];
    struct cr_setup *setup;
    struct cr_store *store;
    pthread_mutex_t lock;
    uint64_t told;     /* number of the CA's CRL that the loop was told of last */
    unsigned payloads;
    char alarm[200];   /* what operators were last told */
};

static struct {
    struct private_redis redis;
    struct test_ca ca, other; /* the other signs for the broker that has not the CA's key */
    char id[CR_ISSUER_ID_TEXT], other_id[CR_ISSUER_ID_TEXT];
    struct site site[SITES];
    char extra[400];
} world;

static void on_done(void *ctx, struct cr_job *job)
{
    struct site *site = ctx;
    (void)pthread_mutex_lock(&site->lock);
    if (job->op == CR_OP_CRL && job->crl != NULL && strcmp(job->crl->issuer, world.id) == 0) {
        site->told = job->crl->number;
        site->payloads += job->payload.len > 0;
    }
    if (job->alarm == CR_REFUSAL_CRL_FAILED) {
        (void)snprintf(site->alarm, sizeof site->alarm, "%s", job->audit_detail);
    }
    (void)pthread_mutex_unlock(&site->lock);
    cr_job_free(job);
}

static void on_log(void *ctx, char level, const char *text)
{
    const struct site *site = ctx;
    if (getenv("CR_TEST_LOG") != NULL) {
        fprintf(stderr, "%s [%c] %s\n", site->name, level, text);
    }
}

static void on_complaint(void *ctx, unsigned line, const char *sentence)
{
    (void)ctx;
    print_message("%u: %s\n", line, sentence);
}

/* with_key: it signs for the CA; else for the other, and trusts the CA. */
static struct site *site_open(unsigned n, bool with_key)
{
    static const char *const names[SITES] = { "one", "two" };
    struct site *site = &world.site[n];
    char conf[PATH], text[2400], why[200] = "";
    char dir[sizeof world.redis.dir];
    memcpy(dir, world.redis.dir, sizeof dir);
    *site = (struct site){ .name = names[n] };
    (void)pthread_mutex_init(&site->lock, NULL);
    snprintf(site->dir, sizeof site->dir, "%s/%s", dir, site->name);
    snprintf(site->all, sizeof site->all, "%s/%s/all.pem", dir, site->name);
    snprintf(conf, sizeof conf, "%s/%s.conf", dir, site->name);
    (void)mkdir(site->dir, 0755);
    snprintf(text, sizeof text,
             "issuer_certfile %s/%s.pem\nissuer_keyfile %s/%s.key\n%s%s%s\nredis unix:%s\njournal_dir %s/%s.journal\n"
             "broker_name %s\ncrl_file %s\ncrl_dir %s\n%s",
             dir, with_key ? "ca" : "other", dir, with_key ? "ca" : "other", with_key ? "" : "trusted_cafile ",
             with_key ? "" : dir, with_key ? "" : "/ca.pem", world.redis.socket, dir, site->name, site->name, site->all,
             site->dir, world.extra);
    test_file_write(conf, text, strlen(text), 0644);
    assert_int_equal(cr_setup_load(&site->setup, conf, NULL, wall(NULL), on_complaint, NULL), CR_OK);
    const struct cr_store_redis_options options = { .setup = site->setup, .clock = &test_clock, .max_jobs = 16,
                                                    .done = on_done, .done_ctx = site, .log = on_log, .log_ctx = site };
    if (cr_store_redis_new(&site->store, &options, why, sizeof why) != CR_OK) {
        fail_msg("%s", why);
    }
    return site;
}

static void site_close(struct site *site)
{
    if (site->store != NULL) {
        cr_store_free(site->store);
        cr_setup_drop(site->setup);
        (void)pthread_mutex_destroy(&site->lock);
        site->store = NULL;
    }
}

static int set_up(void **state)
{
    const int64_t begins = 1577836800, ends = 2840140800; /* 2020 to 2060 */
    char path[PATH];
    (void)state;
    if (!private_redis_available()) {
        skip();
    }
    memset(&world, 0, sizeof world);
    atomic_store(&ahead_s, 0);
    atomic_store(&fault, FAULT_NONE);
    assert_int_equal(private_redis_new(&world.redis, NULL), CR_OK);
    struct test_ca *const cas[] = { &world.ca, &world.other };
    char *const ids[] = { world.id, world.other_id };
    for (unsigned i = 0; i < 2; i++) {
        char hex[2 * CR_SHA256_LEN + 1];
        test_ca_make_at(cas[i], i == 0 ? "Issuing CA" : "Other CA", NULL, CR_KEY_EC_P256, begins, ends);
        cr_hex_encode(hex, cas[i]->cert.facts.key_hash, CR_SHA256_LEN);
        snprintf(ids[i], CR_ISSUER_ID_TEXT, "%.16s", hex);
        snprintf(path, sizeof path, "%s/%s.pem", world.redis.dir, i == 0 ? "ca" : "other");
        test_file_write_certs(path, (const struct cr_blob *const[]){ &cas[i]->der, NULL });
        snprintf(path, sizeof path, "%s/%s.key", world.redis.dir, i == 0 ? "ca" : "other");
        test_file_write_key(path, cas[i]->key, 0600);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    atomic_store(&fault, FAULT_NONE);
    for (unsigned i = 0; i < SITES; i++) {
        site_close(&world.site[i]);
    }
    private_redis_free(&world.redis);
    test_ca_fini(&world.ca);
    test_ca_fini(&world.other);
    return 0;
}

/* ---- looking ---- */

static struct cr_blob file_read(const char *path)
{
    struct cr_blob blob = { NULL, 0 };
    FILE *file = fopen(path, "r");
    static char bytes[1 << 20];
    if (file != NULL) {
        size_t len = fread(bytes, 1, sizeof bytes, file);
        (void)fclose(file);
        assert_int_equal(cr_blob_copy(&blob, bytes, len), CR_OK);
    }
    return blob;
}

static struct cr_blob crl_of(const struct site *site, const char *id)
{
    char path[PATH + 40];
    snprintf(path, sizeof path, "%s/%s.crl", site->dir, id);
    return file_read(path);
}

/* Of the file in crl_dir; 0: none. Whatever is there, is whole and good. */
static uint64_t number_at(const struct site *site, size_t *count)
{
    const struct cr_crl_expect expect = { &world.ca.cert, cr_key_libcrypto(), cr_wall_s(cr_clock_system()), true, 0 };
    struct cr_blob der = crl_of(site, world.id);
    struct cr_crl crl = { .number = 0 };
    const char *why = "";
    if (der.len > 0 && cr_crl_check(&crl, cr_blob_view(&der), &expect, &why) != CR_OK) {
        fail_msg("%s has a CRL that is none: %s", site->name, why);
    }
    if (count != NULL) {
        *count = crl.count;
    }
    uint64_t number = crl.number;
    cr_blob_fini(&der);
    return number;
}

/* How many CRLs are in crl_file; each is one. */
static unsigned all_count(const struct site *site)
{
    struct cr_blob whole = file_read(site->all), der;
    struct cr_bytes text = cr_blob_view(&whole);
    unsigned count = 0;
    struct cr_crl crl;
    cr_err err;
    while ((err = cr_crl_from_pem(&der, &text)) == CR_OK) {
        assert_int_equal(cr_crl_parse(&crl, cr_blob_view(&der)), CR_OK);
        cr_blob_fini(&der);
        count++;
    }
    assert_int_equal(err, CR_NOT_FOUND);
    cr_blob_fini(&whole);
    return count;
}

static bool heard(struct site *site, const char *words)
{
    (void)pthread_mutex_lock(&site->lock);
    bool found = strstr(site->alarm, words) != NULL;
    (void)pthread_mutex_unlock(&site->lock);
    return found;
}

static uint64_t told(struct site *site)
{
    (void)pthread_mutex_lock(&site->lock);
    uint64_t number = site->told;
    (void)pthread_mutex_unlock(&site->lock);
    return number;
}

#define EVENTUALLY(CONDITION)                                                             \
    for (int64_t end_ms = cr_mono_ms(cr_clock_system()) + WAIT_MS; !(CONDITION);) {       \
        if (cr_mono_ms(cr_clock_system()) > end_ms) {                                     \
            fail_msg("not in time: %s", #CONDITION);                                      \
        }                                                                                 \
        (void)usleep(20000);                                                              \
    }

static void put_revoked(unsigned serial, const char *value)
{
    (void)private_redis_integer(&world.redis, "HSET cr:{revoked}:of:%s %08x %s", world.id, 0x01000000u + serial, value);
    long long version = private_redis_integer(&world.redis, "HINCRBY cr:{revoked}:meta version 1");
    (void)private_redis_integer(&world.redis, "HSET cr:{revoked}:meta v:%s %lld", world.id, version);
}

static bool same_file(const char *a, const char *b)
{
    struct cr_blob left = file_read(a), right = file_read(b);
    bool same = left.len > 0 && cr_bytes_equal(cr_blob_view(&left), cr_blob_view(&right));
    cr_blob_fini(&left);
    cr_blob_fini(&right);
    return same;
}

/* ---- tests ---- */

static void one_makes_it_and_both_write_the_same(void **state)
{
    (void)state;
    size_t count = 0;
    for (unsigned i = 0; i < 2500; i++) { /* more than a page */
        char value[80];
        snprintf(value, sizeof value, "%u 1700000000 1900000000 meter-%u", i % 3, i);
        (void)private_redis_integer(&world.redis, "HSET cr:{revoked}:of:%s %08x %s", world.id, 0x01000000u + i, value);
    }
    struct site *one = site_open(0, true), *two = site_open(1, true);
    EVENTUALLY(number_at(one, NULL) > 0 && number_at(two, NULL) == number_at(one, NULL) && all_count(two) == 1);
    EVENTUALLY(same_file(one->all, two->all));
    uint64_t number = number_at(one, &count);
    assert_int_equal(count, 2500);
    put_revoked(5000, "1 1700000000 1900000000 -");
    put_revoked(5001, "what is this");
    EVENTUALLY(number_at(one, &count) > number && count == 2502);
    EVENTUALLY(number_at(two, &count) > number && count == 2502 && same_file(one->all, two->all));
    EVENTUALLY(told(one) == number_at(one, NULL) && told(two) == told(one));
    /* Each number was made once: as many lines as the number says. */
    site_close(one);
    site_close(two);
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
    struct site *one = site_open(0, true), *two = site_open(1, false);
    EVENTUALLY(number_at(two, NULL) == 1 && all_count(two) == 2);
    site_close(one);
    /* Somebody plants another CA's, one that is cut, one with a lower number than it says. */
    struct cr_blob good = crl_of(two, world.id), foreign = crl_of(two, world.other_id);
    assert_true(foreign.len > 0);
    struct cr_blob before = file_read(two->all), after;
    static const char *const whys[] = { "another issuer", "not all of one", "number is lower" };
    for (unsigned i = 0; i < 3; i++) {
        const struct cr_blob *der = i == 0 ? &foreign : &good;
        freeReplyObject(private_redis_command(&world.redis, "HSET cr:{revoked}:crl:%s number %d der %b", world.id, 50 + i,
                                              der->data, der->len - (i == 1)));
        EVENTUALLY(heard(two, whys[i]));
        assert_int_equal(number_at(two, NULL), 1);
        after = file_read(two->all);
        assert_true(cr_bytes_equal(cr_blob_view(&before), cr_blob_view(&after)));
        cr_blob_fini(&after);
    }
    cr_blob_fini(&before);
    cr_blob_fini(&good);
    cr_blob_fini(&foreign);
    /* Who has the key puts it right, with a higher number. */
    one = site_open(0, true);
    EVENTUALLY(number_at(one, NULL) == 53 && number_at(two, NULL) == 53);
}

static void a_number_never_goes_back(void **state)
{
    (void)state;
    struct site *one = site_open(0, true);
    EVENTUALLY(number_at(one, NULL) == 1);
    put_revoked(1, "0 1700000000 1900000000 -");
    EVENTUALLY(number_at(one, NULL) == 2);
    site_close(one);
    (void)private_redis_integer(&world.redis, "DEL cr:{revoked}:crl:%s", world.id); /* Redis lost it */
    one = site_open(0, true);
    EVENTUALLY(number_at(one, NULL) == 3);
}

static void a_disk_that_is_full_keeps_the_old_file(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        const char *words;
    } faults[] = { { FAULT_FULL, "No space left" }, { FAULT_READ_ONLY, "Read-only" } };
    struct site *one = site_open(0, true);
    char beside[PATH + 20];
    EVENTUALLY(number_at(one, NULL) == 1 && all_count(one) == 1);
    snprintf(beside, sizeof beside, "%s.one.new", one->all);
    for (unsigned i = 0; i < 2; i++) {
        struct cr_blob before = file_read(one->all), after;
        uint64_t number = number_at(one, NULL);
        atomic_store(&fault, faults[i].fault);
        put_revoked(i, "0 1700000000 1900000000 -");
        EVENTUALLY(heard(one, faults[i].words));
        after = file_read(one->all);
        assert_true(cr_bytes_equal(cr_blob_view(&before), cr_blob_view(&after)));
        cr_blob_fini(&before);
        cr_blob_fini(&after);
        assert_int_equal(number_at(one, NULL), number);
        assert_int_equal(access(beside, F_OK), -1);
        assert_int_equal(told(one), number + 1); /* in force all the same, for whoever hears of it */
        atomic_store(&fault, FAULT_NONE);
        EVENTUALLY(number_at(one, NULL) == number + 1); /* tried again by itself */
    }
}

static void one_that_dies_leaves_the_rest_to_others(void **state)
{
    (void)state;
    struct site *one = site_open(0, true);
    EVENTUALLY(number_at(one, NULL) == 1 && all_count(one) == 1);
    site_close(one);
    for (int at = FAULT_DIES_BUILDING; at <= FAULT_DIES_RENAMING; at++) {
        uint64_t number = number_at(one, NULL);
        int status = 0;
        put_revoked((unsigned)at, "0 1700000000 1900000000 -");
        pid_t child = fork();
        if (child == 0) {
            atomic_store(&fault, at);
            (void)site_open(0, true);
            (void)alarm(30);
            for (;;) {
                (void)pause();
            }
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(number_at(one, NULL), number); /* the old one, and whole */
        assert_int_equal(all_count(one), 1);
        if (at == FAULT_DIES_BUILDING) { /* its claim ends by itself, some time */
            assert_in_range(private_redis_integer(&world.redis, "PTTL cr:{revoked}:making:%s", world.id), 1, 60000);
            (void)private_redis_integer(&world.redis, "PEXPIRE cr:{revoked}:making:%s 100", world.id);
        }
        struct site *two = site_open(1, true);
        EVENTUALLY(number_at(two, NULL) > number && all_count(two) == 1);
        site_close(two);
        one = site_open(0, true);
        EVENTUALLY(number_at(one, NULL) == number_at(two, NULL) && same_file(one->all, two->all));
        site_close(one);
    }
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
    test_file_write(path, text, strlen(text), 0644);
    struct site *one = site_open(0, true);
    EVENTUALLY(heard(one, "nextUpdate has passed"));
    assert_int_equal(all_count(one), 0); /* not a part of it */
    assert_int_equal(number_at(one, NULL), 1);
    text[strlen(text) / 2] = '\0';
    test_file_write(path, text, strlen(text), 0644);
    EVENTUALLY(heard(one, "not all of one"));
    text[0] = '\0';
    assert_int_equal(cr_crl_to_pem(text, sizeof text, cr_blob_view(&good)), CR_OK);
    test_file_write(path, text, strlen(text), 0644);
    EVENTUALLY(all_count(one) == 2);
    cr_blob_fini(&good);
    cr_blob_fini(&over);
    test_ca_fini(&factory);
}

static void what_gets_old_is_told(void **state)
{
    (void)state;
    struct site *one = site_open(0, true), *two = site_open(1, false);
    EVENTUALLY(number_at(two, NULL) == 1);
    site_close(one);
    atomic_store(&ahead_s, 3 * DAY_S); /* one was due two days ago, four are left */
    for (int64_t end_ms = mono(NULL) + 2500; mono(NULL) < end_ms;) { /* two rounds: nothing is to be heard */
        assert_false(heard(two, "it ends at"));
        (void)usleep(50000);
    }
    atomic_store(&ahead_s, 4 * DAY_S + 60);
    EVENTUALLY(heard(two, "it ends at"));
    atomic_store(&ahead_s, 7 * DAY_S + 60);
    EVENTUALLY(heard(two, "it ended at"));
    /* A refresh, once its maker is back; long before the end. */
    atomic_store(&ahead_s, DAY_S + 60);
    one = site_open(0, true);
    EVENTUALLY(told(one) == 2 && told(two) == 2);
}

static void after_a_restart_it_is_told_again_without_redis(void **state)
{
    (void)state;
    struct site *one = site_open(0, true);
    EVENTUALLY(number_at(one, NULL) == 1);
    site_close(one);
    private_redis_kill(&world.redis);
    one = site_open(0, true);
    EVENTUALLY(told(one) == 1 && one->payloads == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_makes_it_and_both_write_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_without_the_key_takes_what_it_can_check, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_never_goes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_is_full_keeps_the_old_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_dies_leaves_the_rest_to_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_included_has_to_be_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_gets_old_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_restart_it_is_told_again_without_redis, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("store_crl", tests, NULL, NULL);
}
