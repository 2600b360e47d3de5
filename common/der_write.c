#include "common/der.h"

#include <mbedtls/asn1write.h>

void cr_der_write_init(struct cr_der_writer *writer, uint8_t *buf, size_t cap)
{
    *writer = (struct cr_der_writer){ buf, buf + cap, buf + cap, false };
}

size_t cr_der_write_mark(const struct cr_der_writer *writer)
{
    return (size_t)(writer->end - writer->at);
}

static void note(struct cr_der_writer *writer, int written)
{
    if (written < 0) {
        writer->overflow = true;
    }
}

void cr_der_write_raw(struct cr_der_writer *writer, struct cr_bytes bytes)
{
    if (bytes.len > 0 && !writer->overflow) {
        note(writer, mbedtls_asn1_write_raw_buffer(&writer->at, writer->start, bytes.data, bytes.len));
    }
}

void cr_der_write_octet(struct cr_der_writer *writer, uint8_t octet)
{
    cr_der_write_raw(writer, (struct cr_bytes){ &octet, 1 });
}

void cr_der_write_wrap(struct cr_der_writer *writer, int tag, size_t mark)
{
    if (writer->overflow) {
        return;
    }
    note(writer, mbedtls_asn1_write_len(&writer->at, writer->start, cr_der_write_mark(writer) - mark));
    if (!writer->overflow) {
        note(writer, mbedtls_asn1_write_tag(&writer->at, writer->start, (unsigned char)tag));
    }
}

void cr_der_write_value(struct cr_der_writer *writer, int tag, struct cr_bytes content)
{
    size_t mark = cr_der_write_mark(writer);
    cr_der_write_raw(writer, content);
    cr_der_write_wrap(writer, tag, mark);
}

void cr_der_write_uint(struct cr_der_writer *writer, struct cr_bytes magnitude)
{
    size_t mark = cr_der_write_mark(writer);
    while (magnitude.len > 0 && magnitude.data[0] == 0) {
        magnitude.data++;
        magnitude.len--;
    }
    cr_der_write_raw(writer, magnitude);
    if (magnitude.len == 0 || (magnitude.data[0] & 0x80) != 0) {
        cr_der_write_octet(writer, 0);
    }
    cr_der_write_wrap(writer, CR_DER_INTEGER, mark);
}

void cr_der_write_small(struct cr_der_writer *writer, uint8_t value)
{
    cr_der_write_uint(writer, (struct cr_bytes){ &value, 1 });
}

void cr_der_write_bool(struct cr_der_writer *writer, bool value)
{
    uint8_t octet = value ? 0xff : 0x00;
    cr_der_write_value(writer, CR_DER_BOOLEAN, (struct cr_bytes){ &octet, 1 });
}

void cr_der_write_bits(struct cr_der_writer *writer, struct cr_bytes octets)
{
    size_t mark = cr_der_write_mark(writer);
    cr_der_write_raw(writer, octets);
    cr_der_write_octet(writer, 0);
    cr_der_write_wrap(writer, CR_DER_BIT_STRING, mark);
}

void cr_der_write_named_bits(struct cr_der_writer *writer, unsigned bits)
{
    uint8_t octet[2] = { 0, 0 };
    unsigned top = 0; /* one more than the last bit that is set */
    for (unsigned n = 0; n < 16; n++) {
        if ((bits >> n & 1) != 0) {
            octet[n / 8] = (uint8_t)(octet[n / 8] | 0x80 >> n % 8);
            top = n + 1;
        }
    }
    unsigned octets = (top + 7) / 8;
    size_t mark = cr_der_write_mark(writer);
    cr_der_write_raw(writer, (struct cr_bytes){ octet, octets });
    cr_der_write_octet(writer, (uint8_t)(octets * 8 - top));
    cr_der_write_wrap(writer, CR_DER_BIT_STRING, mark);
}

cr_err cr_der_write_done(const struct cr_der_writer *writer, struct cr_bytes *der)
{
    if (writer->overflow) {
        return CR_FULL;
    }
    *der = (struct cr_bytes){ writer->at, (size_t)(writer->end - writer->at) };
    return CR_OK;
}
