#include "plugin/config_table.h"

#include <stddef.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
static const int64_t day = 24 * (int64_t)HOUR;

/* ---- one field each ---- */

static cr_err take_text(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    return cr_value_text(field, key->size, value, why);
}

static cr_err take_url(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    return cr_value_url(field, key->size, value, why);
}

static cr_err take_name(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    if (!cr_name_ok(value, strlen(value))) {
        return cr_why_set(why, "must be 1 to %d of the characters A-Z a-z 0-9 . _ : -", CR_NAME_MAX);
    }
    return take_text(key, field, value, why);
}

static cr_err take_number(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    return cr_value_unsigned(field, value, (unsigned)key->min, (unsigned)key->max, why);
}

static cr_err take_share(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    return cr_value_permille(field, value, (unsigned)key->max, why);
}

static cr_err take_bool(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    (void)key;
    return cr_value_bool(field, value, why);
}

static cr_err take_choice(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    unsigned choice = 0;
    cr_err err = cr_value_choice(&choice, value, key->words, why);
    if (err == CR_OK) {
        *(bool *)field = choice != 0;
    }
    return err;
}

static cr_err take_list(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    unsigned flags = 0;
    cr_err err = cr_value_flags(&flags, value, key->words, why);
    if (err == CR_OK) {
        *(unsigned *)field = flags;
    }
    return err;
}

static cr_err take_size(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    return cr_value_size(field, value, key->min, key->max, why);
}

/* Times: the fields are milliseconds or seconds, unsigned or 64 bits wide. */
static cr_err take_ms(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    int64_t ms = 0;
    cr_err err = cr_value_duration_ms(&ms, value, key->min, key->max, why);
    if (err == CR_OK) {
        *(unsigned *)field = (unsigned)ms;
    }
    return err;
}

static cr_err take_s64(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    int64_t ms = 0;
    cr_err err = cr_value_duration_ms(&ms, value, key->min, key->max, why);
    if (err == CR_OK && ms % SECOND != 0) {
        err = cr_why_set(why, "must be whole seconds");
    }
    if (err == CR_OK) {
        *(int64_t *)field = ms / SECOND;
    }
    return err;
}

static cr_err take_s(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    int64_t s = 0;
    cr_err err = take_s64(key, &s, value, why);
    if (err == CR_OK) {
        *(unsigned *)field = (unsigned)s;
    }
    return err;
}

/* Or 0s: never. */
static cr_err take_pause(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    if (strcmp(value, "0s") == 0) {
        *(unsigned *)field = 0;
        return CR_OK;
    }
    return take_s(key, field, value, why);
}

static cr_err take_prefix(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    size_t len = strlen(value);
    if (len == 0 || len >= key->size ||
        strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != len) {
        return cr_why_set(why, "must be 1 to %zu of the characters A-Z a-z 0-9 _ -", key->size - 1);
    }
    return take_text(key, field, value, why);
}

/* ---- a slot ---- */

/* A share of the lifetime, or a time, which becomes one. */
static cr_err take_renewal_window(struct cr_config *config, struct cr_profile *slot, const char *value,
                                  struct cr_why *why)
{
    (void)config;
    int64_t ms = 0;
    if (strchr(value, '%') != NULL) {
        slot->window_ms = 0;
        return cr_value_permille(&slot->window_permille, value, 900, why);
    }
    if (cr_value_duration_ms(&ms, value, SECOND, INT64_MAX, why) != CR_OK) {
        return cr_why_set(why, "must be a share of the lifetime, such as 33%%, or a time of at most nine tenths of it");
    }
    slot->window_ms = ms;
    return cr_slot_fit_window(slot, why);
}

