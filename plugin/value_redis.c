#include "plugin/value.h"

#include <string.h>

static const char shape[] =
    "must be /path, unix:/path, host:port, redis://[user:password@]host[:port][/db], "
    "redis-sentinel://host[,host...]/service or redis-cluster://host[,host...]; rediss... for TLS";

enum { HOSTS_MAX = 16, SERVICE_MAX = 64 };

static const struct {
    const char *scheme;
    bool many;    /* hosts */
    bool service; /* /service */
    bool db;      /* [/db] */
} schemes[] = {
    { "redis://", false, false, true },
    { "rediss://", false, false, true },
    { "redis-sentinel://", true, true, true },
    { "rediss-sentinel://", true, true, true },
    { "redis-cluster://", true, false, false },
    { "rediss-cluster://", true, false, false },
};

/* Copies `len` characters of a URL's user information, percent-encoding undone. */
static bool unescape(char *to, size_t cap, const char *from, size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char c = from[i];
        if (c == '%') {
            char digits[3] = { 0 };
            uint8_t octet = 0;
            size_t octets = 0;
            if (len - i < 3) {
                return false;
            }
            memcpy(digits, from + i + 1, 2);
            if (cr_hex_decode(&octet, 1, &octets, digits) != CR_OK || octet == 0) {
                return false;
            }
            c = (char)octet;
            i += 2;
        }
        if (used + 1 >= cap) {
            return false;
        }
        to[used++] = c;
    }
    to[used] = '\0';
    return true;
}

/* One to five digits up to a port's bound, ended by one of `ends` or by the text's end. */
static bool port_ok(const char *text, const char *ends)
{
    size_t len = strspn(text, "0123456789");
    unsigned port = 0;
    for (size_t i = 0; i < len && i < 6; i++) {
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return len > 0 && len < 6 && port > 0 && port < 65536 && strchr(ends, text[len]) != NULL;
}

/* The length of a host at the text's start, 0 when there is none: a name, an IPv4 address, or [IPv6]. */
static size_t host_len(const char *text)
{
    if (text[0] == '[') {
        size_t len = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
        return len > 2 && text[len] == ']' ? len + 1 : 0;
    }
    return strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");
}

/* host[:port]; the rest of the text, NULL: none. */
static const char *host_skip(const char *text)
{
    size_t len = host_len(text);
    if (len == 0) {
        return NULL;
    }
    text += len;
    if (*text == ':') {
        if (!port_ok(text + 1, ",/")) {
            return NULL;
        }
        text += 1 + strspn(text + 1, "0123456789");
    }
    return text;
}

/* host[:port][,host[:port]…][/service][/db] to the end, as the scheme has it. */
static bool authority_ok(const char *text, size_t scheme)
{
    unsigned hosts = 1;
    for (text = host_skip(text); text != NULL && *text == ',' && schemes[scheme].many; hosts++) {
        text = host_skip(text + 1);
    }
    if (text == NULL || hosts > HOSTS_MAX) {
        return false;
    }
    if (schemes[scheme].service) {
        size_t len = *text == '/' ? strspn(text + 1, "0123456789abcdefghijklmnopqrstuvwxyz"
                                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_") : 0;
        if (len == 0 || len > SERVICE_MAX) {
            return false;
        }
        text += 1 + len;
    }
    if (*text == '/') {
        size_t digits = schemes[scheme].db ? strspn(text + 1, "0123456789") : 0;
        return digits < 4 && text[1 + digits] == '\0';
    }
    return *text == '\0';
}

static cr_err url_take(char *address, size_t address_cap, char *user, char *password, size_t cap, const char *text,
                       size_t scheme, struct cr_why *why)
{
    size_t scheme_len = strlen(schemes[scheme].scheme);
    const char *authority = text + scheme_len;
    const char *at = strrchr(authority, '@');
    if (at != NULL) {
        size_t len = (size_t)(at - authority);
        const char *colon = memchr(authority, ':', len);
        size_t user_len = colon != NULL ? (size_t)(colon - authority) : len;
        if (!unescape(user, cap, authority, user_len)) {
            return cr_why_set(why, "has a user name that is too long or not percent-encoded well");
        }
        if (colon != NULL && !unescape(password, cap, colon + 1, len - user_len - 1)) {
            return cr_why_set(why, "has a password that is too long or not percent-encoded well");
        }
        authority = at + 1;
    }
    if (!authority_ok(authority, scheme)) {
        return cr_why_set(why, "%s", shape);
    }
    size_t rest_len = strlen(authority);
    if (scheme_len + rest_len >= address_cap) {
        return cr_why_set(why, "is longer than %zu bytes", address_cap - 1);
    }
    memcpy(address, text, scheme_len);
    memcpy(address + scheme_len, authority, rest_len + 1);
    return CR_OK;
}

cr_err cr_value_redis(char *address, size_t address_cap, char *user, char *password, size_t cap, const char *text,
                      struct cr_why *why)
{
    user[0] = '\0';
    password[0] = '\0';
    if (strncmp(text, "unix:", 5) == 0 && text[5] == '/') {
        text += 5;
    }
    if (text[0] == '/') {
        enum { UNIX_PATH_MAX = 107 }; /* sockaddr_un.sun_path, with its NUL 108 */
        if (strlen(text) > UNIX_PATH_MAX) {
            return cr_why_set(why, "is longer than the %d bytes that a unix socket's path can have", UNIX_PATH_MAX);
        }
        return cr_value_text(address, address_cap, text, why);
    }
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(text, schemes[i].scheme, strlen(schemes[i].scheme)) == 0) {
            return url_take(address, address_cap, user, password, cap, text, i, why);
        }
    }
    size_t len = host_len(text);
    if (len == 0 || text[len] != ':' || !port_ok(text + len + 1, "")) {
        return cr_why_set(why, "%s", shape);
    }
    return cr_value_text(address, address_cap, text, why);
}
