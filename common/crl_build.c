/* Building CRLs. DER is written backwards, so the last entry goes first; the to-be-signed part and what comes around it
 * share one buffer. */
#include "common/crl.h"

#include "common/pem.h"
#include "common/sig_alg.h"
#include "common/x509.h"

#include <stdlib.h>
#include <string.h>

enum {
    ENTRY_ROOM = 64,       /* SEQUENCE 2, INTEGER 23, GeneralizedTime 17, reason 14 */
    OTHER_ROOM = 8192,     /* names, extensions, headers */
    TAIL_ROOM = 1024,      /* algorithm and signature */
};

static const char label[] = "X509 CRL";

/* As numbers: both are minimal. */
static int by_serial(const void *left, const void *right)
{
    const struct cr_serial *a = &((const struct cr_crl_entry *)left)->serial;
    const struct cr_serial *b = &((const struct cr_crl_entry *)right)->serial;
    return a->len != b->len ? (a->len < b->len ? -1 : 1) : memcmp(a->octets, b->octets, a->len);
}

static bool entries_fit(const struct cr_crl_request *request)
{
    for (size_t i = 0; i < request->count; i++) {
        const struct cr_crl_entry *entry = &request->entry[i];
        if (entry->serial.len == 0 || entry->serial.len > CR_SERIAL_MAX || entry->serial.octets[0] == 0 ||
            entry->reason > CR_CRL_REASON_MAX || entry->reason == 7 || entry->reason == 8 ||
            (i > 0 && by_serial(entry - 1, entry) == 0)) {
            return false;
        }
    }
    return true;
}

static cr_err entry_write(struct cr_der_writer *writer, const struct cr_crl_entry *entry)
{
    size_t start = cr_der_write_mark(writer);
    if (entry->reason != 0) {
        cr_der_write_value(writer, CR_DER_ENUMERATED, (struct cr_bytes){ &entry->reason, 1 });
        cr_x509_extension_wrap(writer, CR_OID_CRL_REASON, false, start);
        cr_der_write_wrap(writer, CR_DER_SEQUENCE, start);
    }
    cr_err err = cr_x509_time_write(writer, entry->at);
    cr_der_write_uint(writer, (struct cr_bytes){ entry->serial.octets, entry->serial.len });
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, start);
    return err;
}

static void number_write(struct cr_der_writer *writer, uint64_t number)
{
    uint8_t octets[8];
    for (int i = 0; i < 8; i++) {
        octets[i] = (uint8_t)(number >> (56 - 8 * i));
    }
    size_t mark = cr_der_write_mark(writer);
    cr_der_write_uint(writer, (struct cr_bytes){ octets, sizeof octets });
    cr_x509_extension_wrap(writer, CR_OID_CRL_NUMBER, false, mark);
}

/* TBSCertList, RFC 5280 section 5.1.2. */
static cr_err tbs_write(struct cr_der_writer *writer, const struct cr_crl_request *request, const struct cr_cert *issuer,
                        enum cr_sig_alg alg)
{
    cr_err err = CR_INVALID;
    number_write(writer, request->number);
    CR_TRY(cr_x509_authority_write(writer, issuer));
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, 0);
    cr_der_write_wrap(writer, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, 0);
    if (request->count > 0) { /* an empty list is not written */
        size_t mark = cr_der_write_mark(writer);
        for (size_t i = request->count; i > 0; i--) {
            CR_TRY(entry_write(writer, &request->entry[i - 1]));
        }
        cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
    }
    CR_TRY(cr_x509_time_write(writer, request->next_update));
    CR_TRY(cr_x509_time_write(writer, request->this_update));
    cr_der_write_raw(writer, issuer->subject);
    cr_sig_alg_write(writer, alg);
    cr_der_write_small(writer, 1); /* v2 */
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, 0);
out:
    return err;
}

/* Algorithm and signature behind what was signed, and the header before it. */
static cr_err whole_write(struct cr_der_writer *writer, enum cr_sig_alg alg, struct cr_bytes sig, struct cr_bytes *whole)
{
    uint8_t room[TAIL_ROOM];
    struct cr_der_writer behind;
    struct cr_bytes tail;
    cr_der_write_init(&behind, room, sizeof room);
    cr_der_write_bits(&behind, sig);
    cr_sig_alg_write(&behind, alg);
    cr_err err = cr_der_write_done(&behind, &tail);
    if (err == CR_OK) {
        memcpy(writer->end, tail.data, tail.len); /* the buffer has TAIL_ROOM behind what the writer was told of */
        writer->end += tail.len;
        cr_der_write_wrap(writer, CR_DER_SEQUENCE, 0);
        err = cr_der_write_done(writer, whole);
    }
    return err;
}

cr_err cr_crl_build(struct cr_blob *der, const struct cr_crl_request *request, const struct cr_cert *issuer,
                    enum cr_sig_alg alg, cr_cert_sign_fn *sign, void *sign_ctx)
{
    cr_err err = CR_INVALID;
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    struct cr_der_writer writer;
    struct cr_bytes tbs, whole;
    *der = (struct cr_blob){ NULL, 0 };
    if (request->count > CR_CRL_ENTRIES_MAX) {
        return CR_FULL;
    }
    if (request->count > 0) {
        qsort(request->entry, request->count, sizeof *request->entry, by_serial);
    }
    if (request->next_update <= request->this_update || alg == CR_SIG_NONE || !issuer->crl_sign ||
        !entries_fit(request)) {
        return CR_INVALID;
    }
    size_t room = request->count * ENTRY_ROOM + OTHER_ROOM + issuer->subject.len;
    uint8_t *buf = malloc(room + TAIL_ROOM + 1);
    if (buf == NULL) {
        return CR_NOMEM;
    }
    cr_der_write_init(&writer, buf, room);
    CR_TRY(tbs_write(&writer, request, issuer, alg));
    CR_TRY(cr_der_write_done(&writer, &tbs));
    CR_TRY(sign(sign_ctx, tbs, sig, &sig_len));
    CR_TRY(whole_write(&writer, alg, (struct cr_bytes){ sig, sig_len }, &whole));
    size_t len = whole.len;
    memmove(buf, whole.data, len);
    buf[len] = 0; /* as cr_blob_copy leaves it */
    uint8_t *less = realloc(buf, len + 1);
    *der = (struct cr_blob){ less != NULL ? less : buf, len };
    return CR_OK;
out:
    free(buf);
    return err;
}

/* ---- PEM ---- */

cr_err cr_crl_to_pem(char *text, size_t cap, struct cr_bytes der)
{
    return cr_pem_append(text, cap, label, der);
}

size_t cr_crl_pem_cap(size_t der_len)
{
    return CR_BASE64_LEN(der_len) + CR_BASE64_LEN(der_len) / 64 + 128;
}

cr_err cr_crl_from_pem(struct cr_blob *der, struct cr_bytes *text)
{
    static const char begin[] = "-----BEGIN X509 CRL-----";
    const uint8_t *start = text->data, *end = text->len > 0 ? text->data + text->len : NULL;
    *der = (struct cr_blob){ NULL, 0 };
    while (text->len > 0) {
        const uint8_t *found = memmem(text->data, text->len, begin, sizeof begin - 1);
        if (found == NULL) {
            break;
        }
        *text = (struct cr_bytes){ found, (size_t)(end - found) };
        if (found == start || found[-1] == '\n') {
            return cr_pem_take(text, label, der);
        }
        text->data++;
        text->len--;
    }
    return CR_NOT_FOUND;
}
