#include "common/json_scan.h"
#include "common/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

enum { MAX_LEN = 4096, DEPTH = 8 };

/* The text lies alone on the heap, so that a sanitizer sees a read behind its end. */
static cJSON *parse_bytes(const void *data, size_t len, size_t max_len, unsigned depth)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    cJSON *tree = cr_json_parse_strict((struct cr_bytes){ copy, len }, max_len, depth);
    free(copy);
    return tree;
}

/* The recogniser alone: devices' payloads are read without cJSON behind it. */
static bool recognised(const void *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    bool is_json = cr_json_recognise((struct cr_bytes){ copy, len }, DEPTH);
    free(copy);
    return is_json;
}

static bool taken(const char *text)
{
    cJSON *tree = parse_bytes(text, strlen(text), MAX_LEN, DEPTH);
    cJSON_Delete(tree);
    return tree != NULL;
}

static void what_json_allows(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        " \t\r\n{ } \n",
        "{\"a\":1}",
        "{ \"a\" : [ ] , \"b\" : { } }",
        "{\"a\":[true,false,null,\"\",{},[],0,-0,1.5,-1e3,1E+2,1.25e-300]}",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\uD83D\\uDE00\\u00e9\"}",
        "{\"\xc3\xa9\":\"\xe2\x82\xac \xf0\x9f\x98\x80 \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf \x7f\"}",
        "{\"a\":\"\\ud800\\udc00 \\udbff\\udfff \\ud7ff \\ue000 \\uabcd \\uefAF\"}", /* the ends of each range */
        "{\"a\":\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf \xf0\x90\x80\x80\"}",
        "{\"a\":1234567890}",
        "{\"\":1}",
        "{\"a\":1,\"A\":2}", /* keys are compared byte for byte */
        "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!taken(good[i]) || !recognised(good[i], strlen(good[i]))) {
            fail_msg("refused: %s", good[i]);
        }
    }
}

static void hostile_81_not_an_object(void **state)
{
    (void)state;
    static const char *const values[] = { "null", "1", "\"a\"", "[]", "[{}]", "true", "-0.5e7", " [ 1 ] " };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_false(taken(values[i]));
        assert_true(recognised(values[i], strlen(values[i])));
    }
    static const char *const bad[] = {
        "", " ", "\"abc", "\"", "tru", "-", "[", "{", "}", "{}}", "{}{}", "{} x",
        "{}\xef\xbb\xbf", "\xef\xbb\xbf{}",
        "{a:1}", "{'a':1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":[}", "{\"a\":[1}", "{\"a\":tru}", "{\"a\":True}", "{\"a\":nul", "{\"a\":NaN}", "{\"a\":Infinity}",
        "{1:2}", "{\"a\"::1}", "{/*c*/}", "{\"a\":1}//", "{\"a\":undefined}", "{\"a\":\"b}", "{\"a\":\"b\\",
        "{\"a\":\"\\",
        "{\"a\":\"\\u", "{\"a\":\"\\u12", "\x01{}", "{\x0b}", "{\"a\":\f1}", "{\"a\":1\x1f}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (taken(bad[i]) || recognised(bad[i], strlen(bad[i]))) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void hostile_84_numbers(void **state)
{
    (void)state;
    /* The first few are numbers by their grammar, but no double. */
    static const char *const bad[] = {
        "1e999", "-1e999", "1e309", "1e400000000000000000000", "9e99999",
        "01", "-01", "00", "+1", "1.", ".5", "-", "-.5", "1e", "1e+", "1e-", "1.e3", "0x10",
        "1_000", "1e1.5", "--1", "1-1", "1e5e5", "e5",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"a\":%s}", bad[i]);
        if (taken(text)) {
            fail_msg("taken: %s", bad[i]);
        }
        snprintf(text, sizeof text, "{\"a\":[{\"b\":%s}]}", bad[i]);
        assert_false(taken(text));
        assert_int_equal(recognised(bad[i], strlen(bad[i])), i < 5);
    }
    /* More digits than anybody reads are a refusal or the number, but no overrun. */
    char longest[512] = "{\"a\":";
    size_t len = strlen(longest);
    memset(longest + len, '9', 400);
    memcpy(longest + len + 400, "}", 2);
    (void)taken(longest);
}

static void hostile_84_strings(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\\ud800", "\\udc00", "\\ud800x", "\\ud800\\n", "\\ud800\\u0041", "\\udc00\\ud800", "\\ud83d\\ud83d",
        "\\uD83D\\uDE0", "\\udfff", "\\udbff", "\\ud800\\udbff", "\\ud800\\ue000", "\\ud800n\\udc00",
        "\\u0000", "a\\u0000b",
        "\\x41", "\\u00g0", "\\U0041", "\\'", "\\ ", "\\0",
        "\n", "\t", "\x01", "\x1f",
        /* not UTF-8: a lone continuation, a start without end, overlong, surrogates, too high, never used */
        "\x80", "\xbf", "\xc3", "\xc3(", "\xe2\x82", "\xe2(\xa1", "\xf0\x9f\x98", "\xc0\x80", "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff",
        "\xc3\xa9\xa9", "\xe2\x82(", "\xe2\x82\xc0", "\xf0\x9f\x98\x7f", "\xf0\x9f\x98\xc0", "\xe1\x7f\x80", "\xc2\xc0",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"a\":\"%s\"}", bad[i]);
        if (taken(text) || recognised(text, strlen(text))) {
            fail_msg("taken as a value: %zu: %s", i, bad[i]);
        }
        snprintf(text, sizeof text, "{\"%s\":1}", bad[i]);
        if (taken(text) || recognised(text, strlen(text))) {
            fail_msg("taken as a key: %zu: %s", i, bad[i]);
        }
        snprintf(text, sizeof text, "{\"a\":\"%s", bad[i]); /* and cut off */
        assert_false(taken(text) || recognised(text, strlen(text)));
    }
}

