#include "plugin/store/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct cr_records records = { "cr", 64 };

static struct cr_bytes bytes(const char *text)
{
    return (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
}

/* ---- keys ---- */

static void keys_share_the_device_tag(void **state)
{
    (void)state;
    struct cr_device_keys keys;
    uint64_t hash;
    char tag[32], expected[CR_REDIS_KEY_CAP];
    assert_int_equal(cr_records_keys(&keys, &records, "meter-17", "operational"), CR_OK);
    assert_int_equal(cr_hash64(&hash, "meter-17", 8), CR_OK);
    (void)snprintf(tag, sizeof tag, "cr:{b%02u}:", (unsigned)(hash % 64));
    const struct cr_redis_key *const all[] = { &keys.device, &keys.agenda, &keys.expiry, &keys.cert };
    static const char *const rest[] = { "device:meter-17", "agenda", "expiry", "cert:meter-17/operational" };
    for (int i = 0; i < 4; i++) {
        (void)snprintf(expected, sizeof expected, "%s%s", tag, rest[i]);
        assert_string_equal(all[i]->text, expected);
        assert_int_equal(all[i]->len, strlen(expected));
    }
    assert_true(strlen(keys.mark) > 0 && strtoul(keys.mark, NULL, 10) < 0x80000000u);
}

static void keys_fit_for_the_longest_names(void **state)
{
    (void)state;
    const struct cr_records longest = { "0123456789abcdef", 4096 };
    char name[CR_NAME_CAP];
    struct cr_device_keys keys;
    memset(name, 'x', CR_NAME_MAX);
    name[CR_NAME_MAX] = '\0';
    assert_int_equal(cr_records_keys(&keys, &longest, name, name), CR_OK);
    assert_int_equal(strlen(keys.cert.text), keys.cert.len);
}

static void marks_tell_devices_apart(void **state)
{
    (void)state;
    struct cr_device_keys one, two;
    assert_int_equal(cr_records_keys(&one, &records, "meter-17", ""), CR_OK);
    assert_int_equal(cr_records_keys(&two, &records, "meter-18", ""), CR_OK);
    assert_string_not_equal(one.mark, two.mark);
}

static void claims_tell_whose_key_it_is(void **state)
{
    (void)state;
    uint8_t hash[CR_SHA256_LEN];
    struct cr_claim mine, others, other_slot;
    memset(hash, 0xab, sizeof hash);
    assert_int_equal(cr_records_claim(&mine, &records, hash, "meter-17", "operational"), CR_OK);
    assert_int_equal(cr_records_claim(&others, &records, hash, "meter-18", "operational"), CR_OK);
    assert_int_equal(cr_records_claim(&other_slot, &records, hash, "meter-17", "data"), CR_OK);
    assert_string_equal(mine.shard.text, "cr:{k11179}:keys"); /* 0xabab % 16384 */
    assert_memory_equal(mine.field, hash, sizeof mine.field);
    const struct cr_bytes unused = { mine.unused, 8 }, used = { mine.used, 8 }, nothing = { NULL, 0 };
    assert_int_equal(cr_records_claim_read(&mine, nothing), CR_CLAIM_NOBODYS);
    assert_int_equal(cr_records_claim_read(&mine, unused), CR_CLAIM_OURS);
    assert_int_equal(cr_records_claim_read(&mine, used), CR_CLAIM_OURS_USED);
    assert_int_equal(cr_records_claim_read(&others, unused), CR_CLAIM_ANOTHERS);
    assert_int_equal(cr_records_claim_read(&others, used), CR_CLAIM_ANOTHERS);
    assert_int_equal(cr_records_claim_read(&other_slot, used), CR_CLAIM_ANOTHERS);
    assert_int_equal(cr_records_claim_read(&mine, (struct cr_bytes){ mine.used, 7 }), CR_CLAIM_ANOTHERS); /* damaged */
    assert_int_equal(cr_records_claim_read(&mine, (struct cr_bytes){ mine.used, 0 }), CR_CLAIM_ANOTHERS);
}

static void certificate_names_go_both_ways(void **state)
{
    (void)state;
    char text[CR_CRT_CAP];
    struct cr_cert_entry entry = { .not_before = 0 };
    struct cr_serial serial;
    assert_int_equal(cr_serial_parse(&serial, "7f00ab"), CR_OK);
    cr_records_crt(text, &serial, "0123456789abcdef");
    assert_string_equal(text, "7f00ab@0123456789abcdef");
    assert_int_equal(cr_records_crt_parse(&entry, bytes(text)), CR_OK);
    assert_true(cr_serial_equal(&entry.serial, &serial));
    assert_string_equal(entry.issuer, "0123456789abcdef");
    assert_int_equal(cr_records_crt_parse(&entry, bytes("7f00ab")), CR_OK); /* a superseded one: only its serial */
    static const char *const bad[] = { "", "@", "@0123456789abcdef", "zz@0123456789abcdef", "7f@0123456789abcdef0",
                                       "7f0@00", "7f000000000000000000000000000000000000000000@00" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_not_equal(cr_records_crt_parse(&entry, bytes(bad[i])), CR_OK);
    }
}

/* ---- arguments ---- */

static void scripts_get_their_arguments(void **state)
{
    (void)state;
    struct cr_setup setup = { .config = { .renewal_deadline_s = 1000 } };
    struct cr_profile profile;
    struct cr_args args;
    static struct cr_job job;
    static const struct cr_owner owner = { "broker-1", "11111111-2222-4333-8444-555555555555" };
    cr_profile_default(&profile, "operational");
    job.setup = &setup;
    job.profile = &profile;
    job.now_s = 1800000000;
    job.request.format = CR_FORMAT_JSON;
    (void)snprintf(job.device, sizeof job.device, "meter-17");
    (void)snprintf(job.slot, sizeof job.slot, "operational");
    (void)snprintf(job.issuer, sizeof job.issuer, "00000000000000ca");
    assert_int_equal(cr_serial_parse(&job.intent.serial, "0102"), CR_OK);
    job.intent.not_before = 1;
    job.intent.not_after = 2;
    assert_int_equal(cr_args_begin(&args, &records, &job, &owner, "new-id", true), CR_OK);
    assert_int_equal(args.script, CR_SCRIPT_BEGIN);
    static const char *const expected[] = {
        "EVALSHA", "", "6", NULL, NULL, NULL, NULL, NULL, NULL, NULL, "meter-17", "operational", "1800000000",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "0102@00000000000000ca", "1", "2", NULL, "30",
        "broker-1/11111111-2222-4333-8444-555555555555", "9", "json", "new-id", "0", "0", "1", "333", "0",
        "5", "", "", "",
    };
    assert_int_equal(args.count, sizeof expected / sizeof expected[0]);
    for (unsigned i = 0; i < args.count; i++) {
        assert_int_equal(strlen(args.arg[i]), args.len[i]);
        if (expected[i] != NULL) {
            assert_string_equal(args.arg[i], expected[i]);
        }
    }
    assert_string_equal(args.arg[3], args.keys.device.text);
    assert_string_equal(args.arg[9], args.keys.mark);
}

static void all_slots_of_a_device_fit(void **state)
{
    (void)state;
    static struct cr_setup setup;
    static struct cr_job job;
    struct cr_args args;
    setup.config.slot_count = CR_SLOTS_MAX;
    for (unsigned i = 0; i < CR_SLOTS_MAX; i++) {
        char name[CR_NAME_CAP];
        memset(name, 'a' + (int)i, sizeof name - 1);
        name[sizeof name - 1] = '\0';
        cr_profile_default(&setup.config.slot[i], name);
        setup.config.slot[i].min_chances = 1000;
    }
    job.setup = &setup;
    job.profile = &setup.config.slot[1];
    memset(job.device, 'd', sizeof job.device - 1);
    memcpy(job.slot, job.profile->slot, sizeof job.slot);
    memset(job.issuer, 'f', sizeof job.issuer - 1);
    job.presented.serial.len = CR_SERIAL_MAX;
    job.presented.not_before = job.presented.not_after = INT64_MAX;
    job.now_s = INT64_MAX;
    assert_int_equal(cr_args_present(&args, &records, &job, "11111111-2222-4333-8444-555555555555", false), CR_OK);
    unsigned last = args.count - 2; /* then the broker's name */
    assert_int_equal(args.len[last], (CR_SLOTS_MAX - 1) * (CR_NAME_CAP - 1 + sizeof " 1000 " - 1) - 1);
    assert_null(strstr(args.arg[last], job.slot));
    assert_memory_equal(args.arg[last], setup.config.slot[0].slot, CR_NAME_CAP - 1);
    assert_string_equal(args.arg[last - 1], "604800");
    assert_string_equal(args.arg[last - 2], "1000");
    assert_string_equal(args.arg[last - 3], "0");
    job.profile = NULL; /* nothing begins by itself, nothing is refused */
    assert_int_equal(cr_args_present(&args, &records, &job, "", false), CR_OK);
    assert_string_equal(args.arg[last - 1], "");
    assert_string_equal(args.arg[last - 2], "");
}

static void owners_stay_within_a_listpack(void **state)
{
    (void)state;
    struct cr_setup setup = { .config = { .renewal_deadline_s = 1000 } };
    struct cr_profile profile;
    static struct cr_job job;
    cr_profile_default(&profile, "operational");
    job.setup = &setup;
    job.profile = &profile;
    (void)snprintf(job.device, sizeof job.device, "meter-17");
    (void)snprintf(job.slot, sizeof job.slot, "operational");
    for (size_t len = 1; len < CR_NAME_CAP; len++) {
        struct cr_owner owner = { .instance = "11111111-2222-4333-8444-555555555555" };
        struct cr_args args;
        memset(owner.broker, 'b', len);
        assert_int_equal(cr_args_begin(&args, &records, &job, &owner, "", false), CR_OK);
        assert_in_range(args.len[19], 38, 64);
        assert_int_equal(args.arg[19][strtoul(args.arg[20], NULL, 10) - 1], '/');
    }
}

static void numbers_are_written_whole(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        const char *text;
    } all[] = { { 0, "0" }, { 7, "7" }, { -1, "-1" }, { INT64_MAX, "9223372036854775807" },
                { INT64_MIN, "-9223372036854775808" } };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct cr_args args;
        cr_args_start(&args, "X");
        cr_args_number(&args, all[i].number);
        assert_string_equal(args.arg[1], all[i].text);
    }
}

