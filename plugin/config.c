#include "plugin/config.h"

#include "plugin/config_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, LINE_MAX_LEN = 1024, SENTENCE_CAP = 480, LIFETIME_MAX_S = 3660 * 86400 };

/* A file being read. */
struct reader {
    struct cr_config *config;
    cr_config_complain_fn *complain;
    void *ctx;
    unsigned line, mistakes;
    struct cr_profile *slot;              /* the section we are in */
    struct cr_profile spare;              /* takes the values of a section that cannot be kept */
    struct cr_config again;               /* takes the values of keys that are given twice */
    unsigned slot_line;
    unsigned seen[CR_CONFIG_KEYS_MAX];    /* line of each key; those of a slot: in this section */
    const struct cr_config_key *last_key; /* to be taken at the section's end, with its line and value */
    unsigned last_line;
    char last_value[LINE_MAX_LEN + 1];
};

static void mistake(struct reader *reader, unsigned line, const char *format, ...) CR_PRINTF(3, 4);

static void mistake(struct reader *reader, unsigned line, const char *format, ...)
{
    char sentence[SENTENCE_CAP];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    reader->mistakes++;
    reader->complain(reader->ctx, line, sentence);
}

static unsigned *seen_of(struct reader *reader, const struct cr_config_key *key)
{
    return &reader->seen[key - cr_config_keys];
}

static unsigned seen_line(struct reader *reader, const char *name)
{
    const struct cr_config_key *key = cr_config_key_find(name);
    return key != NULL ? *seen_of(reader, key) : 0;
}

/* ---- defaults ---- */

/* The host's name, with what a name of ours cannot have replaced. */
static void default_broker_name(char name[CR_NAME_CAP])
{
    if (gethostname(name, CR_NAME_CAP) != 0 || memchr(name, '\0', CR_NAME_CAP) == NULL) {
        name[CR_NAME_MAX] = '\0';
    }
    for (char *c = name; *c != '\0'; c++) {
        *c = cr_name_ok(c, 1) ? *c : '-';
    }
    if (name[0] == '\0') {
        memcpy(name, "broker", sizeof "broker");
    }
}

static void config_default(struct cr_config *config)
{
    *config = (struct cr_config){
        .key_backend = "libcrypto",
        .crl_lifetime_s = 7 * 86400,
        .crl_refresh_s = 86400,
        .crl_publish = true,
        .ocsp_lifetime_s = 86400,
        .redis = "127.0.0.1:6379",
        .redis_prefix = "cr",
        .redis_timeout_ms = 2000,
        .buckets = 64,
        .journal_max_size = 256 * 1024 * 1024,
        .topic_prefix = CR_TOPIC_PREFIX_DEFAULT,
        .rate_device_per_min = 30,
        .rate_device_burst = 10,
        .rate_total_per_s = 2000,
        .rate_total_burst = 4000,
        .retry_after_s = 30,
        .renewal_deadline_s = 7 * 86400,
        .trigger_expiry_s = 3600,
        .trigger_rate_per_s = 50,
        .retry_first_s = 3600,
        .retry_max_s = 86400,
        .failures_alert = 3,
        .wake_after_s = 3 * 86400,
        .wake_retry_s = 86400,
        .wake_retry_max_s = 14 * 86400,
        .field_after_s = 7 * 86400,
        .field_before_s = 60 * 86400,
        .cutover_ask_s = 300,
        .cutover_close_s = 900,
        .workers = 2,
        .max_in_flight = 4096,
        .figures_interval_s = 10,
    };
    default_broker_name(config->broker_name);
}

/* ---- sections ---- */

static void take(struct reader *reader, const struct cr_config_key *key, unsigned line, const char *value)
{
    struct cr_why why = { "" };
    if (cr_config_key_take(key, reader->config, reader->slot, value, &why) != CR_OK) {
        mistake(reader, line, "%s %s", key->name, why.text);
    }
}

/* The value of a key that was there before: only looked at, so that what is wrong with it is told as well. */
static void take_again(struct reader *reader, const struct cr_config_key *key, const char *value)
{
    struct cr_why why = { "" };
    struct cr_profile slot;
    config_default(&reader->again);
    cr_profile_default(&slot, "again");
    slot.lifetime_s = LIFETIME_MAX_S; /* a time that is a share of it may be as long as any can be */
    if (cr_config_key_take(key, &reader->again, &slot, value, &why) != CR_OK) {
        mistake(reader, reader->line, "%s %s", key->name, why.text);
    }
}

static void slot_wrong(void *ctx, const char *key, const char *sentence)
{
    struct reader *reader = ctx;
    (void)key;
    mistake(reader, reader->slot_line, "%s", sentence);
}

/* What can only be judged once a section is complete. */
static void slot_end(struct reader *reader)
{
    struct cr_profile *slot = reader->slot;
    if (slot == NULL) {
        return;
    }
    if (reader->last_key != NULL) {
        take(reader, reader->last_key, reader->last_line, reader->last_value);
        reader->last_key = NULL;
    }
    cr_slot_check(slot, seen_line(reader, "rsa_min_bits") != 0 || seen_line(reader, "rsa_max_bits") != 0, slot_wrong,
                  reader);
    reader->slot = NULL;
}

