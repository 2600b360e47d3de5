#include "plugin/renewalctl/session.h"

#include "common/topic.h"
#include "plugin/renewalctl/files.h"
#include "plugin/renewalctl/request.h"
#include "plugin/renewalctl/session_inside.h"
#include "plugin/renewalctl/trouble.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEEPALIVE_S = 60, LOOP_MS_MAX = 1000, IDLE_MS_MAX = 30000 };

/* ---- what has come ---- */

void session_settle(struct ctl_session *session, cr_err err, const char *what, const char *detail)
{
    if (session->settled) {
        return;
    }
    session->settled = true;
    session->err = err;
    if (err != CR_OK) {
        (void)snprintf(session->why, sizeof session->why, "%s%s%.150s", what, detail[0] != '\0' ? ": " : "", detail);
    }
}

/* The connection could not be made, or has ended, with a code of the library's. */
void session_settle_broken(struct ctl_session *session, int rc)
{
    int error = errno;
    bool closed = rc == MOSQ_ERR_CONN_LOST || rc == MOSQ_ERR_SUCCESS ||
                  (rc == MOSQ_ERR_ERRNO && (error == 0 || error == EPROTO || error == ECONNRESET || error == EPIPE));
    struct ctl_trouble trouble = {
        .options = session->options,
        .port = session->port,
        .connected = session->connected,
        .closed = closed,
        /* libmosquitto 2.1 has already closed the socket, and errno is about that. */
        .problem = closed                           ? ""
                   : rc != MOSQ_ERR_ERRNO           ? mosquitto_strerror(rc)
                   : error != 0 && error != EBADF   ? strerror(error)
                                                    : "nothing answers there",
        .log = session->log,
    };
    session->broken = true;
    if (!session->settled) {
        session->settled = true;
        session->err = CR_UNAVAILABLE;
        ctl_trouble_text(session->why, &trouble);
    }
}

/* ---- the net ---- */

/* The last resort behind every deadline: libmosquitto looks up names and connects without one. */
static void on_alarm(int signal)
{
    static const char line[] = "renewalctl: no connection in time; see -h, -p and --timeout\n";
    (void)signal;
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0) {
        /* nobody listens; the exit code still tells */
    }
    _exit(CTL_NO_CONNECTION);
}

/* A broker that closes first makes libmosquitto's TLS farewell a broken pipe. Ours, to a reader that left, stays
 * one. */
static void inside(struct ctl_session *session, bool with_alarm)
{
    struct sigaction action = { .sa_handler = on_alarm }, ignore = { .sa_handler = SIG_IGN };
    session->ignoring = sigaction(SIGPIPE, &ignore, &session->before) == 0;
    if (with_alarm && sigaction(SIGALRM, &action, NULL) == 0) {
        (void)alarm(session->options->timeout_s + 1);
    }
}

static void outside(struct ctl_session *session)
{
    (void)alarm(0);
    if (session->ignoring) {
        (void)sigaction(SIGPIPE, &session->before, NULL);
    }
}

/* ---- the connection ---- */

static int64_t now_ms(void)
{
    return cr_mono_ms(cr_clock_system());
}

static bool stopped(const struct ctl_session *session)
{
    return session->stop != NULL && *session->stop != 0;
}

/* Lets the library work until something is settled, *done is set, the time is over or it is to stop. */
static void loop_until(struct ctl_session *session, const bool *done, int64_t deadline_ms)
{
    while (!session->settled && (done == NULL || !*done) && !stopped(session)) {
        int64_t left_ms = deadline_ms - now_ms();
        if (left_ms <= 0) {
            return;
        }
        int rc = mosquitto_loop(session->client, left_ms < LOOP_MS_MAX ? (int)left_ms : LOOP_MS_MAX, 1);
        if (rc != MOSQ_ERR_SUCCESS) {
            session_settle_broken(session, rc);
        }
    }
}

/* Nobody waits for those any more. */
static void sent_forget(struct ctl_session *session)
{
    for (size_t i = 0; i < CTL_WINDOW; i++) {
        cJSON_Delete(session->sent[i].response);
        session->sent[i].response = NULL;
        session->sent[i].correlation[0] = '\0';
    }
}

