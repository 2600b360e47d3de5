#include "tests/unit/journal_signer.h"

static const char *ca_id(void *ctx)
{
    static char id[CR_ISSUER_ID_TEXT];
    const struct test_ca *ca = ctx;
    cr_checkpoint_issuer(id, &ca->cert);
    return id;
}

static cr_err ca_sign(void *ctx, const char *issuer, struct cr_bytes statement, uint8_t *sig, size_t *sig_len)
{
    (void)issuer;
    const struct test_ca *ca = ctx;
    const struct cr_key_backend *backend = cr_key_libcrypto();
    uint8_t message[CR_CHECKPOINT_MESSAGE_CAP];
    size_t len;
    cr_err err = cr_checkpoint_message(message, &len, statement);
    return err != CR_OK ? err
                        : backend->sign(ca->key, cr_sig_alg_for(backend->private_type(ca->key)),
                                        (struct cr_bytes){ message, len }, sig, sig_len);
}

struct cr_checkpoint_signer journal_signer(struct test_ca *ca)
{
    return (struct cr_checkpoint_signer){ ca_id, ca_sign, ca };
}
