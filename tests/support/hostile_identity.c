/* 42-53: identity. */
#include "tests/support/hostile_csr.h"

static struct cr_bytes with_subject(struct hostile_cast *cast, struct cr_bytes subject)
{
    struct csr_recipe recipe = csr_recipe_good(&cast->f, cast->key, cast->device);
    recipe.subject = subject;
    return csr_recipe_der(&cast->f, &recipe);
}

static struct cr_bytes with_cn(struct hostile_cast *cast, struct cr_bytes value)
{
    return with_subject(cast, csr_common_name(&cast->f, value));
}

static struct cr_bytes with_cn_as(struct hostile_cast *cast, int string_tag, struct cr_bytes value)
{
    struct forge *f = &cast->f;
    return with_subject(cast, SEQ(f, SET(f, csr_attr(f, CR_OID_CN, string_tag, value))));
}

/* The device's id with something before and behind it. */
static struct cr_bytes around(struct hostile_cast *cast, struct cr_bytes before, struct cr_bytes behind)
{
    return with_cn(cast, JOIN(&cast->f, before, forge_text(cast->device), behind));
}

static struct cr_bytes cn(struct hostile_cast *cast, const char *name)
{
    return csr_attr(&cast->f, CR_OID_CN, CR_DER_UTF8_STRING, forge_text(name));
}

static struct cr_bytes subject_empty(struct hostile_cast *cast)
{
    return with_subject(cast, SEQ(&cast->f, NOTHING));
}

static struct cr_bytes cn_empty(struct hostile_cast *cast)
{
    return with_cn(cast, NOTHING);
}

static struct cr_bytes cn_and_nul(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT("\0.example.com"));
}

static struct cr_bytes cn_only_nul_behind(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT("\0"));
}

static struct cr_bytes cn_comma(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT(","));
}

static struct cr_bytes cn_equals(struct hostile_cast *cast)
{
    return around(cast, TEXT("CN="), NOTHING);
}

static struct cr_bytes cn_plus(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT("+OU=x"));
}

static struct cr_bytes cn_backslash(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT("\\"));
}

static struct cr_bytes cn_hash(struct hostile_cast *cast)
{
    return around(cast, TEXT("#"), NOTHING);
}

static struct cr_bytes cn_with_another_inside(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT(",CN=admin"));
}

static struct cr_bytes cn_with_an_empty_one_inside(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT(",CN="));
}

static struct cr_bytes two_cns(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    return with_subject(cast, SEQ(f, SET(f, cn(cast, cast->device)), SET(f, cn(cast, cast->other))));
}

static struct cr_bytes the_same_cn_twice(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    return with_subject(cast, SEQ(f, SET(f, cn(cast, cast->device)), SET(f, cn(cast, cast->device))));
}

static struct cr_bytes two_cns_in_one_rdn(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    return with_subject(cast, SEQ(f, SET(f, cn(cast, cast->device), cn(cast, cast->other))));
}

static struct cr_bytes a_cn_and_more_in_one_rdn(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    return with_subject(cast, SEQ(f, SET(f, cn(cast, cast->device),
                                         csr_attr(f, CR_OID_OU, CR_DER_UTF8_STRING, TEXT("admins")))));
}

static struct cr_bytes an_attribute_of_nobodys_profile(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    return with_subject(cast, SEQ(f, SET(f, csr_attr(f, CR_OID_OU, CR_DER_UTF8_STRING, TEXT("admins"))),
                                  SET(f, cn(cast, cast->device))));
}

/* Two octets a character. */
static struct cr_bytes cn_bmp(struct hostile_cast *cast)
{
    struct forge *f = &cast->f;
    struct cr_bytes wide = NOTHING;
    for (const char *c = cast->device; *c != '\0'; c++) {
        wide = JOIN(f, wide, TEXT("\0"), { (const uint8_t *)c, 1 });
    }
    return with_cn_as(cast, 0x1e, wide);
}

static struct cr_bytes cn_t61(struct hostile_cast *cast)
{
    return with_cn_as(cast, 0x14, forge_text(cast->device));
}

static struct cr_bytes cn_ia5(struct hostile_cast *cast)
{
    return with_cn_as(cast, CR_DER_IA5_STRING, forge_text(cast->device));
}

static struct cr_bytes cn_overlong_utf8(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT("\xc0\x80"));
}

static struct cr_bytes cn_not_utf8(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT("\xff"));
}

static struct cr_bytes cn_of(struct hostile_cast *cast, unsigned len)
{
    struct cr_bytes name = forge_text(cast->device);
    while (name.len < len) {
        name = JOIN(&cast->f, name, TEXT("x"));
    }
    return with_cn(cast, name);
}

static struct cr_bytes cn_of_65(struct hostile_cast *cast)
{
    return cn_of(cast, 65);
}

static struct cr_bytes cn_of_1000(struct hostile_cast *cast)
{
    return cn_of(cast, 1000);
}

static struct cr_bytes cn_of_another(struct hostile_cast *cast)
{
    return with_cn(cast, forge_text(cast->other));
}

