/* The agent's cryptography against the plugin's: its CSRs pass every acceptance rule, and of the plugin's certificates
 * it takes exactly those that are for its key and identity, for clients, and signed by somebody it trusts. */
#include "agent_mbedtls.h"

#include "common/csr.h"
#include "common/random.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICE "meter-17"

static bool random_fails;

static bool port_random(void *ctx, uint8_t *data, size_t len)
{
    (void)ctx;
    return !random_fails && cr_random_fill(cr_random_system(), data, len) == CR_OK;
}

static const struct agent_ports ports = { .random = port_random, .crypto = &agent_mbedtls };
static uint8_t key[AGENT_KEY_MAX], csr[AGENT_CSR_MAX];
static size_t key_len, csr_len;

static void request_make(const char *device)
{
    assert_int_equal(AGENT_OK, agent_mbedtls.key_make(&ports, key, sizeof key, &key_len));
    assert_int_equal(AGENT_OK, agent_mbedtls.csr_make(&ports, key, key_len, device, csr, sizeof csr, &csr_len));
}

static struct cr_profile profile(void)
{
    struct cr_profile slot;
    cr_profile_default(&slot, "operational");
    return slot;
}

/* What the plugin answers to `csr`. */
static void answer(struct cr_blob *der, const struct test_ca *ca, const struct cr_profile *slot, const char *device)
{
    struct cr_csr parsed;
    struct cr_cert_intent intent = { .serial = { .octets = { 0x42 }, .len = 1 }, .not_before = TEST_PKI_NOW,
                                     .not_after = TEST_PKI_NOW + 86400 };
    assert_int_equal(CR_REFUSAL_NONE, cr_csr_parse(&parsed, (struct cr_bytes){ csr, csr_len }));
    struct cr_cert_request request = { .profile = slot, .device = device, .spki = parsed.key.spki };
    assert_int_equal(CR_OK, cr_cert_build(der, &request, &intent, &ca->cert, CR_SIG_ECDSA_SHA256, test_ca_sign,
                                          (void *)ca));
}

static enum agent_refusal verdict(const uint8_t *chain, size_t chain_len, const struct test_ca *trusted)
{
    enum agent_refusal refusal = AGENT_ACCEPTED;
    struct agent_validity validity = { 0, 0 };
    assert_int_equal(AGENT_OK, agent_mbedtls.chain_check(&ports, key, key_len, chain, chain_len, trusted->der.data,
                                                         trusted->der.len, DEVICE, &refusal, &validity));
    if (refusal == AGENT_ACCEPTED) {
        assert_int_equal(TEST_PKI_NOW, validity.not_before);
        assert_int_equal(TEST_PKI_NOW + 86400, validity.not_after);
    }
    return refusal;
}

struct cas {
    struct test_ca root, issuing, stranger;
};

static int set_up(void **state)
{
    struct cas *cas = calloc(1, sizeof *cas);
    assert_non_null(cas);
    test_ca_make(&cas->root, "Root", NULL, CR_KEY_EC_P256);
    test_ca_make(&cas->issuing, "Issuing", &cas->root, CR_KEY_EC_P256);
    test_ca_make(&cas->stranger, "Issuing", NULL, CR_KEY_EC_P256); /* the same name */
    *state = cas;
    random_fails = false;
    request_make(DEVICE);
    return 0;
}

static int tear_down(void **state)
{
    struct cas *cas = *state;
    test_ca_fini(&cas->root);
    test_ca_fini(&cas->issuing);
    test_ca_fini(&cas->stranger);
    free(cas);
    return 0;
}

static void test_requests_are_accepted(void **state)
{
    (void)state;
    char longest[AGENT_NAME_MAX + 1] = { 0 };
    memset(longest, 'x', AGENT_NAME_MAX);
    const char *const names[] = { "a", DEVICE, "A.b_c:d-9", longest };
    const struct cr_profile slot = profile();
    for (size_t i = 0; i < 64; i++) {
        const char *name = names[i % 4];
        struct cr_csr accepted;
        request_make(name);
        assert_int_equal(CR_REFUSAL_NONE, cr_csr_accept(&accepted, (struct cr_bytes){ csr, csr_len }, &slot, name,
                                                        NULL, cr_key_libcrypto()));
    }
    uint8_t again[AGENT_CSR_MAX];
    size_t again_len = 0;
    assert_int_equal(AGENT_OK, agent_mbedtls.csr_make(&ports, key, key_len, longest, again, sizeof again, &again_len));
    struct cr_csr first, second;
    assert_int_equal(CR_REFUSAL_NONE, cr_csr_parse(&first, (struct cr_bytes){ csr, csr_len }));
    assert_int_equal(CR_REFUSAL_NONE, cr_csr_parse(&second, (struct cr_bytes){ again, again_len }));
    assert_memory_equal(first.key_hash, second.key_hash, CR_SHA256_LEN); /* the same request, to the plugin */
}

