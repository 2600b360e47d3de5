/* What an issuer signs with: a key that a library has only while it signs, when there is no core dump; and where its
 * passphrase may come from. */
#include "plugin/worker/secret_file.h"
#include "plugin/worker/signer.h"
#include "plugin/worker/undumped.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static const struct cr_bytes message = { (const uint8_t *)"to be signed", 12 };

static int dumpable(void)
{
    return prctl(PR_GET_DUMPABLE);
}

static void a_key_is_written_and_signs_once(void **state)
{
    (void)state;
    const struct cr_key_backend *const backends[] = { cr_key_libcrypto(), cr_key_mbedtls() };
    static const enum cr_key_type types[] = { CR_KEY_EC_P256, CR_KEY_EC_P384, CR_KEY_RSA };
    for (int i = 0; i < 6; i++) {
        const struct cr_key_backend *backend = backends[i % 2], *other = backends[1 - i % 2];
        struct cr_private_key *key = NULL;
        struct cr_blob spki;
        struct cr_public_key public_key;
        uint8_t der[CR_KEY_DER_MAX], sig[CR_SIGNATURE_MAX];
        size_t len = 20, sig_len = sizeof sig;
        enum cr_key_type type = types[i / 2];
        enum cr_sig_alg alg = cr_sig_alg_for(type);
        assert_int_equal(backend->private_make(&key, type, 2048), CR_OK);
        assert_int_equal(backend->private_spki(key, &spki), CR_OK);
        assert_int_equal(cr_public_key_parse(&public_key, cr_blob_view(&spki)), CR_OK);
        memset(der, 0x55, sizeof der);
        assert_int_equal(backend->private_der(key, der, &len), CR_FULL);
        assert_int_equal(len, 0);
        for (int at = 0; at < 20; at++) {
            assert_int_equal(der[at], 0);
        }
        len = sizeof der;
        assert_int_equal(backend->private_der(key, der, &len), CR_OK);
        /* either library signs with what either wrote */
        assert_int_equal(other->sign_once((struct cr_bytes){ der, len }, alg, message, sig, &sig_len), CR_OK);
        assert_int_equal(backend->verify(&public_key, alg, message, (struct cr_bytes){ sig, sig_len }), CR_OK);
        sig_len = sizeof sig;
        assert_int_equal(backend->sign_once((struct cr_bytes){ der, len }, alg, message, sig, &sig_len), CR_OK);
        assert_int_equal(other->verify(&public_key, alg, message, (struct cr_bytes){ sig, sig_len }), CR_OK);
        /* not for another kind of key, not with half of one */
        assert_int_equal(backend->sign_once((struct cr_bytes){ der, len },
                                            type == CR_KEY_RSA ? CR_SIG_ECDSA_SHA256 : CR_SIG_RSA_SHA256, message, sig,
                                            &sig_len),
                         CR_INVALID);
        assert_int_equal(backend->sign_once((struct cr_bytes){ der, len / 2 }, alg, message, sig, &sig_len), CR_INVALID);
        cr_blob_fini(&spki);
        backend->private_free(key);
    }
}

static void the_last_that_leaves_lets_cores_be_again(void **state)
{
    (void)state;
    assert_int_equal(dumpable(), 1);
    cr_undumped_enter();
    assert_int_equal(dumpable(), 0);
    cr_undumped_enter();
    cr_undumped_leave();
    assert_int_equal(dumpable(), 0);
    cr_undumped_leave();
    assert_int_equal(dumpable(), 1);
    /* who could not be dumped before cannot be after */
    assert_int_equal(prctl(PR_SET_DUMPABLE, 0), 0);
    cr_undumped_enter();
    cr_undumped_leave();
    assert_int_equal(dumpable(), 0);
    assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
}

static void *come_and_go(void *failures)
{
    for (int i = 0; i < 500; i++) {
        cr_undumped_enter();
        *(unsigned *)failures += dumpable() != 0;
        cr_undumped_leave();
    }
    return NULL;
}

static void several_threads_come_and_go(void **state)
{
    (void)state;
    pthread_t threads[4];
    unsigned failures[4] = { 0 };
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &failures[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(failures[i], 0);
    }
    assert_int_equal(dumpable(), 1);
}

