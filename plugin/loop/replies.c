/* Publishing on the device channel. An answer goes straight to one client, at QoS 1, by its client id.
 *
 * The broker looks that id up only at the top of its loop's next turn, when another client may have taken it over. What a
 * job brings is therefore published in the tick, which in 2.0 is the last thing of a turn: nothing comes between. In 2.1
 * one wait for events comes between, and a client that takes the id over in just that one gets what was meant for its
 * predecessor: a certificate, whose key it does not have. Refusals that are published during an event tell nothing but a
 * code. */
#include "plugin/loop/bundles.h"
#include "plugin/worker/issuer_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const content_types[] = {
    [CR_FORMAT_PEM] = "application/pem-certificate-chain", /* RFC 8555 section 9.1 */
    [CR_FORMAT_DER] = "application/pkix-cert",             /* RFC 2585 section 4.1 */
    [CR_FORMAT_JSON] = "application/json",
};

static const char *reply_client(const struct cr_reply_to *to)
{
    return to->session != NULL ? to->session->client_id : to->client_id;
}

/* False: it was not handed to the broker. */
static bool reply_publish(struct cr_router *router, const struct cr_reply_to *to, enum cr_verb verb,
                          struct cr_publication *publication)
{
    char topic[CR_TOPIC_CAP];

    if (cr_topic_build(topic, sizeof topic, router->setup->config.topic_prefix, to->device, to->slot, verb) != CR_OK) {
        loop_log(router, 'e', "a reply for device %s has no topic", to->device);
        return false;
    }
    publication->client_id = reply_client(to);
    publication->topic = topic;
    publication->qos = 1;
    publication->expiry_s = router->setup->config.trigger_expiry_s;
    publication->correlation = to->correlation;
    if (router->host->ops->publish(router->host, publication) != CR_OK) {
        loop_log(router, 'e', "a reply to client %s could not be queued", reply_client(to));
        return false;
    }
    return true;
}

static bool reply_json(struct cr_router *router, const struct cr_reply_to *to, enum cr_verb verb, cr_err written,
                       struct cr_blob *json)
{
    struct cr_publication publication = { .content_type = content_types[CR_FORMAT_JSON] };
    bool sent;

    if (written != CR_OK) {
        loop_log(router, 'e', "a reply to client %s could not be written: %s", reply_client(to),
                 cr_err_text(written));
        return false;
    }
    publication.payload = cr_blob_view(json);
    sent = reply_publish(router, to, verb, &publication);
    cr_blob_fini(json);
    return sent;
}

void reply_rejected(struct cr_router *router, const struct cr_reply_to *to, enum cr_refusal refusal,
                    const char *renewal_id, unsigned retry_after_s)
{
    struct cr_rejected_message message = { refusal, to->request_id, renewal_id, retry_after_s };
    struct cr_blob json = { NULL, 0 };
    cr_err err = cr_rejected_message_write(&json, &message);

    if ((unsigned)refusal < CR_REFUSAL_COUNT) {
        router->counters.refused[refusal]++;
    }
    (void)reply_json(router, to, CR_VERB_REJECTED, err, &json);
}

void reply_pending(struct cr_router *router, const struct cr_reply_to *to, const char *renewal_id, unsigned retry_after_s)
{
    struct cr_blob json = { NULL, 0 };
    cr_err err = cr_pending_message_write(&json, renewal_id, to->request_id, retry_after_s);

    (void)reply_json(router, to, CR_VERB_PENDING, err, &json);
}

void reply_renew(struct cr_router *router, const struct cr_reply_to *to, const struct cr_slot_record *record)
{
    const struct cr_profile *profile = cr_config_slot(&router->setup->config, to->slot);
    struct cr_renew_message message = {
        .renewal_id = record->renewal_id,
        .slot = to->slot,
        .reason = record->reason,
        .attempt = record->attempt,
        .not_after = record->current.not_after,
        .deadline = record->deadline,
        .key_types = profile != NULL ? profile->key_types : 0,
    };
    struct cr_blob json = { NULL, 0 };
    cr_err err = cr_renew_message_write(&json, &message);

    if (reply_json(router, to, CR_VERB_RENEW, err, &json)) {
        router->counters.delivered++;
        loop_delivered(router, to, record->renewal_id, NULL, record->attempt);
    }
}

