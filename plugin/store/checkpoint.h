/* checkpoint: a line of the journal that is signed with the issuer's key, and so vouches for every line before it.
 *
 *     {"seq":1001,"prev":"…","time":"…Z","broker":"…","what":"checkpoint","issuer":"…","signature":"<base64>"}
 *
 * prev is the hash of the chain so far, and seq less one its number of lines. What is signed is
 *
 *     mosquitto-cert-renewal journal checkpoint 1 NUL {"seq":1001,…,"issuer":"…"
 *
 * which is the octets of that text, one zero octet, and the line itself up to `,"signature":"`. The issuer is the first
 * 16 hex digits of the SHA-256 of the issuing certificate's SubjectPublicKeyInfo. Its key says how: P-256 is ECDSA with
 * SHA-256, P-384 ECDSA with SHA-384 (both an Ecdsa-Sig-Value in DER), RSA is PKCS#1 v1.5 with SHA-256. With openssl:
 *
 *     line=$(grep '"what":"checkpoint"' journal.jsonl | tail -n 1)
 *     { printf 'mosquitto-cert-renewal journal checkpoint 1\0'; printf %s "${line%,\"signature\":*}"; } > signed
 *     s=${line##*:\"}; printf %s "${s%\"\}}" | base64 -d > signature
 *     openssl x509 -in issuer.pem -noout -pubkey > issuer.pub
 *     openssl dgst -sha256 -verify issuer.pub -signature signature signed
 *
 * Such a signature is never one over a certificate, a CRL, a request or an OCSP response: those are DER and begin with
 * the octet 0x30, and this begins with the letter m. Pure; any thread. */
#ifndef CR_CHECKPOINT_H
#define CR_CHECKPOINT_H

#include "common/cert.h"
#include "plugin/store/journal_line.h"

enum {
    CR_CHECKPOINT_CAP = 1536, /* a checkpoint's line */
    CR_CHECKPOINT_MESSAGE_CAP = CR_CHECKPOINT_CAP + 64,
};

/* What signs: somebody who holds the key. */
struct cr_checkpoint_signer {
    /* Who signs now; "" is nobody: there are no checkpoints. */
    const char *(*issuer)(void *ctx);
    /* Signs, as this issuer, the message of this statement; *sig_len in: the capacity, CR_SIGNATURE_MAX. */
    cr_err (*sign)(void *ctx, const char *issuer, struct cr_bytes statement, uint8_t *sig, size_t *sig_len);
    void *ctx;
};

/* The octets that are signed for a statement (the line up to its signature). CR_FULL. */
CR_MUST_USE cr_err cr_checkpoint_message(uint8_t message[CR_CHECKPOINT_MESSAGE_CAP], size_t *len,
                                         struct cr_bytes statement);

/* The fields of the checkpoint that follows this chain, signed, for cr_chain_write(). CR_NOT_FOUND: nobody signs. The
 * signer's error otherwise. */
CR_MUST_USE cr_err cr_checkpoint_fields(struct cr_line *fields, const struct cr_chain *chain, int64_t now_s,
                                        const char *broker, const struct cr_checkpoint_signer *signer);

/* Whether the line says that it is one. */
bool cr_checkpoint_is(struct cr_bytes line);
/* Takes it apart. CR_INVALID: it is not written as one. */
struct cr_checkpoint {
    struct cr_bytes statement;
    char issuer[CR_ISSUER_ID_TEXT];
    uint8_t signature[CR_SIGNATURE_MAX];
    size_t signature_len;
};
CR_MUST_USE cr_err cr_checkpoint_read(struct cr_checkpoint *checkpoint, struct cr_bytes line);
/* Whether this certificate's key made the signature. CR_DENIED: no. */
CR_MUST_USE cr_err cr_checkpoint_verify(const struct cr_checkpoint *checkpoint, const struct cr_cert *issuer,
                                        const struct cr_key_backend *backend);
/* The id of an issuer as a checkpoint names it. */
void cr_checkpoint_issuer(char id[CR_ISSUER_ID_TEXT], const struct cr_cert *issuer);

#endif
