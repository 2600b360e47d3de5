/* weak_file: what is read of a list of weak keys, what is told of one with mistakes, and when it is read again. */
#include "plugin/worker/weak_file.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define A "00005890bc78bcbee3ca"
#define B "3c3fbae22fb5042dae07"
#define C "ffffbae22fb5042dae07"

/* How many allocations still succeed; negative: all. */
static int left = -1;
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
    return left >= 0 && left-- == 0 ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return left >= 0 && left-- == 0 ? NULL : __real_calloc(count, size);
}

static struct test_dir dir;
static char path[80], errors[4096];

static void write_list(const char *text, size_t len)
{
    test_file_write(path, text, len, 0644);
}

static struct cr_weak_file *loads_after(struct cr_weak_file *former)
{
    struct cr_weak_file *file = NULL;
    if (cr_weak_file_load(&file, path, former, errors, sizeof errors) != CR_OK) {
        fail_msg("%s", errors);
    }
    assert_non_null(file);
    return file;
}

/* These bytes are a list of the entries A, B and C, in that order. */
static void loads_abc(const char *text, size_t len)
{
    static const char *const entries[] = { A, B, C };
    write_list(text, len);
    struct cr_weak_file *file = loads_after(NULL);
    const struct cr_weak_list *list = cr_weak_file_list(file);
    assert_int_equal(list->count, 3);
    for (size_t i = 0; i < 3; i++) {
        char hex[2 * CR_WEAK_LEN + 1];
        cr_hex_encode(hex, list->entry[i], CR_WEAK_LEN);
        assert_string_equal(hex, entries[i]);
    }
    cr_weak_file_drop(file);
}
#define LOADS_ABC(text) loads_abc(text, sizeof(text) - 1)

/* Refused, and the sentences are these; "%s" stands for the file. */
static void refuses(const char *sentences)
{
    char expected[sizeof errors];
    const char *from = sentences;
    size_t len = 0;
    struct cr_weak_file *file = (struct cr_weak_file *)&dir; /* to be overwritten */
    assert_int_equal(cr_weak_file_load(&file, path, NULL, errors, sizeof errors), CR_INVALID);
    assert_null(file);
    for (const char *at; (at = strstr(from, "%s")) != NULL; from = at + 2) {
        len += (size_t)snprintf(expected + len, sizeof expected - len, "%.*sweak_keys_file %s", (int)(at - from), from,
                                path);
    }
    (void)snprintf(expected + len, sizeof expected - len, "%s", from);
    assert_string_equal(errors, expected);
}

static void refuses_text(const char *text, size_t len, const char *sentences)
{
    write_list(text, len);
    refuses(sentences);
}
#define REFUSES(text, sentences) refuses_text(text, sizeof(text) - 1, sentences)

static void lists_as_they_come(void **state)
{
    (void)state;
    LOADS_ABC(A "\n" B "\n" C "\n");
    LOADS_ABC(A "\n" B "\n" C);                       /* the last line without an end */
    LOADS_ABC(A "\r\n" B "\r\n" C "\r\n");
    LOADS_ABC("# openssl rsa -noout -modulus\n#\n\n" A "\n#" B "\n" B "\n\n" C "\n# end");
    LOADS_ABC(C "\n" A "\n" B "\n");                  /* in no order */
}

static void comments_may_be_long_lines_not_too_long(void **state)
{
    (void)state;
    char text[4096] = A "\n" B "\n#";
    size_t start = strlen(text) - 1;
    memset(text + start + 1, 'x', 1023);
    memcpy(text + start + 1024, "\n" C, 1 + strlen(C));
    loads_abc(text, start + 1025 + strlen(C));
    memset(text + start + 1, 'x', 1024);
    memcpy(text + start + 1025, "\n" C, 1 + strlen(C));
    write_list(text, start + 1026 + strlen(C));
    refuses("%s:3: is longer than 1024 bytes.");
}

#define MUST ": must be 20 lower-case hex digits, the end of the key's SHA-1."

static void bad_lines_are_told_by_number(void **state)
{
    (void)state;
    REFUSES(A "\n" "3c3fbae22fb5042dae0\n" C "\n", "%s:2" MUST);      /* 19 */
    REFUSES(A "\n" B "0\n" C "\n", "%s:2" MUST);                      /* 21 */
    REFUSES("#\n\n" A A "\n", "%s:3" MUST);                           /* all of the SHA-1 */
    REFUSES("3C3FBAE22FB5042DAE07\n", "%s:1" MUST);
    REFUSES("3c3fbae22fb5042daeg7\n", "%s:1" MUST);
    REFUSES(" " A "\n", "%s:1" MUST);
    REFUSES(A " \n", "%s:1" MUST);
    REFUSES(A "\n3c3fbae22fb5042da\0 07\n", "%s:2" MUST);
    REFUSES("\n" A " " B "\n" C "\nx", "%s:2" MUST "\n%s:4" MUST);
    REFUSES("1\n2\n3\n4\n5\n6\n7\n",
            "%s:1" MUST "\n%s:2" MUST "\n%s:3" MUST "\n%s:4" MUST "\n%s:5" MUST "\n%s: and 2 more mistakes.");
}

