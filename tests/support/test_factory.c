#include "tests/support/test_factory.h"

#include "common/clock.h"
#include "common/der.h"
#include "common/oid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

enum { DAY_S = 86400 };

static struct cr_bytes text_bytes(const char *text)
{
    return (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
}

static void write_attr(struct cr_der_writer *w, struct cr_bytes type, int tag, const char *text)
{
    size_t mark = cr_der_write_mark(w);
    if (text == NULL) {
        return;
    }
    cr_der_write_value(w, tag, text_bytes(text));
    cr_der_write_value(w, CR_DER_OID, type);
    cr_der_write_wrap(w, CR_DER_SEQUENCE, mark);
    cr_der_write_wrap(w, CR_DER_SET, mark);
}

static void write_extension(struct cr_der_writer *w, struct cr_bytes type, bool critical, size_t mark)
{
    cr_der_write_wrap(w, CR_DER_OCTET_STRING, mark);
    if (critical) {
        cr_der_write_bool(w, true);
    }
    cr_der_write_value(w, CR_DER_OID, type);
    cr_der_write_wrap(w, CR_DER_SEQUENCE, mark);
}

/* HardwareModuleName ::= SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING } */
static void write_hardware_module(struct cr_der_writer *w)
{
    static const uint8_t on[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x04 }; /* 1.3.6.1.5.5.7.8.4 */
    static const uint8_t hw_type[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0x01 };
    size_t mark = cr_der_write_mark(w);
    cr_der_write_value(w, CR_DER_OCTET_STRING, text_bytes("hw-0001"));
    cr_der_write_value(w, CR_DER_OID, (struct cr_bytes){ hw_type, sizeof hw_type });
    cr_der_write_wrap(w, CR_DER_SEQUENCE, mark);
    cr_der_write_wrap(w, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, mark);
    cr_der_write_value(w, CR_DER_OID, (struct cr_bytes){ on, sizeof on });
    cr_der_write_wrap(w, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, mark);
}

static void write_alt_names(struct cr_der_writer *w, const struct test_factory_leaf *leaf)
{
    const struct {
        const char *text;
        int tag;
    } names[] = { { leaf->second_uri, 6 }, { leaf->second_dns, 2 }, { leaf->san_uri, 6 }, { leaf->san_dns, 2 } };
    size_t mark = cr_der_write_mark(w);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].text != NULL) {
            cr_der_write_value(w, CR_DER_CONTEXT | names[i].tag, text_bytes(names[i].text));
        }
    }
    if (leaf->hardware_module) {
        write_hardware_module(w);
    }
    if (cr_der_write_mark(w) > mark) {
        cr_der_write_wrap(w, CR_DER_SEQUENCE, mark);
        write_extension(w, cr_oid(CR_OID_SUBJECT_ALT_NAME), leaf->cn == NULL && leaf->serial_number == NULL, mark);
    }
}

static void write_extensions(struct cr_der_writer *w, const struct test_ca *ca, const struct test_factory_leaf *leaf)
{
    size_t all = cr_der_write_mark(w), mark = all;
    write_alt_names(w, leaf);
    mark = cr_der_write_mark(w);
    cr_der_write_value(w, CR_DER_CONTEXT, ca->cert.subject_key_id);
    cr_der_write_wrap(w, CR_DER_SEQUENCE, mark);
    write_extension(w, cr_oid(CR_OID_AUTHORITY_KEY_ID), false, mark);
    if (leaf->server_only) {
        mark = cr_der_write_mark(w);
        cr_der_write_value(w, CR_DER_OID, cr_oid(CR_OID_EKU_SERVER));
        cr_der_write_wrap(w, CR_DER_SEQUENCE, mark);
        write_extension(w, cr_oid(CR_OID_EXT_KEY_USAGE), false, mark);
    }
    mark = cr_der_write_mark(w);
    cr_der_write_named_bits(w, 1 | 1 << 2); /* digitalSignature, keyEncipherment */
    write_extension(w, cr_oid(CR_OID_KEY_USAGE), true, mark);
    if (leaf->basic_constraints.len > 0) {
        mark = cr_der_write_mark(w);
        cr_der_write_raw(w, leaf->basic_constraints);
        write_extension(w, cr_oid(CR_OID_BASIC_CONSTRAINTS), true, mark);
    }
    cr_der_write_wrap(w, CR_DER_SEQUENCE, all);
    cr_der_write_wrap(w, CR_DER_CONTEXT | CR_DER_CONSTRUCTED | 3, all);
}

/* GeneralizedTime also before 2050, as many factories have it, for the end; the beginning as RFC 5280 has it. */
static void write_time(struct cr_der_writer *w, int64_t unix_s, bool generalized)
{
    char text[CR_TIME_TEXT], digits[CR_TIME_TEXT];
    size_t len = 0;
    cr_time_text(text, unix_s);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c != '-' && *c != ':' && *c != 'T') {
            digits[len++] = *c;
        }
    }
    digits[len] = '\0';
    cr_der_write_value(w, generalized ? CR_DER_GENERALIZED_TIME : CR_DER_UTC_TIME,
                       text_bytes(generalized ? digits : digits + 2));
}

