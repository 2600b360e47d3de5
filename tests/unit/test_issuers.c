/* Several issuers: which of them signs when, and what they have of their own. */
#include "common/der.h"
#include "plugin/worker/issuer.h"
#include "plugin/worker/issuer_info.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400, MOMENT = TEST_PKI_NOW + 30 * DAY_S };

static const struct cr_cert_intent intent = { { { 0x0a, 0x01 }, 2 }, TEST_PKI_NOW - 300, TEST_PKI_NOW + 7776000 };

/* Two of one root's, and a third that ends in ten days. */
enum { FIRST, SECOND, SHORT, CAS };
struct fixture {
    struct test_dir dir;
    struct test_ca root, ca[CAS];
    char cert[CAS][80], key[CAS][80];
    struct cr_trust_config config; /* FIRST, and SECOND from MOMENT on */
    char errors[2048];
};

static int set_up(void **state)
{
    static struct fixture fixture, *const x = &fixture;
    static const char *const names[CAS] = { "First", "Second", "Short" };
    test_dir_make(&x->dir);
    test_ca_make(&x->root, "Root", NULL, CR_KEY_EC_P384);
    test_ca_make(&x->ca[FIRST], names[FIRST], &x->root, CR_KEY_EC_P256);
    test_ca_make(&x->ca[SECOND], names[SECOND], &x->root, CR_KEY_EC_P384);
    test_ca_make_at(&x->ca[SHORT], names[SHORT], &x->root, CR_KEY_EC_P256, TEST_PKI_NOW - DAY_S,
                    TEST_PKI_NOW + 10 * DAY_S);
    for (int i = 0; i < CAS; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.pem", names[i]);
        snprintf(x->cert[i], sizeof x->cert[i], "%s", test_dir_file(&x->dir, name));
        snprintf(name, sizeof name, "%s.key", names[i]);
        snprintf(x->key[i], sizeof x->key[i], "%s", test_dir_file(&x->dir, name));
        test_file_write_certs(x->cert[i], (const struct cr_blob *const[]){ &x->ca[i].der, &x->root.der, NULL });
        test_file_write_key(x->key[i], x->ca[i].key, 0600);
    }
    x->config = (struct cr_trust_config){
        .issuer_count = 2,
        .issuer = { { x->cert[FIRST], x->key[FIRST], NULL, 0 }, { x->cert[SECOND], x->key[SECOND], NULL, MOMENT } },
        .backend = cr_key_libcrypto(),
    };
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    for (int i = 0; i < CAS; i++) {
        test_ca_fini(&x->ca[i]);
    }
    test_ca_fini(&x->root);
    test_dir_remove(&x->dir);
    return 0;
}

static struct cr_trust *load_at(struct fixture *x, const struct cr_trust_config *config, int64_t now_s)
{
    struct cr_trust *trust = NULL;
    cr_err err = cr_trust_load(&trust, config, now_s, x->errors, sizeof x->errors);
    if (err != CR_OK) {
        fail_msg("%s: %s", cr_err_text(err), x->errors);
    }
    return trust;
}

static void refuses_at(struct fixture *x, const struct cr_trust_config *config, int64_t now_s, const char *words)
{
    struct cr_trust *trust = NULL;
    assert_int_equal(cr_trust_load(&trust, config, now_s, x->errors, sizeof x->errors), CR_INVALID);
    assert_null(trust);
    if (strstr(x->errors, words) == NULL) {
        fail_msg("\"%s\" is missing in: %s", words, x->errors);
    }
}

static bool is_named(void *ctx, const char *issuer_id)
{
    return strcmp(ctx, issuer_id) == 0;
}

static void the_one_whose_moment_came_last_signs(void **state)
{
    struct fixture *x = *state;
    struct cr_trust *trust = load_at(x, &x->config, TEST_PKI_NOW);
    char first[CR_ISSUER_ID_TEXT], second[CR_ISSUER_ID_TEXT];
    assert_int_equal(cr_trust_signers(trust), 2);
    memcpy(first, cr_issuer_id(trust, 0), sizeof first);
    memcpy(second, cr_issuer_id(trust, 1), sizeof second);
    assert_int_equal(cr_trust_signer(trust, TEST_PKI_NOW, NULL, NULL), 0);
    assert_int_equal(cr_trust_signer(trust, MOMENT - 1, NULL, NULL), 0);
    assert_int_equal(cr_trust_signer(trust, MOMENT, NULL, NULL), 1);
    assert_int_equal(cr_trust_signer(trust, MOMENT, is_named, second), 0); /* revoked: the former goes on */
    assert_int_equal(cr_trust_signer(trust, MOMENT, is_named, first), 1);
    assert_int_equal(cr_trust_signer(trust, TEST_PKI_NOW, is_named, first), CR_NO_SIGNER);
    assert_int_equal(cr_trust_signer(trust, x->root.cert.facts.not_after, NULL, NULL), CR_NO_SIGNER);
    assert_int_equal(cr_trust_signer_of(trust, first), 0);
    assert_int_equal(cr_trust_signer_of(trust, second), 1);
    assert_int_equal(cr_trust_signer_of(trust, "0123456789abcdef"), CR_NO_SIGNER);
    cr_trust_free(trust);
    /* of equals the last in the file */
    struct cr_trust_config config = x->config;
    config.issuer[1].sign_from = 0;
    trust = load_at(x, &config, TEST_PKI_NOW);
    assert_int_equal(cr_trust_signer(trust, TEST_PKI_NOW, NULL, NULL), 1);
    cr_trust_free(trust);
}

