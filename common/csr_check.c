/* The rules for a request that was read (csr.c): its key, its proof, its subject, its wishes. */
#include "common/csr.h"

#include "common/csr_attr.h"
#include "common/dn.h"
#include "common/sig_alg.h"

#include <string.h>

enum { RSA_BITS_STEP = 256 }; /* 2048, 3072, 4096 and what lies evenly between; no 2047 and no 3001 */

static bool rsa_ok(const struct cr_public_key *key, const struct cr_profile *profile)
{
    static const uint8_t f4[] = { 0x01, 0x00, 0x01 }; /* 65537 */
    return key->bits >= profile->rsa_min_bits && key->bits <= profile->rsa_max_bits && key->bits % RSA_BITS_STEP == 0 &&
           cr_bytes_equal(key->exponent, (struct cr_bytes){ f4, sizeof f4 });
}

static bool key_ok(const struct cr_public_key *key, const struct cr_profile *profile)
{
    switch (key->type) {
    case CR_KEY_EC_P256: return (profile->key_types & CR_ALLOW_EC_P256) != 0;
    case CR_KEY_EC_P384: return (profile->key_types & CR_ALLOW_EC_P384) != 0;
    case CR_KEY_RSA: return (profile->key_types & CR_ALLOW_RSA) != 0 && rsa_ok(key, profile);
    case CR_KEY_NONE: break;
    }
    return false;
}

enum cr_refusal cr_csr_check_key(const struct cr_csr *csr, const struct cr_profile *profile,
                                 const struct cr_weak_list *list)
{
    bool weak = true, listed = true;
    if (!key_ok(&csr->key, profile)) {
        return CR_REFUSAL_KEY_NOT_ALLOWED;
    }
    if (!cr_sig_alg_fits(csr->sig_alg, csr->key.type)) {
        return CR_REFUSAL_ALGORITHM_NOT_ALLOWED;
    }
    if (cr_public_key_weak(&weak, &csr->key) != CR_OK || cr_weak_list_has(&listed, list, &csr->key) != CR_OK) {
        return CR_REFUSAL_INTERNAL;
    }
    return weak || listed ? CR_REFUSAL_KEY_NOT_ALLOWED : CR_REFUSAL_NONE;
}

enum cr_refusal cr_csr_check_proof(const struct cr_csr *csr, const struct cr_key_backend *backend)
{
    switch (backend->verify(&csr->key, csr->sig_alg, csr->info, csr->signature)) {
    case CR_OK: return CR_REFUSAL_NONE;
    case CR_DENIED: return CR_REFUSAL_BAD_SIGNATURE;
    default: return CR_REFUSAL_INTERNAL;
    }
}

/* The characters of a PrintableString (X.680 table 10). */
static bool printable(struct cr_bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || strchr(" '()+,-./:=?", c) == NULL)) {
            return false;
        }
    }
    return true;
}

static bool string_type_ok(const struct cr_dn_attr *attr)
{
    return attr->string_tag == CR_DER_UTF8_STRING ||
           (attr->string_tag == CR_DER_PRINTABLE_STRING && printable(attr->value));
}

/* The profile's attribute that this one repeats, -1 when none. */
static int profile_attr(const struct cr_dn_attr *attr, const struct cr_profile *profile)
{
    for (unsigned i = 0; i < profile->attr_count; i++) {
        if (attr->type != CR_OID_UNKNOWN && attr->type == cr_dn_type(profile->attr[i].type) &&
            cr_bytes_equal_text(attr->value, profile->attr[i].value)) {
            return (int)i;
        }
    }
    return -1;
}

/* One CN, the device's id; beside it only what the profile writes into the certificate anyway, each at most once. What
 * the request leaves out of that is added, so a device need know nothing but its id. */
