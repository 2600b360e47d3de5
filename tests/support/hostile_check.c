#include "tests/support/hostile_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

/* A list on which the listed key is neither the first nor the last. */
static void list_make(struct hostile_fixture *fixture)
{
    struct cr_public_key key;
    uint8_t entry[CR_WEAK_LEN], other[CR_WEAK_LEN];
    struct cr_bytes spki = forge_spki(&fixture->cast.f, fixture->cast.listed_key, NULL, NULL);
    assert_int_equal(cr_public_key_parse(&key, spki), CR_OK);
    assert_int_equal(cr_weak_fingerprint(entry, &key), CR_OK);
    assert_int_equal(cr_weak_list_init(&fixture->weak, 257), CR_OK);
    for (unsigned i = 0; i <= 256; i++) {
        memset(other, (int)(i & 0xff), sizeof other);
        assert_int_equal(cr_weak_list_add(&fixture->weak, i == 256 ? entry : other), CR_OK);
    }
    cr_weak_list_sort(&fixture->weak);
}

int hostile_set_up(void **state)
{
    static struct hostile_fixture fixture;
    hostile_cast_init(&fixture.cast, HOSTILE_DEVICE, HOSTILE_OTHER);
    cr_profile_default(&fixture.profile, "operational");
    fixture.rsa_profile = fixture.profile;
    fixture.rsa_profile.key_types |= CR_ALLOW_RSA;
    fixture.rsa_profile.rsa_min_bits = 2048;
    fixture.rsa_profile.rsa_max_bits = 4096;
    list_make(&fixture);
    *state = &fixture;
    return 0;
}

int hostile_tear_down(void **state)
{
    struct hostile_fixture *fixture = *state;
    cr_weak_list_fini(&fixture->weak);
    hostile_cast_fini(&fixture->cast);
    return 0;
}

/* The way of a payload: its format, then every rule in order. The request's views go with the message. */
enum cr_refusal hostile_accept(const struct hostile_fixture *fixture, struct cr_csr_message *message,
                               struct cr_csr *csr, struct cr_bytes payload, const struct cr_profile *profile,
                               const struct cr_key_backend *backend)
{
    enum cr_refusal refusal = cr_csr_message_parse(message, payload);
    if (refusal == CR_REFUSAL_NONE) {
        refusal = cr_csr_accept(csr, cr_blob_view(&message->csr_der), profile, HOSTILE_DEVICE, &fixture->weak,
                                backend);
    }
    return refusal;
}

static void expect(const struct hostile_csr *row, enum cr_refusal got, const char *backend)
{
    if (got != row->refusal) {
        fail_msg("hostile %u (%s), %s: got %s, must get %s", row->number, row->what, backend,
                 cr_refusal_info(got)->error_code, cr_refusal_info(row->refusal)->error_code);
    }
}

/* By both backends, and with what the device would send: nothing in it may depend on which one is configured. */
void hostile_try(void *ctx, struct hostile_cast *cast, const struct hostile_csr *row)
{
    const struct hostile_fixture *fixture = ctx;
    const struct cr_key_backend *const backends[] = { cr_key_libcrypto(), cr_key_mbedtls() };
    struct cr_bytes payload = row->payload(cast);
    for (size_t i = 0; i < 2; i++) {
        struct cr_csr_message message;
        struct cr_csr csr;
        const struct cr_profile *profile = row->rsa ? &fixture->rsa_profile : &fixture->profile;
        enum cr_refusal got = hostile_accept(fixture, &message, &csr, payload, profile, backends[i]);
        expect(row, got, backends[i]->name);
        cr_csr_message_fini(&message);
    }
}

static void must_be_refused(void *ctx, struct hostile_cast *cast, const struct hostile_csr *row)
{
    assert_int_not_equal(row->refusal, CR_REFUSAL_NONE);
    hostile_try(ctx, cast, row);
}

/* Every row of this number is refused as its row says. */
void hostile_refused(void **state, unsigned number)
{
    struct hostile_fixture *fixture = *state;
    assert_true(hostile_csr_each(&fixture->cast, number, must_be_refused, fixture) > 0);
}

static cr_err sign_as_ca(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    struct hostile_cast *cast = ctx;
    struct cr_bytes made = forge_sign(&cast->f, cast->ca_key, "SHA256", tbs);
    assert_true(made.len <= *sig_len);
    memcpy(sig, made.data, made.len);
    *sig_len = made.len;
    return CR_OK;
}

