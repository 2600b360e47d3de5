/* Reading an issuer and the trusted ones from files. Everything that is wrong is collected, then refused at once. */
#include "plugin/worker/issuer_inside.h"

#include "common/clock.h"
#include "plugin/worker/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CERTFILE_MAX = 1 << 20, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8 * CR_SIGNATURE_MAX };

struct loading {
    struct cr_trust *trust;
    const struct cr_trust_config *config;
    int64_t now_s;
    char *errors;
    size_t errors_cap;
    size_t errors_len;
    unsigned mistakes;
};

static void complain(struct loading *loading, const char *format, ...) CR_PRINTF(2, 3);
static void complain(struct loading *loading, const char *format, ...)
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

/* The certificates of a file as concatenated DER in the trust's next blob. CR_INVALID: complained. */
static cr_err ders_read(struct loading *loading, const char *key, const char *path)
{
    const char *problem = NULL;
    struct cr_trust *trust = loading->trust;
    struct cr_blob text = { NULL, 0 };
    cr_err err = file_read(&text, path, &problem);
    if (err == CR_IO) {
        complain(loading, "%s %s: %s.", key, path, problem);
        return CR_INVALID;
    }
    if (err == CR_OK) {
        err = cr_cert_from_pem(&trust->ders[trust->der_count], cr_blob_view(&text));
        cr_blob_fini(&text);
    }
    if (err == CR_OK) {
        trust->der_count++;
    } else if (err == CR_NOT_FOUND || err == CR_INVALID) {
        complain(loading, "%s %s: %s; give certificates in PEM.", key, path,
                 err == CR_NOT_FOUND ? "holds no certificate" : "holds a broken PEM block");
        err = CR_INVALID;
    }
    return err;
}

static bool rsa_bits_ok(const struct cr_public_key *key)
{
    return key->type != CR_KEY_RSA || (key->bits >= RSA_BITS_MIN && key->bits <= RSA_BITS_MAX);
}

/* Whether a certificate may stand for an issuer at all. `number` counts from 1 within the file. */
static bool ca_check(struct loading *loading, const char *key, const char *path, size_t number,
                     const struct cr_cert *cert, bool now)
{
    struct cr_public_key public_key;
    unsigned before = loading->mistakes;
    char text[CR_TIME_TEXT];
    if (!cert->is_ca || !cert->key_cert_sign) {
        complain(loading, "%s %s: certificate %zu is not a CA that may sign certificates; give the issuing CA's.", key,
                 path, number);
    }
    if (cr_public_key_parse(&public_key, cert->spki) != CR_OK || !rsa_bits_ok(&public_key)) {
        complain(loading, "%s %s: certificate %zu has a key that is not supported; use EC P-256, EC P-384 or RSA of "
                 "2048 to 4096 bits.", key, path, number);
    }
    if (now && loading->now_s < cert->facts.not_before) {
        cr_time_text(text, cert->facts.not_before);
        complain(loading, "%s %s: certificate %zu is not valid before %s; check this machine's clock.", key, path,
                 number, text);
    }
    if (now && loading->now_s >= cert->facts.not_after) {
        cr_time_text(text, cert->facts.not_after);
        complain(loading, "%s %s: certificate %zu expired at %s; give its successor.", key, path, number, text);
    }
    return loading->mistakes == before;
}

static void trust_add(struct cr_trust *trust, const struct cr_cert *cert)
{
    struct cr_trusted *trusted = &trust->issuer[trust->issuer_count++];
    trusted->cert = *cert;
    cr_hex_encode(trusted->id, cert->facts.key_hash, (CR_ISSUER_ID_TEXT - 1) / 2);
}

