/* Bad inputs 104, 105 and 107: what we write ourselves, each line by its number; and 97-102 as far as reading a
 * presented certificate goes. */
#include "common/der.h"
#include "tests/support/forge.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

enum { DAY_S = 86400 };
static const int64_t year_2049_end = 2524607999, year_2050 = 2524608000; /* 2049-12-31T23:59:59Z and the second after */

/* Gives what it was told to, again and again; gives nothing when told so. */
struct scripted_random {
    struct cr_random random;
    uint8_t byte;
    int fills_left; /* before it fails; negative: never */
};

static cr_err scripted_fill(const struct cr_random *random, uint8_t *buf, size_t len)
{
    struct scripted_random *scripted = (struct scripted_random *)random;
    if (scripted->fills_left == 0) {
        memset(buf, 0xee, len); /* what a careless caller would use */
        return CR_UNAVAILABLE;
    }
    if (scripted->fills_left > 0) {
        scripted->fills_left--;
    }
    memset(buf, scripted->byte, len);
    return CR_OK;
}

static void check_serial(const struct cr_serial *serial)
{
    assert_in_range(serial->len, 1, 16);
    assert_int_not_equal(serial->octets[0], 0);                               /* minimal */
    assert_true(serial->len < 16 || (serial->octets[0] & 0x80) == 0);         /* 16 octets with the sign's */
}

/* As a certificate carries it: in the INTEGER's octets. */
static void check_serial_in_certificate(const struct test_ca *ca, const struct cr_serial *serial)
{
    struct cr_profile profile;
    struct cr_blob der;
    struct cr_der outside, cert, tbs;
    struct cr_bytes integer;
    struct cr_cert_intent intent = { *serial, TEST_PKI_NOW, TEST_PKI_NOW + DAY_S };
    cr_profile_default(&profile, "operational");
    test_leaf_make(&der, NULL, ca, &profile, "dev-1", &intent);
    outside = cr_der_of(cr_blob_view(&der));
    assert_int_equal(cr_der_enter(&outside, CR_DER_SEQUENCE, &cert), CR_OK);
    assert_int_equal(cr_der_enter(&cert, CR_DER_SEQUENCE, &tbs), CR_OK);
    assert_int_equal(cr_der_any(&tbs, NULL, NULL, NULL), CR_OK);
    assert_int_equal(cr_der_get(&tbs, CR_DER_INTEGER, &integer), CR_OK);
    assert_in_range(integer.len, 1, 16);
    assert_int_equal(integer.data[0] & 0x80, 0);                              /* positive */
    assert_false(integer.len > 1 && integer.data[0] == 0 && (integer.data[1] & 0x80) == 0);
    cr_blob_fini(&der);
}

static void hostile_104_serials(void **state)
{
    struct test_ca *ca = *state;
    static const uint8_t bytes[] = { 0xff, 0x80, 0x7f, 0x01 };
    struct cr_serial serial, other;
    char text[CR_SERIAL_TEXT];
    for (size_t i = 0; i < sizeof bytes; i++) {
        struct scripted_random random = { { scripted_fill }, bytes[i], -1 };
        assert_int_equal(cr_serial_make(&serial, &random.random), CR_OK);
        check_serial(&serial);
        check_serial_in_certificate(ca, &serial);
    }
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(cr_serial_make(&serial, cr_random_system()), CR_OK);
        check_serial(&serial);
        cr_serial_text(text, &serial);
        assert_int_equal(cr_serial_parse(&other, text), CR_OK);
        assert_true(cr_serial_equal(&serial, &other));
    }
    /* Short ones get their sign octet where they need it. */
    const struct cr_serial short_ones[] = { { { 0x80 }, 1 }, { { 0x7f }, 1 }, { { 0xff, 0xff }, 2 } };
    for (size_t i = 0; i < 3; i++) {
        check_serial_in_certificate(ca, &short_ones[i]);
    }
    struct scripted_random zeros = { { scripted_fill }, 0, -1 };
    assert_int_equal(cr_serial_make(&serial, &zeros.random), CR_UNAVAILABLE); /* never zero */
    assert_int_equal(serial.len, 0);
}

