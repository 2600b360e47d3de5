#include "tests/support/ledger_check.h"

#include "plugin/store/journal_files.h"
#include "plugin/store/journal_scan.h"
#include "plugin/store/journal_tail.h"
#include "tests/support/ledger_inside.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ledger_wrong(struct ledger *ledger, const char *format, ...)
{
    va_list args;
    ledger->result->wrong++;
    va_start(args, format);
    (void)vfprintf(ledger->out, format, args);
    va_end(args);
    (void)fputc('\n', ledger->out);
}

/* ---- the certificates that journals know, by serial ---- */

static unsigned chain_of(const struct cr_serial *serial)
{
    uint32_t hash = 2166136261u;
    for (unsigned i = 0; i < serial->len; i++) {
        hash = (hash ^ serial->octets[i]) * 16777619u;
    }
    return hash % LEDGER_CHAINS;
}

struct ledger_cert *ledger_find(const struct ledger *ledger, const struct cr_serial *serial)
{
    struct ledger_cert *cert = ledger->chain[chain_of(serial)];
    while (cert != NULL && !cr_serial_equal(&cert->facts.entry.serial, serial)) {
        cert = cert->next;
    }
    return cert;
}

static struct ledger_cert *ledger_make(struct ledger *ledger, const struct cr_serial *serial)
{
    struct ledger_cert *cert = ledger_find(ledger, serial);
    if (cert == NULL) {
        cert = calloc(1, sizeof *cert);
        if (cert == NULL) {
            abort();
        }
        unsigned chain = chain_of(serial);
        cert->facts.entry.serial = *serial;
        cert->next = ledger->chain[chain];
        ledger->chain[chain] = cert;
    }
    return cert;
}

static void ledger_fini(struct ledger *ledger)
{
    for (int i = 0; i < LEDGER_CHAINS; i++) {
        for (struct ledger_cert *cert = ledger->chain[i], *next; cert != NULL; cert = next) {
            next = cert->next;
            cr_blob_fini(&cert->der);
            free(cert);
        }
    }
}

/* ---- journals ---- */

static bool what_is(struct cr_bytes what, const char *text)
{
    return what.len == strlen(text) && memcmp(what.data, text, what.len) == 0;
}

static void take_issued(struct ledger *ledger, const struct cr_restore *facts, struct cr_bytes line,
                        const char serial[CR_SERIAL_TEXT])
{
    struct ledger_cert *cert = ledger_make(ledger, &facts->entry.serial);
    struct cr_blob der;
    ledger->result->issued++;
    if (!cert->intent || cert->intent_journal != ledger->journal) {
        ledger_wrong(ledger, "I2: %s of %s/%s was issued without an earlier intent", serial, facts->device,
                     facts->slot);
    }
    if (cert->issued) {
        ledger_wrong(ledger, "I3: serial %s was issued twice", serial);
    }
    if (cr_tail_der(&der, line) != CR_OK) {
        ledger_wrong(ledger, "the issued line of %s has no certificate", serial);
        return;
    }
    cert->issued = true;
    cert->facts = *facts;
    cr_blob_fini(&cert->der);
    cert->der = der;
}

static void take_line(void *ctx, struct cr_bytes line, uint64_t offset)
{
    struct ledger *ledger = ctx;
    struct cr_bytes what = cr_line_field(line, "what");
    struct cr_restore facts = { .confirmed = what_is(what, "confirmed") };
    char serial[CR_SERIAL_TEXT];
    bool intent = what_is(what, "intent"), issued = what_is(what, "issued"), voided = what_is(what, "void");
    if (!intent && !issued && !voided && !facts.confirmed) {
        return;
    }
    if (cr_restore_read(&facts, line) != CR_OK) {
        ledger_wrong(ledger, "line at byte %llu cannot be read", (unsigned long long)offset);
        return;
    }
    cr_serial_text(serial, &facts.entry.serial);
    if (issued) {
        take_issued(ledger, &facts, line, serial);
        return;
    }
    struct ledger_cert *cert = ledger_make(ledger, &facts.entry.serial);
    if (intent) {
        ledger->result->intents++;
        cert->intent = true;
        cert->intent_journal = ledger->journal;
    } else if (voided) {
        ledger->result->voided++;
        cert->voided = true;
    } else {
        ledger->result->confirmed++;
        cert->confirmed = true;
        cert->confirmed_generation = facts.generation;
        memcpy(cert->facts.device, facts.device, sizeof cert->facts.device);
        memcpy(cert->facts.slot, facts.slot, sizeof cert->facts.slot);
    }
}

