#include "common/dn.h"

#include <stdio.h>
#include <string.h>

cr_err cr_dn_walk_init(struct cr_dn_walk *walk, struct cr_bytes name)
{
    struct cr_der outside = cr_der_of(name);
    walk->rdn = cr_der_of((struct cr_bytes){ NULL, 0 });
    walk->rdn_alone = false;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &walk->rdns) != CR_OK) {
        return CR_INVALID;
    }
    return cr_der_finish(&outside);
}

cr_err cr_dn_walk_next(struct cr_dn_walk *walk, struct cr_dn_attr *attr)
{
    bool first = cr_der_at_end(&walk->rdn);
    if (first) {
        if (cr_der_at_end(&walk->rdns)) {
            return CR_NOT_FOUND;
        }
        if (cr_der_enter(&walk->rdns, CR_DER_SET, &walk->rdn) != CR_OK) {
            return CR_INVALID;
        }
    }
    struct cr_der pair;
    struct cr_bytes oid;
    if (cr_der_enter(&walk->rdn, CR_DER_SEQUENCE, &pair) != CR_OK || cr_der_get(&pair, CR_DER_OID, &oid) != CR_OK ||
        cr_der_any(&pair, &attr->string_tag, NULL, &attr->value) != CR_OK || !cr_der_at_end(&pair)) {
        return CR_INVALID;
    }
    if (first) {
        walk->rdn_alone = cr_der_at_end(&walk->rdn);
    }
    attr->type = cr_oid_find(oid);
    attr->alone = walk->rdn_alone;
    return CR_OK;
}

cr_err cr_dn_check(struct cr_bytes name, unsigned rdn_max)
{
    struct cr_der outside = cr_der_of(name), rdns;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &rdns) != CR_OK || !cr_der_at_end(&outside)) {
        return CR_INVALID;
    }
    for (unsigned count = 0; !cr_der_at_end(&rdns); count++) {
        struct cr_bytes rdn;
        if (count == rdn_max || cr_der_get(&rdns, CR_DER_SET, &rdn) != CR_OK) {
            return CR_INVALID;
        }
    }
    struct cr_dn_walk walk;
    struct cr_dn_attr attr;
    cr_err err = cr_dn_walk_init(&walk, name);
    while (err == CR_OK) {
        err = cr_dn_walk_next(&walk, &attr);
    }
    return err == CR_NOT_FOUND ? CR_OK : CR_INVALID;
}

cr_err cr_dn_common_name(struct cr_bytes *value, struct cr_bytes name)
{
    struct cr_dn_walk walk;
    struct cr_dn_attr attr;
    unsigned found = 0;
    cr_err err = cr_dn_walk_init(&walk, name);
    while (err == CR_OK && (err = cr_dn_walk_next(&walk, &attr)) == CR_OK) {
        if (attr.type != CR_OID_CN) {
            continue;
        }
        found++;
        *value = attr.value;
        if (attr.string_tag != CR_DER_UTF8_STRING && attr.string_tag != CR_DER_PRINTABLE_STRING) {
            return CR_NOT_FOUND;
        }
    }
    return err == CR_NOT_FOUND && found == 1 ? CR_OK : CR_NOT_FOUND;
}

static const struct {
    char text[4];
    enum cr_oid type;
} types[] = {
    { "O", CR_OID_O }, { "OU", CR_OID_OU }, { "C", CR_OID_C }, { "L", CR_OID_L }, { "ST", CR_OID_ST },
    { "CN", CR_OID_CN }, /* the last: no attribute of a profile */
};
enum { TYPE_COUNT = sizeof types / sizeof *types };

enum cr_oid cr_dn_type(const char *text)
{
    for (size_t i = 0; i < TYPE_COUNT - 1; i++) {
        if (strcmp(types[i].text, text) == 0) {
            return types[i].type;
        }
    }
    return CR_OID_UNKNOWN;
}

static const char *type_text(enum cr_oid type)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (types[i].type == type) {
            return types[i].text;
        }
    }
    return "?";
}

void cr_dn_text(char *text, size_t cap, struct cr_bytes name)
{
    struct cr_dn_walk walk;
    struct cr_dn_attr attr;
    size_t len = 0;
    cr_err err = cr_dn_walk_init(&walk, name);
    text[0] = '\0';
    while (err == CR_OK && (err = cr_dn_walk_next(&walk, &attr)) == CR_OK) {
        int put = snprintf(text + len, cap - len, "%s%s=", len == 0 ? "" : ", ", type_text(attr.type));
        len = put < 0 || (size_t)put >= cap - len ? cap - 1 : len + (size_t)put;
        for (size_t i = 0; i < attr.value.len && len + 1 < cap; i++) {
            uint8_t c = attr.value.data[i];
            text[len++] = c >= ' ' && c < 0x7f ? (char)c : '?';
        }
        text[len] = '\0';
    }
}

static void rdn_write(struct cr_der_writer *writer, enum cr_oid type, const char *value)
{
    size_t mark = cr_der_write_mark(writer);
    cr_der_write_value(writer, type == CR_OID_C ? CR_DER_PRINTABLE_STRING : CR_DER_UTF8_STRING,
                       (struct cr_bytes){ (const uint8_t *)value, strlen(value) });
    cr_der_write_value(writer, CR_DER_OID, cr_oid(type));
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
    cr_der_write_wrap(writer, CR_DER_SET, mark);
}

void cr_dn_write(struct cr_der_writer *writer, const struct cr_subject_attr *attrs, unsigned attr_count,
                 const char *common_name)
{
    size_t mark = cr_der_write_mark(writer);
    rdn_write(writer, CR_OID_CN, common_name);
    for (unsigned i = attr_count; i > 0; i--) {
        rdn_write(writer, cr_dn_type(attrs[i - 1].type), attrs[i - 1].value);
    }
    cr_der_write_wrap(writer, CR_DER_SEQUENCE, mark);
}
