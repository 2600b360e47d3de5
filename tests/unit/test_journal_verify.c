/* A small journal of two files, with checkpoints, and everything that can be done to it. */
#include "plugin/store/audit.h"
#include "plugin/store/journal_verify.h"
#include "tests/unit/journal_signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LINES = 14, PER_FILE = 7, LINE_CAP = 640, TEXT_CAP = LINES * LINE_CAP };

static struct {
    struct test_ca ca;
    char line[LINES + 1][LINE_CAP]; /* by number, with their ends */
    size_t len[LINES + 1];
    struct cr_verify verify;
    struct cr_verify_fault fault[64]; /* the first ones */
} scene;

static void line_make(struct cr_chain *chain, unsigned n)
{
    char text[LINE_CAP];
    struct cr_line fields;
    const struct cr_checkpoint_signer signer = journal_signer(&scene.ca);
    struct cr_audit audit = { .what = "refused", .now_s = TEST_PKI_NOW + n, .device = "meter-17", .detail = "d" };
    cr_line_start(&fields, text, sizeof text - CR_JOURNAL_HEAD_CAP);
    if (n == 4 || n == PER_FILE || n == LINES) {
        assert_int_equal(cr_checkpoint_fields(&fields, chain, audit.now_s, "one", &signer), CR_OK);
    } else {
        if (n == PER_FILE + 1) {
            audit = (struct cr_audit){ .what = "journal",
                                       .now_s = audit.now_s,
                                       .detail = "continues journal-000000000001.jsonl" };
        }
        cr_audit_line(&audit, "one", &fields);
    }
    assert_int_equal(cr_chain_write(chain, scene.line[n], &scene.len[n], fields.text, fields.len), CR_OK);
}

static void journal_make(enum cr_key_type type)
{
    struct cr_chain chain = { .seq = 0 };
    test_ca_make(&scene.ca, "Test CA", NULL, type);
    for (unsigned n = 1; n <= LINES; n++) {
        line_make(&chain, n);
    }
}

static int set_up(void **state)
{
    (void)state;
    journal_make(CR_KEY_EC_P256);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_ca_fini(&scene.ca);
    return 0;
}

static void on_fault(void *ctx, const struct cr_verify_fault *fault)
{
    uint64_t n = scene.verify.faults - 1;
    (void)ctx;
    assert_true(strlen(fault->text) > 10);
    if (n < sizeof scene.fault / sizeof scene.fault[0]) {
        scene.fault[n] = *fault;
    }
}

static void verify_start(bool signatures)
{
    memset(&scene.verify, 0, sizeof scene.verify);
    scene.verify.issuer = &scene.ca.cert;
    scene.verify.issuers = signatures;
    scene.verify.backend = cr_key_libcrypto();
    scene.verify.fault = on_fault;
}

/* In pieces of some size, which must not matter. */
static void feed(const char *name, const char *text, size_t len, size_t piece)
{
    cr_verify_file(&scene.verify, name);
    for (size_t at = 0; at < len; at += piece) {
        cr_verify_bytes(&scene.verify, (const uint8_t *)text + at, len - at < piece ? len - at : piece);
    }
    cr_verify_file_end(&scene.verify);
}

/* The lines in this order, 0 ending each file; the end of the list by a negative number. */
static bool verify_lines(const int *order)
{
    static char text[TEXT_CAP + LINE_CAP];
    size_t len = 0;
    verify_start(true);
    for (; *order >= 0; order++) {
        if (*order == 0) {
            feed("file", text, len, 4096);
            len = 0;
            continue;
        }
        memcpy(text + len, scene.line[*order], scene.len[*order]);
        len += scene.len[*order];
    }
    feed("file", text, len, 4096);
    return cr_verify_ok(&scene.verify);
}

static size_t text_of(char *text, unsigned from, unsigned to)
{
    size_t len = 0;
    for (unsigned n = from; n <= to; n++) {
        memcpy(text + len, scene.line[n], scene.len[n]);
        len += scene.len[n];
    }
    return len;
}

/* ---- */

static void whole(const char *one, size_t one_len, const char *two, size_t two_len, bool signatures, size_t piece)
{
    verify_start(signatures);
    feed("one", one, one_len, piece);
    feed("two", two, two_len, piece);
}

