/* config_overlay: settings that all brokers share, over what a file says. */
#include "plugin/config_overlay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define REQUIRED "issuer_certfile i.pem\nissuer_keyfile i.key\njournal_dir /j\n"

static struct cr_config config;
static struct cr_config_wrong wrong;
static struct cr_policy_setting settings[CR_POLICY_MAX];
static unsigned count;

static void complain(void *ctx, unsigned line, const char *sentence)
{
    (void)ctx;
    print_error("%u: %s\n", line, sentence);
}

static void file(const char *text)
{
    char all[2000];
    int len = snprintf(all, sizeof all, REQUIRED "%s", text);
    assert_int_equal(cr_config_parse(&config, (struct cr_bytes){ (const uint8_t *)all, (size_t)len }, complain, NULL),
                     CR_OK);
    count = 0;
}

static void set(const char *slot, const char *key, const char *value)
{
    struct cr_policy_setting *setting = &settings[count++];
    assert_int_equal(cr_text_copy(setting->slot, sizeof setting->slot, slot), CR_OK);
    assert_int_equal(cr_text_copy(setting->key, sizeof setting->key, key), CR_OK);
    assert_int_equal(cr_text_copy(setting->value, sizeof setting->value, value), CR_OK);
}

static void accept(void)
{
    cr_err err = cr_config_overlay(&config, settings, count, &wrong);
    if (err != CR_OK) {
        fail_msg("%s/%s: %s", wrong.slot, wrong.key, wrong.text);
    }
}

static void refuse(const char *slot, const char *key, const char *part)
{
    assert_int_equal(cr_config_overlay(&config, settings, count, &wrong), CR_INVALID);
    assert_string_equal(wrong.slot, slot);
    assert_string_equal(wrong.key, key);
    if (strstr(wrong.text, part) == NULL) {
        fail_msg("expected '%s' in: %s", part, wrong.text);
    }
}

static const char *shown(const char *slot, const char *key)
{
    static char text[CR_POLICY_VALUE_CAP];
    cr_config_key_show(cr_config_key_find(key), &config, cr_config_slot(&config, slot), text, sizeof text);
    return text;
}

/* ---- each key ---- */

static void test_no_key_of_the_brokers_own_is_shared(void **state)
{
    static const char *const own[] = { "issuer_",       "trusted_", "key_backend", "weak_",    "redis",
                                       "journal_",      "broker_",  "topic_",      "default_", "workers",
                                       "max_in_flight", "admin_",   "viewer_",     "tls" };
    unsigned shared = 0;
    (void)state;
    for (unsigned i = 0; i < cr_config_key_count; i++) {
        const struct cr_config_key *key = &cr_config_keys[i];
        for (size_t k = 0; k < sizeof own / sizeof own[0]; k++) {
            assert_true(key->shared == NULL || strncmp(key->name, own[k], strlen(own[k])) != 0);
        }
        assert_true(key->shared == NULL || !key->many); /* a change says the whole */
        shared += key->shared != NULL;
    }
    assert_true(shared > 25);
    assert_null(cr_config_shared("", "lifetime"));
    assert_null(cr_config_shared("operational", "trigger_rate"));
    assert_null(cr_config_shared("", "redis"));
    assert_null(cr_config_shared("", "slot"));
    assert_non_null(cr_config_shared("operational", "lifetime"));
    assert_non_null(cr_config_shared("", "trigger_rate"));
}

