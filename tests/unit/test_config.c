/* config: every key and its bounds, every mistake at once. */
#include "plugin/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUIRED "issuer_certfile i.pem\nissuer_keyfile i.key\njournal_dir /j\n"

enum { COMPLAINTS_MAX = 40 };

static struct complaints {
    unsigned count;
    unsigned line[COMPLAINTS_MAX];
    char text[COMPLAINTS_MAX][512];
} complaints;
static struct cr_config config;

static void complain(void *ctx, unsigned line, const char *sentence)
{
    assert_ptr_equal(ctx, &complaints);
    assert_true(complaints.count < COMPLAINTS_MAX);
    complaints.line[complaints.count] = line;
    assert_int_equal(cr_text_copy(complaints.text[complaints.count], 512, sentence), CR_OK);
    complaints.count++;
}

static cr_err parse_bytes(const char *text, size_t len)
{
    complaints.count = 0;
    return cr_config_parse(&config, (struct cr_bytes){ (const uint8_t *)text, len }, complain, &complaints);
}

static void accept(const char *text)
{
    cr_err err = parse_bytes(text, strlen(text));
    if (complaints.count > 0) {
        print_message("line %u: %s\n", complaints.line[0], complaints.text[0]);
    }
    assert_int_equal(err, CR_OK);
    assert_int_equal(complaints.count, 0);
}

/* Exactly one mistake, in this line, whose sentence holds `part`. */
static void refuse(const char *text, unsigned line, const char *part)
{
    assert_int_equal(parse_bytes(text, strlen(text)), CR_INVALID);
    if (complaints.count != 1 || complaints.line[0] != line || strstr(complaints.text[0], part) == NULL) {
        for (unsigned i = 0; i < complaints.count; i++) {
            print_message("line %u: %s\n", complaints.line[i], complaints.text[i]);
        }
        fail_msg("expected one mistake in line %u with '%s' for:\n%s", line, part, text);
    }
}

/* The mistake that one more line brings; `part` "" : none. */
static void try_line(const char *line, const char *part)
{
    char text[3000];
    assert_true(snprintf(text, sizeof text, REQUIRED "%s\n", line) < (int)sizeof text);
    if (part[0] == '\0') {
        accept(text);
    } else {
        refuse(text, 4, part);
    }
}

static void try_slot_line(const char *line, const char *part)
{
    char text[3000];
    assert_true(snprintf(text, sizeof text, REQUIRED "slot operational\n%s\n", line) < (int)sizeof text);
    if (part[0] == '\0') {
        accept(text);
    } else {
        refuse(text, 5, part);
    }
}

static void test_defaults(void **state)
{
    (void)state;
    accept(REQUIRED);
    assert_string_equal(config.redis, "127.0.0.1:6379");
    assert_string_equal(config.redis_prefix, "cr");
    assert_string_equal(config.topic_prefix, CR_TOPIC_PREFIX_DEFAULT);
    assert_string_equal(config.key_backend, "libcrypto");
    assert_string_equal(config.weak_keys_file, "");
    assert_true(cr_name_ok(config.broker_name, strlen(config.broker_name)));
    assert_false(config.default_allow);
    assert_int_equal(config.principal_count, 0);
    assert_int_equal(config.slot_count, 1);
    assert_string_equal(config.slot[0].slot, "operational");
    assert_true(config.slot[0].tls);
    assert_int_equal(config.slot[0].lifetime_s, 90 * 86400);
    assert_ptr_equal(cr_config_slot(&config, "operational"), &config.slot[0]);
    assert_null(cr_config_slot(&config, "Operational"));
}

