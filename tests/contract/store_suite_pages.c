/* What every store answers who lists the fleet page by page, or by groups of a campaign. */
#include "tests/contract/list_scene.h"

#include <stdio.h>
#include <string.h>

/* ---- pages ---- */

/* Slots that are renewed between two pages may come twice, but each comes. */
void store_list_pages_lose_nothing(void **state)
{
    enum { COUNT = 60, LIMIT = 7 };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    for (unsigned i = 0; i < COUNT; i++) {
        (void)fleet_known(broker, i, rig->now_s + (90 + i * 7 % 11) * RIG_DAY_S);
    }
    struct list_seen still = fleet_walk(broker, &(struct cr_list){ .limit = LIMIT });
    assert_int_equal(still.rows, COUNT);
    assert_true(still.pages >= COUNT / LIMIT);

    struct cr_list next = { .limit = LIMIT };
    struct list_seen seen = { .rows = 0 };
    do {
        struct cr_job *job = fleet_page(broker, &next);
        assert_int_equal(job->outcome, CR_OUT_DONE);
        for (unsigned i = 0; i < job->list->count; i++) {
            unsigned number = 0;
            assert_int_equal(sscanf(job->list->row[i].device, "meter-%u", &number), 1);
            seen.times[number]++;
            seen.rows++;
        }
        memcpy(next.cursor, job->list->cursor, sizeof next.cursor);
        if (job->list->count > 0 && seen.pages < 9) { /* the very one that the cursor names, the first, and another */
            unsigned last = 0, first = 0;
            (void)sscanf(job->list->row[job->list->count - 1].device, "meter-%u", &last);
            (void)sscanf(job->list->row[0].device, "meter-%u", &first);
            rig->now_s += 60;
            fleet_renewed(broker, last, rig->now_s + 200 * RIG_DAY_S);
            rig->now_s += 60;
            fleet_renewed(broker, first, rig->now_s + 300 * RIG_DAY_S);
            rig->now_s += 60;
            fleet_renewed(broker, (first + 31) % COUNT, rig->now_s + 400 * RIG_DAY_S);
        }
        cr_job_free(job);
        assert_true(++seen.pages < 200);
    } while (next.cursor[0] != '\0');
    for (unsigned i = 0; i < COUNT; i++) {
        assert_true(seen.times[i] >= 1);
    }
    assert_true(seen.rows > COUNT); /* some moved behind the cursor, and came again */
}

/* Many certificates that end at the same second, as those of a batch from a factory: also then each comes once. */
void store_list_pages_through_one_second(void **state)
{
    enum { COUNT = 390, LIMIT = 90 };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    int64_t end = rig->now_s + 90 * RIG_DAY_S;
    for (unsigned i = 0; i < COUNT; i++) {
        (void)fleet_known(broker, i, end);
    }
    struct list_seen seen = fleet_walk(broker, &(struct cr_list){ .limit = LIMIT });
    assert_int_equal(seen.rows, COUNT);
    seen = fleet_walk(broker, &(struct cr_list){ .limit = 1, .filter.prefix = "meter-38" });
    assert_int_equal(seen.rows, 10);

    struct cr_job *job = fleet_page(broker, &(struct cr_list){ .limit = 10 });
    struct cr_list next = { .limit = LIMIT };
    unsigned first = 0;
    memcpy(next.cursor, job->list->cursor, sizeof next.cursor);
    assert_int_equal(sscanf(job->list->row[9].device, "meter-%u", &first), 1);
    cr_job_free(job);
    rig->now_s += 60;
    fleet_renewed(broker, first, end + 2 * RIG_DAY_S); /* the one that the cursor names */
    seen = (struct list_seen){ .rows = 0 };
    do {
        job = fleet_page(broker, &next);
        seen.rows += job->list->count;
        memcpy(next.cursor, job->list->cursor, sizeof next.cursor);
        cr_job_free(job);
    } while (next.cursor[0] != '\0');
    assert_int_equal(seen.rows, COUNT - 10 + 1); /* which comes again */
}

void store_list_keeps_the_limit(void **state)
{
    enum { COUNT = 130 };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    for (unsigned i = 0; i < COUNT; i++) {
        (void)fleet_known(broker, i, rig->now_s + (90 + i % 3) * RIG_DAY_S);
    }
    static const unsigned limits[] = { 1, 2, 99, 100, 0, 1000 };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        unsigned limit = limits[i] == 0 || limits[i] > CR_PAGE_MAX ? CR_PAGE_MAX : limits[i];
        struct cr_job *job = fleet_page(broker, &(struct cr_list){ .limit = limits[i] });
        assert_int_equal(job->outcome, CR_OUT_DONE);
        assert_int_equal(job->list->count, limit);
        assert_true(job->list->cursor[0] != '\0');
        cr_job_free(job);
    }
    assert_int_equal(fleet_walk(broker, &(struct cr_list){ .limit = 1 }).rows, COUNT);
}

/* Counts all pages. */
static unsigned count(struct rig_broker *broker, const struct cr_list *what)
{
    struct cr_list next = *what;
    unsigned matched = 0, pages = 0;
    next.count_only = true;
    do {
        struct cr_job *job = fleet_page(broker, &next);
        assert_int_equal(job->outcome, CR_OUT_DONE);
        assert_int_equal(job->list->count, 0);
        matched += job->list->matched;
        memcpy(next.cursor, job->list->cursor, sizeof next.cursor);
        cr_job_free(job);
        assert_true(++pages < 100);
    } while (next.cursor[0] != '\0');
    return matched;
}

