#include "plugin/store/checkpoint.h"

#include <string.h>

static const char prefix[] = "mosquitto-cert-renewal journal checkpoint 1"; /* and its NUL */

enum { SIGNATURE_HEAD = sizeof ",\"signature\":\"" - 1 };

cr_err cr_checkpoint_message(uint8_t message[CR_CHECKPOINT_MESSAGE_CAP], size_t *len, struct cr_bytes statement)
{
    *len = 0;
    if (statement.len > CR_CHECKPOINT_MESSAGE_CAP - sizeof prefix) {
        return CR_FULL;
    }
    memcpy(message, prefix, sizeof prefix);
    memcpy(message + sizeof prefix, statement.data, statement.len);
    *len = sizeof prefix + statement.len;
    return CR_OK;
}

cr_err cr_checkpoint_fields(struct cr_line *fields, const struct cr_chain *chain, int64_t now_s, const char *broker,
                            const struct cr_checkpoint_signer *signer)
{
    char statement[CR_CHECKPOINT_CAP];
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = sizeof sig;
    const char *issuer = signer->issuer != NULL ? signer->issuer(signer->ctx) : "";
    if (issuer[0] == '\0') {
        return CR_NOT_FOUND;
    }
    cr_line_time(fields, "time", now_s);
    cr_line_string(fields, "broker", broker);
    cr_line_string(fields, "what", "checkpoint");
    cr_line_string(fields, "issuer", issuer);
    size_t len = cr_chain_head(chain, statement);
    if (fields->overflow || len + fields->len > sizeof statement) {
        return CR_FULL;
    }
    memcpy(statement + len, fields->text, fields->len);
    cr_err err = signer->sign(signer->ctx, issuer, (struct cr_bytes){ (uint8_t *)statement, len + fields->len }, sig, &sig_len);
    if (err == CR_OK) {
        cr_line_base64(fields, "signature", sig, sig_len);
        err = fields->overflow ? CR_FULL : CR_OK;
    }
    return err;
}

bool cr_checkpoint_is(struct cr_bytes line)
{
    struct cr_bytes what = cr_line_field(line, "what");
    return what.len == 10 && memcmp(what.data, "checkpoint", 10) == 0;
}

static bool is_issuer_id(struct cr_bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        if ((id.data[i] < '0' || id.data[i] > '9') && (id.data[i] < 'a' || id.data[i] > 'f')) {
            return false;
        }
    }
    return id.data != NULL && id.len == CR_ISSUER_ID_TEXT - 1;
}

cr_err cr_checkpoint_read(struct cr_checkpoint *checkpoint, struct cr_bytes line)
{
    struct cr_bytes issuer = cr_line_field(line, "issuer"), text = cr_line_field(line, "signature");
    *checkpoint = (struct cr_checkpoint){ .signature_len = 0 };
    /* The signature is the last thing in the line: nothing stands behind it that it does not cover. */
    if (line.len > CR_CHECKPOINT_CAP || !is_issuer_id(issuer) || text.data == NULL ||
        text.data + text.len + 2 != line.data + line.len || memcmp(text.data + text.len, "\"}", 2) != 0) {
        return CR_INVALID;
    }
    memcpy(checkpoint->issuer, issuer.data, issuer.len);
    checkpoint->statement = (struct cr_bytes){ line.data, (size_t)(text.data - line.data) - SIGNATURE_HEAD };
    return cr_base64_decode(checkpoint->signature, sizeof checkpoint->signature, &checkpoint->signature_len,
                            (const char *)text.data, text.len) == CR_OK
               ? CR_OK
               : CR_INVALID;
}

cr_err cr_checkpoint_verify(const struct cr_checkpoint *checkpoint, const struct cr_cert *issuer,
                            const struct cr_key_backend *backend)
{
    uint8_t message[CR_CHECKPOINT_MESSAGE_CAP];
    struct cr_public_key key;
    size_t len = 0;
    cr_err err = cr_checkpoint_message(message, &len, checkpoint->statement);
    if (err == CR_OK) {
        err = cr_public_key_parse(&key, issuer->spki);
    }
    if (err != CR_OK) {
        return CR_DENIED;
    }
    return backend->verify(&key, cr_sig_alg_for(key.type), (struct cr_bytes){ message, len },
                           (struct cr_bytes){ checkpoint->signature, checkpoint->signature_len });
}

void cr_checkpoint_issuer(char id[CR_ISSUER_ID_TEXT], const struct cr_cert *issuer)
{
    cr_hex_encode(id, issuer->facts.key_hash, (CR_ISSUER_ID_TEXT - 1) / 2);
}
