#include "tests/contract/key_suite.h"

const struct cr_key_backend *backend_under_test;
static struct forge forge_of_run;
struct forge *const f = &forge_of_run;
EVP_PKEY *p256, *p384, *rsa2048;

const struct cr_bytes message = { (const uint8_t *)"to be signed", 12 };

const struct cr_key_backend *other_backend(void)
{
    return backend_under_test == cr_key_libcrypto() ? cr_key_mbedtls() : cr_key_libcrypto();
}

void pair_of(struct pair *pair, const struct cr_key_backend *b, struct cr_private_key *key)
{
    pair->key = key;
    assert_int_equal(b->private_spki(key, &pair->spki), CR_OK);
    assert_int_equal(cr_public_key_parse(&pair->pub, cr_blob_view(&pair->spki)), CR_OK);
    assert_int_equal(pair->pub.type, b->private_type(key));
}

void pair_load(struct pair *pair, const struct cr_key_backend *b, EVP_PKEY *pkey)
{
    struct cr_private_key *key = NULL;
    assert_int_equal(b->private_load(&key, forge_private(f, pkey, true, NULL), NULL), CR_OK);
    pair_of(pair, b, key);
}

void pair_fini(struct pair *pair, const struct cr_key_backend *b)
{
    b->private_free(pair->key);
    cr_blob_fini(&pair->spki);
}

void expect_denied(const struct cr_public_key *key, enum cr_sig_alg alg, struct cr_bytes text,
                          struct cr_bytes sig)
{
    assert_int_equal(backend_under_test->verify(key, alg, text, sig), CR_DENIED);
}

static int run(const char *name, const struct cr_key_backend *backend, const struct CMUnitTest *tests, size_t count)
{
    backend_under_test = backend;
    return _cmocka_run_group_tests(name, tests, count, NULL, NULL);
}

int key_suite_run_all(const struct CMUnitTest *tests, size_t count)
{
    forge_init(f);
    p256 = forge_key_ec(f, "P-256");
    p384 = forge_key_ec(f, "P-384");
    rsa2048 = forge_key_rsa(f, 2048, 65537);
    int failed = run("libcrypto", cr_key_libcrypto(), tests, count);
    failed += run("mbedtls", cr_key_mbedtls(), tests, count);
    forge_fini(f);
    return failed;
}
