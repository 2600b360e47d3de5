/* DESIGN: cJSON reads more than JSON (any control character as white space, "01", "1.", text behind a \u0000), and it
 * recurses. So the recogniser of json_scan walks the text first and lets nothing else through; what it cannot see
 * without decoding (duplicate keys, the size of numbers) is checked on the tree. */
#include "common/json_scan.h"
#include "common/message.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

enum { OBJECT_KEYS_MAX = 64 }; /* keeps the search for duplicates short; no object of ours has half as many */

static bool keys_unique(const cJSON *object)
{
    const char *key[OBJECT_KEYS_MAX];
    size_t count = 0;
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        if (count == OBJECT_KEYS_MAX) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (strcmp(key[i], item->string) == 0) {
                return false;
            }
        }
        key[count++] = item->string;
    }
    return true;
}

/* The depth of the tree is bounded by now. */
static bool tree_ok(const cJSON *value)
{
    if (cJSON_IsNumber(value)) {
        return isfinite(value->valuedouble);
    }
    if (cJSON_IsObject(value) && !keys_unique(value)) {
        return false;
    }
    for (const cJSON *item = value->child; item != NULL; item = item->next) {
        if (!tree_ok(item)) {
            return false;
        }
    }
    return true;
}

struct cJSON *cr_json_parse_strict(struct cr_bytes text, size_t max_len, unsigned depth)
{
    if (text.len > max_len || !cr_json_recognise(text, depth)) {
        return NULL;
    }
    cJSON *tree = cJSON_ParseWithLength((const char *)text.data, text.len);
    if (tree != NULL && (!cJSON_IsObject(tree) || !tree_ok(tree))) {
        cJSON_Delete(tree);
        return NULL;
    }
    return tree;
}

bool cr_json_only_keys(const struct cJSON *object, const char *const *keys)
{
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        const char *const *key = keys;
        while (*key != NULL && strcmp(*key, item->string) != 0) {
            key++;
        }
        if (*key == NULL) {
            return false;
        }
    }
    return true;
}
