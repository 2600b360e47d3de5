/* Every allocation fails in turn, in the libraries too, and never is a bad signature taken for a good one, a good one
 * for a bad one, or anything left behind that crashes. malloc and its kin are this program's own; a sanitizer needs its
 * own, so there nothing is tested and that is said. */
#include "common/key.h"
#include "tests/support/forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
int main(void)
{
    puts("SKIP: a sanitizer owns malloc");
    return 0;
}
#else

/* How many allocations still succeed; negative: all. One fails, then all succeed again. */
static atomic_int left = -1;
static bool failed;

static bool must_fail(void)
{
    if (left < 0) {
        return false;
    }
    if (left-- == 0) {
        failed = true;
        return true;
    }
    return false;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    return must_fail() ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : __libc_calloc(count, size);
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t size)
{
    return must_fail() ? NULL : __libc_realloc(old, size);
}

static const struct cr_key_backend *backend;
static struct forge forge_of_run, *const f = &forge_of_run;
static EVP_PKEY *keys[2];
static const struct cr_bytes message = { (const uint8_t *)"to be signed", 12 };

typedef cr_err attempt_fn(void *ctx);

enum { ALL_UP_TO = 100, STRIDE = 7 }; /* behind the first hundred, every seventh */

/* Fails the first allocation of an attempt, then the second … until one meets no failure any more. After each, all is
 * well again. */
static void fail_each(attempt_fn *attempt, void *ctx, cr_err without_failure, cr_err never)
{
    for (int n = 0;; n += n < ALL_UP_TO ? 1 : STRIDE) {
        assert_in_range(n, 0, 20000);
        failed = false;
        left = n;
        cr_err err = attempt(ctx);
        left = -1;
        if (!failed) {
            assert_int_equal(err, without_failure);
            return;
        }
        /* A library may do without what it did not get: then the answer is the right one. */
        assert_int_not_equal(err, never);
        assert_true(err == without_failure || err == CR_NOMEM || err == CR_CRYPTO);
        assert_int_equal(attempt(ctx), without_failure);
    }
}

struct verification {
    struct cr_public_key key;
    struct cr_bytes sig;
};

static cr_err try_verify(void *ctx)
{
    const struct verification *v = ctx;
    return backend->verify(&v->key, cr_sig_alg_for(v->key.type), message, v->sig);
}

static void verifying(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct verification v;
        struct cr_bytes good = forge_sign(f, keys[k], "SHA256", message);
        struct cr_bytes bad = forge_sign(f, keys[k], "SHA256", TEXT("something else"));
        assert_int_equal(cr_public_key_parse(&v.key, forge_spki(f, keys[k], "uncompressed", "named_curve")), CR_OK);
        v.sig = good;
        fail_each(try_verify, &v, CR_OK, CR_DENIED);
        v.sig = bad;
        fail_each(try_verify, &v, CR_DENIED, CR_OK);
    }
}

static cr_err try_sign(void *ctx)
{
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    const struct cr_private_key *key = ctx;
    return backend->sign(key, cr_sig_alg_for(backend->private_type(key)), message, sig, &sig_len);
}

static void signing(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct cr_private_key *key = NULL;
        assert_int_equal(backend->private_load(&key, forge_private(f, keys[k], true, NULL), NULL), CR_OK);
        fail_each(try_sign, key, CR_OK, CR_DENIED);
        backend->private_free(key);
    }
}

static cr_err try_load(void *ctx)
{
    const struct cr_bytes *pem = ctx;
    struct cr_private_key *key = NULL;
    cr_err err = backend->private_load(&key, *pem, NULL);
    if (err != CR_OK && key != NULL) {
        return CR_BUG;
    }
    backend->private_free(key);
    return err == CR_INVALID ? CR_CRYPTO : err; /* libcrypto's decoders cannot tell why there is no key */
}

static void loading(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct cr_bytes pem = forge_private(f, keys[k], true, NULL);
        fail_each(try_load, &pem, CR_OK, CR_DENIED);
    }
}

static cr_err try_write(void *ctx)
{
    struct cr_blob pem, spki;
    cr_err err = backend->private_pem(ctx, &pem);
    if (err == CR_OK) {
        err = backend->private_spki(ctx, &spki);
        cr_blob_fini(&spki);
    }
    cr_blob_fini(&pem);
    return err;
}

static void writing(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct cr_private_key *key = NULL;
        assert_int_equal(backend->private_load(&key, forge_private(f, keys[k], true, NULL), NULL), CR_OK);
        fail_each(try_write, key, CR_OK, CR_DENIED);
        backend->private_free(key);
    }
}

static cr_err try_weak(void *ctx)
{
    bool weak = true;
    cr_err err = cr_public_key_weak(&weak, ctx);
    return err == CR_OK && weak ? CR_DENIED : err;
}

static void looking_for_weakness(void **state)
{
    (void)state;
    struct cr_public_key key;
    assert_int_equal(cr_public_key_parse(&key, forge_spki(f, keys[1], NULL, NULL)), CR_OK);
    fail_each(try_weak, &key, CR_OK, CR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifying), cmocka_unit_test(signing), cmocka_unit_test(loading),
        cmocka_unit_test(writing),   cmocka_unit_test(looking_for_weakness),
    };
    forge_init(f);
    keys[0] = forge_key_ec(f, "P-256");
    keys[1] = forge_key_rsa(f, 2048, 65537);
    backend = cr_key_libcrypto();
    int failures = cmocka_run_group_tests_name("libcrypto", tests, NULL, NULL);
    backend = cr_key_mbedtls();
    failures += cmocka_run_group_tests_name("mbedtls", tests, NULL, NULL);
    forge_fini(f);
    return failures;
}
#endif