static void a_whole_journal_is_found_whole(void **state)
{
    (void)state;
    static const size_t pieces[] = { 1, 2, 7, 100, 1000000 };
    char one[TEXT_CAP], two[TEXT_CAP];
    size_t one_len = text_of(one, 1, PER_FILE), two_len = text_of(two, PER_FILE + 1, LINES);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        whole(one, one_len, two, two_len, true, pieces[i]);
        assert_true(cr_verify_ok(&scene.verify));
        assert_int_equal(scene.verify.faults, 0);
        assert_int_equal(scene.verify.lines, LINES);
        assert_int_equal(scene.verify.checkpoints, 3);
        assert_int_equal(scene.verify.proved_count, 1);
        assert_int_equal(scene.verify.proved[0].from, 1);
        assert_int_equal(scene.verify.proved[0].to, LINES);
        assert_int_equal(scene.verify.trusted_seq, LINES);
        assert_string_equal(scene.verify.last.time, "2027-01-15T08:00:14Z");
    }
    whole(one, one_len, two, two_len, false, 4096); /* without an issuer: consistent, and nothing proved */
    assert_true(cr_verify_ok(&scene.verify));
    assert_int_equal(scene.verify.checkpoints, 0);
    assert_int_equal(scene.verify.unchecked, 3);
    assert_int_equal(scene.verify.proved_count, 0);
}

/* A bit of every byte, another one of the next; and the bit between capitals and small letters. */
static void every_flipped_byte_is_found(void **state)
{
    (void)state;
    char one[TEXT_CAP], two[TEXT_CAP];
    size_t one_len = text_of(one, 1, PER_FILE), two_len = text_of(two, PER_FILE + 1, LINES);
    for (size_t at = 0; at < one_len + two_len; at++) {
        char *byte = at < one_len ? &one[at] : &two[at - one_len], was = *byte;
        const unsigned flips[] = { 1u << at % 8, 0x20 };
        for (unsigned i = 0; i < 2; i++) {
            *byte = (char)((unsigned char)was ^ flips[i]);
            whole(one, one_len, two, two_len, true, 4096);
            if (cr_verify_ok(&scene.verify)) {
                fail_msg("%02x in byte %zu of %zu is not found", flips[i], at, one_len + two_len);
            }
        }
        *byte = was;
    }
}

static void a_changed_line_is_named(void **state)
{
    (void)state;
    char one[TEXT_CAP], two[TEXT_CAP];
    size_t one_len = text_of(one, 1, PER_FILE), two_len = text_of(two, PER_FILE + 1, LINES);
    for (unsigned n = 1; n < LINES; n++) {
        char *text = n <= PER_FILE ? one : two;
        size_t at = 0;
        for (unsigned k = n <= PER_FILE ? 1 : PER_FILE + 1; k < n; k++) {
            at += scene.len[k];
        }
        char *byte = strstr(text + at, "\"time\":\"") + 10; /* a digit of the year */
        *byte ^= 1;
        whole(one, one_len, two, two_len, true, 4096);
        *byte ^= 1;
        assert_false(cr_verify_ok(&scene.verify));
        const struct cr_verify_fault *fault = &scene.fault[scene.verify.faults - 1];
        assert_int_equal(fault->kind, CR_VERIFY_CHANGED); /* a checkpoint's signature fails before that */
        assert_int_equal(fault->seq, n);
        assert_true(scene.verify.consistent_seq < n);
        assert_int_equal(scene.verify.trusted_seq, n <= 4 ? 0 : n <= PER_FILE ? 4 : PER_FILE);
        /* what is behind it is proved by the next checkpoint */
        assert_int_equal(scene.verify.proved[scene.verify.proved_count - 1].from, n + 1);
        assert_int_equal(scene.verify.proved[scene.verify.proved_count - 1].to, LINES);
    }
}

/* All lines but that one, in their files. */
static void order_without(int order[LINES + 3], unsigned without)
{
    for (unsigned n = 1; n <= LINES; n++) {
        if (n != without) {
            *order++ = (int)n;
        }
        if (n == PER_FILE) {
            *order++ = 0;
        }
    }
    *order = -1;
}

