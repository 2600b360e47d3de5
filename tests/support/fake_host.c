#include "tests/support/fake_host.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct fake_client *fake_client_of(struct fake_host *host, const void *handle)
{
    for (unsigned i = 0; i < host->client_count; i++) {
        if (host->client[i].client.handle == handle) {
            return &host->client[i];
        }
    }
    fail_msg("the host was asked about a client that it does not have");
    return NULL;
}

static void fake_text(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%s", from != NULL ? from : "");
}

static cr_err fake_publish(struct cr_host *base, const struct cr_publication *from)
{
    struct fake_host *host = (struct fake_host *)base;
    struct fake_publication *to;

    if (host->publish_fails) {
        return CR_NOMEM;
    }
    assert_true(host->publication_count < FAKE_PUBLICATIONS);
    assert_true(from->client_id != NULL ? from->qos == 1 && !from->retain : true);
    to = &host->publication[host->publication_count++];
    fake_text(to->client_id, sizeof to->client_id, from->client_id);
    fake_text(to->topic, sizeof to->topic, from->topic);
    fake_text(to->content_type, sizeof to->content_type, from->content_type);
    assert_int_equal(cr_blob_copy(&to->payload, from->payload.data, from->payload.len), CR_OK);
    assert_int_equal(cr_blob_copy(&to->correlation, from->correlation.data, from->correlation.len), CR_OK);
    to->user_count = from->user_count;
    for (unsigned i = 0; i < from->user_count; i++) {
        fake_text(to->user[i][0], sizeof to->user[i][0], from->user[i].name);
        fake_text(to->user[i][1], sizeof to->user[i][1], from->user[i].value);
    }
    to->qos = from->qos;
    to->retain = from->retain;
    to->expiry_s = from->expiry_s;
    return CR_OK;
}

static const void *fake_mark(struct cr_host *base, const struct cr_client *client)
{
    struct fake_client *fake = fake_client_of((struct fake_host *)base, client->handle);

    return fake->online && fake->certificate.len > 0 ? fake->certificate.data : NULL;
}

static cr_err fake_hold(struct cr_host *base, const struct cr_client *client, void **held, struct cr_blob *der)
{
    struct fake_client *fake = fake_client_of((struct fake_host *)base, client->handle);

    *held = NULL;
    if (!fake->online || fake->certificate.len == 0) {
        return CR_NOT_FOUND;
    }
    *der = fake->certificate; /* a view, as the real host gives */
    fake->holds++;
    *held = fake;
    return CR_OK;
}

static void fake_drop(struct cr_host *base, void *held)
{
    struct fake_client *fake = held;

    (void)base;
    assert_true(fake->holds > 0);
    fake->holds--;
}

static cr_err fake_kick(struct cr_host *base, const char *client_id)
{
    struct fake_host *host = (struct fake_host *)base;

    if (host->kick_full) {
        return CR_FULL;
    }
    host->kicks++;
    fake_text(host->last_kick, sizeof host->last_kick, client_id);
    return CR_OK;
}

static void fake_log(struct cr_host *base, char level, const char *text)
{
    struct fake_host *host = (struct fake_host *)base;

    host->warnings += level == 'w';
    host->errors += level == 'e';
    fake_text(host->last_log, sizeof host->last_log, text);
}

static const struct cr_host_ops fake_ops = {
    .publish = fake_publish,
    .certificate_mark = fake_mark,
    .certificate_hold = fake_hold,
    .certificate_drop = fake_drop,
    .kick = fake_kick,
    .log = fake_log,
};

void fake_host_init(struct fake_host *host)
{
    memset(host, 0, sizeof *host);
    host->host.ops = &fake_ops;
}

void fake_host_fini(struct fake_host *host)
{
    for (unsigned i = 0; i < host->client_count; i++) {
        assert_int_equal(host->client[i].holds, 0);
        cr_blob_fini(&host->client[i].certificate);
    }
    for (unsigned i = 0; i < host->publication_count; i++) {
        cr_blob_fini(&host->publication[i].payload);
        cr_blob_fini(&host->publication[i].correlation);
    }
}

/* A place for another client; once all were used, that of one who left. */
static struct fake_client *fake_client_place(struct fake_host *host)
{
    if (host->client_count < FAKE_CLIENTS) {
        return &host->client[host->client_count++];
    }
    for (unsigned i = 0; i < FAKE_CLIENTS; i++) {
        if (!host->client[i].online && host->client[i].holds == 0) {
            cr_blob_fini(&host->client[i].certificate);
            return &host->client[i];
        }
    }
    fail_msg("more clients at once than the fake host has places for");
    return NULL;
}

const struct cr_client *fake_host_connect(struct fake_host *host, const char *client_id, struct cr_bytes certificate,
                                          int protocol)
{
    struct fake_client *fake = fake_client_place(host);

    fake->client = (struct cr_client){
        .handle = fake, .id = client_id, .address = "127.0.0.1", .protocol = protocol,
    };
    fake->online = true;
    assert_int_equal(cr_blob_copy(&fake->certificate, certificate.data, certificate.len), CR_OK);
    return &fake->client;
}

void fake_host_offline(struct fake_host *host, const struct cr_client *client)
{
    struct fake_client *fake = fake_client_of(host, client->handle);

    fake->online = false;
    fake->client.address = NULL;
}

static bool fake_ends_with(const char *text, const char *suffix)
{
    size_t text_len = strlen(text), suffix_len = strlen(suffix);

    return text_len >= suffix_len && strcmp(text + text_len - suffix_len, suffix) == 0;
}

const struct fake_publication *fake_host_take(struct fake_host *host, const char *client_id, const char *suffix)
{
    for (unsigned i = 0; i < host->publication_count; i++) {
        struct fake_publication *publication = &host->publication[i];

        if (!publication->seen && fake_ends_with(publication->topic, suffix) &&
            (client_id == NULL || strcmp(publication->client_id, client_id) == 0)) {
            publication->seen = true;
            return publication;
        }
    }
    return NULL;
}

unsigned fake_host_left(const struct fake_host *host)
{
    unsigned left = 0;

    for (unsigned i = 0; i < host->publication_count; i++) {
        left += !host->publication[i].seen;
    }
    return left;
}