static void test_global_keys(void **state)
{
    (void)state;
    accept(REQUIRED "issuer_passphrase_file p\ntrusted_cafile a.pem\ntrusted_cafile b.pem\nkey_backend mbedtls\n"
                    "weak_keys_file w.txt\nredis redis.example:6380\nredis_prefix x1\nredis_timeout 500ms\n"
                    "redis_require_durable true\nredis_buckets 7\nbroker_name edge-3\ntopic_prefix $renew/v2\n"
                    "default_access allow\n"
                    "rate_device 11\nrate_device_burst 12\nrate_total 13\nrate_total_burst 14\nretry_after 2m\n"
                    "renewal_deadline 3d\ntrigger_expiry 10m\nworkers 3\nmax_in_flight 99\nadmin_identity op-1\n"
                    "admin_username alice\nviewer_identity op-2\nviewer_username bob smith\n");
    assert_string_equal(config.issuer[0].certfile, "i.pem");
    assert_int_equal(config.trusted_count, 2);
    assert_string_equal(config.trusted_cafile[1], "b.pem");
    assert_string_equal(config.key_backend, "mbedtls");
    assert_string_equal(config.weak_keys_file, "w.txt");
    assert_string_equal(config.redis, "redis.example:6380");
    assert_int_equal(config.redis_timeout_ms, 500);
    assert_true(config.redis_require_durable);
    assert_int_equal(config.buckets, 7);
    assert_string_equal(config.broker_name, "edge-3");
    assert_string_equal(config.topic_prefix, "$renew/v2");
    assert_true(config.default_allow);
    assert_int_equal(config.rate_device_per_min, 11);
    assert_int_equal(config.rate_device_burst, 12);
    assert_int_equal(config.rate_total_per_s, 13);
    assert_int_equal(config.rate_total_burst, 14);
    assert_int_equal(config.retry_after_s, 120);
    assert_int_equal(config.renewal_deadline_s, 3 * 86400);
    assert_int_equal(config.trigger_expiry_s, 600);
    assert_int_equal(config.workers, 3);
    assert_int_equal(config.max_in_flight, 99);
    assert_int_equal(config.principal_count, 4);
    assert_int_equal(config.principal[1].role, CR_ROLE_ADMIN);
    assert_true(config.principal[1].by_username);
    assert_int_equal(config.principal[2].role, CR_ROLE_VIEWER);
    assert_false(config.principal[2].by_username);
    assert_string_equal(config.principal[3].name, "bob smith");
}

static void test_slots(void **state)
{
    (void)state;
    accept(REQUIRED "slot operational\nlifetime 30d\nlifetime_jitter 2.5%\nnot_before_skew 1m\nrenewal_window 10d\n"
                    "renewal_spread 100%\nkey_types EC-P256, RSA\nrsa_min_bits 3072\nrsa_max_bits 3072\n"
                    "key_usage digitalSignature keyAgreement\next_key_usage clientAuth,serverAuth\nrequest_timing any\n"
                    "same_key true\nsan_dns true\nsubject_attribute O  Example Ltd\nsubject_attribute C DE\n"
                    "crl_url http://crl.example/a.crl\naia_url https://ca.example/i.cer\n"
                    "slot data\nrenewal_window 25%\nlifetime 1d\nworkers 5\n");
    assert_int_equal(config.slot_count, 2);
    const struct cr_profile *slot = cr_config_slot(&config, "operational");
    assert_non_null(slot);
    assert_int_equal(slot->lifetime_s, 30 * 86400);
    assert_int_equal(slot->jitter_permille, 25);
    assert_int_equal(slot->skew_s, 60);
    assert_int_equal(slot->window_permille, 334); /* a third, not less */
    assert_int_equal(slot->spread_permille, 1000);
    assert_int_equal(slot->key_types, CR_ALLOW_EC_P256 | CR_ALLOW_RSA);
    assert_int_equal(slot->rsa_min_bits, 3072);
    assert_int_equal(slot->key_usage, CR_KU_DIGITAL_SIGNATURE | CR_KU_KEY_AGREEMENT);
    assert_int_equal(slot->ext_key_usage, CR_EKU_CLIENT_AUTH | CR_EKU_SERVER_AUTH);
    assert_true(slot->request_any_time && slot->allow_same_key && slot->san_dns && slot->tls);
    assert_int_equal(slot->attr_count, 2);
    assert_string_equal(slot->attr[0].type, "O");
    assert_string_equal(slot->attr[0].value, "Example Ltd");
    assert_string_equal(slot->crl_url, "http://crl.example/a.crl");
    slot = cr_config_slot(&config, "data");
    assert_non_null(slot);
    assert_false(slot->tls);
    assert_int_equal(slot->window_permille, 250);
    assert_int_equal(config.workers, 5); /* a key of the whole is fine behind a section too */
}

