/* bundles: the trust bundle on this broker, for the files that deal with it. Private to loop/. */
#ifndef CR_BUNDLES_H
#define CR_BUNDLES_H

#include "plugin/loop/loop.h"

struct cr_bundles {
    bool known;               /* the store has told of it, also when there is none */
    struct cr_bundle now;     /* version 0: there is none. Owns its certificates */
    uint64_t highest;         /* version seen so far */
    struct cr_blob message;   /* what devices are sent; empty: not signed yet */
    char signer[CR_ISSUER_ID_TEXT]; /* who signed that */
    bool signing;             /* a worker does */
    int64_t look_ms;          /* when to look whether that is still whoever signs now */
    bool walking, walk_again; /* those that are connected get it; another round is needed */
    struct cr_limiter pace;
    struct cr_limiter events;
};

/* As the store told of it last; NULL: it has not yet. Lent until the next tick. */
const struct cr_bundle *loop_bundle(const struct cr_router *router);
/* The highest version seen so far. */
uint64_t loop_bundle_highest(const struct cr_router *router);

/* Sends a session the bundle as it was signed (replies.c). */
void reply_trust(struct cr_router *router, const struct cr_session *session, struct cr_bytes message);
/* Operators hear that a device could not install it (bundle_report.c). */
void bundles_tell_failed(struct cr_router *router, const struct cr_job *job);

#endif
