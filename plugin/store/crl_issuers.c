/* Whose CRLs there are. */
#include "plugin/store/crl_maker.h"

#include <stdlib.h>
#include <string.h>

/* Those of the newest setup; what is known of those that stay is kept. */
void crl_issuers_take(struct store_crl *crl, struct cr_setup *setup)
{
    struct crl_issuer *former = calloc(CRL_ISSUERS_MAX, sizeof *former);
    struct cr_issuer_info info;
    unsigned former_count = crl->count;
    bool anew = crl->setup == NULL || crl->setup->trust != setup->trust ||
                crl->setup->config.crl_publish != setup->config.crl_publish;
    if (former == NULL) {
        return; /* tried again in a second */
    }
    memcpy(former, crl->issuer, sizeof crl->issuer);
    memset(crl->issuer, 0, sizeof crl->issuer);
    crl->count = 0;
    for (unsigned n = 0; crl->count < CRL_ISSUERS_MAX && cr_trust_info(setup->trust, n, &info) == CR_OK; n++) {
        struct crl_issuer *issuer = &crl->issuer[crl->count];
        bool known = false;
        for (unsigned i = 0; i < crl->count; i++) { /* a CA may have had its key certified again */
            known = known || strcmp(crl->issuer[i].id, info.id) == 0;
        }
        if (known) {
            continue;
        }
        for (unsigned i = 0; i < former_count; i++) {
            if (strcmp(former[i].id, info.id) == 0) {
                *issuer = former[i];
                former[i].list.der = (struct cr_blob){ NULL, 0 };
            }
        }
        memcpy(issuer->id, info.id, sizeof issuer->id);
        issuer->signer = cr_trust_signer_of(setup->trust, info.id);
        issuer->bad_number = 0; /* judged by another trust */
        issuer->untold = issuer->list.der.len > 0 && (issuer->untold || anew);
        crl->count++;
    }
    for (unsigned i = 0; i < former_count; i++) {
        cr_blob_fini(&former[i].list.der);
    }
    free(former);
    cr_setup_drop(crl->setup);
    crl->setup = cr_setup_hold(setup);
    crl->dirty = true;
    crl->loaded = crl->loaded && crl->count <= former_count;
}