void reply_status(struct cr_router *router, const struct cr_reply_to *to, const struct cr_serial *serial,
                  int64_t not_after, int64_t next_renewal)
{
    struct cr_status_message message = { to->request_id, serial, not_after, next_renewal };
    struct cr_blob json = { NULL, 0 };
    cr_err err = cr_status_message_write(&json, &message);

    (void)reply_json(router, to, CR_VERB_STATUS, err, &json);
}

void reply_trust(struct cr_router *router, const struct cr_session *session, struct cr_bytes message)
{
    struct cr_publication publication = { .content_type = content_types[CR_FORMAT_JSON], .payload = message };
    struct cr_reply_to to = { session, session->facts.device, CR_TOPIC_CA_SLOT, "", { NULL, 0 }, NULL };

    (void)reply_publish(router, &to, CR_VERB_TRUST, &publication);
}

/* Leaf and intermediates as one run of DER. */
static cr_err reply_chain(const struct cr_router *router, struct cr_blob *chain,
                          const struct cr_reply_certificate *certificate)
{
    struct cr_bytes rest = cr_trust_chain(router->setup->trust, certificate->issuer);

    chain->data = malloc(certificate->leaf.len + rest.len + 1);
    if (chain->data == NULL) {
        return CR_NOMEM;
    }
    memcpy(chain->data, certificate->leaf.data, certificate->leaf.len);
    if (rest.len > 0) {
        memcpy(chain->data + certificate->leaf.len, rest.data, rest.len);
    }
    chain->len = certificate->leaf.len + rest.len;
    return CR_OK;
}

static cr_err reply_pem(struct cr_blob *pem, struct cr_bytes chain)
{
    size_t cap = chain.len * 2 + 1024; /* base64, line ends and the lines around each certificate */
    struct cr_bytes one;
    cr_err err;

    pem->data = calloc(1, cap);
    if (pem->data == NULL) {
        return CR_NOMEM;
    }
    while ((err = cr_cert_next(&one, &chain)) == CR_OK) {
        CR_TRY(cr_cert_to_pem((char *)pem->data, cap, one));
    }
    err = err == CR_NOT_FOUND ? CR_OK : err;
    pem->len = strlen((const char *)pem->data);
out:
    if (err != CR_OK) {
        cr_blob_fini(pem);
    }
    return err;
}

void reply_certificate(struct cr_router *router, const struct cr_reply_to *to,
                       const struct cr_reply_certificate *certificate)
{
    struct cr_publication publication = { .content_type = content_types[certificate->format] };
    struct cr_blob chain = { NULL, 0 }, text = { NULL, 0 };
    char serial[CR_SERIAL_TEXT];
    cr_err err = CR_BUG;

    cr_serial_text(serial, certificate->serial);
    CR_TRY(reply_chain(router, &chain, certificate));
    if (certificate->format == CR_FORMAT_JSON) {
        struct cr_certificate_message message = {
            certificate->renewal_id,  to->request_id, certificate->serial, certificate->not_before,
            certificate->not_after, cr_blob_view(&chain),
        };

        CR_TRY(cr_certificate_message_write(&text, &message));
        publication.payload = cr_blob_view(&text);
    } else {
        if (certificate->format == CR_FORMAT_PEM) {
            CR_TRY(reply_pem(&text, cr_blob_view(&chain)));
        }
        publication.payload = certificate->format == CR_FORMAT_PEM ? cr_blob_view(&text) : cr_blob_view(&chain);
        if (to->session != NULL && to->session->v5) {
            publication.user_count = 2;
            publication.user[0].name = "renewal-id";
            publication.user[0].value = certificate->renewal_id;
            publication.user[1].name = "serial";
            publication.user[1].value = serial;
        }
    }
    if (reply_publish(router, to, CR_VERB_CERTIFICATE, &publication)) {
        router->counters.delivered++;
        loop_delivered(router, to, certificate->renewal_id, certificate->serial, 0);
    }
out:
    if (err != CR_OK) {
        loop_log(router, 'e', "the certificate %s could not be sent to client %s: %s", serial, reply_client(to),
                 cr_err_text(err));
    }
    cr_blob_fini(&text);
    cr_blob_fini(&chain);
}
