#include "device-sim/pki.h"

#include "common/clock.h"
#include "common/identity.h"
#include "device-sim/pki_cert.h"
#include "device-sim/pki_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_CAP = PKI_PATH_CAP, ALT_NAMES_CAP = 1024, TURN_MS = 60000 };
static const int64_t year_s = 365 * 86400, skew_s = 300;

static cr_err CR_PRINTF(2, 3) path_make(char path[PATH_CAP], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(path, PATH_CAP, format, args);
    va_end(args);
    return len > 0 && len < PATH_CAP ? CR_OK : CR_FULL;
}

/* One line about what is wrong, where there is something to say. */
static cr_err complain(cr_err err, const char *path)
{
    if (err != CR_OK) {
        fprintf(stderr, "device-sim: pki: %s: %s\n", path, err == CR_IO ? strerror(errno) : cr_err_text(err));
    }
    return err;
}

static cr_err folder_make(const char *path)
{
    return complain(mkdir(path, 0755) == 0 || errno == EEXIST ? CR_OK : CR_IO, path);
}

/* What one entry of the PKI is. */
struct entry {
    enum pki_kind kind;
    const char *file;        /* <dir>/<file>.pem and .key */
    const char *common_name;
    const char *alt_names;
    int64_t not_before, not_after;
};

/* With another key, what it has signed would be worth nothing. */
static bool issues(enum pki_kind kind)
{
    return kind == PKI_ROOT || kind == PKI_ISSUING;
}

/* Loads the pair when it is there, else makes and saves it. `above` goes into the file behind the certificate. */
static cr_err entry_ensure(struct pki_pair *pair, const char *dir, const struct entry *entry,
                           const struct pki_pair *issuer, bool with_issuer)
{
    char cert[PATH_CAP], key[PATH_CAP];
    cr_err err = CR_BUG;
    CR_TRY(path_make(cert, "%s/%s.pem", dir, entry->file));
    CR_TRY(path_make(key, "%s/%s.key", dir, entry->file));
    bool whole = pki_file_there(cert) && pki_file_there(key);
    if (whole || (pki_file_there(cert) && issues(entry->kind))) {
        err = pki_pair_load(pair, cert, key);
        if (err != CR_OK) {
            fprintf(stderr, "device-sim: pki: %s, %s: not a certificate and its key; bring them back, or start in an "
                    "empty directory\n", cert, key);
        }
        return err;
    }
    CR_TRY(pki_pair_make(pair, entry->kind, entry->common_name, entry->alt_names, entry->not_before, entry->not_after,
                         issuer));
    CR_TRY(pki_pair_save(pair, cert, key, with_issuer ? issuer->cert : NULL, true));
out:
    return complain(err, cert);
}

static cr_err alt_names_make(char text[ALT_NAMES_CAP], const struct pki_options *options)
{
    int len = snprintf(text, ALT_NAMES_CAP, "DNS:localhost,IP:127.0.0.1,IP:::1");
    for (unsigned i = 0; i < options->server_names; i++) {
        if (strchr(options->server_name[i], ':') != NULL) {
            return complain(CR_INVALID, options->server_name[i]); /* a name, by its syntax, but not a DNS name */
        }
        len += snprintf(text + len, (size_t)(ALT_NAMES_CAP - len), ",DNS:%s", options->server_name[i]);
        if (len >= ALT_NAMES_CAP) {
            return complain(CR_FULL, "--server-name");
        }
    }
    return CR_OK;
}

static cr_err bundle_save(const struct pki_options *options, const char *file, const X509 *const *certs, size_t count)
{
    char path[PATH_CAP];
    cr_err err = path_make(path, "%s/%s", options->dir, file);
    return complain(err == CR_OK ? pki_certs_save(path, certs, count) : err, file);
}

/* The factory's CA, and a second hierarchy to move to. `first`: root and issuing CA of the first one. */
static cr_err second_infrastructure(struct pki_pair *factory, const struct pki_options *options, int64_t now_s,
                                    const char *alt_names, const X509 *const first[2])
{
    struct pki_pair root = { 0 }, issuing = { 0 }, server = { 0 };
    int64_t since = now_s - skew_s - year_s;
    const struct entry factory_entry = { PKI_ROOT, "factory", "Demo Factory", NULL, since, now_s + 30 * year_s };
    const struct entry root_entry = { PKI_ROOT, "root2", "Demo Root 2", NULL, since, now_s + 20 * year_s };
    const struct entry issuing_entry = { PKI_ISSUING, "issuing2", "Demo CA 2", NULL, since, now_s + 10 * year_s };
    const struct entry server_entry = { PKI_SERVER, "server2", "localhost", alt_names, now_s - skew_s, now_s + year_s };
    cr_err err = CR_BUG;
    CR_TRY(entry_ensure(factory, options->dir, &factory_entry, NULL, false));
    CR_TRY(entry_ensure(&root, options->dir, &root_entry, NULL, false));
    CR_TRY(entry_ensure(&issuing, options->dir, &issuing_entry, &root, false));
    CR_TRY(entry_ensure(&server, options->dir, &server_entry, &issuing, true));
    const X509 *const all[] = { root.cert, issuing.cert, first[0], first[1], factory->cert };
    CR_TRY(bundle_save(options, "ca2.pem", all, 2));
    CR_TRY(bundle_save(options, "ca-all.pem", all, 5));
out:
    pki_pair_fini(&root);
    pki_pair_fini(&issuing);
    pki_pair_fini(&server);
    return err;
}