/* The certificates of issuer_certfile, each signed by the next. */
static cr_err chain_check(struct loading *loading)
{
    static const char key[] = "issuer_certfile";
    struct cr_trust *trust = loading->trust;
    const char *path = loading->config->certfile;
    struct cr_bytes rest = cr_blob_view(&trust->ders[0]), der;
    cr_err err;
    while ((err = cr_cert_next(&der, &rest)) == CR_OK) {
        struct cr_cert *cert = &trust->chain_cert[trust->chain_count];
        if (trust->chain_count == CR_CHAIN_MAX) {
            complain(loading, "%s %s: has more than %d certificates.", key, path, CR_CHAIN_MAX);
            return CR_INVALID;
        }
        if (cr_cert_parse(cert, der) != CR_OK) {
            complain(loading, "%s %s: certificate %zu is not X.509 v3 in DER, or has a critical extension that is not "
                     "supported.", key, path, trust->chain_count + 1);
            return CR_INVALID;
        }
        trust->chain_count++;
    }
    if (err != CR_NOT_FOUND) {
        complain(loading, "%s %s: holds something else than certificates.", key, path);
        return CR_INVALID;
    }
    for (size_t i = 0; i < trust->chain_count; i++) {
        const struct cr_cert *cert = &trust->chain_cert[i];
        ca_check(loading, key, path, i + 1, cert, true);
        if (i + 1 == trust->chain_count) {
            break;
        }
        err = cr_cert_verify(cert, &trust->chain_cert[i + 1], trust->backend);
        if (err == CR_DENIED) {
            complain(loading, "%s %s: certificate %zu is not signed by certificate %zu; put the issuing certificate "
                     "first, then each one's issuer.", key, path, i + 1, i + 2);
        } else if (err != CR_OK) {
            return err;
        }
    }
    const struct cr_cert *first = &trust->chain_cert[0], *last = &trust->chain_cert[trust->chain_count - 1];
    bool root = last->self_issued && cr_cert_verify(last, last, trust->backend) == CR_OK;
    const uint8_t *end = root ? last->der.data : last->der.data + last->der.len;
    trust->chain = (struct cr_bytes){ first->der.data, (size_t)(end - first->der.data) };
    trust_add(trust, first);
    return loading->mistakes == 0 ? CR_OK : CR_INVALID;
}

/* Whether the key that signs is the issuing certificate's: by a signature, which works for any kind of signer. */
static cr_err signer_check(struct loading *loading)
{
    static const uint8_t probe[] = "does this key belong to that certificate?";
    struct cr_trust *trust = loading->trust;
    struct cr_public_key public_key;
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    struct cr_bytes message = { probe, sizeof probe };
    cr_err err = CR_INVALID;
    CR_TRY(cr_public_key_parse(&public_key, trust->chain_cert[0].spki));
    CR_TRY(trust->signer.sign(trust->signer.ctx, message, sig, &sig_len));
    err = trust->backend->verify(&public_key, trust->signer.alg, message, (struct cr_bytes){ sig, sig_len });
    if (err == CR_DENIED) {
        complain(loading, "issuer_keyfile %s: is not the key of the first certificate in %s.", loading->config->keyfile,
                 loading->config->certfile);
        err = CR_INVALID;
    }
out:
    return err;
}

static cr_err secret_load(struct loading *loading, const char *key, const char *path, struct cr_secret *secret)
{
    const char *problem = NULL;
    cr_err err = cr_secret_read(secret, path, &problem);
    if (err != CR_OK && err != CR_NOMEM) {
        complain(loading, "%s %s: %s.", key, path, problem);
        return CR_INVALID;
    }
    return err;
}