static void write_validity(struct cr_der_writer *w, const struct test_factory_leaf *leaf)
{
    size_t mark = cr_der_write_mark(w);
    int64_t end = leaf->not_after != 0 ? leaf->not_after : 253402300799;
    write_time(w, end, end >= 2524608000); /* 2050 */
    write_time(w, leaf->not_before != 0 ? leaf->not_before : TEST_PKI_NOW - DAY_S, false);
    cr_der_write_wrap(w, CR_DER_SEQUENCE, mark);
}

static void write_algorithm(struct cr_der_writer *w, const struct test_ca *ca)
{
    const struct cr_key_backend *backend = cr_key_libcrypto();
    enum cr_key_type type = backend->private_type(ca->key);
    size_t mark = cr_der_write_mark(w);
    if (type == CR_KEY_RSA) {
        cr_der_write_value(w, CR_DER_NULL, (struct cr_bytes){ NULL, 0 });
    }
    cr_der_write_value(w, CR_DER_OID, cr_oid(type == CR_KEY_RSA       ? CR_OID_RSA_SHA256
                                             : type == CR_KEY_EC_P384 ? CR_OID_ECDSA_SHA384
                                                                      : CR_OID_ECDSA_SHA256));
    cr_der_write_wrap(w, CR_DER_SEQUENCE, mark);
}

static void write_tbs(struct cr_der_writer *w, const struct test_ca *ca, const struct test_factory_leaf *leaf,
                      struct cr_bytes spki)
{
    static const uint8_t serial_number[] = { 0x55, 0x04, 0x05 };
    size_t all = cr_der_write_mark(w), mark;
    write_extensions(w, ca, leaf);
    cr_der_write_raw(w, spki);
    mark = cr_der_write_mark(w);
    write_attr(w, (struct cr_bytes){ serial_number, sizeof serial_number }, CR_DER_PRINTABLE_STRING, leaf->serial_number);
    write_attr(w, cr_oid(CR_OID_CN), CR_DER_UTF8_STRING, leaf->cn);
    cr_der_write_wrap(w, CR_DER_SEQUENCE, mark);
    write_validity(w, leaf);
    cr_der_write_raw(w, ca->cert.subject);
    write_algorithm(w, ca);
    if (leaf->serial.len > 0) {
        cr_der_write_value(w, CR_DER_INTEGER, leaf->serial);
    } else {
        cr_der_write_small(w, 1);
    }
    mark = cr_der_write_mark(w);
    cr_der_write_small(w, 2);
    cr_der_write_wrap(w, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, mark);
    cr_der_write_wrap(w, CR_DER_SEQUENCE, all);
}

void test_factory_leaf_make(struct cr_blob *der, struct cr_private_key **key, const struct test_ca *ca,
                            const struct test_factory_leaf *leaf)
{
    const struct cr_key_backend *backend = cr_key_libcrypto();
    static uint8_t tbs_buf[8192], buf[sizeof tbs_buf + 1024];
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    struct cr_private_key *made = NULL;
    struct cr_blob spki = { NULL, 0 };
    struct cr_bytes tbs, whole;
    struct cr_der_writer w;
    if (leaf->spki.len == 0) {
        enum cr_key_type type = leaf->type != CR_KEY_NONE ? leaf->type : CR_KEY_EC_P256;
        assert_int_equal(backend->private_make(&made, type, leaf->rsa_bits != 0 ? leaf->rsa_bits : 2048), CR_OK);
        assert_int_equal(backend->private_spki(made, &spki), CR_OK);
    }
    cr_der_write_init(&w, tbs_buf, sizeof tbs_buf);
    write_tbs(&w, ca, leaf, leaf->spki.len > 0 ? leaf->spki : cr_blob_view(&spki));
    assert_int_equal(cr_der_write_done(&w, &tbs), CR_OK);
    assert_int_equal(test_ca_sign((void *)ca, tbs, sig, &sig_len), CR_OK);
    cr_der_write_init(&w, buf, sizeof buf);
    cr_der_write_bits(&w, (struct cr_bytes){ sig, sig_len });
    write_algorithm(&w, ca);
    cr_der_write_raw(&w, tbs);
    cr_der_write_wrap(&w, CR_DER_SEQUENCE, 0);
    assert_int_equal(cr_der_write_done(&w, &whole), CR_OK);
    assert_int_equal(cr_blob_copy(der, whole.data, whole.len), CR_OK);
    cr_blob_fini(&spki);
    if (key != NULL) {
        *key = made;
    } else {
        backend->private_free(made);
    }
}
