#include "plugin/store/redis_address.h"

#include "common/bytes.h"

#include <string.h>

enum { PORT_MAX = 65535, DB_MAX = 9999 };

/* Digits to the end of the text or up to `stop`. */
static cr_err number_take(unsigned *number, const char **text, char stop, unsigned max)
{
    const char *at = *text;
    *number = 0;
    while (*at >= '0' && *at <= '9') {
        *number = *number * 10 + (unsigned)(*at - '0');
        if (*number > max) {
            return CR_INVALID;
        }
        at++;
    }
    if (at == *text || (*at != '\0' && *at != stop)) {
        return CR_INVALID;
    }
    *text = at;
    return CR_OK;
}

static cr_err host_take(struct cr_redis_address *address, const char **text)
{
    const char *from = *text;
    size_t len;
    if (*from == '[') {
        from++;
        len = strcspn(from, "]/");
        if (from[len] != ']') {
            return CR_INVALID;
        }
        *text = from + len + 1;
    } else {
        len = strcspn(from, ":/");
        *text = from + len;
    }
    if (len == 0 || len >= sizeof address->host || memchr(from, '@', len) != NULL) {
        return CR_INVALID;
    }
    memcpy(address->host, from, len);
    address->host[len] = '\0';
    return CR_OK;
}

cr_err cr_redis_address_parse(struct cr_redis_address *address, const char *text)
{
    cr_err err = CR_INVALID;
    bool url = true;
    *address = (struct cr_redis_address){ .port = CR_REDIS_PORT };
    if (strncmp(text, "unix:", 5) == 0) {
        text += 5;
    }
    if (text[0] == '/') {
        address->unix_socket = true;
        return cr_text_copy(address->host, sizeof address->host, text) == CR_OK ? CR_OK : CR_INVALID;
    }
    if (strncmp(text, "rediss://", 9) == 0) {
        address->tls = true;
        text += 9;
    } else if (strncmp(text, "redis://", 8) == 0) {
        text += 8;
    } else {
        url = false;
    }
    CR_TRY(host_take(address, &text));
    if (*text == ':') {
        text++;
        CR_TRY(number_take(&address->port, &text, '/', PORT_MAX));
        err = address->port == 0 ? CR_INVALID : CR_OK;
    } else {
        err = url ? CR_OK : CR_INVALID;
    }
    CR_TRY(err);
    if (url && text[0] == '/' && text[1] != '\0') {
        text++;
        CR_TRY(number_take(&address->db, &text, '\0', DB_MAX));
    } else if (url && text[0] == '/') {
        text++;
    }
    err = *text == '\0' ? CR_OK : CR_INVALID;
out:
    return err;
}
