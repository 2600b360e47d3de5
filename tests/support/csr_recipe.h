/* csr_recipe: a PKCS#10 request with every part replaceable; what is left alone is as it should be.
 *
 *     struct csr_recipe recipe = csr_recipe_good(f, key, "dev-1");
 *     recipe.version = forge_int(f, 1);
 *     payload = csr_recipe_der(f, &recipe);        ... signed over what it says now */
#ifndef CR_TEST_CSR_RECIPE_H
#define CR_TEST_CSR_RECIPE_H

#include "tests/support/forge.h"

struct csr_recipe {
    EVP_PKEY *signer;
    const char *digest;          /* "SHA256" */
    struct cr_bytes version;     /* values with their headers, here and below */
    struct cr_bytes subject;
    struct cr_bytes spki;
    struct cr_bytes attributes;  /* content of [0] */
    bool no_attributes;          /* [0] is left out */
    struct cr_bytes info;        /* replaces all of the above */
    struct cr_bytes algorithm;   /* AlgorithmIdentifier */
    struct cr_bytes signature;   /* a BIT STRING; data NULL: it is signed properly */
};

struct csr_recipe csr_recipe_good(struct forge *f, EVP_PKEY *key, const char *device);
/* The CertificationRequestInfo, the signature (without BIT STRING), and the whole. */
struct cr_bytes csr_recipe_info(struct forge *f, const struct csr_recipe *recipe);
struct cr_bytes csr_recipe_sign(struct forge *f, const struct csr_recipe *recipe);
struct cr_bytes csr_recipe_der(struct forge *f, const struct csr_recipe *recipe);
struct cr_bytes csr_recipe_pem(struct forge *f, const struct csr_recipe *recipe);

/* Parts of it. */
/* An AttributeTypeAndValue. */
struct cr_bytes csr_attr(struct forge *f, enum cr_oid type, int string_tag, struct cr_bytes value);
struct cr_bytes csr_common_name(struct forge *f, struct cr_bytes value); /* a Name of one CN, UTF8String */
/* An Attribute, given its OID's content in hex and the value in its SET. */
struct cr_bytes csr_attribute(struct forge *f, const char *oid_hex, struct cr_bytes value);
/* An extensionRequest of these extensions. */
struct cr_bytes csr_extension_request(struct forge *f, const struct cr_bytes *extensions, size_t count);
#define EXTENSIONS(f, ...) csr_extension_request(f, FORGE_PARTS(__VA_ARGS__))
struct cr_bytes csr_extension(struct forge *f, const char *oid_hex, bool critical, struct cr_bytes value);

#endif
