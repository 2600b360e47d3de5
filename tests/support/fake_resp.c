#include "tests/support/fake_resp.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_CAP = 8192, BUFFER = 256 * 1024, NAME_CAP = 32 };

struct answer {
    bool set;
    char text[ANSWER_CAP];
};

struct fake_resp {
    char dir[64], path[FAKE_RESP_PATH];
    int listener, stop[2];
    pthread_t thread;
    pthread_mutex_t lock;
    struct answer scripts, claims, meta;
    unsigned connections, scripts_seen;
    char buffer[BUFFER];
    size_t len;
};

/* One request in the buffer: its length, its name and its first argument; 0: not whole yet. */
static size_t request_take(const char *text, size_t len, char name[NAME_CAP], char key[NAME_CAP])
{
    size_t at = 0;
    long count = 0;
    name[0] = key[0] = '\0';
    for (long i = -1; i < count; i++) {
        const char *end = len > at ? memchr(text + at, '\n', len - at) : NULL;
        if (end == NULL) {
            return 0;
        }
        long number = strtol(text + at + 1, NULL, 10);
        at = (size_t)(end - text) + 1;
        if (i < 0) {
            count = number;
            continue;
        }
        if (len < at + (size_t)number + 2) {
            return 0;
        }
        if (i < 2) {
            (void)snprintf(i == 0 ? name : key, NAME_CAP, "%.*s", (int)number, text + at);
        }
        at += (size_t)number + 2;
    }
    return at;
}

