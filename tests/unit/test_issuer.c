/* The issuer: loading it, signing with it, and knowing whose certificate a connection presents. Bad input 106 by name.
 * */
#include "common/der.h"
#include "plugin/worker/issuer.h"
#include "plugin/worker/issuer_info.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct cr_cert_intent intent = { { { 0x0a, 0x01 }, 2 }, TEST_PKI_NOW - 300, TEST_PKI_NOW + 7776000 };

/* root signs middle signs issuing; former is what signed before. The paths are those of good files. */
struct fixture {
    struct test_dir dir;
    struct test_ca root, middle, issuing, former;
    struct cr_trust_config config;
    char cert[80], key[80], former_pem[80];
    const char *trusted[1];
    char errors[2048];
};

static void keep(char *to, const struct test_dir *dir, const char *name)
{
    snprintf(to, 80, "%s", test_dir_file(dir, name));
}

static int set_up(void **state)
{
    static struct fixture fixture, *const x = &fixture;
    test_dir_make(&x->dir);
    test_ca_make(&x->root, "Root", NULL, CR_KEY_EC_P384);
    test_ca_make(&x->middle, "Middle", &x->root, CR_KEY_EC_P384);
    test_ca_make(&x->issuing, "Issuing 2", &x->middle, CR_KEY_EC_P256);
    test_ca_make(&x->former, "Issuing 1", &x->middle, CR_KEY_EC_P256);
    keep(x->cert, &x->dir, "issuing.pem");
    keep(x->key, &x->dir, "issuing.key");
    keep(x->former_pem, &x->dir, "former.pem");
    const struct cr_blob *const chain[] = { &x->issuing.der, &x->middle.der, &x->root.der, NULL };
    const struct cr_blob *const former[] = { &x->former.der, NULL };
    test_file_write_certs(x->cert, chain);
    test_file_write_key(x->key, x->issuing.key, 0600);
    test_file_write_certs(x->former_pem, former);
    x->trusted[0] = x->former_pem;
    x->config = (struct cr_trust_config){ .issuer_count = 1,
                                           .issuer = { { x->cert, x->key, NULL, 0 } },
                                           .trusted_cafile = x->trusted,
                                           .trusted_count = 1,
                                           .backend = cr_key_libcrypto() };
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    test_ca_fini(&x->root);
    test_ca_fini(&x->middle);
    test_ca_fini(&x->issuing);
    test_ca_fini(&x->former);
    test_dir_remove(&x->dir);
    return 0;
}

static struct cr_trust *load(struct fixture *x, const struct cr_trust_config *config)
{
    struct cr_trust *trust = NULL;
    cr_err err = cr_trust_load(&trust, config, TEST_PKI_NOW, x->errors, sizeof x->errors);
    if (err != CR_OK) {
        fail_msg("%s: %s", cr_err_text(err), x->errors);
    }
    assert_string_equal(x->errors, "");
    return trust;
}

/* Refused, with these words and this file's name in one sentence. */
static void refuses_at(struct fixture *x, const struct cr_trust_config *config, int64_t now_s, const char *path,
                       const char *words)
{
    struct cr_trust *trust = (struct cr_trust *)x;
    assert_int_equal(cr_trust_load(&trust, config, now_s, x->errors, sizeof x->errors), CR_INVALID);
    assert_null(trust);
    const char *name = strstr(x->errors, path);
    if (name == NULL || strstr(name, words) == NULL || (size_t)(strstr(name, words) - name) > strcspn(name, "\n")) {
        fail_msg("\"%s\" of %s is missing in: %s", words, path, x->errors);
    }
}

static void refuses(struct fixture *x, const struct cr_trust_config *config, const char *path, const char *words)
{
    refuses_at(x, config, TEST_PKI_NOW, path, words);
}

