/* OCSP: which certificate is meant, as the device's record has it, and whether it is revoked, as Redis has it at this
 * moment. The answer is signed elsewhere. */
#include "plugin/store/redis_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void ocsp_ask(struct store_op *op, const char *hash, const char *field,
                     void (*answered)(struct store_op *op, const redisReply *reply))
{
    struct cr_args args;
    struct cr_redis_key key;
    cr_records_plain_key(&key, &op->store->records, hash);
    cr_args_start(&args, "HGET");
    cr_args_bytes(&args, key.text, key.len);
    cr_args_copy(&args, field);
    store_op_send(op, &args, answered);
}

/* The beginning of a value, as text. */
static void value_text(char *text, size_t cap, const redisReply *reply)
{
    struct cr_bytes value = store_reply_bytes(reply);
    size_t len = value.len < cap ? value.len : cap - 1;
    if (len > 0) {
        memcpy(text, value.data, len);
    }
    text[len] = '\0';
}

static void ocsp_revoke(struct cr_ocsp *ocsp, unsigned reason, int64_t at)
{
    ocsp->revoked = true;
    ocsp->reason = cr_revoke_reason_text(reason) != NULL ? reason : CR_REASON_UNSPECIFIED;
    ocsp->revoked_at = at;
}

/* meta: "<retired|revoked|…> <reason> <at>" */
static void on_issuer(struct store_op *op, const redisReply *reply)
{
    struct cr_ocsp *ocsp = op->job->ocsp;
    char text[64], state[16];
    unsigned reason = 0;
    int64_t at = op->job->now_s;
    value_text(text, sizeof text, reply);
    if (!ocsp->revoked && sscanf(text, "%15s %2u %12" SCNd64, state, &reason, &at) >= 1 && strcmp(state, "revoked") == 0) {
        ocsp_revoke(ocsp, reason, at); /* and with it everything that it has signed */
    }
    op->job->outcome = CR_OUT_NONE; /* to be signed */
    store_op_finish(op);
}

/* of:<issuer>: "<reason> <at> …". Whatever is there, it is revoked. */
static void on_entry(struct store_op *op, const redisReply *reply)
{
    struct cr_ocsp *ocsp = op->job->ocsp;
    char text[64], field[8 + CR_ISSUER_ID_TEXT];
    unsigned reason = 0;
    int64_t at = op->job->now_s;
    if (reply->type == REDIS_REPLY_STRING) {
        value_text(text, sizeof text, reply);
        if (sscanf(text, "%2u %12" SCNd64, &reason, &at) != 2) {
            reason = CR_REASON_UNSPECIFIED;
        }
        ocsp_revoke(ocsp, reason, at);
    }
    (void)snprintf(field, sizeof field, "issuer:%s", ocsp->issuer);
    ocsp_ask(op, "{revoked}:meta", field, on_issuer);
}

static void on_record(struct store_op *op, const redisReply *reply)
{
    struct cr_job *job = op->job;
    struct cr_answer answer;
    char hash[16 + CR_ISSUER_ID_TEXT], serial[CR_SERIAL_TEXT];
    if (store_take_record(op, &answer, reply) != CR_OK) {
        return;
    }
    if (job->record == NULL) {
        store_op_refuse(op, CR_REFUSAL_UNKNOWN_DEVICE, 0);
        return;
    }
    bool no_slot = job->slot[0] != '\0' && cr_device_record_slot(job->record, job->slot) == NULL;
    if (!cr_ocsp_find(job->ocsp, job->record, job->slot)) {
        store_op_refuse(op, no_slot ? CR_REFUSAL_UNKNOWN_SLOT : CR_REFUSAL_UNKNOWN_CERTIFICATE, 0);
        return;
    }
    (void)snprintf(hash, sizeof hash, "{revoked}:of:%s", job->ocsp->issuer);
    cr_serial_text(serial, &job->ocsp->serial);
    ocsp_ask(op, hash, serial, on_entry);
}

void store_ocsp_start(struct store_op *op)
{
    struct cr_args args;
    if (op->job->ocsp == NULL || cr_args_read(&args, &op->store->records, op->job, false) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_record);
}