static void hostile_84_nul_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t len;
    } bad[] = {
        { "{}\0", 3 }, { "\0{}", 3 }, { "{\"a\":\"b\0c\"}", 11 }, { "{\"a\0b\":1}", 9 }, { "{\0}", 3 }, { "{}\0{}", 5 },
        { "{\"a\":\"\\\0\"}", 10 }, { "\0", 1 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(parse_bytes(bad[i].data, bad[i].len, MAX_LEN, DEPTH));
        assert_false(recognised(bad[i].data, bad[i].len));
    }
}

static void hostile_84_duplicate_keys(void **state)
{
    (void)state;
    assert_false(taken("{\"a\":1,\"a\":1}"));
    assert_false(taken("{\"a\":1,\"b\":2,\"a\":3}"));
    assert_false(taken("{\"a\":1,\"\\u0061\":2}")); /* the same key, written otherwise */
    assert_false(taken("{\"x\":{\"a\":1,\"a\":2}}"));
    assert_false(taken("{\"x\":[0,{\"a\":1,\"a\":2}]}"));
    assert_false(taken("{\"\":1,\"\":2}"));
}

static void keys_are_counted(void **state)
{
    (void)state;
    for (int keys = 64; keys <= 65; keys++) {
        char text[1024] = "{";
        size_t len = 1;
        for (int i = 0; i < keys; i++) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%s\"k%d\":0", i > 0 ? "," : "", i);
        }
        snprintf(text + len, sizeof text - len, "}");
        assert_int_equal(taken(text), keys == 64);
    }
}

static size_t nest(char *text, int levels, const char *open, const char *close)
{
    size_t len = 0;
    memcpy(text, "{\"a\":", 5);
    len = 5;
    for (int i = 1; i < levels; i++) {
        memcpy(text + len, open, strlen(open));
        len += strlen(open);
    }
    text[len++] = '1';
    for (int i = 1; i < levels; i++) {
        memcpy(text + len, close, strlen(close));
        len += strlen(close);
    }
    text[len++] = '}';
    return len;
}

static void hostile_84_depth(void **state)
{
    (void)state;
    size_t cap = 1u << 20;
    char *text = malloc(cap);
    assert_non_null(text);
    for (unsigned depth = 1; depth <= 64; depth++) {
        for (int more = 0; more <= 1; more++) {
            cJSON *tree = parse_bytes(text, nest(text, (int)depth + more, "[", "]"), cap, depth);
            assert_int_equal(tree == NULL, more);
            cJSON_Delete(tree);
            tree = parse_bytes(text, nest(text, (int)depth + more, "{\"a\":", "}"), cap, depth);
            assert_int_equal(tree == NULL, more);
            cJSON_Delete(tree);
        }
    }
    assert_null(parse_bytes(text, nest(text, 100000, "[", "]"), cap, DEPTH));
    assert_null(parse_bytes(text, nest(text, 100000, "{\"a\":", "}"), cap, DEPTH));
    assert_null(parse_bytes(text, nest(text, 100000, "[", "]"), cap, 100001)); /* whatever the caller allows */
    memset(text, '[', cap);
    assert_null(parse_bytes(text, cap, cap, 64));
    memset(text, '{', cap);
    assert_null(parse_bytes(text, cap, cap, 64));
    assert_null(parse_bytes("{}", 2, cap, 0));
    size_t len = nest(text, 64, "[", "]");
    assert_true(cr_json_recognise((struct cr_bytes){ (uint8_t *)text, len }, 64));
    assert_false(cr_json_recognise((struct cr_bytes){ (uint8_t *)text, len }, 65));
    free(text);
}