static void an_issuer_is_loaded_and_signs(void **state)
{
    struct fixture *x = *state;
    const struct cr_key_backend *const backends[] = { cr_key_libcrypto(), cr_key_mbedtls() };
    for (size_t i = 0; i < 2; i++) {
        struct cr_trust_config config = x->config;
        struct cr_profile profile;
        struct cr_blob der;
        struct cr_cert cert;
        struct cr_cert_facts facts;
        enum cr_refusal why = CR_REFUSAL_INTERNAL;
        char id[65];
        config.backend = backends[i];
        cr_profile_default(&profile, "operational");
        struct cr_trust *trust = load(x, &config);
        cr_hex_encode(id, x->issuing.cert.facts.key_hash, CR_SHA256_LEN);
        id[16] = '\0';
        assert_string_equal(cr_issuer_id(trust, 0), id);
        assert_true(cr_bytes_equal(cr_issuer_cert(trust, 0)->der, cr_blob_view(&x->issuing.der)));
        assert_int_equal(cr_issuer_sign(trust, 0, &profile, "meter-17", cr_blob_view(&x->root.spki), true, &intent, &der),
                         CR_OK);
        assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&der)), CR_OK);
        assert_int_equal(cr_cert_verify(&cert, &x->issuing.cert, backends[1 - i]), CR_OK);
        assert_int_equal(cr_trust_identify(trust, cr_blob_view(&der), &facts, &why), CR_OK);
        assert_int_equal(why, CR_REFUSAL_NONE);
        assert_string_equal(facts.issuer, id);
        assert_string_equal(facts.device, "meter-17");
        assert_int_equal(facts.not_after, intent.not_after);
        cr_blob_fini(&der);
        cr_trust_free(trust);
    }
}

static void the_profile_decides_about_the_alternative_name(void **state)
{
    struct fixture *x = *state;
    struct cr_trust *trust = load(x, &x->config);
    static const uint8_t dns_name[] = "\x82\x08meter-17";
    for (int wish = 0; wish < 2; wish++) {
        for (int allowed = 0; allowed < 2; allowed++) {
            struct cr_profile profile;
            struct cr_blob der;
            cr_profile_default(&profile, "operational");
            profile.san_dns = allowed != 0;
            struct cr_bytes spki = cr_blob_view(&x->root.spki);
            assert_int_equal(cr_issuer_sign(trust, 0, &profile, "meter-17", spki, wish != 0, &intent, &der), CR_OK);
            assert_int_equal(memmem(der.data, der.len, dns_name, 10) != NULL, wish && allowed);
            cr_blob_fini(&der);
        }
    }
    cr_trust_free(trust);
}

static void the_chain_ends_below_the_root(void **state)
{
    struct fixture *x = *state;
    struct cr_trust *trust = load(x, &x->config);
    struct cr_bytes rest = cr_issuer_chain(trust, 0), der;
    assert_int_equal(cr_cert_next(&der, &rest), CR_OK);
    assert_true(cr_bytes_equal(der, cr_blob_view(&x->issuing.der)));
    assert_int_equal(cr_cert_next(&der, &rest), CR_OK);
    assert_true(cr_bytes_equal(der, cr_blob_view(&x->middle.der)));
    assert_int_equal(cr_cert_next(&der, &rest), CR_NOT_FOUND);
    /* What was signed before the issuer changed still finds its own. */
    struct cr_issuer_info info;
    assert_int_equal(cr_trust_info(trust, 1, &info), CR_OK);
    assert_string_equal(info.subject, "CN=Issuing 1");
    assert_true(info.kind == CR_KIND_TRUSTED && !info.has_key);
    assert_true(cr_bytes_equal(cr_trust_chain(trust, info.id), cr_blob_view(&x->former.der)));
    assert_int_equal(cr_trust_info(trust, 2, &info), CR_NOT_FOUND);
    assert_int_equal(cr_trust_chain(trust, "0123456789abcdef").len, 0);
    cr_trust_free(trust);
    /* A root that signs itself has nothing to send. */
    struct cr_trust_config config = x->config;
    config.issuer[0].certfile = test_dir_file(&x->dir, "root.pem");
    config.issuer[0].keyfile = test_dir_file(&x->dir, "root.key");
    test_file_write_certs(config.issuer[0].certfile, (const struct cr_blob *const[]){ &x->root.der, NULL });
    test_file_write_key(config.issuer[0].keyfile, x->root.key, 0400);
    trust = load(x, &config);
    assert_int_equal(cr_issuer_chain(trust, 0).len, 0);
    cr_trust_free(trust);
}

