#include "common/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void every_reason_has_a_row(void **state)
{
    (void)state;
    for (int i = 0; i < CR_REFUSAL_COUNT; i++) {
        const struct cr_refusal_info *info = cr_refusal_info((enum cr_refusal)i);
        assert_non_null(info->error_code);
        assert_non_null(info->text);
        assert_int_equal(cr_refusal_from_code(info->error_code), i); /* so no code stands twice */
        /* The code: lower-case words with hyphens. The text: one sentence, which fits a JSON string as it is. */
        size_t len = strlen(info->error_code);
        assert_in_range(len, 3, 32);
        assert_int_equal(strspn(info->error_code, "abcdefghijklmnopqrstuvwxyz-"), len);
        assert_true(info->error_code[0] != '-' && info->error_code[len - 1] != '-');
        len = strlen(info->text);
        assert_in_range(len, 5, 120);
        assert_int_equal(info->text[len - 1], '.');
        assert_null(strpbrk(info->text, "\"\\\n"));
    }
}

static void the_list_is_closed(void **state)
{
    (void)state;
    assert_ptr_equal(cr_refusal_info(CR_REFUSAL_COUNT), cr_refusal_info(CR_REFUSAL_INTERNAL));
    assert_ptr_equal(cr_refusal_info((enum cr_refusal)-1), cr_refusal_info(CR_REFUSAL_INTERNAL));
    assert_int_equal(cr_refusal_from_code(""), CR_REFUSAL_COUNT);
    assert_int_equal(cr_refusal_from_code("KEY-REUSED"), CR_REFUSAL_COUNT);
    assert_int_equal(cr_refusal_from_code("no-such"), CR_REFUSAL_COUNT);
}

static void status_code_says_whether_a_retry_helps(void **state)
{
    (void)state;
    for (int i = CR_REFUSAL_NONE + 1; i < CR_REFUSAL_COUNT; i++) {
        const struct cr_refusal_info *info = cr_refusal_info((enum cr_refusal)i);
        bool wanted = false;
        switch (info->status_code) {
        case 400: case 404: case 413: case 422:
            break;
        case 403: /* an operator can release a device that is on hold, or let one in */
            wanted = i == CR_REFUSAL_ON_HOLD || i == CR_REFUSAL_NOT_ENROLLED;
            break;
        case 409: /* another renewal ends, so does a certificate; a key does not become unused */
            wanted = i == CR_REFUSAL_RENEWAL_IN_PROGRESS || i == CR_REFUSAL_ALREADY_ENROLLED;
            break;
        case 425: case 429: case 500: case 503:
            wanted = true;
            break;
        default:
            fail_msg("%s has status %d", info->error_code, info->status_code);
        }
        if (info->retry != wanted) {
            fail_msg("%s", info->error_code);
        }
        if (info->alarm) { /* what is alarming is not worth a retry, and never a fault of ours */
            assert_false(info->retry);
            assert_in_range(info->status_code, 400, 499);
        }
    }
}

/* What is on the wire stays: code and status of each reason as protocol and tools know them. */
static void the_wire_keeps_its_names(void **state)
{
    (void)state;
    static const struct {
        enum cr_refusal refusal;
        const char *error_code;
        int status_code;
    } wire[] = {
        { CR_REFUSAL_MALFORMED_CSR, "malformed-csr", 400 },
        { CR_REFUSAL_MALFORMED_JSON, "malformed-json", 400 },
        { CR_REFUSAL_WRONG_IDENTITY, "wrong-identity", 403 },
        { CR_REFUSAL_UNKNOWN_SLOT, "unknown-slot", 404 },
        { CR_REFUSAL_RENEWAL_IN_PROGRESS, "renewal-in-progress", 409 },
        { CR_REFUSAL_KEY_REUSED, "key-reused", 409 },
        { CR_REFUSAL_TOO_LARGE, "too-large", 413 },
        { CR_REFUSAL_KEY_NOT_ALLOWED, "key-not-allowed", 422 },
        { CR_REFUSAL_SUBJECT_MISMATCH, "subject-mismatch", 422 },
        { CR_REFUSAL_TOO_EARLY, "too-early", 425 },
        { CR_REFUSAL_RATE_LIMITED, "rate-limited", 429 },
        { CR_REFUSAL_STORE_UNAVAILABLE, "store-unavailable", 503 },
        { CR_REFUSAL_BUSY, "busy", 503 },
    };
    for (size_t i = 0; i < sizeof wire / sizeof wire[0]; i++) {
        const struct cr_refusal_info *info = cr_refusal_info(wire[i].refusal);
        assert_string_equal(info->error_code, wire[i].error_code);
        assert_int_equal(info->status_code, wire[i].status_code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_a_row),
        cmocka_unit_test(the_list_is_closed),
        cmocka_unit_test(status_code_says_whether_a_retry_helps),
        cmocka_unit_test(the_wire_keeps_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
