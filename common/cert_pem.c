#include "common/cert.h"

#include "common/pem.h"

#include <stdlib.h>
#include <string.h>

static const char label[] = "CERTIFICATE";

cr_err cr_cert_to_pem(char *text, size_t cap, struct cr_bytes der)
{
    return cr_pem_append(text, cap, label, der);
}

static cr_err append(struct cr_blob *ders, struct cr_bytes der)
{
    uint8_t *larger = realloc(ders->data, ders->len + der.len + 1);
    if (larger == NULL) {
        return CR_NOMEM;
    }
    memcpy(larger + ders->len, der.data, der.len);
    ders->data = larger;
    ders->len += der.len;
    ders->data[ders->len] = 0;
    return CR_OK;
}

/* Moves *text to the next line that begins a certificate; tools write explanations between the blocks. */
static bool find_block(struct cr_bytes *text)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    const uint8_t *start = text->data, *end = text->data + text->len;
    while (text->len > 0) {
        const uint8_t *found = memmem(text->data, text->len, begin, sizeof begin - 1);
        if (found == NULL) {
            return false;
        }
        *text = (struct cr_bytes){ found, (size_t)(end - found) };
        if (found == start || found[-1] == '\n') {
            return true;
        }
        text->data++;
        text->len--;
    }
    return false;
}

cr_err cr_cert_from_pem(struct cr_blob *ders, struct cr_bytes pem)
{
    cr_err err = CR_INVALID;
    struct cr_blob one = { NULL, 0 };
    *ders = (struct cr_blob){ NULL, 0 };
    while (find_block(&pem)) {
        CR_TRY(cr_pem_take(&pem, label, &one));
        CR_TRY(append(ders, cr_blob_view(&one)));
        cr_blob_fini(&one);
    }
    err = ders->len > 0 ? CR_OK : CR_NOT_FOUND;
out:
    cr_blob_fini(&one);
    if (err != CR_OK) {
        cr_blob_fini(ders);
    }
    return err;
}
