#include "plugin/worker/issuer_info.h"

#include "common/der.h"
#include "common/dn.h"
#include "plugin/worker/issuer_inside.h"

#include <string.h>

const char *cr_issuer_kind_text(enum cr_issuer_kind kind)
{
    static const char *const texts[] = { "own", "trusted", "factory" };
    return texts[kind];
}

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
    info->has_key = n < trust->signing_count;
    info->sign_from = info->has_key ? trust->signing[n].sign_from : 0;
    info->kind = info->has_key ? CR_KIND_OWN : issuer->factory == 0 ? CR_KIND_TRUSTED : CR_KIND_FACTORY;
    memcpy(info->factory, cr_trust_factory_name(trust, issuer->factory), sizeof info->factory);
    cr_dn_text(info->subject, sizeof info->subject, issuer->cert.subject);
    return CR_OK;
}

const char *cr_trust_factory_name(const struct cr_trust *trust, unsigned factory)
{
    static const char nothing[CR_NAME_CAP] = "";
    return factory >= 1 && factory <= trust->factory_count ? trust->factory[factory - 1].name : nothing;
}

const struct cr_cert *cr_trust_cert(const struct cr_trust *trust, unsigned n)
{
    return n < trust->issuer_count ? &trust->issuer[n].cert : NULL;
}

struct cr_bytes cr_trust_chain(const struct cr_trust *trust, const char *issuer_id)
{
    unsigned signer = cr_trust_signer_of(trust, issuer_id);
    if (signer != CR_NO_SIGNER) {
        return cr_issuer_chain(trust, signer);
    }
    for (size_t i = trust->signing_count; i < trust->issuer_count; i++) {
        const struct cr_trusted *issuer = &trust->issuer[i];

        if (strcmp(issuer_id, issuer->id) == 0 && !issuer->cert.self_issued && issuer->factory == 0) {
            return issuer->cert.der;
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

/* Of two that may have signed it: one that is valid. */
static const struct cr_cert *better_of(const struct cr_cert *found, const struct cr_cert *one, const struct cr_cert *cert,
                                       int64_t now_s)
{
    return signed_by(cert, one) && (found == NULL || is_valid_at(one, now_s)) ? one : found;
}

/* The one that signed it, one that is valid if there are several. NULL: none is known. */
static const struct cr_cert *issuer_of(const struct cr_trust *trust, const struct cr_cert *cert, int64_t now_s)
{
    const struct cr_cert *found = NULL;

    for (size_t i = 0; i < trust->issuer_count; i++) {
        found = better_of(found, &trust->issuer[i].cert, cert, now_s);
    }
    for (unsigned n = 0; n < trust->signing_count; n++) {
        for (size_t i = 0; i < trust->signing[n].chain_count; i++) {
            found = better_of(found, &trust->signing[n].chain_cert[i], cert, now_s);
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
