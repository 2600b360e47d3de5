/* DER: what the reader takes and what not, what the writer writes; and names as DER. */
#include "common/dn.h"
#include "tests/support/forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static void only_der_passes(void **state)
{
    (void)state;
    static const char *const good[] = {
        "0500", "0101ff", "010100", "020100", "02017f", "02020080", "0201ff", "0202ff7f", "030100", "03020780",
        "06032a8648", "0603550403", "3000", "3100", "30020500", "0400", "0c0141", "a000", "8001ff", "3003020101",
        "3106020101020102", /* a SET OF ascends */
        "3006020102020101", /* a SEQUENCE does as it likes */
    };
    static const char *const bad[] = {
        "", "05", "0501", "050100",                             /* nothing, cut short, a NULL with content */
        "058100", "05820000", "0580", "05850000000000",         /* lengths in other ways */
        "05000500", "050000",                                   /* something behind */
        "010101", "0100", "0102ffff",                           /* BOOLEAN */
        "0200", "02020000", "0202007f", "0202ffff", "0202ff80", /* INTEGER */
        "0300", "030101", "03020881", "03020781", "030208ff",   /* BIT STRING */
        "0600", "060180", "060481000180", "06032a8086",         /* OBJECT IDENTIFIER */
        "1000", "1100", "2400", "2c00", "0000", "1f0100", "bf0100", /* tags */
        "3106020102020101",                                     /* a SET OF that descends */
        "3003020201", "30020580",                               /* wrong inside */
    };
    struct forge forge, *f = &forge;
    forge_init(f);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (cr_der_check(HEX(f, good[i]), 4) != CR_OK) {
            fail_msg("%s is DER", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (cr_der_check(HEX(f, bad[i]), 4) == CR_OK) {
            fail_msg("%s is not DER", bad[i]);
        }
    }
    struct cr_bytes nested = HEX(f, "3006300430023000");
    assert_int_equal(cr_der_check(nested, 4), CR_OK);
    assert_int_equal(cr_der_check(nested, 3), CR_INVALID);
    forge_fini(f);
}

static void a_reader_stays_where_it_was_refused(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 0x02, 0x02, 0x00, 0x01, 0x05, 0x00 };
    struct cr_der reader = cr_der_of((struct cr_bytes){ bytes, sizeof bytes }), inside;
    struct cr_bytes view;
    unsigned number = 7;
    bool flag = false;
    assert_int_equal(cr_der_uint(&reader, &view), CR_INVALID); /* padded */
    assert_int_equal(cr_der_small(&reader, &number, 9), CR_INVALID);
    assert_int_equal(cr_der_bool(&reader, &flag), CR_INVALID);
    assert_int_equal(cr_der_bits(&reader, &view, &number), CR_INVALID);
    assert_int_equal(cr_der_enter(&reader, CR_DER_SEQUENCE, &inside), CR_INVALID);
    assert_int_equal(number, 7);
    assert_ptr_equal(reader.at, bytes);
    assert_int_equal(cr_der_get(&reader, CR_DER_INTEGER, &view), CR_OK);
    assert_int_equal(cr_der_finish(&reader), CR_INVALID);
    assert_int_equal(cr_der_get(&reader, CR_DER_NULL, &view), CR_OK);
    assert_int_equal(cr_der_finish(&reader), CR_OK);
    assert_int_equal(cr_der_peek(&reader), -1);
}

static void expect_written(struct cr_der_writer *writer, const char *hex)
{
    struct cr_bytes der;
    char text[128];
    assert_int_equal(cr_der_write_done(writer, &der), CR_OK);
    assert_true(der.len * 2 < sizeof text);
    cr_hex_encode(text, der.data, der.len);
    assert_string_equal(text, hex);
    assert_int_equal(cr_der_check(der, 4), CR_OK);
}

static void the_writer_writes_der(void **state)
{
    (void)state;
    uint8_t buf[32];
    struct cr_der_writer writer;
    static const struct {
        unsigned bits;
        const char *hex;
    } usages[] = { { 0, "030100" }, { 1, "03020780" }, { 0x14, "03020328" }, { 0x60, "03020106" },
                 { 0x101, "0303078080" } };
    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++) {
        cr_der_write_init(&writer, buf, sizeof buf);
        cr_der_write_named_bits(&writer, usages[i].bits);
        expect_written(&writer, usages[i].hex);
    }
    static const struct {
        uint8_t octets[3];
        size_t len;
        const char *hex;
    } numbers[] = { { { 0 }, 0, "020100" }, { { 0 }, 1, "020100" }, { { 0x7f }, 1, "02017f" },
                    { { 0x80 }, 1, "02020080" }, { { 0, 0, 1 }, 3, "020101" }, { { 0, 0xff, 0 }, 3, "020300ff00" } };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        cr_der_write_init(&writer, buf, sizeof buf);
        cr_der_write_uint(&writer, (struct cr_bytes){ numbers[i].octets, numbers[i].len });
        expect_written(&writer, numbers[i].hex);
    }
    /* What does not fit is remembered, whatever else is written. */
    cr_der_write_init(&writer, buf, 4);
    cr_der_write_small(&writer, 1);
    cr_der_write_value(&writer, CR_DER_NULL, (struct cr_bytes){ NULL, 0 });
    cr_der_write_wrap(&writer, CR_DER_SEQUENCE, 0);
    struct cr_bytes der;
    assert_int_equal(cr_der_write_done(&writer, &der), CR_FULL);
}

static void names_are_written_for_people(void **state)
{
    (void)state;
    struct forge forge, *f = &forge;
    char text[64];
    forge_init(f);
    struct cr_bytes cn = SET(f, SEQ(f, OID(f, CR_OID_CN), UTF8(f, "a\nb,CN=c")));
    struct cr_bytes unknown = SET(f, SEQ(f, VALUE(f, CR_DER_OID, HEX(f, "551d11")), UTF8(f, "x")));
    cr_dn_text(text, sizeof text, SEQ(f, unknown, cn));
    assert_string_equal(text, "?=x, CN=a?b,CN=c");
    for (size_t cap = 1; cap < 17; cap++) {
        memset(text, '#', sizeof text);
        cr_dn_text(text, cap, SEQ(f, unknown, cn));
        assert_int_equal(strlen(text), cap - 1);
        assert_int_equal(text[cap], '#');
    }
    cr_dn_text(text, sizeof text, NOTHING);
    assert_string_equal(text, "");
    forge_fini(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_der_passes),
        cmocka_unit_test(a_reader_stays_where_it_was_refused),
        cmocka_unit_test(the_writer_writes_der),
        cmocka_unit_test(names_are_written_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