static cr_err take_subject_attribute(struct cr_config *config, struct cr_profile *slot, const char *value,
                                     struct cr_why *why)
{
    (void)config;
    static const char *const types[] = { "C", "L", "O", "OU", "ST" };
    size_t type_len = strcspn(value, " \t");
    const char *text = value + type_len + strspn(value + type_len, " \t");
    const char *type = NULL;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strlen(types[i]) == type_len && memcmp(types[i], value, type_len) == 0) {
            type = types[i];
        }
    }
    if (type == NULL || text[0] == '\0') {
        return cr_why_set(why, "must be one of C, L, O, OU, ST and its value, such as: subject_attribute O Example");
    }
    if (strcmp(type, "C") == 0 && (strlen(text) != 2 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)) {
        return cr_why_set(why, "C must be two capital letters (ISO 3166)");
    }
    if (slot->attr_count == CR_SUBJECT_ATTR_MAX) {
        return cr_why_set(why, "can be given at most %d times in a slot", CR_SUBJECT_ATTR_MAX);
    }
    struct cr_subject_attr *attr = &slot->attr[slot->attr_count];
    cr_err err = cr_value_text(attr->value, sizeof attr->value, text, why);
    if (err == CR_OK) {
        err = cr_text_copy(attr->type, sizeof attr->type, type);
        slot->attr_count += err == CR_OK;
    }
    return err;
}

/* ---- finding ---- */

const struct cr_config_key *cr_config_key_find(const char *name)
{
    for (unsigned i = 0; i < cr_config_key_count; i++) {
        if (strcmp(cr_config_keys[i].name, name) == 0) {
            return &cr_config_keys[i];
        }
    }
    return NULL;
}

const struct cr_config_key *cr_config_key_nearest(const char *name)
{
    const struct cr_config_key *nearest = NULL;
    unsigned least = (unsigned)strlen(name) / 3 + 2; /* further away is another word */
    for (unsigned i = 0; i < cr_config_key_count; i++) {
        unsigned distance = cr_value_distance(cr_config_keys[i].name, name);
        if (distance < least) {
            least = distance;
            nearest = &cr_config_keys[i];
        }
    }
    return nearest;
}

cr_err cr_config_key_take(const struct cr_config_key *key, struct cr_config *config, struct cr_profile *slot,
                          const char *value, struct cr_why *why)
{
    if (value[0] == '\0') {
        return cr_why_set(why, "needs a value");
    }
    if (key->take_whole != NULL) {
        return key->take_whole(config, slot, value, why);
    }
    char *base = key->in_slot ? (char *)slot : (char *)config;
    return key->take(key, base + key->offset, value, why);
}

void cr_config_key_show(const struct cr_config_key *key, const struct cr_config *config, const struct cr_profile *slot,
                        char *text, size_t cap)
{
    const char *base = key->in_slot ? (const char *)slot : (const char *)config;
    key->shared(key, base + key->offset, text, cap);
}

/* ---- the tables ---- */

static const struct cr_word key_backends[] = { { "libcrypto", 1 }, { "mbedtls", 2 }, { NULL, 0 } };
static const struct cr_word accesses[] = { { "defer", 0 }, { "allow", 1 }, { NULL, 0 } };
static const struct cr_word timings[] = { { "window", 0 }, { "any", 1 }, { NULL, 0 } };
static const struct cr_word key_types[] = {
    { "EC-P256", CR_ALLOW_EC_P256 }, { "EC-P384", CR_ALLOW_EC_P384 }, { "RSA", CR_ALLOW_RSA }, { NULL, 0 }
};
static const struct cr_word key_usages[] = {
    { "digitalSignature", CR_KU_DIGITAL_SIGNATURE },
    { "keyEncipherment", CR_KU_KEY_ENCIPHERMENT },
    { "keyAgreement", CR_KU_KEY_AGREEMENT },
    { NULL, 0 }
};
static const struct cr_word ext_key_usages[] = {
    { "clientAuth", CR_EKU_CLIENT_AUTH },
    { "serverAuth", CR_EKU_SERVER_AUTH },
    { "codeSigning", CR_EKU_CODE_SIGNING },
    { NULL, 0 }
};

static cr_err take_key_backend(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why)
{
    unsigned choice;
    cr_err err = cr_value_choice(&choice, value, key_backends, why);
    return err == CR_OK ? take_text(key, field, value, why) : err;
}

#define GLOBAL(field) .offset = offsetof(struct cr_config, field), .size = sizeof((struct cr_config *)0)->field
#define SLOT(field)                                                  \
    .in_slot = true, .offset = offsetof(struct cr_profile, field),   \
    .size = sizeof((struct cr_profile *)0)->field

#define SHARED(kind) .take = take_##kind, .shared = cr_show_##kind /* by all brokers, with setPolicy */

