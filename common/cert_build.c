#include "common/cert.h"

#include "common/dn.h"
#include "common/ext.h"
#include "common/sig_alg.h"
#include "common/x509.h"

#include <string.h>

static const struct cr_bytes empty = { NULL, 0 };

static cr_err validity_write(struct cr_der_writer *writer, const struct cr_cert_intent *intent)
{
    cr_err err = CR_INVALID;
    size_t mark = cr_der_write_mark(writer);
    CR_TRY(cr_x509_time_write(writer, intent->not_after));
    CR_TRY(cr_x509_time_write(writer, intent->not_before));
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
out:
    return err;
}

static void url_write(struct cr_der_writer *writer, const char *url)
{
    cr_der_write_value(writer, CR_DER_CONTEXT | 6, (struct cr_bytes){ (const uint8_t *)url, strlen(url) });
}

/* Both name keys by their SHA-1; the issuer's own certificate may have chosen another name for its key. */
static cr_err key_ids_write(struct cr_der_writer *writer, struct cr_bytes spki, const struct cr_cert *issuer)
{
    uint8_t id[CR_KEY_ID_LEN];
    cr_err err = CR_INVALID;
    if (issuer != NULL) {
        CR_TRY(cr_x509_authority_write(writer, issuer));
    }
    size_t mark = cr_der_write_mark(writer);
    CR_TRY(cr_x509_key_id(id, spki));
    cr_der_write_value(writer, CR_DER_OCTET_STRING, (struct cr_bytes){ id, sizeof id });
    cr_x509_extension_wrap(writer, CR_OID_SUBJECT_KEY_ID, false, mark);
out:
    return err;
}

static void purposes_write(struct cr_der_writer *writer, unsigned purposes)
{
    static const struct {
        unsigned bit;
        enum cr_oid oid;
    } rows[] = { /* the last first */
        { CR_EKU_CODE_SIGNING, CR_OID_EKU_CODE },
        { CR_EKU_SERVER_AUTH, CR_OID_EKU_SERVER },
        { CR_EKU_CLIENT_AUTH, CR_OID_EKU_CLIENT },
    };
    size_t mark = cr_der_write_mark(writer);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if ((purposes & rows[i].bit) != 0) {
            cr_der_write_value(writer, CR_DER_OID, cr_oid(rows[i].oid));
        }
    }
    if (cr_der_write_mark(writer) > mark) {
        cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
        cr_x509_extension_wrap(writer, CR_OID_EXT_KEY_USAGE, false, mark);
    }
}

static void urls_write(struct cr_der_writer *writer, const struct cr_profile *profile)
{
    size_t mark = cr_der_write_mark(writer);
    if (profile->aia_url[0] != '\0') {
        url_write(writer, profile->aia_url);
        cr_der_write_value(writer, CR_DER_OID, cr_oid(CR_OID_CA_ISSUERS));
        cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark); /* AccessDescription */
        cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
        cr_x509_extension_wrap(writer, CR_OID_AUTHORITY_INFO, false, mark);
        mark = cr_der_write_mark(writer);
    }
    if (profile->crl_url[0] != '\0') {
        url_write(writer, profile->crl_url);
        cr_der_write_wrap(writer, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, mark); /* fullName */
        cr_der_write_wrap(writer, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, mark); /* DistributionPointName */
        cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);                     /* DistributionPoint */
        cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
        cr_x509_extension_wrap(writer, CR_OID_CRL_POINTS, false, mark);
    }
}

static void key_usage_write(struct cr_der_writer *writer, unsigned usage)
{
    size_t mark = cr_der_write_mark(writer);
    cr_der_write_named_bits(writer, usage);
    cr_x509_extension_wrap(writer, CR_OID_KEY_USAGE, true, mark);
}

/* RFC 5480 section 3 and RFC 3279 section 2.3.1: what keys of the other kind cannot be used for is left out. */
static unsigned usage_for(unsigned usage, struct cr_bytes spki)
{
    struct cr_public_key key;
    if (cr_public_key_parse(&key, spki) != CR_OK) {
        return usage;
    }
    return usage & ~(unsigned)(key.type == CR_KEY_RSA ? CR_KU_KEY_AGREEMENT : CR_KU_KEY_ENCIPHERMENT);
}

static cr_err leaf_extensions_write(struct cr_der_writer *writer, const struct cr_cert_request *request,
                                    const struct cr_cert *issuer)
{
    cr_err err = CR_INVALID;
    urls_write(writer, request->profile);
    if (request->san) {
        size_t mark = cr_der_write_mark(writer);
        cr_der_write_value(writer, CR_DER_CONTEXT | 2,
                           (struct cr_bytes){ (const uint8_t *)request->device, strlen(request->device) });
        cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
        cr_x509_extension_wrap(writer, CR_OID_SUBJECT_ALT_NAME, false, mark);
    }
    CR_TRY(key_ids_write(writer, request->spki, issuer));
    purposes_write(writer, request->profile->ext_key_usage);
    key_usage_write(writer, usage_for(request->profile->key_usage, request->spki));
    size_t mark = cr_der_write_mark(writer);
    cr_der_write_value(writer, CR_DER_SEQUENCE, empty); /* cA is FALSE by default, which DER leaves out */
    cr_x509_extension_wrap(writer, CR_OID_BASIC_CONSTRAINTS, true, mark);
out:
    return err;
}

