#include "common/cert.h"

#include "common/dn.h"
#include "common/ext.h"
#include "common/sig_alg.h"
#include "common/x509.h"

#include <string.h>

enum { CERT_DEPTH_MAX = 16, CERT_RDN_MAX = 32, CERT_EXTENSION_MAX = 32 };

static cr_err validity_read(struct cr_der *reader, struct cr_cert_facts *facts)
{
    struct cr_der inside;
    if (cr_der_enter(reader, CR_DER_SEQUENCE, &inside) != CR_OK || cr_x509_time_read(&inside, &facts->not_before) != CR_OK ||
        cr_x509_time_read(&inside, &facts->not_after) != CR_OK) {
        return CR_INVALID;
    }
    return cr_der_finish(&inside);
}

static cr_err extension_read(struct cr_cert *cert, const struct cr_ext *ext)
{
    unsigned usage = 0;
    cr_err err = CR_INVALID;
    switch (ext->id) {
    case CR_OID_BASIC_CONSTRAINTS:
        return cr_ext_basic_constraints(ext->value, &cert->is_ca);
    case CR_OID_KEY_USAGE:
        err = cr_ext_key_usage(ext->value, &usage);
        cert->key_cert_sign = (usage & CR_KEY_USAGE_CERT_SIGN) != 0;
        cert->crl_sign = (usage & CR_KEY_USAGE_CRL_SIGN) != 0;
        return err;
    case CR_OID_EXT_KEY_USAGE:
        return cr_ext_key_purpose(ext->value, CR_OID_EKU_CLIENT, &cert->client_auth);
    case CR_OID_SUBJECT_KEY_ID:
        return cr_ext_subject_key_id(ext->value, &cert->subject_key_id);
    case CR_OID_AUTHORITY_KEY_ID:
        return cr_ext_authority_key_id(ext->value, &cert->authority_key_id);
    case CR_OID_SUBJECT_ALT_NAME: /* the identity is the CN; where a factory has put it here, it is read then */
        cert->alt_names = ext->value;
        return CR_OK;
    case CR_OID_POLICIES:
        return CR_OK;
    default:
        return ext->critical ? CR_INVALID : CR_OK;
    }
}

static cr_err extensions_read(struct cr_cert *cert, struct cr_der *tbs)
{
    struct cr_der wrapper, reader;
    struct cr_bytes content;
    struct cr_ext ext;
    if (cr_der_enter(tbs, CR_DER_CONTEXT | CR_DER_CONSTRUCTED | 3, &wrapper) != CR_OK ||
        cr_der_get(&wrapper, CR_DER_SEQUENCE, &content) != CR_OK || !cr_der_at_end(&wrapper) ||
        cr_ext_check(content, CERT_EXTENSION_MAX) != CR_OK || cr_ext_duplicate(content)) {
        return CR_INVALID;
    }
    reader = cr_der_of(content);
    cr_err err;
    while ((err = cr_ext_next(&reader, &ext)) == CR_OK) {
        if (extension_read(cert, &ext) != CR_OK) {
            return CR_INVALID;
        }
    }
    return err == CR_NOT_FOUND ? CR_OK : err;
}