static struct cr_bytes cn_wildcard_plus(struct hostile_cast *cast)
{
    return with_cn(cast, TEXT("+"));
}

static struct cr_bytes cn_wildcard_hash(struct hostile_cast *cast)
{
    return with_cn(cast, TEXT("#"));
}

static struct cr_bytes cn_slash(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT("/operational"));
}

static struct cr_bytes cn_dollar(struct hostile_cast *cast)
{
    return around(cast, TEXT("$"), NOTHING);
}

/* The first letter in the other case: a well-formed name, only not this device's. */
static struct cr_bytes cn_other_case(struct hostile_cast *cast)
{
    struct cr_bytes name = forge_flip(&cast->f, forge_text(cast->device), 0, 0x20);
    return with_cn(cast, name);
}

static struct cr_bytes cn_space(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT(" "));
}

static struct cr_bytes cn_bidi(struct hostile_cast *cast)
{
    return around(cast, TEXT("\xe2\x80\xae"), NOTHING); /* U+202E, right-to-left override */
}

static struct cr_bytes cn_look_alike(struct hostile_cast *cast)
{
    return around(cast, NOTHING, TEXT("\xd0\xb0")); /* U+0430, which looks like an a */
}

const struct hostile_csr hostile_identity[] = {
    { 42, "subject", CR_REFUSAL_SUBJECT_MISMATCH, subject_empty, false },
    { 42, "CN", CR_REFUSAL_SUBJECT_MISMATCH, cn_empty, false },
    { 43, "and more", CR_REFUSAL_SUBJECT_MISMATCH, cn_and_nul, false },
    { 43, "at the end", CR_REFUSAL_SUBJECT_MISMATCH, cn_only_nul_behind, false },
    { 44, ",", CR_REFUSAL_SUBJECT_MISMATCH, cn_comma, false },
    { 44, "=", CR_REFUSAL_SUBJECT_MISMATCH, cn_equals, false },
    { 44, "+", CR_REFUSAL_SUBJECT_MISMATCH, cn_plus, false },
    { 44, "\\", CR_REFUSAL_SUBJECT_MISMATCH, cn_backslash, false },
    { 44, "#", CR_REFUSAL_SUBJECT_MISMATCH, cn_hash, false },
    { 45, "", CR_REFUSAL_SUBJECT_MISMATCH, cn_with_another_inside, false },
    { 46, "", CR_REFUSAL_SUBJECT_MISMATCH, cn_with_an_empty_one_inside, false },
    { 47, "in two RDNs", CR_REFUSAL_SUBJECT_MISMATCH, two_cns, false },
    { 47, "the same twice", CR_REFUSAL_SUBJECT_MISMATCH, the_same_cn_twice, false },
    { 47, "in one RDN", CR_REFUSAL_SUBJECT_MISMATCH, two_cns_in_one_rdn, false },
    { 47, "and an OU in one RDN", CR_REFUSAL_SUBJECT_MISMATCH, a_cn_and_more_in_one_rdn, false },
    { 47, "and an OU that no profile has", CR_REFUSAL_SUBJECT_MISMATCH, an_attribute_of_nobodys_profile, false },
    { 48, "BMPString", CR_REFUSAL_SUBJECT_MISMATCH, cn_bmp, false },
    { 48, "T61String", CR_REFUSAL_SUBJECT_MISMATCH, cn_t61, false },
    { 48, "IA5String", CR_REFUSAL_SUBJECT_MISMATCH, cn_ia5, false },
    { 49, "overlong NUL", CR_REFUSAL_SUBJECT_MISMATCH, cn_overlong_utf8, false },
    { 49, "a byte that UTF-8 never has", CR_REFUSAL_SUBJECT_MISMATCH, cn_not_utf8, false },
    { 50, "65", CR_REFUSAL_SUBJECT_MISMATCH, cn_of_65, false },
    { 50, "1,000", CR_REFUSAL_SUBJECT_MISMATCH, cn_of_1000, false },
    { 51, "", CR_REFUSAL_WRONG_IDENTITY, cn_of_another, false },
    { 52, "+", CR_REFUSAL_SUBJECT_MISMATCH, cn_wildcard_plus, false },
    { 52, "#", CR_REFUSAL_SUBJECT_MISMATCH, cn_wildcard_hash, false },
    { 52, "/", CR_REFUSAL_SUBJECT_MISMATCH, cn_slash, false },
    { 52, "$", CR_REFUSAL_SUBJECT_MISMATCH, cn_dollar, false },
    { 53, "case", CR_REFUSAL_WRONG_IDENTITY, cn_other_case, false },
    { 53, "space", CR_REFUSAL_SUBJECT_MISMATCH, cn_space, false },
    { 53, "bidi", CR_REFUSAL_SUBJECT_MISMATCH, cn_bidi, false },
    { 53, "look-alike", CR_REFUSAL_SUBJECT_MISMATCH, cn_look_alike, false },
    { 0, NULL, CR_REFUSAL_NONE, NULL, false },
};
