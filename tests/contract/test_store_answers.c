/* Answers to what operators ask that no Redis of ours would give: made up at random, of words, numbers and shapes that the
 * store knows (hostile 89, 94), and errors (hostile 90). Whatever comes, the operation ends, and the next one is well.
 * From a fixed seed; CR_ANSWERS_SEED and CR_ANSWERS_ROUNDS change it. Redis is played by fake_resp. */
#include "tests/contract/campaign_scene.h"
#include "tests/support/fake_resp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_CAP = 6000, DEPTH_MAX = 4 };

static struct rig rig;
static struct fake_resp *fake;
static struct rig_broker *broker;
static uint64_t state_of_dice;

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, RIG_REDIS); /* for its directory */
    assert_int_equal(fake_resp_new(&fake), CR_OK);
    rig.address = fake_resp_path(fake);
    rig.timeout_ms = 300;
    broker = rig_open(&rig, "one");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    fake_resp_free(fake);
    return 0;
}

static unsigned dice(unsigned sides)
{
    state_of_dice ^= state_of_dice << 13;
    state_of_dice ^= state_of_dice >> 7;
    state_of_dice ^= state_of_dice << 17;
    return (unsigned)(state_of_dice >> 33) % sides;
}

/* ---- every operation ---- */

static struct cr_job *new_job(enum cr_op op)
{
    return rig_job(broker, op, "meter-17", "operational");
}

static void *room(size_t size)
{
    void *made = calloc(1, size);
    assert_non_null(made);
    return made;
}

static struct cr_job *steer(unsigned verb)
{
    struct cr_job *job = new_job(CR_OP_STEER);
    job->steer = room(sizeof *job->steer);
    job->steer->verb = (enum cr_steer_verb)verb;
    memcpy(job->steer->text, "why", 4);
    return job;
}

static struct cr_job *list(unsigned kind)
{
    struct cr_job *job = new_job(CR_OP_LIST);
    job->list = room(sizeof *job->list);
    job->list->source = kind == 0 ? CR_LIST_ALERTS : CR_LIST_ALL;
    job->list->count_only = kind == 1;
    job->list->limit = kind == 2 ? 3 : CR_PAGE_MAX;
    return job;
}

static struct cr_job *campaign(unsigned kind)
{
    struct cr_campaign full = campaign_full(&rig);
    memcpy(full.id, "1a2b3c4d", 9);
    full.version = 3;
    struct cr_job *job = campaign_job(broker, kind < 3 ? CR_CAMPAIGN_READ : kind == 3 ? CR_CAMPAIGN_CREATE : CR_CAMPAIGN_WRITE,
                                      kind == 1 ? "1a2b3c4d" : "", kind < 3 ? NULL : &full);
    job->campaigns->uncounted = kind == 2;
    return job;
}

static struct cr_job *survey(unsigned verb)
{
    struct cr_job *job = new_job(CR_OP_SURVEY);
    job->survey = room(sizeof *job->survey);
    job->survey->verb = (enum cr_survey_verb)verb;
    return job;
}

static struct cr_job *policy(unsigned verb)
{
    struct cr_job *job = new_job(CR_OP_POLICY);
    job->policy = room(sizeof *job->policy);
    job->policy->verb = (enum cr_policy_verb)verb;
    if (verb == CR_POLICY_WRITE) {
        job->policy->version = CR_POLICY_ANY;
        job->policy->count = 1;
        job->policy->setting = room(sizeof *job->policy->setting);
        memcpy(job->policy->setting->key, "trigger_rate", 13);
        memcpy(job->policy->setting->value, "7", 2);
    }
    return job;
}

static struct cr_job *agenda(unsigned watch)
{
    struct cr_job *job = new_job(CR_OP_AGENDA);
    job->agenda = room(sizeof *job->agenda);
    job->agenda->watch = watch != 0;
    job->agenda->buckets = 4;
    job->agenda->limit = CR_DUE_MAX;
    job->agenda->rate_per_s = 50;
    return job;
}

static struct cr_job *history(unsigned oldest)
{
    struct cr_job *job = new_job(CR_OP_HISTORY);
    job->history = room(sizeof *job->history);
    job->history->oldest_first = oldest != 0;
    return job;
}

static struct cr_job *one(unsigned kind)
{
    static const enum cr_op ops[] = { CR_OP_TRIGGER, CR_OP_LOOK, CR_OP_ADVANCE, CR_OP_INSPECT };
    struct cr_job *job = kind == 0 ? rig_job_trigger(broker, "meter-17", "operational") : new_job(ops[kind]);
    memcpy(job->campaign.id, kind == 0 ? "1a2b3c4d" : "", kind == 0 ? 9 : 1);
    return job;
}

