/* 54-64: what a request wishes to have in its certificate. */
#include "tests/support/hostile_csr.h"

#include <string.h>

#define ID_BASIC_CONSTRAINTS "551d13"
#define ID_KEY_USAGE "551d0f"
#define ID_EXT_KEY_USAGE "551d25"
#define ID_SUBJECT_ALT_NAME "551d11"
#define ID_CT_POISON "2b06010401d679020403"          /* 1.3.6.1.4.1.11129.2.4.3 */
#define ID_PRIVATE_KEY_USAGE_PERIOD "551d10"
#define ID_OF_NOBODY "2b0601040181ff7f01"            /* 1.3.6.1.4.1.16383.1, standing for any */
#define ID_CHALLENGE_PASSWORD "2a864886f70d010907"   /* 1.2.840.113549.1.9.7 */
#define ID_MICROSOFT_EXTENSIONS "2b06010401823702010e" /* 1.3.6.1.4.1.311.2.1.14 */
#define ID_MICROSOFT_NAME_VALUE "2b0601040182370d0201" /* 1.3.6.1.4.1.311.13.2.1 */

enum { DNS_NAME = 0x82, EMAIL = 0x81, URI = 0x86, IP_ADDRESS = 0x87, OTHER_NAME = 0xa0 }; /* GeneralName */

static struct cr_bytes with_attributes(struct hostile_cast *cast, struct cr_bytes attributes)
{
    struct csr_recipe recipe = csr_recipe_good(&cast->f, cast->key, cast->device);
    recipe.attributes = attributes;
    return csr_recipe_der(&cast->f, &recipe);
}

static struct cr_bytes with_extension(struct hostile_cast *cast, const char *oid_hex, bool critical,
                                      struct cr_bytes value)
{
    return with_attributes(cast, EXTENSIONS(&cast->f, csr_extension(&cast->f, oid_hex, critical, value)));
}

static struct cr_bytes ca_true_value(struct forge *f)
{
    return SEQ(f, VALUE(f, CR_DER_BOOLEAN, TEXT("\xff")));
}

static struct cr_bytes ca_true(struct hostile_cast *cast)
{
    return with_extension(cast, ID_BASIC_CONSTRAINTS, true, ca_true_value(&cast->f));
}

static struct cr_bytes ca_true_not_critical(struct hostile_cast *cast)
{
    return with_extension(cast, ID_BASIC_CONSTRAINTS, false, ca_true_value(&cast->f));
}

static struct cr_bytes ca_true_as_one(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    return with_extension(cast, ID_BASIC_CONSTRAINTS, true, SEQ(f, VALUE(f, CR_DER_BOOLEAN, TEXT("\x01")))); /* BER */
}

static struct cr_bytes key_cert_sign(struct hostile_cast *cast)
{
    return with_extension(cast, ID_KEY_USAGE, true, forge_bits(&cast->f, 2, TEXT("\x84"))); /* bits 0 and 5 */
}

static struct cr_bytes crl_sign(struct hostile_cast *cast)
{
    return with_extension(cast, ID_KEY_USAGE, true, forge_bits(&cast->f, 1, TEXT("\x02"))); /* bit 6 */
}

static struct cr_bytes with_san(struct hostile_cast *cast, struct cr_bytes names)
{
    return with_extension(cast, ID_SUBJECT_ALT_NAME, false, SEQ(&cast->f, names));
}

static struct cr_bytes san_of_another(struct hostile_cast *cast)
{
    return with_san(cast, VALUE(&cast->f, DNS_NAME, forge_text(cast->other)));
}

static struct cr_bytes san_own_and_another(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct cr_bytes own = VALUE(f, DNS_NAME, forge_text(cast->device));
    struct cr_bytes other = VALUE(f, DNS_NAME, forge_text(cast->other));
    return with_san(cast, JOIN(f, own, other));
}

static struct cr_bytes san_nul(struct hostile_cast *cast)
{
    return with_san(cast, VALUE(&cast->f, DNS_NAME, forge_text(cast->device), TEXT("\0.example.com")));
}

