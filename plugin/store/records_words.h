/* records_words: reading the fields of a record, which are words with a blank between each. Private to the files that read
 * records. Pure; any thread. */
#ifndef CR_RECORDS_WORDS_H
#define CR_RECORDS_WORDS_H

#include "plugin/store/record.h"

/* The next word; what remains starts behind the blank. */
struct cr_bytes cr_word_next(struct cr_bytes *rest);
/* With a NUL. CR_INVALID: not there, too long, or with a NUL in it. */
CR_MUST_USE cr_err cr_word_text(char *text, size_t cap, struct cr_bytes word);
/* Digits only, as the scripts write them. CR_INVALID. */
CR_MUST_USE cr_err cr_word_number(int64_t *number, struct cr_bytes word);

/* A field of the device itself, as records.h has them. CR_INVALID: it is not what we would have written. */
CR_MUST_USE cr_err cr_record_device_field(struct cr_device_record *record, struct cr_bytes name, struct cr_bytes value);

#endif
