/* Those who are asked where Redis is, Sentinels and nodes of a Cluster, answer nonsense, half an answer, nothing, or
 * with a demand for a password (hostile 91): the next is asked, and the store comes up. Played by a thread on loopback. */
#include "tests/contract/cluster_scene.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 2048 };

/* Answers each chunk that it gets; one connection at a time. */
struct guide {
    int listener;
    unsigned port;
    pthread_t thread;
    pthread_mutex_t lock;
    const char *answer;   /* as it goes over the wire; "": the connection is closed; NULL: none */
    const char *password; /* what it wants to hear first; NULL: nothing */
    unsigned asked;
};

static struct guide guide;

static const char *guide_answer(const char *request)
{
    (void)pthread_mutex_lock(&guide.lock);
    guide.asked++;
    const char *answer = guide.answer;
    if (guide.password != NULL && strstr(request, guide.password) == NULL) {
        answer = "-NOAUTH Authentication required.\r\n";
    }
    (void)pthread_mutex_unlock(&guide.lock);
    return answer;
}

static void *guide_main(void *arg)
{
    char request[BUFFER];
    (void)arg;
    for (int fd; (fd = accept(guide.listener, NULL, NULL)) >= 0; (void)close(fd)) {
        ssize_t got;
        while ((got = recv(fd, request, sizeof request - 1, 0)) > 0) {
            request[got] = '\0';
            const char *answer = guide_answer(request);
            if (answer != NULL && answer[0] == '\0') {
                break;
            }
            if (answer != NULL && send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0) {
                break;
            }
        }
    }
    return NULL;
}

static void guide_says(const char *answer, const char *password)
{
    (void)pthread_mutex_lock(&guide.lock);
    guide.answer = answer;
    guide.password = password;
    guide.asked = 0;
    (void)pthread_mutex_unlock(&guide.lock);
}

static unsigned guide_asked(void)
{
    (void)pthread_mutex_lock(&guide.lock);
    unsigned asked = guide.asked;
    (void)pthread_mutex_unlock(&guide.lock);
    return asked;
}

static void guide_start(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    guide.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(guide.listener >= 0);
    assert_int_equal(bind(guide.listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(guide.listener, 8), 0);
    assert_int_equal(getsockname(guide.listener, (struct sockaddr *)&address, &len), 0);
    guide.port = ntohs(address.sin_port);
    (void)pthread_mutex_init(&guide.lock, NULL);
    assert_int_equal(pthread_create(&guide.thread, NULL, guide_main, NULL), 0);
}

static void guide_stop(void)
{
    (void)shutdown(guide.listener, SHUT_RDWR);
    (void)pthread_join(guide.thread, NULL);
    (void)close(guide.listener);
    (void)pthread_mutex_destroy(&guide.lock);
}

/* ---- a store that asks it first ---- */

static const char *const nonsense[] = {
    "",                               /* the connection ends instead */
    NULL,                             /* nothing */
    "*2\r\n$9\r\n127.",               /* half an answer, then nothing */
    "?nonsense\r\n",
    "*1000000000\r\n",
    "*-7\r\n",
    "$99999999999999999999\r\n",
    "+OK\r\n",
    ":1\r\n",
    "*0\r\n",
    "*-1\r\n",
    "-ERR unknown command\r\n",
    "-IDONTKNOW I have not enough information to reply. Please ask another Sentinel.\r\n",
    "*2\r\n$1\r\n?\r\n$5\r\n99999\r\n",
    "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:0\r\n",
    "*1\r\n*3\r\n:5\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:7000\r\n",
    "*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n",
};

static void comes_up_beside(const char *address)
{
    scene_rig.address = address;
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        guide_says(nonsense[i], NULL);
        struct rig_broker *broker = rig_open(&scene_rig, "one");
        assert_true(guide_asked() > 0);
        struct cr_job *job = rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot));
        assert_int_equal(job->outcome, CR_OUT_RECORD);
        cr_job_free(job);
        rig_close(broker);
    }
}

/* Nobody else is there to ask: it says so, and goes on asking. */
static void goes_on_asking(const char *address)
{
    scene_rig.address = address;
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        guide_says(nonsense[i], NULL);
        struct rig_broker *broker = rig_open_only(&scene_rig, "one");
        EVENTUALLY(guide_asked() > 2)
        scene_expect_unavailable(rig_run(broker, rig_job(broker, CR_OP_GET, scene_device, scene_slot)));
        assert_false(rig_health(broker).connected);
        assert_string_not_equal(rig_health(broker).problem, "");
        rig_close(broker);
    }
}

static void set_up(void)
{
    guide_start();
    scene_rig.timeout_ms = 400;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&scene_rig);
    cluster_stop();
    guide_stop();
    return 0;
}

static int set_up_cluster(void **state)
{
    (void)state;
    cluster_start(false);
    cluster_rig(&scene_rig);
    set_up();
    return 0;
}

static int set_up_sentinel(void **state)
{
    (void)state;
    rig_init(&scene_rig, RIG_REDIS);
    assert_int_equal(redis_group_sentinel(&cluster), CR_OK);
    set_up();
    return 0;
}

static void hostile_91_nodes_that_talk_nonsense(void **state)
{
    (void)state;
    char address[100];
    (void)snprintf(address, sizeof address, "redis-cluster://127.0.0.1:%u,127.0.0.1:%u", guide.port,
                   cluster.node[0].port);
    comes_up_beside(address);
    (void)snprintf(address, sizeof address, "redis-cluster://127.0.0.1:%u", guide.port);
    goes_on_asking(address);
}

static void hostile_91_sentinels_that_talk_nonsense(void **state)
{
    (void)state;
    char address[100];
    (void)snprintf(address, sizeof address, "redis-sentinel://127.0.0.1:%u,127.0.0.1:%u/main", guide.port,
                   cluster.node[2].port);
    comes_up_beside(address);
    (void)snprintf(address, sizeof address, "redis-sentinel://127.0.0.1:%u/main", guide.port);
    goes_on_asking(address);
}

/* The Sentinel, too, wants the password; it is not told it unasked. */
static void sentinel_with_a_password(void **state)
{
    (void)state;
    char address[100], answers[100]; /* to AUTH and to the question, which come in one chunk */
    scene_rig.address = address;
    (void)snprintf(address, sizeof address, "redis-sentinel://127.0.0.1:%u/main", guide.port);
    (void)snprintf(answers, sizeof answers, "+OK\r\n*2\r\n$9\r\n127.0.0.1\r\n$5\r\n%05u\r\n", cluster.node[0].port);
    redisReply *reply = private_redis_command(&cluster.node[0].redis, "CONFIG SET requirepass geheim");
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
    scene_rig.password = "geheim";
    guide_says(answers, "geheim");
    (void)rig_open(&scene_rig, "one");
    assert_true(guide_asked() >= 2);
    scene_rig.password = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hostile_91_nodes_that_talk_nonsense, set_up_cluster, tear_down),
        cmocka_unit_test_setup_teardown(hostile_91_sentinels_that_talk_nonsense, set_up_sentinel, tear_down),
        cmocka_unit_test_setup_teardown(sentinel_with_a_password, set_up_sentinel, tear_down),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("those who know where Redis is", tests, NULL, NULL);
}
