#include "common/weak_list.h"

#include <mbedtls/md.h>
#include <stdlib.h>
#include <string.h>

enum { SHA1_LEN = 20, MODULUS_MAX = 512 };

cr_err cr_weak_list_init(struct cr_weak_list *list, size_t cap)
{
    *list = (struct cr_weak_list){ NULL, 0, 0 };
    if (cap > CR_WEAK_LIST_MAX) {
        return CR_FULL;
    }
    list->entry = malloc((cap > 0 ? cap : 1) * sizeof list->entry[0]);
    if (list->entry == NULL) {
        return CR_NOMEM;
    }
    list->cap = cap;
    return CR_OK;
}

void cr_weak_list_fini(struct cr_weak_list *list)
{
    free(list->entry);
    *list = (struct cr_weak_list){ NULL, 0, 0 };
}

cr_err cr_weak_list_add(struct cr_weak_list *list, const uint8_t entry[CR_WEAK_LEN])
{
    if (list->count == list->cap) {
        return CR_FULL;
    }
    memcpy(list->entry[list->count++], entry, CR_WEAK_LEN);
    return CR_OK;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, CR_WEAK_LEN);
}

/* Debian's lists are sorted, and then sorting is one look at each entry. */
void cr_weak_list_sort(struct cr_weak_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        if (compare(list->entry[i - 1], list->entry[i]) > 0) {
            qsort(list->entry, list->count, sizeof list->entry[0], compare);
            return;
        }
    }
}

static cr_err hash_end(uint8_t entry[CR_WEAK_LEN], const void *data, size_t len)
{
    uint8_t digest[SHA1_LEN];
    const mbedtls_md_info_t *sha1 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA1);
    if (sha1 == NULL || mbedtls_md(sha1, data, len, digest) != 0) {
        return CR_CRYPTO;
    }
    memcpy(entry, digest + SHA1_LEN - CR_WEAK_LEN, CR_WEAK_LEN);
    return CR_OK;
}

static cr_err modulus_print(uint8_t entry[CR_WEAK_LEN], const struct cr_public_key *key)
{
    static const char head[] = "Modulus=", digits[] = "0123456789ABCDEF";
    char text[sizeof head - 1 + 2 * MODULUS_MAX + 1];
    size_t len = sizeof head - 1;
    if (key->modulus.len == 0 || key->modulus.len > MODULUS_MAX) {
        return CR_INVALID;
    }
    memcpy(text, head, len);
    for (size_t i = 0; i < key->modulus.len; i++) {
        uint8_t byte = key->modulus.data[i];
        if (i > 0 || byte >> 4 != 0) {
            text[len++] = digits[byte >> 4];
        }
        text[len++] = digits[byte & 0x0f];
    }
    text[len++] = '\n';
    return hash_end(entry, text, len);
}

cr_err cr_weak_fingerprint(uint8_t entry[CR_WEAK_LEN], const struct cr_public_key *key)
{
    switch (key->type) {
    case CR_KEY_RSA: return modulus_print(entry, key);
    case CR_KEY_EC_P256:
    case CR_KEY_EC_P384: return key->spki.len > 0 ? hash_end(entry, key->spki.data, key->spki.len) : CR_INVALID;
    case CR_KEY_NONE: break;
    }
    return CR_INVALID;
}

cr_err cr_weak_list_has(bool *listed, const struct cr_weak_list *list, const struct cr_public_key *key)
{
    uint8_t entry[CR_WEAK_LEN];
    *listed = false;
    if (list == NULL || list->count == 0) {
        return CR_OK;
    }
    cr_err err = cr_weak_fingerprint(entry, key);
    if (err == CR_OK) {
        *listed = bsearch(entry, list->entry, list->count, sizeof list->entry[0], compare) != NULL;
    }
    return err;
}