static void test_small_buffers_and_no_random_numbers(void **state)
{
    (void)state;
    size_t len = 0;
    uint8_t out[AGENT_CSR_MAX];
    for (size_t cap = 0; cap < csr_len; cap += 7) {
        assert_int_equal(AGENT_CRYPTO, agent_mbedtls.csr_make(&ports, key, key_len, DEVICE, out, cap, &len));
    }
    for (size_t cap = 0; cap < key_len; cap += 7) {
        assert_int_equal(AGENT_CRYPTO, agent_mbedtls.key_make(&ports, out, cap, &len));
    }
    random_fails = true;
    assert_int_equal(AGENT_CRYPTO, agent_mbedtls.key_make(&ports, out, sizeof out, &len));
    random_fails = false;
    assert_int_equal(AGENT_CRYPTO, agent_mbedtls.csr_make(&ports, key, key_len - 1, DEVICE, out, sizeof out, &len));
}

static void test_good_chains(void **state)
{
    struct cas *cas = *state;
    struct cr_blob leaf = { 0 };
    const struct cr_profile slot = profile();
    uint8_t chain[AGENT_CHAIN_MAX];
    answer(&leaf, &cas->issuing, &slot, DEVICE);
    assert_int_equal(AGENT_ACCEPTED, verdict(leaf.data, leaf.len, &cas->issuing)); /* trusts the issuing CA */
    assert_int_equal(AGENT_UNTRUSTED, verdict(leaf.data, leaf.len, &cas->root));   /* the link is missing */
    memcpy(chain, leaf.data, leaf.len);
    memcpy(chain + leaf.len, cas->issuing.der.data, cas->issuing.der.len);
    assert_int_equal(AGENT_ACCEPTED, verdict(chain, leaf.len + cas->issuing.der.len, &cas->root));
    assert_int_equal(AGENT_UNTRUSTED, verdict(chain, leaf.len + cas->issuing.der.len, &cas->stranger));
    cr_blob_fini(&leaf);
}

static void test_wrong_certificates(void **state)
{
    struct cas *cas = *state;
    struct cr_blob leaf = { 0 };
    struct cr_profile slot = profile();
    answer(&leaf, &cas->stranger, &slot, DEVICE); /* the issuer's name, another key */
    assert_int_equal(AGENT_UNTRUSTED, verdict(leaf.data, leaf.len, &cas->issuing));
    cr_blob_fini(&leaf);
    static const char *const others[] = { "meter-1", "meter-170", "METER-17", "x" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        answer(&leaf, &cas->issuing, &slot, others[i]);
        assert_int_equal(AGENT_OTHER_IDENTITY, verdict(leaf.data, leaf.len, &cas->issuing));
        cr_blob_fini(&leaf);
    }
    slot.ext_key_usage = CR_EKU_SERVER_AUTH;
    answer(&leaf, &cas->issuing, &slot, DEVICE);
    assert_int_equal(AGENT_NOT_FOR_CLIENTS, verdict(leaf.data, leaf.len, &cas->issuing));
    cr_blob_fini(&leaf);
    slot = profile();
    answer(&leaf, &cas->issuing, &slot, DEVICE);
    request_make(DEVICE); /* another key now */
    assert_int_equal(AGENT_OTHER_KEY, verdict(leaf.data, leaf.len, &cas->issuing));
    assert_int_equal(AGENT_OTHER_KEY, verdict(cas->issuing.der.data, cas->issuing.der.len, &cas->issuing));
    cr_blob_fini(&leaf);
}

static void test_every_damaged_byte_is_noticed(void **state)
{
    struct cas *cas = *state;
    struct cr_blob leaf = { 0 };
    const struct cr_profile slot = profile();
    answer(&leaf, &cas->issuing, &slot, DEVICE);
    for (size_t i = 0; i < leaf.len; i++) {
        leaf.data[i] ^= (uint8_t)(1u << (i % 8));
        assert_int_not_equal(AGENT_ACCEPTED, verdict(leaf.data, leaf.len, &cas->issuing));
        leaf.data[i] ^= (uint8_t)(1u << (i % 8));
    }
    for (size_t len = 0; len < leaf.len; len++) {
        assert_int_equal(AGENT_UNREADABLE, verdict(leaf.data, len, &cas->issuing));
    }
    assert_int_equal(AGENT_ACCEPTED, verdict(leaf.data, leaf.len, &cas->issuing));
    cr_blob_fini(&leaf);
}

static void test_without_trust_there_is_no_verdict(void **state)
{
    struct cas *cas = *state;
    enum agent_refusal refusal = AGENT_ACCEPTED;
    struct agent_validity validity = { 0, 0 };
    assert_int_equal(AGENT_CRYPTO, agent_mbedtls.chain_check(&ports, key, key_len, cas->root.der.data,
                                                             cas->root.der.len, (const uint8_t *)"", 0, DEVICE,
                                                             &refusal, &validity));
}

/* --- trust bundles --- */

static bool signed_by(const uint8_t *signer, size_t signer_len, const struct test_ca *trusted, const char *message,
                      const uint8_t *signature, size_t signature_len)
{
    bool verdict = true;
    assert_int_equal(AGENT_OK, agent_mbedtls.signer_check(&ports, signer, signer_len, trusted->der.data,
                                                          trusted->der.len, (const uint8_t *)message, strlen(message),
                                                          signature, signature_len, &verdict));
    return verdict;
}