static struct cr_bytes san_wildcard(struct hostile_cast *cast)
{
    return with_san(cast, VALUE(&cast->f, DNS_NAME, TEXT("*")));
}

static struct cr_bytes san_ip(struct hostile_cast *cast)
{
    return with_san(cast, VALUE(&cast->f, IP_ADDRESS, TEXT("\x7f\0\0\x01")));
}

static struct cr_bytes san_uri(struct hostile_cast *cast)
{
    return with_san(cast, VALUE(&cast->f, URI, forge_text(cast->device)));
}

static struct cr_bytes san_email(struct hostile_cast *cast)
{
    return with_san(cast, VALUE(&cast->f, EMAIL, forge_text(cast->device)));
}

static struct cr_bytes san_other_name(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    return with_san(cast, VALUE(f, OTHER_NAME, VALUE(f, CR_DER_OID, HEX(f, ID_OF_NOBODY)),
                                VALUE(f, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, UTF8(f, cast->device))));
}

static struct cr_bytes san_empty(struct hostile_cast *cast)
{
    return with_san(cast, NOTHING);
}

static struct cr_bytes eku_many(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    return with_extension(cast, ID_EXT_KEY_USAGE, true,
                          SEQ(f, OID(f, CR_OID_EKU_SERVER), OID(f, CR_OID_EKU_CODE), OID(f, CR_OID_EKU_ANY)));
}

static struct cr_bytes key_usage_twice(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct cr_bytes usage = csr_extension(f, ID_KEY_USAGE, true, forge_bits(f, 7, TEXT("\x80")));
    return with_attributes(cast, EXTENSIONS(f, usage, usage));
}

static struct cr_bytes unknown_twice(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct cr_bytes unknown = csr_extension(f, ID_OF_NOBODY, false, VALUE(f, CR_DER_NULL, NOTHING));
    return with_attributes(cast, EXTENSIONS(f, unknown, unknown));
}

static struct cr_bytes two_requests(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct cr_bytes usage = csr_extension(f, ID_KEY_USAGE, true, forge_bits(f, 7, TEXT("\x80")));
    struct cr_bytes constraints = csr_extension(f, ID_BASIC_CONSTRAINTS, true, SEQ(f, NOTHING));
    return with_attributes(cast, JOIN(f, EXTENSIONS(f, usage), EXTENSIONS(f, constraints)));
}

static struct cr_bytes two_values_in_one_request(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct cr_bytes usage = SEQ(f, csr_extension(f, ID_KEY_USAGE, true, forge_bits(f, 7, TEXT("\x80"))));
    struct cr_bytes constraints = SEQ(f, csr_extension(f, ID_BASIC_CONSTRAINTS, true, SEQ(f, NOTHING)));
    return with_attributes(cast, SEQ(f, OID(f, CR_OID_EXTENSION_REQUEST), SET(f, constraints, usage)));
}

static struct cr_bytes microsofts_request(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct cr_bytes extension = csr_extension(f, ID_EXT_KEY_USAGE, false, SEQ(f, OID(f, CR_OID_EKU_SERVER)));
    return with_attributes(cast, csr_attribute(f, ID_MICROSOFT_EXTENSIONS, SEQ(f, extension)));
}

static struct cr_bytes unknown_critical(struct hostile_cast *cast)
{
    return with_extension(cast, ID_OF_NOBODY, true, VALUE(&cast->f, CR_DER_NULL, NOTHING));
}

static struct cr_bytes ct_poison(struct hostile_cast *cast)
{
    return with_extension(cast, ID_CT_POISON, true, VALUE(&cast->f, CR_DER_NULL, NOTHING));
}

static struct cr_bytes ct_poison_not_critical(struct hostile_cast *cast)
{
    return with_extension(cast, ID_CT_POISON, false, VALUE(&cast->f, CR_DER_NULL, NOTHING));
}

