#include "tests/contract/crl_scene.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- time, and faults ---- */

atomic_llong crl_ahead_s;
static int64_t wall(const struct cr_clock *clock)
{
    (void)clock;
    return cr_wall_s(cr_clock_system()) + atomic_load(&crl_ahead_s);
}
static int64_t mono(const struct cr_clock *clock)
{
    (void)clock;
    return cr_mono_ms(cr_clock_system());
}
static const struct cr_clock test_clock = { wall, mono };

atomic_int crl_fault;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    if (atomic_load(&crl_fault) == FAULT_FULL) {
        errno = ENOSPC;
        return -1;
    }
    if (atomic_load(&crl_fault) == FAULT_DIES_SYNCING) {
        (void)kill(getpid(), SIGKILL);
    }
    return __real_fsync(fd);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    if (atomic_load(&crl_fault) == FAULT_READ_ONLY) {
        errno = EROFS;
        return -1;
    }
    if (atomic_load(&crl_fault) == FAULT_DIES_RENAMING) {
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
    if (atomic_load(&crl_fault) == FAULT_DIES_BUILDING) {
        (void)kill(getpid(), SIGKILL);
    }
    return __real_cr_crl_build(der, request, issuer, alg, sign, sign_ctx);
}

/* ---- brokers ---- */

struct crl_world world;

static void on_done(void *ctx, struct cr_job *job)
{
    struct site *site = ctx;
    (void)pthread_mutex_lock(&site->lock);
    if (job->op == CR_OP_CRL && job->crl != NULL && strcmp(job->crl->issuer, world.id) == 0) {
        site->told = job->crl->number;
        site->payloads += job->payload.len > 0;
    }
    if (job->alarm == CR_REFUSAL_CRL_FAILED) {
        size_t len = strlen(site->alarm);
        (void)snprintf(site->alarm + len, sizeof site->alarm - len, "%s\n", job->audit_detail);
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
struct site *scene_open(unsigned n, bool with_key)
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

void scene_close(struct site *site)
{
    if (site->store != NULL) {
        cr_store_free(site->store);
        cr_setup_drop(site->setup);
        (void)pthread_mutex_destroy(&site->lock);
        site->store = NULL;
    }
}

int scene_set_up(void **state)
{
    const int64_t begins = 1577836800, ends = 2840140800; /* 2020 to 2060 */
    char path[PATH];
    (void)state;
    if (!private_redis_available()) {
        skip();
    }
    memset(&world, 0, sizeof world);
    atomic_store(&crl_ahead_s, 0);
    atomic_store(&crl_fault, FAULT_NONE);
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

int scene_tear_down(void **state)
{
    (void)state;
    atomic_store(&crl_fault, FAULT_NONE);
    for (unsigned i = 0; i < SITES; i++) {
        scene_close(&world.site[i]);
    }
    private_redis_free(&world.redis);
    test_ca_fini(&world.ca);
    test_ca_fini(&world.other);
    return 0;
}

/* ---- looking ---- */

struct cr_blob scene_file(const char *path)
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

struct cr_blob scene_crl(const struct site *site, const char *id)
{
    char path[PATH + 40];
    snprintf(path, sizeof path, "%s/%s.crl", site->dir, id);
    return scene_file(path);
}

/* Of the file in crl_dir; 0: none. Whatever is there, is whole and good. */
uint64_t scene_number(const struct site *site, size_t *count)
{
    const struct cr_crl_expect expect = { &world.ca.cert, cr_key_libcrypto(), cr_wall_s(cr_clock_system()), true, 0 };
    struct cr_blob der = scene_crl(site, world.id);
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
unsigned scene_all(const struct site *site)
{
    struct cr_blob whole = scene_file(site->all), der;
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

bool scene_heard(struct site *site, const char *words)
{
    (void)pthread_mutex_lock(&site->lock);
    bool found = strstr(site->alarm, words) != NULL;
    (void)pthread_mutex_unlock(&site->lock);
    return found;
}

uint64_t scene_told(struct site *site)
{
    (void)pthread_mutex_lock(&site->lock);
    uint64_t number = site->told;
    (void)pthread_mutex_unlock(&site->lock);
    return number;
}

void scene_revoke(unsigned serial, const char *value)
{
    (void)private_redis_integer(&world.redis, "HSET cr:{revoked}:of:%s %08x %s", world.id, 0x01000000u + serial, value);
    long long version = private_redis_integer(&world.redis, "HINCRBY cr:{revoked}:meta version 1");
    (void)private_redis_integer(&world.redis, "HSET cr:{revoked}:meta v:%s %lld", world.id, version);
}

bool scene_same(const char *a, const char *b)
{
    struct cr_blob left = scene_file(a), right = scene_file(b);
    bool same = left.len > 0 && cr_bytes_equal(cr_blob_view(&left), cr_blob_view(&right));
    cr_blob_fini(&left);
    cr_blob_fini(&right);
    return same;
}
