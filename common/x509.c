#include "common/x509.h"

#include "common/clock.h"

#include <mbedtls/md.h>
#include <string.h>

enum { UTC_TIME_LAST = 2049 };

/* ---- reading ---- */

cr_err cr_x509_serial_read(struct cr_der *reader, struct cr_serial *serial)
{
    struct cr_bytes whole, magnitude;
    struct cr_der ahead = *reader;
    if (cr_der_get(&ahead, CR_DER_INTEGER, &whole) != CR_OK || whole.len > CR_SERIAL_MAX ||
        cr_der_uint(reader, &magnitude) != CR_OK || (magnitude.len == 1 && magnitude.data[0] == 0)) {
        return CR_INVALID;
    }
    memcpy(serial->octets, magnitude.data, magnitude.len);
    serial->len = (uint8_t)magnitude.len;
    return CR_OK;
}

static bool two_digits(const uint8_t *text, int *number)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') {
        return false;
    }
    *number = (text[0] - '0') * 10 + text[1] - '0';
    return true;
}

cr_err cr_x509_time_read(struct cr_der *reader, int64_t *unix_s)
{
    int tag = 0, century = 0, n[6];
    struct cr_bytes text;
    if (cr_der_any(reader, &tag, NULL, &text) != CR_OK) {
        return CR_INVALID;
    }
    if (tag == CR_DER_GENERALIZED_TIME) {
        if (text.len != 15 || !two_digits(text.data, &century)) {
            return CR_INVALID;
        }
        text.data += 2;
        text.len -= 2;
    } else if (tag != CR_DER_UTC_TIME) {
        return CR_INVALID;
    }
    if (text.len != 13 || text.data[12] != 'Z') {
        return CR_INVALID;
    }
    for (int i = 0; i < 6; i++) {
        if (!two_digits(text.data + 2 * i, &n[i])) {
            return CR_INVALID;
        }
    }
    if (tag == CR_DER_UTC_TIME) {
        century = n[0] < 50 ? 20 : 19;
    }
    return cr_civil_to_unix(unix_s, &(struct cr_civil){ century * 100 + n[0], n[1], n[2], n[3], n[4], n[5] });
}

/* ---- writing ---- */

static cr_err time_write(struct cr_der_writer *writer, int64_t unix_s, bool short_ok)
{
    struct cr_civil civil;
    char text[CR_TIME_TEXT];
    uint8_t digits[CR_TIME_TEXT];
    size_t len = 0;
    int64_t written = 0;
    cr_civil_from_unix(&civil, unix_s);
    cr_time_text(text, unix_s);
    if (unix_s < 0 || cr_time_parse(&written, text) != CR_OK || written != unix_s) {
        return CR_INVALID; /* the text's clamp must never reach what is signed */
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (*c != '-' && *c != ':' && *c != 'T') {
            digits[len++] = (uint8_t)*c;
        }
    }
    bool utc = short_ok && civil.year <= UTC_TIME_LAST; /* RFC 5280 section 4.1.2.5: two digits until 2049 */
    struct cr_bytes value = utc ? (struct cr_bytes){ digits + 2, len - 2 } : (struct cr_bytes){ digits, len };
    cr_der_write_value(writer, utc ? CR_DER_UTC_TIME : CR_DER_GENERALIZED_TIME, value);
    return CR_OK;
}

cr_err cr_x509_time_write(struct cr_der_writer *writer, int64_t unix_s)
{
    return time_write(writer, unix_s, true);
}

cr_err cr_x509_generalized_write(struct cr_der_writer *writer, int64_t unix_s)
{
    return time_write(writer, unix_s, false);
}

void cr_x509_extension_wrap(struct cr_der_writer *writer, enum cr_oid id, bool critical, size_t mark)
{
    cr_der_write_wrap(writer, CR_DER_OCTET_STRING, mark);
    if (critical) {
        cr_der_write_bool(writer, true);
    }
    cr_der_write_value(writer, CR_DER_OID, cr_oid(id));
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
}

/* ---- names of keys ---- */

cr_err cr_x509_key_id(uint8_t id[CR_KEY_ID_LEN], struct cr_bytes spki)
{
    struct cr_der outside = cr_der_of(spki), inside;
    struct cr_bytes algorithm, octets;
    unsigned unused = 0;
    const mbedtls_md_info_t *sha1 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA1);
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || !cr_der_at_end(&outside) ||
        cr_der_whole(&inside, CR_DER_SEQUENCE, &algorithm) != CR_OK ||
        cr_der_bits(&inside, &octets, &unused) != CR_OK || unused != 0 || !cr_der_at_end(&inside)) {
        return CR_INVALID;
    }
    return sha1 != NULL && mbedtls_md(sha1, octets.data, octets.len, id) == 0 ? CR_OK : CR_CRYPTO;
}

cr_err cr_x509_authority(struct cr_bytes *id, uint8_t room[CR_KEY_ID_LEN], const struct cr_cert *issuer)
{
    *id = issuer->subject_key_id;
    if (id->len > 0) {
        return CR_OK;
    }
    *id = (struct cr_bytes){ room, CR_KEY_ID_LEN };
    return cr_x509_key_id(room, issuer->spki);
}

cr_err cr_x509_authority_write(struct cr_der_writer *writer, const struct cr_cert *issuer)
{
    uint8_t room[CR_KEY_ID_LEN];
    struct cr_bytes id;
    cr_err err = cr_x509_authority(&id, room, issuer);
    if (err == CR_OK) {
        size_t mark = cr_der_write_mark(writer);
        cr_der_write_value(writer, CR_DER_CONTEXT, id);
        cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
        cr_x509_extension_wrap(writer, CR_OID_AUTHORITY_KEY_ID, false, mark);
    }
    return err;
}
