/* The simulator's resolver, with a name server that is slow, down, or changes its mind. */
#include "device-sim/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>

enum { DEADLINE_MS = 10000 };

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res);
void __wrap_freeaddrinfo(struct addrinfo *res);

/* --- the name server --- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool holds_back;          /* no answer while this is so */
    unsigned asked, answered;
    int rc;
    const char *address[4];   /* until NULL */
} server = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static struct addrinfo *one_address(const char *address)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in to;
    } *one = calloc(1, sizeof *one);
    if (one == NULL) {
        abort();
    }
    one->to.sin_family = AF_INET;
    if (inet_pton(AF_INET, address, &one->to.sin_addr) != 1) {
        abort();
    }
    one->info.ai_addr = (struct sockaddr *)&one->to;
    one->info.ai_addrlen = sizeof one->to;
    return &one->info;
}

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
    (void)node, (void)service, (void)hints;
    (void)pthread_mutex_lock(&server.lock);
    server.asked++;
    while (server.holds_back) {
        (void)pthread_cond_wait(&server.changed, &server.lock);
    }
    int rc = server.rc;
    for (size_t i = 0; rc == 0 && server.address[i] != NULL; i++) {
        *res = one_address(server.address[i]);
        res = &(*res)->ai_next;
    }
    server.answered++;
    (void)pthread_cond_broadcast(&server.changed);
    (void)pthread_mutex_unlock(&server.lock);
    return rc;
}

void __wrap_freeaddrinfo(struct addrinfo *res)
{
    while (res != NULL) {
        struct addrinfo *next = res->ai_next;
        free(res);
        res = next;
    }
}

static void server_says(bool holds_back, int rc, const char *first, const char *second)
{
    (void)pthread_mutex_lock(&server.lock);
    server.holds_back = holds_back;
    server.rc = rc;
    server.address[0] = first;
    server.address[1] = second;
    (void)pthread_cond_broadcast(&server.changed);
    (void)pthread_mutex_unlock(&server.lock);
}

static unsigned times_asked(void)
{
    (void)pthread_mutex_lock(&server.lock);
    unsigned asked = server.asked;
    (void)pthread_mutex_unlock(&server.lock);
    return asked;
}

/* --- the loop --- */

struct rig {
    uv_loop_t loop;
    struct resolver resolver;
    uv_timer_t tick;
    unsigned ticks, answers;
    const char *problem;
};

static void on_answered(void *ctx, const char *problem)
{
    struct rig *rig = ctx;
    rig->answers++;
    rig->problem = problem;
}

static void on_tick(uv_timer_t *timer)
{
    ((struct rig *)timer->data)->ticks++;
}

static struct rig *rig_new(const char *host)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    server.asked = server.answered = 0;
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    assert_int_equal(resolver_init(&rig->resolver, &rig->loop, host, on_answered, rig), CR_OK);
    assert_int_equal(uv_timer_init(&rig->loop, &rig->tick), 0);
    rig->tick.data = rig;
    assert_int_equal(uv_timer_start(&rig->tick, on_tick, 1, 1), 0);
    return rig;
}

