#include "common/cert.h"

#include <string.h>

enum { RANDOM_OCTETS = 16 };

static void set_minimal(struct cr_serial *serial, const uint8_t *octets, size_t len)
{
    while (len > 0 && octets[0] == 0) {
        octets++;
        len--;
    }
    memset(serial, 0, sizeof *serial);
    if (len > 0) {
        memcpy(serial->octets, octets, len);
    }
    serial->len = (uint8_t)len;
}

cr_err cr_serial_make(struct cr_serial *serial, const struct cr_random *random)
{
    uint8_t octets[RANDOM_OCTETS];
    memset(serial, 0, sizeof *serial);
    cr_err err = cr_random_fill(random, octets, sizeof octets);
    if (err != CR_OK) {
        return err;
    }
    octets[0] &= 0x7f; /* positive without a sign octet */
    set_minimal(serial, octets, sizeof octets);
    return serial->len == 0 ? CR_UNAVAILABLE : CR_OK; /* 127 zero bits: the source is broken */
}

void cr_serial_text(char text[CR_SERIAL_TEXT], const struct cr_serial *serial)
{
    cr_hex_encode(text, serial->octets, serial->len);
}

cr_err cr_serial_parse(struct cr_serial *serial, const char *text)
{
    uint8_t octets[CR_SERIAL_MAX];
    size_t len = 0;
    memset(serial, 0, sizeof *serial);
    cr_err err = cr_hex_decode(octets, sizeof octets, &len, text);
    if (err != CR_OK) {
        return CR_INVALID;
    }
    set_minimal(serial, octets, len);
    bool sign_octet_needed = serial->len == CR_SERIAL_MAX && (serial->octets[0] & 0x80) != 0;
    if (serial->len == 0 || serial->len != len || sign_octet_needed) {
        memset(serial, 0, sizeof *serial);
        return CR_INVALID;
    }
    return CR_OK;
}

bool cr_serial_equal(const struct cr_serial *a, const struct cr_serial *b)
{
    return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}