/* Every certificate of a chain must be within its time; one that is not known cannot be looked at. */
static void a_chain_is_as_valid_as_each_of_it(void **state)
{
    enum { SOON = TEST_PKI_NOW + 1000, LATER = TEST_PKI_NOW + 2000 };
    struct fixture *x = *state;
    struct cr_trust_config config = x->config;
    struct cr_issuer_info info;
    struct test_ca middle, issuing;
    struct cr_trust *trust = load(x, &x->config);
    int64_t end = x->issuing.cert.facts.not_after;
    assert_true(cr_trust_valid_at(trust, cr_issuer_id(trust, 0), TEST_PKI_NOW));
    assert_true(cr_trust_valid_at(trust, cr_issuer_id(trust, 0), end));
    assert_false(cr_trust_valid_at(trust, cr_issuer_id(trust, 0), end + 1));
    assert_false(cr_trust_valid_at(trust, cr_issuer_id(trust, 0), x->root.cert.facts.not_before - 1));
    assert_false(cr_trust_valid_at(trust, "0123456789abcdef", TEST_PKI_NOW));
    cr_trust_free(trust);
    /* the one in the middle ends first */
    test_ca_make_at(&middle, "Short", &x->root, CR_KEY_EC_P256, TEST_PKI_NOW - 10, SOON);
    test_ca_make_at(&issuing, "Issuing 3", &middle, CR_KEY_EC_P256, TEST_PKI_NOW - 10, SOON);
    config.issuer[0].certfile = test_dir_file(&x->dir, "short.pem");
    config.issuer[0].keyfile = test_dir_file(&x->dir, "short.key");
    config.trusted_count = 0;
    test_file_write_certs(config.issuer[0].certfile,
                          (const struct cr_blob *const[]){ &issuing.der, &middle.der, &x->root.der, NULL });
    test_file_write_key(config.issuer[0].keyfile, issuing.key, 0600);
    trust = load(x, &config);
    assert_true(cr_trust_valid_at(trust, cr_issuer_id(trust, 0), SOON));
    assert_false(cr_trust_valid_at(trust, cr_issuer_id(trust, 0), LATER));
    cr_trust_free(trust);
    /* another trusted issuer is judged by its own, as far as that is known */
    config.trusted_count = 1;
    trust = load(x, &config);
    assert_int_equal(cr_trust_info(trust, 1, &info), CR_OK);
    assert_true(cr_trust_valid_at(trust, info.id, LATER));
    cr_trust_free(trust);
    /* certified again by the same name and key, it is good for longer */
    struct cr_cert_intent longer = { { { 7 }, 1 }, TEST_PKI_NOW - 10, TEST_PKI_NOW + 5000 };
    struct cr_ca_request request = { "Short", cr_blob_view(&middle.spki), -1 };
    struct cr_blob again = { NULL, 0 };
    assert_int_equal(cr_cert_build_ca(&again, &request, &longer, &x->root.cert, CR_SIG_ECDSA_SHA384, test_ca_sign, &x->root),
                     CR_OK);
    const char *const trusted[] = { test_dir_file(&x->dir, "again.pem") };
    config.trusted_cafile = trusted;
    test_file_write_certs(trusted[0], (const struct cr_blob *const[]){ &again, NULL });
    trust = load(x, &config);
    assert_false(cr_trust_valid_at(trust, cr_issuer_id(trust, 0), LATER)); /* the issuing one has ended, too */
    assert_int_equal(cr_trust_info(trust, 1, &info), CR_OK);
    assert_true(cr_trust_valid_at(trust, info.id, LATER)); /* its own id is the same as the former's */
    cr_trust_free(trust);
    /* of several that could have signed it, one that is valid will do */
    struct cr_cert longer_middle;
    struct cr_blob below = { NULL, 0 };
    request = (struct cr_ca_request){ "Issuing 3", cr_blob_view(&issuing.spki), -1 };
    longer.serial.octets[0] = 8;
    assert_int_equal(cr_cert_parse(&longer_middle, cr_blob_view(&again)), CR_OK);
    assert_int_equal(cr_cert_build_ca(&below, &request, &longer, &longer_middle, CR_SIG_ECDSA_SHA256, test_ca_sign, &middle),
                     CR_OK);
    test_file_write_certs(config.issuer[0].certfile, (const struct cr_blob *const[]){ &below, &again, &x->root.der, NULL });
    test_file_write_certs(trusted[0], (const struct cr_blob *const[]){ &middle.der, NULL });
    trust = load(x, &config);
    assert_true(cr_trust_valid_at(trust, cr_issuer_id(trust, 0), LATER));
    cr_trust_free(trust);
    cr_blob_fini(&below);
    cr_blob_fini(&again);
    test_ca_fini(&issuing);
    test_ca_fini(&middle);
}

static void expect_stranger(const struct cr_trust *trust, struct cr_bytes der)
{
    struct cr_cert_facts facts;
    enum cr_refusal why = CR_REFUSAL_NONE;
    memset(&facts, 0x55, sizeof facts);
    assert_int_equal(cr_trust_identify(trust, der, &facts, &why), CR_DENIED);
    assert_int_equal(why, CR_REFUSAL_UNTRUSTED_ISSUER);
    assert_string_equal(facts.device, "");
    assert_string_equal(facts.issuer, "");
}

