#include "common/sig_alg.h"

#include "common/oid.h"

static const enum cr_oid alg_oids[] = {
    [CR_SIG_NONE] = CR_OID_UNKNOWN,
    [CR_SIG_ECDSA_SHA256] = CR_OID_ECDSA_SHA256,
    [CR_SIG_ECDSA_SHA384] = CR_OID_ECDSA_SHA384,
    [CR_SIG_ECDSA_SHA512] = CR_OID_ECDSA_SHA512,
    [CR_SIG_RSA_SHA256] = CR_OID_RSA_SHA256,
    [CR_SIG_RSA_SHA384] = CR_OID_RSA_SHA384,
    [CR_SIG_RSA_SHA512] = CR_OID_RSA_SHA512,
};
enum { ALG_COUNT = sizeof alg_oids / sizeof *alg_oids };

static bool is_rsa(enum cr_sig_alg alg)
{
    return alg == CR_SIG_RSA_SHA256 || alg == CR_SIG_RSA_SHA384 || alg == CR_SIG_RSA_SHA512;
}

cr_err cr_sig_alg_read(struct cr_der *reader, enum cr_sig_alg *alg, struct cr_bytes *whole)
{
    struct cr_der ahead = *reader, inside;
    struct cr_bytes value, content, oid, parameters = { NULL, 0 };
    int parameters_tag = -1;
    if (cr_der_any(&ahead, NULL, &value, &content) != CR_OK || value.data[0] != CR_DER_SEQUENCE) {
        return CR_INVALID;
    }
    inside = cr_der_of(content);
    if (cr_der_get(&inside, CR_DER_OID, &oid) != CR_OK) {
        return CR_INVALID;
    }
    if (!cr_der_at_end(&inside) && cr_der_any(&inside, &parameters_tag, NULL, &parameters) != CR_OK) {
        return CR_INVALID;
    }
    if (!cr_der_at_end(&inside)) {
        return CR_INVALID;
    }
    *alg = CR_SIG_NONE;
    enum cr_oid known = cr_oid_find(oid);
    for (int i = CR_SIG_NONE + 1; i < ALG_COUNT; i++) {
        if (known == alg_oids[i]) {
            *alg = (enum cr_sig_alg)i;
        }
    }
    /* ECDSA has no parameters; RSA has NULL, which RFC 4055 section 5 asks readers to do without. */
    bool fine = *alg == CR_SIG_NONE || parameters_tag == -1 ||
                (is_rsa(*alg) && parameters_tag == CR_DER_NULL && parameters.len == 0);
    if (!fine) {
        return CR_INVALID;
    }
    if (whole != NULL) {
        *whole = value;
    }
    *reader = ahead;
    return CR_OK;
}

void cr_sig_alg_write(struct cr_der_writer *writer, enum cr_sig_alg alg)
{
    size_t mark = cr_der_write_mark(writer);
    if (is_rsa(alg)) {
        cr_der_write_value(writer, CR_DER_NULL, (struct cr_bytes){ NULL, 0 });
    }
    cr_der_write_value(writer, CR_DER_OID, cr_oid(alg_oids[alg]));
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
}

bool cr_sig_alg_fits(enum cr_sig_alg alg, enum cr_key_type type)
{
    if (alg == CR_SIG_NONE || type == CR_KEY_NONE) {
        return false;
    }
    return is_rsa(alg) == (type == CR_KEY_RSA);
}

bool cr_signature_shaped(const struct cr_public_key *key, struct cr_bytes sig)
{
    size_t octets = (key->bits + 7) / 8;
    if (key->type == CR_KEY_RSA) {
        return sig.len == octets;
    }
    struct cr_der outside = cr_der_of(sig), inside;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || !cr_der_at_end(&outside)) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        struct cr_bytes number;
        if (cr_der_uint(&inside, &number) != CR_OK || number.len > octets || (number.len == 1 && number.data[0] == 0)) {
            return false;
        }
    }
    return cr_der_at_end(&inside);
}
