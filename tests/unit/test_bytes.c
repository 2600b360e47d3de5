#include "common/bytes.h"
#include "common/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void blob_copies_and_moves(void **state)
{
    (void)state;
    struct cr_blob a = { NULL, 0 }, b = { NULL, 0 };
    assert_int_equal(cr_blob_copy(&a, "one\0two", 7), CR_OK);
    assert_int_equal(a.len, 7);
    assert_memory_equal(a.data, "one\0two", 8); /* with the NUL behind it */
    cr_blob_move(&b, &a);
    assert_null(a.data);
    assert_int_equal(a.len, 0);
    assert_int_equal(cr_blob_view(&b).len, 7);
    cr_blob_fini(&b);
    assert_null(b.data);
    cr_blob_fini(&b);
    assert_int_equal(cr_blob_copy(&a, NULL, 0), CR_OK);
    assert_non_null(a.data);
    assert_int_equal(a.data[0], 0);
    cr_blob_fini(&a);
    assert_int_equal(cr_blob_copy(&a, "x", SIZE_MAX), CR_NOMEM);
    assert_null(a.data);
}

static void text_is_copied_whole_or_not_at_all(void **state)
{
    (void)state;
    char to[4] = "???";
    assert_int_equal(cr_text_copy(to, sizeof to, "abc"), CR_OK);
    assert_string_equal(to, "abc");
    assert_int_equal(cr_text_copy(to, sizeof to, "abcd"), CR_FULL);
    assert_string_equal(to, "");
    assert_int_equal(cr_text_copy(to, 1, ""), CR_OK);
    assert_int_equal(cr_text_copy(to, 0, ""), CR_FULL);
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    const uint8_t data[] = { 0x00, 0x7f, 0x80, 0xab, 0xff };
    char text[2 * sizeof data + 1];
    uint8_t back[8];
    size_t len = 99;
    cr_hex_encode(text, data, sizeof data);
    assert_string_equal(text, "007f80abff");
    assert_int_equal(cr_hex_decode(back, sizeof back, &len, "007F80aBff"), CR_OK);
    assert_int_equal(len, sizeof data);
    assert_memory_equal(back, data, sizeof data);
    assert_int_equal(cr_hex_decode(back, sizeof back, &len, "09afAF"), CR_OK);
    assert_memory_equal(back, "\x09\xaf\xaf", 3);
    assert_int_equal(cr_hex_decode(back, sizeof back, &len, ""), CR_OK);
    assert_int_equal(len, 0);
    assert_int_equal(cr_hex_decode(back, 5, &len, "007f80abff"), CR_OK);
    assert_int_equal(cr_hex_decode(back, 4, &len, "007f80abff"), CR_FULL);
    assert_int_equal(len, 0);
}

static void hex_refuses_anything_else(void **state)
{
    (void)state;
    static const char *const bad[] = { "0", "000", "0g", "g0", " 00", "00 ", "0x00", "00:11", "\xff\xff", "/0", ":0" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t back[8];
        size_t len = 99;
        assert_int_equal(cr_hex_decode(back, sizeof back, &len, bad[i]), CR_INVALID);
        assert_int_equal(len, 0);
    }
}

/* RFC 4648 section 10, and the two digits in which the alphabets differ. */
static const struct {
    const char *data, *base64, *base64url;
} vectors[] = {
    { "", "", "" },
    { "f", "Zg==", "Zg" },
    { "fo", "Zm8=", "Zm8" },
    { "foo", "Zm9v", "Zm9v" },
    { "foob", "Zm9vYg==", "Zm9vYg" },
    { "fooba", "Zm9vYmE=", "Zm9vYmE" },
    { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
    { "\xfb\xff\xbf", "+/+/", "-_-_" },
    { "\x03\xf6\x9a", "A/aa", "A_aa" },
    { "\x65\xcb\x3d", "Zcs9", "Zcs9" },
    { "\xd3\xc0\xb3", "08Cz", "08Cz" },
};

static void base64_knows_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[16];
        uint8_t back[8];
        size_t data_len = strlen(vectors[i].data), len = 99;
        const uint8_t *data = (const uint8_t *)vectors[i].data;
        assert_int_equal(cr_base64_encode(text, CR_BASE64_LEN(data_len), data, data_len), CR_OK);
        assert_string_equal(text, vectors[i].base64);
        assert_int_equal(cr_base64_encode(text, CR_BASE64_LEN(data_len) - 1, data, data_len), CR_FULL);
        size_t text_len = strlen(vectors[i].base64);
        assert_int_equal(cr_base64_decode(back, data_len, &len, vectors[i].base64, text_len), CR_OK);
        assert_int_equal(len, data_len);
        assert_memory_equal(back, data, data_len);
        if (data_len > 0) {
            assert_int_equal(cr_base64_decode(back, data_len - 1, &len, vectors[i].base64, text_len), CR_FULL);
        }
        assert_int_equal(cr_base64_decode(NULL, 0, &len, vectors[i].base64, text_len), CR_OK);
        assert_int_equal(len, data_len);
        cr_base64url_encode(text, data, data_len);
        assert_string_equal(text, vectors[i].base64url);
    }
}