static void hostile_105_not_after(void **state)
{
    (void)state;
    struct test_ca ca;
    struct cr_profile profile;
    struct cr_cert_intent intent;
    struct cr_blob der;
    struct cr_cert cert;
    cr_profile_default(&profile, "operational");
    profile.lifetime_s = 90LL * DAY_S;

    /* Past the issuer's: clamped, to the second. */
    test_ca_make_at(&ca, "Short CA", NULL, CR_KEY_EC_P256, TEST_PKI_NOW - DAY_S, TEST_PKI_NOW + DAY_S);
    assert_int_equal(cr_cert_intent_make(&intent, &profile, &ca.cert, TEST_PKI_NOW, cr_random_system()), CR_OK);
    assert_int_equal(intent.not_after, ca.cert.facts.not_after);
    assert_int_equal(intent.not_before, TEST_PKI_NOW - profile.skew_s);
    test_leaf_make(&der, NULL, &ca, &profile, "dev-1", &intent);
    assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&der)), CR_OK);
    assert_int_equal(cert.facts.not_after, ca.cert.facts.not_after);
    cr_blob_fini(&der);
    /* The skew does not reach before the issuer either. */
    assert_int_equal(cr_cert_intent_make(&intent, &profile, &ca.cert, TEST_PKI_NOW - DAY_S, cr_random_system()), CR_OK);
    assert_int_equal(intent.not_before, ca.cert.facts.not_before);
    /* No time left, not begun, 1970. */
    const int64_t outside[] = { TEST_PKI_NOW + DAY_S, TEST_PKI_NOW + DAY_S + 1, TEST_PKI_NOW - DAY_S - 1, 0, -1 };
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_int_equal(cr_cert_intent_make(&intent, &profile, &ca.cert, outside[i], cr_random_system()), CR_DENIED);
        assert_int_equal(intent.serial.len, 0);
    }
    /* Reversed, empty, or past the issuer in an intent from elsewhere: not built. */
    const struct cr_cert_intent bad[] = {
        { { { 1 }, 1 }, TEST_PKI_NOW, TEST_PKI_NOW - 1 },
        { { { 1 }, 1 }, TEST_PKI_NOW, TEST_PKI_NOW },
        { { { 1 }, 1 }, TEST_PKI_NOW, ca.cert.facts.not_after + 1 },
        { { { 0 }, 0 }, TEST_PKI_NOW, TEST_PKI_NOW + 1 },
        { { { 1 }, 1 }, -1, TEST_PKI_NOW + 1 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cr_cert_request request = { &profile, "dev-1", cr_blob_view(&ca.spki), false };
        assert_int_equal(cr_cert_build(&der, &request, &bad[i], &ca.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &ca),
                         CR_INVALID);
        assert_null(der.data);
    }
    test_ca_fini(&ca);
}

static bool holds(const struct cr_blob *der, const char *tag_and_text, size_t len)
{
    return memmem(der->data, der->len, tag_and_text, len) != NULL;
}

static void hostile_105_across_2049(void **state)
{
    (void)state;
    struct test_ca ca;
    struct cr_profile profile;
    struct cr_blob der;
    struct cr_cert cert;
    cr_profile_default(&profile, "operational");
    test_ca_make_at(&ca, "Long CA", NULL, CR_KEY_EC_P256, 0, 253402300799); /* to 9999-12-31T23:59:59Z */
    const struct {
        int64_t not_after;
        const char *encoded;
        size_t len;
    } cases[] = {
        { year_2049_end, "\x17\x0d" "491231235959Z", 15 },
        { year_2050, "\x18\x0f" "20500101000000Z", 17 },
        { 253402300799, "\x18\x0f" "99991231235959Z", 17 },
    };
    for (size_t i = 0; i < 3; i++) {
        struct cr_cert_intent intent = { { { 1 }, 1 }, year_2049_end - DAY_S, cases[i].not_after };
        test_leaf_make(&der, NULL, &ca, &profile, "dev-1", &intent);
        assert_true(holds(&der, "\x17\x0d" "491230235959Z", 15));
        assert_true(holds(&der, cases[i].encoded, cases[i].len));
        assert_int_equal(cr_cert_parse(&cert, cr_blob_view(&der)), CR_OK);
        assert_int_equal(cert.facts.not_after, cases[i].not_after);
        assert_int_equal(cert.facts.not_before, year_2049_end - DAY_S);
        cr_blob_fini(&der);
    }
    test_ca_fini(&ca);
}

static void hostile_107_no_random_numbers(void **state)
{
    struct test_ca *ca = *state;
    struct cr_profile profile;
    struct cr_cert_intent intent;
    struct cr_blob der = { NULL, 0 };
    cr_profile_default(&profile, "operational");
    for (int fills = 0; fills < 2; fills++) {
        struct scripted_random random = { { scripted_fill }, 0x5a, fills };
        memset(&intent, 0x77, sizeof intent);
        assert_int_equal(cr_cert_intent_make(&intent, &profile, &ca->cert, TEST_PKI_NOW, &random.random),
                         CR_UNAVAILABLE);
        assert_int_equal(intent.serial.len, 0);
        /* Whoever goes on all the same gets nothing built. */
        struct cr_cert_request request = { &profile, "dev-1", cr_blob_view(&ca->spki), false };
        assert_int_equal(cr_cert_build(&der, &request, &intent, &ca->cert, CR_SIG_ECDSA_SHA256, test_ca_sign, ca),
                         CR_INVALID);
        assert_null(der.data);
    }
    struct scripted_random enough = { { scripted_fill }, 0x5a, 2 };
    assert_int_equal(cr_cert_intent_make(&intent, &profile, &ca->cert, TEST_PKI_NOW, &enough.random), CR_OK);
}