static void hostile_84_size(void **state)
{
    (void)state;
    size_t len = 10u << 20;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, ' ', len);
    memcpy(text, "{}", 2);
    assert_null(parse_bytes(text, len, MAX_LEN, DEPTH));
    assert_null(parse_bytes(text, MAX_LEN + 1, MAX_LEN, DEPTH));
    cJSON *tree = parse_bytes(text, MAX_LEN, MAX_LEN, DEPTH);
    assert_non_null(tree);
    cJSON_Delete(tree);
    free(text);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"commands\":[{\"command\":\"getDevice\",\"device\":"
                               "\"m\\u00e9-\\ud83d\\ude00\xc3\xa9\","
                               "\"n\":-1.5e+3,\"t\":true,\"f\":false,\"z\":null}]}";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        assert_null(parse_bytes(text, len, MAX_LEN, DEPTH));
        assert_false(recognised(text, len));
    }
    cJSON *tree = parse_bytes(text, sizeof text - 1, MAX_LEN, DEPTH);
    assert_non_null(tree);
    const cJSON *command = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(tree, "commands"), 0);
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(command, "device")->valuestring,
                        "m\xc3\xa9-\xf0\x9f\x98\x80\xc3\xa9");
    assert_true(cJSON_GetObjectItemCaseSensitive(command, "n")->valuedouble == -1500.0);
    cJSON_Delete(tree);
}

static void unknown_keys_are_seen(void **state)
{
    (void)state;
    static const char *const keys[] = { "one", "two", NULL };
    static const struct {
        const char *text;
        bool only;
    } cases[] = {
        { "{}", true },
        { "{\"one\":1}", true },
        { "{\"two\":1,\"one\":2}", true },
        { "{\"three\":1}", false },
        { "{\"One\":1}", false },
        { "{\"one\":1,\"\":2}", false },
        { "{\"on\":1}", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cJSON *tree = parse_bytes(cases[i].text, strlen(cases[i].text), MAX_LEN, DEPTH);
        assert_non_null(tree);
        assert_int_equal(cr_json_only_keys(tree, keys), cases[i].only);
        cJSON_Delete(tree);
    }
}

static cr_err fields_of(struct cr_json_fields *fields, const char *text)
{
    return cr_json_fields_read(fields, (struct cr_bytes){ (const uint8_t *)text, strlen(text) }, DEPTH);
}

static void flat_fields_are_read(void **state)
{
    (void)state;
    struct cr_json_field field[] = { { .key = "one" }, { .key = "two" }, { .key = "\xc3\xa9" } };
    struct cr_json_fields fields = { .field = field, .count = 3 };
    static const char text[] = " { \"two\" : \"a\\\"\\\\\\/\\b\\f\\n\\r\\t\" , \"\\u006fne\":\"\", \"\\u00e9\" : "
                               "\"\\u0041\\u00e9\\u07ff\\u0800\\u0080\\u007f\\u20AC\\uffff\\ud800\\udc00\\uDBFF\\udfff"
                               "\xc3\xa9\" } ";
    assert_int_equal(fields_of(&fields, text), CR_OK);
    assert_false(fields.unknown);
    assert_string_equal(field[0].text, "");
    assert_string_equal(field[1].text, "a\"\\/\b\f\n\r\t");
    assert_string_equal(field[2].text, "A\xc3\xa9\xdf\xbf\xe0\xa0\x80\xc2\x80\x7f\xe2\x82\xac\xef\xbf\xbf"
                                       "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xc3\xa9");
    cr_json_fields_fini(&fields);
    assert_null(field[1].text);
    cr_json_fields_fini(&fields);

    /* Absent, of another type, unknown. */
    assert_int_equal(fields_of(&fields, "{\"one\":{\"one\":[1,{}],\"two\":\"x\"},\"three\":null,\"three\":0}"), CR_OK);
    assert_true(fields.unknown);
    assert_true(field[0].present);
    assert_null(field[0].text);
    assert_false(field[1].present);
    cr_json_fields_fini(&fields);
    assert_int_equal(fields_of(&fields, "{}"), CR_OK);
    assert_false(fields.unknown || field[0].present || field[1].present);
    cr_json_fields_fini(&fields);

    static const char *const bad[] = { "", " ", "[]", "\"one\"", "1", "null", "{", "{\"one\":1,\"one\":1}",
                                       "{\"one\":\"a\",\"two\":1,\"\\u006Fne\":\"a\"}", "{\"one\":\"\\u0000\"}" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(fields_of(&fields, bad[i]), CR_INVALID);
        assert_null(fields.strings);
        assert_null(field[0].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_json_allows),
        cmocka_unit_test(hostile_81_not_an_object),
        cmocka_unit_test(hostile_84_numbers),
        cmocka_unit_test(hostile_84_strings),
        cmocka_unit_test(hostile_84_nul_bytes),
        cmocka_unit_test(hostile_84_duplicate_keys),
        cmocka_unit_test(keys_are_counted),
        cmocka_unit_test(hostile_84_depth),
        cmocka_unit_test(hostile_84_size),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(unknown_keys_are_seen),
        cmocka_unit_test(flat_fields_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
