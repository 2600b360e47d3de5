/* Where a page goes on, and what of Redis' answer is a row. */
#include "plugin/store/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct cr_records records = { "cr", 64 };

static struct cr_bytes bytes(const char *text)
{
    return (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
}

static void places_come_back_from_cursors(void **state)
{
    static const struct cr_list_place places[] = {
        { 0, 0, "" }, { 63, 0, "" }, { 7, 1800000000, "meter-17/operational" }, { 1, 253402300799, "a:b.c_d-e:9/x:y" },
        { 0, 0, "0:0:/x" },
    };
    (void)state;
    for (size_t i = 0; i + 1 < sizeof places / sizeof places[0]; i++) {
        char cursor[CR_CURSOR_CAP];
        struct cr_list_place back;
        cr_list_place_write(cursor, &places[i]);
        assert_true(cr_list_place_read(&back, cursor, 64));
        assert_int_equal(back.bucket, places[i].bucket);
        assert_int_equal(back.score, places[i].score);
        assert_string_equal(back.member, places[i].member);
    }
    struct cr_list_place longest = { 4095, 999999999999999, "" };
    char cursor[CR_CURSOR_CAP];
    memset(longest.member, 'x', 2 * CR_NAME_MAX + 1);
    longest.member[CR_NAME_MAX] = '/';
    cr_list_place_write(cursor, &longest);
    assert_true(cr_list_place_read(&longest, cursor, 4096));
    assert_int_equal(strlen(longest.member), 2 * CR_NAME_MAX + 1);
}

static void a_bucket_that_there_is_not_is_no_place(void **state)
{
    struct cr_list_place place;
    (void)state;
    assert_true(cr_list_place_read(&place, "", 64));
    assert_true(cr_list_place_read(&place, "63:0:", 64));
    assert_false(cr_list_place_read(&place, "64:0:", 64));
    assert_false(cr_list_place_read(&place, "4294967296:0:", 64));
    assert_false(cr_list_place_read(&place, "0:0:", 0));
}

static bool asks_for(const struct cr_census_place *place, const char *part)
{
    static struct cr_args args;
    const struct cr_census all = { .issuer = "" };
    assert_int_equal(cr_args_census(&args, &records, &all, place, 1, 1), CR_OK);
    return args.len[6] == 1 && memcmp(args.arg[6], part, 1) == 0;
}

/* A slot goes from the agenda alone into the expiry too, with its first certificate: counted the other way round, it could
 * be in neither. */
static void census_counts_who_waits_before_who_has_one(void **state)
{
    struct cr_census_place place;
    char cursor[CR_CURSOR_CAP];
    (void)state;
    assert_true(cr_census_place_read(&place, "", 2));
    assert_true(asks_for(&place, "a"));
    assert_true(cr_census_place_move(&place, bytes("17")));
    cr_census_place_write(cursor, &place, 2);
    assert_true(cr_census_place_read(&place, cursor, 2));
    assert_true(asks_for(&place, "a"));
    assert_true(cr_census_place_move(&place, bytes("0")));
    assert_int_equal(place.at.bucket, 0);
    assert_true(asks_for(&place, "e"));
    assert_true(cr_census_place_move(&place, bytes("0")));
    assert_int_equal(place.at.bucket, 1);
    assert_true(asks_for(&place, "a"));
}

static void members_are_two_names(void **state)
{
    static const char *const bad[] = { "", "/", "a/", "/b", "a", "a/b/c", "a b/c", "a/b ", "a*/b", "\xc3\xa4/b" };
    char device[CR_NAME_CAP], slot[CR_NAME_CAP], large[3 * CR_NAME_CAP];
    (void)state;
    assert_true(cr_list_member_read(bytes("meter-17/operational"), device, slot));
    assert_string_equal(device, "meter-17");
    assert_string_equal(slot, "operational");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(cr_list_member_read(bytes(bad[i]), device, slot));
    }
    memset(large, 'x', sizeof large);
    large[CR_NAME_MAX + 1] = '/';
    assert_false(cr_list_member_read((struct cr_bytes){ (const uint8_t *)large, CR_NAME_MAX + 3 }, device, slot));
}

