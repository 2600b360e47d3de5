/* weak_list: fingerprints as others compute them, and a list that finds what is on it and nothing else. */
#include "common/weak_list.h"
#include "tests/support/forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

/* A key of `openssl genrsa 2048`, and what `openssl rsa -noout -modulus | sha1sum | cut -c 21-40` says of it. */
static const char known_modulus[] =
    "BC32EF5DB73D44A356B3F48DD6DF07B33A9CBF5371F3FAB024C8815153516346"
    "9546FD3849A55E534F66225741679E4E593BB65B2FA599ED87697460F19FAC28"
    "B59614DD5E627C35DCE973E565E4A9F4B12AF3ED51D7B02FFBCC5CBF6FE0359C"
    "DEF30E96253F3DD03D0027D592459215AB646CDAF96E928B6D10AD76A106F375"
    "2F31A07E5DC45919571CBA018C50BEC61918867AB1C8CD5A6E0B252A97390A4C"
    "B2A4F536AA915F1A39111265321AB165E73F9D221D7536C0B442A05BA2750277"
    "31256D8DFD707CE635EA39910061BFC82E05CD0F926BD931636C6814412D98D8"
    "C7F20950C2C1C1EE57AF754945CCA6A62129530AAB451FD341F386F143346031";
static const char known_print[] = "20ba52e465b7c46bc380";

/* A key of P-256, and what `openssl pkey -pubout -outform DER | sha1sum | cut -c 21-40` says of it. */
static const char known_spki[] =
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004eb2f677415"
    "7b94e8cd6ccb9db57ba564b28999aca1e10fdd3c1debf074ea1fb7f64929ca15"
    "371a95e9c6ea7c66eec2beae869711513874e7b360a965ef291ded";
static const char known_spki_print[] = "41152d99a4154017444b";

static struct cr_public_key rsa_of(uint8_t *octets, size_t cap, const char *modulus_hex)
{
    struct cr_public_key key = { .type = CR_KEY_RSA };
    size_t len = 0;
    assert_int_equal(cr_hex_decode(octets, cap, &len, modulus_hex), CR_OK);
    key.modulus = (struct cr_bytes){ octets, len };
    key.bits = (unsigned)len * 8;
    return key;
}

static void expect_print(const char *modulus_hex, const char *print)
{
    uint8_t octets[512], entry[CR_WEAK_LEN];
    char text[2 * CR_WEAK_LEN + 1];
    struct cr_public_key key = rsa_of(octets, sizeof octets, modulus_hex);
    assert_int_equal(cr_weak_fingerprint(entry, &key), CR_OK);
    cr_hex_encode(text, entry, sizeof entry);
    assert_string_equal(text, print);
}

static void fingerprints_are_those_of_openssl(void **state)
{
    (void)state;
    expect_print(known_modulus, known_print);
    expect_print("0dead0", "43aa6131b03f71c5eafd"); /* printf 'Modulus=DEAD0\\n': no digit that is not needed */

    uint8_t spki[256], entry[CR_WEAK_LEN];
    char text[2 * CR_WEAK_LEN + 1];
    size_t len = 0;
    struct cr_public_key key;
    assert_int_equal(cr_hex_decode(spki, sizeof spki, &len, known_spki), CR_OK);
    assert_int_equal(cr_public_key_parse(&key, (struct cr_bytes){ spki, len }), CR_OK);
    assert_int_equal(cr_weak_fingerprint(entry, &key), CR_OK);
    cr_hex_encode(text, entry, sizeof entry);
    assert_string_equal(text, known_spki_print);
}

static void keys_of_no_kind_have_none(void **state)
{
    (void)state;
    static uint8_t large[513] = { 0x80 };
    uint8_t entry[CR_WEAK_LEN];
    const struct cr_public_key keys[] = {
        { .type = CR_KEY_EC_P256, .bits = 256, .modulus = { large, 256 } },
        { .type = CR_KEY_NONE, .modulus = { large, 256 } },
        { .type = CR_KEY_RSA, .modulus = { large, 0 } },
        { .type = CR_KEY_RSA, .bits = 4104, .modulus = { large, 513 } },
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_int_equal(cr_weak_fingerprint(entry, &keys[i]), CR_INVALID);
    }
    const struct cr_public_key largest = { .type = CR_KEY_RSA, .bits = 4096, .modulus = { large, 512 } };
    assert_int_equal(cr_weak_fingerprint(entry, &largest), CR_OK);
}

