#include "common/key_der.h"

#include "common/oid.h"

#include <string.h>

static enum cr_key_type type_of_curve(struct cr_bytes oid)
{
    switch (cr_oid_find(oid)) {
    case CR_OID_P256: return CR_KEY_EC_P256;
    case CR_OID_P384: return CR_KEY_EC_P384;
    default: return CR_KEY_NONE;
    }
}

/* RSAPrivateKey behind its version. */
static cr_err pkcs1_read(struct cr_key_der *key, struct cr_der *inside)
{
    for (int i = 0; i < CR_RSA_PARTS; i++) {
        if (cr_der_uint(inside, &key->rsa[i]) != CR_OK) {
            return CR_INVALID;
        }
    }
    key->type = CR_KEY_RSA;
    return cr_der_finish(inside);
}

/* ECPrivateKey behind its version. In PKCS#8 the curve stands outside, and may stand inside too. */
static cr_err sec1_read(struct cr_key_der *key, struct cr_der *inside, enum cr_key_type outer)
{
    struct cr_der parameters;
    struct cr_bytes oid;
    key->type = outer;
    if (cr_der_get(inside, CR_DER_OCTET_STRING, &key->scalar) != CR_OK) {
        return CR_INVALID;
    }
    if (cr_der_peek(inside) == (CR_DER_CONTEXT | CR_DER_CONSTRUCTED)) {
        if (cr_der_enter(inside, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, &parameters) != CR_OK ||
            cr_der_get(&parameters, CR_DER_OID, &oid) != CR_OK || !cr_der_at_end(&parameters)) {
            return CR_INVALID;
        }
        key->type = type_of_curve(oid);
        if (outer != CR_KEY_NONE && outer != key->type) {
            return CR_INVALID;
        }
    }
    if (!cr_der_at_end(inside)) { /* the public half, which follows from the private one */
        unsigned unused = 0;
        if (cr_der_enter(inside, CR_DER_CONTEXT | CR_DER_CONSTRUCTED | 1, &parameters) != CR_OK) {
            return CR_INVALID;
        }
        if (cr_der_bits(&parameters, &key->point, &unused) != CR_OK || unused != 0 || !cr_der_at_end(&parameters)) {
            key->point = (struct cr_bytes){ NULL, 0 };
        }
    }
    size_t order = key->type == CR_KEY_EC_P256 ? 32 : key->type == CR_KEY_EC_P384 ? 48 : 0;
    return order != 0 && key->scalar.len == order ? cr_der_finish(inside) : CR_INVALID;
}

/* PrivateKeyInfo behind its version: what it wraps is one of the other two. */
static cr_err pkcs8_read(struct cr_key_der *key, struct cr_der *inside)
{
    struct cr_der algorithm, wrapped, inner;
    struct cr_bytes oid, curve, content;
    unsigned version = 0;
    if (cr_der_enter(inside, CR_DER_SEQUENCE, &algorithm) != CR_OK ||
        cr_der_get(&algorithm, CR_DER_OID, &oid) != CR_OK ||
        cr_der_get(inside, CR_DER_OCTET_STRING, &content) != CR_OK) {
        return CR_INVALID;
    }
    while (!cr_der_at_end(inside)) { /* attributes, and in version 2 the public half */
        if (cr_der_any(inside, NULL, NULL, NULL) != CR_OK) {
            return CR_INVALID;
        }
    }
    wrapped = cr_der_of(content);
    if (cr_der_enter(&wrapped, CR_DER_SEQUENCE, &inner) != CR_OK || !cr_der_at_end(&wrapped) ||
        cr_der_small(&inner, &version, 1) != CR_OK) {
        return CR_INVALID;
    }
    if (cr_oid_find(oid) == CR_OID_RSA) {
        return version == 0 ? pkcs1_read(key, &inner) : CR_INVALID;
    }
    if (cr_oid_find(oid) != CR_OID_EC_PUBLIC_KEY || version != 1 ||
        cr_der_get(&algorithm, CR_DER_OID, &curve) != CR_OK || type_of_curve(curve) == CR_KEY_NONE) {
        return CR_INVALID;
    }
    return sec1_read(key, &inner, type_of_curve(curve));
}

cr_err cr_key_der_parse(struct cr_key_der *key, struct cr_bytes der)
{
    struct cr_der outside = cr_der_of(der), inside;
    unsigned version = 0;
    memset(key, 0, sizeof *key);
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || !cr_der_at_end(&outside) ||
        cr_der_small(&inside, &version, 1) != CR_OK) {
        return CR_INVALID;
    }
    switch (cr_der_peek(&inside)) {
    case CR_DER_SEQUENCE: return pkcs8_read(key, &inside);
    case CR_DER_OCTET_STRING: return version == 1 ? sec1_read(key, &inside, CR_KEY_NONE) : CR_INVALID;
    case CR_DER_INTEGER: return version == 0 ? pkcs1_read(key, &inside) : CR_INVALID;
    default: return CR_INVALID;
    }
}

/* RSAPrivateKey or ECPrivateKey; the curve of the latter stands outside. */
static void private_write(struct cr_der_writer *writer, const struct cr_key_der *key, struct cr_bytes point)
{
    size_t mark = cr_der_write_mark(writer);
    if (key->type == CR_KEY_RSA) {
        for (int i = CR_RSA_PARTS; i > 0; i--) {
            cr_der_write_uint(writer, key->rsa[i - 1]);
        }
        cr_der_write_small(writer, 0);
    } else {
        cr_der_write_bits(writer, point);
        cr_der_write_wrap(writer, CR_DER_CONTEXT | CR_DER_CONSTRUCTED | 1, mark);
        cr_der_write_value(writer, CR_DER_OCTET_STRING, key->scalar);
        cr_der_write_small(writer, 1);
    }
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
}

cr_err cr_key_der_write(uint8_t *buf, size_t *len, const struct cr_key_der *key, struct cr_bytes spki)
{
    cr_err err = CR_INVALID;
    size_t cap = *len;
    struct cr_der outside = cr_der_of(spki), inside;
    struct cr_public_key public_half;
    struct cr_der_writer writer;
    struct cr_bytes algorithm, der = { NULL, 0 };
    *len = 0;
    if (cr_public_key_parse(&public_half, spki) != CR_OK || public_half.type != key->type ||
        cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK ||
        cr_der_whole(&inside, CR_DER_SEQUENCE, &algorithm) != CR_OK) {
        return CR_INVALID;
    }
    cr_der_write_init(&writer, buf, cap);
    private_write(&writer, key, public_half.point);
    cr_der_write_wrap(&writer, CR_DER_OCTET_STRING, 0);
    cr_der_write_raw(&writer, algorithm);
    cr_der_write_small(&writer, 0);
    cr_der_write_wrap(&writer, CR_DER_SEQUENCE, 0);
    CR_TRY(cr_der_write_done(&writer, &der));
    memmove(buf, der.data, der.len); /* it was written from the end */
    *len = der.len;
out:
    explicit_bzero(buf + *len, cap - *len);
    return err;
}