/* Ends the connection; nothing is settled by that. */
static void client_end(struct ctl_session *session)
{
    if (session->connected && !session->broken) {
        (void)mosquitto_disconnect_v5(session->client, 0, NULL);
        (void)mosquitto_loop(session->client, 0, 1); /* one chance for the farewell to leave */
    }
    mosquitto_destroy(session->client);
    sent_forget(session);
    session->client = NULL;
    session->connected = session->broken = session->settled = false;
}

static void drop(void *ctx)
{
    struct ctl_session *session = ctx;
    if (session->client != NULL) {
        inside(session, false);
        client_end(session);
        outside(session);
    }
}

/* Connects where there is no connection, or one that nobody has looked after for long. */
static cr_err connect_now(struct ctl_session *session, int64_t deadline_ms)
{
    cr_err err = CR_OK;
    if (session->client != NULL && (session->broken || now_ms() - session->used_ms > IDLE_MS_MAX)) {
        client_end(session);
    }
    if (session->client != NULL) {
        return CR_OK;
    }
    session->log[0] = '\0';
    err = ctl_files_check(session->options, session->why);
    if (err != CR_OK) {
        return err;
    }
    err = session_client_new(session);
    if (err != CR_OK) {
        return err;
    }
    int rc = mosquitto_connect_bind_v5(session->client, session->options->host, session->port, KEEPALIVE_S, NULL, NULL);
    if (rc != MOSQ_ERR_SUCCESS) {
        session_settle_broken(session, rc);
    }
    loop_until(session, &session->connected, deadline_ms);
    session_settle(session, session->connected ? CR_OK : CR_TIMEOUT, "no connection in time; see -h, -p and --timeout",
                   "");
    err = session->err;
    session->settled = false;
    session->used_ms = now_ms();
    return err;
}

static int64_t deadline_of(const struct ctl_session *session)
{
    return now_ms() + (int64_t)session->options->timeout_s * 1000;
}

/* What began is over: tells why it failed. */
static cr_err finish(struct ctl_session *session, cr_err err, char why[CTL_WHY_CAP])
{
    if (err != CR_OK) {
        memcpy(why, session->why, CTL_WHY_CAP);
        if (err == CR_UNAVAILABLE || err == CR_TIMEOUT) {
            session->broken = true;
        }
    }
    outside(session);
    return err;
}

static void publish(struct ctl_session *session, struct cr_bytes request)
{
    int rc = mosquitto_publish_v5(session->client, NULL, CR_TOPIC_CONTROL, (int)request.len, request.data, 1, false,
                                  NULL);
    if (rc != MOSQ_ERR_SUCCESS) {
        session_settle(session, CR_UNAVAILABLE, "cannot send", mosquitto_strerror(rc));
    }
}

static cr_err ask(void *ctx, struct cJSON **response, struct cr_bytes request, const char *correlation,
                  char why[CTL_WHY_CAP])
{
    struct ctl_session *session = ctx;
    int64_t deadline_ms = deadline_of(session);
    *response = NULL;
    session->settled = false;
    inside(session, true);
    cr_err err = connect_now(session, deadline_ms);
    if (err != CR_OK) {
        return finish(session, err, why);
    }
    session->correlation = correlation;
    publish(session, request);
    loop_until(session, NULL, deadline_ms);
    session_settle(session, CR_TIMEOUT, "no answer in time; does this broker run the plugin?", "");
    session->correlation = NULL;
    session->used_ms = now_ms();
    *response = session->response;
    session->response = NULL;
    return finish(session, session->err, why);
}

static cr_err send(void *ctx, struct cr_bytes request, const char *correlation, char why[CTL_WHY_CAP])
{
    struct ctl_session *session = ctx;
    int64_t deadline_ms = deadline_of(session);
    size_t place = 0;
    while (place < CTL_WINDOW && session->sent[place].correlation[0] != '\0') {
        place++;
    }
    if (place == CTL_WINDOW) {
        return CR_BUG;
    }
    session->settled = false;
    session->err = CR_OK;
    inside(session, true);
    cr_err err = connect_now(session, deadline_ms);
    if (err == CR_OK) {
        (void)snprintf(session->sent[place].correlation, CTL_CORRELATION_CAP, "%s", correlation);
        publish(session, request);
        err = session->settled ? session->err : CR_OK;
    }
    return finish(session, err, why);
}

