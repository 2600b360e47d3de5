#include "common/ocsp.h"

#include "common/sig_alg.h"
#include "common/x509.h"

#include <mbedtls/md.h>
#include <string.h>

enum { OCSP_DEPTH_MAX = 16, TAG_INSIDE = CR_DER_CONTEXT | CR_DER_CONSTRUCTED };

/* How an answer names the issuer: SHA-1 of its name and of its key. */
struct issuer_hashes {
    uint8_t name[CR_KEY_ID_LEN], key[CR_KEY_ID_LEN];
};

static cr_err hashes_of(struct issuer_hashes *hashes, const struct cr_cert *issuer)
{
    const mbedtls_md_info_t *sha1 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA1);
    if (sha1 == NULL || mbedtls_md(sha1, issuer->subject.data, issuer->subject.len, hashes->name) != 0) {
        return CR_CRYPTO;
    }
    return cr_x509_key_id(hashes->key, issuer->spki);
}

static struct cr_bytes view(const uint8_t hash[CR_KEY_ID_LEN])
{
    return (struct cr_bytes){ hash, CR_KEY_ID_LEN };
}

static bool reason_ok(uint8_t reason)
{
    return reason <= 10 && reason != 7 && reason != 8;
}

/* ---- writing, backwards ---- */

static void cert_id_write(struct cr_der_writer *writer, const struct cr_ocsp_answer *answer,
                          const struct issuer_hashes *hashes)
{
    size_t mark = cr_der_write_mark(writer);
    cr_der_write_uint(writer, (struct cr_bytes){ answer->serial.octets, answer->serial.len });
    cr_der_write_value(writer, CR_DER_OCTET_STRING, view(hashes->key));
    cr_der_write_value(writer, CR_DER_OCTET_STRING, view(hashes->name));
    size_t algorithm = cr_der_write_mark(writer);
    cr_der_write_value(writer, CR_DER_NULL, (struct cr_bytes){ NULL, 0 });
    cr_der_write_value(writer, CR_DER_OID, cr_oid(CR_OID_SHA1));
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, algorithm);
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
}

static cr_err status_write(struct cr_der_writer *writer, const struct cr_ocsp_answer *answer)
{
    size_t mark = cr_der_write_mark(writer);
    if (!answer->revoked) {
        cr_der_write_value(writer, CR_DER_CONTEXT, (struct cr_bytes){ NULL, 0 });
        return CR_OK;
    }
    if (answer->reason != 0) {
        cr_der_write_value(writer, CR_DER_ENUMERATED, (struct cr_bytes){ &answer->reason, 1 });
        cr_der_write_wrap(writer, TAG_INSIDE, mark);
    }
    cr_err err = cr_x509_generalized_write(writer, answer->revoked_at);
    cr_der_write_wrap(writer, TAG_INSIDE | 1, mark);
    return err;
}

/* ResponseData, RFC 6960 section 4.2.1. */
static cr_err tbs_write(struct cr_der_writer *writer, const struct cr_ocsp_answer *answer,
                        const struct issuer_hashes *hashes)
{
    cr_err err = CR_INVALID;
    CR_TRY(cr_x509_generalized_write(writer, answer->next_update));
    cr_der_write_wrap(writer, TAG_INSIDE, 0);
    CR_TRY(cr_x509_generalized_write(writer, answer->this_update));
    CR_TRY(status_write(writer, answer));
    cert_id_write(writer, answer, hashes);
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, 0); /* SingleResponse */
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, 0);
    CR_TRY(cr_x509_generalized_write(writer, answer->produced_at));
    size_t mark = cr_der_write_mark(writer);
    cr_der_write_value(writer, CR_DER_OCTET_STRING, view(hashes->key));
    cr_der_write_wrap(writer, TAG_INSIDE | 2, mark); /* byKey */
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, 0);
out:
    return err;
}

