#include "plugin/worker/factory.h"

#include "common/dn.h"
#include "common/ext.h"

#include <string.h>

enum { TAG_DNS = CR_DER_CONTEXT | 2, TAG_URI = CR_DER_CONTEXT | 6, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 4096 };

/* The one attribute of this type in the subject. CR_NOT_FOUND: none, several, or of another kind of string. */
static cr_err subject_attr(struct cr_bytes *value, struct cr_bytes name, enum cr_oid type)
{
    struct cr_dn_walk walk;
    struct cr_dn_attr attr;
    unsigned found = 0;
    cr_err err = cr_dn_walk_init(&walk, name);
    while (err == CR_OK && (err = cr_dn_walk_next(&walk, &attr)) == CR_OK) {
        if (attr.type == type) {
            bool text = attr.string_tag == CR_DER_UTF8_STRING || attr.string_tag == CR_DER_PRINTABLE_STRING;
            found += text ? 1 : 2;
            *value = attr.value;
        }
    }
    return err == CR_NOT_FOUND && found == 1 ? CR_OK : CR_NOT_FOUND;
}

/* The one name with this tag among the subject's alternative names. CR_NOT_FOUND: none, several, or not readable. */
static cr_err alt_name(struct cr_bytes *value, struct cr_bytes alt_names, int wanted)
{
    struct cr_der outside = cr_der_of(alt_names), inside;
    unsigned found = 0;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || !cr_der_at_end(&outside)) {
        return CR_NOT_FOUND;
    }
    while (!cr_der_at_end(&inside)) {
        struct cr_bytes content;
        int tag = 0;
        if (cr_der_any(&inside, &tag, NULL, &content) != CR_OK) {
            return CR_NOT_FOUND;
        }
        if (tag == wanted) {
            *value = content;
            found++;
        }
    }
    return found == 1 ? CR_OK : CR_NOT_FOUND;
}

/* "urn:dev:ops:32473-meter-17" names 32473-meter-17, "https://factory.example/d/17" names 17. */
static struct cr_bytes uri_end(struct cr_bytes uri)
{
    for (size_t i = uri.len; i > 0; i--) {
        if (uri.data[i - 1] == ':' || uri.data[i - 1] == '/') {
            return (struct cr_bytes){ uri.data + i, uri.len - i };
        }
    }
    return (struct cr_bytes){ NULL, 0 };
}

void cr_factory_device(char device[CR_NAME_CAP], const struct cr_cert *cert, enum cr_factory_identity identity)
{
    struct cr_bytes name = { NULL, 0 };
    cr_err err = CR_NOT_FOUND;
    memset(device, 0, CR_NAME_CAP);
    switch (identity) {
    case CR_FACTORY_CN:
        err = cr_dn_common_name(&name, cert->subject);
        break;
    case CR_FACTORY_SERIAL_NUMBER:
        err = subject_attr(&name, cert->subject, CR_OID_SERIAL_NUMBER);
        break;
    case CR_FACTORY_SAN_DNS:
        err = alt_name(&name, cert->alt_names, TAG_DNS);
        break;
    case CR_FACTORY_SAN_URI:
        err = alt_name(&name, cert->alt_names, TAG_URI);
        name = err == CR_OK ? uri_end(name) : name;
        break;
    }
    if (err == CR_OK && name.len > 0 && cr_name_ok((const char *)name.data, name.len)) {
        memcpy(device, name.data, name.len);
    }
}

bool cr_factory_key(struct cr_public_key *key, struct cr_bytes spki)
{
    return cr_public_key_parse(key, spki) == CR_OK &&
           (key->type != CR_KEY_RSA || (key->bits >= RSA_BITS_MIN && key->bits <= RSA_BITS_MAX));
}