static struct cr_answer answer_of(const char *const *pairs)
{
    struct cr_answer answer = { .pair_count = 0 };
    for (; pairs[answer.pair_count] != NULL; answer.pair_count++) {
        answer.pair[answer.pair_count] = bytes(pairs[answer.pair_count]);
    }
    return answer;
}

static void rows_are_read_from_records(void **state)
{
    struct cr_device_keys keys;
    struct cr_row row;
    (void)state;
    assert_int_equal(cr_records_keys(&keys, &records, "meter-17", ""), CR_OK);
    const char *pairs[] = {
        "id", keys.mark, "fs", "100", "ls", "200", "gap", "30", "br", "one", "tags", ",lab,", "data:crt", "0b@ca",
        "operational:crt", "0a@ca", "operational:na", "5000", "operational:st", "triggered", "operational:end", "900",
        "operational:rid", "x", "operational:at", "950", NULL,
    };
    struct cr_answer answer = answer_of(pairs);
    assert_int_equal(cr_list_row_read(&row, &records, &answer, bytes("meter-17/operational"), 800), CR_OK);
    assert_string_equal(row.device, "meter-17");
    assert_int_equal(row.first_seen, 100);
    assert_int_equal(row.last_seen, 200);
    assert_int_equal(row.gap_s, 30);
    assert_string_equal(row.broker, "one");
    assert_string_equal(row.tags, ",lab,");
    assert_string_equal(row.slot.slot, "operational");
    assert_int_equal(row.slot.state, CR_STATE_TRIGGERED);
    assert_int_equal(row.slot.current.not_after, 5000);
    assert_int_equal(row.slot.due, 950);
    assert_int_equal(cr_list_row_read(&row, &records, &answer, bytes("meter-17/operational"), 900), CR_OK);
    assert_int_equal(row.slot.state, CR_STATE_QUIET); /* by then its deadline has passed */
    assert_int_equal(cr_list_row_read(&row, &records, &answer, bytes("meter-17/other"), 800), CR_NOT_FOUND);
    assert_int_equal(cr_list_row_read(&row, &records, &answer, bytes("meter-18/operational"), 800), CR_INVALID);
    pairs[3] = "yesterday";
    answer = answer_of(pairs);
    assert_int_equal(cr_list_row_read(&row, &records, &answer, bytes("meter-17/operational"), 800), CR_INVALID);
    answer.pair_count = 0;
    assert_int_equal(cr_list_row_read(&row, &records, &answer, bytes("meter-17/operational"), 800), CR_INVALID);
}

static void what_is_not_asked_is_left_empty(void **state)
{
    struct cr_args args;
    struct cr_list list = { .filter.acknowledged = 1 };
    struct cr_list_place place = { .bucket = 5 };
    (void)state;
    assert_int_equal(cr_args_list(&args, &records, &list, &place, 1000, 256, 10), CR_OK);
    assert_string_equal(args.arg[3], "cr:{b05}:expiry");
    assert_string_equal(args.arg[4], "cr:{b05}:agenda");
    assert_string_equal(args.arg[10], "cr:{b05}:device:");
    for (unsigned i = 11; i <= 21; i++) {
        assert_int_equal(args.len[i], 0);
    }
    list = (struct cr_list){ .source = CR_LIST_ALERTS, .filter = { .acknowledged = 0, .level = CR_LEVEL_FIELD } };
    list.filter.expires_within_s = 50;
    list.filter.not_seen_for_s = 70;
    assert_int_equal(cr_args_list(&args, &records, &list, &place, 1000, 256, 10), CR_OK);
    assert_string_equal(args.arg[3], "cr:{b05}:alerts");
    assert_string_equal(args.arg[17], "1050");
    assert_string_equal(args.arg[18], "930");
    assert_string_equal(args.arg[19], "4");
    assert_string_equal(args.arg[20], "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_come_back_from_cursors),
        cmocka_unit_test(a_bucket_that_there_is_not_is_no_place),
        cmocka_unit_test(census_counts_who_waits_before_who_has_one),
        cmocka_unit_test(members_are_two_names),
        cmocka_unit_test(rows_are_read_from_records),
        cmocka_unit_test(what_is_not_asked_is_left_empty),
    };
    return cmocka_run_group_tests_name("records_list", tests, NULL, NULL);
}
