/* renewalctl: files of devices: what is read out of them, and what is told of those that are wrong. */
#include "plugin/renewalctl/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ctl_rows rows;
static char *told;
static size_t told_len;

static cr_err read_bytes(const char *bytes, size_t len, enum ctl_rows_kind kind)
{
    ctl_rows_fini(&rows);
    free(told);
    told = NULL;
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    FILE *file = len > 0 ? fmemopen(copy, len, "r") : fopen("/dev/null", "re");
    FILE *err = open_memstream(&told, &told_len);
    assert_true(file != NULL && err != NULL);
    ctl_rows_init(&rows, err, "f.csv");
    cr_err result = ctl_rows_read(&rows, file, kind);
    (void)fclose(file);
    (void)fclose(err);
    free(copy);
    rows.err = NULL;
    return result;
}

static cr_err csv(const char *text)
{
    return read_bytes(text, strlen(text), CTL_ROWS_CSV);
}

static int let_go(void **state)
{
    (void)state;
    ctl_rows_fini(&rows);
    free(told);
    told = NULL;
    return 0;
}

static void row_is(size_t index, const char *device, const char *factory, const char *tags, uint32_t line)
{
    assert_true(index < rows.count);
    assert_string_equal(ctl_row_device(&rows, index), device);
    assert_string_equal(ctl_row_factory(&rows, index), factory);
    assert_string_equal(ctl_row_tags(&rows, index), tags);
    assert_int_equal(rows.row[index].line, line);
}

static void says(const char *expected)
{
    if (strcmp(told, expected) != 0) {
        fail_msg("told '%s', not '%s'", told, expected);
    }
}