/* TBSCertificate, RFC 5280 section 4.1.2. */
static cr_err tbs_read(struct cr_cert *cert, struct cr_bytes outer_alg)
{
    struct cr_der outside = cr_der_of(cert->tbs), tbs, version;
    struct cr_bytes inner_alg;
    unsigned number = 0;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &tbs) != CR_OK ||
        cr_der_enter(&tbs, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, &version) != CR_OK ||
        cr_der_small(&version, &number, 2) != CR_OK || number != 2 || !cr_der_at_end(&version) ||
        cr_x509_serial_read(&tbs, &cert->facts.serial) != CR_OK ||
        cr_sig_alg_read(&tbs, &cert->sig_alg, &inner_alg) != CR_OK || !cr_bytes_equal(inner_alg, outer_alg) ||
        cr_der_whole(&tbs, CR_DER_SEQUENCE, &cert->issuer) != CR_OK || validity_read(&tbs, &cert->facts) != CR_OK ||
        cr_der_whole(&tbs, CR_DER_SEQUENCE, &cert->subject) != CR_OK ||
        cr_der_whole(&tbs, CR_DER_SEQUENCE, &cert->spki) != CR_OK) {
        return CR_INVALID;
    }
    for (int id = 1; id <= 2; id++) { /* issuerUniqueID, subjectUniqueID */
        struct cr_bytes unique;
        if (cr_der_peek(&tbs) == (CR_DER_CONTEXT | id) && cr_der_get(&tbs, CR_DER_CONTEXT | id, &unique) != CR_OK) {
            return CR_INVALID;
        }
    }
    if (!cr_der_at_end(&tbs) && extensions_read(cert, &tbs) != CR_OK) {
        return CR_INVALID;
    }
    return cr_der_finish(&tbs);
}

cr_err cr_cert_parse(struct cr_cert *cert, struct cr_bytes der)
{
    struct cr_der outside = cr_der_of(der), inside;
    struct cr_bytes outer_alg, common_name;
    unsigned unused = 0;
    memset(cert, 0, sizeof *cert);
    cert->key_cert_sign = cert->crl_sign = true;
    cert->client_auth = true;
    if (der.len > CR_CERT_MAX || cr_der_check(der, CERT_DEPTH_MAX) != CR_OK ||
        cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK ||
        cr_der_whole(&inside, CR_DER_SEQUENCE, &cert->tbs) != CR_OK ||
        cr_sig_alg_read(&inside, &cert->sig_alg, &outer_alg) != CR_OK ||
        cr_der_bits(&inside, &cert->signature, &unused) != CR_OK || unused != 0 || !cr_der_at_end(&inside) ||
        tbs_read(cert, outer_alg) != CR_OK || cr_dn_check(cert->issuer, CERT_RDN_MAX) != CR_OK ||
        cr_dn_check(cert->subject, CERT_RDN_MAX) != CR_OK) {
        return CR_INVALID;
    }
    cert->der = der;
    cert->self_issued = cr_bytes_equal(cert->issuer, cert->subject);
    if (cr_dn_common_name(&common_name, cert->subject) == CR_OK &&
        cr_name_ok((const char *)common_name.data, common_name.len)) {
        memcpy(cert->facts.device, common_name.data, common_name.len);
    }
    return cr_sha256(cert->facts.key_hash, cert->spki.data, cert->spki.len);
}

cr_err cr_cert_verify(const struct cr_cert *cert, const struct cr_cert *issuer, const struct cr_key_backend *backend)
{
    struct cr_public_key key;
    bool ids = cert->authority_key_id.len > 0 && issuer->subject_key_id.len > 0;
    if (!cr_bytes_equal(cert->issuer, issuer->subject) || !issuer->is_ca || !issuer->key_cert_sign ||
        (ids && !cr_bytes_equal(cert->authority_key_id, issuer->subject_key_id)) ||
        cr_public_key_parse(&key, issuer->spki) != CR_OK || !cr_sig_alg_fits(cert->sig_alg, key.type)) {
        return CR_DENIED;
    }
    return backend->verify(&key, cert->sig_alg, cert->tbs, cert->signature);
}

cr_err cr_cert_next(struct cr_bytes *cert_der, struct cr_bytes *rest)
{
    struct cr_der reader = cr_der_of(*rest);
    if (cr_der_at_end(&reader)) {
        return CR_NOT_FOUND;
    }
    if (cr_der_whole(&reader, CR_DER_SEQUENCE, cert_der) != CR_OK) {
        return CR_INVALID;
    }
    *rest = (struct cr_bytes){ reader.at, (size_t)(reader.end - reader.at) };
    return CR_OK;
}
