/* How a campaign is spelt in Redis, and what the audit log says about it. */
#include "plugin/store/records_campaign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct cr_campaign sample(void)
{
    struct cr_campaign campaign = {
        .id = "1a2b3c4d",
        .name = "spring rotation",
        .created = 1800000000,
        .filter = { .acknowledged = -1 },
        .group_count = 2,
        .group = { { .name = "canary", .share = 10000 }, { .name = "rest", .share = CR_SHARE_ALL } },
    };
    return campaign;
}

static void changes_are_told(void **state)
{
    (void)state;
    static const struct {
        struct cr_campaign_course before, after;
        const char *text; /* NULL: nothing to tell */
    } steps[] = {
        { { CR_CAMPAIGN_COUNTING, CR_PAUSE_NONE, 0 }, { CR_CAMPAIGN_COUNTING, CR_PAUSE_NONE, 1 }, NULL },
        { { CR_CAMPAIGN_COUNTING, CR_PAUSE_NONE, 1 }, { CR_CAMPAIGN_WAITING, CR_PAUSE_NONE, 0 }, NULL },
        { { CR_CAMPAIGN_WAITING, CR_PAUSE_NONE, 0 }, { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 0 },
          "1a2b3c4d started: spring rotation" },
        { { CR_CAMPAIGN_COUNTING, CR_PAUSE_NONE, 1 }, { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 0 },
          "1a2b3c4d started: spring rotation" },
        { { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 0 }, { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 0 }, NULL },
        { { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 0 }, { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 1 },
          "1a2b3c4d group 1 rest: spring rotation" },
        { { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 1 }, { CR_CAMPAIGN_PAUSED, CR_PAUSE_ERRORS, 1 },
          "1a2b3c4d paused by errors: spring rotation" },
        { { CR_CAMPAIGN_PAUSED, CR_PAUSE_OPERATOR, 1 }, { CR_CAMPAIGN_WAITING, CR_PAUSE_NONE, 1 },
          "1a2b3c4d resumed: spring rotation" },
        { { CR_CAMPAIGN_PAUSED, CR_PAUSE_OPERATOR, 1 }, { CR_CAMPAIGN_ABORTING, CR_PAUSE_NONE, 1 },
          "1a2b3c4d aborting: spring rotation" },
        { { CR_CAMPAIGN_ABORTING, CR_PAUSE_NONE, 1 }, { CR_CAMPAIGN_ABORTED, CR_PAUSE_NONE, 1 },
          "1a2b3c4d aborted: spring rotation" },
        { { CR_CAMPAIGN_RUNNING, CR_PAUSE_NONE, 1 }, { CR_CAMPAIGN_DONE, CR_PAUSE_NONE, 1 },
          "1a2b3c4d done: spring rotation" },
    };
    struct cr_campaign campaign = sample();
    char text[CR_CAMPAIGN_CHANGE_CAP];
    assert_true(cr_campaign_change(text, NULL, &campaign));
    assert_string_equal(text, "1a2b3c4d created: spring rotation");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        campaign.state = steps[i].after.state;
        campaign.pause = steps[i].after.pause;
        campaign.at = steps[i].after.at;
        assert_int_equal(cr_campaign_change(text, &steps[i].before, &campaign), steps[i].text != NULL);
        if (steps[i].text != NULL) {
            assert_string_equal(text, steps[i].text);
        }
    }
    campaign.name[0] = '\0';
    assert_true(cr_campaign_change(text, NULL, &campaign));
    assert_string_equal(text, "1a2b3c4d created");
}

static void texts_end_no_line(void **state)
{
    (void)state;
    struct cr_campaign campaign = sample();
    char text[CR_CAMPAIGN_TEXT_CAP];
    assert_int_equal(cr_campaign_write(text, &campaign), CR_OK);
    (void)snprintf(campaign.name, sizeof campaign.name, "x\nst done");
    assert_int_equal(cr_campaign_write(text, &campaign), CR_INVALID);
    campaign = sample();
    campaign.group[1].name[0] = '\x7f';
    assert_int_equal(cr_campaign_write(text, &campaign), CR_INVALID);
    campaign = sample();
    campaign.state = CR_CAMPAIGN_STATES;
    assert_int_equal(cr_campaign_write(text, &campaign), CR_INVALID);
    campaign = sample();
    campaign.group_count = 0;
    assert_int_equal(cr_campaign_write(text, &campaign), CR_INVALID);
    campaign.group_count = CR_CAMPAIGN_GROUPS + 1;
    assert_int_equal(cr_campaign_write(text, &campaign), CR_INVALID);
}

/* As long as everything can be. */
static void the_longest_fits(void **state)
{
    (void)state;
    struct cr_campaign campaign;
    char text[CR_CAMPAIGN_TEXT_CAP];
    memset(&campaign, 'x', sizeof campaign);
    campaign.reason = CR_RENEW_CA_ROTATION;
    campaign.filter.state = CR_FILTER_TRIGGERED;
    campaign.filter.level = CR_LEVEL_CRITICAL;
    campaign.state = campaign.before_pause = CR_CAMPAIGN_ABORTING;
    campaign.pause = CR_PAUSE_DEADLINE;
    campaign.created = campaign.start = campaign.deadline = campaign.runner_until = INT64_MAX;
    campaign.walked = true;
    campaign.group_count = CR_CAMPAIGN_GROUPS;
    for (unsigned i = 0; i < CR_CAMPAIGN_GROUPS; i++) {
        campaign.group[i].name[CR_TAG_CAP - 1] = campaign.group[i].tag[CR_TAG_CAP - 1] = '\0';
    }
    assert_int_equal(cr_campaign_write(text, &campaign), CR_OK);
}

static void ids_are_eight_digits(void **state)
{
    (void)state;
    assert_true(cr_campaign_id_ok("0123abcd"));
    assert_false(cr_campaign_id_ok("0123ABCD"));
    assert_false(cr_campaign_id_ok("0123abc"));
    assert_false(cr_campaign_id_ok("0123abcde"));
    assert_false(cr_campaign_id_ok("../../ab"));
    assert_false(cr_campaign_id_ok(""));
}

static void courses_are_read(void **state)
{
    (void)state;
    struct cr_campaign_course course;
    const char text[] = "paused errors 3", none[] = "running - 0", bad[] = "dancing - 0";
    assert_int_equal(cr_campaign_course_read(&course, (struct cr_bytes){ (const uint8_t *)text, strlen(text) }), CR_OK);
    assert_int_equal(course.state, CR_CAMPAIGN_PAUSED);
    assert_int_equal(course.pause, CR_PAUSE_ERRORS);
    assert_int_equal(course.at, 3);
    assert_int_equal(cr_campaign_course_read(&course, (struct cr_bytes){ (const uint8_t *)none, strlen(none) }), CR_OK);
    assert_int_equal(course.pause, CR_PAUSE_NONE);
    assert_int_equal(cr_campaign_course_read(&course, (struct cr_bytes){ (const uint8_t *)bad, strlen(bad) }),
                     CR_INVALID);
    assert_int_equal(cr_campaign_course_read(&course, (struct cr_bytes){ NULL, 0 }), CR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_told),     cmocka_unit_test(texts_end_no_line),
        cmocka_unit_test(the_longest_fits),     cmocka_unit_test(ids_are_eight_digits),
        cmocka_unit_test(courses_are_read),
    };
    return cmocka_run_group_tests_name("records campaign", tests, NULL, NULL);
}