static void an_empty_list_is_a_mistake(void **state)
{
    (void)state;
    static const char empty[] = "%s: holds no entry; take the key out of the configuration if there is to be no list.";
    REFUSES("", empty);
    REFUSES("\n", empty);
    REFUSES("# nothing\n", empty);
}

static void files_that_are_none(void **state)
{
    (void)state;
    (void)unlink(path);
    refuses("%s: No such file or directory.");
    assert_int_equal(mkfifo(path, 0644), 0);
    refuses("%s: is not a regular file."); /* without waiting for a writer */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0755), 0);
    refuses("%s: is not a regular file.");
    assert_int_equal(rmdir(path), 0);
    write_list("#", 1);
    assert_int_equal(truncate(path, 200000000), 0);
    refuses("%s: is larger than 89 MB, too large for a list of at most 4000000 entries.");
}

/* Little room for what is to be said is no reason to write beyond it. */
static void errors_are_cut(void **state)
{
    (void)state;
    struct cr_weak_file *file;
    char *room = errors + 1;
    write_list("1\n2\n3\n", 6);
    for (size_t cap = 0; cap < 400; cap++) {
        memset(errors, 'x', sizeof errors);
        assert_int_equal(cr_weak_file_load(&file, path, NULL, room, cap), CR_INVALID);
        assert_int_equal(room[-1], 'x');
        assert_int_equal(room[cap], 'x');
        assert_true(cap == 0 || memchr(room, '\0', cap) != NULL);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    enum { ALLOCATIONS = 4 };
    write_list(A "\n", 21);
    for (int n = 0; n <= ALLOCATIONS; n++) {
        struct cr_weak_file *file = (struct cr_weak_file *)&dir; /* to be overwritten */
        left = n;
        cr_err err = cr_weak_file_load(&file, path, NULL, errors, sizeof errors);
        left = -1;
        assert_int_equal(err, n < ALLOCATIONS ? CR_NOMEM : CR_OK);
        assert_int_equal(file != NULL, n == ALLOCATIONS);
        cr_weak_file_drop(file);
    }
}

/* All that may be, and one more. */
static void lists_are_bounded(void **state)
{
    (void)state;
    enum { LINE = 21, LINES_AT_ONCE = 4000 };
    static char lines[LINE * LINES_AT_ONCE];
    for (size_t i = 0; i < LINES_AT_ONCE; i++) {
        memcpy(lines + i * LINE, A "\n", LINE);
    }
    (void)unlink(path);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    for (size_t i = 0; i < CR_WEAK_LIST_MAX / LINES_AT_ONCE; i++) {
        assert_int_equal(fwrite(lines, sizeof lines, 1, out), 1);
    }
    assert_int_equal(fflush(out), 0);
    struct cr_weak_file *file = loads_after(NULL);
    assert_int_equal(cr_weak_file_list(file)->count, CR_WEAK_LIST_MAX);
    cr_weak_file_drop(file);
    assert_int_equal(fwrite(lines, LINE, 1, out), 1);
    assert_int_equal(fclose(out), 0);
    refuses("%s:4000001: is one entry too many: at most 4000000.");
}

static void the_same_file_is_read_once(void **state)
{
    (void)state;
    write_list(A "\n", 21);
    struct cr_weak_file *first = loads_after(NULL), *again = loads_after(first);
    assert_ptr_equal(first, again);
    cr_weak_file_drop(first);
    assert_int_equal(cr_weak_file_list(again)->count, 1); /* still there */

    char other[90];
    snprintf(other, sizeof other, "%s.new", path);
    test_file_write(other, B "\n", 21, 0644);
    assert_int_equal(rename(other, path), 0);
    struct cr_weak_file *changed = loads_after(again);
    assert_ptr_not_equal(changed, again);
    assert_int_equal(cr_weak_file_list(again)->entry[0][0], 0x00); /* what was read stays what it was */
    assert_int_equal(cr_weak_file_list(changed)->entry[0][0], 0x3c);
    cr_weak_file_drop(again);

    const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = 1, .tv_nsec = 0 } };
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    again = loads_after(changed);
    assert_ptr_not_equal(changed, again);
    cr_weak_file_drop(changed);
    cr_weak_file_drop(again);
    cr_weak_file_drop(NULL);
    assert_null(cr_weak_file_list(NULL));
}

static int set_up(void **state)
{
    (void)state;
    test_dir_make(&dir);
    snprintf(path, sizeof path, "%s", test_dir_file(&dir, "weak"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_dir_remove(&dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_as_they_come),
        cmocka_unit_test(comments_may_be_long_lines_not_too_long),
        cmocka_unit_test(bad_lines_are_told_by_number),
        cmocka_unit_test(an_empty_list_is_a_mistake),
        cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(errors_are_cut),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(the_same_file_is_read_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
