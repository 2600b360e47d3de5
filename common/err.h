/* err: the one error type of the whole project, and the two macros that go with it.
 *
 * A function that can fail returns cr_err and is CR_MUST_USE. Nothing but CR_OK is success. What a device or an
 * operator is told is not a cr_err but a cr_refusal (refusal.h): the two never convert into each other implicitly. */
#ifndef CR_ERR_H
#define CR_ERR_H

#if defined(__GNUC__)
#define CR_MUST_USE __attribute__((warn_unused_result))
#define CR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define CR_MUST_USE
#define CR_PRINTF(fmt, args)
#endif

typedef enum cr_err {
    CR_OK = 0,
    CR_BUG,         /* an invariant of ours is broken; asserted in debug builds */
    CR_NOMEM,       /* an allocation failed */
    CR_FULL,        /* a bound was reached; nothing changed */
    CR_INVALID,     /* input that is not what it must be */
    CR_NOT_FOUND,   /* no such thing */
    CR_DENIED,      /* a rule forbids it */
    CR_TIMEOUT,     /* its deadline passed */
    CR_UNAVAILABLE, /* Redis, the journal or the random source cannot serve now */
    CR_IO,          /* a system call failed; errno says how */
    CR_CRYPTO,      /* a cryptographic library refused */
} cr_err;

/* A fixed English word for logs: "ok", "out of memory" … Never NULL. */
const char *cr_err_text(cr_err err);

/* The only macro that hides control flow: leaves through the function's exit label when a step fails. The function
 * has `cr_err err` (initialised to a failure) and a label `out`. */
#define CR_TRY(step)             \
    do {                         \
        err = (step);            \
        if (err != CR_OK) {      \
            goto out;            \
        }                        \
    } while (0)

#endif
