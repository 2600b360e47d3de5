#include "tests/bench/bench_link.h"

#include "tests/bench/bench_cpu.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEEPALIVE_S = 600, PACKET_CAP = 16384 };

static void wait_for(int fd, short events)
{
    struct pollfd one = { .fd = fd, .events = events };
    int rc;
    do {
        rc = poll(&one, 1, BENCH_WAIT_MS);
    } while (rc < 0 && errno == EINTR);
    if (rc <= 0) {
        bench_die("the broker has not answered for %d s", BENCH_WAIT_MS / 1000);
    }
}

void bench_link_poll(const struct bench_link *link)
{
    if (link->ssl == NULL || SSL_pending(link->ssl) == 0) {
        wait_for(link->fd, POLLIN);
    }
}

static void tls_wait(struct bench_link *link, int rc)
{
    int problem = SSL_get_error(link->ssl, rc);
    if (problem == SSL_ERROR_WANT_READ) {
        wait_for(link->fd, POLLIN);
    } else if (problem == SSL_ERROR_WANT_WRITE) {
        wait_for(link->fd, POLLOUT);
    } else {
        bench_die("TLS: %s", ERR_reason_error_string(ERR_peek_last_error()));
    }
}

void bench_link_send(struct bench_link *link, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        size_t done = 0;
        if (link->ssl != NULL) {
            int rc = SSL_write_ex(link->ssl, at, len, &done);
            if (rc != 1) {
                tls_wait(link, rc);
                continue;
            }
        } else {
            ssize_t n = send(link->fd, at, len, MSG_NOSIGNAL);
            if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                wait_for(link->fd, POLLOUT);
                continue;
            }
            if (n < 0) {
                bench_die("send: %s", strerror(errno));
            }
            done = (size_t)n;
        }
        at += done;
        len -= done;
    }
}

bool bench_link_read(struct bench_link *link)
{
    if (link->in_start == link->in_end) {
        link->in_start = link->in_end = 0;
    } else if (link->in_start > 0) {
        memmove(link->in, link->in + link->in_start, link->in_end - link->in_start);
        link->in_end -= link->in_start;
        link->in_start = 0;
    }
    size_t room = sizeof link->in - link->in_end, n = 0;
    if (room == 0) {
        bench_die("a packet is larger than the buffer");
    }
    if (link->ssl != NULL) {
        int rc = SSL_read_ex(link->ssl, link->in + link->in_end, room, &n);
        if (rc != 1) {
            int problem = SSL_get_error(link->ssl, rc);
            if (problem == SSL_ERROR_WANT_READ || problem == SSL_ERROR_WANT_WRITE) {
                return false;
            }
            bench_die("the broker closed the connection");
        }
    } else {
        ssize_t got = recv(link->fd, link->in + link->in_end, room, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return false;
        }
        if (got <= 0) {
            bench_die("the broker closed the connection");
        }
        n = (size_t)got;
    }
    link->in_end += n;
    return true;
}

/* MQTT 3.1.1 section 2.2.3: seven bits a byte. 0: not all there. */
static size_t length_read(const uint8_t *data, size_t len, size_t *value)
{
    *value = 0;
    for (size_t i = 0; i < len && i < 4; i++) {
        *value |= (size_t)(data[i] & 0x7f) << (7 * i);
        if ((data[i] & 0x80) == 0) {
            return i + 1;
        }
    }
    return 0;
}

static size_t length_write(uint8_t *data, size_t value)
{
    size_t n = 0;
    do {
        data[n] = (uint8_t)(value & 0x7f);
        value >>= 7;
        data[n] |= value > 0 ? 0x80 : 0;
        n++;
    } while (value > 0);
    return n;
}

static void publish_read(struct bench_packet *packet, uint8_t first, const uint8_t *body, size_t len)
{
    packet->qos = (first >> 1) & 3;
    size_t head = 2 + (packet->qos > 0 ? 2 : 0);
    size_t topic_len = len >= 2 ? (size_t)body[0] << 8 | body[1] : 0;
    if (len < head + topic_len) {
        bench_die("a PUBLISH is cut short");
    }
    packet->topic = (const char *)body + 2;
    packet->topic_len = topic_len;
    if (packet->qos > 0) {
        packet->mid = (uint16_t)(body[2 + topic_len] << 8 | body[3 + topic_len]);
    }
    packet->payload = body + head + topic_len;
    packet->payload_len = len - head - topic_len;
}

bool bench_link_next(struct bench_link *link, struct bench_packet *packet)
{
    const uint8_t *at = link->in + link->in_start;
    size_t have = link->in_end - link->in_start, len;
    size_t head = have > 1 ? length_read(at + 1, have - 1, &len) : 0;
    if (head == 0 || have < 1 + head + len) {
        return false;
    }
    const uint8_t *body = at + 1 + head;
    *packet = (struct bench_packet){ .type = (enum bench_packet_type)(at[0] >> 4) };
    if (packet->type == BENCH_PUBLISH) {
        publish_read(packet, at[0], body, len);
    } else if (packet->type == BENCH_CONNACK) {
        if (len < 2 || body[1] != 0) {
            bench_die("the broker refuses the connection: %d", len < 2 ? -1 : body[1]);
        }
    } else if (len >= 2) {
        packet->mid = (uint16_t)(body[0] << 8 | body[1]);
    }
    link->in_start += 1 + head + len;
    return true;
}

