/* Certificates as connections present them: of devices and of factories. Bad inputs 96, 97, 99 to 103 by name. */
#include "common/der.h"
#include "common/weak_list.h"
#include "plugin/worker/issuer.h"
#include "plugin/worker/issuer_info.h"
#include "tests/support/forge.h"
#include "tests/support/test_factory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const int64_t for_ever = 253402300799; /* 9999-12-31T23:59:59Z */

/* Ours, and a factory for each place where an id may stand. */
enum { CN, SERIAL_NUMBER, SAN_DNS, SAN_URI, FACTORIES };
struct fixture {
    struct test_dir dir;
    struct test_ca own, factory[FACTORIES];
    char cert[80], key[80], factory_pem[FACTORIES][80];
    struct cr_weak_list weak;
    struct cr_trust_config config;
    struct cr_trust *trust;
    char errors[2048];
};

static int set_up(void **state)
{
    static struct fixture fixture, *const x = &fixture;
    static const char *const names[FACTORIES] = { "acme", "bolt", "cog", "dyno" };
    test_dir_make(&x->dir);
    test_ca_make(&x->own, "Issuing", NULL, CR_KEY_EC_P256);
    snprintf(x->cert, sizeof x->cert, "%s", test_dir_file(&x->dir, "own.pem"));
    snprintf(x->key, sizeof x->key, "%s", test_dir_file(&x->dir, "own.key"));
    test_file_write_certs(x->cert, (const struct cr_blob *const[]){ &x->own.der, NULL });
    test_file_write_key(x->key, x->own.key, 0600);
    assert_int_equal(cr_weak_list_init(&x->weak, 4), CR_OK);
    x->config = (struct cr_trust_config){ .issuer_count = 1,
                                          .issuer = { { x->cert, x->key, NULL, 0 } },
                                          .factory_count = FACTORIES,
                                          .weak_keys = &x->weak,
                                          .backend = cr_key_libcrypto() };
    for (int i = 0; i < FACTORIES; i++) {
        /* the third has a CA of RSA, and ends long before what it certified */
        enum cr_key_type type = i == SAN_DNS ? CR_KEY_RSA : CR_KEY_EC_P256;
        snprintf(x->factory_pem[i], sizeof x->factory_pem[i], "%s", test_dir_file(&x->dir, names[i]));
        test_ca_make_at(&x->factory[i], names[i], NULL, type, TEST_PKI_NOW - 86400, TEST_PKI_NOW + 86400);
        test_file_write_certs(x->factory_pem[i], (const struct cr_blob *const[]){ &x->factory[i].der, NULL });
        x->config.factory[i] = (struct cr_trust_factory){ x->factory_pem[i], names[i], (enum cr_factory_identity)i };
    }
    assert_int_equal(cr_trust_load(&x->trust, &x->config, TEST_PKI_NOW, x->errors, sizeof x->errors), CR_OK);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    cr_trust_free(x->trust);
    cr_weak_list_fini(&x->weak);
    test_ca_fini(&x->own);
    for (int i = 0; i < FACTORIES; i++) {
        test_ca_fini(&x->factory[i]);
    }
    test_dir_remove(&x->dir);
    return 0;
}

static enum cr_refusal refusal_of(struct fixture *x, const struct test_ca *ca, const struct test_factory_leaf *leaf,
                                  struct cr_cert_facts *facts)
{
    struct cr_blob der;
    enum cr_refusal why = CR_REFUSAL_INTERNAL;
    test_factory_leaf_make(&der, NULL, ca, leaf);
    memset(facts, 0x55, sizeof *facts);
    cr_err err = cr_trust_identify(x->trust, cr_blob_view(&der), facts, &why);
    assert_int_equal(err, why == CR_REFUSAL_NONE ? CR_OK : CR_DENIED);
    cr_blob_fini(&der);
    return why;
}

static void expect_device(struct fixture *x, int factory, const char *device, const struct test_factory_leaf *leaf)
{
    struct cr_cert_facts facts;
    assert_int_equal(refusal_of(x, &x->factory[factory], leaf, &facts), CR_REFUSAL_NONE);
    assert_string_equal(facts.device, device);
    assert_int_equal(facts.factory, factory + 1);
    assert_int_equal(facts.not_after, leaf->not_after != 0 ? leaf->not_after : for_ever);
}

