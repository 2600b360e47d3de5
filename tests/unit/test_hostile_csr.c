/* Bad inputs 1-28 against the rules for requests, each line by its number: structure, and proof of possession. */
#include "tests/support/hostile_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static void hostile_01_empty_or_one_byte(void **state)
{
    hostile_refused(state, 1);
}

static void hostile_02_attribute_of_1_mb(void **state)
{
    static const uint8_t large[CR_CSR_MAX + 1] = { 0x30, 0x80 };
    struct cr_bytes payload = { large, sizeof large };
    struct cr_csr csr;
    struct cr_blob der;
    hostile_refused(state, 2);
    /* Each door has the same lock. */
    assert_int_equal(cr_csr_parse(&csr, payload), CR_REFUSAL_TOO_LARGE);
    assert_int_equal(cr_csr_from_pem(&der, payload), CR_REFUSAL_TOO_LARGE);
}

static void hostile_03_truncated_at_every_offset(void **state)
{
    struct hostile_fixture *fixture = *state;
    struct cr_bytes der = hostile_good(fixture), pem = forge_pem(&fixture->cast.f, "CERTIFICATE REQUEST", der);
    hostile_refused(state, 3);
    for (size_t len = 0; len < der.len; len++) {
        struct cr_csr csr;
        /* A copy of its own, so that a sanitizer sees a read behind its end. */
        struct cr_blob part;
        assert_int_equal(cr_blob_copy(&part, der.data, len), CR_OK);
        assert_int_equal(cr_csr_parse(&csr, cr_blob_view(&part)), CR_REFUSAL_MALFORMED_CSR);
        cr_blob_fini(&part);
    }
    size_t whole = pem.len - 1; /* the last line end may be missing */
    for (size_t len = 1; len < whole; len++) {
        struct cr_blob part;
        assert_int_equal(cr_csr_from_pem(&part, (struct cr_bytes){ pem.data, len }), CR_REFUSAL_MALFORMED_PEM);
        assert_null(part.data);
    }
}

static void hostile_04_trailing_byte(void **state)
{
    hostile_refused(state, 4);
}

static void hostile_05_non_minimal_lengths(void **state)
{
    hostile_refused(state, 5);
}

static void hostile_06_indefinite_length(void **state)
{
    hostile_refused(state, 6);
}

static void hostile_07_info_swallows_the_signature(void **state)
{
    hostile_refused(state, 7);
}

static void hostile_08_version_not_0(void **state)
{
    hostile_refused(state, 8);
}

static void hostile_09_no_attributes(void **state)
{
    hostile_refused(state, 9);
}

static void hostile_10_attribute_5000_deep(void **state)
{
    struct hostile_fixture *fixture = *state;
    hostile_csr_each(&fixture->cast, 10, hostile_try, fixture); /* the deepest that is allowed is among them */
}

static void hostile_11_5000_rdns(void **state)
{
    hostile_refused(state, 11);
}

static void hostile_12_500_extensions(void **state)
{
    hostile_refused(state, 12);
}

static void hostile_13_two_pem_blocks(void **state)
{
    hostile_refused(state, 13);
}

static void hostile_14_junk_around_pem(void **state)
{
    hostile_refused(state, 14);
}

static void hostile_15_pem_nul_pem(void **state)
{
    hostile_refused(state, 15);
}

static void hostile_16_pem_without_final_nul(void **state)
{
    hostile_issued(state, 16);
}

static void hostile_17_encrypted_pem_header(void **state)
{
    hostile_refused(state, 17);
}

static void hostile_18_certificate_or_pkcs7(void **state)
{
    hostile_refused(state, 18);
}

static void hostile_19_private_key(void **state)
{
    hostile_refused(state, 19);
    assert_true(cr_refusal_info(CR_REFUSAL_PRIVATE_KEY_SENT)->alarm);
}

static void hostile_20_wrong_signature(void **state)
{
    hostile_refused(state, 20);
}

static void hostile_21_empty_signature(void **state)
{
    hostile_refused(state, 21);
}