void store_list_counts(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    assert_int_equal(count(broker, &(struct cr_list){ .limit = 1 }), 0);
    for (unsigned i = 0; i < 290; i++) {
        (void)fleet_known(broker, i, rig->now_s + (90 + i % 3) * RIG_DAY_S);
    }
    for (unsigned i = 0; i < 290; i += 10) {
        fleet_tag(rig, i, ",lab,");
    }
    assert_int_equal(count(broker, &(struct cr_list){ .limit = 1 }), 290);
    assert_int_equal(count(broker, &(struct cr_list){ .filter.tag = "lab" }), 29);
    assert_int_equal(count(broker, &(struct cr_list){ .filter.prefix = "meter-28" }), 10);
}

/* ---- groups of a campaign ---- */

/* Which of so many devices a group takes. */
static struct list_seen group(struct rig_broker *broker, const char *campaign, unsigned share, const char *tagged)
{
    struct cr_list list = { .pick.share = share };
    snprintf(list.pick.campaign, sizeof list.pick.campaign, "%s", campaign);
    snprintf(list.pick.tag, sizeof list.pick.tag, "%s", tagged);
    struct list_seen seen = fleet_walk(broker, &list);
    assert_int_equal(count(broker, &list), seen.rows);
    return seen;
}

void store_list_picks_a_share(void **state)
{
    enum { COUNT = 300 };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    for (unsigned i = 0; i < COUNT; i++) {
        (void)fleet_known(broker, i, rig->now_s + (90 + i % 5) * RIG_DAY_S);
    }
    assert_int_equal(group(broker, "0badcafe", 0, "").rows, 0);
    assert_int_equal(group(broker, "0badcafe", CR_SHARE_ALL, "").rows, COUNT);
    struct list_seen tenth = group(broker, "0badcafe", CR_SHARE_ALL / 10, "");
    struct list_seen half = group(broker, "0badcafe", CR_SHARE_ALL / 2, "");
    struct list_seen others = group(broker, "0badcaff", CR_SHARE_ALL / 2, "");
    assert_int_equal(tenth.rows, 25); /* the hash is the same for ever, and for every store */
    assert_int_equal(half.rows, 158);
    assert_int_equal(others.rows, 158);
    assert_memory_not_equal(half.times, others.times, sizeof half.times); /* each campaign throws anew */
    for (unsigned i = 0; i < COUNT; i++) {
        assert_true(half.times[i] >= tenth.times[i]); /* shares are cumulative */
    }

    /* the first group is asked: the next one takes the others */
    for (unsigned i = 0; i < COUNT; i++) {
        if (tenth.times[i] > 0) {
            fleet_join(rig, i, "0badcafe");
        }
    }
    struct list_seen second = group(broker, "0badcafe", CR_SHARE_ALL / 2, "");
    assert_int_equal(second.rows, half.rows - tenth.rows);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(second.times[i] + tenth.times[i], half.times[i]);
    }
    assert_int_equal(group(broker, "0badcafe", CR_SHARE_ALL, "").rows, COUNT - tenth.rows);
    assert_int_equal(group(broker, "0badcaff", CR_SHARE_ALL, "").rows, COUNT); /* a member of the other one is free */
}

void store_list_picks_a_tag(void **state)
{
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    for (unsigned i = 0; i < 30; i++) {
        (void)fleet_known(broker, i, rig->now_s + 90 * RIG_DAY_S);
    }
    fleet_tag(rig, 3, ",lab,");
    fleet_tag(rig, 4, ",lab,old,");
    fleet_tag(rig, 5, ",laboratory,");
    fleet_join(rig, 4, "0badcafe");
    assert_int_equal(group(broker, "0badcafe", CR_SHARE_ALL, "lab").rows, 1);
    assert_int_equal(group(broker, "0badcafe", 0, "lab").rows, 0);
    struct cr_list list = { .filter.tag = "old", .pick = { .share = CR_SHARE_ALL, .tag = "lab", .campaign = "11111111" } };
    fleet_finds(broker, &list, "4");
}

/* ---- cursors ---- */

void store_list_knows_its_cursors(void **state)
{
    static const char *const bad[] = {
        "x", "1", "1:", "1:2", ":", "::", "1::", "a:1:", "-1:0:", "1:-1:", " 1:0:", "1:0: ", "4:0:", "99:0:", "999999999:0:",
        "1:0:meter", "1:0:/operational", "1:0:meter/", "1:0:meter/operational/x", "1:0:me*er/operational",
        "1:0:../operational", "1:1x:meter/operational", "18446744073709551616:0:", "1:99999999999999999999:", "1:0:a b/c",
        "0:1800000000:meter\n/operational",
    };
    struct rig *rig = *state;
    struct rig_broker *broker = rig_open(rig, "one");
    (void)fleet_known(broker, 1, rig->now_s + 90 * RIG_DAY_S);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cr_list list = { .limit = 5 };
        snprintf(list.cursor, sizeof list.cursor, "%s", bad[i]);
        struct cr_job *job = fleet_page(broker, &list);
        bool dots = strcmp(bad[i], "1:0:../operational") == 0; /* a name, though no device's */
        assert_int_equal(job->outcome, dots ? CR_OUT_DONE : CR_OUT_REFUSED);
        assert_int_equal(job->refusal, dots ? CR_REFUSAL_NONE : CR_REFUSAL_UNKNOWN_CURSOR);
        cr_job_free(job);
    }
    /* one of a slot that is not there any more goes on from where it was */
    fleet_finds(broker, &(struct cr_list){ .cursor = "0:0:gone/operational" }, "1");
}
