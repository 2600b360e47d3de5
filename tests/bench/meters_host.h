/* meters_host: the broker as the replay has it: devices that are connected right now, and what the plugin sent to them.
 * One thread, the broker loop of the replay. What it cannot do ends the program. */
#ifndef CR_METERS_HOST_H
#define CR_METERS_HOST_H

#include "plugin/host/host.h"

enum { METERS_CLIENTS = 64, METERS_ID_CAP = 24 };

/* What the plugin sent to a connected device. */
enum meters_verb { METERS_RENEW, METERS_CERTIFICATE, METERS_REJECTED, METERS_OTHER };

struct meters_message {
    unsigned client;     /* place in meters_host.client */
    unsigned connection; /* the client's when it was sent */
    enum meters_verb verb;
    struct cr_blob payload; /* owned */
};

struct meters_client {
    struct cr_client client;
    char id[METERS_ID_CAP];
    struct cr_bytes certificate; /* lent by whoever connected it, until it is disconnected; empty: none */
    unsigned device;             /* the caller's */
    unsigned connection;         /* counts those of this place */
    bool online;
    bool asked; /* the caller's: a request was sent on this connection */
    unsigned holds;
};

struct meters_host {
    struct cr_host host;
    struct meters_client client[METERS_CLIENTS];
    struct meters_message *message; /* not taken yet, oldest first */
    unsigned first, count, room;
    struct cr_blob response; /* the last answer on the operator channel */
    unsigned long warnings; /* and errors, in the log */
};

void meters_host_init(struct meters_host *host);
void meters_host_fini(struct meters_host *host);

/* Takes a place for a client. certificate: DER, lent. username NULL: none. */
struct meters_client *meters_host_connect(struct meters_host *host, unsigned place, const char *id,
                                          struct cr_bytes certificate, const char *username);
/* After the plugin was told. */
void meters_host_disconnect(struct meters_host *host, struct meters_client *client);
/* The next message of a connection that still is; false: none. The caller frees its payload. */
bool meters_host_take(struct meters_host *host, struct meters_message *message);

#endif
