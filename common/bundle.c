#include "common/bundle.h"

#include <stdlib.h>
#include <string.h>

static const char *const modes[CR_TRUST_MODES] = { [CR_TRUST_ADD] = "add", [CR_TRUST_REPLACE] = "replace" };

const char *cr_trust_mode_text(enum cr_trust_mode mode)
{
    return (unsigned)mode < CR_TRUST_MODES ? modes[mode] : "";
}

enum cr_trust_mode cr_trust_mode_parse(const char *text)
{
    int mode = 0;
    while (mode < CR_TRUST_MODES && strcmp(modes[mode], text) != 0) {
        mode++;
    }
    return (enum cr_trust_mode)mode;
}

static uint8_t *put_number(uint8_t *to, uint64_t number, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++) {
        to[i] = (uint8_t)(number >> 8 * (octets - 1 - i));
    }
    return to + octets;
}

/* How many certificates there are. CR_INVALID: none, or something else. */
static cr_err count_certs(unsigned *count, struct cr_bytes certs)
{
    struct cr_bytes der;
    cr_err err;
    *count = 0;
    while ((err = cr_cert_next(&der, &certs)) == CR_OK) {
        (*count)++;
    }
    return err == CR_NOT_FOUND && *count > 0 ? CR_OK : CR_INVALID;
}

cr_err cr_bundle_message(struct cr_blob *message, uint64_t version, enum cr_trust_mode mode, struct cr_bytes certs)
{
    enum { VERSION = 8, MODE = 1, LENGTH = 4 };
    struct cr_bytes der;
    unsigned count = 0;
    cr_err err = CR_INVALID;
    *message = (struct cr_blob){ NULL, 0 };
    if ((unsigned)mode >= CR_TRUST_MODES) {
        return CR_INVALID;
    }
    CR_TRY(count_certs(&count, certs));
    size_t len = sizeof CR_BUNDLE_TITLE + VERSION + MODE + (size_t)count * LENGTH + certs.len;
    uint8_t *to = malloc(len);
    if (to == NULL) {
        return CR_NOMEM;
    }
    *message = (struct cr_blob){ to, len };
    memcpy(to, CR_BUNDLE_TITLE, sizeof CR_BUNDLE_TITLE);
    to = put_number(to + sizeof CR_BUNDLE_TITLE, version, VERSION);
    to = put_number(to, (uint64_t)mode, MODE);
    while (cr_cert_next(&der, &certs) == CR_OK) {
        to = put_number(to, der.len, LENGTH);
        memcpy(to, der.data, der.len);
        to += der.len;
    }
out:
    return err;
}
