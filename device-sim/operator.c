#include "device-sim/operator.h"

#include "common/message.h"
#include "common/topic.h"
#include "device-sim/pki_cert.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 100, COMMAND_CAP = 256, RESPONSE_MAX = 256 * 1024, RESPONSE_DEPTH = 8 };

static void problem(struct operator_job *job, const char *text)
{
    if (job->result.problem[0] == '\0') {
        (void)snprintf(job->result.problem, sizeof job->result.problem, "%s", text);
    }
}

static void finish(struct operator_job *job)
{
    if (!job->finished) {
        job->finished = true;
        job->done(job->ctx, &job->result);
    }
}

/* Names and slots are [A-Za-z0-9._:-]: nothing in them needs escaping. */
static cr_err batch_send(struct operator_job *job)
{
    const size_t cap = BATCH_MAX * COMMAND_CAP;
    char *json = malloc(cap);
    if (json == NULL) {
        return CR_NOMEM;
    }
    size_t len = (size_t)snprintf(json, cap, "{\"commands\":[");
    for (unsigned i = 0; i < BATCH_MAX && job->next < job->roster->count; i++) {
        len += (size_t)snprintf(json + len, cap - len,
                                "%s{\"command\":\"triggerRenewal\",\"device\":\"%s\",\"slot\":\"%s\"}",
                                i > 0 ? "," : "", job->roster->names[job->next++], job->slot);
    }
    len += (size_t)snprintf(json + len, cap - len, "]}");
    cr_err err = link_publish(job->open, 1, CR_TOPIC_CONTROL, (const uint8_t *)json, len);
    free(json);
    return err;
}

/* Counts the answers of a batch. */
static void response_read(struct operator_job *job, const uint8_t *payload, size_t len)
{
    cJSON *json = cr_json_parse_strict((struct cr_bytes){ payload, len }, RESPONSE_MAX, RESPONSE_DEPTH);
    const cJSON *answer;
    cJSON_ArrayForEach(answer, cJSON_GetObjectItemCaseSensitive(json, "responses")) {
        const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
        if (error == NULL) {
            job->result.triggered++;
        } else {
            job->result.refused++;
            problem(job, cJSON_IsString(error) ? error->valuestring : "refused");
        }
    }
    if (json == NULL) {
        problem(job, "an answer that cannot be read");
    }
    cJSON_Delete(json);
}

static void on_up(void *ctx)
{
    struct operator_job *job = ctx;
    if (batch_send(job) != CR_OK) {
        problem(job, "the commands could not be sent");
    }
}

static void on_message(void *ctx, const char *topic, const uint8_t *payload, size_t len, const char *renewal_id)
{
    struct operator_job *job = ctx;
    (void)renewal_id;
    if (strcmp(topic, CR_TOPIC_CONTROL_RESPONSE) != 0) {
        return; /* an event, for instance */
    }
    response_read(job, payload, len);
    if (job->next < job->roster->count && batch_send(job) != CR_OK) {
        problem(job, "the commands could not be sent");
    }
}

static void on_delivered(void *ctx, uint32_t id)
{
    (void)ctx, (void)id;
}

static void on_settled(void *ctx)
{
    struct operator_job *job = ctx;
    bool answered = job->result.triggered + job->result.refused == job->roster->count;
    if (answered || job->result.problem[0] != '\0') {
        struct link *link = job->open;
        job->open = NULL;
        link_close(link);
        finish(job);
    }
}

static void on_down(void *ctx, enum link_end end)
{
    struct operator_job *job = ctx;
    job->open = NULL;
    problem(job, end == LINK_REFUSED ? "the broker refused the operator's certificate" : "the connection broke");
    finish(job);
}

static const struct link_handler handler = { on_up, on_message, on_delivered, on_settled, on_down };

cr_err operator_start(struct operator_job *job)
{
    char cert[512], key[512];
    struct pki_pair pair = { 0 };
    int cert_len = snprintf(cert, sizeof cert, "%s/operator.pem", job->dir);
    int key_len = snprintf(key, sizeof key, "%s/operator.key", job->dir);
    if (cert_len >= (int)sizeof cert || key_len >= (int)sizeof key) {
        return CR_FULL;
    }
    cr_err err = pki_pair_load(&pair, cert, key);
    if (err != CR_OK) {
        return err;
    }
    job->identity = (struct tls_identity){ .key = pair.key, .leaf = pair.cert };
    job->link.handler = &handler;
    return link_open(&job->open, &job->link, "operator", &job->identity, NULL, job);
}

void operator_stop(struct operator_job *job)
{
    if (job->open != NULL) {
        struct link *link = job->open;
        job->open = NULL;
        link_close(link);
    }
    job->finished = true;
    tls_identity_fini(&job->identity);
}
