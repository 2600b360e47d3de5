/* issuer_inside: what issuer.c and issuer_load.c share; nobody else includes it. */
#ifndef CR_ISSUER_INSIDE_H
#define CR_ISSUER_INSIDE_H

#include "plugin/worker/issuer.h"
#include "plugin/worker/signer.h"

enum { CR_TRUST_ISSUERS_MAX = 64, CR_CHAIN_MAX = 8 };

struct cr_trusted {
    struct cr_cert cert; /* views into one of `ders` */
    char id[CR_ISSUER_ID_TEXT];
};

struct cr_trust {
    const struct cr_key_backend *backend;
    struct cr_signer signer;
    struct cr_blob *ders; /* what the files held, one blob a file: the issuing certificate's file first */
    size_t der_count;
    struct cr_cert chain_cert[CR_CHAIN_MAX]; /* all of issuer_certfile, the issuing certificate first */
    size_t chain_count;
    struct cr_bytes chain; /* of ders[0]: without the root at its end */
    struct cr_trusted issuer[CR_TRUST_ISSUERS_MAX]; /* [0] signs */
    size_t issuer_count;
};

#endif