static void only_leaves_of_trusted_issuers_are_identified(void **state)
{
    struct fixture *x = *state;
    struct cr_trust *trust = load(x, &x->config);
    struct test_ca impostor, elsewhere;
    struct cr_profile profile, server;
    struct cr_blob der;
    struct cr_cert_facts facts;
    enum cr_refusal why;
    cr_profile_default(&profile, "operational");
    cr_profile_default(&server, "operational");
    server.ext_key_usage = CR_EKU_SERVER_AUTH;

    test_leaf_make(&der, NULL, &x->former, &profile, "meter-17", &intent);
    assert_int_equal(cr_trust_identify(trust, cr_blob_view(&der), &facts, &why), CR_OK);
    assert_string_not_equal(facts.issuer, cr_issuer_id(trust, 0));
    der.data[der.len - 1] ^= 1;
    expect_stranger(trust, cr_blob_view(&der));
    expect_stranger(trust, (struct cr_bytes){ der.data, der.len - 1 });
    expect_stranger(trust, (struct cr_bytes){ NULL, 0 });
    cr_blob_fini(&der);

    test_ca_make(&impostor, "Issuing 2", NULL, CR_KEY_EC_P256); /* the issuer's name, another key */
    test_ca_make(&elsewhere, "Elsewhere", &x->middle, CR_KEY_EC_P256); /* of the same family, but not trusted */
    const struct test_ca *const strangers[] = { &impostor, &elsewhere, &x->middle, &x->root };
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        test_leaf_make(&der, NULL, strangers[i], &profile, "meter-17", &intent);
        expect_stranger(trust, cr_blob_view(&der));
        cr_blob_fini(&der);
    }
    test_leaf_make(&der, NULL, &x->issuing, &server, "meter-17", &intent); /* hostile 100: another purpose */
    expect_stranger(trust, cr_blob_view(&der));
    cr_blob_fini(&der);
    test_ca_fini(&elsewhere);
    test_ca_make(&elsewhere, "A CA below", &x->issuing, CR_KEY_EC_P256);
    expect_stranger(trust, cr_blob_view(&elsewhere.der)); /* a CA is no device */
    expect_stranger(trust, cr_blob_view(&x->issuing.der));
    test_ca_fini(&impostor);
    test_ca_fini(&elsewhere);
    cr_trust_free(trust);
}

static void keys_of_cas_are_known(void **state)
{
    struct fixture *x = *state;
    struct cr_trust *trust = load(x, &x->config);
    uint8_t hash[CR_SHA256_LEN] = { 1 };
    assert_true(cr_trust_has_key(trust, x->issuing.cert.facts.key_hash)); /* hostile 40 */
    assert_true(cr_trust_has_key(trust, x->former.cert.facts.key_hash));
    assert_true(cr_trust_has_key(trust, x->middle.cert.facts.key_hash));
    assert_true(cr_trust_has_key(trust, x->root.cert.facts.key_hash));
    assert_false(cr_trust_has_key(trust, hash));
    cr_trust_free(trust);
}

struct work {
    const struct cr_trust *trust;
    struct cr_bytes spki;
};

static void *sign_and_identify(void *ctx)
{
    const struct work *work = ctx;
    intptr_t failures = 0;
    struct cr_profile profile;
    cr_profile_default(&profile, "operational");
    for (int i = 0; i < 50; i++) {
        struct cr_blob der;
        struct cr_cert_facts facts;
        enum cr_refusal why;
        if (cr_issuer_sign(work->trust, 0, &profile, "meter-17", work->spki, false, &intent, &der) != CR_OK ||
            cr_trust_identify(work->trust, cr_blob_view(&der), &facts, &why) != CR_OK) {
            failures++;
        }
        cr_blob_fini(&der);
    }
    return (void *)failures;
}

static void several_threads_sign_at_once(void **state)
{
    struct fixture *x = *state;
    struct cr_trust *trust = load(x, &x->config);
    struct work work = { trust, cr_blob_view(&x->root.spki) };
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, sign_and_identify, &work), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failures = &work;
        assert_int_equal(pthread_join(threads[i], &failures), 0);
        assert_null(failures);
    }
    cr_trust_free(trust);
}

static void hostile_106_issuer_expired(void **state)
{
    struct fixture *x = *state;
    refuses_at(x, &x->config, x->issuing.cert.facts.not_after, x->cert, "certificate 1 expired at 2037-");
    refuses_at(x, &x->config, x->issuing.cert.facts.not_before - 1, x->cert, "check this machine's clock");
    refuses_at(x, &x->config, 0, x->cert, "check this machine's clock"); /* 1970 */
}