static struct cr_bytes challenge_password(struct hostile_cast *cast)
{
    return with_attributes(cast, csr_attribute(&cast->f, ID_CHALLENGE_PASSWORD, UTF8(&cast->f, "correct horse")));
}

/* How Microsoft's tools wish for a validity of a hundred years. */
static struct cr_bytes long_validity_wish(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct cr_bytes pair = SEQ(f, VALUE(f, 0x1e, TEXT("\0V\0a\0l\0i\0d\0i\0t\0y\0P\0e\0r\0i\0o\0d")),
                               VALUE(f, 0x1e, TEXT("\0Y\0e\0a\0r\0s")));
    return with_attributes(cast, csr_attribute(f, ID_MICROSOFT_NAME_VALUE, pair));
}

static struct cr_bytes private_key_usage_period(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    return with_extension(cast, ID_PRIVATE_KEY_USAGE_PERIOD, false,
                          SEQ(f, VALUE(f, CR_DER_CONTEXT | 1, TEXT("21261121000000Z"))));
}

const struct hostile_csr hostile_extension[] = {
    { 54, "critical", CR_REFUSAL_EXTENSION_NOT_ALLOWED, ca_true, false },
    { 54, "not critical", CR_REFUSAL_EXTENSION_NOT_ALLOWED, ca_true_not_critical, false },
    { 54, "TRUE as BER may have it", CR_REFUSAL_EXTENSION_NOT_ALLOWED, ca_true_as_one, false },
    { 55, "", CR_REFUSAL_EXTENSION_NOT_ALLOWED, key_cert_sign, false },
    { 55, "cRLSign", CR_REFUSAL_EXTENSION_NOT_ALLOWED, crl_sign, false },
    { 56, "alone", CR_REFUSAL_EXTENSION_NOT_ALLOWED, san_of_another, false },
    { 56, "beside its own", CR_REFUSAL_EXTENSION_NOT_ALLOWED, san_own_and_another, false },
    { 57, "NUL", CR_REFUSAL_EXTENSION_NOT_ALLOWED, san_nul, false },
    { 57, "wildcard", CR_REFUSAL_EXTENSION_NOT_ALLOWED, san_wildcard, false },
    { 57, "IP", CR_REFUSAL_EXTENSION_NOT_ALLOWED, san_ip, false },
    { 57, "URI", CR_REFUSAL_EXTENSION_NOT_ALLOWED, san_uri, false },
    { 57, "e-mail", CR_REFUSAL_EXTENSION_NOT_ALLOWED, san_email, false },
    { 57, "other name", CR_REFUSAL_EXTENSION_NOT_ALLOWED, san_other_name, false },
    { 57, "no name", CR_REFUSAL_EXTENSION_NOT_ALLOWED, san_empty, false },
    { 58, "", CR_REFUSAL_NONE, eku_many, false },
    { 59, "known", CR_REFUSAL_EXTENSION_NOT_ALLOWED, key_usage_twice, false },
    { 59, "unknown", CR_REFUSAL_EXTENSION_NOT_ALLOWED, unknown_twice, false },
    { 60, "two attributes", CR_REFUSAL_EXTENSION_NOT_ALLOWED, two_requests, false },
    { 60, "two values", CR_REFUSAL_EXTENSION_NOT_ALLOWED, two_values_in_one_request, false },
    { 61, "", CR_REFUSAL_NONE, microsofts_request, false },
    { 62, "unknown", CR_REFUSAL_EXTENSION_NOT_ALLOWED, unknown_critical, false },
    { 62, "CT poison", CR_REFUSAL_EXTENSION_NOT_ALLOWED, ct_poison, false },
    { 62, "CT poison, not critical", CR_REFUSAL_EXTENSION_NOT_ALLOWED, ct_poison_not_critical, false },
    { 63, "", CR_REFUSAL_NONE, challenge_password, false },
    { 64, "an attribute", CR_REFUSAL_NONE, long_validity_wish, false },
    { 64, "an extension", CR_REFUSAL_NONE, private_key_usage_period, false },
    { 0, NULL, CR_REFUSAL_NONE, NULL, false },
};