static struct cJSON *sent_take(struct ctl_session *session, char correlation[CTL_CORRELATION_CAP])
{
    struct cJSON *response = NULL;
    for (size_t i = 0; i < CTL_WINDOW && response == NULL; i++) {
        response = session->sent[i].response;
        if (response != NULL) {
            memcpy(correlation, session->sent[i].correlation, CTL_CORRELATION_CAP);
            session->sent[i].response = NULL;
            session->sent[i].correlation[0] = '\0';
        }
    }
    return response;
}

static cr_err take(void *ctx, struct cJSON **response, char correlation[CTL_CORRELATION_CAP], char why[CTL_WHY_CAP])
{
    struct ctl_session *session = ctx;
    session->settled = false;
    *response = sent_take(session, correlation);
    if (*response != NULL) {
        return CR_OK;
    }
    inside(session, false);
    if (session->client == NULL || session->broken) {
        session_settle(session, CR_UNAVAILABLE, "the connection to the broker was lost", "");
    } else {
        loop_until(session, NULL, deadline_of(session));
    }
    session_settle(session, CR_TIMEOUT, "no answer in time", "");
    session->used_ms = now_ms();
    *response = sent_take(session, correlation);
    return finish(session, *response != NULL ? CR_OK : session->err != CR_OK ? session->err : CR_INVALID, why);
}

static cr_err listen(void *ctx, const char *topic,
                     void (*on_event)(void *owner, const char *kind, struct cr_bytes payload), void *owner,
                     char why[CTL_WHY_CAP])
{
    struct ctl_session *session = ctx;
    int64_t deadline_ms = deadline_of(session);
    session->settled = false;
    session->on_event = on_event;
    session->owner = owner;
    session->subscribed = false;
    inside(session, true);
    cr_err err = connect_now(session, deadline_ms);
    if (err == CR_OK) {
        int rc = mosquitto_subscribe_v5(session->client, NULL, topic, 1, 0, NULL);
        if (rc != MOSQ_ERR_SUCCESS) {
            session_settle(session, CR_UNAVAILABLE, "cannot send", mosquitto_strerror(rc));
        }
        loop_until(session, &session->subscribed, deadline_ms);
        session_settle(session, session->subscribed ? CR_OK : CR_TIMEOUT, "no answer in time", "");
        err = session->err;
    }
    return finish(session, err, why);
}

static cr_err wait(void *ctx, unsigned wait_ms, char why[CTL_WHY_CAP])
{
    struct ctl_session *session = ctx;
    int64_t deadline_ms = now_ms() + wait_ms;
    session->settled = false;
    session->err = CR_OK;
    inside(session, false);
    if (session->client != NULL && !session->broken) {
        loop_until(session, NULL, deadline_ms);
        session->used_ms = now_ms();
    }
    while (!stopped(session) && now_ms() < deadline_ms) {
        const struct timespec moment = { 0, 50 * 1000000L };
        (void)nanosleep(&moment, NULL);
    }
    return finish(session, session->settled ? session->err : CR_OK, why);
}

/* ---- the whole ---- */

cr_err ctl_session_new(struct ctl_session **session, const struct ctl_options *options,
                       const volatile sig_atomic_t *stop)
{
    struct ctl_session *made = calloc(1, sizeof *made);
    *session = made;
    if (made == NULL) {
        return CR_NOMEM;
    }
    made->options = options;
    made->stop = stop;
    made->port = options->port != 0 ? (int)options->port : ctl_options_tls(options) ? 8883 : 1883;
    made->link = (struct ctl_link){ .ctx = made, .ask = ask, .listen = listen, .wait = wait, .drop = drop,
                                    .send = send, .take = take };
    (void)mosquitto_lib_init();
    return CR_OK;
}

void ctl_session_free(struct ctl_session *session)
{
    if (session != NULL) {
        drop(session);
        (void)mosquitto_lib_cleanup();
        free(session);
    }
}

const struct ctl_link *ctl_session_link(const struct ctl_session *session)
{
    return &session->link;
}
