#include "tests/bench/meters_host.h"

#include "tests/bench/bench_cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct meters_client *client_of(const struct cr_client *client)
{
    return (struct meters_client *)client->handle; /* our own, made in meters_host_connect */
}

static enum meters_verb verb_of(const char *topic)
{
    static const char *const verbs[] = {
        [METERS_RENEW] = "renew", [METERS_CERTIFICATE] = "certificate", [METERS_REJECTED] = "rejected"
    };
    const char *verb = strrchr(topic, '/');
    for (unsigned i = 0; verb != NULL && i < METERS_OTHER; i++) {
        if (strcmp(verb + 1, verbs[i]) == 0) {
            return (enum meters_verb)i;
        }
    }
    return METERS_OTHER;
}

static struct meters_message *message_room(struct meters_host *host)
{
    if (host->first > 0 && host->first == host->count) {
        host->first = host->count = 0;
    }
    if (host->count == host->room) {
        host->room = host->room > 0 ? 2 * host->room : 256;
        host->message = realloc(host->message, host->room * sizeof *host->message);
        if (host->message == NULL) {
            bench_die("out of memory");
        }
    }
    return &host->message[host->count++];
}

static cr_err host_publish(struct cr_host *base, const struct cr_publication *publication)
{
    struct meters_host *host = (struct meters_host *)base;
    if (publication->client_id == NULL) {
        return CR_OK; /* figures and events: nobody subscribed */
    }
    for (unsigned i = 0; i < METERS_CLIENTS; i++) {
        struct meters_client *client = &host->client[i];
        if (!client->online || strcmp(client->id, publication->client_id) != 0) {
            continue;
        }
        struct cr_blob payload;
        if (cr_blob_copy(&payload, publication->payload.data, publication->payload.len) != CR_OK) {
            return CR_NOMEM;
        }
        if (client->certificate.len == 0) {
            cr_blob_fini(&host->response);
            host->response = payload;
        } else {
            *message_room(host) =
                (struct meters_message){ i, client->connection, verb_of(publication->topic), payload };
        }
        return CR_OK;
    }
    return CR_OK; /* it left: a clean session's messages go with it */
}

static const void *host_mark(struct cr_host *base, const struct cr_client *client)
{
    (void)base;
    return client_of(client)->certificate.data;
}

static cr_err host_hold(struct cr_host *base, const struct cr_client *client, void **held, struct cr_blob *der)
{
    (void)base;
    struct meters_client *ours = client_of(client);
    *held = NULL;
    if (ours->certificate.len == 0) {
        return CR_NOT_FOUND;
    }
    *der = (struct cr_blob){ (uint8_t *)ours->certificate.data, ours->certificate.len }; /* a view */
    ours->holds++;
    *held = ours;
    return CR_OK;
}

static void host_drop(struct cr_host *base, void *held)
{
    (void)base;
    ((struct meters_client *)held)->holds--;
}

/* Whoever is awake leaves as soon as the plugin has nothing more to say. */
static cr_err host_kick(struct cr_host *base, const char *client_id)
{
    (void)base;
    (void)client_id;
    return CR_OK;
}

/* Only the loop logs here: the store is given no log. */
static void host_log(struct cr_host *base, char level, const char *text)
{
    struct meters_host *host = (struct meters_host *)base;
    (void)text;
    host->warnings += level == 'w' || level == 'e';
}

static const struct cr_host_ops host_ops = {
    .publish = host_publish,
    .certificate_mark = host_mark,
    .certificate_hold = host_hold,
    .certificate_drop = host_drop,
    .kick = host_kick,
    .log = host_log,
};

void meters_host_init(struct meters_host *host)
{
    memset(host, 0, sizeof *host);
    host->host.ops = &host_ops;
}

void meters_host_fini(struct meters_host *host)
{
    for (unsigned i = host->first; i < host->count; i++) {
        cr_blob_fini(&host->message[i].payload);
    }
    free(host->message);
    cr_blob_fini(&host->response);
}

struct meters_client *meters_host_connect(struct meters_host *host, unsigned place, const char *id,
                                          struct cr_bytes certificate, const char *username)
{
    struct meters_client *client = &host->client[place];
    unsigned connection = client->connection + 1;
    *client = (struct meters_client){ .certificate = certificate, .connection = connection, .online = true };
    (void)snprintf(client->id, sizeof client->id, "%s", id);
    client->client = (struct cr_client){
        .handle = client,
        .id = client->id,
        .username = username,
        .address = "192.0.2.1",
        .protocol = 5,
    };
    return client;
}

void meters_host_disconnect(struct meters_host *host, struct meters_client *client)
{
    (void)host;
    if (client->holds > 0) {
        bench_die("the plugin still holds the certificate of %s, which left", client->id);
    }
    client->online = false;
}

bool meters_host_take(struct meters_host *host, struct meters_message *message)
{
    while (host->first < host->count) {
        *message = host->message[host->first++];
        const struct meters_client *client = &host->client[message->client];
        if (client->online && client->connection == message->connection) {
            return true;
        }
        cr_blob_fini(&message->payload);
    }
    return false;
}
