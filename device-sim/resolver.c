#include "device-sim/resolver.h"

#include "common/bytes.h"
#include "device-sim/pause.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { FRESH_MS = 1000, DEAD_MS = 10000, HOST_CAP = 256 };

/* Shared by the loop and the thread; who comes last frees it. */
struct resolver_question {
    pthread_mutex_t lock;
    struct resolver *asker; /* NULL: gone */
    bool done;
    char host[HOST_CAP];
    struct resolver_answer answer;
};

/* --- the thread --- */

static bool known(const struct resolver_answer *answer, const char *address)
{
    for (unsigned i = 0; i < answer->count; i++) {
        if (strcmp(answer->address[i], address) == 0) {
            return true;
        }
    }
    return false;
}

static void look_up(struct resolver_answer *answer, const char *host)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *all = NULL;
    int rc = getaddrinfo(host, NULL, &hints, &all);
    if (rc != 0) {
        answer->problem = gai_strerror(rc);
        return;
    }
    for (const struct addrinfo *one = all; one != NULL && answer->count < RESOLVER_ADDRESSES_MAX; one = one->ai_next) {
        char *address = answer->address[answer->count];
        if (getnameinfo(one->ai_addr, one->ai_addrlen, address, RESOLVER_ADDRESS_CAP, NULL, 0, NI_NUMERICHOST) == 0 &&
            !known(answer, address)) {
            answer->count++;
        }
    }
    freeaddrinfo(all);
    answer->problem = answer->count > 0 ? NULL : "no address";
}

static void question_free(struct resolver_question *question)
{
    (void)pthread_mutex_destroy(&question->lock);
    free(question);
}

static void *ask_in_thread(void *arg)
{
    struct resolver_question *question = arg;
    look_up(&question->answer, question->host);
    (void)pthread_mutex_lock(&question->lock);
    question->done = true;
    bool alone = question->asker == NULL;
    if (!alone) {
        (void)uv_async_send(&question->asker->told);
    }
    (void)pthread_mutex_unlock(&question->lock);
    if (alone) {
        question_free(question);
    }
    return NULL;
}

static bool thread_start(struct resolver_question *question)
{
    pthread_attr_t attr;
    pthread_t thread;
    if (pthread_attr_init(&attr) != 0) {
        return false;
    }
    bool ok = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
              pthread_create(&thread, &attr, ask_in_thread, question) == 0;
    (void)pthread_attr_destroy(&attr);
    return ok;
}

/* --- the loop --- */

static void on_again(uv_timer_t *timer)
{
    resolver_ask(timer->data);
}

static void failed(struct resolver *resolver, const char *problem)
{
    double chance = (double)(uv_hrtime() % 1000) / 1000;
    double wait_ms = pause_connect_ms(resolver->failures++, false, chance);
    resolver->answer.problem = problem;
    (void)uv_timer_start(&resolver->again, on_again, (uint64_t)wait_ms, 0);
}

static void on_told(uv_async_t *told)
{
    struct resolver *resolver = told->data;
    struct resolver_question *question = resolver->question;
    if (question == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&question->lock);
    bool done = question->done;
    (void)pthread_mutex_unlock(&question->lock);
    if (!done) {
        return;
    }
    resolver->question = NULL;
    if (question->answer.problem == NULL) {
        resolver->answer = question->answer;
        resolver->answered_ms = uv_now(told->loop);
        resolver->failures = 0;
    } else {
        failed(resolver, question->answer.problem);
    }
    question_free(question);
    resolver->answered(resolver->ctx, resolver->answer.problem);
}

cr_err resolver_init(struct resolver *resolver, uv_loop_t *loop, const char *host,
                     void (*answered)(void *ctx, const char *problem), void *ctx)
{
    unsigned char octets[sizeof(struct in6_addr)];
    *resolver = (struct resolver){ .host = host, .answered = answered, .ctx = ctx };
    resolver->told.data = resolver->again.data = resolver;
    if (inet_pton(AF_INET, host, octets) == 1 || inet_pton(AF_INET6, host, octets) == 1) {
        resolver->numeric = cr_text_copy(resolver->answer.address[0], RESOLVER_ADDRESS_CAP, host) == CR_OK;
        resolver->answer.count = resolver->numeric ? 1 : 0;
    }
    return uv_async_init(loop, &resolver->told, on_told) == 0 && uv_timer_init(loop, &resolver->again) == 0 ? CR_OK :
           CR_IO;
}

bool resolver_fresh(const struct resolver *resolver)
{
    return resolver->numeric || (resolver->answer.count > 0 && resolver->answer.problem == NULL &&
                                 uv_now(resolver->told.loop) - resolver->answered_ms < FRESH_MS);
}

void resolver_ask(struct resolver *resolver)
{
    if (resolver->numeric || resolver->question != NULL || uv_is_active((uv_handle_t *)&resolver->again)) {
        return;
    }
    struct resolver_question *question = calloc(1, sizeof *question);
    if (question == NULL || cr_text_copy(question->host, sizeof question->host, resolver->host) != CR_OK ||
        pthread_mutex_init(&question->lock, NULL) != 0) {
        free(question);
        failed(resolver, "out of memory");
        return;
    }
    question->asker = resolver;
    if (!thread_start(question)) {
        question_free(question);
        failed(resolver, "no thread");
        return;
    }
    resolver->question = question;
}

static bool is_dead(const struct resolver *resolver, const char *address)
{
    uint64_t now_ms = uv_now(resolver->told.loop);
    for (unsigned i = 0; i < RESOLVER_DEAD_MAX && i < resolver->deaths; i++) {
        if (now_ms - resolver->dead[i].at_ms < DEAD_MS && strcmp(resolver->dead[i].address, address) == 0) {
            return true;
        }
    }
    return false;
}

const char *resolver_next(struct resolver *resolver)
{
    const struct resolver_answer *answer = &resolver->answer;
    const char *address = NULL;
    for (unsigned i = 0; i < answer->count; i++) {
        address = answer->address[resolver->turn++ % answer->count];
        if (!is_dead(resolver, address)) {
            return address;
        }
    }
    return address;
}

void resolver_dead(struct resolver *resolver, const char *address)
{
    unsigned place = resolver->deaths % RESOLVER_DEAD_MAX;
    if (!is_dead(resolver, address) &&
        cr_text_copy(resolver->dead[place].address, RESOLVER_ADDRESS_CAP, address) == CR_OK) {
        resolver->dead[place].at_ms = uv_now(resolver->told.loop);
        resolver->deaths++;
    }
}

bool resolver_hopes(const struct resolver *resolver)
{
    for (unsigned i = 0; i < resolver->answer.count; i++) {
        if (!is_dead(resolver, resolver->answer.address[i])) {
            return true;
        }
    }
    return false;
}

void resolver_fini(struct resolver *resolver)
{
    struct resolver_question *question = resolver->question;
    resolver->question = NULL;
    if (question == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&question->lock);
    question->asker = NULL;
    bool done = question->done;
    (void)pthread_mutex_unlock(&question->lock);
    if (done) {
        question_free(question);
    }
}