static cr_err take_file(struct ledger *ledger, const char *path, const char *broker, struct cr_journal_scan *scan)
{
    char why[300] = "", name[CR_NAME_CAP] = "", line[512];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        ledger_wrong(ledger, "%s cannot be opened", path);
        return CR_IO;
    }
    if (broker == NULL) {
        ssize_t len = pread(fd, line, sizeof line, 0);
        struct cr_bytes found =
            cr_line_field((struct cr_bytes){ (uint8_t *)line, len > 0 ? (size_t)len : 0 }, "broker");
        if (found.data != NULL && found.len < sizeof name) {
            memcpy(name, found.data, found.len);
        }
        broker = name;
    }
    cr_err err = cr_journal_scan(scan, fd, broker, take_line, ledger, why, sizeof why);
    if (err != CR_OK) {
        ledger_wrong(ledger, "%s: %s", path, why);
    }
    scan->base += scan->size;
    (void)close(fd);
    return err;
}

/* With the files that were set aside beside it. */
static cr_err take_journal(struct ledger *ledger, const char *path, const char *broker)
{
    struct cr_journal_scan scan = { .base = 0 };
    char dir[CR_JOURNAL_PATH_CAP] = ".", archive[CR_JOURNAL_PATH_CAP];
    const char *slash = strrchr(path, '/');
    uint64_t *first_seq;
    size_t count;
    if (slash != NULL) {
        (void)snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
    }
    ledger->journal++;
    cr_err err = cr_journal_archives(&first_seq, &count, dir);
    for (size_t i = 0; i < count && err == CR_OK; i++) {
        err = cr_journal_archive_path(archive, dir, first_seq[i]);
        err = err == CR_OK ? take_file(ledger, archive, broker, &scan) : err;
    }
    free(first_seq);
    err = err == CR_OK ? take_file(ledger, path, broker, &scan) : err;
    return err == CR_INVALID ? CR_OK : err;
}

/* ---- what must hold among them ---- */

static void check_pair(struct ledger *ledger, const struct ledger_cert *a, const struct ledger_cert *b)
{
    if (a->facts.generation == b->facts.generation && strcmp(a->facts.device, b->facts.device) == 0 &&
        strcmp(a->facts.slot, b->facts.slot) == 0 &&
        memcmp(a->facts.entry.key_hash, b->facts.entry.key_hash, CR_SHA256_LEN) == 0) {
        char one[CR_SERIAL_TEXT], two[CR_SERIAL_TEXT];
        cr_serial_text(one, &a->facts.entry.serial);
        cr_serial_text(two, &b->facts.entry.serial);
        ledger_wrong(ledger, "I1: %s and %s certify the same key of %s/%s in generation %llu", one, two,
                     a->facts.device, a->facts.slot, (unsigned long long)a->facts.generation);
    }
}

static int by_key(const void *a, const void *b)
{
    const struct ledger_cert *const *one = a, *const *two = b;
    return memcmp((*one)->facts.entry.key_hash, (*two)->facts.entry.key_hash, CR_SHA256_LEN);
}

static void check_certs(struct ledger *ledger)
{
    size_t count = 0, at = 0;
    for (int i = 0; i < LEDGER_CHAINS; i++) {
        for (struct ledger_cert *cert = ledger->chain[i]; cert != NULL; cert = cert->next) {
            count++;
        }
    }
    struct ledger_cert **list = calloc(count + 1, sizeof *list);
    if (list == NULL) {
        abort();
    }
    for (int i = 0; i < LEDGER_CHAINS; i++) {
        for (struct ledger_cert *cert = ledger->chain[i]; cert != NULL; cert = cert->next) {
            if (cert->issued && !cert->voided) {
                list[at++] = cert;
            }
            if (cert->confirmed && !cert->issued) {
                ledger_wrong(ledger, "a certificate of %s/%s was confirmed that no journal has issued",
                             cert->facts.device, cert->facts.slot);
            }
        }
    }
    qsort(list, at, sizeof list[0], by_key);
    for (size_t i = 0; i < at; i++) {
        for (size_t k = i + 1; k < at && by_key(&list[i], &list[k]) == 0; k++) {
            check_pair(ledger, list[i], list[k]);
        }
    }
    free(list);
}

cr_err ledger_check(struct ledger_check_result *result, const struct ledger_check_options *options)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    cr_err err = CR_OK;
    *result = (struct ledger_check_result){ .wrong = 0 };
    if (ledger == NULL) {
        return CR_NOMEM;
    }
    ledger->result = result;
    ledger->out = options->out;
    ledger->now_s = options->now_s;
    for (int i = 0; i < LEDGER_CHECK_PATHS && options->journal[i] != NULL && err == CR_OK; i++) {
        err = take_journal(ledger, options->journal[i], options->broker[i]);
    }
    if (err == CR_OK) {
        check_certs(ledger);
    }
    if (err == CR_OK && options->redis != NULL) {
        err = ledger_check_redis(ledger, options->redis, options->prefix != NULL ? options->prefix : "cr");
    }
    for (int i = 0; i < LEDGER_CHECK_PATHS && options->dir[i] != NULL && err == CR_OK; i++) {
        err = ledger_check_dir(ledger, options->dir[i]);
    }
    ledger_fini(ledger);
    free(ledger);
    return err;
}
