#include "plugin/worker/issuer_info.h"

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

struct cr_bytes cr_trust_chain(const struct cr_trust *trust, const char *issuer_id)
{
    if (strcmp(issuer_id, cr_issuer_id(trust)) == 0) {
        return cr_issuer_chain(trust);
    }
    for (size_t i = 1; i < trust->issuer_count; i++) {
        const struct cr_cert *cert = &trust->issuer[i].cert;

        if (strcmp(issuer_id, trust->issuer[i].id) == 0 && !cert->self_issued) {
            return cert->der;
        }
    }
    return (struct cr_bytes){ NULL, 0 };
}
