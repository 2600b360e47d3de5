#include "plugin/worker/issuer_info.h"

#include "plugin/worker/issuer_inside.h"

#include <mbedtls/x509_crt.h>
#include <string.h>

cr_err cr_trust_info(const struct cr_trust *trust, unsigned n, struct cr_issuer_info *info)
{
    const struct cr_trusted *issuer = &trust->issuer[n];
    mbedtls_x509_crt crt;

    memset(info, 0, sizeof *info);
    if (n >= trust->issuer_count) {
        return CR_NOT_FOUND;
    }
    memcpy(info->id, issuer->id, sizeof info->id);
    info->not_before = issuer->cert.facts.not_before;
    info->not_after = issuer->cert.facts.not_after;
    info->signing = n == 0;
    mbedtls_x509_crt_init(&crt);
    if (mbedtls_x509_crt_parse_der(&crt, issuer->cert.der.data, issuer->cert.der.len) == 0 &&
        mbedtls_x509_dn_gets(info->subject, sizeof info->subject, &crt.subject) < 0) {
        info->subject[0] = '\0'; /* too long to print: the id tells which it is */
    }
    mbedtls_x509_crt_free(&crt);
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
