/* Reading those that sign, the trusted ones and the factories from files. Everything that is wrong is collected, then
 * refused at once. */
#include "plugin/worker/issuer_inside.h"

#include "common/der.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CERTFILE_MAX = 1 << 20, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8 * CR_SIGNATURE_MAX };

void cr_loading_complain(struct cr_loading *loading, const char *format, ...)
{
    char *at = loading->errors + loading->errors_len;
    size_t left = loading->errors_cap - loading->errors_len;
    loading->mistakes++;
    if (left <= 2) {
        return;
    }
    if (loading->errors_len > 0) {
        *at++ = '\n';
        *at = '\0';
        left--;
        loading->errors_len++;
    }
    va_list args;
    va_start(args, format);
    int len = vsnprintf(at, left, format, args);
    va_end(args);
    if (len > 0) {
        loading->errors_len += (size_t)len < left ? (size_t)len : left - 1;
    }
}

/* ---- files of certificates ---- */

/* A file of certificates, which may be public. */
static cr_err file_read(struct cr_blob *text, const char *path, const char **problem)
{
    cr_err err = CR_IO;
    struct stat st;
    size_t len = 0;
    uint8_t *buf = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        *problem = strerror(errno);
        goto out;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > CERTFILE_MAX) {
        *problem = S_ISREG(st.st_mode) ? "is too large to be what it should be" : "is not a regular file";
        goto out;
    }
    buf = malloc((size_t)st.st_size + 1);
    if (buf == NULL) {
        err = CR_NOMEM;
        goto out;
    }
    while (len < (size_t)st.st_size) {
        ssize_t got = read(fd, buf + len, (size_t)st.st_size - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            *problem = got < 0 ? strerror(errno) : "changed while it was read";
            goto out;
        }
        len += (size_t)got;
    }
    buf[len] = 0;
    *text = (struct cr_blob){ buf, len };
    buf = NULL;
    err = CR_OK;
out:
    free(buf);
    if (fd >= 0) {
        close(fd);
    }
    return err;
}

cr_err cr_loading_certs(struct cr_loading *loading, const char *key, const char *path, struct cr_bytes *ders)
{
    const char *problem = NULL;
    struct cr_trust *trust = loading->trust;
    struct cr_blob text = { NULL, 0 };
    cr_err err = file_read(&text, path, &problem);
    if (err == CR_IO) {
        cr_loading_complain(loading, "%s %s: %s.", key, path, problem);
        return CR_INVALID;
    }
    if (err == CR_OK) {
        err = cr_cert_from_pem(&trust->ders[trust->der_count], cr_blob_view(&text));
        cr_blob_fini(&text);
    }
    if (err == CR_OK) {
        *ders = cr_blob_view(&trust->ders[trust->der_count]);
        trust->der_count++;
    } else if (err == CR_NOT_FOUND || err == CR_INVALID) {
        cr_loading_complain(loading, "%s %s: %s; give certificates in PEM.", key, path,
                            err == CR_NOT_FOUND ? "holds no certificate" : "holds a broken PEM block");
        err = CR_INVALID;
    }
    return err;
}

void cr_loading_unread(struct cr_loading *loading, const char *key, const char *path, size_t number)
{
    cr_loading_complain(loading, "%s %s: certificate %zu is not X.509 v3 in DER, or has a critical extension that is not "
                        "supported.", key, path, number);
}

bool cr_loading_ca(struct cr_loading *loading, const char *key, const char *path, size_t number,
                   const struct cr_cert *cert)
{
    struct cr_public_key public_key;
    unsigned before = loading->mistakes;
    if (!cert->is_ca || !cert->key_cert_sign) {
        cr_loading_complain(loading, "%s %s: certificate %zu is not a CA that may sign certificates; give the issuing "
                            "CA's.", key, path, number);
    }
    if (cr_public_key_parse(&public_key, cert->spki) != CR_OK ||
        (public_key.type == CR_KEY_RSA && (public_key.bits < RSA_BITS_MIN || public_key.bits > RSA_BITS_MAX))) {
        cr_loading_complain(loading, "%s %s: certificate %zu has a key that is not supported; use EC P-256, EC P-384 or "
                            "RSA of 2048 to 4096 bits.", key, path, number);
    }
    return loading->mistakes == before;
}

/* ---- the issuers ---- */

/* Whose devices a certificate is of must be one thing: one of ours, or one that is let in by a factory. */
static cr_err add_check(struct cr_loading *loading, const char *key, const char *path, const struct cr_cert *cert,
                        unsigned factory)
{
    const struct cr_trust *trust = loading->trust;
    for (size_t i = 0; i < trust->issuer_count; i++) {
        const struct cr_trusted *other = &trust->issuer[i];
        if (memcmp(other->cert.facts.key_hash, cert->facts.key_hash, CR_SHA256_LEN) != 0) {
            continue;
        }
        if (other->factory != factory) {
            cr_loading_complain(loading, other->factory == 0
                                    ? "%s %s: has the key of an issuer in issuer_certfile or trusted_cafile, so that its "
                                      "devices would need no enrolment; a factory has a CA of its own."
                                    : "%s %s: has the key of another factory's CA; each CA belongs to one factory.",
                                key, path);
            return CR_INVALID;
        }
        if (cr_bytes_equal(other->cert.der, cert->der)) {
            return CR_FULL;
        }
    }
    return CR_OK;
}