static void the_id_stands_where_the_factory_puts_it(void **state)
{
    struct fixture *x = *state;
    struct test_factory_leaf all = { .cn = "cn-1", .serial_number = "SN-1", .san_dns = "m1.acme.example",
                                     .san_uri = "urn:dev:ops:32473-m1" };
    expect_device(x, CN, "cn-1", &all);
    expect_device(x, SERIAL_NUMBER, "SN-1", &all);
    expect_device(x, SAN_DNS, "m1.acme.example", &all);
    expect_device(x, SAN_URI, "32473-m1", &all);
    all.san_uri = "https://acme.example/d/17";
    expect_device(x, SAN_URI, "17", &all);
    assert_string_equal(cr_trust_factory_name(x->trust, SAN_URI + 1), "dyno");
    assert_string_equal(cr_trust_factory_name(x->trust, 0), "");
    assert_string_equal(cr_trust_factory_name(x->trust, FACTORIES + 1), "");
}

static void what_is_not_there_once_is_no_id(void **state)
{
    struct fixture *x = *state;
    struct test_factory_leaf none = { .hardware_module = true };
    struct test_factory_leaf twice = { .cn = "a", .san_dns = "a", .second_dns = "a", .san_uri = "urn:a", .second_uri = "urn:a" };
    struct test_factory_leaf bad = { .cn = "a+b", .serial_number = "a b", .san_dns = "*.example", .san_uri = "urn:a?b" };
    for (int i = 0; i < FACTORIES; i++) {
        expect_device(x, i, "", &none);
        expect_device(x, i, "", &bad);
    }
    expect_device(x, SAN_DNS, "", &twice);
    expect_device(x, SAN_URI, "", &twice);
    expect_device(x, SAN_URI, "", &(struct test_factory_leaf){ .san_uri = "nothing-to-part-at" });
    expect_device(x, SAN_URI, "", &(struct test_factory_leaf){ .san_uri = "urn:dev:" });
    expect_device(x, CN, "", &(struct test_factory_leaf){ .cn = "" });
    char long_name[CR_NAME_MAX + 2];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[CR_NAME_MAX + 1] = '\0';
    expect_device(x, SERIAL_NUMBER, "", &(struct test_factory_leaf){ .serial_number = long_name });
    expect_device(x, SERIAL_NUMBER, long_name + 1, &(struct test_factory_leaf){ .serial_number = long_name + 1 });
}

/* IEEE 802.1AR: no end, no extendedKeyUsage, a HardwareModuleName, keys of any kind that is in use. */
static void idevids_are_read(void **state)
{
    struct fixture *x = *state;
    struct test_factory_leaf leaf = { .serial_number = "SN-7", .hardware_module = true };
    static const struct {
        enum cr_key_type type;
        unsigned bits;
    } keys[] = { { CR_KEY_EC_P256, 0 }, { CR_KEY_EC_P384, 0 }, { CR_KEY_RSA, 2048 }, { CR_KEY_RSA, 3072 } };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        leaf.type = keys[i].type;
        leaf.rsa_bits = keys[i].bits;
        expect_device(x, SERIAL_NUMBER, "SN-7", &leaf);
    }
    leaf.not_after = 2524607999; /* 2049-12-31T23:59:59Z: the last UTCTime */
    expect_device(x, SERIAL_NUMBER, "SN-7", &leaf);
}

static void a_key_that_others_can_know_lets_nobody_in(void **state)
{
    struct fixture *x = *state;
    struct forge forge, *f = &forge;
    struct cr_cert_facts facts;
    forge_init(f);
    EVP_PKEY *const weak[] = { forge_key_roca(f, 2048), forge_key_close_primes(f, 2048), forge_key_rsa(f, 1024, 65537),
                               forge_key_ec(f, "secp256k1") };
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
        struct test_factory_leaf leaf = { .cn = "m", .spki = forge_spki(f, weak[i], "uncompressed", "named_curve") };
        assert_int_equal(refusal_of(x, &x->factory[CN], &leaf, &facts), CR_REFUSAL_KEY_NOT_ALLOWED);
        assert_string_equal(facts.device, "");
        assert_int_equal(facts.factory, CN + 1);
    }
    /* by the list */
    uint8_t fingerprint[CR_WEAK_LEN];
    struct cr_public_key key;
    struct cr_bytes spki = forge_spki(f, forge_key_ec(f, "P-256"), "uncompressed", "named_curve");
    struct test_factory_leaf leaf = { .cn = "m", .spki = spki };
    expect_device(x, CN, "m", &leaf);
    assert_int_equal(cr_public_key_parse(&key, spki), CR_OK);
    assert_int_equal(cr_weak_fingerprint(fingerprint, &key), CR_OK);
    assert_int_equal(cr_weak_list_add(&x->weak, fingerprint), CR_OK);
    cr_weak_list_sort(&x->weak);
    assert_int_equal(refusal_of(x, &x->factory[CN], &leaf, &facts), CR_REFUSAL_KEY_NOT_ALLOWED);
    forge_fini(f);
}

