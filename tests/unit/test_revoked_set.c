/* revoked_set: against a plain list, while it grows, shrinks and runs out of memory. */
#include "plugin/loop/revoked_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ISSUER_A "0123456789abcdef"
#define ISSUER_B "fedcba9876543210"
enum { MANY = 20000 };

static bool no_memory;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return no_memory ? NULL : __real_calloc(count, size);
}

/* Entry i; some of the numbers are short, and every other one is of another issuer. */
static struct cr_revocation entry_of(unsigned i)
{
    struct cr_revocation entry = { .reason = i % 7, .at = 1000 + i, .not_after = 100000 + i };
    uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;
    entry.serial.len = (uint8_t)(i % 5 == 0 ? 8 : 16);
    for (unsigned k = 0; k < entry.serial.len; k++) {
        entry.serial.octets[k] = (uint8_t)((z >> (8 * (k % 8))) + k);
    }
    entry.serial.octets[0] = (uint8_t)(0x10 | (entry.serial.octets[0] & 0x6f));
    memcpy(entry.issuer, i % 2 == 0 ? ISSUER_A : ISSUER_B, sizeof entry.issuer);
    return entry;
}

static bool has(const struct cr_revoked_set *set, unsigned i)
{
    struct cr_revocation entry = entry_of(i), found;
    bool there = cr_revoked_set_find(set, &entry.serial, entry.issuer, &found);
    if (there) {
        assert_true(cr_serial_equal(&found.serial, &entry.serial));
        assert_string_equal(found.issuer, entry.issuer);
        assert_int_equal(found.reason, entry.reason);
        assert_int_equal(found.at, entry.at);
        assert_int_equal(found.not_after, entry.not_after);
        assert_true(cr_revoked_set_has_serial(set, &entry.serial));
    }
    return there;
}

static struct cr_revoked_set *fill(unsigned count)
{
    struct cr_revoked_set *set = cr_revoked_set_new();
    assert_non_null(set);
    for (unsigned i = 0; i < count; i++) {
        struct cr_revocation entry = entry_of(i);
        assert_int_equal(cr_revoked_set_put(set, &entry), CR_OK);
    }
    assert_int_equal(cr_revoked_set_count(set), count);
    return set;
}

static void test_who_is_in_is_found_and_nobody_else(void **state)
{
    (void)state;
    struct cr_revoked_set *set = fill(MANY);
    for (unsigned i = 0; i < 2 * MANY; i++) {
        assert_int_equal(has(set, i), i < MANY);
    }
    struct cr_revocation entry = entry_of(0);
    assert_false(cr_revoked_set_find(set, &entry.serial, ISSUER_B, NULL)); /* the number alone is not enough */
    assert_false(cr_revoked_set_find(set, &entry.serial, "", NULL));
    assert_int_equal(cr_revoked_set_put(set, &entry), CR_OK);
    assert_int_equal(cr_revoked_set_count(set), MANY);
    memcpy(entry.issuer, ISSUER_B, sizeof entry.issuer);
    assert_int_equal(cr_revoked_set_put(set, &entry), CR_OK); /* the same number, of another issuer */
    assert_int_equal(cr_revoked_set_count(set), MANY + 1);
    assert_true(cr_revoked_set_find(set, &entry.serial, ISSUER_A, NULL));
    assert_true(cr_revoked_set_find(set, &entry.serial, ISSUER_B, NULL));
    assert_true(cr_revoked_set_bytes(set) < (size_t)MANY * 100);
    cr_revoked_set_free(set);
}

static void test_what_goes_takes_nobody_along(void **state)
{
    (void)state;
    struct cr_revoked_set *set = fill(MANY);
    for (unsigned i = 0; i < MANY; i += 3) {
        struct cr_revocation entry = entry_of(i);
        assert_true(cr_revoked_set_remove(set, &entry.serial, entry.issuer));
        assert_false(cr_revoked_set_remove(set, &entry.serial, entry.issuer));
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(has(set, i), i % 3 != 0);
    }
    for (unsigned i = 0; i < MANY; i++) {
        struct cr_revocation entry = entry_of(i);
        assert_int_equal(cr_revoked_set_remove(set, &entry.serial, entry.issuer), i % 3 != 0);
    }
    assert_int_equal(cr_revoked_set_count(set), 0);
    cr_revoked_set_free(set);
}