void bench_link_wait(struct bench_link *link, enum bench_packet_type type, struct bench_packet *packet)
{
    for (;;) {
        while (bench_link_next(link, packet)) {
            if (packet->type == BENCH_PUBLISH && packet->qos > 0) {
                bench_link_puback(link, packet->mid);
            }
            if (packet->type == type) {
                return;
            }
        }
        if (!bench_link_read(link)) {
            bench_link_poll(link);
        }
    }
}

static size_t text_write(uint8_t *data, const char *text, size_t len)
{
    data[0] = (uint8_t)(len >> 8);
    data[1] = (uint8_t)len;
    memcpy(data + 2, text, len);
    return len + 2;
}

void bench_link_open(struct bench_link *link, unsigned port, SSL_CTX *context, const char *client_id)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int one = 1;
    link->ssl = NULL;
    link->mid = 0;
    link->in_start = link->in_end = 0;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    link->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->fd < 0 || connect(link->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        bench_die("connect to port %u: %s", port, strerror(errno));
    }
    (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fcntl(link->fd, F_SETFL, O_NONBLOCK) != 0) {
        bench_die("fcntl: %s", strerror(errno));
    }
    if (context != NULL) {
        link->ssl = SSL_new(context);
        if (link->ssl == NULL || SSL_set_fd(link->ssl, link->fd) != 1) {
            bench_die("out of memory");
        }
        for (int rc = SSL_connect(link->ssl); rc != 1; rc = SSL_connect(link->ssl)) {
            tls_wait(link, rc);
        }
    }
    uint8_t packet[256], body[256];
    size_t id_len = strnlen(client_id, 64);
    size_t len = text_write(body, "MQTT", 4);
    body[len++] = 4; /* 3.1.1 */
    body[len++] = 2; /* clean session */
    body[len++] = KEEPALIVE_S >> 8;
    body[len++] = KEEPALIVE_S & 0xff;
    len += text_write(body + len, client_id, id_len);
    packet[0] = 0x10;
    size_t head = 1 + length_write(packet + 1, len);
    memcpy(packet + head, body, len);
    bench_link_send(link, packet, head + len);
    struct bench_packet answer;
    bench_link_wait(link, BENCH_CONNACK, &answer);
}

void bench_link_close(struct bench_link *link)
{
    static const uint8_t disconnect[] = { 0xe0, 0 };
    bench_link_send(link, disconnect, sizeof disconnect);
    SSL_free(link->ssl);
    (void)close(link->fd);
    link->fd = -1;
    link->ssl = NULL;
}

static uint16_t mid_next(struct bench_link *link)
{
    link->mid = (uint16_t)(link->mid == UINT16_MAX ? 1 : link->mid + 1);
    return link->mid;
}

size_t bench_link_pack(uint8_t *data, size_t cap, const char *topic, const void *payload, size_t len, int qos, uint16_t mid)
{
    size_t topic_len = strlen(topic), rest = 2 + topic_len + (qos > 0 ? 2 : 0) + len;
    if (cap < rest + 5) {
        bench_die("a packet does not fit");
    }
    data[0] = (uint8_t)(0x30 | qos << 1);
    size_t at = 1 + length_write(data + 1, rest);
    at += text_write(data + at, topic, topic_len);
    if (qos > 0) {
        data[at++] = (uint8_t)(mid >> 8);
        data[at++] = (uint8_t)mid;
    }
    memcpy(data + at, payload, len);
    return at + len;
}

void bench_link_publish(struct bench_link *link, const char *topic, const void *payload, size_t len, int qos)
{
    uint8_t packet[PACKET_CAP];
    size_t n = bench_link_pack(packet, sizeof packet, topic, payload, len, qos, mid_next(link));
    bench_link_send(link, packet, n);
}

void bench_link_puback(struct bench_link *link, uint16_t mid)
{
    const uint8_t packet[] = { 0x40, 2, (uint8_t)(mid >> 8), (uint8_t)mid };
    bench_link_send(link, packet, sizeof packet);
}

void bench_link_subscribe(struct bench_link *link, const char *filter, int qos)
{
    uint8_t packet[512];
    size_t len = strnlen(filter, 200);
    uint16_t mid = mid_next(link);
    packet[0] = 0x82;
    size_t at = 1 + length_write(packet + 1, 2 + 2 + len + 1);
    packet[at++] = (uint8_t)(mid >> 8);
    packet[at++] = (uint8_t)mid;
    at += text_write(packet + at, filter, len);
    packet[at++] = (uint8_t)qos;
    bench_link_send(link, packet, at);
    struct bench_packet answer;
    bench_link_wait(link, BENCH_SUBACK, &answer);
}

void bench_link_ping(struct bench_link *link)
{
    static const uint8_t packet[] = { 0xc0, 0 };
    bench_link_send(link, packet, sizeof packet);
}

double bench_link_bytes(const struct bench_link *link)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (getsockopt(link->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) {
        bench_die("TCP_INFO: %s", strerror(errno));
    }
    return (double)info.tcpi_bytes_acked + (double)info.tcpi_bytes_received;
}
