#include "common/crl.h"

#include "common/dn.h"
#include "common/ext.h"
#include "common/sig_alg.h"
#include "common/x509.h"

#include <string.h>

enum { CRL_DEPTH_MAX = 16, CRL_RDN_MAX = 32, CRL_EXTENSION_MAX = 32, CLOCK_SKEW_S = 300 };

/* ---- entries ---- */

static cr_err reason_read(struct cr_crl_entry *entry, struct cr_bytes value)
{
    struct cr_der reader = cr_der_of(value);
    struct cr_bytes reason;
    if (cr_der_get(&reader, CR_DER_ENUMERATED, &reason) != CR_OK || !cr_der_at_end(&reader) || reason.len != 1 ||
        reason.data[0] > CR_CRL_REASON_MAX || reason.data[0] == 7) {
        return CR_INVALID;
    }
    entry->reason = reason.data[0];
    return CR_OK;
}

static cr_err entry_extensions_read(struct cr_crl_entry *entry, struct cr_der *inside)
{
    struct cr_bytes content;
    struct cr_ext ext;
    if (cr_der_get(inside, CR_DER_SEQUENCE, &content) != CR_OK || cr_ext_check(content, CRL_EXTENSION_MAX) != CR_OK ||
        cr_ext_duplicate(content)) {
        return CR_INVALID;
    }
    struct cr_der reader = cr_der_of(content);
    cr_err err;
    while ((err = cr_ext_next(&reader, &ext)) == CR_OK) {
        /* A critical one says that the entry is about another issuer's certificate. */
        if (ext.id == CR_OID_CRL_REASON ? reason_read(entry, ext.value) != CR_OK : ext.critical) {
            return CR_INVALID;
        }
    }
    return err == CR_NOT_FOUND ? CR_OK : err;
}

cr_err cr_crl_next(struct cr_der *entries, struct cr_crl_entry *entry)
{
    struct cr_der inside;
    memset(entry, 0, sizeof *entry);
    if (cr_der_at_end(entries)) {
        return CR_NOT_FOUND;
    }
    if (cr_der_enter(entries, CR_DER_SEQUENCE, &inside) != CR_OK ||
        cr_x509_serial_read(&inside, &entry->serial) != CR_OK || cr_x509_time_read(&inside, &entry->at) != CR_OK ||
        (!cr_der_at_end(&inside) && entry_extensions_read(entry, &inside) != CR_OK)) {
        return CR_INVALID;
    }
    return cr_der_finish(&inside);
}

static bool is_before(const struct cr_serial *a, const struct cr_serial *b)
{
    return a->len != b->len ? a->len < b->len : memcmp(a->octets, b->octets, a->len) < 0;
}

static cr_err entries_read(struct cr_crl *crl)
{
    struct cr_der reader = cr_der_of(crl->entries);
    struct cr_crl_entry entry, former = { .reason = 0 };
    cr_err err;
    crl->sorted = true;
    while ((err = cr_crl_next(&reader, &entry)) == CR_OK) {
        if (crl->count++ == CR_CRL_ENTRIES_MAX) {
            return CR_INVALID;
        }
        crl->sorted = crl->sorted && (crl->count == 1 || is_before(&former.serial, &entry.serial));
        former = entry;
    }
    return err == CR_NOT_FOUND && crl->count > 0 ? CR_OK : CR_INVALID;
}

cr_err cr_crl_find(const struct cr_crl *crl, const struct cr_serial *serial, struct cr_crl_entry *entry)
{
    struct cr_der reader = cr_der_of(crl->entries);
    cr_err err;
    while ((err = cr_crl_next(&reader, entry)) == CR_OK) {
        if (cr_serial_equal(&entry->serial, serial)) {
            return CR_OK;
        }
    }
    return err;
}

/* ---- the list ---- */

static cr_err number_read(struct cr_crl *crl, struct cr_bytes value)
{
    struct cr_der reader = cr_der_of(value);
    struct cr_bytes magnitude;
    if (cr_der_uint(&reader, &magnitude) != CR_OK || !cr_der_at_end(&reader) || magnitude.len > 20) {
        return CR_INVALID;
    }
    crl->numbered = true;
    for (size_t i = 0; i < magnitude.len; i++) {
        crl->number = magnitude.len > 8 ? UINT64_MAX : crl->number << 8 | magnitude.data[i];
    }
    return CR_OK;
}

static cr_err extensions_read(struct cr_crl *crl, struct cr_der *tbs)
{
    struct cr_der wrapper;
    struct cr_bytes content;
    struct cr_ext ext;
    if (cr_der_enter(tbs, CR_DER_CONTEXT | CR_DER_CONSTRUCTED, &wrapper) != CR_OK ||
        cr_der_get(&wrapper, CR_DER_SEQUENCE, &content) != CR_OK || !cr_der_at_end(&wrapper) ||
        cr_ext_check(content, CRL_EXTENSION_MAX) != CR_OK || cr_ext_duplicate(content)) {
        return CR_INVALID;
    }
    struct cr_der reader = cr_der_of(content);
    cr_err err;
    while ((err = cr_ext_next(&reader, &ext)) == CR_OK) {
        if (ext.id == CR_OID_CRL_NUMBER) {
            err = number_read(crl, ext.value);
        } else if (ext.id == CR_OID_AUTHORITY_KEY_ID) {
            err = cr_ext_authority_key_id(ext.value, &crl->authority_key_id);
        } else if (ext.critical) { /* a delta, or only a part of what is revoked */
            err = CR_INVALID;
        }
        if (err != CR_OK) {
            return CR_INVALID;
        }
    }
    return err == CR_NOT_FOUND ? CR_OK : err;
}