/* A window given as a time is a share of the lifetime wherever the two stand. */
static void test_window_before_lifetime(void **state)
{
    (void)state;
    accept(REQUIRED "slot operational\nrenewal_window 6h\nlifetime 12h\n");
    assert_int_equal(config.slot[0].window_permille, 500);
    refuse(REQUIRED "slot operational\nrenewal_window 6d\nlifetime 12h\n", 5, "renewal_window must be a share");
}

static void test_bad_values(void **state)
{
    (void)state;
    static const struct {
        const char *line, *part;
    } rows[] = {
        { "redis_timeout 49ms", "between 50ms and 1m" },
        { "redis_timeout 61s", "between 50ms and 1m" },
        { "redis_timeout 50ms", "" },
        { "redis_timeout 1m", "" },
        { "redis_timeout 5", "must be a time" },
        { "redis_timeout 1.5s", "must be a time" },
        { "redis_timeout -1s", "must be a time" },
        { "redis_timeout 99999999999999999999s", "must be a time" },
        { "retry_after 1500ms", "whole seconds" },
        { "retry_after", "needs a value" },
        { "workers 0", "between 1 and 64" },
        { "workers 65", "between 1 and 64" },
        { "workers 4 5", "between 1 and 64" },
        { "workers 0x4", "between 1 and 64" },
        { "workers 4294967297", "between 1 and 64" },
        { "key_backend openssl", "libcrypto, mbedtls" },
        { "default_access deny", "defer, allow" },
        { "redis_require_durable yes", "true or false" },
        { "redis_prefix a:b", "characters" },
        { "redis_prefix 12345678901234567", "characters" },
        { "redis_prefix 1234567890123456", "" },
        { "broker_name a/b", "characters" },
        { "topic_prefix $identity/#", "wildcards" },
        { "topic_prefix $SYS/x", "broker's own" },
        { "topic_prefix $CONTROL/x", "broker's own" },
        { "topic_prefix $share/x", "broker's own" },
        { "admin_identity with blank", "CN" },
        { "redis", "needs a value" },
        { "redis localhost", "must be" },
        { "redis localhost:0", "must be" },
        { "redis localhost:65536", "must be" },
        { "redis localhost:65535", "" },
        { "redis [::1]:6379", "" },
        { "redis http://localhost", "must be" },
        { "redis redis://", "must be" },
        { "redis redis://h:6379/15", "" },
        { "redis redis://h:6379/15/1", "must be" },
        { "redis redis://u:%zz@h", "percent" },
        { "redis redis://u:%00@h", "percent" },
        { "redis rediss://h", "" },
        { "redis /123456789/123456789/123456789/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
          "1234567",
          "unix socket" },
        { "redis_password_file /nonexistent/file", "cannot be opened: No such file" },
        { "redis_password_file /tmp", "is not a file" },
        { "redis_cafile ca.pem", "rediss://" },
        { "redis_username joe", "redis_password_file" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        try_line(rows[i].line, rows[i].part);
    }
}

static void test_bad_slot_values(void **state)
{
    (void)state;
    static const struct {
        const char *line, *part;
    } rows[] = {
        { "lifetime 9s", "between 10s and 3660d" },
        { "lifetime 3661d", "between 10s and 3660d" },
        { "lifetime_jitter 51%", "between 0% and 50%" },
        { "lifetime_jitter 50%", "" },
        { "lifetime_jitter 0.05%", "share" },
        { "lifetime_jitter 5", "share" },
        { "renewal_window 91%", "between 0% and 90%" },
        { "renewal_window 90d", "nine tenths" },
        { "renewal_window 81d", "" },
        { "key_types EC-P521", "EC-P256, EC-P384, RSA" },
        { "key_types RSA RSA", "RSA twice" },
        { "key_types ,", "list of" },
        { "key_usage keyCertSign", "digitalSignature" },
        { "ext_key_usage any", "clientAuth" },
        { "request_timing never", "window, any" },
        { "subject_attribute CN x", "must be one of" },
        { "subject_attribute O", "must be one of" },
        { "subject_attribute C Germany", "two capital letters" },
        { "crl_url ftp://x", "http" },
        { "crl_url http://", "http" },
        { "crl_url http:///x", "http" },
        { "crl_url http://x/a b", "blanks" },
        { "slot operational", "has a section already" },
        { "slot", "needs a name" },
        { "slot a b", "needs a name" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        try_slot_line(rows[i].line, rows[i].part);
    }
    /* those that are only seen at a section's end carry the line of the section */
    refuse(REQUIRED "slot operational\nkey_types RSA\nrsa_min_bits 4096\nrsa_max_bits 2048\n", 4, "rsa_min_bits");
    refuse(REQUIRED "slot operational\nrsa_min_bits 3072\n", 4, "no RSA");
    refuse(REQUIRED "slot operational\next_key_usage serverAuth\n", 4, "clientAuth");
    refuse(REQUIRED "slot operational\nkey_usage keyEncipherment\n", 4, "digitalSignature");
    refuse(REQUIRED "slot operational\ntls false\n", 0, "no slot has");
    refuse(REQUIRED "slot data\n", 0, "no slot has");
    refuse(REQUIRED "slot operational\nslot data\ntls true\n", 0, "more than one");
}

static void test_all_mistakes_at_once(void **state)
{
    (void)state;
    static const char text[] = "issuer_certfil i.pem\n"           /* 1 */
                               "# comment\n\n"                    /* 2, 3 */
                               "redis nowhere\n"                  /* 4 */
                               "workers 2\n"
                               "workers some\n"                   /* 6 */
                               "lifetime 5d\n"                    /* 7 */
                               "slot operational\n"
                               "lifetime 5\n"                     /* 9 */
                               "frobnicate on\n";                 /* 10 */
    assert_int_equal(parse_bytes(text, strlen(text)), CR_INVALID);
    static const struct {
        unsigned line;
        const char *part;
    } expected[] = {
        { 1, "did you mean issuer_certfile?" },
        { 4, "redis must be" },
        { 6, "given twice, first in line 5" },
        { 6, "workers must be" },
        { 7, "belongs to a slot" },
        { 9, "lifetime must be a time" },
        { 10, "there is no key frobnicate" },
        { 0, "issuer_certfile is missing" },
        { 0, "issuer_keyfile is missing" },
        { 0, "journal_dir is missing" },
    };
    assert_int_equal(complaints.count, sizeof expected / sizeof expected[0]);
    for (unsigned i = 0; i < complaints.count; i++) {
        assert_int_equal(complaints.line[i], expected[i].line);
        assert_non_null(strstr(complaints.text[i], expected[i].part));
    }
}

static void test_form_of_the_file(void **state)
{
    (void)state;
    accept("\xef\xbb\xbfissuer_certfile i.pem  \r\n\tissuer_keyfile\ti.key\t\r\n  # comment\r\n\r\njournal_dir /a b/j");
    assert_string_equal(config.issuer[0].certfile, "i.pem");
    assert_string_equal(config.issuer[0].keyfile, "i.key");
    assert_string_equal(config.journal_dir, "/a b/j");
    accept("# \xff any bytes in a comment\n" REQUIRED);
    try_line("broker_name \xc3\x28", "not UTF-8");
    try_line("broker_name \xed\xa0\x80", "not UTF-8");
    try_line("viewer_username zo\xc3\xab", "");
    try_line("broker_name a\x01", "control character");
    try_line("\x7f", "control character");
    try_line("w\xc3\xb6rkers 1", "there is no such key");
    static const char nul[] = REQUIRED "workers 2\0\n";
    assert_int_equal(parse_bytes(nul, sizeof nul - 1), CR_INVALID);
    assert_int_equal(complaints.line[0], 4);

    char line[1200];
    memset(line, 'x', sizeof line);
    memcpy(line, "journal_dir /", 13);
    line[sizeof line - 1] = '\0';
    try_line(line, "longer than 1024 bytes");
    line[700] = '\0';
    memcpy(line, "redis_cafile ", 13);
    try_line(line, "longer than 511 bytes");

    char *many = malloc(CR_CONFIG_LINES_MAX + 200);
    assert_non_null(many);
    memcpy(many, REQUIRED, sizeof REQUIRED - 1);
    memset(many + sizeof REQUIRED - 1, '\n', CR_CONFIG_LINES_MAX);
    many[sizeof REQUIRED - 1 + CR_CONFIG_LINES_MAX] = '\0';
    refuse(many, 0, "more than 2000 lines");
    many[CR_CONFIG_LINES_MAX + sizeof REQUIRED - 1 - 3] = '\0';
    accept(many);
    free(many);
    assert_int_equal(parse_bytes("", 0), CR_INVALID);
    assert_int_equal(complaints.count, 3);
}

static void test_bounds_of_lists(void **state)
{
    (void)state;
    char text[6000];
    size_t base = (size_t)snprintf(text, sizeof text, REQUIRED);
    size_t len = base;
    for (int i = 0; i <= CR_TRUSTED_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "trusted_cafile %d.pem\n", i);
    }
    refuse(text, 4 + CR_TRUSTED_MAX, "at most 16");
    for (int i = 0, n = CR_PRINCIPALS_MAX + 1; i < n; i++) {
        len = i == 0 ? base : len;
        len += (size_t)snprintf(text + len, sizeof text - len, "viewer_username u%d\n", i);
    }
    refuse(text, 4 + CR_PRINCIPALS_MAX, "one too many");
    len = base + (size_t)snprintf(text + base, sizeof text - base, "slot operational\n");
    for (int i = 0; i < CR_SLOTS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "slot s%d\n", i);
    }
    refuse(text, 4 + CR_SLOTS_MAX, "one too many");
    refuse(REQUIRED "admin_username eve\nviewer_username eve\n", 5, "has a role already");
    accept(REQUIRED "admin_username eve\nviewer_identity eve\n");
    refuse(REQUIRED "slot operational\nsubject_attribute O a\nsubject_attribute OU b\nsubject_attribute L c\n"
                    "subject_attribute ST d\nsubject_attribute C DE\n", 9, "at most 4");
}