static void test_what_is_shown_is_taken_again(void **state)
{
    (void)state;
    file("slot operational\nlifetime 36h\nrenewal_window 10h\nlifetime_jitter 2.5%\nkey_types EC-P384 RSA\n"
         "request_timing any\nsame_key true\next_key_usage clientAuth serverAuth\nnot_before_skew 0s\ncrl_url "
         "http://a/b\n");
    for (unsigned i = 0; i < cr_config_key_count; i++) {
        const struct cr_config_key *key = &cr_config_keys[i];
        char before[CR_POLICY_VALUE_CAP];
        if (key->shared == NULL) {
            continue;
        }
        (void)snprintf(before, sizeof before, "%s", shown("operational", key->name));
        if (before[0] == '\0') {
            assert_string_equal(key->name, "aia_url");
            continue;
        }
        count = 0;
        set(key->in_slot ? "operational" : "", key->name, before);
        accept();
        assert_string_equal(shown("operational", key->name), before);
    }
    assert_string_equal(shown("operational", "lifetime"), "36h");
    assert_string_equal(shown("operational", "renewal_window"), "10h");
    assert_string_equal(shown("operational", "lifetime_jitter"), "2.5%");
    assert_string_equal(shown("operational", "key_types"), "EC-P384 RSA");
    assert_string_equal(shown("operational", "request_timing"), "any");
    assert_string_equal(shown("operational", "not_before_skew"), "0s");
    assert_string_equal(shown("", "retry_first"), "1h");
    assert_string_equal(shown("", "trigger_rate"), "50");
}

static void test_each_key_takes_a_value_and_refuses_another(void **state)
{
    static const struct {
        const char *key, *good, *bad, *part;
    } tries[] = {
        { "rate_device", "7", "0", "rate_device must be" },
        { "rate_device_burst", "7", "-1", "rate_device_burst must be" },
        { "rate_total", "7", "1000001", "rate_total must be" },
        { "rate_total_burst", "7", "ten", "rate_total_burst must be" },
        { "renewal_deadline", "2d", "2", "renewal_deadline must be" },
        { "trigger_expiry", "2h", "0s", "trigger_expiry must be" },
        { "trigger_rate", "7", "7.5", "trigger_rate must be" },
        { "retry_first", "2h", "31d", "retry_first must be" },
        { "retry_max", "2d", "1500ms", "retry_max must be whole seconds" },
        { "failures_before_alert", "7", "1001", "failures_before_alert must be" },
        { "cutover_ask", "2m", "2 m", "cutover_ask must be" },
        { "cutover_close", "2h", "", "cutover_close needs a value" },
        { "lifetime", "30d", "9s", "lifetime must be" },
        { "lifetime_jitter", "5%", "51%", "lifetime_jitter must be" },
        { "not_before_skew", "2m", "8d", "not_before_skew must be" },
        { "renewal_window", "20%", "91%", "renewal_window must be" },
        { "renewal_spread", "20%", "101%", "renewal_spread must be" },
        { "min_chances", "7", "1001", "min_chances must be" },
        { "superseded_grace", "2d", "367d", "superseded_grace must be" },
        { "accept_expired", "2d", "1y", "accept_expired must be" },
        { "key_types", "EC-P384", "DSA", "key_types" },
        { "rsa_min_bits", "3072", "1024", "rsa_min_bits must be" },
        { "rsa_max_bits", "3072", "8192", "rsa_max_bits must be" },
        { "key_usage", "digitalSignature keyAgreement", "keyCertSign", "key_usage" },
        { "ext_key_usage", "clientAuth serverAuth", "clientAuth clientAuth", "ext_key_usage" },
        { "request_timing", "any", "never", "request_timing" },
        { "same_key", "true", "yes", "same_key must be true or false" },
        { "san_dns", "true", "1", "san_dns must be true or false" },
        { "wake_after", "2d", "0s", "wake_after must be" },
        { "wake_retry", "2d", "367d", "wake_retry must be" },
        { "wake_retry_max", "20d", "x", "wake_retry_max must be" },
        { "field_after", "2d", "1ms", "field_after must be" },
        { "field_before", "2d", "3661d", "field_before must be" },
        { "alert_notice", "100d,50d", "soon", "alert_notice must be" },
        { "alert_warning", "none", "1d,2d,3d,4d,5d", "alert_warning must be" },
        { "alert_critical", "12h", "1500ms", "alert_critical must be" },
        { "crl_url", "http://crl.example/a", "ftp://crl.example/a", "crl_url" },
        { "aia_url", "https://aia.example/a", "http://a b", "aia_url" },
    };
    unsigned shared = 0;
    (void)state;
    for (unsigned i = 0; i < cr_config_key_count; i++) {
        shared += cr_config_keys[i].shared != NULL;
    }
    assert_true(shared <= sizeof tries / sizeof tries[0]); /* all of them are here */
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        const struct cr_config_key *key = cr_config_key_find(tries[i].key);
        const char *slot = key->in_slot ? "operational" : "";
        assert_non_null(key);
        file("slot operational\nkey_types RSA EC-P256\n");
        set(slot, tries[i].key, tries[i].good);
        accept();
        assert_string_equal(shown("operational", tries[i].key), tries[i].good);
        count = 0;
        set(slot, tries[i].key, tries[i].bad);
        refuse(slot, tries[i].key, tries[i].part);
    }
}