/* What a request is issued whose wishes are ignored: exactly what the profile says. */
void hostile_check_issued(struct hostile_cast *cast, const struct hostile_fixture *fixture, const struct cr_csr *csr)
{
    const struct cr_cert_intent ca_intent = { { { 1 }, 1 }, 1700000000, 2000000000 };
    const struct cr_cert_intent intent = { { { 2 }, 1 }, 1800000000, 1800000000 + fixture->profile.lifetime_s };
    const struct cr_ca_request ca_request = {
        "Test CA", forge_spki(&cast->f, cast->ca_key, "uncompressed", "named_curve"), 0,
    };
    const struct cr_cert_request request = { &fixture->profile, HOSTILE_DEVICE, csr->key.spki, csr->san_requested };
    struct cr_blob ca_der = { NULL, 0 }, der = { NULL, 0 };
    struct cr_cert ca, cert;
    assert_int_equal(cr_cert_build_ca(&ca_der, &ca_request, &ca_intent, NULL, CR_SIG_ECDSA_SHA256, sign_as_ca, cast),
                     CR_OK);
    assert_int_equal(cr_cert_parse(&ca, cr_blob_view(&ca_der)), CR_OK);
    assert_int_equal(cr_cert_build(&der, &request, &intent, &ca, CR_SIG_ECDSA_SHA256, sign_as_ca, cast), CR_OK);
    assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&der)), CR_OK);
    assert_false(cert.is_ca);
    assert_false(cert.key_cert_sign);
    assert_true(cert.client_auth);
    assert_string_equal(cert.facts.device, HOSTILE_DEVICE);
    assert_int_equal(cert.facts.not_after - cert.facts.not_before, fixture->profile.lifetime_s);
    struct cr_bytes server_auth = cr_oid(CR_OID_EKU_SERVER), code_signing = cr_oid(CR_OID_EKU_CODE);
    assert_null(memmem(der.data, der.len, server_auth.data, server_auth.len));
    assert_null(memmem(der.data, der.len, code_signing.data, code_signing.len));
    assert_null(memmem(der.data, der.len, "correct horse", strlen("correct horse")));
    cr_blob_fini(&der);
    cr_blob_fini(&ca_der);
}

static void must_be_issued(void *ctx, struct hostile_cast *cast, const struct hostile_csr *row)
{
    struct hostile_fixture *fixture = ctx;
    struct cr_csr_message message;
    struct cr_csr csr;
    assert_int_equal(row->refusal, CR_REFUSAL_NONE);
    hostile_try(ctx, cast, row);
    assert_int_equal(hostile_accept(fixture, &message, &csr, row->payload(cast), &fixture->profile,
                                    cr_key_libcrypto()),
                     CR_REFUSAL_NONE);
    hostile_check_issued(cast, fixture, &csr);
    cr_csr_message_fini(&message);
}

void hostile_issued(void **state, unsigned number)
{
    struct hostile_fixture *fixture = *state;
    assert_true(hostile_csr_each(&fixture->cast, number, must_be_issued, fixture) > 0);
}

/* The hash that a request is known by: of the public key, whatever else is in the request. */
void hostile_key_hash(struct hostile_fixture *fixture, struct cr_bytes payload, uint8_t hash[CR_SHA256_LEN])
{
    struct cr_csr_message message;
    struct cr_csr csr;
    assert_int_equal(hostile_accept(fixture, &message, &csr, payload, &fixture->profile, cr_key_libcrypto()),
                     CR_REFUSAL_NONE);
    memcpy(hash, csr.key_hash, CR_SHA256_LEN);
    cr_csr_message_fini(&message);
}

/* Accepted by the rules, and recognised by the key it is for. */
void hostile_known_by_key(void **state, unsigned number, EVP_PKEY *const *keys)
{
    struct hostile_fixture *fixture = *state;
    struct hostile_cast *cast = &fixture->cast;
    for (const struct hostile_csr *row = hostile_key; row->number != 0; row++) {
        if (row->number != number) {
            continue;
        }
        uint8_t asked[CR_SHA256_LEN], known[CR_SHA256_LEN];
        struct cr_bytes spki = forge_spki(&cast->f, *keys++, "uncompressed", "named_curve");
        assert_int_equal(cr_sha256(known, spki.data, spki.len), CR_OK);
        hostile_key_hash(fixture, row->payload(cast), asked);
        assert_memory_equal(asked, known, CR_SHA256_LEN);
    }
}

struct cr_bytes hostile_good(struct hostile_fixture *fixture)
{
    struct csr_recipe recipe = csr_recipe_good(&fixture->cast.f, fixture->cast.key, HOSTILE_DEVICE);
    return csr_recipe_der(&fixture->cast.f, &recipe);
}