cr_err cr_ocsp_build(struct cr_blob *der, const struct cr_ocsp_answer *answer, const struct cr_cert *issuer,
                     enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx)
{
    cr_err err = CR_INVALID;
    uint8_t tbs_buf[CR_OCSP_MAX], buf[CR_OCSP_MAX], sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    struct issuer_hashes hashes;
    struct cr_der_writer writer;
    struct cr_bytes tbs, whole;
    *der = (struct cr_blob){ NULL, 0 };
    if (answer->serial.len == 0 || answer->next_update <= answer->this_update || alg == CR_SIG_NONE ||
        (answer->revoked && !reason_ok(answer->reason))) {
        return CR_INVALID;
    }
    CR_TRY(hashes_of(&hashes, issuer));
    cr_der_write_init(&writer, tbs_buf, sizeof tbs_buf);
    CR_TRY(tbs_write(&writer, answer, &hashes));
    CR_TRY(cr_der_write_done(&writer, &tbs));
    CR_TRY(sign(sign_ctx, tbs, sig, &sig_len));
    cr_der_write_init(&writer, buf, sizeof buf);
    cr_der_write_bits(&writer, (struct cr_bytes){ sig, sig_len });
    cr_sig_alg_write(&writer, alg);
    cr_der_write_raw(&writer, tbs);
    cr_der_write_wrap(&writer, CR_DER_SEQUENCE, 0); /* BasicOCSPResponse */
    cr_der_write_wrap(&writer, CR_DER_OCTET_STRING, 0);
    cr_der_write_value(&writer, CR_DER_OID, cr_oid(CR_OID_OCSP_BASIC));
    cr_der_write_wrap(&writer, CR_DER_SEQUENCE, 0);
    cr_der_write_wrap(&writer, TAG_INSIDE, 0);
    cr_der_write_value(&writer, CR_DER_ENUMERATED, (struct cr_bytes){ (const uint8_t *)"\0", 1 }); /* successful */
    cr_der_write_wrap(&writer, CR_DER_SEQUENCE, 0);
    CR_TRY(cr_der_write_done(&writer, &whole));
    CR_TRY(cr_blob_copy(der, whole.data, whole.len));
out:
    return err;
}

/* ---- reading ---- */

static cr_err time_inside(struct cr_der *reader, int tag, int64_t *unix_s)
{
    struct cr_der inside;
    if (cr_der_enter(reader, tag, &inside) != CR_OK || cr_der_peek(&inside) != CR_DER_GENERALIZED_TIME ||
        cr_x509_time_read(&inside, unix_s) != CR_OK) {
        return CR_INVALID;
    }
    return cr_der_finish(&inside);
}

static cr_err time_read(struct cr_der *reader, int64_t *unix_s)
{
    return cr_der_peek(reader) == CR_DER_GENERALIZED_TIME ? cr_x509_time_read(reader, unix_s) : CR_INVALID;
}

/* Which certificate: SHA-1 with NULL, and this issuer. CR_DENIED: another's. */
static cr_err cert_id_read(struct cr_der *reader, struct cr_ocsp_answer *answer, const struct issuer_hashes *hashes)
{
    struct cr_der inside, algorithm;
    struct cr_bytes oid, parameters, name, key;
    if (cr_der_enter(reader, CR_DER_SEQUENCE, &inside) != CR_OK ||
        cr_der_enter(&inside, CR_DER_SEQUENCE, &algorithm) != CR_OK ||
        cr_der_get(&algorithm, CR_DER_OID, &oid) != CR_OK || !cr_bytes_equal(oid, cr_oid(CR_OID_SHA1)) ||
        cr_der_get(&algorithm, CR_DER_NULL, &parameters) != CR_OK || !cr_der_at_end(&algorithm) ||
        cr_der_get(&inside, CR_DER_OCTET_STRING, &name) != CR_OK ||
        cr_der_get(&inside, CR_DER_OCTET_STRING, &key) != CR_OK ||
        cr_x509_serial_read(&inside, &answer->serial) != CR_OK || !cr_der_at_end(&inside)) {
        return CR_INVALID;
    }
    return cr_bytes_equal(name, view(hashes->name)) && cr_bytes_equal(key, view(hashes->key)) ? CR_OK : CR_DENIED;
}

static cr_err status_read(struct cr_der *reader, struct cr_ocsp_answer *answer)
{
    struct cr_der inside, wrapper;
    struct cr_bytes content;
    if (cr_der_peek(reader) == CR_DER_CONTEXT) {
        return cr_der_get(reader, CR_DER_CONTEXT, &content) == CR_OK && content.len == 0 ? CR_OK : CR_INVALID;
    }
    answer->revoked = true;
    if (cr_der_enter(reader, TAG_INSIDE | 1, &inside) != CR_OK || time_read(&inside, &answer->revoked_at) != CR_OK) {
        return CR_INVALID;
    }
    if (!cr_der_at_end(&inside)) {
        if (cr_der_enter(&inside, TAG_INSIDE, &wrapper) != CR_OK ||
            cr_der_get(&wrapper, CR_DER_ENUMERATED, &content) != CR_OK || !cr_der_at_end(&wrapper) || content.len != 1 ||
            !reason_ok(content.data[0])) {
            return CR_INVALID;
        }
        answer->reason = content.data[0];
    }
    return cr_der_finish(&inside);
}