static void sign(uint8_t signature[AGENT_SIGNATURE_MAX], size_t *len, const struct test_ca *ca, const char *message)
{
    *len = AGENT_SIGNATURE_MAX;
    assert_int_equal(CR_OK, test_ca_sign((void *)ca, (struct cr_bytes){ (const uint8_t *)message, strlen(message) },
                                         signature, len));
}

static void test_signers_of_every_kind(void **state)
{
    (void)state;
    static const enum cr_key_type types[] = { CR_KEY_EC_P256, CR_KEY_EC_P384, CR_KEY_RSA };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct cas cas;
        uint8_t signature[AGENT_SIGNATURE_MAX];
        size_t len = 0;
        test_ca_make(&cas.root, "Root", NULL, types[i]);
        test_ca_make(&cas.issuing, "Issuing", &cas.root, types[i]);
        test_ca_make(&cas.stranger, "Issuing", NULL, types[i]);
        const struct cr_blob *der = &cas.issuing.der;
        sign(signature, &len, &cas.issuing, "message");
        assert_true(signed_by(der->data, der->len, &cas.root, "message", signature, len));
        assert_true(signed_by(der->data, der->len, &cas.issuing, "message", signature, len)); /* trusted as it is */
        assert_false(signed_by(der->data, der->len, &cas.stranger, "message", signature, len));
        assert_false(signed_by(der->data, der->len, &cas.root, "massage", signature, len));
        assert_false(signed_by(der->data, der->len, &cas.root, "message", signature, len - 1));
        assert_false(signed_by(der->data, der->len, &cas.root, "message", signature, 0));
        assert_false(signed_by(der->data, der->len - 1, &cas.root, "message", signature, len));
        signature[len - 1] ^= 1;
        assert_false(signed_by(der->data, der->len, &cas.root, "message", signature, len));
        sign(signature, &len, &cas.stranger, "message"); /* the issuer's name, another key */
        assert_false(signed_by(der->data, der->len, &cas.root, "message", signature, len));
        test_ca_fini(&cas.root);
        test_ca_fini(&cas.issuing);
        test_ca_fini(&cas.stranger);
    }
}

/* A device has a key and a certificate below the same CA, and must not be able to say whom others are to believe. */
static void test_a_device_signs_nothing(void **state)
{
    struct cas *cas = *state;
    struct cr_blob leaf = { 0 };
    struct test_ca device = { 0 };
    const struct cr_profile slot = profile();
    uint8_t signature[AGENT_SIGNATURE_MAX];
    size_t len = 0;
    test_ca_make(&device, "unused", NULL, CR_KEY_EC_P256);
    struct cr_cert_intent intent = { .serial = { .octets = { 0x42 }, .len = 1 }, .not_before = TEST_PKI_NOW,
                                     .not_after = TEST_PKI_NOW + 86400 };
    struct cr_cert_request request = { .profile = &slot, .device = "meter-18", .spki = cr_blob_view(&device.spki) };
    assert_int_equal(CR_OK, cr_cert_build(&leaf, &request, &intent, &cas->issuing.cert, CR_SIG_ECDSA_SHA256,
                                          test_ca_sign, &cas->issuing));
    sign(signature, &len, &device, "message");
    assert_false(signed_by(leaf.data, leaf.len, &cas->issuing, "message", signature, len));
    cr_blob_fini(&leaf);
    test_ca_fini(&device);
}

static void test_trust_sets(void **state)
{
    struct cas *cas = *state;
    struct cr_blob leaf = { 0 };
    const struct cr_profile slot = profile();
    uint8_t set[AGENT_TRUST_MAX];
    size_t one = cas->root.der.len, len = 0;
    answer(&leaf, &cas->issuing, &slot, DEVICE);
    assert_false(agent_mbedtls.trust_check(set, 0));
    assert_true(agent_mbedtls.trust_check(cas->root.der.data, one));
    assert_false(agent_mbedtls.trust_check(cas->root.der.data, one - 1));
    assert_false(agent_mbedtls.trust_check(leaf.data, leaf.len)); /* not a CA's */
    memcpy(set, cas->root.der.data, one);
    memcpy(set + one, leaf.data, leaf.len);
    assert_false(agent_mbedtls.trust_check(set, one + leaf.len));
    for (unsigned count = 0; len + one <= sizeof set; count++, len += one) {
        memcpy(set + len, cas->root.der.data, one);
        assert_true(agent_mbedtls.trust_check(set, len + one) == (count < AGENT_TRUST_CERTS_MAX));
    }
    cr_blob_fini(&leaf);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_requests_are_accepted), T(test_small_buffers_and_no_random_numbers), T(test_good_chains),
        T(test_wrong_certificates), T(test_every_damaged_byte_is_noticed), T(test_without_trust_there_is_no_verdict),
        T(test_signers_of_every_kind), T(test_a_device_signs_nothing), T(test_trust_sets),
    };
    return cmocka_run_group_tests_name("agent, cryptography", tests, NULL, NULL);
}
