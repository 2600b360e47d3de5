#include "agent_bundle.h"

#include "agent_json.h"
#include "agent_pem.h"

#include <string.h>

static const char title[] = "mosquitto-cert-renewal trust bundle v1"; /* signed with its NUL */
_Static_assert(sizeof title + 8 + 1 == AGENT_BUNDLE_HEAD, "message layout");

static void put(uint8_t *at, uint64_t value, unsigned octets)
{
    while (octets-- > 0) {
        at[octets] = (uint8_t)value;
        value >>= 8;
    }
}

size_t agent_der_first(const uint8_t *der, size_t len)
{
    if (len < 4 || der[0] != 0x30) {
        return 0;
    }
    size_t head = 2, content = der[1];
    if (content >= 0x80) {
        size_t octets = content & 0x7fu;
        if (octets < 1 || octets > 2 || len < 2 + octets) {
            return 0;
        }
        head += octets;
        content = octets == 1 ? der[2] : (size_t)der[2] << 8 | der[3];
    }
    return content > 0 && content <= len - head ? head + content : 0;
}

/* Decodes one element, a string with the PEM of exactly one certificate. Too large: *fits is false. */
static bool cert_read(uint8_t *der, size_t cap, size_t *len, struct agent_span element, bool *fits)
{
    *len = 0;
    if (element.len < 2 || element.text[0] != '"') {
        return false;
    }
    if (!agent_pem_chain(der, cap, len, element.text + 1, element.len - 2)) {
        *fits = *fits && element.len / 4 * 3 <= cap; /* its armour is more than what can be missing here */
        return !*fits;
    }
    return agent_der_first(der, *len) == *len;
}

static bool certificates_read(struct agent_bundle *bundle, struct agent_span array)
{
    struct agent_span element;
    unsigned count = 0;
    bool fits = true;
    size_t len = 0;
    bundle->message_len = AGENT_BUNDLE_HEAD;
    while (agent_json_next(&element, &array)) {
        if (++count > AGENT_TRUST_CERTS_MAX || AGENT_BUNDLE_MAX - bundle->message_len < 4) {
            bundle->too_large = true;
            return true;
        }
        uint8_t *at = bundle->message + bundle->message_len;
        if (!cert_read(at + 4, AGENT_BUNDLE_MAX - bundle->message_len - 4, &len, element, &fits)) {
            return false;
        }
        if (!fits) {
            bundle->too_large = true;
            return true;
        }
        put(at, len, 4);
        bundle->message_len += 4 + len;
    }
    return count > 0;
}

static bool signer_read(struct agent_bundle *bundle, struct agent_span array)
{
    struct agent_span element;
    bool fits = true;
    bundle->signer_len = 0;
    while (agent_json_next(&element, &array)) {
        size_t len = 0;
        if (!cert_read(bundle->signer + bundle->signer_len, AGENT_CHAIN_MAX - bundle->signer_len, &len, element,
                       &fits)) {
            return false;
        }
        if (!fits) {
            bundle->too_large = true;
            return true;
        }
        bundle->signer_len += len;
    }
    return bundle->signer_len > 0;
}

static bool mode_read(struct agent_bundle *bundle, struct agent_span value)
{
    char mode[8];
    if (!agent_json_text(mode, sizeof mode, value)) {
        return false;
    }
    bundle->replace = strcmp(mode, "replace") == 0;
    return bundle->replace || strcmp(mode, "add") == 0;
}

bool agent_bundle_read(struct agent_bundle *bundle, const uint8_t *payload, size_t len)
{
    const char *json = (const char *)payload;
    struct agent_span version, mode, certificates, signer, signature;
    bundle->too_large = false;
    if (!agent_json_object(json, len) || !agent_json_find(&version, json, len, "version") ||
        !agent_json_find(&mode, json, len, "mode") || !agent_json_find(&certificates, json, len, "certificates") ||
        !agent_json_find(&signer, json, len, "signer") || !agent_json_find(&signature, json, len, "signature") ||
        !agent_json_uint(&bundle->version, version) || bundle->version == 0 || !mode_read(bundle, mode) ||
        signature.len < 2 || signature.text[0] != '"' || !certificates_read(bundle, certificates) ||
        (!bundle->too_large && !signer_read(bundle, signer))) {
        return false;
    }
    memcpy(bundle->message, title, sizeof title);
    put(bundle->message + sizeof title, bundle->version, 8);
    bundle->message[sizeof title + 8] = bundle->replace ? 1 : 0;
    return agent_base64_read(bundle->signature, AGENT_SIGNATURE_MAX, &bundle->signature_len, signature.text + 1,
                             signature.len - 2);
}

size_t agent_bundle_strip(struct agent_bundle *bundle)
{
    size_t to = 0;
    for (size_t from = AGENT_BUNDLE_HEAD; from < bundle->message_len;) {
        size_t len = agent_der_first(bundle->message + from + 4, bundle->message_len - from - 4);
        if (len == 0) {
            break; /* never: it was written so */
        }
        memmove(bundle->message + to, bundle->message + from + 4, len);
        to += len;
        from += 4 + len;
    }
    bundle->message_len = to;
    return to;
}