static cr_err tbs_read(struct cr_ocsp_answer *answer, struct cr_bytes whole, const struct issuer_hashes *hashes)
{
    struct cr_der outside = cr_der_of(whole), tbs, by_key, list, single;
    struct cr_bytes key;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &tbs) != CR_OK || cr_der_enter(&tbs, TAG_INSIDE | 2, &by_key) != CR_OK ||
        cr_der_get(&by_key, CR_DER_OCTET_STRING, &key) != CR_OK || !cr_der_at_end(&by_key) ||
        time_read(&tbs, &answer->produced_at) != CR_OK || cr_der_enter(&tbs, CR_DER_SEQUENCE, &list) != CR_OK ||
        !cr_der_at_end(&tbs) || cr_der_enter(&list, CR_DER_SEQUENCE, &single) != CR_OK || !cr_der_at_end(&list)) {
        return CR_INVALID;
    }
    cr_err err = cert_id_read(&single, answer, hashes);
    if (err != CR_OK) {
        return err;
    }
    if (status_read(&single, answer) != CR_OK || time_read(&single, &answer->this_update) != CR_OK ||
        time_inside(&single, TAG_INSIDE, &answer->next_update) != CR_OK || !cr_der_at_end(&single)) {
        return CR_INVALID;
    }
    return cr_bytes_equal(key, view(hashes->key)) ? CR_OK : CR_DENIED;
}

/* The BasicOCSPResponse of a successful OCSPResponse. */
static cr_err basic_find(struct cr_bytes *basic, struct cr_bytes der)
{
    struct cr_der outside = cr_der_of(der), response, wrapper, bytes;
    struct cr_bytes status, type;
    if (der.len > CR_OCSP_MAX || cr_der_check(der, OCSP_DEPTH_MAX) != CR_OK ||
        cr_der_enter(&outside, CR_DER_SEQUENCE, &response) != CR_OK || !cr_der_at_end(&outside) ||
        cr_der_get(&response, CR_DER_ENUMERATED, &status) != CR_OK || status.len != 1 || status.data[0] != 0 ||
        cr_der_enter(&response, TAG_INSIDE, &wrapper) != CR_OK || !cr_der_at_end(&response) ||
        cr_der_enter(&wrapper, CR_DER_SEQUENCE, &bytes) != CR_OK || !cr_der_at_end(&wrapper) ||
        cr_der_get(&bytes, CR_DER_OID, &type) != CR_OK || !cr_bytes_equal(type, cr_oid(CR_OID_OCSP_BASIC)) ||
        cr_der_get(&bytes, CR_DER_OCTET_STRING, basic) != CR_OK || !cr_der_at_end(&bytes)) {
        return CR_INVALID;
    }
    return cr_der_check(*basic, OCSP_DEPTH_MAX);
}

cr_err cr_ocsp_read(struct cr_ocsp_answer *answer, struct cr_bytes der, const struct cr_cert *issuer,
                    const struct cr_key_backend *backend)
{
    struct issuer_hashes hashes;
    struct cr_public_key key;
    struct cr_bytes basic, tbs, sig;
    struct cr_der outside, inside;
    enum cr_sig_alg alg = CR_SIG_NONE;
    unsigned unused = 0;
    memset(answer, 0, sizeof *answer);
    if (basic_find(&basic, der) != CR_OK) {
        return CR_INVALID;
    }
    outside = cr_der_of(basic);
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || cr_der_whole(&inside, CR_DER_SEQUENCE, &tbs) != CR_OK ||
        cr_sig_alg_read(&inside, &alg, NULL) != CR_OK || cr_der_bits(&inside, &sig, &unused) != CR_OK || unused != 0 ||
        !cr_der_at_end(&inside)) {
        return CR_INVALID;
    }
    cr_err err = hashes_of(&hashes, issuer);
    if (err == CR_OK) {
        err = tbs_read(answer, tbs, &hashes);
    }
    if (err == CR_OK && (cr_public_key_parse(&key, issuer->spki) != CR_OK || !cr_sig_alg_fits(alg, key.type))) {
        err = CR_DENIED;
    }
    return err == CR_OK ? backend->verify(&key, alg, tbs, sig) : err;
}
