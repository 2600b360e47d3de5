/* The choice that a wrong value was perhaps meant to be. */
#include "plugin/renewalctl/options.h"

#include <string.h>

enum { WORD_MAX = 32, NEAR = 3 };

/* A word without its dashes, in lower case, of at most WORD_MAX; returns its length. */
static size_t plain(char word[WORD_MAX], const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < WORD_MAX; i++) {
        if (text[i] != '-' && text[i] != '_') {
            word[n++] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
        }
    }
    return n;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* How many letters have to be changed, put in or taken away (Levenshtein), row by row. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned row[WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1]));
            corner = above;
        }
    }
    return row[b_len];
}

const char *ctl_choice_nearest(const char *choices, const char *value, size_t *len)
{
    char wanted[WORD_MAX], one[WORD_MAX];
    size_t wanted_len = plain(wanted, value, strlen(value));
    const char *found = NULL;
    unsigned best = NEAR + 1;
    for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        size_t choice_len = strcspn(at, "|"), one_len = plain(one, at, choice_len);
        unsigned far = distance(wanted, wanted_len, one, one_len);
        if (far < best && far * 2 < one_len) {
            best = far;
            found = at;
            *len = choice_len;
        }
    }
    return found;
}