static void what_a_file_says(void **state)
{
    (void)state;
    assert_int_equal(csv("m1\nm2,acme\nm3,acme,lab;eu\nm4,,lab;\n"), CR_OK);
    assert_int_equal(rows.count, 4);
    row_is(0, "m1", "", "", 1);
    row_is(1, "m2", "acme", "", 2);
    row_is(2, "m3", "acme", "lab;eu", 3);
    row_is(3, "m4", "", "lab;", 4);
    says("");
    /* names of columns, in any order; a byte order mark, CRLF, empty lines, quotes, no line end at the end */
    assert_int_equal(csv("\xef\xbb\xbf" "Device,Tags,Factory\r\n\r\n\"m1\",\"lab;eu\",acme\r\n\"m2\",,\"\""), CR_OK);
    assert_int_equal(rows.count, 2);
    row_is(0, "m1", "acme", "lab;eu", 3);
    row_is(1, "m2", "", "", 4);
    assert_int_equal(csv("device\nm1\n"), CR_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(csv("m1\ndevice\n"), CR_OK); /* only the first line names columns */
    assert_int_equal(rows.count, 2);
    assert_int_equal(read_bytes("m1\r\nm2\n", 7, CTL_ROWS_LIST), CR_OK);
    assert_int_equal(rows.count, 2);
}

#define LONG_TAG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 32 */

static void what_is_wrong_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct { const char *text, *told; } cases[] = {
        { "", "f.csv, line 1: there is no device in this file" },
        { "\n\r\n", "f.csv, line 2: there is no device in this file" },
        { "\xef\xbb\xbf", "f.csv, line 1: there is no device in this file" },
        { "device,factory\n", "f.csv, line 1: there is no device in this file" },
        { "device,colour\nm1,red\n", "f.csv, line 1: the columns are device, factory and tags, each once, not 'colour'" },
        { "device,tags,device\nm1\n", "f.csv, line 1: the columns are device, factory and tags, each once, not 'device' again" },
        { "m1\nm 2\n", "f.csv, line 2: a device's id is 1 to 64 of A-Z a-z 0-9 . _ : -, not 'm 2'" },
        { "m1\n,acme\n", "f.csv, line 2: there is no device's id" },
        { "m1\n\"\"\n", "f.csv, line 2: there is no device's id" },
        { "m1,a/b\n", "f.csv, line 1: a factory's name is 1 to 64 of A-Z a-z 0-9 . _ : -, not 'a/b'" },
        { "m1,,la b\n", "f.csv, line 1: a tag is 1 to 32 of A-Z a-z 0-9 . _ : -, not 'la b'" },
        { "m1,,a;;b\n", "f.csv, line 1: a tag is 1 to 32 of A-Z a-z 0-9 . _ : -, not ''" },
        { "m1,,a" LONG_TAG "\n", "f.csv, line 1: a tag is 1 to 32 of A-Z a-z 0-9 . _ : -, not 'a" LONG_TAG "'" },
        { "m1,," LONG_TAG ";" LONG_TAG "\n",
          "f.csv, line 1: the tags are too long together: 67 characters, a device has room for 64" },
        { "m1,a,b,c\n", "f.csv, line 1: 4 columns; there can be 3" },
        { "device\nm1,a\n", "f.csv, line 2: 2 columns; there can be 1" },
        { "m1,a,b,c,d,e,f,g,h\n", "f.csv, line 1: too many columns" },
        { "\"m1\nm2\"\n", "f.csv, line 1: a quote is not closed on its line\n"
                          "renewalctl: f.csv, line 2: a quote within a field that is not quoted" },
        { "\"m1\"x,a\n", "f.csv, line 1: something stands between a closing quote and the next comma" },
        { "m\"1\n", "f.csv, line 1: a quote within a field that is not quoted" },
        { "\"m\"\"1\"\n", "f.csv, line 1: a device's id is 1 to 64 of A-Z a-z 0-9 . _ : -, not 'm\"1'" },
        { "\"m,1\"\n", "f.csv, line 1: a device's id is 1 to 64 of A-Z a-z 0-9 . _ : -, not 'm,1'" },
        { "m1;m2\n", "f.csv, line 1: a device's id is 1 to 64 of A-Z a-z 0-9 . _ : -, not 'm1;m2'" },
        { "m1\rm2\r", "f.csv, line 1: a device's id is 1 to 64 of A-Z a-z 0-9 . _ : -, not 'm1?m2'" },
        { "m1\n\033[2J\n", "f.csv, line 2: a device's id is 1 to 64 of A-Z a-z 0-9 . _ : -, not '?[2J'" },
        { "m1\n\xff\xfe\n", "f.csv, line 2: a device's id is 1 to 64 of A-Z a-z 0-9 . _ : -, not '\xff\xfe'" },
        { "m1\nm2\nm1,acme\n", "f.csv, line 3: m1 is there twice, first in line 1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[600];
        (void)snprintf(expected, sizeof expected, "renewalctl: %s\n", cases[i].told);
        assert_int_equal(csv(cases[i].text), CR_INVALID);
        says(expected);
    }
    assert_int_equal(csv("m1\nm1\nm2\nm1\n"), CR_INVALID);
    says("renewalctl: f.csv, line 2: m1 is there twice, first in line 1\n"
         "renewalctl: f.csv, line 4: m1 is there twice, first in line 1\n");
    assert_int_equal(read_bytes("m1,acme\n", 8, CTL_ROWS_LIST), CR_INVALID);
    says("renewalctl: f.csv, line 1: 2 columns; there can be 1\n");
}

static void bytes_that_are_no_text(void **state)
{
    (void)state;
    assert_int_equal(read_bytes("m1\nm\0x\nm3\n", 10, CTL_ROWS_CSV), CR_INVALID);
    says("renewalctl: f.csv, line 2: this is no text (UTF-8, a device a line)\n");
    /* UTF-16 */
    assert_int_equal(read_bytes("\xff\xfem\0001\0", 6, CTL_ROWS_CSV), CR_INVALID);
    says("renewalctl: f.csv, line 1: this is no text (UTF-8, a device a line)\n");
    /* every byte, again and again, with a seed of its own */
    enum { LEN = 300000 };
    char *noise = malloc(LEN);
    assert_non_null(noise);
    uint32_t seed = 7;
    for (size_t i = 0; i < LEN; i++) {
        seed = seed * 1664525U + 1013904223U;
        noise[i] = (char)(seed >> 24);
    }
    assert_int_equal(read_bytes(noise, LEN, CTL_ROWS_CSV), CR_INVALID);
    assert_true(rows.wrong > 500);
    char more[80];
    (void)snprintf(more, sizeof more, "renewalctl: and %u more\n", rows.wrong - CTL_ROWS_TOLD_MAX);
    assert_non_null(strstr(told, more)); /* not a thousand lines */
    unsigned lines = 0;
    for (const char *c = told; *c != '\0'; c++) {
        assert_true(*c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
        lines += *c == '\n';
    }
    assert_int_equal(lines, CTL_ROWS_TOLD_MAX + 1);
    free(noise);
}

/* What is kept of a line does not depend on how long it is. */
static void a_line_of_ten_megabytes(void **state)
{
    (void)state;
    enum { LEN = 10 << 20 };
    char *large = malloc(LEN);
    assert_non_null(large);
    memset(large, 'x', LEN);
    memcpy(large, "m1\n", 3);
    memcpy(large + LEN - 4, "\nm2\n", 4);
    assert_int_equal(read_bytes(large, LEN, CTL_ROWS_CSV), CR_INVALID);
    says("renewalctl: f.csv, line 2: longer than 1024 bytes\n");
    assert_int_equal(rows.count, 2);
    assert_true(rows.cap <= 4096);
    /* 1024 bytes are not too many, 1025 are */
    memset(large, '\n', CTL_ROWS_LINE_MAX + 2);
    memset(large, ' ', CTL_ROWS_LINE_MAX);
    assert_int_equal(read_bytes(large, CTL_ROWS_LINE_MAX + 1, CTL_ROWS_CSV), CR_INVALID);
    assert_non_null(strstr(told, "line 1: a device's id is 1 to 64"));
    large[CTL_ROWS_LINE_MAX] = ' ';
    assert_int_equal(read_bytes(large, CTL_ROWS_LINE_MAX + 2, CTL_ROWS_CSV), CR_INVALID);
    says("renewalctl: f.csv, line 1: longer than 1024 bytes\n");
    free(large);
}

static void a_million_devices_and_no_more(void **state)
{
    (void)state;
    enum { MOST = CTL_ROWS_FILE_MAX, EACH = 9 };
    char *text = malloc((size_t)(MOST + 1) * EACH + 1);
    assert_non_null(text);
    for (size_t i = 0; i <= MOST; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "m%07zu\n", MOST - i);
        memcpy(text + i * EACH, line, EACH);
    }
    assert_int_equal(read_bytes(text, (size_t)MOST * EACH, CTL_ROWS_CSV), CR_OK);
    assert_int_equal(rows.count, MOST);
    row_is(MOST - 1, "m0000001", "", "", MOST);
    assert_int_equal(read_bytes(text, (size_t)(MOST + 1) * EACH, CTL_ROWS_CSV), CR_INVALID);
    says("renewalctl: f.csv, line 1000001: more than 1000000 devices, or too much text; split the file\n");
    free(text);
}

static void a_file_that_cannot_be_read(void **state)
{
    (void)state;
    FILE *folder = fopen("/", "re");
    assert_non_null(folder);
    ctl_rows_fini(&rows);
    ctl_rows_init(&rows, NULL, "/");
    assert_int_equal(ctl_rows_read(&rows, folder, CTL_ROWS_CSV), CR_IO);
    (void)fclose(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_file_says),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(a_line_of_ten_megabytes),
        cmocka_unit_test(a_million_devices_and_no_more),
        cmocka_unit_test(a_file_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, let_go);
}