static void rig_free(struct rig *rig)
{
    resolver_fini(&rig->resolver);
    uv_close((uv_handle_t *)&rig->tick, NULL);
    uv_close((uv_handle_t *)&rig->resolver.told, NULL);
    uv_close((uv_handle_t *)&rig->resolver.again, NULL);
    assert_int_equal(uv_run(&rig->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    free(rig);
}

/* Turns the loop until there were so many answers. */
static void answers_come(struct rig *rig, unsigned answers)
{
    uint64_t until = uv_hrtime() / 1000000 + DEADLINE_MS;
    while (rig->answers < answers) {
        (void)uv_run(&rig->loop, UV_RUN_ONCE);
        assert_true(uv_hrtime() / 1000000 < until);
    }
}

/* --- the tests --- */

static void an_address_is_no_question(void **state)
{
    (void)state;
    static const char *const hosts[] = { "127.0.0.1", "::1" };
    for (size_t i = 0; i < 2; i++) {
        struct rig *rig = rig_new(hosts[i]);
        assert_true(resolver_fresh(&rig->resolver));
        resolver_ask(&rig->resolver);
        assert_string_equal(resolver_next(&rig->resolver), hosts[i]);
        assert_int_equal(times_asked(), 0);
        rig_free(rig);
    }
}

static void a_name_is_asked_for_again(void **state)
{
    (void)state;
    struct rig *rig = rig_new("broker");
    server_says(false, 0, "10.0.0.1", "10.0.0.2");
    assert_false(resolver_fresh(&rig->resolver));
    assert_null(resolver_next(&rig->resolver));
    resolver_ask(&rig->resolver);
    resolver_ask(&rig->resolver); /* one is under way */
    answers_come(rig, 1);
    assert_null(rig->problem);
    assert_true(resolver_fresh(&rig->resolver));
    assert_string_equal(resolver_next(&rig->resolver), "10.0.0.1");
    assert_string_equal(resolver_next(&rig->resolver), "10.0.0.2");
    assert_string_equal(resolver_next(&rig->resolver), "10.0.0.1");
    assert_int_equal(times_asked(), 1);

    server_says(false, 0, "10.0.0.3", "10.0.0.3");
    while (resolver_fresh(&rig->resolver)) {
        (void)uv_run(&rig->loop, UV_RUN_ONCE);
    }
    resolver_ask(&rig->resolver);
    answers_come(rig, 2);
    assert_int_equal(rig->resolver.answer.count, 1); /* said twice, counted once */
    assert_string_equal(resolver_next(&rig->resolver), "10.0.0.3");
    rig_free(rig);
}

static void an_address_where_nobody_answers_is_left_out(void **state)
{
    (void)state;
    struct rig *rig = rig_new("broker");
    server_says(false, 0, "10.0.0.1", "10.0.0.2");
    resolver_ask(&rig->resolver);
    answers_come(rig, 1);
    resolver_dead(&rig->resolver, "10.0.0.1");
    assert_true(resolver_hopes(&rig->resolver));
    assert_string_equal(resolver_next(&rig->resolver), "10.0.0.2");
    assert_string_equal(resolver_next(&rig->resolver), "10.0.0.2");
    for (int i = 0; i < 20; i++) {
        resolver_dead(&rig->resolver, "10.0.0.2");
    }
    assert_false(resolver_hopes(&rig->resolver));
    assert_non_null(resolver_next(&rig->resolver)); /* there is no better one */
    assert_int_equal(rig->resolver.deaths, 2);
    rig_free(rig);
}

static void what_is_not_found_is_asked_for_again_by_itself(void **state)
{
    (void)state;
    struct rig *rig = rig_new("broker");
    server_says(false, EAI_AGAIN, NULL, NULL);
    resolver_ask(&rig->resolver);
    answers_come(rig, 1);
    assert_non_null(rig->problem);
    assert_false(resolver_fresh(&rig->resolver));
    resolver_ask(&rig->resolver); /* not now: there is a pause */
    assert_null(rig->resolver.question);
    answers_come(rig, 2);
    assert_non_null(rig->problem);
    server_says(false, 0, "10.0.0.1", NULL);
    answers_come(rig, 3);
    assert_null(rig->problem);
    assert_true(resolver_fresh(&rig->resolver));
    assert_int_equal(times_asked(), 3);
    rig_free(rig);
}

static void the_loop_turns_while_the_server_thinks(void **state)
{
    (void)state;
    struct rig *rig = rig_new("broker");
    server_says(true, 0, "10.0.0.1", NULL);
    resolver_ask(&rig->resolver);
    while (rig->ticks < 50 || times_asked() == 0) {
        (void)uv_run(&rig->loop, UV_RUN_ONCE);
        resolver_ask(&rig->resolver);
    }
    assert_int_equal(rig->answers, 0);
    assert_int_equal(times_asked(), 1);
    server_says(false, 0, "10.0.0.1", NULL);
    answers_come(rig, 1);
    assert_string_equal(resolver_next(&rig->resolver), "10.0.0.1");
    rig_free(rig);
}

static void the_end_does_not_wait_for_the_server(void **state)
{
    (void)state;
    struct rig *rig = rig_new("broker");
    server_says(true, 0, "10.0.0.1", NULL);
    resolver_ask(&rig->resolver);
    rig_free(rig);
    /* Now it answers somebody who is gone. */
    server_says(false, 0, "10.0.0.1", NULL);
    (void)pthread_mutex_lock(&server.lock);
    while (server.answered == 0) {
        (void)pthread_cond_wait(&server.changed, &server.lock);
    }
    (void)pthread_mutex_unlock(&server.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_no_question),
        cmocka_unit_test(a_name_is_asked_for_again),
        cmocka_unit_test(an_address_where_nobody_answers_is_left_out),
        cmocka_unit_test(what_is_not_found_is_asked_for_again_by_itself),
        cmocka_unit_test(the_loop_turns_while_the_server_thinks),
        cmocka_unit_test(the_end_does_not_wait_for_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
