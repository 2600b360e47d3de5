#include "plugin/worker/signer.h"

#include "plugin/worker/secret_file.h"
#include "plugin/worker/undumped.h"

#include <stdlib.h>

struct key_signer {
    struct cr_secret der; /* PKCS#8 */
    const struct cr_key_backend *backend;
    enum cr_sig_alg alg;
};

static cr_err key_sign(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    const struct key_signer *signer = ctx;
    cr_undumped_enter();
    cr_err err = signer->backend->sign_once((struct cr_bytes){ signer->der.pages, signer->der.len }, signer->alg, tbs,
                                            sig, sig_len);
    cr_undumped_leave();
    return err;
}

static void key_free(void *ctx)
{
    struct key_signer *signer = ctx;
    cr_secret_fini(&signer->der);
    free(signer);
}

/* Whatever the text was, the key as PKCS#8 without encryption. */
static cr_err key_keep(struct key_signer *signer, struct cr_bytes text, const char *passphrase)
{
    struct cr_private_key *key = NULL;
    cr_err err = CR_INVALID;
    CR_TRY(signer->backend->private_load(&key, text, passphrase));
    CR_TRY(cr_secret_room(&signer->der, CR_KEY_DER_MAX));
    signer->der.len = CR_KEY_DER_MAX;
    CR_TRY(signer->backend->private_der(key, signer->der.pages, &signer->der.len));
    signer->alg = cr_sig_alg_for(signer->backend->private_type(key));
out:
    signer->backend->private_free(key);
    return err;
}

cr_err cr_signer_of_key(struct cr_signer *signer, struct cr_bytes text, const char *passphrase,
                        const struct cr_key_backend *backend)
{
    struct key_signer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return CR_NOMEM;
    }
    made->backend = backend;
    cr_undumped_enter();
    cr_err err = key_keep(made, text, passphrase);
    cr_undumped_leave();
    if (err != CR_OK) {
        key_free(made);
        return err;
    }
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
