#include "plugin/loop/limiter.h"

#include <stddef.h>

enum { MILLI = 1000 };

void cr_limiter_init(struct cr_limiter *limiter, const struct cr_limiter_rate *rate, int64_t now_ms)
{
    limiter->milli_tokens = (int64_t)rate->burst * MILLI;
    limiter->updated_ms = now_ms;
}

static void limiter_refill(struct cr_limiter *limiter, const struct cr_limiter_rate *rate, int64_t now_ms)
{
    int64_t full = (int64_t)rate->burst * MILLI;
    int64_t elapsed_ms = now_ms - limiter->updated_ms;
    int64_t longest_ms = rate->per_period == 0 ? INT64_MAX : full * rate->period_ms / (MILLI * (int64_t)rate->per_period) + 1;
    int64_t gained;

    if (elapsed_ms <= 0) {
        return;
    }
    if (elapsed_ms >= longest_ms) {
        limiter->milli_tokens = full;
        limiter->updated_ms = now_ms;
        return;
    }
    gained = elapsed_ms * MILLI * (int64_t)rate->per_period / rate->period_ms;
    if (gained > 0) { /* else the time is kept until it makes a thousandth */
        limiter->milli_tokens = limiter->milli_tokens + gained > full ? full : limiter->milli_tokens + gained;
        limiter->updated_ms += gained * rate->period_ms / (MILLI * (int64_t)rate->per_period);
    }
}

bool cr_limiter_take(struct cr_limiter *limiter, const struct cr_limiter_rate *rate, int64_t now_ms, int64_t *wait_ms)
{
    limiter_refill(limiter, rate, now_ms);
    if (limiter->milli_tokens >= MILLI) {
        limiter->milli_tokens -= MILLI;
        return true;
    }
    if (wait_ms != NULL) {
        int64_t missing = MILLI - limiter->milli_tokens;
        int64_t speed = MILLI * (int64_t)rate->per_period;

        *wait_ms = speed == 0 ? rate->period_ms
                              : (missing * rate->period_ms + speed - 1) / speed - (now_ms - limiter->updated_ms);
        if (*wait_ms < 1) {
            *wait_ms = 1;
        }
    }
    return false;
}

void cr_limiter_give(struct cr_limiter *limiter, const struct cr_limiter_rate *rate)
{
    int64_t full = (int64_t)rate->burst * MILLI;

    limiter->milli_tokens = limiter->milli_tokens + MILLI > full ? full : limiter->milli_tokens + MILLI;
}

bool cr_limiter_full(struct cr_limiter *limiter, const struct cr_limiter_rate *rate, int64_t now_ms)
{
    limiter_refill(limiter, rate, now_ms);
    return limiter->milli_tokens >= (int64_t)rate->burst * MILLI;
}
