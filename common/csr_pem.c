#include "common/csr.h"

#include "common/pem.h"

#include <string.h>

static bool line_ends_only(struct cr_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '\r' && text.data[i] != '\n') {
            return false;
        }
    }
    return true;
}

enum cr_refusal cr_csr_from_pem(struct cr_blob *der, struct cr_bytes pem)
{
    static const char private_key[] = "PRIVATE KEY-----";
    *der = (struct cr_blob){ NULL, 0 };
    if (pem.len > CR_CSR_MAX) {
        return CR_REFUSAL_TOO_LARGE;
    }
    if (pem.len > 0 && memmem(pem.data, pem.len, private_key, sizeof private_key - 1) != NULL) {
        return CR_REFUSAL_PRIVATE_KEY_SENT; /* wherever it stands: it has been on the wire */
    }
    cr_err err = cr_pem_take(&pem, "CERTIFICATE REQUEST", der);
    if (err == CR_NOT_FOUND) {
        err = cr_pem_take(&pem, "NEW CERTIFICATE REQUEST", der);
    }
    if (err == CR_OK && line_ends_only(pem)) {
        return CR_REFUSAL_NONE;
    }
    cr_blob_fini(der);
    return err == CR_NOMEM || err == CR_BUG ? CR_REFUSAL_INTERNAL : CR_REFUSAL_MALFORMED_PEM;
}
