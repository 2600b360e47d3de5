#include "common/ext.h"

cr_err cr_ext_next(struct cr_der *extensions, struct cr_ext *ext)
{
    struct cr_der inside;
    if (cr_der_at_end(extensions)) {
        return CR_NOT_FOUND;
    }
    ext->critical = false;
    if (cr_der_enter(extensions, CR_DER_SEQUENCE, &inside) != CR_OK ||
        cr_der_get(&inside, CR_DER_OID, &ext->type) != CR_OK) {
        return CR_INVALID;
    }
    /* A FALSE that is spelled out is not DER, but widespread; it changes nothing. */
    if (cr_der_peek(&inside) == CR_DER_BOOLEAN && cr_der_bool(&inside, &ext->critical) != CR_OK) {
        return CR_INVALID;
    }
    if (cr_der_get(&inside, CR_DER_OCTET_STRING, &ext->value) != CR_OK) {
        return CR_INVALID;
    }
    ext->id = cr_oid_find(ext->type);
    return cr_der_finish(&inside);
}

cr_err cr_ext_check(struct cr_bytes extensions, unsigned max)
{
    struct cr_der reader = cr_der_of(extensions);
    struct cr_ext ext;
    for (unsigned count = 0;; count++) {
        cr_err err = cr_ext_next(&reader, &ext);
        if (err == CR_NOT_FOUND) {
            return count > 0 ? CR_OK : CR_INVALID;
        }
        if (err != CR_OK || count == max) {
            return CR_INVALID;
        }
    }
}

bool cr_ext_duplicate(struct cr_bytes extensions)
{
    struct cr_der reader = cr_der_of(extensions);
    struct cr_ext ext, other;
    while (cr_ext_next(&reader, &ext) == CR_OK) {
        struct cr_der ahead = reader;
        while (cr_ext_next(&ahead, &other) == CR_OK) {
            if (cr_bytes_equal(ext.type, other.type)) {
                return true;
            }
        }
    }
    return false;
}

cr_err cr_ext_basic_constraints(struct cr_bytes value, bool *ca)
{
    struct cr_der outside = cr_der_of(value), inside;
    unsigned pathlen = 0;
    *ca = false;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || !cr_der_at_end(&outside)) {
        return CR_INVALID;
    }
    if (cr_der_peek(&inside) == CR_DER_BOOLEAN && cr_der_bool(&inside, ca) != CR_OK) {
        return CR_INVALID;
    }
    if (cr_der_peek(&inside) == CR_DER_INTEGER && (!*ca || cr_der_small(&inside, &pathlen, 255) != CR_OK)) {
        return CR_INVALID;
    }
    return cr_der_finish(&inside);
}

cr_err cr_ext_key_usage(struct cr_bytes value, unsigned *bits)
{
    struct cr_der outside = cr_der_of(value);
    struct cr_bytes octets;
    unsigned unused = 0;
    *bits = 0;
    if (cr_der_bits(&outside, &octets, &unused) != CR_OK || octets.len > 2) {
        return CR_INVALID;
    }
    for (unsigned n = 0; n < 8 * octets.len; n++) {
        if ((octets.data[n / 8] & 0x80 >> n % 8) != 0) {
            *bits |= 1u << n;
        }
    }
    return cr_der_finish(&outside);
}

cr_err cr_ext_key_purpose(struct cr_bytes value, enum cr_oid purpose, bool *has)
{
    struct cr_der outside = cr_der_of(value), inside;
    *has = false;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || !cr_der_at_end(&outside) ||
        cr_der_at_end(&inside)) {
        return CR_INVALID;
    }
    while (!cr_der_at_end(&inside)) {
        struct cr_bytes oid;
        if (cr_der_get(&inside, CR_DER_OID, &oid) != CR_OK) {
            return CR_INVALID;
        }
        enum cr_oid id = cr_oid_find(oid);
        *has = *has || id == purpose || id == CR_OID_EKU_ANY;
    }
    return CR_OK;
}

cr_err cr_ext_subject_key_id(struct cr_bytes value, struct cr_bytes *id)
{
    struct cr_der outside = cr_der_of(value);
    if (cr_der_get(&outside, CR_DER_OCTET_STRING, id) != CR_OK || id->len == 0) {
        return CR_INVALID;
    }
    return cr_der_finish(&outside);
}

cr_err cr_ext_authority_key_id(struct cr_bytes value, struct cr_bytes *id)
{
    struct cr_der outside = cr_der_of(value), inside;
    *id = (struct cr_bytes){ NULL, 0 };
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || !cr_der_at_end(&outside)) {
        return CR_INVALID;
    }
    if (cr_der_peek(&inside) == CR_DER_CONTEXT && cr_der_get(&inside, CR_DER_CONTEXT, id) != CR_OK) {
        return CR_INVALID;
    }
    while (!cr_der_at_end(&inside)) { /* the issuer's issuer and serial: of no use to us, but they must be values */
        if (cr_der_any(&inside, NULL, NULL, NULL) != CR_OK) {
            return CR_INVALID;
        }
    }
    return CR_OK;
}
