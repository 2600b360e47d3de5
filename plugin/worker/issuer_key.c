/* What an issuer signs with: a private key from a file. */
#include "plugin/worker/issuer_inside.h"
#include "plugin/worker/secret_file.h"

#include <string.h>

static const char passphrase_key[] = "issuer_passphrase_file";

/* Whether the key that signs is the issuing certificate's: by a signature, which works for any kind of signer. */
cr_err cr_loading_key_fits(struct cr_loading *loading, size_t n)
{
    static const uint8_t probe[] = "does this key belong to that certificate?";
    struct cr_trust *trust = loading->trust;
    const struct cr_signer *signer = &trust->signing[n].signer;
    struct cr_public_key public_key;
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    struct cr_bytes message = { probe, sizeof probe };
    cr_err err = CR_INVALID;
    CR_TRY(cr_public_key_parse(&public_key, trust->signing[n].chain_cert[0].spki));
    CR_TRY(signer->sign(signer->ctx, message, sig, &sig_len));
    err = trust->backend->verify(&public_key, signer->alg, message, (struct cr_bytes){ sig, sig_len });
    if (err == CR_DENIED) {
        cr_loading_complain(loading, "issuer_keyfile %s: is not the key of the first certificate in %s.",
                            loading->config->issuer[n].keyfile, loading->config->issuer[n].certfile);
        err = CR_INVALID;
    }
out:
    return err;
}

static cr_err secret_load(struct cr_loading *loading, const char *key, const char *value, struct cr_secret *secret)
{
    static const char credential[] = "credential:";
    const size_t prefix = sizeof credential - 1;
    const char *problem = NULL;
    cr_err err = key == passphrase_key && strncmp(value, credential, prefix) == 0
                     ? cr_secret_read_credential(secret, value + prefix, &problem)
                     : cr_secret_read(secret, value, &problem);
    if (err != CR_OK && err != CR_NOMEM) {
        cr_loading_complain(loading, "%s %s: %s.", key, value, problem);
        return CR_INVALID;
    }
    return err;
}

cr_err cr_loading_key(struct cr_loading *loading, size_t n)
{
    const struct cr_trust_issuer *issuer = &loading->config->issuer[n];
    bool encrypted = issuer->passphrase_file != NULL && issuer->passphrase_file[0] != '\0';
    struct cr_secret key_text = { NULL, 0, 0 }, passphrase = { NULL, 0, 0 };
    cr_err err = CR_INVALID, second = CR_OK;
    if (encrypted) {
        second = secret_load(loading, passphrase_key, issuer->passphrase_file, &passphrase);
    }
    CR_TRY(secret_load(loading, "issuer_keyfile", issuer->keyfile, &key_text));
    CR_TRY(second);
    if (encrypted) { /* a file's last line has an end that is no part of the passphrase */
        char *text = (char *)passphrase.pages;
        text[strcspn(text, "\r\n")] = '\0';
    }
    err = cr_signer_of_key(&loading->trust->signing[n].signer, (struct cr_bytes){ key_text.pages, key_text.len },
                           encrypted ? (const char *)passphrase.pages : NULL, loading->config->backend);
    if (err == CR_INVALID) {
        cr_loading_complain(loading, "issuer_keyfile %s: %s.", issuer->keyfile,
                            encrypted ? "is not a private key that issuer_passphrase_file opens"
                                      : "is not a private key; an encrypted one needs issuer_passphrase_file");
    }
out:
    cr_secret_fini(&key_text);
    cr_secret_fini(&passphrase);
    return err;
}
