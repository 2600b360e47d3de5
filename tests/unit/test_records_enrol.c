/* What of onboarding is spelt in Redis. */
#include "plugin/store/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct cr_records records = { "cr", 16 };

static struct cr_bytes bytes(const char *text)
{
    return (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
}

static void rules_get_their_arguments(void **state)
{
    static struct cr_setup setup = { .config = { .renewal_deadline_s = 1000 } };
    static struct cr_job job;
    static const struct cr_owner owner = { "broker-1", "11111111-2222-4333-8444-555555555555" };
    struct cr_profile profile;
    struct cr_args args;
    (void)state;
    cr_profile_default(&profile, "operational");
    job.setup = &setup;
    job.profile = &profile;
    (void)snprintf(job.device, sizeof job.device, "meter-17");
    (void)snprintf(job.slot, sizeof job.slot, "operational");
    (void)snprintf(job.issuer, sizeof job.issuer, "00000000000000ca");
    assert_int_equal(cr_serial_parse(&job.intent.serial, "0102"), CR_OK);
    job.intent.not_before = 1;
    job.intent.not_after = 2;
    job.enrolling = true; /* by nobody that is known */
    assert_int_not_equal(cr_args_begin(&args, &records, &job, &owner, "new-id", true), CR_OK);
    setup.config.factory_count = 1;
    (void)snprintf(setup.config.factory[0].name, sizeof setup.config.factory[0].name, "acme");
    job.presented.factory = 1;
    (void)snprintf(job.presented.issuer, sizeof job.presented.issuer, "00112233445566fa");
    assert_int_equal(cr_args_begin(&args, &records, &job, &owner, "new-id", true), CR_OK);
    assert_string_equal(args.arg[args.count - 3], "factory 00112233 acme list never");
    job.has_token = true;
    assert_int_equal(cr_args_begin(&args, &records, &job, &owner, "new-id", true), CR_OK);
    assert_string_equal(args.arg[args.count - 3], "token AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

static void enrol_fields_are_read(void **state)
{
    static struct cr_device_record record;
    static const char *const bad[][2] = { { "enr", "" }, { "enr", "1800000000" }, { "enr", "x acme" },
                                          { "tok", "hash" }, { "tok", "hash x " }, { "fac", "0011223344" } };
    (void)state;
    assert_int_equal(cr_enrol_field(&record, bytes("enr"), bytes("1800000000 acme AAAAAAAA")), CR_OK);
    assert_int_equal(record.enrol.since, 1800000000);
    assert_string_equal(record.enrol.factory, "acme");
    assert_int_equal(cr_enrol_field(&record, bytes("enr"), bytes("1800000001 *")), CR_OK);
    assert_string_equal(record.enrol.factory, "");
    assert_int_equal(cr_enrol_field(&record, bytes("tok"), bytes("hash 1800000002 ")), CR_OK);
    assert_int_equal(record.enrol.token_expires, 1800000002);
    assert_false(record.enrol.token_used);
    assert_int_equal(cr_enrol_field(&record, bytes("tok"), bytes("hash 1800000002 AAAAAAAA")), CR_OK);
    assert_true(record.enrol.token_used);
    assert_int_equal(cr_enrol_field(&record, bytes("fac"), bytes("00112233")), CR_OK);
    assert_string_equal(record.factory, "00112233");
    assert_int_equal(cr_enrol_field(&record, bytes("new"), bytes("whatever")), CR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_not_equal(cr_enrol_field(&record, bytes(bad[i][0]), bytes(bad[i][1])), CR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_get_their_arguments),
        cmocka_unit_test(enrol_fields_are_read),
    };
    return cmocka_run_group_tests_name("records_enrol", tests, NULL, NULL);
}