static void hostile_22_zero_signature(void **state)
{
    hostile_refused(state, 22);
}

static void hostile_23_signature_by_another_key(void **state)
{
    hostile_refused(state, 23);
}

static void hostile_24_bytes_after_signature(void **state)
{
    hostile_refused(state, 24);
}

static void hostile_25_unused_bits(void **state)
{
    hostile_refused(state, 25);
}

static void hostile_26_algorithm_and_key_disagree(void **state)
{
    hostile_refused(state, 26);
}

static void hostile_27_sha1_and_md5(void **state)
{
    hostile_refused(state, 27);
}

static void hostile_28_malleated_signature(void **state)
{
    struct hostile_fixture *fixture = *state;
    uint8_t original[CR_SHA256_LEN], malleated[CR_SHA256_LEN];
    const struct hostile_csr *row = hostile_proof;
    hostile_issued(state, 28);
    while (row->number != 28) {
        row++;
    }
    hostile_key_hash(fixture, hostile_good(fixture), original);
    hostile_key_hash(fixture, row->payload(&fixture->cast), malleated);
    assert_memory_equal(original, malleated, CR_SHA256_LEN); /* the same renewal */
}

/* The ordinary request, in every format, is what all of the above differ from. */
static void good_requests_are_accepted(void **state)
{
    struct hostile_fixture *fixture = *state;
    struct cr_csr_message message;
    struct cr_csr csr;
    struct cr_bytes der = hostile_good(fixture);
    const struct cr_bytes payloads[] = { der, forge_pem(&fixture->cast.f, "CERTIFICATE REQUEST", der),
                                         forge_pem(&fixture->cast.f, "NEW CERTIFICATE REQUEST", der) };
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        assert_int_equal(hostile_accept(fixture, &message, &csr, payloads[i], &fixture->profile,
                                        cr_key_libcrypto()),
                         CR_REFUSAL_NONE);
        hostile_check_issued(&fixture->cast, fixture, &csr);
        cr_csr_message_fini(&message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests_are_accepted),
        cmocka_unit_test(hostile_01_empty_or_one_byte),
        cmocka_unit_test(hostile_02_attribute_of_1_mb),
        cmocka_unit_test(hostile_03_truncated_at_every_offset),
        cmocka_unit_test(hostile_04_trailing_byte),
        cmocka_unit_test(hostile_05_non_minimal_lengths),
        cmocka_unit_test(hostile_06_indefinite_length),
        cmocka_unit_test(hostile_07_info_swallows_the_signature),
        cmocka_unit_test(hostile_08_version_not_0),
        cmocka_unit_test(hostile_09_no_attributes),
        cmocka_unit_test(hostile_10_attribute_5000_deep),
        cmocka_unit_test(hostile_11_5000_rdns),
        cmocka_unit_test(hostile_12_500_extensions),
        cmocka_unit_test(hostile_13_two_pem_blocks),
        cmocka_unit_test(hostile_14_junk_around_pem),
        cmocka_unit_test(hostile_15_pem_nul_pem),
        cmocka_unit_test(hostile_16_pem_without_final_nul),
        cmocka_unit_test(hostile_17_encrypted_pem_header),
        cmocka_unit_test(hostile_18_certificate_or_pkcs7),
        cmocka_unit_test(hostile_19_private_key),
        cmocka_unit_test(hostile_20_wrong_signature),
        cmocka_unit_test(hostile_21_empty_signature),
        cmocka_unit_test(hostile_22_zero_signature),
        cmocka_unit_test(hostile_23_signature_by_another_key),
        cmocka_unit_test(hostile_24_bytes_after_signature),
        cmocka_unit_test(hostile_25_unused_bits),
        cmocka_unit_test(hostile_26_algorithm_and_key_disagree),
        cmocka_unit_test(hostile_27_sha1_and_md5),
        cmocka_unit_test(hostile_28_malleated_signature),
    };
    return cmocka_run_group_tests(tests, hostile_set_up, hostile_tear_down);
}