static void factories_are_shown_and_stand_alone(void **state)
{
    struct fixture *x = *state;
    struct cr_issuer_info info;
    struct cr_trust *trust = NULL;
    assert_int_equal(cr_trust_info(x->trust, 2, &info), CR_OK);
    assert_int_equal(info.kind, CR_KIND_FACTORY);
    assert_string_equal(info.factory, "bolt");
    assert_false(info.has_key);
    assert_int_equal(cr_trust_chain(x->trust, info.id).len, 0);
    assert_int_equal(cr_trust_signer_of(x->trust, info.id), CR_NO_SIGNER);
    assert_true(cr_trust_has_key(x->trust, x->factory[CN].cert.facts.key_hash));
    assert_true(cr_trust_valid_at(x->trust, info.id, TEST_PKI_NOW));
    assert_false(cr_trust_valid_at(x->trust, info.id, TEST_PKI_NOW + 86401));
    /* one CA, two meanings */
    const char *const both[] = { x->cert, x->factory_pem[CN] };
    for (int i = 0; i < 2; i++) {
        struct cr_trust_config config = x->config;
        config.factory[1].cafile = both[i];
        assert_int_equal(cr_trust_load(&trust, &config, TEST_PKI_NOW, x->errors, sizeof x->errors), CR_INVALID);
        assert_non_null(strstr(x->errors, i == 0 ? "has the key of an issuer" : "another factory's CA"));
    }
    struct cr_trust_config config = x->config;
    const char *trusted[] = { x->factory_pem[SAN_URI] };
    config.trusted_cafile = trusted;
    config.trusted_count = 1;
    assert_int_equal(cr_trust_load(&trust, &config, TEST_PKI_NOW, x->errors, sizeof x->errors), CR_INVALID);
    assert_non_null(strstr(x->errors, "has the key of an issuer"));
}

/* The same for a device's own certificate and for a factory's. */
#define FOR_BOTH(x, ca) for (const struct test_ca *ca = &(x)->own; ca != NULL; ca = ca == &(x)->own ? &(x)->factory[CN] : NULL)

static void expect_stranger(struct fixture *x, const struct test_ca *ca, const struct test_factory_leaf *leaf)
{
    struct cr_cert_facts facts;
    assert_int_equal(refusal_of(x, ca, leaf, &facts), CR_REFUSAL_UNTRUSTED_ISSUER);
    assert_string_equal(facts.device, "");
    assert_int_equal(facts.serial.len, 0);
    assert_int_equal(facts.factory, cr_bytes_equal(ca->cert.subject, x->factory[CN].cert.subject) ? CN + 1 : 0); /* as it says itself */
}

/* Whose time is over, or has not come, is told with its times: what becomes of it is the loop's to decide. */
static void hostile_96_expired(void **state)
{
    struct fixture *x = *state;
    FOR_BOTH (x, ca) {
        struct cr_cert_facts facts;
        struct test_factory_leaf leaf = { .cn = "m", .not_before = TEST_PKI_NOW - 20, .not_after = TEST_PKI_NOW - 10 };
        assert_int_equal(refusal_of(x, ca, &leaf, &facts), CR_REFUSAL_NONE);
        assert_int_equal(facts.not_before, TEST_PKI_NOW - 20);
        assert_int_equal(facts.not_after, TEST_PKI_NOW - 10);
    }
}

static void hostile_97_not_yet_valid(void **state)
{
    struct fixture *x = *state;
    FOR_BOTH (x, ca) {
        struct cr_cert_facts facts;
        struct test_factory_leaf leaf = { .cn = "m", .not_before = TEST_PKI_NOW + 10, .not_after = TEST_PKI_NOW + 20 };
        assert_int_equal(refusal_of(x, ca, &leaf, &facts), CR_REFUSAL_NONE);
        assert_int_equal(facts.not_before, TEST_PKI_NOW + 10);
        leaf.not_after = TEST_PKI_NOW - 10; /* ends before it begins: never valid */
        assert_int_equal(refusal_of(x, ca, &leaf, &facts), CR_REFUSAL_NONE);
        assert_true(facts.not_after < facts.not_before);
    }
}

