/* limiter: token buckets. Pure; the time is handed in, monotonic milliseconds. */
#ifndef CR_LIMITER_H
#define CR_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

/* Tokens are counted in thousandths, so that slow rates lose nothing to rounding. */
struct cr_limiter {
    int64_t milli_tokens;
    int64_t updated_ms;
};

struct cr_limiter_rate {
    unsigned burst;      /* tokens a full bucket holds */
    unsigned per_period; /* tokens that come back … */
    int64_t period_ms;   /* … in this time */
};

/* A full bucket. */
void cr_limiter_init(struct cr_limiter *limiter, const struct cr_limiter_rate *rate, int64_t now_ms);
/* Takes one token. False: none there; *wait_ms (may be NULL) says until when, at least 1. */
bool cr_limiter_take(struct cr_limiter *limiter, const struct cr_limiter_rate *rate, int64_t now_ms, int64_t *wait_ms);
/* Puts back a token that was taken and not used. */
void cr_limiter_give(struct cr_limiter *limiter, const struct cr_limiter_rate *rate);
/* Whether the bucket is full again, so that it need not be remembered. */
bool cr_limiter_full(struct cr_limiter *limiter, const struct cr_limiter_rate *rate, int64_t now_ms);

#endif