static void base64_is_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zm8", "Zg===", "====", "=", "Z===", "Zg==Zg==", "Zm9v\n", "Zm9v\nYg==", " Zm9v", "Zm9-",
        "Zm_v", "Zh==" /* unused bits */, "Zm9=", "Zm\xc3\xa9", "Z=g=",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t back[16];
        size_t len = 99;
        assert_int_equal(cr_base64_decode(back, sizeof back, &len, bad[i], strlen(bad[i])), CR_INVALID);
        assert_int_equal(len, 0);
    }
    size_t len = 99;
    assert_int_equal(cr_base64_decode(NULL, 0, &len, "Zm9\0", 4), CR_INVALID);
}

static void base64_of_every_length_comes_back(void **state)
{
    (void)state;
    uint8_t data[100], back[100];
    assert_int_equal(cr_random_fill(cr_random_system(), data, sizeof data), CR_OK);
    for (size_t n = 0; n <= sizeof data; n++) {
        char text[CR_BASE64_LEN(sizeof data)];
        size_t len = 0;
        assert_int_equal(cr_base64_encode(text, sizeof text, data, n), CR_OK);
        assert_int_equal(strlen(text) + 1, CR_BASE64_LEN(n));
        assert_int_equal(cr_base64_decode(back, sizeof back, &len, text, strlen(text)), CR_OK);
        assert_int_equal(len, n);
        assert_memory_equal(back, data, n);
    }
    char text[44];
    cr_base64url_encode(text, data, 32);
    assert_int_equal(strlen(text), 43);
}

static void sha256_knows_its_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *digest; /* FIPS 180-4, the example "abc", and the empty message */
    } known[] = {
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint8_t digest[CR_SHA256_LEN];
        char text[2 * CR_SHA256_LEN + 1];
        assert_int_equal(cr_sha256(digest, known[i].text, strlen(known[i].text)), CR_OK);
        cr_hex_encode(text, digest, sizeof digest);
        assert_string_equal(text, known[i].digest);
    }
    uint8_t digest[CR_SHA256_LEN];
    assert_int_equal(cr_sha256(digest, NULL, 0), CR_OK);
    assert_int_equal(digest[0], 0xe3);
    uint64_t hash = 0;
    assert_int_equal(cr_hash64(&hash, "abc", 3), CR_OK);
    assert_true(hash == 0xba7816bf8f01cfeaull);
}

static void random_fills_all_of_it(void **state)
{
    (void)state;
    /* More than one call of getrandom gives at once; 64 zero bytes in a row do not happen. */
    static uint8_t buf[1 << 16];
    memset(buf, 0, sizeof buf);
    assert_int_equal(cr_random_fill(cr_random_system(), buf, sizeof buf), CR_OK);
    static const uint8_t zero[64];
    for (size_t i = 0; i < sizeof buf; i += sizeof zero) {
        assert_memory_not_equal(buf + i, zero, sizeof zero);
    }
    assert_int_equal(cr_random_fill(cr_random_system(), buf, 0), CR_OK);
}

static void errors_have_words(void **state)
{
    (void)state;
    for (int i = CR_OK; i <= CR_CRYPTO; i++) {
        assert_string_not_equal(cr_err_text((cr_err)i), "unknown error");
    }
    assert_string_equal(cr_err_text((cr_err)999), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blob_copies_and_moves),
        cmocka_unit_test(text_is_copied_whole_or_not_at_all),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(hex_refuses_anything_else),
        cmocka_unit_test(base64_knows_the_vectors),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(base64_of_every_length_comes_back),
        cmocka_unit_test(sha256_knows_its_vectors),
        cmocka_unit_test(random_fills_all_of_it),
        cmocka_unit_test(errors_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
