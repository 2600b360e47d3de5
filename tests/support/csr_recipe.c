#include "tests/support/csr_recipe.h"

#include <string.h>

struct csr_recipe csr_recipe_good(struct forge *f, EVP_PKEY *key, const char *device)
{
    bool rsa = EVP_PKEY_is_a(key, "RSA");
    struct csr_recipe recipe = {
        .signer = key,
        .digest = "SHA256",
        .version = forge_int(f, 0),
        .subject = csr_common_name(f, forge_text(device)),
        .spki = forge_spki(f, key, "uncompressed", "named_curve"),
        .algorithm = rsa ? SEQ(f, OID(f, CR_OID_RSA_SHA256), VALUE(f, CR_DER_NULL, NOTHING))
                         : SEQ(f, OID(f, CR_OID_ECDSA_SHA256)),
    };
    return recipe;
}

struct cr_bytes csr_recipe_info(struct forge *f, const struct csr_recipe *recipe)
{
    if (recipe->info.data != NULL) {
        return recipe->info;
    }
    struct cr_bytes attributes = recipe->no_attributes ? NOTHING : VALUE(f, CR_DER_CONTEXT | CR_DER_CONSTRUCTED,
                                                                         recipe->attributes);
    return SEQ(f, recipe->version, recipe->subject, recipe->spki, attributes);
}

struct cr_bytes csr_recipe_sign(struct forge *f, const struct csr_recipe *recipe)
{
    return forge_sign(f, recipe->signer, recipe->digest, csr_recipe_info(f, recipe));
}

struct cr_bytes csr_recipe_der(struct forge *f, const struct csr_recipe *recipe)
{
    struct cr_bytes signature = recipe->signature;
    if (signature.data == NULL) {
        signature = forge_bits(f, 0, csr_recipe_sign(f, recipe));
    }
    return SEQ(f, csr_recipe_info(f, recipe), recipe->algorithm, signature);
}

struct cr_bytes csr_recipe_pem(struct forge *f, const struct csr_recipe *recipe)
{
    return forge_pem(f, "CERTIFICATE REQUEST", csr_recipe_der(f, recipe));
}

struct cr_bytes csr_attr(struct forge *f, enum cr_oid type, int string_tag, struct cr_bytes value)
{
    return SEQ(f, OID(f, type), VALUE(f, string_tag, value));
}

struct cr_bytes csr_common_name(struct forge *f, struct cr_bytes value)
{
    return SEQ(f, SET(f, csr_attr(f, CR_OID_CN, CR_DER_UTF8_STRING, value)));
}

struct cr_bytes csr_attribute(struct forge *f, const char *oid_hex, struct cr_bytes value)
{
    return SEQ(f, VALUE(f, CR_DER_OID, HEX(f, oid_hex)), SET(f, value));
}

struct cr_bytes csr_extension_request(struct forge *f, const struct cr_bytes *extensions, size_t count)
{
    return SEQ(f, OID(f, CR_OID_EXTENSION_REQUEST), SET(f, forge_value(f, CR_DER_SEQUENCE, extensions, count)));
}

struct cr_bytes csr_extension(struct forge *f, const char *oid_hex, bool critical, struct cr_bytes value)
{
    struct cr_bytes flag = critical ? VALUE(f, CR_DER_BOOLEAN, TEXT("\xff")) : NOTHING;
    return SEQ(f, VALUE(f, CR_DER_OID, HEX(f, oid_hex)), flag, OCTETS(f, value));
}