const struct cr_config_key cr_config_keys[] = {
    { "issuer_certfile", .many = true, .take_whole = cr_take_issuer_certfile },
    { "issuer_keyfile", .many = true, .take_whole = cr_take_issuer_keyfile },
    { "issuer_passphrase_file", .many = true, .take_whole = cr_take_issuer_passphrase_file },
    { "issuer_sign_from", .many = true, .take_whole = cr_take_issuer_sign_from },
    { "trusted_cafile", .many = true, .take_whole = cr_take_trusted },
    { "factory_cafile", .many = true, .take_whole = cr_take_factory_cafile },
    { "factory_name", .many = true, .take_whole = cr_take_factory_name },
    { "factory_identity", .many = true, .take_whole = cr_take_factory_identity },
    { "factory_enroll", .many = true, .take_whole = cr_take_factory_enroll },
    { "factory_reenroll", .many = true, .take_whole = cr_take_factory_reenroll },
    { "enroll_tokens", .take = take_bool, GLOBAL(enroll_tokens) },
    { "key_backend", .take = take_key_backend, GLOBAL(key_backend) },
    { "weak_keys_file", .take = take_text, GLOBAL(weak_keys_file) },
    { "crl_file", .take = take_text, GLOBAL(crl_file) },
    { "crl_dir", .take = take_text, GLOBAL(crl_dir) },
    { "crl_include", .many = true, .take_whole = cr_take_crl_include },
    { "crl_lifetime", .take = take_s64, GLOBAL(crl_lifetime_s), .min = MINUTE, .max = 366 * day },
    { "crl_refresh", .take = take_s64, GLOBAL(crl_refresh_s), .min = SECOND, .max = 366 * day },
    { "crl_publish", .take = take_bool, GLOBAL(crl_publish) },
    { "ocsp_lifetime", .take = take_s64, GLOBAL(ocsp_lifetime_s), .min = MINUTE, .max = 366 * day },
    { "redis", .take_whole = cr_take_redis },
    { "redis_username", .take_whole = cr_take_redis_username },
    { "redis_password_file", .take_whole = cr_take_redis_password_file },
    { "redis_cafile", .take = take_text, GLOBAL(redis_cafile) },
    { "redis_prefix", .take = take_prefix, GLOBAL(redis_prefix) },
    { "redis_timeout", .take = take_ms, GLOBAL(redis_timeout_ms), .min = 50, .max = MINUTE },
    { "redis_require_durable", .take = take_bool, GLOBAL(redis_require_durable) },
    { "redis_buckets", .take = take_number, GLOBAL(buckets), .min = 1, .max = 4096 },
    { "journal_dir", .take = take_text, GLOBAL(journal_dir) },
    { "journal_max_size", .take = take_size, GLOBAL(journal_max_size), .min = 64 << 10, .max = (int64_t)1 << 40 },
    { "broker_name", .take = take_name, GLOBAL(broker_name) },
    { "topic_prefix", .take_whole = cr_take_topic_prefix },
    { "default_access", .take = take_choice, GLOBAL(default_allow), .words = accesses },
    { "rate_device", SHARED(number), GLOBAL(rate_device_per_min), .min = 1, .max = 1000000 },
    { "rate_device_burst", SHARED(number), GLOBAL(rate_device_burst), .min = 1, .max = 1000000 },
    { "rate_total", SHARED(number), GLOBAL(rate_total_per_s), .min = 1, .max = 1000000 },
    { "rate_total_burst", SHARED(number), GLOBAL(rate_total_burst), .min = 1, .max = 1000000 },
    { "retry_after", .take = take_s, GLOBAL(retry_after_s), .min = SECOND, .max = HOUR },
    { "renewal_deadline", SHARED(s64), GLOBAL(renewal_deadline_s), .min = SECOND, .max = 366 * day },
    { "trigger_expiry", SHARED(s), GLOBAL(trigger_expiry_s), .min = SECOND, .max = 366 * day },
    { "trigger_rate", SHARED(number), GLOBAL(trigger_rate_per_s), .min = 1, .max = 1000000 },
    { "retry_first", SHARED(s64), GLOBAL(retry_first_s), .min = SECOND, .max = 30 * day },
    { "retry_max", SHARED(s64), GLOBAL(retry_max_s), .min = SECOND, .max = 366 * day },
    { "failures_before_alert", SHARED(number), GLOBAL(failures_alert), .min = 1, .max = 1000 },
    { "wake_after", SHARED(s64), GLOBAL(wake_after_s), .min = SECOND, .max = 3660 * day },
    { "wake_retry", SHARED(s64), GLOBAL(wake_retry_s), .min = SECOND, .max = 366 * day },
    { "wake_retry_max", SHARED(s64), GLOBAL(wake_retry_max_s), .min = SECOND, .max = 366 * day },
    { "field_after", SHARED(s64), GLOBAL(field_after_s), .min = SECOND, .max = 3660 * day },
    { "field_before", SHARED(s64), GLOBAL(field_before_s), .min = SECOND, .max = 3660 * day },
    { "cutover_ask", SHARED(s), GLOBAL(cutover_ask_s), .min = SECOND, .max = 30 * day },
    { "cutover_close", SHARED(s), GLOBAL(cutover_close_s), .min = SECOND, .max = 30 * day },
    { "workers", .take = take_number, GLOBAL(workers), .min = 1, .max = 64 },
    { "max_in_flight", .take = take_number, GLOBAL(max_in_flight), .min = 16, .max = 65536 },
    { "figures_interval", .take = take_pause, GLOBAL(figures_interval_s), .min = SECOND, .max = HOUR },
    { "metrics_file", .take = take_text, GLOBAL(metrics_file) },
    { "admin_identity", .many = true, .take_whole = cr_take_admin_identity },
    { "admin_username", .many = true, .take_whole = cr_take_admin_username },
    { "viewer_identity", .many = true, .take_whole = cr_take_viewer_identity },
    { "viewer_username", .many = true, .take_whole = cr_take_viewer_username },
    { "lifetime", SHARED(s64), SLOT(lifetime_s), .min = 10 * SECOND, .max = 3660 * day },
    { "lifetime_jitter", SHARED(share), SLOT(jitter_permille), .max = 500 },
    { "not_before_skew", SHARED(s64), SLOT(skew_s), .min = 0, .max = 7 * day },
    { "renewal_window", .in_slot = true, .last = true, .take_whole = take_renewal_window, .shared = cr_show_window },
    { "renewal_spread", SHARED(share), SLOT(spread_permille), .max = 1000 },
    { "min_chances", SHARED(number), SLOT(min_chances), .max = 1000 },
    { "alert_notice", .in_slot = true, .take_whole = cr_take_alert_notice, .shared = cr_show_notice },
    { "alert_warning", .in_slot = true, .take_whole = cr_take_alert_warning, .shared = cr_show_warning },
    { "alert_critical", .in_slot = true, .take_whole = cr_take_alert_critical, .shared = cr_show_critical },
    { "superseded_grace", SHARED(s64), SLOT(superseded_grace_s), .min = 0, .max = 366 * day },
    { "accept_expired", SHARED(s64), SLOT(accept_expired_s), .min = 0, .max = 366 * day },
    { "key_types", SHARED(list), SLOT(key_types), .words = key_types },
    { "rsa_min_bits", SHARED(number), SLOT(rsa_min_bits), .min = 2048, .max = 4096 },
    { "rsa_max_bits", SHARED(number), SLOT(rsa_max_bits), .min = 2048, .max = 4096 },
    { "key_usage", SHARED(list), SLOT(key_usage), .words = key_usages },
    { "ext_key_usage", SHARED(list), SLOT(ext_key_usage), .words = ext_key_usages },
    { "request_timing", SHARED(choice), SLOT(request_any_time), .words = timings },
    { "same_key", SHARED(bool), SLOT(allow_same_key) },
    { "tls", .take = take_bool, SLOT(tls) },
    { "san_dns", SHARED(bool), SLOT(san_dns) },
    { "subject_attribute", .in_slot = true, .many = true, .take_whole = take_subject_attribute },
    { "crl_url", SHARED(url), SLOT(crl_url) },
    { "aia_url", SHARED(url), SLOT(aia_url) },
};
const unsigned cr_config_key_count = sizeof cr_config_keys / sizeof cr_config_keys[0];
_Static_assert(sizeof cr_config_keys / sizeof cr_config_keys[0] <= CR_CONFIG_KEYS_MAX, "one bit or line each");
