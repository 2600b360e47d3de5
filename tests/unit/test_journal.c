#include "plugin/store/audit.h"
#include "plugin/store/journal.h"

#include <cJSON.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_CAP = 64 * 1024 };

static struct {
    char dir[64], path[96], why[300];
    uv_loop_t loop;
    struct cr_journal *journal;
    unsigned visited;
    unsigned told, failed;
    uint64_t offset;
    size_t len;
} scene;

static int set_up(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    (void)snprintf(scene.dir, sizeof scene.dir, "/tmp/cr-journal-XXXXXX");
    assert_non_null(mkdtemp(scene.dir));
    (void)snprintf(scene.path, sizeof scene.path, "%s/journal.jsonl", scene.dir);
    return uv_loop_init(&scene.loop);
}

static int tear_down(void **state)
{
    (void)state;
    cr_journal_close(scene.journal);
    assert_int_equal(uv_loop_close(&scene.loop), 0);
    (void)unlink(scene.path);
    return rmdir(scene.dir);
}

static void visit(void *ctx, struct cr_bytes line, uint64_t offset)
{
    (void)ctx;
    (void)offset;
    assert_int_equal(line.data[0], '{');
    scene.visited++;
}

static cr_err open_as(const char *broker)
{
    scene.visited = 0;
    const struct cr_journal_options options = { .dir = scene.dir, .broker = broker, .visit = visit };
    return cr_journal_open(&scene.journal, &options, scene.why, sizeof scene.why);
}

static void reopen(void)
{
    cr_journal_close(scene.journal);
    assert_int_equal(open_as("one"), CR_OK);
}

static void on_told(struct cr_journal_wait *wait, cr_err err, uint64_t offset, size_t len)
{
    (void)wait;
    scene.told++;
    scene.failed += err != CR_OK;
    scene.offset = offset;
    scene.len = len;
}

static void append(const char *what, struct cr_journal_wait *wait)
{
    char text[1024];
    struct cr_line line;
    const struct cr_audit audit = { .what = what, .now_s = 1800000000, .device = "meter-17", .detail = "d" };
    cr_line_start(&line, text, sizeof text);
    cr_audit_line(&audit, "one", &line);
    if (wait != NULL) {
        wait->done = on_told;
    }
    assert_int_equal(cr_journal_append(scene.journal, &line, wait), CR_OK);
}