static void slot_begin(struct reader *reader, const char *name)
{
    struct cr_config *config = reader->config;
    slot_end(reader);
    for (unsigned i = 0; i < cr_config_key_count; i++) {
        if (cr_config_keys[i].in_slot) {
            reader->seen[i] = 0;
        }
    }
    reader->slot = &reader->spare;
    reader->slot_line = reader->line;
    if (strcmp(name, "ca") == 0) { /* <device>/ca/trust and ca/report are about the CA certificates */
        mistake(reader, reader->line, "slot cannot be called ca: that name is taken");
        name = "unnamed";
    } else if (!cr_name_ok(name, strlen(name)) || strchr(name, ':') != NULL) { /* in Redis a colon ends it */
        mistake(reader, reader->line, "slot needs a name: 1 to %d of the characters A-Z a-z 0-9 . _ -", CR_NAME_MAX);
        name = "unnamed";
    } else if (cr_config_slot(config, name) != NULL) {
        mistake(reader, reader->line, "slot %s has a section already", name);
    } else if (config->slot_count == CR_SLOTS_MAX) {
        mistake(reader, reader->line, "slot %s is one too many: at most %d", name, CR_SLOTS_MAX);
    } else {
        reader->slot = &config->slot[config->slot_count++];
    }
    cr_profile_default(reader->slot, name);
}

/* ---- lines ---- */

static void unknown_key(struct reader *reader, const char *name)
{
    const struct cr_config_key *near = cr_config_key_nearest(name);
    bool printable = strlen(name) <= 64;
    for (const char *c = name; *c != '\0'; c++) {
        printable = printable && *c > ' ' && *c < 0x7f;
    }
    if (!printable) {
        mistake(reader, reader->line, "there is no such key");
    } else if (near != NULL) {
        mistake(reader, reader->line, "there is no key %s; did you mean %s?", name, near->name);
    } else {
        mistake(reader, reader->line, "there is no key %s", name);
    }
}

static void take_key(struct reader *reader, const char *name, const char *value)
{
    if (strcmp(name, "slot") == 0) {
        slot_begin(reader, value);
        return;
    }
    const struct cr_config_key *key = cr_config_key_find(name);
    if (key == NULL) {
        unknown_key(reader, name);
        return;
    }
    if (key->in_slot && reader->slot == NULL) {
        mistake(reader, reader->line, "%s belongs to a slot: put it behind a line such as 'slot operational'", name);
        return;
    }
    unsigned *seen = seen_of(reader, key);
    if (*seen != 0 && !key->many) {
        mistake(reader, reader->line, "%s is given twice, first in line %u", name, *seen);
        take_again(reader, key, value);
        return;
    }
    *seen = reader->line;
    if (key->last) {
        reader->last_key = key;
        reader->last_line = reader->line;
        memcpy(reader->last_value, value, strlen(value) + 1); /* a part of a line, so it fits */
        return;
    }
    unsigned issuers = reader->config->issuer_count, factories = reader->config->factory_count;
    take(reader, key, reader->line, value);
    if (reader->config->issuer_count > issuers) {
        reader->config->issuer[issuers].line = reader->line;
    }
    if (reader->config->factory_count > factories) {
        reader->config->factory[factories].line = reader->line;
    }
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void take_line(struct reader *reader, struct cr_bytes line)
{
    while (line.len > 0 && is_blank(line.data[line.len - 1])) {
        line.len--;
    }
    while (line.len > 0 && is_blank(line.data[0])) {
        line.data++;
        line.len--;
    }
    if (line.len > 0 && line.data[0] == '#') {
        return;
    }
    if (line.len > LINE_MAX_LEN) {
        mistake(reader, reader->line, "the line is longer than %d bytes", LINE_MAX_LEN);
        return;
    }
    if (!cr_value_utf8_ok(line)) {
        mistake(reader, reader->line, "the line is not UTF-8 text");
        return;
    }
    char text[LINE_MAX_LEN + 1];
    for (size_t i = 0; i < line.len; i++) {
        if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7f) {
            mistake(reader, reader->line, "the line holds a control character");
            return;
        }
        text[i] = (char)line.data[i];
    }
    text[line.len] = '\0';
    if (line.len == 0) {
        return;
    }
    size_t key_len = strcspn(text, " \t");
    char *value = text + key_len + strspn(text + key_len, " \t");
    text[key_len] = '\0';
    take_key(reader, text, value);
}

/* ---- the file as a whole ---- */

static void require(struct reader *reader, const char *name, const char *what)
{
    if (seen_line(reader, name) == 0) {
        mistake(reader, 0, "%s is missing: %s", name, what);
    }
}

static void trust_wrong(void *ctx, unsigned line, const char *key, const char *sentence)
{
    mistake(ctx, key != NULL ? seen_line(ctx, key) : line, "%s", sentence);
}