/* *issuing: the CA that signs devices. *factory: the one that made them; NULL: none. */
static cr_err infrastructure(struct pki_pair *issuing, struct pki_pair *factory, const struct pki_options *options,
                             int64_t now_s)
{
    char alt_names[ALT_NAMES_CAP];
    struct pki_pair root = { 0 }, server = { 0 }, operator = { 0 };
    int64_t since = now_s - skew_s - year_s; /* devices may be issued in the past */
    const struct entry root_entry = { PKI_ROOT, "root", "Demo Root", NULL, since, now_s + 20 * year_s };
    const struct entry issuing_entry = { PKI_ISSUING, "issuing", "Demo CA", NULL, since, now_s + 10 * year_s };
    const struct entry server_entry = { PKI_SERVER, "server", "localhost", alt_names, now_s - skew_s, now_s + year_s };
    const struct entry operator_entry = { PKI_CLIENT, "operator", "operator", NULL, now_s - skew_s, now_s + year_s };
    cr_err err = CR_BUG;
    CR_TRY(alt_names_make(alt_names, options));
    CR_TRY(entry_ensure(&root, options->dir, &root_entry, NULL, false));
    CR_TRY(entry_ensure(issuing, options->dir, &issuing_entry, &root, false));
    CR_TRY(entry_ensure(&server, options->dir, &server_entry, issuing, true));
    CR_TRY(entry_ensure(&operator, options->dir, &operator_entry, issuing, false));
    const X509 *const both[] = { root.cert, issuing->cert };
    CR_TRY(bundle_save(options, "ca.pem", both, 2));
    if (factory != NULL) {
        CR_TRY(second_infrastructure(factory, options, now_s, alt_names, both));
    }
out:
    pki_pair_fini(&root);
    pki_pair_fini(&server);
    pki_pair_fini(&operator);
    return err;
}

/* A pair in the device's directory, unless it is there. */
static cr_err device_pair(const char *dir, const char *cert_name, const char *key_name, const struct entry *entry,
                          const struct pki_pair *issuer)
{
    char cert[PATH_CAP], key[PATH_CAP];
    struct pki_pair pair = { 0 };
    cr_err err = CR_BUG;
    CR_TRY(path_make(cert, "%s/%s", dir, cert_name));
    CR_TRY(path_make(key, "%s/%s", dir, key_name));
    if (pki_file_there(cert) && pki_file_there(key)) {
        return CR_OK; /* and they belong together: the certificate came last */
    }
    CR_TRY(pki_pair_make(&pair, entry->kind, entry->common_name, NULL, entry->not_before, entry->not_after, issuer));
    CR_TRY(pki_pair_save(&pair, cert, key, NULL, false));
out:
    pki_pair_fini(&pair);
    return complain(err, dir);
}

static cr_err device_make(const struct pki_options *options, const char *name, const struct pki_pair *issuing,
                          const struct pki_pair *factory, int64_t now_s)
{
    char dir[PATH_CAP];
    int64_t since = now_s - options->age_s - (options->age_s == 0 ? skew_s : 0);
    const struct entry own = { PKI_CLIENT, NULL, name, NULL, since, now_s - options->age_s + options->lifetime_s };
    const struct entry born = { PKI_FACTORY, NULL, name, NULL, now_s - skew_s, now_s + 20 * year_s };
    cr_err err = CR_BUG;
    CR_TRY(path_make(dir, "%s/devices/%s", options->dir, name));
    CR_TRY(folder_make(dir));
    CR_TRY(device_pair(dir, "cert.pem", "key.pem", &own, issuing));
    if (factory != NULL) {
        CR_TRY(device_pair(dir, "factory.pem", "factory-key.pem", &born, factory));
    }
out:
    return err;
}

static cr_err devices_make(const struct pki_options *options, const struct pki_pair *issuing,
                           const struct pki_pair *factory, int64_t now_s)
{
    char folder[PATH_CAP], name[CR_NAME_CAP];
    cr_err err = CR_BUG;
    CR_TRY(path_make(folder, "%s/devices", options->dir));
    CR_TRY(folder_make(folder));
    if (options->name != NULL) {
        return device_make(options, options->name, issuing, factory, now_s);
    }
    for (unsigned i = 1; i <= options->count; i++) {
        int len = snprintf(name, sizeof name, "%s%05u", options->name_prefix, i);
        if (len <= 0 || len >= (int)sizeof name) {
            return CR_FULL;
        }
        CR_TRY(device_make(options, name, issuing, factory, now_s));
    }
out:
    return err;
}

static cr_err all_make(const struct pki_options *options)
{
    struct pki_pair issuing = { 0 }, factory = { 0 }, *with = options->factory ? &factory : NULL;
    int64_t now_s = cr_wall_s(cr_clock_system());
    cr_err err = CR_BUG;
    CR_TRY(infrastructure(&issuing, with, options, now_s));
    CR_TRY(devices_make(options, &issuing, with, now_s));
out:
    pki_pair_fini(&issuing);
    pki_pair_fini(&factory);
    return err;
}

int pki_make(const struct pki_options *options)
{
    int lock = -1;
    cr_err err = folder_make(options->dir);
    if (err == CR_OK) {
        err = pki_lock(&lock, options->dir, TURN_MS);
        if (err == CR_TIMEOUT) {
            fprintf(stderr, "device-sim: pki: %s: another process is at work here; wait until it is done\n",
                    options->dir);
        } else {
            err = complain(err, options->dir);
        }
    }
    if (err == CR_OK) {
        err = all_make(options);
        (void)close(lock);
    }
    if (err != CR_OK) {
        return 3;
    }
    if (!options->quiet) {
        if (options->name != NULL) {
            printf("%s: CAs, broker, operator and device %s\n", options->dir, options->name);
        } else {
            printf("%s: CAs, broker, operator and %u devices\n", options->dir, options->count);
        }
    }
    return 0;
}
