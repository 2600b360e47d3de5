#include "plugin/store/audit.h"
#include "plugin/store/journal_tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct cr_restore entry_of(unsigned number)
{
    struct cr_restore restore = { .generation = number, .version = 3, .due = 1800001000, .format = CR_FORMAT_DER };
    (void)snprintf(restore.device, sizeof restore.device, "meter-%u", number);
    (void)snprintf(restore.slot, sizeof restore.slot, "operational");
    (void)snprintf(restore.renewal_id, sizeof restore.renewal_id, "11111111-2222-4333-8444-%012u", number);
    (void)snprintf(restore.entry.issuer, sizeof restore.entry.issuer, "00000000000000ca");
    restore.entry.serial = (struct cr_serial){ { 0x40, (uint8_t)(number >> 8), (uint8_t)number }, 3 };
    assert_int_equal(cr_sha256(restore.entry.key_hash, &number, sizeof number), CR_OK);
    restore.entry.not_before = 1800000000;
    restore.entry.not_after = 1800002000;
    return restore;
}

static void the_tail_forgets_the_oldest(void **state)
{
    (void)state;
    enum { CAPACITY = 100, ADDED = 1050 };
    struct cr_tail *tail;
    assert_int_equal(cr_tail_new(&tail, CAPACITY), CR_OK);
    for (unsigned i = 1; i <= ADDED; i++) {
        struct cr_restore restore = entry_of(i);
        assert_int_equal(cr_tail_add(tail, &restore, i, 10), CR_OK);
        const struct cr_tail_entry *found = cr_tail_find_key(tail, restore.entry.key_hash);
        assert_non_null(found);
        assert_int_equal(found->offset, i);
    }
    assert_int_equal(cr_tail_next(tail), ADDED + 1);
    assert_int_equal(cr_tail_first(tail), ADDED + 1 - CAPACITY);
    for (unsigned i = 1; i <= ADDED; i++) {
        struct cr_restore restore = entry_of(i);
        const struct cr_tail_entry *entry = cr_tail_get(tail, i);
        bool kept = i > ADDED - CAPACITY;
        assert_int_equal(entry != NULL, kept);
        assert_int_equal(cr_tail_find_key(tail, restore.entry.key_hash) != NULL, kept);
        if (kept) {
            assert_string_equal(entry->restore.device, restore.device);
        }
    }
    struct cr_restore voided = entry_of(ADDED - 1);
    cr_tail_void(tail, &voided.entry.serial);
    assert_true(cr_tail_get(tail, ADDED - 1)->gone);
    assert_false(cr_tail_get(tail, ADDED)->gone);
    cr_tail_free(tail);
}

/* The line with the name of one field spoilt. */
static struct cr_bytes without(struct cr_bytes line, const char *field, char *copy)
{
    memcpy(copy, line.data, line.len);
    char *at = memmem(copy, line.len, field, strlen(field));
    assert_non_null(at);
    at[0] = '-';
    return (struct cr_bytes){ (uint8_t *)copy, line.len };
}

static void the_tail_reads_what_audit_writes(void **state)
{
    (void)state;
    static const uint8_t der[] = { 0x30, 0x03, 0x00, 0xff, '"' };
    struct cr_tail *tail;
    char text[2048], whole[2200], copy[2200];
    assert_int_equal(cr_tail_new(&tail, 10), CR_OK);
    static const char *const whats[] = { "issued", "confirmed", "intent", "refused", "void" };
    for (unsigned i = 0; i < 5; i++) {
        struct cr_restore restore = entry_of(i < 2 ? i : 0);
        restore.confirmed = i == 1;
        const struct cr_audit audit = {
            .what = whats[i],
            .now_s = 1800000000,
            .device = restore.device,
            .slot = restore.slot,
            .renewal_id = restore.renewal_id,
            .certificate = &restore,
            .der = i == 0 ? (struct cr_bytes){ der, sizeof der } : (struct cr_bytes){ NULL, 0 },
        };
        struct cr_line line;
        cr_line_start(&line, text, sizeof text);
        cr_audit_line(&audit, "one", &line);
        int len = snprintf(whole, sizeof whole, "{\"seq\":1,\"prev\":\"x\",%.*s}", (int)line.len, text);
        const struct cr_bytes view = { (uint8_t *)whole, (size_t)len };
        assert_int_equal(cr_tail_line(tail, view, 77 + i), CR_OK);
        if (i < 2) {
            const struct cr_tail_entry *entry = cr_tail_get(tail, i + 1);
            assert_non_null(entry);
            assert_memory_equal(&entry->restore, &restore, sizeof restore);
            assert_int_equal(entry->offset, 77 + i);
        }
        if (i == 0) {
            struct cr_blob back;
            assert_int_equal(cr_tail_der(&back, view), CR_OK);
            assert_int_equal(back.len, sizeof der);
            assert_memory_equal(back.data, der, sizeof der);
            cr_blob_fini(&back);
            assert_int_equal(cr_tail_line(tail, without(view, "serial", copy), 0), CR_INVALID);
        }
    }
    assert_int_equal(cr_tail_next(tail), 3);
    assert_true(cr_tail_get(tail, 1)->gone);
    assert_false(cr_tail_get(tail, 2)->gone);
    cr_tail_free(tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tail_forgets_the_oldest),
        cmocka_unit_test(the_tail_reads_what_audit_writes),
    };
    return cmocka_run_group_tests_name("journal tail", tests, NULL, NULL);
}