static void test_text_is_judged_as_in_a_file(void **state)
{
    (void)state;
    file("");
    set("operational", "crl_url", "http://a/\n");
    refuse("operational", "crl_url", "control character");
    count = 0;
    set("operational", "crl_url", "http://a/\xff");
    refuse("operational", "crl_url", "UTF-8");
}

/* ---- the whole ---- */

static void test_the_window_is_the_last_to_be_taken(void **state)
{
    (void)state;
    file("slot operational\nlifetime 90d\n");
    set("operational", "renewal_window", "20d"); /* before the lifetime that it depends on */
    set("operational", "lifetime", "30d");
    accept();
    assert_int_equal(config.slot[0].window_permille, 667);
    file("slot operational\nlifetime 90d\n");
    set("operational", "renewal_window", "30d");
    set("operational", "lifetime", "30d");
    refuse("operational", "renewal_window", "nine tenths");
}

static void test_a_window_of_the_file_fits_the_new_lifetime(void **state)
{
    (void)state;
    file("slot operational\nlifetime 90d\nrenewal_window 9d\n");
    assert_int_equal(config.slot[0].window_permille, 100);
    set("operational", "lifetime", "30d");
    accept();
    assert_int_equal(config.slot[0].window_permille, 300); /* still nine days */
    file("slot operational\nlifetime 90d\nrenewal_window 9d\n");
    set("operational", "lifetime", "9d");
    refuse("operational", "renewal_window", "nine tenths");
    set("operational", "renewal_window", "33%");
    accept();
    assert_int_equal(config.slot[0].window_permille, 330);
}

static void test_a_slot_is_checked_as_a_whole(void **state)
{
    (void)state;
    file("slot operational\nkey_types RSA\nrsa_min_bits 3072\nrsa_max_bits 4096\n");
    set("operational", "rsa_max_bits", "2048");
    refuse("operational", "rsa_min_bits", "above rsa_max_bits");
    file("");
    set("operational", "rsa_min_bits", "3072");
    refuse("operational", "key_types", "has no RSA");
    set("operational", "key_types", "EC-P256 RSA");
    file("slot operational\nkey_types RSA\nrsa_min_bits 3072\n");
    set("operational", "key_types", "EC-P256"); /* what the file says of RSA has no meaning then */
    accept();
    file("");
    set("operational", "ext_key_usage", "serverAuth");
    refuse("operational", "ext_key_usage", "clientAuth");
}

static void test_what_is_not_for_this_broker_is_passed_over(void **state)
{
    (void)state;
    file("slot operational\n");
    set("data", "lifetime", "nonsense"); /* no such slot here */
    set("operational", "trigger_rate", "nonsense");
    set("", "redis", "nonsense");
    set("", "from_the_future", "nonsense");
    set("operational", "lifetime", "30d");
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(cr_config_takes(&config, &settings[i]), i == 4);
    }
    accept();
    assert_int_equal(config.slot[0].lifetime_s, 30 * 86400);
    assert_string_equal(config.redis, "127.0.0.1:6379");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_key_of_the_brokers_own_is_shared),
        cmocka_unit_test(test_what_is_shown_is_taken_again),
        cmocka_unit_test(test_each_key_takes_a_value_and_refuses_another),
        cmocka_unit_test(test_text_is_judged_as_in_a_file),
        cmocka_unit_test(test_the_window_is_the_last_to_be_taken),
        cmocka_unit_test(test_a_window_of_the_file_fits_the_new_lifetime),
        cmocka_unit_test(test_a_slot_is_checked_as_a_whole),
        cmocka_unit_test(test_what_is_not_for_this_broker_is_passed_over),
    };
    return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