static cr_err signer_load(struct loading *loading)
{
    const struct cr_trust_config *config = loading->config;
    bool encrypted = config->passphrase_file != NULL && config->passphrase_file[0] != '\0';
    struct cr_secret key_text = { NULL, 0, 0 }, passphrase = { NULL, 0, 0 };
    struct cr_private_key *key = NULL;
    cr_err err = CR_INVALID, second = CR_OK;
    if (encrypted) {
        second = secret_load(loading, "issuer_passphrase_file", config->passphrase_file, &passphrase);
    }
    CR_TRY(secret_load(loading, "issuer_keyfile", config->keyfile, &key_text));
    CR_TRY(second);
    if (encrypted) { /* a file's last line has an end that is no part of the passphrase */
        char *text = (char *)passphrase.pages;
        text[strcspn(text, "\r\n")] = '\0';
    }
    err = config->backend->private_load(&key, (struct cr_bytes){ key_text.pages, key_text.len },
                                        encrypted ? (const char *)passphrase.pages : NULL);
    if (err == CR_INVALID) {
        complain(loading, "issuer_keyfile %s: %s.", config->keyfile,
                 encrypted ? "is not a private key that issuer_passphrase_file opens"
                           : "is not a private key; an encrypted one needs issuer_passphrase_file");
    }
    CR_TRY(err);
    err = cr_signer_of_key(&loading->trust->signer, key, config->backend);
    if (err != CR_OK) {
        config->backend->private_free(key);
    }
out:
    cr_secret_fini(&key_text);
    cr_secret_fini(&passphrase);
    return err;
}

/* One trusted_cafile. Expired issuers are welcome: their devices are told from strangers, and TLS refuses them anyway.
 * */
static cr_err trusted_load(struct loading *loading, const char *path)
{
    static const char key[] = "trusted_cafile";
    struct cr_trust *trust = loading->trust;
    size_t number = 0;
    cr_err err = ders_read(loading, key, path);
    if (err != CR_OK) {
        return err;
    }
    struct cr_bytes rest = cr_blob_view(&trust->ders[trust->der_count - 1]), der;
    while ((err = cr_cert_next(&der, &rest)) == CR_OK) {
        struct cr_cert cert;
        number++;
        if (cr_cert_parse(&cert, der) != CR_OK) {
            complain(loading, "%s %s: certificate %zu is not X.509 v3 in DER, or has a critical extension that is not "
                     "supported.", key, path, number);
        } else if (trust->issuer_count == CR_TRUST_ISSUERS_MAX) {
            complain(loading, "%s %s: more than %d issuers in all.", key, path, CR_TRUST_ISSUERS_MAX);
            return CR_INVALID;
        } else if (ca_check(loading, key, path, number, &cert, false)) {
            trust_add(trust, &cert);
        }
    }
    if (err != CR_NOT_FOUND) {
        complain(loading, "%s %s: holds something else than certificates.", key, path);
    }
    return loading->mistakes == 0 ? CR_OK : CR_INVALID;
}

static bool is_mistake(cr_err err)
{
    return err == CR_OK || err == CR_INVALID;
}

/* Each step is taken even when one before it found mistakes, so that all are told at once; anything else ends it. */
static cr_err load_all(struct loading *loading)
{
    const struct cr_trust_config *config = loading->config;
    cr_err chain = ders_read(loading, "issuer_certfile", config->certfile);
    if (chain == CR_OK) {
        chain = chain_check(loading);
    }
    if (!is_mistake(chain)) {
        return chain;
    }
    cr_err signer = signer_load(loading);
    if (!is_mistake(signer)) {
        return signer;
    }
    if (chain == CR_OK && signer == CR_OK) {
        cr_err err = signer_check(loading);
        if (!is_mistake(err)) {
            return err;
        }
    }
    for (size_t i = 0; i < config->trusted_count; i++) {
        cr_err err = trusted_load(loading, config->trusted_cafile[i]);
        if (!is_mistake(err)) {
            return err;
        }
    }
    return loading->mistakes == 0 ? CR_OK : CR_INVALID;
}

cr_err cr_trust_load(struct cr_trust **trust, const struct cr_trust_config *config, int64_t now_s, char *errors,
                     size_t errors_cap)
{
    struct loading loading = { NULL, config, now_s, errors, errors_cap, 0, 0 };
    *trust = NULL;
    if (errors_cap > 0) {
        errors[0] = '\0';
    }
    struct cr_trust *made = calloc(1, sizeof *made);
    struct cr_blob *ders = calloc(1 + config->trusted_count, sizeof *ders);
    if (made == NULL || ders == NULL) {
        free(made);
        free(ders);
        return CR_NOMEM;
    }
    made->backend = config->backend;
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
