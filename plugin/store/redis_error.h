/* redis_error: what an error answer of Redis means for us. Pure; any thread. */
#ifndef CR_REDIS_ERROR_H
#define CR_REDIS_ERROR_H

#include "common/bytes.h"

enum cr_redis_trouble {
    CR_TROUBLE_NONE,
    CR_TROUBLE_LATER,     /* BUSY, TRYAGAIN …: the same may work soon */
    CR_TROUBLE_WRITES,    /* OOM, MISCONF, NOREPLICAS: it answers, but takes no writes now */
    CR_TROUBLE_ELSEWHERE, /* READONLY, LOADING, MASTERDOWN …: not the server that we want now; connect afresh */
    CR_TROUBLE_ACCESS,    /* NOAUTH, WRONGPASS, NOPERM: somebody must change the configuration */
    CR_TROUBLE_SCRIPTS,   /* NOSCRIPT: load them again */
    CR_TROUBLE_RECORD,    /* WRONGTYPE, or a script stumbled: this record is damaged, others are fine */
};

enum cr_redis_trouble cr_redis_trouble(struct cr_bytes error);

#endif
