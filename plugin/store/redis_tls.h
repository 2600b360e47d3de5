/* redis_tls: TLS to Redis, where hiredis can (its hiredis_ssl, from 1.0 on). The server must prove to be the host that
 * was asked for: its chain and its name are verified, TLS 1.2 or later. */
#ifndef CR_REDIS_TLS_H
#define CR_REDIS_TLS_H

#include "plugin/store/redis_address.h"

#include <hiredis/hiredis.h>
#include <stddef.h>

struct cr_redis_tls;

/* Whether this build can. */
bool cr_redis_tls_built(void);
/* cafile "": the system's CAs. CR_INVALID with a sentence in `why`: this build cannot, or cafile cannot be used. */
CR_MUST_USE cr_err cr_redis_tls_new(struct cr_redis_tls **tls, const char *cafile, char *why, size_t why_cap);
/* Begins the handshake on a new connection to this host. */
CR_MUST_USE cr_err cr_redis_tls_begin(struct cr_redis_tls *tls, redisContext *context, const char *host);
void cr_redis_tls_free(struct cr_redis_tls *tls);

#endif