static void finish(struct reader *reader)
{
    struct cr_config *config = reader->config;
    slot_end(reader);
    require(reader, "issuer_certfile", "the PEM file with the certificate that signs, and its chain");
    if (config->issuer_count == 0) {
        require(reader, "issuer_keyfile", "the PEM file with its private key");
    }
    require(reader, "journal_dir", "a directory of the broker's own, for the record of what was signed");
    if (config->redis_username[0] != '\0' && config->redis_password[0] == '\0') {
        mistake(reader, seen_line(reader, "redis_username"), "redis_username needs a redis_password_file beside it");
    }
    bool encrypted = strncmp(config->redis, "rediss", 6) == 0 && strstr(config->redis, "://") != NULL;
    if (config->redis_cafile[0] != '\0' && !encrypted) {
        mistake(reader, seen_line(reader, "redis_cafile"), "redis_cafile has no meaning without a rediss:// address");
    }
    cr_config_trust_check(config, trust_wrong, reader);
    if (config->slot_count == 0) {
        cr_profile_default(&config->slot[0], "operational");
        config->slot_count = 1;
    }
    unsigned tls = 0;
    for (unsigned i = 0; i < config->slot_count; i++) {
        tls += config->slot[i].tls;
    }
    if (tls != 1) {
        mistake(reader, 0, "%s slot has 'tls true': exactly one must, the one whose certificate devices use for MQTT",
                tls == 0 ? "no" : "more than one");
    }
}

cr_err cr_config_parse(struct cr_config *config, struct cr_bytes text, cr_config_complain_fn *complain, void *ctx)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return CR_NOMEM;
    }
    config_default(config);
    reader->config = config;
    reader->complain = complain;
    reader->ctx = ctx;
    if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) { /* some editors' byte order mark */
        text.data += 3;
        text.len -= 3;
    }
    while (text.len > 0) {
        if (reader->line == CR_CONFIG_LINES_MAX) {
            mistake(reader, 0, "the file has more than %d lines", CR_CONFIG_LINES_MAX);
            break;
        }
        reader->line++;
        const uint8_t *end = memchr(text.data, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;
        take_line(reader, (struct cr_bytes){ text.data, len });
        len += end != NULL;
        text.data += len;
        text.len -= len;
    }
    finish(reader);
    cr_err err = reader->mistakes == 0 ? CR_OK : CR_INVALID;
    if (err != CR_OK) {
        explicit_bzero(config->redis_password, sizeof config->redis_password);
    }
    explicit_bzero(reader, sizeof *reader);
    free(reader);
    return err;
}

/* Reads all of an open file into buf, at most cap bytes; -1 with errno. */
static ssize_t read_all(int fd, uint8_t *buf, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t more = read(fd, buf + len, cap - len);
        if (more < 0 && errno == EINTR) {
            continue;
        }
        if (more < 0) {
            return -1;
        }
        if (more == 0) {
            break;
        }
        len += (size_t)more;
    }
    return (ssize_t)len;
}

cr_err cr_config_read(struct cr_config *config, const char *path, cr_config_complain_fn *complain, void *ctx)
{
    char sentence[SENTENCE_CAP];
    struct stat about;
    cr_err err = CR_INVALID;
    uint8_t *text = malloc(FILE_MAX + 1);
    if (text == NULL) {
        return CR_NOMEM;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to wait for a FIFO's writer */
    if (fd < 0) {
        (void)snprintf(sentence, sizeof sentence, "cannot be opened: %s", strerror(errno));
        complain(ctx, 0, sentence);
        goto out;
    }
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        complain(ctx, 0, "is not a file");
        goto out;
    }
    ssize_t len = read_all(fd, text, FILE_MAX + 1);
    if (len < 0) {
        (void)snprintf(sentence, sizeof sentence, "cannot be read: %s", strerror(errno));
        complain(ctx, 0, sentence);
    } else if (len > FILE_MAX) {
        complain(ctx, 0, "is larger than 1 MiB");
    } else {
        err = cr_config_parse(config, (struct cr_bytes){ text, (size_t)len }, complain, ctx);
        explicit_bzero(text, (size_t)len); /* a Redis URL may have had a password */
    }
out:
    if (fd >= 0) {
        (void)close(fd);
    }
    free(text);
    return err;
}

const struct cr_profile *cr_config_slot(const struct cr_config *config, const char *slot)
{
    for (unsigned i = 0; i < config->slot_count; i++) {
        if (strcmp(config->slot[i].slot, slot) == 0) {
            return &config->slot[i];
        }
    }
    return NULL;
}

int64_t cr_config_accept_expired_s(const struct cr_config *config)
{
    int64_t longest_s = 0;
    for (unsigned i = 0; i < config->slot_count; i++) {
        longest_s = config->slot[i].accept_expired_s > longest_s ? config->slot[i].accept_expired_s : longest_s;
    }
    return longest_s;
}