static bool is_time(const struct cr_der *reader)
{
    return cr_der_peek(reader) == CR_DER_UTC_TIME || cr_der_peek(reader) == CR_DER_GENERALIZED_TIME;
}

static cr_err tbs_read(struct cr_crl *crl, struct cr_bytes outer_alg)
{
    struct cr_der outside = cr_der_of(crl->tbs), tbs;
    struct cr_bytes inner_alg;
    unsigned version = 0;
    if (cr_der_enter(&outside, CR_DER_SEQUENCE, &tbs) != CR_OK ||
        (cr_der_peek(&tbs) == CR_DER_INTEGER && (cr_der_small(&tbs, &version, 1) != CR_OK || version != 1)) ||
        cr_sig_alg_read(&tbs, &crl->sig_alg, &inner_alg) != CR_OK || !cr_bytes_equal(inner_alg, outer_alg) ||
        cr_der_whole(&tbs, CR_DER_SEQUENCE, &crl->issuer) != CR_OK ||
        cr_x509_time_read(&tbs, &crl->this_update) != CR_OK ||
        (is_time(&tbs) && cr_x509_time_read(&tbs, &crl->next_update) != CR_OK)) {
        return CR_INVALID;
    }
    if (cr_der_peek(&tbs) == CR_DER_SEQUENCE &&
        (cr_der_get(&tbs, CR_DER_SEQUENCE, &crl->entries) != CR_OK || entries_read(crl) != CR_OK)) {
        return CR_INVALID;
    }
    if (!cr_der_at_end(&tbs) && (version != 1 || extensions_read(crl, &tbs) != CR_OK)) {
        return CR_INVALID;
    }
    return cr_der_finish(&tbs);
}

cr_err cr_crl_parse(struct cr_crl *crl, struct cr_bytes der)
{
    struct cr_der outside = cr_der_of(der), inside;
    struct cr_bytes outer_alg;
    unsigned unused = 0;
    memset(crl, 0, sizeof *crl);
    crl->sorted = true;
    if (der.len > CR_CRL_MAX || cr_der_check(der, CRL_DEPTH_MAX) != CR_OK ||
        cr_der_enter(&outside, CR_DER_SEQUENCE, &inside) != CR_OK || !cr_der_at_end(&outside) ||
        cr_der_whole(&inside, CR_DER_SEQUENCE, &crl->tbs) != CR_OK ||
        cr_sig_alg_read(&inside, &crl->sig_alg, &outer_alg) != CR_OK ||
        cr_der_bits(&inside, &crl->signature, &unused) != CR_OK || unused != 0 || !cr_der_at_end(&inside) ||
        tbs_read(crl, outer_alg) != CR_OK || cr_dn_check(crl->issuer, CRL_RDN_MAX) != CR_OK) {
        return CR_INVALID;
    }
    crl->der = der;
    return CR_OK;
}

/* ---- checking ---- */

static cr_err signature_check(const struct cr_crl *crl, const struct cr_crl_expect *expect, const char **why)
{
    struct cr_public_key key;
    struct cr_bytes id;
    uint8_t room[CR_KEY_ID_LEN];
    if (crl->authority_key_id.len > 0 && (cr_x509_authority(&id, room, expect->issuer) != CR_OK ||
                                          !cr_bytes_equal(crl->authority_key_id, id))) {
        *why = "It names another key of its issuer.";
        return CR_DENIED;
    }
    if (!expect->issuer->is_ca || !expect->issuer->crl_sign) {
        *why = "Its issuer's certificate does not let it sign CRLs: keyUsage has no cRLSign.";
        return CR_DENIED;
    }
    if (cr_public_key_parse(&key, expect->issuer->spki) != CR_OK || !cr_sig_alg_fits(crl->sig_alg, key.type)) {
        *why = "It is signed with an algorithm that is none of its issuer's key.";
        return CR_DENIED;
    }
    *why = "Its signature is wrong.";
    return expect->backend->verify(&key, crl->sig_alg, crl->tbs, crl->signature);
}

static const char *what_ours_lacks(const struct cr_crl *crl, const struct cr_crl_expect *expect)
{
    return expect->issuer == NULL            ? "Its issuer is not known."
           : crl->authority_key_id.len == 0  ? "It does not name its issuer's key."
           : !crl->numbered                  ? "It has no number."
           : crl->number < expect->number_min ? "Its number is lower than that of the one before it."
           : !crl->sorted                    ? "Its entries are not in the order of their serials, or one is there twice."
           : crl->next_update == 0           ? "It has no nextUpdate."
                                             : NULL;
}

cr_err cr_crl_check(struct cr_crl *crl, struct cr_bytes der, const struct cr_crl_expect *expect, const char **why)
{
    cr_err err = cr_crl_parse(crl, der);
    *why = "It is no CRL, or not all of one.";
    if (err != CR_OK) {
        return err;
    }
    if (expect->issuer != NULL && !cr_bytes_equal(crl->issuer, expect->issuer->subject)) {
        *why = "It is another issuer's.";
        return CR_DENIED;
    }
    const char *lacks = expect->ours ? what_ours_lacks(crl, expect) : NULL;
    if (lacks != NULL) {
        *why = lacks;
        return CR_DENIED;
    }
    if (crl->this_update > expect->now_s + CLOCK_SKEW_S) {
        *why = "Its thisUpdate is in the future.";
        return CR_DENIED;
    }
    if (crl->next_update != 0 && crl->next_update <= expect->now_s) {
        *why = "Its nextUpdate has passed.";
        return CR_DENIED;
    }
    return expect->issuer != NULL ? signature_check(crl, expect, why) : CR_OK;
}
