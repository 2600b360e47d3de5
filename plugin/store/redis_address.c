#include "plugin/store/redis_address.h"

#include "common/bytes.h"

#include <string.h>

enum { DB_MAX = 9999 };

static const struct {
    const char *scheme;
    enum cr_redis_kind kind;
    bool tls;
} schemes[] = {
    { "redis://", CR_REDIS_SERVER, false },
    { "rediss://", CR_REDIS_SERVER, true },
    { "redis-sentinel://", CR_REDIS_SENTINEL, false },
    { "rediss-sentinel://", CR_REDIS_SENTINEL, true },
    { "redis-cluster://", CR_REDIS_CLUSTER, false },
    { "rediss-cluster://", CR_REDIS_CLUSTER, true },
};

/* Digits up to one of `stops` or to the end of the text. */
static cr_err number_take(unsigned *number, const char **text, const char *stops, unsigned max)
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
    if (at == *text || strchr(stops, *at) == NULL) { /* the end counts as one of them */
        return CR_INVALID;
    }
    *text = at;
    return CR_OK;
}

static cr_err name_take(struct cr_redis_host *host, const char **text)
{
    const char *from = *text;
    size_t len;
    if (*from == '[') {
        from++;
        len = strcspn(from, "]/,");
        if (from[len] != ']') {
            return CR_INVALID;
        }
        *text = from + len + 1;
    } else {
        len = strcspn(from, ":/,");
        *text = from + len;
    }
    if (len == 0 || len >= sizeof host->name || memchr(from, '@', len) != NULL) {
        return CR_INVALID;
    }
    memcpy(host->name, from, len);
    host->name[len] = '\0';
    return CR_OK;
}

/* host[:port]; port 0: it must be said. */
static cr_err host_take(struct cr_redis_host *host, const char **text, unsigned port, const char *stops)
{
    cr_err err = CR_INVALID;
    CR_TRY(name_take(host, text));
    host->port = port;
    if (**text == ':') {
        ++*text;
        CR_TRY(number_take(&host->port, text, stops, CR_REDIS_PORT_MAX));
    }
    err = host->port > 0 && strchr(stops, **text) != NULL ? CR_OK : CR_INVALID;
out:
    return err;
}

static cr_err hosts_take(struct cr_redis_address *address, const char **text, unsigned port)
{
    cr_err err = CR_INVALID;
    for (;;) {
        if (address->count == CR_REDIS_HOSTS) {
            return CR_INVALID;
        }
        CR_TRY(host_take(&address->host[address->count], text, port, ",/"));
        address->count++;
        if (**text != ',') {
            break;
        }
        ++*text;
    }
out:
    return err;
}

/* /service: what a Sentinel may call it is letters, digits and .-_ */
static cr_err service_take(struct cr_redis_address *address, const char **text)
{
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";
    if (**text != '/') {
        return CR_INVALID;
    }
    const char *from = *text + 1;
    size_t len = strspn(from, allowed);
    if (len == 0 || len >= sizeof address->service) {
        return CR_INVALID;
    }
    memcpy(address->service, from, len);
    address->service[len] = '\0';
    *text = from + len;
    return CR_OK;
}

/* [/[db]] to the end */
static cr_err db_take(struct cr_redis_address *address, const char *text)
{
    if (text[0] == '/' && text[1] != '\0' && address->kind != CR_REDIS_CLUSTER) {
        text++;
        return number_take(&address->db, &text, "", DB_MAX);
    }
    return text[0] == '\0' || (text[0] == '/' && text[1] == '\0') ? CR_OK : CR_INVALID;
}

static cr_err url_parse(struct cr_redis_address *address, const char *text)
{
    cr_err err = CR_INVALID;
    switch (address->kind) {
    case CR_REDIS_SERVER:
        CR_TRY(host_take(&address->host[0], &text, CR_REDIS_PORT, "/"));
        address->count = 1;
        break;
    case CR_REDIS_SENTINEL:
        CR_TRY(hosts_take(address, &text, CR_REDIS_SENTINEL_PORT));
        CR_TRY(service_take(address, &text));
        break;
    case CR_REDIS_CLUSTER:
        CR_TRY(hosts_take(address, &text, CR_REDIS_PORT));
        break;
    }
    CR_TRY(db_take(address, text));
out:
    return err;
}

cr_err cr_redis_address_parse(struct cr_redis_address *address, const char *text)
{
    memset(address, 0, sizeof *address);
    if (strncmp(text, "unix:", 5) == 0) {
        text += 5;
    }
    if (text[0] == '/') {
        address->unix_socket = true;
        address->count = 1;
        return cr_text_copy(address->host[0].name, sizeof address->host[0].name, text) == CR_OK ? CR_OK : CR_INVALID;
    }
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i].scheme);
        if (strncmp(text, schemes[i].scheme, len) == 0) {
            address->kind = schemes[i].kind;
            address->tls = schemes[i].tls;
            return url_parse(address, text + len);
        }
    }
    address->count = 1;
    return host_take(&address->host[0], &text, 0, "");
}