/* A library that tells when it has the key. */
static unsigned calls, calls_that_could_be_dumped;

static cr_err watched_load(struct cr_private_key **key, struct cr_bytes text, const char *passphrase)
{
    calls++;
    calls_that_could_be_dumped += dumpable() != 0;
    return cr_key_libcrypto()->private_load(key, text, passphrase);
}

static cr_err watched_sign(struct cr_bytes der, enum cr_sig_alg alg, struct cr_bytes bytes, uint8_t *sig, size_t *sig_len)
{
    calls++;
    calls_that_could_be_dumped += dumpable() != 0;
    return cr_key_libcrypto()->sign_once(der, alg, bytes, sig, sig_len);
}

static void nothing_is_done_with_a_key_while_there_could_be_a_core(void **state)
{
    (void)state;
    struct cr_key_backend watched = *cr_key_libcrypto();
    struct cr_private_key *key = NULL;
    struct cr_signer signer = { NULL, NULL, NULL, CR_SIG_NONE };
    struct cr_blob pem;
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    watched.private_load = watched_load;
    watched.sign_once = watched_sign;
    assert_int_equal(watched.private_make(&key, CR_KEY_EC_P384, 0), CR_OK);
    assert_int_equal(watched.private_pem(key, &pem), CR_OK);
    assert_int_equal(cr_signer_of_key(&signer, cr_blob_view(&pem), NULL, &watched), CR_OK);
    assert_int_equal(signer.alg, CR_SIG_ECDSA_SHA384);
    assert_int_equal(signer.sign(signer.ctx, message, sig, &sig_len), CR_OK);
    assert_int_equal(calls, 2);
    assert_int_equal(calls_that_could_be_dumped, 0);
    assert_int_equal(dumpable(), 1);
    cr_signer_fini(&signer);
    pem.data[40] ^= 1;
    assert_int_equal(cr_signer_of_key(&signer, (struct cr_bytes){ pem.data, pem.len / 2 }, NULL, &watched), CR_INVALID);
    assert_null(signer.sign);
    assert_int_equal(dumpable(), 1);
    cr_blob_fini(&pem);
    watched.private_free(key);
}

static void expect_credential(const char *name, cr_err expected, const char *words)
{
    struct cr_secret secret;
    const char *problem = NULL;
    assert_int_equal(cr_secret_read_credential(&secret, name, &problem), expected);
    if (words != NULL) {
        assert_non_null(strstr(problem, words));
    } else {
        assert_memory_equal(secret.pages, "secret\n", 8); /* and a NUL */
    }
    cr_secret_fini(&secret);
}

static void a_credential_is_systemds(void **state)
{
    (void)state;
    struct test_dir dir;
    test_dir_make(&dir);
    test_file_write(test_dir_file(&dir, "issuer"), "secret\n", 7, 0400);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    expect_credential("issuer", CR_INVALID, "CREDENTIALS_DIRECTORY is not set");
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "relative", 1), 0);
    expect_credential("issuer", CR_INVALID, "CREDENTIALS_DIRECTORY is not set");
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir.path, 1), 0);
    expect_credential("issuer", CR_OK, NULL);
    static const char *const bad[] = { "", "../issuer", "a/b", "..", "/etc/passwd" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect_credential(bad[i], CR_INVALID, "is not the name of a credential");
    }
    expect_credential("other", CR_IO, "No such file");
    /* systemd's own permissions, and others */
    test_file_write(test_dir_file(&dir, "issuer"), "secret\n", 7, 0440);
    expect_credential("issuer", CR_OK, NULL);
    test_file_write(test_dir_file(&dir, "issuer"), "secret\n", 7, 0444);
    expect_credential("issuer", CR_DENIED, "chmod 600");
    test_file_write(test_dir_file(&dir, "issuer"), "secret\n", 7, 0460);
    expect_credential("issuer", CR_DENIED, "chmod 600");
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    test_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_written_and_signs_once),
        cmocka_unit_test(the_last_that_leaves_lets_cores_be_again),
        cmocka_unit_test(several_threads_come_and_go),
        cmocka_unit_test(nothing_is_done_with_a_key_while_there_could_be_a_core),
        cmocka_unit_test(a_credential_is_systemds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