static const struct {
    struct cr_job *(*make)(unsigned kind);
    unsigned kinds;
} ops[] = { { steer, 5 }, { list, 3 }, { campaign, 5 }, { survey, 4 }, { policy, 2 }, { agenda, 2 }, { history, 2 }, { one, 4 } };
enum { OPS = sizeof ops / sizeof ops[0] };

static struct cr_job *any_job(void)
{
    unsigned op = dice(OPS);
    return ops[op].make(dice(ops[op].kinds));
}

/* ---- answers ---- */

struct text {
    char text[TEXT_CAP];
    size_t len;
};

static void add(struct text *text, const char *more, size_t len)
{
    if (text->len + len < sizeof text->text) {
        memcpy(text->text + text->len, more, len);
        text->len += len;
        text->text[text->len] = '\0';
    }
}

static void add_bulk(struct text *text, const char *value)
{
    char head[32];
    size_t len = strlen(value);
    int head_len = snprintf(head, sizeof head, "$%zu\r\n", len);
    add(text, head, (size_t)head_len);
    add(text, value, len);
    add(text, "\r\n", 2);
}

static void add_word(struct text *text)
{
    static const char *const words[] = {
        "", "done", "record", "triggered", "written", "conflict", "taken", "unknown", "all", "same", "unchanged", "again",
        "stale", "full", "restored", "foreign", "wrong", "gone", "no-alert", "too-large", "0", "1", "-1", "7", "1800000000",
        "99999999999999999999", "1e999", "nan", "1800000000-0", "1800000000000-99999999999999999999", "x-y", "crt", "tags",
        "meter-17/operational", "meter-17/", "/operational", "meter 17/../x", "operational:crt", "operational:al",
        "operational:cmp", "operational:ack", "operational:hold", "operational:st", "operational:ver", "operational:at", "id",
        "1a@00000000000000ca", "1800000000 9 9 z 1", "1800000000 2 1 w 3", "1a2b3c4d 2 a", "1a2b3c4d 77777777777 a",
        "1800000000 alice", ",lab,", "1a2b3c4d", "damaged:", "0:a", "2:r", "9:s", "st", "v", "n", "why", "fack", "g0", "g0name",
        "running", "campaign", "1000000 950 50 12 0", "/trigger_rate", "operational/lifetime", "nothing/", "50", "held x\nheld y",
        "raised operational\nwoken operational\nfield operational\nended operational\ncleared operational\n",
        "cancelled operational 11111111-2222-4333-8444-555555555555\n", "began x\nexpired  \n", "cleared ",
        "12 0 0 0 12 0 0 0 0 0 0 0 0 0 0 0", "1 2 3 +0:5 +89:1 +90:7 +999999999999:1 @ca:12 @:1 @x:-1",
        "4294967296 18446744073709551615 18446744073709551616 1 1 1 1 1 1 1 1 1 1 1 1 1",
    };
    enum { WORDS = sizeof words / sizeof words[0], LONG_MAX_LEN = 700 };
    if (dice(24) == 0) {
        char wide[LONG_MAX_LEN + 1];
        size_t len = dice(LONG_MAX_LEN);
        memset(wide, 'a' + (int)dice(26), len);
        wide[len] = '\0';
        add_bulk(text, wide);
    } else {
        add_bulk(text, words[dice(WORDS)]);
    }
}

static void add_any(struct text *text, unsigned depth)
{
    char number[32];
    unsigned kind = dice(10), count = dice(4) == 0 ? dice(40) : dice(8);
    if (kind < 3 && depth < DEPTH_MAX && text->len < TEXT_CAP / 2) {
        size_t from = text->len;
        int len = snprintf(number, sizeof number, "*%u\r\n", count);
        add(text, number, (size_t)len);
        for (unsigned i = 0; i < count; i++) {
            add_any(text, depth + 1);
        }
        if (text->len > TEXT_CAP - 1000) { /* too long to be whole */
            text->len = from;
            add(text, "*0\r\n", 4);
        }
    } else if (kind == 3) {
        add(text, "$-1\r\n", 5);
    } else if (kind == 4) {
        int len = snprintf(number, sizeof number, ":%d\r\n", (int)dice(300) - (dice(8) == 0 ? 200 : 0));
        add(text, number, (size_t)len);
    } else {
        add_word(text);
    }
}

