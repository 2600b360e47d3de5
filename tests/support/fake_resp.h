/* fake_resp: something that speaks just enough of Redis' protocol to be taken for one, and answers what a test wants:
 * errors that a real Redis gives only on bad days, halves of answers, nonsense. One thread of its own, on a unix
 * socket. */
#ifndef FAKE_RESP_H
#define FAKE_RESP_H

#include "common/err.h"

enum { FAKE_RESP_PATH = 100 };

struct fake_resp;

CR_MUST_USE cr_err fake_resp_new(struct fake_resp **fake);
void fake_resp_free(struct fake_resp *fake);
const char *fake_resp_path(const struct fake_resp *fake);

/* What every EVALSHA, XRANGE and XREVRANGE is answered with, as it goes over the wire; NULL: that an intent is recorded ('go'), no entry. '\0' ends it.
 * An empty text: nothing, and the connection is closed. */
void fake_resp_scripts(struct fake_resp *fake, const char *answer);
/* The same for HSETNX on a key index; NULL: it was claimed. */
void fake_resp_claims(struct fake_resp *fake, const char *answer);
/* The same for the greeting's HMGET; NULL: schema 1, 4 buckets. */
void fake_resp_meta(struct fake_resp *fake, const char *answer);
/* How many connections were accepted so far, and how many EVALSHA seen. */
unsigned fake_resp_connections(struct fake_resp *fake);
unsigned fake_resp_scripts_seen(struct fake_resp *fake);

#endif