static void each_signs_with_its_own(void **state)
{
    struct fixture *x = *state;
    struct cr_trust *trust = load_at(x, &x->config, TEST_PKI_NOW);
    struct cr_profile profile;
    cr_profile_default(&profile, "operational");
    for (unsigned n = 0; n < 2; n++) {
        static const uint8_t statement[] = "{\"seq\":1";
        struct cr_issuer_signing signing = { trust, n };
        struct cr_cert_facts facts;
        enum cr_refusal why;
        struct cr_blob der;
        struct cr_public_key key;
        uint8_t sig[CR_SIGNATURE_MAX];
        size_t sig_len = sizeof sig;
        const struct cr_bytes spki = cr_blob_view(&x->root.spki), tbs = { statement, sizeof statement };
        assert_int_equal(cr_issuer_sign(trust, n, &profile, "meter-17", spki, false, &intent, &der), CR_OK);
        assert_int_equal(cr_trust_identify(trust, cr_blob_view(&der), &facts, &why), CR_OK);
        assert_string_equal(facts.issuer, cr_issuer_id(trust, n));
        assert_int_equal(facts.factory, 0);
        cr_blob_fini(&der);
        assert_int_equal(cr_public_key_parse(&key, x->ca[n].cert.spki), CR_OK);
        assert_int_equal(cr_issuer_sign_bytes(&signing, tbs, sig, &sig_len), CR_OK);
        assert_int_equal(x->config.backend->verify(&key, cr_issuer_sig_alg(trust, n), tbs, (struct cr_bytes){ sig, sig_len }),
                         CR_OK);
        sig_len = sizeof sig;
        assert_int_equal(cr_issuer_attest(trust, n, tbs, sig, &sig_len), CR_OK);
        assert_true(cr_bytes_equal(cr_issuer_chain(trust, n), x->ca[n].cert.der));
        assert_true(cr_bytes_equal(cr_trust_chain(trust, cr_issuer_id(trust, n)), x->ca[n].cert.der));
        assert_true(cr_trust_has_key(trust, x->ca[n].cert.facts.key_hash));
        assert_true(cr_trust_valid_at(trust, cr_issuer_id(trust, n), MOMENT));
    }
    assert_int_equal(cr_issuer_sig_alg(trust, 1), CR_SIG_ECDSA_SHA384);
    cr_trust_free(trust);
}

static void they_are_shown(void **state)
{
    struct fixture *x = *state;
    struct cr_trust_config config = x->config;
    struct cr_issuer_info info;
    const char *trusted[] = { x->cert[SHORT], x->cert[SHORT] }; /* with its root; twice is as once */
    config.trusted_cafile = trusted;
    config.trusted_count = 2;
    struct cr_trust *trust = load_at(x, &config, TEST_PKI_NOW);
    assert_int_equal(cr_trust_info(trust, 0, &info), CR_OK);
    assert_true(info.has_key && info.kind == CR_KIND_OWN && info.sign_from == 0);
    assert_int_equal(cr_trust_info(trust, 1, &info), CR_OK);
    assert_true(info.has_key && info.kind == CR_KIND_OWN && info.sign_from == MOMENT);
    assert_string_equal(info.subject, "CN=Second");
    assert_string_equal(info.factory, "");
    assert_int_equal(cr_trust_info(trust, 2, &info), CR_OK);
    assert_true(!info.has_key && info.kind == CR_KIND_TRUSTED);
    assert_string_equal(info.subject, "CN=Short");
    assert_int_equal(cr_trust_info(trust, 3, &info), CR_OK);
    assert_string_equal(info.subject, "CN=Root");
    assert_int_equal(cr_trust_info(trust, 4, &info), CR_NOT_FOUND);
    cr_trust_free(trust);
}

