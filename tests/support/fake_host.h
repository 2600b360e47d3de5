/* fake_host: a broker of the mind, for flow tests: clients with certificates, and a record of what was published, logged
 * and kicked. One thread. */
#ifndef CR_FAKE_HOST_H
#define CR_FAKE_HOST_H

#include "plugin/host/host.h"

enum { FAKE_CLIENTS = 4200, FAKE_PUBLICATIONS = 4096 };

struct fake_client {
    struct cr_client client;    /* handle: this fake_client */
    struct cr_blob certificate; /* DER; empty: none */
    unsigned holds;             /* references taken and not dropped */
    bool online;
};

struct fake_publication {
    char client_id[128], topic[256], content_type[64];
    char user[2][2][64];
    unsigned user_count;
    struct cr_blob payload;     /* NUL-terminated for convenience */
    struct cr_blob correlation;
    int qos;
    bool retain;
    uint32_t expiry_s;
    bool seen;                  /* taken by fake_host_take */
};

struct fake_host {
    struct cr_host host;        /* first */
    struct fake_client client[FAKE_CLIENTS];
    unsigned client_count;
    struct fake_publication publication[FAKE_PUBLICATIONS];
    unsigned publication_count;
    unsigned warnings, errors;  /* lines of the log */
    char last_log[512];
    bool publish_fails;
    unsigned kicks;
    char last_kick[128];
    bool kick_full;
};

void fake_host_init(struct fake_host *host);
/* Also fails the test when a certificate is still held. */
void fake_host_fini(struct fake_host *host);

/* A client that is connected; certificate may be empty; protocol 4 or 5. Lent; valid until fini. */
const struct cr_client *fake_host_connect(struct fake_host *host, const char *client_id, struct cr_bytes certificate,
                                          int protocol);
/* Its connection ends; the caller tells the router. */
void fake_host_offline(struct fake_host *host, const struct cr_client *client);

/* The oldest publication not taken yet whose topic ends with `suffix`, to this client (NULL: to anybody). NULL: none.
 * Lent. */
const struct fake_publication *fake_host_take(struct fake_host *host, const char *client_id, const char *suffix);
/* How many publications were not taken yet. */
unsigned fake_host_left(const struct fake_host *host);

#endif