static cr_err ca_extensions_write(struct cr_der_writer *writer, const struct cr_ca_request *request,
                                  const struct cr_cert *issuer)
{
    cr_err err = CR_INVALID;
    CR_TRY(key_ids_write(writer, request->spki, issuer));
    key_usage_write(writer, CR_KEY_USAGE_CERT_SIGN | CR_KEY_USAGE_CRL_SIGN);
    size_t mark = cr_der_write_mark(writer);
    if (request->pathlen >= 0) {
        cr_der_write_small(writer, (uint8_t)request->pathlen);
    }
    cr_der_write_bool(writer, true);
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
    cr_x509_extension_wrap(writer, CR_OID_BASIC_CONSTRAINTS, true, mark);
out:
    return err;
}

/* What leaves and CAs have in common. One of leaf and ca is NULL. */
struct subject {
    const struct cr_cert_request *leaf;
    const struct cr_ca_request *ca;
    struct cr_bytes spki;
};

static void subject_name_write(struct cr_der_writer *writer, const struct subject *subject)
{
    if (subject->leaf != NULL) {
        const struct cr_profile *profile = subject->leaf->profile;
        cr_dn_write(writer, profile->attr, profile->attr_count, subject->leaf->device);
    } else {
        cr_dn_write(writer, NULL, 0, subject->ca->common_name);
    }
}

/* Backwards: the extensions first, the version last. */
static cr_err tbs_write(struct cr_der_writer *writer, const struct subject *subject,
                        const struct cr_cert_intent *intent, const struct cr_cert *issuer, enum cr_sig_alg alg)
{
    cr_err err = CR_INVALID;
    CR_TRY(subject->leaf != NULL ? leaf_extensions_write(writer, subject->leaf, issuer)
                                 : ca_extensions_write(writer, subject->ca, issuer));
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, 0);
    cr_der_write_wrap(writer, CR_DER_CONTEXT | CR_DER_CONSTRUCTED | 3, 0);
    cr_der_write_raw(writer, subject->spki);
    subject_name_write(writer, subject);
    CR_TRY(validity_write(writer, intent));
    if (issuer != NULL) {
        cr_der_write_raw(writer, issuer->subject);
    } else {
        subject_name_write(writer, subject);
    }
    cr_sig_alg_write(writer, alg);
    cr_der_write_uint(writer, (struct cr_bytes){ intent->serial.octets, intent->serial.len });
    size_t mark = cr_der_write_mark(writer);
    cr_der_write_small(writer, 2); /* v3 */
    cr_der_write_wrap(writer, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, mark);
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, 0);
out:
    return err;
}

static cr_err build(struct cr_blob *der, const struct subject *subject, const struct cr_cert_intent *intent,
                    const struct cr_cert *issuer, enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx)
{
    cr_err err = CR_INVALID;
    uint8_t tbs_buf[CR_CERT_MAX], buf[CR_CERT_MAX], sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    struct cr_der_writer writer;
    struct cr_bytes tbs, whole;
    *der = (struct cr_blob){ NULL, 0 };
    if (intent->serial.len == 0 || intent->not_after <= intent->not_before || alg == CR_SIG_NONE ||
        (issuer != NULL && intent->not_after > issuer->facts.not_after)) {
        return CR_INVALID;
    }
    cr_der_write_init(&writer, tbs_buf, sizeof tbs_buf);
    CR_TRY(tbs_write(&writer, subject, intent, issuer, alg));
    CR_TRY(cr_der_write_done(&writer, &tbs));
    CR_TRY(sign(sign_ctx, tbs, sig, &sig_len));
    cr_der_write_init(&writer, buf, sizeof buf);
    cr_der_write_bits(&writer, (struct cr_bytes){ sig, sig_len });
    cr_sig_alg_write(&writer, alg);
    cr_der_write_raw(&writer, tbs);
    cr_der_write_wrap(&writer, CR_DER_SEQUENCE, 0);
    CR_TRY(cr_der_write_done(&writer, &whole));
    CR_TRY(cr_blob_copy(der, whole.data, whole.len));
out:
    return err;
}

cr_err cr_cert_build(struct cr_blob *der, const struct cr_cert_request *request, const struct cr_cert_intent *intent,
                     const struct cr_cert *issuer, enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx)
{
    struct subject subject = { request, NULL, request->spki };
    if (issuer == NULL || !cr_name_ok(request->device, strlen(request->device))) {
        *der = (struct cr_blob){ NULL, 0 };
        return CR_INVALID;
    }
    return build(der, &subject, intent, issuer, alg, sign, sign_ctx);
}

cr_err cr_cert_build_ca(struct cr_blob *der, const struct cr_ca_request *request, const struct cr_cert_intent *intent,
                        const struct cr_cert *issuer, enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx)
{
    struct subject subject = { NULL, request, request->spki };
    if (request->pathlen > 127 || request->common_name[0] == '\0' || strlen(request->common_name) > CR_NAME_MAX) {
        *der = (struct cr_blob){ NULL, 0 };
        return CR_INVALID;
    }
    return build(der, &subject, intent, issuer, alg, sign, sign_ctx);
}
