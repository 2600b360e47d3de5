/* One that signs: its certificate, its chain, its key, and its time. */
#include "plugin/worker/issuer_inside.h"

#include "common/clock.h"

#include <string.h>

static const char certfile_key[] = "issuer_certfile";

/* The certificates of issuer_certfile, each signed by the next. */
static cr_err chain_read(struct cr_loading *loading, size_t n, struct cr_bytes rest)
{
    struct cr_signing *signing = &loading->trust->signing[n];
    const char *path = loading->config->issuer[n].certfile;
    struct cr_bytes der;
    cr_err err;
    while ((err = cr_cert_next(&der, &rest)) == CR_OK) {
        struct cr_cert *cert = &signing->chain_cert[signing->chain_count];
        if (signing->chain_count == CR_CHAIN_MAX) {
            cr_loading_complain(loading, "%s %s: has more than %d certificates.", certfile_key, path, CR_CHAIN_MAX);
            return CR_INVALID;
        }
        if (cr_cert_parse(cert, der) != CR_OK) {
            cr_loading_unread(loading, certfile_key, path, signing->chain_count + 1);
            return CR_INVALID;
        }
        signing->chain_count++;
    }
    if (err != CR_NOT_FOUND) {
        cr_loading_complain(loading, "%s %s: holds something else than certificates.", certfile_key, path);
        return CR_INVALID;
    }
    return CR_OK;
}

static cr_err chain_check(struct cr_loading *loading, size_t n)
{
    struct cr_trust *trust = loading->trust;
    struct cr_signing *signing = &trust->signing[n];
    const char *path = loading->config->issuer[n].certfile;
    unsigned before = loading->mistakes;
    signing->not_before = INT64_MIN;
    signing->not_after = INT64_MAX;
    for (size_t i = 0; i < signing->chain_count; i++) {
        const struct cr_cert *cert = &signing->chain_cert[i];
        const struct cr_cert_facts *facts = &cert->facts;
        (void)cr_loading_ca(loading, certfile_key, path, i + 1, cert);
        signing->not_before = facts->not_before > signing->not_before ? facts->not_before : signing->not_before;
        signing->not_after = facts->not_after < signing->not_after ? facts->not_after : signing->not_after;
        if (i + 1 == signing->chain_count) {
            break;
        }
        cr_err err = cr_cert_verify(cert, &signing->chain_cert[i + 1], trust->backend);
        if (err == CR_DENIED) {
            cr_loading_complain(loading, "%s %s: certificate %zu is not signed by certificate %zu; put the issuing "
                                "certificate first, then each one's issuer.", certfile_key, path, i + 1, i + 2);
        } else if (err != CR_OK) {
            return err;
        }
    }
    const struct cr_cert *first = &signing->chain_cert[0], *last = &signing->chain_cert[signing->chain_count - 1];
    bool root = last->self_issued && cr_cert_verify(last, last, trust->backend) == CR_OK;
    const uint8_t *end = root ? last->der.data : last->der.data + last->der.len;
    signing->chain = (struct cr_bytes){ first->der.data, (size_t)(end - first->der.data) };
    return loading->mistakes == before ? CR_OK : CR_INVALID;
}

/* The id of an issuer is its key's: two that share it could not be told apart. */
static bool is_twice(struct cr_loading *loading, size_t n)
{
    const struct cr_trust *trust = loading->trust;
    const uint8_t *hash = trust->signing[n].chain_cert[0].facts.key_hash;
    for (size_t i = 0; i < n; i++) {
        if (trust->signing[i].chain_count > 0 &&
            memcmp(trust->signing[i].chain_cert[0].facts.key_hash, hash, CR_SHA256_LEN) == 0) {
            cr_loading_complain(loading, "%s %s: is the same issuer, with the same key, as %s; give each issuer once.",
                                certfile_key, loading->config->issuer[n].certfile, loading->config->issuer[i].certfile);
            return true;
        }
    }
    return false;
}

static cr_err certs_load(struct cr_loading *loading, size_t n)
{
    struct cr_bytes ders = { NULL, 0 };
    cr_err err = cr_loading_certs(loading, certfile_key, loading->config->issuer[n].certfile, &ders);
    if (err == CR_OK) {
        err = chain_read(loading, n, ders);
    }
    if (err == CR_OK) {
        err = chain_check(loading, n);
    }
    return err == CR_OK && is_twice(loading, n) ? CR_INVALID : err;
}

/* The key is looked at also where the certificates are wrong, so that all mistakes are told at once. */
cr_err cr_loading_own(struct cr_loading *loading, size_t n)
{
    struct cr_trust *trust = loading->trust;
    cr_err certs = certs_load(loading, n);
    if (certs != CR_OK && certs != CR_INVALID) {
        return certs;
    }
    trust->signing[n].sign_from = loading->config->issuer[n].sign_from;
    cr_err err = cr_loading_key(loading, n);
    if (err == CR_OK && certs == CR_OK) {
        err = cr_loading_key_fits(loading, n);
    }
    if (err == CR_OK && certs == CR_OK) {
        err = cr_loading_add(loading, certfile_key, loading->config->issuer[n].certfile,
                             &trust->signing[n].chain_cert[0], 0);
        trust->signing_count += err == CR_OK;
    }
    return certs != CR_OK && err == CR_OK ? certs : err;
}

/* ---- the time ---- */

static int64_t begins(const struct cr_loading *loading, size_t n)
{
    int64_t sign_from = loading->trust->signing[n].sign_from;
    return sign_from > loading->now_s ? sign_from : loading->now_s;
}

static void times_complain(struct cr_loading *loading, size_t n)
{
    const struct cr_signing *signing = &loading->trust->signing[n];
    const char *path = loading->config->issuer[n].certfile;
    int64_t at = begins(loading, n);
    char text[CR_TIME_TEXT];
    for (size_t i = 0; i < signing->chain_count; i++) {
        const struct cr_cert_facts *facts = &signing->chain_cert[i].facts;
        if (at < facts->not_before) {
            cr_time_text(text, facts->not_before);
            cr_loading_complain(loading, "%s %s: certificate %zu is not valid before %s; check this machine's clock.",
                                certfile_key, path, i + 1, text);
        }
        if (at >= facts->not_after) {
            cr_time_text(text, facts->not_after);
            cr_loading_complain(loading, "%s %s: certificate %zu expired at %s; give its successor.", certfile_key, path,
                                i + 1, text);
        }
    }
}

void cr_loading_times(struct cr_loading *loading)
{
    const struct cr_trust *trust = loading->trust;
    bool can = false;
    for (size_t n = 0; n < trust->signing_count; n++) {
        int64_t at = begins(loading, n);
        can = can || (trust->signing[n].not_before <= at && at < trust->signing[n].not_after);
        if (trust->signing[n].sign_from >= trust->signing[n].not_after) {
            char text[CR_TIME_TEXT];
            cr_time_text(text, trust->signing[n].not_after);
            cr_loading_complain(loading, "%s %s: is valid until %s, which is before its issuer_sign_from.", certfile_key,
                                loading->config->issuer[n].certfile, text);
            can = true;
        }
    }
    for (size_t n = 0; !can && n < trust->signing_count; n++) {
        times_complain(loading, n);
    }
}