enum cr_refusal cr_csr_check_subject(const struct cr_csr *csr, const struct cr_profile *profile, const char *device)
{
    struct cr_dn_walk walk;
    struct cr_dn_attr attr;
    struct cr_bytes common_name = { NULL, 0 };
    unsigned common_names = 0, repeated = 0; /* a bit for each attribute of the profile */
    cr_err err = cr_dn_walk_init(&walk, csr->subject);
    while (err == CR_OK && (err = cr_dn_walk_next(&walk, &attr)) == CR_OK) {
        if (!attr.alone || !string_type_ok(&attr)) {
            return CR_REFUSAL_SUBJECT_MISMATCH;
        }
        if (attr.type == CR_OID_CN) {
            common_name = attr.value;
            common_names++;
            continue;
        }
        int i = profile_attr(&attr, profile);
        if (i < 0 || (repeated >> i & 1) != 0) {
            return CR_REFUSAL_SUBJECT_MISMATCH;
        }
        repeated |= 1u << i;
    }
    if (err != CR_NOT_FOUND || common_names != 1) {
        return CR_REFUSAL_SUBJECT_MISMATCH;
    }
    if (cr_bytes_equal_text(common_name, device)) {
        return CR_REFUSAL_NONE;
    }
    bool a_name = cr_name_ok((const char *)common_name.data, common_name.len);
    return a_name ? CR_REFUSAL_WRONG_IDENTITY : CR_REFUSAL_SUBJECT_MISMATCH;
}

/* GeneralNames of exactly one dNSName, the device's id. */
static bool alt_name_ok(struct cr_bytes value, const char *device)
{
    struct cr_der outside = cr_der_of(value), names;
    struct cr_bytes dns;
    return cr_der_enter(&outside, CR_DER_SEQUENCE, &names) == CR_OK && cr_der_at_end(&outside) &&
           cr_der_get(&names, CR_DER_CONTEXT | 2, &dns) == CR_OK && cr_der_at_end(&names) &&
           cr_bytes_equal_text(dns, device);
}

/* Whether one extension may be wished for. What the profile decides (key usage, purposes, key ids) is read only for
 * what must not be asked at all, and ignored otherwise. */
static bool extension_ok(struct cr_csr *csr, const struct cr_ext *ext, const char *device)
{
    bool ca = true;
    unsigned usage = 0;
    switch (ext->id) {
    case CR_OID_BASIC_CONSTRAINTS:
        return cr_ext_basic_constraints(ext->value, &ca) == CR_OK && !ca;
    case CR_OID_KEY_USAGE:
        return cr_ext_key_usage(ext->value, &usage) == CR_OK &&
               (usage & (CR_KEY_USAGE_CERT_SIGN | CR_KEY_USAGE_CRL_SIGN)) == 0;
    case CR_OID_SUBJECT_ALT_NAME:
        csr->san_requested = alt_name_ok(ext->value, device);
        return csr->san_requested;
    case CR_OID_EXT_KEY_USAGE:
        return true;
    case CR_OID_CT_POISON:
        return false;
    default:
        return !ext->critical;
    }
}

enum cr_refusal cr_csr_check_extensions(struct cr_csr *csr, const struct cr_profile *profile, const char *device)
{
    struct cr_der attributes = cr_der_of(csr->attributes);
    struct cr_csr_attr attr;
    unsigned requests = 0;
    (void)profile; /* what a certificate gets is the profile's business; what may be asked is the same for all */
    csr->san_requested = false;
    while (cr_csr_attr_next(&attributes, &attr) == CR_OK) {
        struct cr_bytes content;
        struct cr_der extensions;
        struct cr_ext ext;
        if (attr.type != CR_OID_EXTENSION_REQUEST) {
            continue; /* challengePassword, Microsoft's own request, whatever else: not ours to serve */
        }
        if (++requests > 1 || cr_csr_attr_extensions(&attr, &content) != CR_OK || cr_ext_duplicate(content)) {
            return CR_REFUSAL_EXTENSION_NOT_ALLOWED;
        }
        extensions = cr_der_of(content);
        while (cr_ext_next(&extensions, &ext) == CR_OK) {
            if (!extension_ok(csr, &ext, device)) {
                return CR_REFUSAL_EXTENSION_NOT_ALLOWED;
            }
        }
    }
    return CR_REFUSAL_NONE;
}
