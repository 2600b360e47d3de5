#include "common/csr.h"

#include "common/csr_attr.h"
#include "common/dn.h"
#include "common/sig_alg.h"

#include <string.h>

cr_err cr_csr_attr_next(struct cr_der *attributes, struct cr_csr_attr *attr)
{
    struct cr_der inside;
    struct cr_bytes oid;
    if (cr_der_at_end(attributes)) {
        return CR_NOT_FOUND;
    }
    if (cr_der_enter(attributes, CR_DER_SEQUENCE, &inside) != CR_OK || cr_der_get(&inside, CR_DER_OID, &oid) != CR_OK ||
        cr_der_get(&inside, CR_DER_SET, &attr->values) != CR_OK) {
        return CR_INVALID;
    }
    attr->type = cr_oid_find(oid);
    return cr_der_finish(&inside);
}

cr_err cr_csr_attr_extensions(const struct cr_csr_attr *attr, struct cr_bytes *extensions)
{
    struct cr_der values = cr_der_of(attr->values);
    if (cr_der_get(&values, CR_DER_SEQUENCE, extensions) != CR_OK) {
        return CR_INVALID;
    }
    return cr_der_finish(&values);
}

static bool attributes_ok(struct cr_bytes attributes)
{
    struct cr_der reader = cr_der_of(attributes);
    struct cr_csr_attr attr;
    for (unsigned count = 0;; count++) {
        cr_err err = cr_csr_attr_next(&reader, &attr);
        if (err == CR_NOT_FOUND) {
            return true;
        }
        if (err != CR_OK || count == CR_CSR_ATTRIBUTE_MAX || attr.values.len == 0) {
            return false;
        }
        if (attr.type == CR_OID_EXTENSION_REQUEST) {
            struct cr_der values = cr_der_of(attr.values);
            struct cr_bytes extensions;
            while (!cr_der_at_end(&values)) { /* how many there may be is a rule, not structure */
                if (cr_der_get(&values, CR_DER_SEQUENCE, &extensions) != CR_OK ||
                    cr_ext_check(extensions, CR_CSR_EXTENSION_MAX) != CR_OK) {
                    return false;
                }
            }
        }
    }
}

/* PKCS#8 starts SEQUENCE { INTEGER 0 or 1, SEQUENCE, SEC 1 { 1, OCTET STRING, PKCS#1 { 0, INTEGER, PKCS#12 { 3,
 * SEQUENCE: nothing else of that shape has any business here. Encrypted PKCS#8 is { SEQUENCE, OCTET STRING }. */
static bool is_private_key(struct cr_bytes der)
{
    struct cr_der outside = cr_der_of(der), inside;
    unsigned version = 0;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK) {
        return false;
    }
    if (cr_der_small(&inside, &version, 3) == CR_OK) {
        int next = cr_der_peek(&inside);
        return next == CR_DER_SEQUENCE || next == CR_DER_OCTET_STRING || next == CR_DER_INTEGER;
    }
    struct cr_bytes algorithm;
    return cr_der_get(&inside, CR_DER_SEQUENCE, &algorithm) == CR_OK &&
           cr_der_peek(&inside) == CR_DER_OCTET_STRING && algorithm.len > 0 && algorithm.data[0] == CR_DER_OID;
}

/* CertificationRequestInfo. CR_DENIED: all well-formed, but a key of a kind that we never accept. */
static cr_err info_read(struct cr_csr *csr)
{
    struct cr_der outside = cr_der_of(csr->info), inside;
    struct cr_bytes spki;
    unsigned version = 1;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || !cr_der_at_end(&outside) ||
        cr_der_small(&inside, &version, 0) != CR_OK ||
        cr_der_whole(&inside, CR_DER_SEQUENCE, &csr->subject) != CR_OK ||
        cr_der_whole(&inside, CR_DER_SEQUENCE, &spki) != CR_OK ||
        cr_der_get(&inside, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, &csr->attributes) != CR_OK ||
        !cr_der_at_end(&inside) || cr_dn_check(csr->subject, CR_CSR_RDN_MAX) != CR_OK ||
        !attributes_ok(csr->attributes)) {
        return CR_INVALID;
    }
    return cr_public_key_parse(&csr->key, spki);
}

enum cr_refusal cr_csr_parse(struct cr_csr *csr, struct cr_bytes der)
{
    memset(csr, 0, sizeof *csr);
    if (der.len > CR_CSR_MAX) {
        return CR_REFUSAL_TOO_LARGE;
    }
    if (is_private_key(der)) {
        return CR_REFUSAL_PRIVATE_KEY_SENT;
    }
    struct cr_der outside = cr_der_of(der), inside;
    unsigned unused = 0;
    if (cr_der_check(der, CR_CSR_DEPTH_MAX) != CR_OK || cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK ||
        cr_der_whole(&inside, CR_DER_SEQUENCE, &csr->info) != CR_OK ||
        cr_sig_alg_read(&inside, &csr->sig_alg, NULL) != CR_OK ||
        cr_der_bits(&inside, &csr->signature, &unused) != CR_OK || unused != 0 || !cr_der_at_end(&inside)) {
        return CR_REFUSAL_MALFORMED_CSR;
    }
    csr->der = der;
    switch (info_read(csr)) {
    case CR_OK: break;
    case CR_DENIED: return CR_REFUSAL_KEY_NOT_ALLOWED;
    default: return CR_REFUSAL_MALFORMED_CSR;
    }
    if (cr_sha256(csr->key_hash, csr->key.spki.data, csr->key.spki.len) != CR_OK) {
        return CR_REFUSAL_INTERNAL;
    }
    return CR_REFUSAL_NONE;
}

enum cr_refusal cr_csr_accept(struct cr_csr *csr, struct cr_bytes der, const struct cr_profile *profile,
                              const char *device, const struct cr_weak_list *list,
                              const struct cr_key_backend *backend)
{
    enum cr_refusal refusal = cr_csr_parse(csr, der);
    if (refusal == CR_REFUSAL_NONE) {
        refusal = cr_csr_check_key(csr, profile, list);
    }
    if (refusal == CR_REFUSAL_NONE) {
        refusal = cr_csr_check_proof(csr, backend);
    }
    if (refusal == CR_REFUSAL_NONE) {
        refusal = cr_csr_check_subject(csr, profile, device);
    }
    if (refusal == CR_REFUSAL_NONE) {
        refusal = cr_csr_check_extensions(csr, profile, device);
    }
    return refusal;
}