/* What is not within its time does no harm, unless nothing else is there. */
static void one_that_is_not_valid_does_no_harm_beside_another(void **state)
{
    enum { LATER = TEST_PKI_NOW + 20 * DAY_S };
    struct fixture *x = *state;
    struct cr_trust_config config = x->config;
    int64_t not_before, not_after;
    config.issuer[1] = (struct cr_trust_issuer){ x->cert[SHORT], x->key[SHORT], NULL, 0 };
    struct cr_trust *trust = load_at(x, &config, TEST_PKI_NOW);
    assert_int_equal(cr_trust_signer(trust, TEST_PKI_NOW, NULL, NULL), 1);
    assert_int_equal(cr_trust_signer(trust, LATER, NULL, NULL), 0);
    cr_trust_signers_span(trust, &not_before, &not_after);
    assert_int_equal(not_after, x->ca[FIRST].cert.facts.not_after);
    cr_trust_free(trust);
    trust = load_at(x, &config, LATER);
    assert_int_equal(cr_trust_signer(trust, LATER, NULL, NULL), 0);
    cr_trust_free(trust);
    /* alone: hostile 106 */
    config.issuer[0] = config.issuer[1];
    config.issuer_count = 1;
    refuses_at(x, &config, LATER, "certificate 1 expired at");
    /* alone, and to come: nothing is issued until then */
    config = x->config;
    config.issuer[0] = config.issuer[1];
    config.issuer_count = 1;
    trust = load_at(x, &config, TEST_PKI_NOW);
    assert_int_equal(cr_trust_signer(trust, TEST_PKI_NOW, NULL, NULL), CR_NO_SIGNER);
    assert_int_equal(cr_trust_signer(trust, MOMENT, NULL, NULL), 0);
    cr_trust_free(trust);
    /* all of them over */
    refuses_at(x, &x->config, x->root.cert.facts.not_after, "expired at");
    config.issuer[0] = x->config.issuer[0];
    config.issuer[1] = (struct cr_trust_issuer){ x->cert[SHORT], x->key[SHORT], NULL, 0 };
    config.issuer_count = 2;
    refuses_at(x, &config, 0, "is not valid before"); /* 1970 */
    /* it would end before it begins */
    config.issuer[1].sign_from = MOMENT;
    refuses_at(x, &config, TEST_PKI_NOW, "which is before its issuer_sign_from");
}

/* A chain that has ended is of no use, however long the issuer itself is valid. */
static void one_whose_chain_has_ended_does_not_sign(void **state)
{
    struct fixture *x = *state;
    struct cr_trust_config config = x->config;
    struct test_ca below, longer = x->ca[SHORT]; /* certified again for longer, and that is not in the file */
    struct cr_cert_intent again = { { { 7 }, 1 }, TEST_PKI_NOW - DAY_S, TEST_PKI_NOW + 300LL * DAY_S };
    struct cr_ca_request request = { "Short", cr_blob_view(&longer.spki), -1 };
    assert_int_equal(cr_cert_build_ca(&longer.der, &request, &again, &x->root.cert, CR_SIG_ECDSA_SHA384, test_ca_sign,
                                      &x->root), CR_OK);
    assert_int_equal(cr_cert_parse(&longer.cert, cr_blob_view(&longer.der)), CR_OK);
    test_ca_make_at(&below, "Below", &longer, CR_KEY_EC_P256, TEST_PKI_NOW - DAY_S, TEST_PKI_NOW + 300LL * DAY_S);
    config.issuer[1] = (struct cr_trust_issuer){ test_dir_file(&x->dir, "below.pem"), test_dir_file(&x->dir, "below.key"),
                                                 NULL, 0 };
    test_file_write_certs(config.issuer[1].certfile,
                          (const struct cr_blob *const[]){ &below.der, &x->ca[SHORT].der, &x->root.der, NULL });
    test_file_write_key(config.issuer[1].keyfile, below.key, 0600);
    struct cr_trust *trust = load_at(x, &config, TEST_PKI_NOW);
    assert_int_equal(cr_trust_signer(trust, TEST_PKI_NOW, NULL, NULL), 1);
    assert_int_equal(cr_trust_signer(trust, TEST_PKI_NOW + 20 * DAY_S, NULL, NULL), 0);
    cr_trust_free(trust);
    test_ca_fini(&below);
    cr_blob_fini(&longer.der);
}

static void hostile_106_of_several(void **state)
{
    struct fixture *x = *state;
    struct cr_trust_config config = x->config;
    config.issuer[1].keyfile = x->key[FIRST];
    refuses_at(x, &config, TEST_PKI_NOW, "is not the key of the first certificate");
    config = x->config;
    config.issuer[1] = config.issuer[0];
    refuses_at(x, &config, TEST_PKI_NOW, "is the same issuer, with the same key, as");
    config.issuer[1] = (struct cr_trust_issuer){ "/nowhere/2.pem", "/nowhere/2.key", NULL, 0 };
    config.issuer[0].keyfile = "/nowhere/1.key"; /* all at once */
    refuses_at(x, &config, TEST_PKI_NOW, "issuer_keyfile /nowhere/1.key");
    assert_non_null(strstr(x->errors, "issuer_certfile /nowhere/2.pem"));
    assert_non_null(strstr(x->errors, "issuer_keyfile /nowhere/2.key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_whose_moment_came_last_signs),
        cmocka_unit_test(each_signs_with_its_own),
        cmocka_unit_test(they_are_shown),
        cmocka_unit_test(one_that_is_not_valid_does_no_harm_beside_another),
        cmocka_unit_test(one_whose_chain_has_ended_does_not_sign),
        cmocka_unit_test(hostile_106_of_several),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
