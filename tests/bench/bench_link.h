/* bench_link: the least of an MQTT 3.1.1 client: over TCP or TLS, one socket, no thread, so that what is measured is the
 * broker. Every failure ends the program; every wait ends after BENCH_WAIT_MS. */
#ifndef CR_BENCH_LINK_H
#define CR_BENCH_LINK_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_WAIT_MS = 20000, BENCH_BUFFER = 1 << 16 };
enum bench_packet_type { BENCH_CONNACK = 2, BENCH_PUBLISH = 3, BENCH_PUBACK = 4, BENCH_SUBACK = 9, BENCH_PINGRESP = 13 };

struct bench_link {
    int fd;
    SSL *ssl; /* NULL: plain TCP */
    uint16_t mid;
    size_t in_start, in_end;
    uint8_t in[BENCH_BUFFER];
};

/* A packet as views into the link's buffer, valid until the next read. */
struct bench_packet {
    enum bench_packet_type type;
    const char *topic; /* PUBLISH; not NUL-terminated */
    size_t topic_len;
    const uint8_t *payload;
    size_t payload_len;
    uint16_t mid;
    uint8_t qos;
};

/* Connects to 127.0.0.1, TCP_NODELAY, TLS when context is not NULL, and MQTT with a clean session; has the CONNACK. */
void bench_link_open(struct bench_link *link, unsigned port, SSL_CTX *context, const char *client_id);
void bench_link_close(struct bench_link *link);

void bench_link_publish(struct bench_link *link, const char *topic, const void *payload, size_t len, int qos);
void bench_link_puback(struct bench_link *link, uint16_t mid);
void bench_link_subscribe(struct bench_link *link, const char *filter, int qos);
void bench_link_ping(struct bench_link *link);
/* Bytes that are packets already. */
void bench_link_send(struct bench_link *link, const void *data, size_t len);
/* Writes a QoS 0 or 1 PUBLISH into data; its length. */
size_t bench_link_pack(uint8_t *data, size_t cap, const char *topic, const void *payload, size_t len, int qos, uint16_t mid);

/* The next packet out of the buffer; false: read more. */
bool bench_link_next(struct bench_link *link, struct bench_packet *packet);
/* Reads what is there without waiting; false: nothing was. */
bool bench_link_read(struct bench_link *link);
/* Waits for the next packet of a type; others are skipped, PUBLISHes with QoS 1 acknowledged. */
void bench_link_wait(struct bench_link *link, enum bench_packet_type type, struct bench_packet *packet);
/* Waits until the socket is readable; the program ends when that takes too long. */
void bench_link_poll(const struct bench_link *link);

/* TCP payload so far, both ways. */
double bench_link_bytes(const struct bench_link *link);

#endif
