#include "plugin/worker/signer.h"

#include <stdlib.h>

struct key_signer {
    struct cr_private_key *key;
    const struct cr_key_backend *backend;
    enum cr_sig_alg alg;
};

static cr_err key_sign(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    const struct key_signer *signer = ctx;
    return signer->backend->sign(signer->key, signer->alg, tbs, sig, sig_len);
}

static void key_free(void *ctx)
{
    struct key_signer *signer = ctx;
    signer->backend->private_free(signer->key);
    free(signer);
}

cr_err cr_signer_of_key(struct cr_signer *signer, struct cr_private_key *key, const struct cr_key_backend *backend)
{
    struct key_signer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return CR_NOMEM;
    }
    *made = (struct key_signer){ key, backend, cr_sig_alg_for(backend->private_type(key)) };
    *signer = (struct cr_signer){ key_sign, key_free, made, made->alg };
    return CR_OK;
}

void cr_signer_fini(struct cr_signer *signer)
{
    if (signer->free != NULL) {
        signer->free(signer->ctx);
    }
    *signer = (struct cr_signer){ NULL, NULL, NULL, CR_SIG_NONE };
}