static void hostile_106_key_and_certificate_disagree(void **state)
{
    struct fixture *x = *state;
    struct cr_trust_config config = x->config;
    config.issuer[0].keyfile = test_dir_file(&x->dir, "other.key");
    test_file_write_key(config.issuer[0].keyfile, x->former.key, 0600); /* the same kind */
    refuses(x, &config, config.issuer[0].keyfile, "is not the key of the first certificate");
    test_file_write_key(config.issuer[0].keyfile, x->root.key, 0600); /* another curve */
    refuses(x, &config, config.issuer[0].keyfile, "is not the key of the first certificate");
}

static void hostile_106_key_readable_by_others(void **state)
{
    struct fixture *x = *state;
    static const unsigned open_modes[] = { 0640, 0604, 0644, 0620, 0602, 0610, 0666 };
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        assert_int_equal(chmod(x->key, open_modes[i]), 0);
        refuses(x, &x->config, x->key, "chmod 600");
    }
    assert_int_equal(chmod(x->key, 0400), 0);
    cr_trust_free(load(x, &x->config));
    assert_int_equal(chmod(x->key, 0600), 0);
    /* Through a symbolic link it is the file that counts. */
    struct cr_trust_config config = x->config;
    config.issuer[0].keyfile = test_dir_file(&x->dir, "link.key");
    assert_int_equal(symlink(x->key, config.issuer[0].keyfile), 0);
    cr_trust_free(load(x, &config));
    assert_int_equal(chmod(x->key, 0644), 0);
    refuses(x, &config, config.issuer[0].keyfile, "chmod 600");
    assert_int_equal(chmod(x->key, 0600), 0);
}

static void hostile_106_not_a_ca(void **state)
{
    struct fixture *x = *state;
    struct cr_trust_config config = x->config;
    struct cr_profile profile;
    struct cr_blob leaf;
    cr_profile_default(&profile, "operational");
    test_leaf_make(&leaf, NULL, &x->issuing, &profile, "meter-17", &intent);
    config.issuer[0].certfile = test_dir_file(&x->dir, "leaf.pem");
    test_file_write_certs(config.issuer[0].certfile, (const struct cr_blob *const[]){ &leaf, NULL });
    refuses(x, &config, config.issuer[0].certfile, "certificate 1 is not a CA");
    const char *trusted[] = { config.issuer[0].certfile };
    config = x->config;
    config.trusted_cafile = trusted;
    refuses(x, &config, trusted[0], "certificate 1 is not a CA");
    cr_blob_fini(&leaf);
}

static void hostile_106_chain_out_of_order(void **state)
{
    struct fixture *x = *state;
    struct cr_trust_config config = x->config;
    config.issuer[0].certfile = test_dir_file(&x->dir, "disorder.pem");
    const struct cr_blob *const missing[] = { &x->issuing.der, &x->root.der, NULL };
    test_file_write_certs(config.issuer[0].certfile, missing);
    refuses(x, &config, config.issuer[0].certfile, "certificate 1 is not signed by certificate 2");
    const struct cr_blob *const astray[] = { &x->issuing.der, &x->middle.der, &x->former.der, NULL };
    test_file_write_certs(config.issuer[0].certfile, astray);
    refuses(x, &config, config.issuer[0].certfile, "certificate 2 is not signed by certificate 3");
    const struct cr_blob *const reversed[] = { &x->root.der, &x->middle.der, &x->issuing.der, NULL };
    test_file_write_certs(config.issuer[0].certfile, reversed);
    refuses(x, &config, config.issuer[0].certfile, "put the issuing certificate first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issuer_is_loaded_and_signs),
        cmocka_unit_test(the_profile_decides_about_the_alternative_name),
        cmocka_unit_test(the_chain_ends_below_the_root),
        cmocka_unit_test(a_chain_is_as_valid_as_each_of_it),
        cmocka_unit_test(only_leaves_of_trusted_issuers_are_identified),
        cmocka_unit_test(keys_of_cas_are_known),
        cmocka_unit_test(several_threads_sign_at_once),
        cmocka_unit_test(hostile_106_issuer_expired),
        cmocka_unit_test(hostile_106_key_and_certificate_disagree),
        cmocka_unit_test(hostile_106_key_readable_by_others),
        cmocka_unit_test(hostile_106_not_a_ca),
        cmocka_unit_test(hostile_106_chain_out_of_order),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