/* A shape that some operation knows, with anything in it. */
static void make_answer(struct text *text)
{
    static const char *const codes[] = { "done", "record", "triggered", "written", "all", "same", "unchanged", "again" };
    char head[32];
    unsigned parts = 2 + dice(5), pairs = dice(20);
    *text = (struct text){ .len = 0 };
    switch (dice(5)) {
    case 0: /* code, note, pairs; with some parts before them */
        add(text, head, (size_t)snprintf(head, sizeof head, "*%u\r\n", parts + 1));
        add_bulk(text, codes[dice(8)]);
        for (unsigned i = 1; i < parts; i++) {
            add_word(text);
        }
        add(text, head, (size_t)snprintf(head, sizeof head, "*%u\r\n", 2 * pairs));
        for (unsigned i = 0; i < 2 * pairs; i++) {
            add_word(text);
        }
        break;
    case 1: /* a page of a list */
        add(text, head, (size_t)snprintf(head, sizeof head, "*%u\r\n:%u\r\n:%u\r\n", 4 + parts, dice(300), dice(300)));
        for (unsigned i = 0; i < 2 + parts; i++) {
            add_any(text, i < 2 ? DEPTH_MAX : 1);
        }
        break;
    default:
        add_any(text, 0);
        break;
    }
}

static void expect_well(void)
{
    fake_resp_scripts(fake, NULL);
    struct cr_cert_facts old = rig_cert("meter-1", 1, 1, rig.now_s - 80 * RIG_DAY_S, rig.now_s + RIG_DAY_S);
    for (int64_t end = cr_mono_ms(cr_clock_system()) + RIG_WAIT_MS;;) {
        struct cr_job *job = rig_run(broker, rig_job_csr(broker, "meter-1", "operational", 2, &old));
        bool well = job->outcome == CR_OUT_NONE;
        cr_job_free(job);
        if (well) {
            return;
        }
        assert_true(cr_mono_ms(cr_clock_system()) < end);
    }
}

static void hostile_89_94_any_answer_ends_the_operation(void **state)
{
    (void)state;
    const char *seed = getenv("CR_ANSWERS_SEED"), *rounds = getenv("CR_ANSWERS_ROUNDS");
    state_of_dice = 0x9e3779b97f4a7c15u ^ (seed != NULL ? strtoul(seed, NULL, 10) : 1);
    unsigned long count = rounds != NULL ? strtoul(rounds, NULL, 10) : 3000;
    for (unsigned long i = 0; i < count; i++) {
        static struct text text;
        make_answer(&text);
        fake_resp_scripts(fake, text.text);
        if (getenv("CR_ANSWERS_TRACE") != NULL) {
            print_message("%lu: %s\n", i, text.text);
        }
        struct cr_job *job = rig_run(broker, any_job());
        assert_int_equal(job->stage, CR_STAGE_DONE);
        assert_int_not_equal(job->outcome, CR_OUT_NONE);
        assert_true(job->list == NULL || job->list->count <= job->list->limit);
        cr_job_free(job);
        if (i % 100 == 0) {
            expect_well();
        }
    }
    expect_well();
}

static void hostile_90_any_error_is_told_and_over_soon(void **state)
{
    static const char *const errors[] = {
        "READONLY You can't write against a read only replica.",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "LOADING Redis is loading the dataset in memory",
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist.",
        "NOSCRIPT No matching script. Please use EVAL.",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "ERR Error running script (call to f_ab): @user_script:12: -OOM command not allowed when used memory > 'maxmemory'",
        "ERR user_script:27: CORRUPT operational:al script: ab, on @user_script:27.",
    };
    (void)state;
    for (unsigned op = 0; op < OPS; op++) {
        for (unsigned kind = 0; kind < ops[op].kinds; kind++) {
            for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++) {
                char line[200];
                (void)snprintf(line, sizeof line, "-%s\r\n", errors[i]);
                fake_resp_scripts(fake, line);
                struct cr_job *job = rig_run(broker, ops[op].make(kind));
                assert_int_equal(job->stage, CR_STAGE_DONE);
                /* what is due is asked for again anyway */
                if (job->op != CR_OP_AGENDA) {
                    assert_int_equal(job->outcome, CR_OUT_REFUSED);
                    assert_true(job->refusal == CR_REFUSAL_STORE_UNAVAILABLE || job->refusal == CR_REFUSAL_INTERNAL);
                }
                cr_job_free(job);
                expect_well();
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hostile_89_94_any_answer_ends_the_operation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_90_any_error_is_told_and_over_soon, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("store answers", tests, NULL, NULL);
}