static void too_many_arguments_are_noticed(void **state)
{
    (void)state;
    struct cr_args args;
    cr_args_start(&args, "X");
    for (int i = 1; i < CR_ARGS_MAX; i++) {
        cr_args_text(&args, "y");
    }
    assert_false(args.overflow);
    cr_args_text(&args, "one more");
    assert_true(args.overflow);
    char text[CR_ARGS_SCRATCH + 1];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cr_args_start(&args, "X");
    cr_args_copy(&args, text);
    assert_true(args.overflow);
}

/* ---- answers ---- */

static cr_err read_record(struct cr_device_record **record, const char *const *pairs, const char *only, int64_t now_s)
{
    static struct cr_answer answer;
    answer.pair_count = 0;
    for (; *pairs != NULL; pairs++) {
        answer.pair[answer.pair_count++] = bytes(*pairs);
    }
    return cr_answer_record(&answer, "meter-17", only, now_s, record);
}

static const char *const whole[] = {
    "id",
    "123",
    "fs",
    "100",
    "ls",
    "200",
    "operational:crt",
    "0a0b@00000000000000ca",
    "operational:key",
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "operational:nb",
    "1000",
    "operational:na",
    "2000",
    "operational:gen",
    "3",
    "operational:ver",
    "12",
    "operational:old",
    "0c",
    "operational:oldat",
    "900",
    "operational:st",
    "issued",
    "operational:rid",
    "11111111-2222-4333-8444-555555555555",
    "operational:why",
    "operator",
    "operational:try",
    "2",
    "operational:end",
    "1500",
    "operational:pcrt",
    "0d0e@00000000000000cb",
    "operational:pkey",
    "__________________________________________8",
    "operational:pend",
    "1100 2100 1800 1130 json",
    "operational:own",
    "b/x",
    "operational:at",
    "1500",
    "operational:der",
    "DER",
    "operational:new-in-a-later-version",
    "x",
    "data:ver",
    "1",
    "data:hold",
    "1",
    NULL,
};

