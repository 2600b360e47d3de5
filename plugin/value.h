/* value: the values of a configuration file: text in, a number, a time, a choice out. Pure; any thread.
 *
 * Every function returns CR_INVALID for a value that is not what it must be, with the rest of a sentence that begins
 * with the key in `why` ("must be true or false"). Bounds are inclusive. */
#ifndef CR_VALUE_H
#define CR_VALUE_H

#include "common/bytes.h"

enum { CR_WHY_CAP = 200 };

struct cr_why {
    char text[CR_WHY_CAP];
};

/* Sets the sentence; always CR_INVALID. */
cr_err cr_why_set(struct cr_why *why, const char *format, ...) CR_PRINTF(2, 3);

/* Digits and a unit: ms, s, m, h, d. */
CR_MUST_USE cr_err cr_value_duration_ms(int64_t *ms, const char *text, int64_t min_ms, int64_t max_ms,
                                        struct cr_why *why);
CR_MUST_USE cr_err cr_value_unsigned(unsigned *value, const char *text, unsigned min, unsigned max, struct cr_why *why);
/* Bytes: digits and a unit, K, M, G or T, each 1024 of the one before. */
CR_MUST_USE cr_err cr_value_size(int64_t *bytes, const char *text, int64_t min, int64_t max, struct cr_why *why);
/* "33%" or "33.3%", in thousandths. */
CR_MUST_USE cr_err cr_value_permille(unsigned *permille, const char *text, unsigned max_permille, struct cr_why *why);
/* "true" or "false". */
CR_MUST_USE cr_err cr_value_bool(bool *value, const char *text, struct cr_why *why);
/* Copies text that fits and is not empty. */
CR_MUST_USE cr_err cr_value_text(char *to, size_t cap, const char *text, struct cr_why *why);
/* An http or https URL of printable ASCII without blanks. */
CR_MUST_USE cr_err cr_value_url(char *to, size_t cap, const char *text, struct cr_why *why);

/* A word and what it stands for; a NULL word ends a list. */
struct cr_word {
    const char *word;
    unsigned value;
};
/* Exactly one of the words. */
CR_MUST_USE cr_err cr_value_choice(unsigned *value, const char *text, const struct cr_word *words, struct cr_why *why);
/* One or more of them, apart by blanks or commas, or'ed; none twice. */
CR_MUST_USE cr_err cr_value_flags(unsigned *flags, const char *text, const struct cr_word *words, struct cr_why *why);

/* Where Redis is. The address comes out as store/redis_address.h reads it; user and password of a URL (percent-encoding
 * undone) in buffers of `cap` bytes, "" where there are none. */
CR_MUST_USE cr_err cr_value_redis(char *address, size_t address_cap, char *user, char *password, size_t cap,
                                  const char *text, struct cr_why *why);

/* Strict UTF-8 (RFC 3629), without NUL. */
bool cr_value_utf8_ok(struct cr_bytes text);

/* Edits (insert, delete, replace, swap neighbours) between two words; 99 when either is longer than 40. */
unsigned cr_value_distance(const char *a, const char *b);

#endif
