/* renewalctl audit --follow: against a broker whose answers lead nowhere. It must not ask for ever without a pause. */
#include "tests/unit/ctl_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

static struct ctl_rig rig;
static const char *const *pages;  /* the first ones, and the last again and again */
static unsigned pages_max;

static char *odd_answer(struct ctl_rig *of, const cJSON *command)
{
    (void)command;
    of->stop = of->asked > 50; /* otherwise it would go on for ever */
    unsigned page = of->asked < pages_max ? of->asked : pages_max;
    return strdup(pages[page > 0 ? page - 1 : 0]);
}

#define ENTRY "{\"id\":\"9-5\",\"what\":\"seen\",\"device\":\"m\",\"who\":\"x\"}"

static void a_broker_that_leads_nowhere(void **state)
{
    (void)state;
    static const struct { const char *line; const char *page[4]; } cases[] = {
        /* at the beginning: the same cursor, two in turn, one that goes on */
        { "audit -f", { "{\"entries\":[],\"cursor\":\"9-5\"}", "{\"entries\":[],\"cursor\":\"9-5\"}" } },
        { "audit -f", { "{\"entries\":[],\"cursor\":\"9-5\"}", "{\"entries\":[],\"cursor\":\"9-6\"}" } },
        { "audit -f", { "{\"entries\":[],\"cursor\":\"9-5/\"}", "{\"entries\":[],\"cursor\":\"9-5\"}" } },
        { "audit -f", { "{\"entries\":[],\"cursor\":\"over there\"}" } },
        /* later: on the last entry itself, before it, with an entry that was shown, and without */
        { "audit -f", { "{\"entries\":[" ENTRY "]}", "{\"entries\":[" ENTRY "],\"cursor\":\"9-5\"}" } },
        { "audit -f", { "{\"entries\":[" ENTRY "]}", "{\"entries\":[" ENTRY "],\"cursor\":\"9-4\"}" } },
        { "audit -f", { "{\"entries\":[" ENTRY "]}", "{\"entries\":[],\"cursor\":\"9-5\"}" } },
        { "audit -f", { "{\"entries\":[]}", "{\"entries\":[],\"cursor\":\"0-0\"}" } },
        { "audit -f", { "{\"entries\":[{\"id\":\"99999999999999999999-0\"}]}" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("case %zu\n", i);
        rig = (struct ctl_rig){ .make = odd_answer, .stop_after = 20 };
        pages = cases[i].page;
        for (pages_max = 0; pages_max < 4 && pages[pages_max] != NULL; pages_max++) {
        }
        ctl_rig_run(&rig, cases[i].line);
        assert_int_equal(rig.rc, CTL_FAILED);
        assert_true(rig.asked <= 2);
        assert_non_null(strstr(rig.err, "leads nowhere"));
        ctl_rig_free(&rig);
    }
}

/* A device that is not known: cursors say so at their end. */
static void a_device_that_is_sought(void **state)
{
    (void)state;
    static const char *const page[] = { "{\"entries\":[]}", "{\"entries\":[],\"cursor\":\"9-5/\"}",
                                        "{\"entries\":[],\"cursor\":\"9-4/\"}", "{\"entries\":[]}" };
    rig = (struct ctl_rig){ .make = odd_answer, .stop_after = 3 };
    pages = page;
    pages_max = 4;
    ctl_rig_run(&rig, "audit m -f");
    assert_int_equal(rig.rc, CTL_DONE);
    assert_string_equal(rig.err, "");
    ctl_rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_that_leads_nowhere),
        cmocka_unit_test(a_device_that_is_sought),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