static void run(void)
{
    cr_journal_flush(scene.journal, &scene.loop);
    assert_int_equal(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
    assert_true(cr_journal_idle(scene.journal));
}

static size_t slurp(char text[TEXT_CAP])
{
    FILE *file = fopen(scene.path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, TEXT_CAP - 1, file);
    text[len] = '\0';
    (void)fclose(file);
    return len;
}

static void spew(const char *text, size_t len)
{
    FILE *file = fopen(scene.path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void lines_are_json_and_chained(void **state)
{
    (void)state;
    static char text[TEXT_CAP];
    struct cr_journal_wait wait[3];
    assert_int_equal(open_as("one"), CR_OK);
    for (int i = 0; i < 3; i++) {
        append("refused", &wait[i]);
    }
    run();
    assert_int_equal(scene.told, 3);
    assert_int_equal(scene.failed, 0);
    append("denied", NULL);
    run();
    (void)slurp(text);
    char prev[65] = "0000000000000000000000000000000000000000000000000000000000000000";
    int seq = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        uint8_t digest[CR_SHA256_LEN];
        *end = '\0';
        cJSON *json = cJSON_Parse(line);
        assert_non_null(json);
        assert_int_equal(cJSON_GetObjectItem(json, "seq")->valueint, ++seq);
        assert_string_equal(cJSON_GetObjectItem(json, "prev")->valuestring, prev);
        assert_string_equal(cJSON_GetObjectItem(json, "broker")->valuestring, "one");
        assert_string_equal(cJSON_GetObjectItem(json, "time")->valuestring, "2027-01-15T08:00:00Z");
        cJSON_Delete(json);
        assert_int_equal(cr_sha256(digest, line, strlen(line)), CR_OK);
        cr_hex_encode(prev, digest, sizeof digest);
    }
    assert_int_equal(seq, 4);
    struct stat st;
    assert_int_equal(stat(scene.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    reopen();
    assert_int_equal(scene.visited, 4);
    append("refused", NULL);
    run();
    reopen();
    assert_int_equal(scene.visited, 5);
}

static void waiters_learn_where_their_line_is(void **state)
{
    (void)state;
    struct cr_journal_wait wait;
    char line[1024];
    assert_int_equal(open_as("one"), CR_OK);
    append("refused", NULL);
    append("issued", &wait);
    append("refused", NULL);
    run();
    assert_int_equal(scene.told, 1);
    assert_true(scene.len < sizeof line);
    assert_int_equal(cr_journal_read(scene.journal, scene.offset, line, scene.len), CR_OK);
    assert_memory_equal(line, "{\"seq\":2,", 9);
    assert_int_equal(line[scene.len - 1], '}');
}

static void values_are_escaped(void **state)
{
    (void)state;
    static const char nasty[] =
        "a\"b\\c\n\t\x01\x7f \xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x92 \xff\xc3(\xed\xa0\x80\xc0\x80";
    char text[1024];
    struct cr_line line;
    cr_line_start(&line, text, sizeof text);
    cr_line_string(&line, "first", "x");
    cr_line_string(&line, "who", nasty);
    cr_line_string(&line, "detail", ",\"serial\":\"00\"");
    cr_line_string(&line, "nothing", "");
    cr_line_string(&line, "null", NULL);
    char json_text[1100];
    (void)snprintf(json_text, sizeof json_text, "{%.*s}", (int)line.len, text);
    cJSON *json = cJSON_Parse(json_text);
    assert_non_null(json);
    assert_string_equal(cJSON_GetObjectItem(json, "who")->valuestring,
                        "a\"b\\c\n\t\x01\x7f \xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x92 \?\?(\?\?\?\?\?");
    assert_null(cJSON_GetObjectItem(json, "nothing"));
    assert_null(cJSON_GetObjectItem(json, "null"));
    cJSON_Delete(json);
    /* a value that looks like a field is none */
    assert_null(cr_line_field((struct cr_bytes){ (uint8_t *)text, line.len }, "serial").data);
}

static void a_line_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    static char big[CR_JOURNAL_LINE_MAX];
    char text[64];
    struct cr_line line;
    struct cr_journal_wait wait = { .done = on_told };
    assert_int_equal(open_as("one"), CR_OK);
    memset(big, 'x', sizeof big - 1);
    cr_line_start(&line, text, sizeof text);
    cr_line_string(&line, "detail", big);
    assert_true(line.overflow);
    assert_int_equal(cr_journal_append(scene.journal, &line, &wait), CR_FULL);
    cr_line_start(&line, text, sizeof text);
    cr_line_base64(&line, "certificate", (uint8_t *)big, 100);
    assert_true(line.overflow);
    run();
    assert_int_equal(scene.told, 0);
}

/* A power cut in the middle of the last line, at every byte of it. */
static void a_torn_last_line_is_cut_off(void **state)
{
    (void)state;
    static char text[TEXT_CAP];
    assert_int_equal(open_as("one"), CR_OK);
    append("refused", NULL);
    append("refused", NULL);
    append("refused", NULL);
    run();
    cr_journal_close(scene.journal);
    scene.journal = NULL;
    size_t len = slurp(text);
    size_t two = (size_t)(strchr(strchr(text, '\n') + 1, '\n') + 1 - text);
    for (size_t cut = two + 1; cut < len; cut++) {
        spew(text, cut);
        assert_int_equal(open_as("one"), CR_OK);
        assert_int_equal(scene.visited, 2);
        assert_int_equal(cr_journal_torn(scene.journal), cut - two);
        append("denied", NULL); /* and the chain goes on from there */
        run();
        reopen();
        assert_int_equal(scene.visited, 3);
        assert_int_equal(cr_journal_torn(scene.journal), 0);
        cr_journal_close(scene.journal);
        scene.journal = NULL;
    }
}

/* Any byte changed anywhere before the last line's end: somebody must look at it. */
static void a_broken_chain_does_not_open(void **state)
{
    (void)state;
    static char text[TEXT_CAP];
    assert_int_equal(open_as("one"), CR_OK);
    append("refused", NULL);
    append("refused", NULL);
    run();
    cr_journal_close(scene.journal);
    scene.journal = NULL;
    size_t len = slurp(text);
    size_t one = (size_t)(strchr(text, '\n') + 1 - text);
    for (size_t at = 0; at < one; at++) {
        text[at] ^= 1;
        spew(text, len);
        assert_int_not_equal(open_as("one"), CR_OK);
        assert_null(scene.journal);
        assert_true(strlen(scene.why) > 20);
        text[at] ^= 1;
    }
    spew(text + one, len - one); /* the beginning cut off */
    assert_int_equal(open_as("one"), CR_INVALID);
    spew(text, one);             /* the end cut off at a line: nobody can tell from the file alone */
    assert_int_equal(open_as("one"), CR_OK);
}

static void each_broker_has_its_own(void **state)
{
    (void)state;
    assert_int_equal(open_as("one"), CR_OK);
    append("refused", NULL);
    run();
    struct cr_journal *first = scene.journal;
    assert_int_equal(open_as("one"), CR_IO); /* in use */
    assert_non_null(strstr(scene.why, "in use"));
    cr_journal_close(first);
    scene.journal = NULL;
    assert_int_equal(open_as("two"), CR_INVALID);
    assert_non_null(strstr(scene.why, "'one'"));
}

static void a_bad_directory_is_explained(void **state)
{
    (void)state;
    struct cr_journal *journal;
    struct cr_journal_options options = { .dir = "/proc/nowhere", .broker = "one", .visit = visit };
    assert_int_equal(cr_journal_open(&journal, &options, scene.why, sizeof scene.why), CR_IO);
    assert_null(journal);
    assert_non_null(strstr(scene.why, "/proc/nowhere"));
    char missing[96];
    (void)snprintf(missing, sizeof missing, "%s/new", scene.dir); /* is made */
    options.dir = missing;
    assert_int_equal(cr_journal_open(&journal, &options, scene.why, sizeof scene.why), CR_OK);
    cr_journal_close(journal);
    (void)snprintf(scene.path, sizeof scene.path, "%s/new/journal.jsonl", scene.dir);
    assert_int_equal(unlink(scene.path), 0);
    assert_int_equal(rmdir(missing), 0);
}

/* hostile 108: some of a batch fits, the rest does not. All of it fails, none of it stays, and it recovers. */
static void hostile_108_a_full_disk_fails_the_whole_batch(void **state)
{
    (void)state;
    struct cr_journal_wait wait[4];
    struct rlimit former, tight;
    struct stat before, after;
    assert_int_equal(open_as("one"), CR_OK);
    append("refused", &wait[0]);
    run();
    assert_int_equal(stat(scene.path, &before), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
    tight = (struct rlimit){ (rlim_t)before.st_size + 300, former.rlim_max };
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 0; i < 4; i++) {
        append("issued", &wait[i]);
    }
    append("refused", NULL);
    run();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
    assert_int_equal(scene.told, 5);
    assert_int_equal(scene.failed, 4);
    assert_int_equal(cr_journal_error(scene.journal), EFBIG);
    assert_int_equal(cr_journal_lost_take(scene.journal), 1);
    assert_int_equal(cr_journal_lost_take(scene.journal), 0);
    assert_int_equal(stat(scene.path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    append("issued", &wait[0]);
    run();
    assert_int_equal(scene.failed, 4);
    assert_int_equal(cr_journal_error(scene.journal), 0);
    reopen();
    assert_int_equal(scene.visited, 2);
}

int main(void)
{
#define JOURNAL_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        JOURNAL_TEST(lines_are_json_and_chained),
        JOURNAL_TEST(waiters_learn_where_their_line_is),
        JOURNAL_TEST(a_line_that_does_not_fit_is_refused),
        JOURNAL_TEST(a_torn_last_line_is_cut_off),
        JOURNAL_TEST(a_broken_chain_does_not_open),
        JOURNAL_TEST(each_broker_has_its_own),
        JOURNAL_TEST(a_bad_directory_is_explained),
        JOURNAL_TEST(hostile_108_a_full_disk_fails_the_whole_batch),
        cmocka_unit_test(values_are_escaped),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