static void hostile_99_truncated_basic_constraints(void **state)
{
    struct fixture *x = *state;
    static const uint8_t cut[] = { 0x30, 0x03, 0x01, 0x01 }, ca_true[] = { 0x30, 0x03, 0x01, 0x01, 0xff },
                         ber_true[] = { 0x30, 0x03, 0x01, 0x01, 0x01 }, nothing[] = { 0x30, 0x00 };
    FOR_BOTH (x, ca) {
        struct cr_cert_facts facts;
        struct test_factory_leaf leaf = { .cn = "m", .basic_constraints = { nothing, sizeof nothing } };
        assert_int_equal(refusal_of(x, ca, &leaf, &facts), CR_REFUSAL_NONE);
        for (size_t len = 1; len <= sizeof cut; len++) {
            leaf.basic_constraints = (struct cr_bytes){ cut, len };
            expect_stranger(x, ca, &leaf);
        }
        leaf.basic_constraints = (struct cr_bytes){ ca_true, sizeof ca_true };
        expect_stranger(x, ca, &leaf);
        leaf.basic_constraints = (struct cr_bytes){ ber_true, sizeof ber_true };
        expect_stranger(x, ca, &leaf);
    }
}

static void hostile_100_wrong_purpose(void **state)
{
    struct fixture *x = *state;
    FOR_BOTH (x, ca) {
        expect_stranger(x, ca, &(struct test_factory_leaf){ .cn = "m", .server_only = true });
    }
}

static void hostile_101_the_issuers_name_another_key(void **state)
{
    struct fixture *x = *state;
    static const char *const names[] = { "Issuing", "acme" };
    for (int i = 0; i < 2; i++) {
        struct test_ca impostor;
        test_ca_make(&impostor, names[i], NULL, CR_KEY_EC_P256);
        expect_stranger(x, &impostor, &(struct test_factory_leaf){ .cn = "m" });
        /* also when it claims the issuer's key id */
        impostor.cert.subject_key_id = i == 0 ? x->own.cert.subject_key_id : x->factory[CN].cert.subject_key_id;
        expect_stranger(x, &impostor, &(struct test_factory_leaf){ .cn = "m" });
        test_ca_fini(&impostor);
    }
}

static void hostile_102_serial_numbers(void **state)
{
    struct fixture *x = *state;
    static const uint8_t zero[] = { 0 }, negative[] = { 0xff }, padded[] = { 0, 1 }, most[20] = { 1 }, too_long[21] = { 1 };
    FOR_BOTH (x, ca) {
        struct cr_cert_facts facts;
        const struct cr_bytes bad[] = { { zero, 1 }, { negative, 1 }, { padded, 2 }, { too_long, 21 } };
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            expect_stranger(x, ca, &(struct test_factory_leaf){ .cn = "m", .serial = bad[i] });
        }
        struct test_factory_leaf leaf = { .cn = "m", .serial = { most, sizeof most } };
        assert_int_equal(refusal_of(x, ca, &leaf, &facts), CR_REFUSAL_NONE);
    }
}

/* A chain is not followed at all: whoever signed must be known itself. */
static void hostile_103_a_very_deep_chain(void **state)
{
    enum { DEPTH = 40 };
    struct fixture *x = *state;
    FOR_BOTH (x, ca) {
        static struct test_ca chain[DEPTH];
        const struct test_ca *above = ca;
        for (int i = 0; i < DEPTH; i++) {
            char name[32];
            snprintf(name, sizeof name, "Deep %d", i);
            test_ca_make(&chain[i], name, above, CR_KEY_EC_P256);
            above = &chain[i];
        }
        expect_stranger(x, &chain[0], &(struct test_factory_leaf){ .cn = "m" });
        expect_stranger(x, &chain[DEPTH - 1], &(struct test_factory_leaf){ .cn = "m" });
        for (int i = 0; i < DEPTH; i++) {
            test_ca_fini(&chain[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_id_stands_where_the_factory_puts_it),
        cmocka_unit_test(what_is_not_there_once_is_no_id),
        cmocka_unit_test(idevids_are_read),
        cmocka_unit_test(a_key_that_others_can_know_lets_nobody_in),
        cmocka_unit_test(factories_are_shown_and_stand_alone),
        cmocka_unit_test(hostile_96_expired),
        cmocka_unit_test(hostile_97_not_yet_valid),
        cmocka_unit_test(hostile_99_truncated_basic_constraints),
        cmocka_unit_test(hostile_100_wrong_purpose),
        cmocka_unit_test(hostile_101_the_issuers_name_another_key),
        cmocka_unit_test(hostile_102_serial_numbers),
        cmocka_unit_test(hostile_103_a_very_deep_chain),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