cr_err cr_loading_add(struct cr_loading *loading, const char *key, const char *path, const struct cr_cert *cert,
                      unsigned factory)
{
    struct cr_trust *trust = loading->trust;
    cr_err err = add_check(loading, key, path, cert, factory);
    if (err != CR_OK) {
        return err;
    }
    if (trust->issuer_count == CR_TRUST_ISSUERS_MAX) {
        cr_loading_complain(loading, "%s %s: more than %d issuers in all.", key, path, CR_TRUST_ISSUERS_MAX);
        return CR_INVALID;
    }
    struct cr_trusted *trusted = &trust->issuer[trust->issuer_count++];
    trusted->cert = *cert;
    trusted->factory = (uint8_t)factory;
    cr_hex_encode(trusted->id, cert->facts.key_hash, (CR_ISSUER_ID_TEXT - 1) / 2);
    return CR_OK;
}

/* A file of CAs: a trusted_cafile, or a factory_cafile. Expired ones are welcome: their devices are told from strangers,
 * and TLS refuses them anyway. One that is there already says nothing new: the broker's cafile may be given as it is. */
static cr_err cas_load(struct cr_loading *loading, const char *key, const char *path, unsigned factory)
{
    size_t number = 0;
    struct cr_bytes rest, der;
    unsigned before = loading->mistakes;
    cr_err err = cr_loading_certs(loading, key, path, &rest);
    if (err != CR_OK) {
        return err;
    }
    while ((err = cr_cert_next(&der, &rest)) == CR_OK) {
        struct cr_cert cert;
        number++;
        if (cr_cert_parse(&cert, der) != CR_OK) {
            cr_loading_unread(loading, key, path, number);
        } else if (cr_loading_ca(loading, key, path, number, &cert) &&
                   cr_loading_add(loading, key, path, &cert, factory) == CR_INVALID) {
            return CR_INVALID;
        }
    }
    if (err != CR_NOT_FOUND) {
        cr_loading_complain(loading, "%s %s: holds something else than certificates.", key, path);
    }
    return loading->mistakes == before ? CR_OK : CR_INVALID;
}

static cr_err factory_load(struct cr_loading *loading, size_t n)
{
    const struct cr_trust_factory *factory = &loading->config->factory[n];
    struct cr_trust_origin *origin = &loading->trust->factory[loading->trust->factory_count++];
    cr_err err = cr_text_copy(origin->name, sizeof origin->name, factory->name);
    origin->identity = factory->identity;
    return err == CR_OK ? cas_load(loading, "factory_cafile", factory->cafile, (unsigned)n + 1) : err;
}

/* ---- all of it ---- */

static bool is_mistake(cr_err err)
{
    return err == CR_OK || err == CR_INVALID;
}

/* Each step is taken even when one before it found mistakes, so that all are told at once; anything else ends it. */
static cr_err load_all(struct cr_loading *loading)
{
    const struct cr_trust_config *config = loading->config;
    cr_err err = CR_OK;
    for (size_t i = 0; i < config->issuer_count && is_mistake(err); i++) {
        err = cr_loading_own(loading, i);
    }
    if (loading->mistakes == 0 && err == CR_OK) {
        cr_loading_times(loading);
    }
    for (size_t i = 0; i < config->trusted_count && is_mistake(err); i++) {
        err = cas_load(loading, "trusted_cafile", config->trusted_cafile[i], 0);
    }
    for (size_t i = 0; i < config->factory_count && is_mistake(err); i++) {
        err = factory_load(loading, i);
    }
    return !is_mistake(err) ? err : loading->mistakes == 0 ? CR_OK : CR_INVALID;
}

cr_err cr_trust_load(struct cr_trust **trust, const struct cr_trust_config *config, int64_t now_s, char *errors,
                     size_t errors_cap)
{
    struct cr_loading loading = { NULL, config, now_s, errors, errors_cap, 0, 0 };
    *trust = NULL;
    if (errors_cap > 0) {
        errors[0] = '\0';
    }
    struct cr_trust *made = calloc(1, sizeof *made);
    struct cr_blob *ders = calloc(config->issuer_count + config->trusted_count + config->factory_count, sizeof *ders);
    if (made == NULL || ders == NULL || config->issuer_count == 0 || config->issuer_count > CR_ISSUERS_MAX ||
        config->factory_count > CR_FACTORIES_MAX) {
        free(made);
        free(ders);
        return made == NULL || ders == NULL ? CR_NOMEM : CR_INVALID;
    }
    made->backend = config->backend;
    made->weak_keys = config->weak_keys;
    made->ders = ders;
    loading.trust = made;
    cr_err err = load_all(&loading);
    if (err != CR_OK) {
        cr_trust_free(made);
        return err;
    }
    *trust = made;
    return CR_OK;
}
