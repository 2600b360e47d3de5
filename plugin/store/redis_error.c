#include "plugin/store/redis_error.h"

#include <string.h>

static const struct {
    const char *code;
    enum cr_redis_trouble trouble;
} codes[] = {
    { "NOSCRIPT", CR_TROUBLE_SCRIPTS },      { "READONLY", CR_TROUBLE_ELSEWHERE },
    { "LOADING", CR_TROUBLE_ELSEWHERE },     { "MASTERDOWN", CR_TROUBLE_ELSEWHERE },
    { "MOVED", CR_TROUBLE_ELSEWHERE },       { "CLUSTERDOWN", CR_TROUBLE_ELSEWHERE },
    { "OOM", CR_TROUBLE_WRITES },            { "MISCONF", CR_TROUBLE_WRITES },
    { "NOREPLICAS", CR_TROUBLE_WRITES },     { "BUSY", CR_TROUBLE_LATER },
    { "TRYAGAIN", CR_TROUBLE_LATER },        { "UNBLOCKED", CR_TROUBLE_LATER },
    { "NOAUTH", CR_TROUBLE_ACCESS },         { "WRONGPASS", CR_TROUBLE_ACCESS },
    { "NOPERM", CR_TROUBLE_ACCESS },         { "DENIED", CR_TROUBLE_ACCESS },
    { "WRONGTYPE", CR_TROUBLE_RECORD },
};

static bool begins_with_word(struct cr_bytes text, const char *word)
{
    size_t len = strlen(word);
    return text.len >= len && memcmp(text.data, word, len) == 0 &&
           (text.len == len || text.data[len] == ' ' || text.data[len] == ':' || text.data[len] == '\r');
}

enum cr_redis_trouble cr_redis_trouble(struct cr_bytes error)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (begins_with_word(error, codes[i].code)) {
            return codes[i].trouble;
        }
    }
    /* Before Redis 7 an error inside a script stands in the middle: "ERR Error running script (…): …: -OOM command …"
     */
    for (struct cr_bytes rest = error; rest.len > 0; rest.data++, rest.len--) {
        if (rest.data[0] == ' ' || rest.data[0] == '-') {
            struct cr_bytes word = { rest.data + 1, rest.len - 1 };
            for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
                if (codes[i].trouble != CR_TROUBLE_SCRIPTS && begins_with_word(word, codes[i].code)) {
                    return codes[i].trouble;
                }
            }
        }
    }
    return CR_TROUBLE_RECORD;
}