static bool has(const struct cr_weak_list *list, const struct cr_public_key *key)
{
    bool listed = true;
    assert_int_equal(cr_weak_list_has(&listed, list, key), CR_OK);
    return listed;
}

/* A generated key, first as its only entry, then first, last and in the middle of others, then not. */
static void is_found_unlike(struct cr_bytes spki, struct cr_bytes other_spki)
{
    struct cr_public_key key, other;
    struct cr_weak_list list;
    uint8_t entry[CR_WEAK_LEN], low[CR_WEAK_LEN], high[CR_WEAK_LEN];
    assert_int_equal(cr_public_key_parse(&key, spki), CR_OK);
    assert_int_equal(cr_public_key_parse(&other, other_spki), CR_OK);
    assert_int_equal(cr_weak_fingerprint(entry, &key), CR_OK);
    memcpy(low, entry, sizeof low);
    memcpy(high, entry, sizeof high);
    low[CR_WEAK_LEN - 1]--; /* differing in nothing but the last byte, which a shorter comparison would not see */
    high[CR_WEAK_LEN - 1]++;
    for (unsigned others = 0; others < 8; others++) {
        assert_int_equal(cr_weak_list_init(&list, 4), CR_OK);
        if ((others & 1) != 0) {
            assert_int_equal(cr_weak_list_add(&list, high), CR_OK);
        }
        if ((others & 2) != 0) {
            assert_int_equal(cr_weak_list_add(&list, entry), CR_OK);
        }
        if ((others & 4) != 0) {
            assert_int_equal(cr_weak_list_add(&list, low), CR_OK);
            assert_int_equal(cr_weak_list_add(&list, low), CR_OK);
        }
        cr_weak_list_sort(&list);
        assert_int_equal(has(&list, &key), (others & 2) != 0);
        assert_false(has(&list, &other));
        cr_weak_list_fini(&list);
    }
}

static void keys_are_found_by_their_own_fingerprint(void **state)
{
    (void)state;
    struct forge f;
    forge_init(&f);
    is_found_unlike(forge_spki(&f, forge_key_rsa(&f, 2048, 65537), NULL, NULL),
                    forge_spki(&f, forge_key_rsa(&f, 2048, 65537), NULL, NULL));
    is_found_unlike(forge_spki(&f, forge_key_ec(&f, "P-256"), "uncompressed", "named_curve"),
                    forge_spki(&f, forge_key_ec(&f, "P-256"), "uncompressed", "named_curve"));
    is_found_unlike(forge_spki(&f, forge_key_ec(&f, "P-384"), "uncompressed", "named_curve"),
                    forge_spki(&f, forge_key_rsa(&f, 2048, 65537), NULL, NULL));
    forge_fini(&f);
}

static void without_a_list_no_key_is_listed(void **state)
{
    (void)state;
    uint8_t octets[512], entry[CR_WEAK_LEN];
    struct cr_public_key key = rsa_of(octets, sizeof octets, known_modulus);
    struct cr_weak_list list;
    assert_false(has(NULL, &key));
    assert_int_equal(cr_weak_list_init(&list, 1), CR_OK);
    assert_false(has(&list, &key));
    assert_int_equal(cr_weak_fingerprint(entry, &key), CR_OK);
    assert_int_equal(cr_weak_list_add(&list, entry), CR_OK);
    assert_true(has(&list, &key));
    key.modulus.len = 0; /* what cannot be told is an error, not an absence */
    bool listed = false;
    assert_int_equal(cr_weak_list_has(&listed, &list, &key), CR_INVALID);
    cr_weak_list_fini(&list);
}

static void lists_are_bounded(void **state)
{
    (void)state;
    static const uint8_t entry[CR_WEAK_LEN];
    struct cr_weak_list list;
    assert_int_equal(cr_weak_list_init(&list, (size_t)CR_WEAK_LIST_MAX + 1), CR_FULL);
    cr_weak_list_fini(&list);
    assert_int_equal(cr_weak_list_init(&list, 2), CR_OK);
    assert_int_equal(cr_weak_list_add(&list, entry), CR_OK);
    assert_int_equal(cr_weak_list_add(&list, entry), CR_OK);
    assert_int_equal(cr_weak_list_add(&list, entry), CR_FULL);
    assert_int_equal(list.count, 2);
    cr_weak_list_fini(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_are_those_of_openssl),
        cmocka_unit_test(keys_of_no_kind_have_none),
        cmocka_unit_test(keys_are_found_by_their_own_fingerprint),
        cmocka_unit_test(without_a_list_no_key_is_listed),
        cmocka_unit_test(lists_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