static void test_redis_credentials(void **state)
{
    (void)state;
    accept(REQUIRED "redis redis://al%20ice:p%40ss:w@h.example:1/2\n");
    assert_string_equal(config.redis, "redis://h.example:1/2");
    assert_string_equal(config.redis_username, "al ice");
    assert_string_equal(config.redis_password, "p@ss:w");
    accept(REQUIRED "redis rediss://:secret@[::1]\n");
    assert_string_equal(config.redis, "rediss://[::1]");
    assert_string_equal(config.redis_username, "");
    assert_string_equal(config.redis_password, "secret");
    accept(REQUIRED "redis unix:/run/r.sock\n");
    assert_string_equal(config.redis, "/run/r.sock");

    char path[] = "/tmp/cr-test-password-XXXXXX", text[400];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "geheim\r\nmore\n", 13), 13);
    (void)snprintf(text, sizeof text, REQUIRED "redis_password_file %s\nredis_username joe\n", path);
    accept(text);
    assert_string_equal(config.redis_password, "geheim");
    assert_string_equal(config.redis_username, "joe");
    (void)snprintf(text, sizeof text, REQUIRED "redis redis://u:p@h\nredis_password_file %s\n", path);
    refuse(text, 5, "keep one");
    (void)snprintf(text, sizeof text, REQUIRED "redis_password_file %s\nredis redis://:p@h\n", path);
    refuse(text, 5, "keep one");
    (void)snprintf(text, sizeof text, REQUIRED "redis_username joe\nredis redis://joe:p@h\n");
    refuse(text, 5, "keep one");
    assert_int_equal(fchmod(fd, 0644), 0);
    (void)snprintf(text, sizeof text, REQUIRED "redis_password_file %s\n", path);
    refuse(text, 4, "chmod");
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    refuse(text, 4, "is empty");
    (void)close(fd);
    (void)unlink(path);
    /* nothing of a password is left where the configuration was refused, and no sentence has it */
    assert_int_equal(parse_bytes("redis redis://:hunter2@h\n", 25), CR_INVALID);
    assert_string_equal(config.redis_password, "");
    for (unsigned i = 0; i < complaints.count; i++) {
        assert_null(strstr(complaints.text[i], "hunter2"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_global_keys),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_window_before_lifetime),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_bad_slot_values),
        cmocka_unit_test(test_all_mistakes_at_once),
        cmocka_unit_test(test_form_of_the_file),
        cmocka_unit_test(test_bounds_of_lists),
        cmocka_unit_test(test_redis_credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