static void every_removed_line_is_found(void **state)
{
    (void)state;
    int order[LINES + 3];
    for (unsigned n = 1; n < LINES; n++) {
        order_without(order, n);
        assert_false(verify_lines(order));
        assert_int_equal(scene.fault[0].kind, CR_VERIFY_MISSING);
        assert_int_equal(scene.fault[0].seq, n);
        assert_int_equal(scene.fault[0].until, n);
        assert_int_equal(scene.verify.faults, 1);
    }
    /* The last one, too, cannot be missed by anybody but who knows what was the last. */
    order_without(order, LINES);
    assert_true(verify_lines(order));
    assert_int_equal(scene.verify.last.seq, LINES - 1);
    assert_int_equal(scene.verify.checkpoint.seq, PER_FILE);
    assert_int_equal(scene.verify.proved[0].to, PER_FILE);
}

static void every_repeated_line_is_found(void **state)
{
    (void)state;
    int order[LINES + 4];
    for (unsigned n = 1; n <= LINES; n++) {
        order_without(order, 0);
        unsigned at = n - 1 + (n > PER_FILE);
        memmove(&order[at + 1], &order[at], (LINES + 2 - at) * sizeof order[0]);
        assert_false(verify_lines(order));
        assert_int_equal(scene.fault[0].kind, CR_VERIFY_REPEATED);
        assert_int_equal(scene.fault[0].seq, n);
        assert_int_equal(scene.verify.faults, 1);
    }
}

/* Any two of them, not only neighbours. */
static void every_swap_is_found(void **state)
{
    (void)state;
    int order[LINES + 3];
    for (unsigned a = 1; a <= LINES; a++) {
        for (unsigned b = a + 1; b <= LINES; b++) {
            order_without(order, 0);
            order[a - 1 + (a > PER_FILE)] = (int)b;
            order[b - 1 + (b > PER_FILE)] = (int)a;
            assert_false(verify_lines(order));
            if (a > 1 || b != PER_FILE + 1) { /* that one may begin a file that is looked at alone */
                assert_int_equal(scene.fault[0].kind, CR_VERIFY_MISSING);
                assert_int_equal(scene.fault[0].seq, a);
            }
        }
    }
}

/* At every byte, of either file. */
static void every_cut_is_found(void **state)
{
    (void)state;
    char one[TEXT_CAP], two[TEXT_CAP];
    size_t one_len = text_of(one, 1, PER_FILE), two_len = text_of(two, PER_FILE + 1, LINES);
    for (size_t len = 0; len < one_len; len++) {
        whole(one, len, two, two_len, true, 4096);
        if (len == 0) { /* as if only the second had been given: its first line says so */
            assert_true(cr_verify_ok(&scene.verify));
            assert_int_equal(scene.verify.first_seq, PER_FILE + 1);
        } else {
            assert_false(cr_verify_ok(&scene.verify));
        }
    }
    for (size_t len = 0; len < two_len; len++) {
        whole(one, one_len, two, len, true, 4096);
        bool at_line = len == 0 || two[len - 1] == '\n';
        assert_int_equal(cr_verify_ok(&scene.verify), at_line); /* nothing in the files tells of what came behind */
        if (!at_line) {
            assert_int_equal(scene.fault[0].kind, CR_VERIFY_CUT);
        }
    }
}

static void a_missing_file_is_found(void **state)
{
    (void)state;
    static const int first_half_twice[] = { 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, -1 };
    static const int gap[] = { 1, 2, 3, 0, 6, 7, 8, 0, 9, 10, 11, 12, 13, 14, -1 };
    static const int late[] = { 8, 9, 10, 11, 12, 13, 14, -1 };
    static const int headless[] = { 9, 10, 11, 12, 13, 14, -1 };
    assert_false(verify_lines(gap));
    assert_int_equal(scene.fault[0].kind, CR_VERIFY_MISSING);
    assert_int_equal(scene.fault[0].seq, 4);
    assert_int_equal(scene.fault[0].until, 5);
    assert_non_null(strstr(scene.fault[0].text, "a file before this one"));
    assert_false(verify_lines(first_half_twice));
    assert_int_equal(scene.fault[0].kind, CR_VERIFY_MOVED);
    assert_true(verify_lines(late)); /* it says itself that it continues another */
    assert_int_equal(scene.verify.first_seq, 8);
    assert_int_equal(scene.verify.proved[0].from, 8);
    assert_false(verify_lines(headless));
}