static bool send_text(int fd, const char *text)
{
    size_t len = strlen(text);
    return len > 0 && send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool send_answer(struct fake_resp *fake, int fd, const struct answer *answer, const char *usual)
{
    char text[ANSWER_CAP];
    (void)pthread_mutex_lock(&fake->lock);
    (void)snprintf(text, sizeof text, "%s", answer->set ? answer->text : usual);
    (void)pthread_mutex_unlock(&fake->lock);
    return send_text(fd, text);
}

/* False: the connection is to be closed. */
static bool answer_one(struct fake_resp *fake, int fd, const char *name, const char *key)
{
    if (strcmp(name, "EVALSHA") == 0) {
        (void)pthread_mutex_lock(&fake->lock);
        fake->scripts_seen++;
        (void)pthread_mutex_unlock(&fake->lock);
        return send_answer(fake, fd, &fake->scripts,
                           "*5\r\n$2\r\ngo\r\n$0\r\n\r\n$36\r\n11111111-2222-4333-8444-555555555555\r\n$1\r\n0\r\n"
                           "$1\r\n1\r\n");
    }
    if (strcmp(name, "XRANGE") == 0 || strcmp(name, "XREVRANGE") == 0) {
        return send_answer(fake, fd, &fake->scripts, "*0\r\n");
    }
    if (strcmp(name, "HMGET") == 0) {
        return send_answer(fake, fd, &fake->meta, "*3\r\n$1\r\n1\r\n$1\r\n4\r\n$5\r\nepoch\r\n");
    }
    if (strcmp(name, "HSETNX") == 0 && strstr(key, ":keys") != NULL) {
        return send_answer(fake, fd, &fake->claims, ":1\r\n");
    }
    if (strcmp(name, "HGET") == 0) {
        return send_text(fd, "$5\r\nepoch\r\n");
    }
    if (strcmp(name, "CONFIG") == 0) {
        return send_text(fd, "*0\r\n");
    }
    if (strcmp(name, "SCRIPT") == 0) {
        return send_text(fd, "$40\r\n0123456789012345678901234567890123456789\r\n");
    }
    return send_text(fd, strcmp(name, "XADD") == 0 ? "$3\r\n1-1\r\n" : ":1\r\n");
}

static void serve(struct fake_resp *fake, int fd)
{
    fake->len = 0;
    for (;;) {
        struct pollfd wait[2] = { { fd, POLLIN, 0 }, { fake->stop[0], POLLIN, 0 } };
        if (poll(wait, 2, -1) < 0 || wait[1].revents != 0) {
            return;
        }
        ssize_t got = recv(fd, fake->buffer + fake->len, sizeof fake->buffer - fake->len, 0);
        if (got <= 0) {
            return;
        }
        fake->len += (size_t)got;
        char name[NAME_CAP], key[NAME_CAP];
        for (size_t len; (len = request_take(fake->buffer, fake->len, name, key)) > 0;) {
            fake->len -= len;
            memmove(fake->buffer, fake->buffer + len, fake->len);
            if (!answer_one(fake, fd, name, key)) {
                return;
            }
        }
    }
}

static void *thread_main(void *arg)
{
    struct fake_resp *fake = arg;
    for (;;) {
        struct pollfd wait[2] = { { fake->listener, POLLIN, 0 }, { fake->stop[0], POLLIN, 0 } };
        if (poll(wait, 2, -1) < 0 || wait[1].revents != 0) {
            return NULL;
        }
        int fd = accept(fake->listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        (void)pthread_mutex_lock(&fake->lock);
        fake->connections++;
        (void)pthread_mutex_unlock(&fake->lock);
        serve(fake, fd);
        (void)close(fd);
    }
}

cr_err fake_resp_new(struct fake_resp **out)
{
    struct fake_resp *fake = calloc(1, sizeof *fake);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    *out = NULL;
    if (fake == NULL) {
        return CR_NOMEM;
    }
    (void)snprintf(fake->dir, sizeof fake->dir, "/tmp/cr-resp-XXXXXX");
    if (mkdtemp(fake->dir) == NULL || pipe(fake->stop) != 0) {
        free(fake);
        return CR_IO;
    }
    (void)snprintf(fake->path, sizeof fake->path, "%s/s", fake->dir);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", fake->path);
    (void)pthread_mutex_init(&fake->lock, NULL);
    fake->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fake->listener < 0 || bind(fake->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fake->listener, 8) != 0 || pthread_create(&fake->thread, NULL, thread_main, fake) != 0) {
        free(fake);
        return CR_IO;
    }
    *out = fake;
    return CR_OK;
}

void fake_resp_free(struct fake_resp *fake)
{
    if (fake == NULL) {
        return;
    }
    if (write(fake->stop[1], "x", 1) == 1) {
        (void)pthread_join(fake->thread, NULL);
    }
    (void)close(fake->listener);
    (void)close(fake->stop[0]);
    (void)close(fake->stop[1]);
    (void)unlink(fake->path);
    (void)rmdir(fake->dir);
    (void)pthread_mutex_destroy(&fake->lock);
    free(fake);
}

const char *fake_resp_path(const struct fake_resp *fake)
{
    return fake->path;
}

static void set(struct fake_resp *fake, struct answer *answer, const char *text)
{
    (void)pthread_mutex_lock(&fake->lock);
    answer->set = text != NULL;
    (void)snprintf(answer->text, sizeof answer->text, "%s", text != NULL ? text : "");
    (void)pthread_mutex_unlock(&fake->lock);
}

void fake_resp_scripts(struct fake_resp *fake, const char *answer)
{
    set(fake, &fake->scripts, answer);
}

void fake_resp_claims(struct fake_resp *fake, const char *answer)
{
    set(fake, &fake->claims, answer);
}

void fake_resp_meta(struct fake_resp *fake, const char *answer)
{
    set(fake, &fake->meta, answer);
}

unsigned fake_resp_connections(struct fake_resp *fake)
{
    (void)pthread_mutex_lock(&fake->lock);
    unsigned count = fake->connections;
    (void)pthread_mutex_unlock(&fake->lock);
    return count;
}

unsigned fake_resp_scripts_seen(struct fake_resp *fake)
{
    (void)pthread_mutex_lock(&fake->lock);
    unsigned count = fake->scripts_seen;
    (void)pthread_mutex_unlock(&fake->lock);
    return count;
}
