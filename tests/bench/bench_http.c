/* Has `cfssl serve` sign CSRs and says what that took.
 *
 * bench_http plain PORT CLIENTS COUNT PID       HTTP, connections kept alive
 * bench_http mtls PORT CLIENTS COUNT PID DIR    mutual TLS, a new connection for each request, certificates of DIR's CA
 *
 * CLIENTS processes ask at once, COUNT times in all. Prints `name value` lines. Keys, requests and the clients'
 * certificates are made before the clock starts. */
#include "tests/bench/bench_cpu.h"
#include "tests/bench/bench_fleet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS_MAX = 64, REQUEST_CAP = 2048, ANSWER_CAP = 16384, WAIT_S = 20 };

struct wire {
    int fd;
    SSL *ssl; /* NULL: plain */
};

struct client {
    unsigned port, count;
    SSL_CTX *context; /* NULL: plain, kept alive */
    char (*request)[REQUEST_CAP];
};

static void request_make(char *request, unsigned client, unsigned number, bool keep)
{
    char name[32], body[REQUEST_CAP / 2];
    size_t at = 0;
    (void)snprintf(name, sizeof name, "http-%u-%u", client, number);
    struct cr_blob pem = bench_csr_pem(name);
    for (size_t i = 0; i < pem.len && at + 2 < sizeof body; i++) { /* a PEM's only character to escape */
        if (pem.data[i] == '\n') {
            body[at++] = '\\';
            body[at++] = 'n';
        } else {
            body[at++] = (char)pem.data[i];
        }
    }
    body[at] = '\0';
    cr_blob_fini(&pem);
    int n = snprintf(request, REQUEST_CAP,
                     "POST /api/v1/cfssl/sign HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s"
                     "Content-Length: %zu\r\n\r\n{\"certificate_request\":\"%s\"}",
                     keep ? "" : "Connection: close\r\n", at + strlen("{\"certificate_request\":\"\"}"), body);
    if (n >= REQUEST_CAP) {
        bench_die("a request does not fit");
    }
}

static struct wire wire_open(const struct client *client)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)client->port) };
    struct timeval limit = { .tv_sec = WAIT_S };
    struct wire wire = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    int one = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (wire.fd < 0 || setsockopt(wire.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        setsockopt(wire.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        connect(wire.fd, (struct sockaddr *)&to, sizeof to) != 0) {
        bench_die("connect to port %u: %s", client->port, strerror(errno));
    }
    if (client->context != NULL) {
        wire.ssl = SSL_new(client->context);
        if (wire.ssl == NULL || SSL_set_fd(wire.ssl, wire.fd) != 1 || SSL_connect(wire.ssl) != 1) {
            bench_die("TLS: %s", ERR_reason_error_string(ERR_peek_last_error()));
        }
    }
    return wire;
}

static void wire_close(struct wire *wire)
{
    if (wire->ssl != NULL) {
        (void)SSL_shutdown(wire->ssl);
        SSL_free(wire->ssl);
    }
    (void)close(wire->fd);
}

static void wire_write(const struct wire *wire, const char *data, size_t len)
{
    size_t done = 0;
    bool ok = wire->ssl != NULL ? SSL_write_ex(wire->ssl, data, len, &done) == 1 && done == len
                                : send(wire->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
    if (!ok) {
        bench_die("the server does not take a request");
    }
}

static size_t wire_read(const struct wire *wire, char *data, size_t cap)
{
    size_t n = 0;
    if (wire->ssl != NULL) {
        return SSL_read_ex(wire->ssl, data, cap, &n) == 1 ? n : 0;
    }
    ssize_t got = recv(wire->fd, data, cap, 0);
    return got > 0 ? (size_t)got : 0;
}

/* Reads one answer to its end and checks that it is a certificate. */
static void answer_read(const struct wire *wire)
{
    static char answer[ANSWER_CAP];
    size_t have = 0, need = sizeof answer;
    while (have < need) {
        size_t n = wire_read(wire, answer + have, sizeof answer - 1 - have);
        if (n == 0) {
            break;
        }
        have += n;
        answer[have] = '\0';
        const char *end = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "\r\nContent-Length:");
        if (end != NULL && length != NULL && length < end) {
            need = (size_t)(end + 4 - answer) + strtoul(length + 17, NULL, 10);
        } else if (end != NULL && strstr(end, "\r\n0\r\n\r\n") != NULL) {
            need = have; /* chunked, and all there */
        }
        need = need < sizeof answer ? need : sizeof answer;
    }
    answer[have] = '\0';
    if (strstr(answer, "BEGIN CERTIFICATE") == NULL) {
        bench_die("no certificate in the answer: %.300s", answer);
    }
}

static _Noreturn void client_run(const struct client *client, int go)
{
    char byte;
    struct wire wire = { .fd = -1 };
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(go, &byte, 1) < 0) { /* ends when the parent closes its side: everybody starts at once */
        bench_die("read: %s", strerror(errno));
    }
    for (unsigned i = 0; i < client->count; i++) {
        if (wire.fd < 0) {
            wire = wire_open(client);
        }
        wire_write(&wire, client->request[i], strlen(client->request[i]));
        answer_read(&wire);
        if (client->context != NULL) {
            wire_close(&wire);
            wire.fd = -1;
        }
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    bool mtls = argc > 1 && strcmp(argv[1], "mtls") == 0;
    if (argc != (mtls ? 7 : 6) || (!mtls && strcmp(argv[1], "plain") != 0)) {
        (void)fprintf(stderr, "bench_http: plain or mtls, and its arguments; bench_http.c says which\n");
        return 2;
    }
    struct client client = { .port = bench_number("PORT", argv[2], 65535) };
    unsigned clients = bench_number("CLIENTS", argv[3], CLIENTS_MAX), count = bench_number("COUNT", argv[4], 1000000);
    int pid = (int)bench_number("PID", argv[5], 1 << 30), go[2];
    pid_t child[CLIENTS_MAX];
    client.count = count / clients + 1;
    if (mtls) {
        struct bench_ca ca;
        bench_ca_read(&ca, argv[6]);
        client.context = bench_device_context(&ca, "http-client");
        SSL_CTX_set_session_cache_mode(client.context, SSL_SESS_CACHE_OFF);
        bench_ca_fini(&ca);
    }
    client.request = calloc(client.count, sizeof *client.request);
    if (client.request == NULL || pipe(go) != 0) {
        bench_die("out of memory");
    }
    for (unsigned c = 0; c < clients; c++) {
        for (unsigned i = 0; i < client.count; i++) {
            request_make(client.request[i], c, i, !mtls);
        }
        child[c] = fork();
        if (child[c] == 0) {
            (void)close(go[1]);
            client_run(&client, go[0]);
        }
        if (child[c] < 0) {
            bench_die("fork: %s", strerror(errno));
        }
    }
    double cpu_us = bench_cpu_us(pid), start_us = bench_now_us();
    (void)close(go[1]);
    for (unsigned c = 0; c < clients; c++) {
        int status;
        if (waitpid(child[c], &status, 0) != child[c] || status != 0) {
            bench_die("a client failed");
        }
    }
    double took_us = bench_now_us() - start_us, each_us = (bench_cpu_us(pid) - cpu_us) / (client.count * clients);
    printf("http_cpu_us %.2f\nhttp_per_s %.1f\n", each_us, client.count * clients / took_us * 1e6);
    printf("http_certs_per_cpu_s %.1f\n", 1e6 / each_us);
    SSL_CTX_free(client.context);
    free(client.request);
    return 0;
}