/* Whoever can write the file makes a chain that fits, but no signatures. */
static void a_forged_chain_is_found(void **state)
{
    (void)state;
    struct test_ca other, real;
    int order[LINES + 3];
    char one[TEXT_CAP];
    test_ca_make(&other, "Test CA", NULL, CR_KEY_EC_P256);
    real = scene.ca;
    scene.ca = other;
    struct cr_chain chain = { .seq = 0 };
    for (unsigned n = 1; n <= LINES; n++) {
        line_make(&chain, n);
    }
    scene.ca = real;
    order_without(order, 0);
    assert_false(verify_lines(order)); /* by another issuer */
    assert_int_equal(scene.verify.faults, 3);
    assert_int_equal(scene.fault[0].kind, CR_VERIFY_SIGNATURE);
    /* none at all */
    verify_start(true);
    feed("one", one, text_of(one, 1, 3), 4096);
    assert_int_equal(scene.verify.faults, 0);
    assert_false(cr_verify_ok(&scene.verify));
    test_ca_fini(&other);
}

static void every_kind_of_key_signs(void **state)
{
    (void)state;
    static const enum cr_key_type types[] = { CR_KEY_EC_P384, CR_KEY_RSA };
    int order[LINES + 3];
    order_without(order, 0);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        test_ca_fini(&scene.ca);
        journal_make(types[i]);
        assert_true(verify_lines(order));
        assert_int_equal(scene.verify.checkpoints, 3);
    }
}

/* A megabyte without a line's end, and rubbish of any other kind. */
static void rubbish_is_bounded(void **state)
{
    (void)state;
    static char big[1 << 20];
    memset(big, 'x', sizeof big);
    verify_start(true);
    feed("big", big, sizeof big, 65536);
    assert_int_equal(scene.verify.faults, 1);
    assert_int_equal(scene.fault[0].kind, CR_VERIFY_CUT);
    big[sizeof big - 1] = '\n';
    verify_start(true);
    feed("big", big, sizeof big, 65536);
    assert_int_equal(scene.fault[0].kind, CR_VERIFY_DAMAGED);
    for (size_t i = 0; i < sizeof big; i++) {
        big[i] = (char)(i * 2654435761u >> 13);
    }
    verify_start(true);
    feed("big", big, sizeof big, 4096);
    assert_false(cr_verify_ok(&scene.verify));
    /* between two lines it is one fault, and the chain goes on behind it */
    char text[TEXT_CAP];
    size_t len = text_of(text, 1, 2);
    memcpy(text + len, "rubbish\n", 8);
    len += 8;
    len += text_of(text + len, 3, PER_FILE);
    verify_start(true);
    feed("one", text, len, 4096);
    assert_int_equal(scene.verify.faults, 1);
    assert_int_equal(scene.fault[0].file_line, 3);
    assert_int_equal(scene.fault[0].byte, scene.len[1] + scene.len[2]);
    assert_int_equal(scene.verify.last.seq, PER_FILE);
}

int main(void)
{
#define VERIFY_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        VERIFY_TEST(a_whole_journal_is_found_whole),
        VERIFY_TEST(every_flipped_byte_is_found),
        VERIFY_TEST(a_changed_line_is_named),
        VERIFY_TEST(every_removed_line_is_found),
        VERIFY_TEST(every_repeated_line_is_found),
        VERIFY_TEST(every_swap_is_found),
        VERIFY_TEST(every_cut_is_found),
        VERIFY_TEST(a_missing_file_is_found),
        VERIFY_TEST(a_forged_chain_is_found),
        VERIFY_TEST(every_kind_of_key_signs),
        VERIFY_TEST(rubbish_is_bounded),
    };
    return cmocka_run_group_tests_name("journal_verify", tests, NULL, NULL);
}