static void a_record_is_read(void **state)
{
    (void)state;
    struct cr_device_record *record;
    assert_int_equal(read_record(&record, whole, NULL, 1200), CR_OK);
    assert_string_equal(record->device, "meter-17");
    assert_int_equal(record->first_seen, 100);
    assert_int_equal(record->last_seen, 200);
    assert_int_equal(record->slot_count, 2);
    assert_string_equal(record->slot[0].slot, "data"); /* in order of their names */
    assert_true(record->slot[0].held);
    assert_int_equal(record->slot[0].state, CR_STATE_QUIET);
    const struct cr_slot_record *slot = cr_device_record_slot(record, "operational");
    assert_non_null(slot);
    assert_int_equal(slot->state, CR_STATE_ISSUED);
    assert_false(slot->held);
    assert_int_equal(slot->generation, 3);
    assert_int_equal(slot->version, 12);
    assert_int_equal(slot->current.serial.len, 2);
    assert_string_equal(slot->current.issuer, "00000000000000ca");
    for (int i = 0; i < CR_SHA256_LEN; i++) {
        assert_int_equal(slot->current.key_hash[i], i);
        assert_int_equal(slot->pending.key_hash[i], 0xff);
    }
    assert_int_equal(slot->current.not_before, 1000);
    assert_int_equal(slot->current.not_after, 2000);
    assert_int_equal(slot->pending.not_before, 1100);
    assert_int_equal(slot->pending.not_after, 2100);
    assert_string_equal(slot->pending.issuer, "00000000000000cb");
    assert_int_equal(slot->superseded.serial.octets[0], 0x0c);
    assert_int_equal(slot->superseded.not_after, 900);
    assert_int_equal(slot->reason, CR_RENEW_OPERATOR);
    assert_int_equal(slot->attempt, 2);
    assert_int_equal(slot->deadline, 1500);
    assert_int_equal(slot->due, 1500);
    assert_int_equal(slot->format, CR_FORMAT_JSON);
    assert_int_equal(slot->certificate.len, 3);
    cr_device_record_free(record);

    assert_int_equal(read_record(&record, whole, "data", 1200), CR_OK);
    assert_int_equal(record->slot_count, 1);
    assert_string_equal(record->slot[0].slot, "data");
    cr_device_record_free(record);
}

