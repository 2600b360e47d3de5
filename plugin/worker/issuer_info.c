#include "plugin/worker/issuer_info.h"

#include "common/der.h"
#include "common/dn.h"
#include "plugin/worker/issuer_inside.h"

#include <string.h>

cr_err cr_trust_info(const struct cr_trust *trust, unsigned n, struct cr_issuer_info *info)
{
    memset(info, 0, sizeof *info);
    if (n >= trust->issuer_count) {
        return CR_NOT_FOUND;
    }
    const struct cr_trusted *issuer = &trust->issuer[n];
    memcpy(info->id, issuer->id, sizeof info->id);
    info->not_before = issuer->cert.facts.not_before;
    info->not_after = issuer->cert.facts.not_after;
    info->signing = n == 0;
    cr_dn_text(info->subject, sizeof info->subject, issuer->cert.subject);
    return CR_OK;
}

const struct cr_cert *cr_trust_cert(const struct cr_trust *trust, unsigned n)
{
    return n < trust->issuer_count ? &trust->issuer[n].cert : NULL;
}

struct cr_bytes cr_trust_chain(const struct cr_trust *trust, const char *issuer_id)
{
    if (strcmp(issuer_id, cr_issuer_id(trust, 0)) == 0) {
        return cr_issuer_chain(trust, 0);
    }
    for (size_t i = 1; i < trust->issuer_count; i++) {
        const struct cr_cert *cert = &trust->issuer[i].cert;

        if (strcmp(issuer_id, trust->issuer[i].id) == 0 && !cert->self_issued) {
            return cert->der;
        }
    }
    return (struct cr_bytes){ NULL, 0 };
}

/* ---- the chain at a time ---- */

static bool is_valid_at(const struct cr_cert *cert, int64_t now_s)
{
    return cert->facts.not_before <= now_s && now_s <= cert->facts.not_after;
}

static bool signed_by(const struct cr_cert *cert, const struct cr_cert *issuer)
{
    return cr_bytes_equal(cert->issuer, issuer->subject) && !cr_bytes_equal(cert->der, issuer->der) &&
           (cert->authority_key_id.len == 0 || issuer->subject_key_id.len == 0 ||
            cr_bytes_equal(cert->authority_key_id, issuer->subject_key_id));
}

/* The one that signed it, one that is valid if there are several. NULL: none is known. */
static const struct cr_cert *issuer_of(const struct cr_trust *trust, const struct cr_cert *cert, int64_t now_s)
{
    const struct cr_cert *found = NULL;

    for (size_t i = 0; i < trust->issuer_count + trust->chain_count; i++) {
        const struct cr_cert *one = i < trust->issuer_count ? &trust->issuer[i].cert
                                                            : &trust->chain_cert[i - trust->issuer_count];

        if (signed_by(cert, one) && (found == NULL || is_valid_at(one, now_s))) {
            found = one;
        }
    }
    return found;
}

bool cr_trust_valid_at(const struct cr_trust *trust, const char *issuer_id, int64_t now_s)
{
    const struct cr_cert *cert = NULL;

    for (size_t i = 0; i < trust->issuer_count; i++) { /* a CA may have had its key certified again */
        if (strcmp(issuer_id, trust->issuer[i].id) == 0 && (cert == NULL || is_valid_at(&trust->issuer[i].cert, now_s))) {
            cert = &trust->issuer[i].cert;
        }
    }
    for (unsigned depth = 0; cert != NULL && depth < CR_CHAIN_MAX; depth++) {
        if (!is_valid_at(cert, now_s)) {
            return false;
        }
        if (cert->self_issued) {
            return true;
        }
        cert = issuer_of(trust, cert, now_s);
        if (cert == NULL) {
            return true;
        }
    }
    return false;
}