static void test_what_has_ended_is_forgotten(void **state)
{
    (void)state;
    struct cr_revoked_set *set = fill(MANY);
    struct cr_revocation unknown = entry_of(3 * MANY);
    unknown.not_after = 0; /* it is not known when that ends */
    assert_int_equal(cr_revoked_set_put(set, &unknown), CR_OK);
    size_t bytes = cr_revoked_set_bytes(set);
    for (unsigned part = 0; part < CR_REVOKED_PARTS; part++) {
        cr_revoked_set_prune(set, part, 100000 + MANY * 9 / 10);
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(has(set, i), i >= MANY * 9 / 10);
    }
    assert_int_equal(cr_revoked_set_count(set), MANY / 10 + 1);
    assert_true(cr_revoked_set_has_serial(set, &unknown.serial));
    assert_true(cr_revoked_set_bytes(set) < bytes / 2);
    cr_revoked_set_free(set);
}

static void test_without_memory_what_is_there_stays(void **state)
{
    (void)state;
    struct cr_revoked_set *set = fill(1000);
    unsigned kept = 0;
    no_memory = true;
    assert_null(cr_revoked_set_new());
    for (unsigned i = 1000; i < 2000; i++) {
        struct cr_revocation entry = entry_of(i);
        kept += cr_revoked_set_put(set, &entry) == CR_OK;
    }
    cr_revoked_set_prune(set, 0, INT64_MAX);
    no_memory = false;
    assert_true(kept < 1000);
    assert_int_equal(cr_revoked_set_count(set), 1000 + kept);
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(has(set, i));
    }
    cr_revoked_set_free(set);
}

static void test_what_is_none_is_not_taken(void **state)
{
    (void)state;
    struct cr_revoked_set *set = fill(10);
    struct cr_revocation entry = entry_of(20);
    static const char *const issuers[] = { "", "0123", "0123456789abcdeg", "0123456789abcd" };
    for (size_t i = 0; i < sizeof issuers / sizeof issuers[0]; i++) {
        (void)memset(entry.issuer, 0, sizeof entry.issuer);
        memcpy(entry.issuer, issuers[i], strlen(issuers[i]));
        assert_int_equal(cr_revoked_set_put(set, &entry), CR_INVALID);
    }
    entry = entry_of(20);
    entry.serial.len = 0;
    assert_int_equal(cr_revoked_set_put(set, &entry), CR_INVALID);
    entry.serial.len = CR_SERIAL_MAX + 1;
    assert_int_equal(cr_revoked_set_put(set, &entry), CR_INVALID);
    assert_false(cr_revoked_set_find(set, &entry.serial, ISSUER_A, NULL));
    entry = entry_of(20);
    entry.reason = CR_REASON_COUNT;
    assert_int_equal(cr_revoked_set_put(set, &entry), CR_INVALID);
    entry = entry_of(20);
    entry.at = -1;
    entry.not_after = INT64_MAX; /* later than 32 bits have seconds: kept until then */
    assert_int_equal(cr_revoked_set_put(set, &entry), CR_OK);
    assert_int_equal(cr_revoked_set_count(set), 11);
    assert_false(cr_revoked_set_find(NULL, &entry.serial, ISSUER_A, NULL));
    cr_revoked_set_free(set);
    cr_revoked_set_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_in_is_found_and_nobody_else),
        cmocka_unit_test(test_what_goes_takes_nobody_along),
        cmocka_unit_test(test_what_has_ended_is_forgotten),
        cmocka_unit_test(test_without_memory_what_is_there_stays),
        cmocka_unit_test(test_what_is_none_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