static void absent_is_default(void **state)
{
    (void)state;
    static const char *const bare[] = { "id", "1", "operational:st", "issuing", NULL };
    static const char *const over[] = { "operational:st", "triggered", "operational:end", "1200", NULL };
    static const char *const none[] = { NULL };
    struct cr_device_record *record;
    assert_int_equal(read_record(&record, bare, NULL, 0), CR_OK);
    assert_int_equal(record->slot[0].reason, CR_RENEW_EXPIRY); /* the device asked by itself */
    assert_int_equal(record->slot[0].attempt, 1);
    assert_int_equal(record->slot[0].current.serial.len, 0);
    cr_device_record_free(record);
    assert_int_equal(read_record(&record, over, NULL, 1199), CR_OK);
    assert_int_equal(record->slot[0].state, CR_STATE_TRIGGERED);
    cr_device_record_free(record);
    assert_int_equal(read_record(&record, over, NULL, 1200), CR_OK);
    assert_int_equal(record->slot[0].state, CR_STATE_QUIET);
    cr_device_record_free(record);
    assert_int_equal(read_record(&record, none, NULL, 0), CR_OK);
    assert_int_equal(record->slot_count, 0);
    cr_device_record_free(record);
}

static void hostile_94_damaged_fields_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        { "fs", "yesterday" },        { "ls", "" },
        { "o:nb", "-1" },             { "o:na", "99999999999999999999" },
        { "o:gen", "1e3" },           { "o:st", "quiet" },
        { "o:st", "Issued" },         { "o:crt", "@" },
        { "o:key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh" },
        { "o:key", "+AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" },
        { "o:rid", "11111111-2222-4333-8444-5555555555556" },
        { "o:pend", "1 2 3" },        { "o:pend", "a b c d e" },
        { "o:pend", "" },             { "o#:ver", "1" },
        { ":ver", "1" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const pairs[] = { "id", "1", bad[i][0], bad[i][1], NULL };
        struct cr_device_record *record = (struct cr_device_record *)1;
        assert_int_equal(read_record(&record, pairs, NULL, 0), CR_INVALID);
        assert_null(record);
    }
}

static void more_slots_than_can_be_shown_are_left_out(void **state)
{
    (void)state;
    static struct cr_answer answer;
    char name[CR_RECORD_SLOTS + 1][24];
    struct cr_device_record *record;
    answer.pair_count = 0;
    for (int i = 0; i <= CR_RECORD_SLOTS; i++) {
        (void)snprintf(name[i], sizeof name[i], "slot-%d:ver", i);
        answer.pair[answer.pair_count++] = bytes(name[i]);
        answer.pair[answer.pair_count++] = bytes("1");
    }
    assert_int_equal(cr_answer_record(&answer, "meter-17", NULL, 0, &record), CR_OK);
    assert_int_equal(record->slot_count, CR_RECORD_SLOTS);
    cr_device_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_share_the_device_tag),
        cmocka_unit_test(keys_fit_for_the_longest_names),
        cmocka_unit_test(marks_tell_devices_apart),
        cmocka_unit_test(claims_tell_whose_key_it_is),
        cmocka_unit_test(certificate_names_go_both_ways),
        cmocka_unit_test(scripts_get_their_arguments),
        cmocka_unit_test(all_slots_of_a_device_fit),
        cmocka_unit_test(owners_stay_within_a_listpack),
        cmocka_unit_test(numbers_are_written_whole),
        cmocka_unit_test(too_many_arguments_are_noticed),
        cmocka_unit_test(a_record_is_read),
        cmocka_unit_test(absent_is_default),
        cmocka_unit_test(hostile_94_damaged_fields_are_refused),
        cmocka_unit_test(more_slots_than_can_be_shown_are_left_out),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