/* A certificate with one value replaced, signed by nobody: reading does not look at signatures. */
static cr_err parse_with(struct forge *f, struct cr_bytes serial, struct cr_bytes extensions)
{
    struct cr_cert cert;
    struct cr_bytes algorithm = SEQ(f, OID(f, CR_OID_ECDSA_SHA256));
    struct cr_bytes name = SEQ(f, SET(f, SEQ(f, OID(f, CR_OID_CN), UTF8(f, "dev-1"))));
    struct cr_bytes time = VALUE(f, CR_DER_UTC_TIME, TEXT("270115080000Z"));
    struct cr_bytes spki = SEQ(f, SEQ(f, OID(f, CR_OID_P256)), forge_bits(f, 0, TEXT("\x04")));
    struct cr_bytes tbs = SEQ(f, VALUE(f, 0xa0, forge_int(f, 2)), serial, algorithm, name, SEQ(f, time, time), name,
                              spki, VALUE(f, 0xa3, SEQ(f, extensions)));
    return cr_cert_parse(&cert, SEQ(f, tbs, algorithm, forge_bits(f, 0, TEXT("\x30\x00"))));
}

static struct cr_bytes extension(struct forge *f, const char *oid_hex, bool critical, struct cr_bytes value)
{
    return SEQ(f, VALUE(f, CR_DER_OID, HEX(f, oid_hex)), critical ? VALUE(f, CR_DER_BOOLEAN, TEXT("\xff")) : NOTHING,
               OCTETS(f, value));
}

static void presented_certificates_are_read_strictly(void **state)
{
    (void)state;
    struct forge forge, *f = &forge;
    forge_init(f);
    struct cr_bytes one = forge_int(f, 1), fine = extension(f, "551d13", true, SEQ(f, NOTHING));
    struct cr_bytes ca_flag = VALUE(f, CR_DER_BOOLEAN, TEXT("\xff"));
    assert_int_equal(parse_with(f, one, fine), CR_OK);
    /* hostile 102: serials */
    uint8_t octets[21] = { 0x01 };
    assert_int_equal(parse_with(f, VALUE(f, CR_DER_INTEGER, { octets, 20 }), fine), CR_OK);
    assert_int_equal(parse_with(f, VALUE(f, CR_DER_INTEGER, { octets, 21 }), fine), CR_INVALID);
    assert_int_equal(parse_with(f, VALUE(f, CR_DER_INTEGER, TEXT("\xff")), fine), CR_INVALID);
    assert_int_equal(parse_with(f, forge_int(f, 0), fine), CR_INVALID);
    assert_int_equal(parse_with(f, VALUE(f, CR_DER_INTEGER, TEXT("\0\x01")), fine), CR_INVALID);
    /* hostile 99: basicConstraints cut short is an error, never a CA */
    assert_int_equal(parse_with(f, one, extension(f, "551d13", true, TEXT("\x30\x03\x01\x01"))), CR_INVALID);
    assert_int_equal(parse_with(f, one, extension(f, "551d13", true, NOTHING)), CR_INVALID);
    struct cr_bytes with_a_tail = JOIN(f, SEQ(f, ca_flag), TEXT("\0"));
    assert_int_equal(parse_with(f, one, extension(f, "551d13", true, with_a_tail)), CR_INVALID);
    /* hostile 103: bounded */
    struct cr_bytes filler = forge_copy(f, (uint8_t[CR_CERT_MAX]){ 0 }, CR_CERT_MAX);
    filler.len -= 300;
    assert_int_equal(parse_with(f, one, extension(f, "551d7f", false, filler)), CR_OK);
    filler.len += 300;
    assert_int_equal(parse_with(f, one, extension(f, "551d7f", false, filler)), CR_INVALID);
    /* what is critical must be known; twice is once too often */
    assert_int_equal(parse_with(f, one, extension(f, "551d7f", true, TEXT("\x05\0"))), CR_INVALID);
    assert_int_equal(parse_with(f, one, extension(f, "551d7f", false, TEXT("\x05\0"))), CR_OK);
    assert_int_equal(parse_with(f, one, JOIN(f, fine, fine)), CR_INVALID);
    forge_fini(f);
}

static int set_up(void **state)
{
    static struct test_ca ca;
    test_ca_make(&ca, "Test CA", NULL, CR_KEY_EC_P256);
    *state = &ca;
    return 0;
}

static int tear_down(void **state)
{
    test_ca_fini(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_104_serials),
        cmocka_unit_test(hostile_105_not_after),
        cmocka_unit_test(hostile_105_across_2049),
        cmocka_unit_test(hostile_107_no_random_numbers),
        cmocka_unit_test(presented_certificates_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
