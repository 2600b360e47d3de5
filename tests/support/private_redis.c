#include "tests/support/private_redis.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_DEADLINE_MS = 10000, LOOK_MS = 2 };

static const char *server(void)
{
    static const char *const paths[] = { "/usr/bin/redis-server", "/usr/bin/valkey-server" };
    const char *told = getenv("CR_REDIS_SERVER");
    if (told != NULL) {
        return told;
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (access(paths[i], X_OK) == 0) {
            return paths[i];
        }
    }
    return NULL;
}

bool private_redis_available(void)
{
    return server() != NULL;
}

static void run_server(const struct private_redis *redis, pid_t parent)
{
    const char *arg[32 + PRIVATE_REDIS_ARGS];
    int n = 0;
    const char *const own[] = { server(),   "--port",    "0",         "--unixsocket", redis->socket, "--dir",
                                redis->dir, "--save",    "",          "--appendonly", "yes",         "--appendfsync",
                                "always",   "--logfile", "redis.log", "--daemonize",  "no",          NULL };
    for (int i = 0; own[i] != NULL; i++) {
        arg[n++] = own[i];
        if (i == 0 && redis->conf != NULL) {
            arg[n++] = redis->conf;
        }
    }
    for (int i = 0; i < PRIVATE_REDIS_ARGS && redis->extra[i] != NULL; i++) {
        arg[n++] = redis->extra[i];
    }
    arg[n] = NULL;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || chdir(redis->dir) != 0) {
        _exit(127);
    }
    execv(arg[0], (char *const *)arg);
    _exit(127);
}

static redisContext *reach(const struct private_redis *redis)
{
    redisContext *context = redisConnectUnixWithTimeout(redis->socket, (struct timeval){ 5, 0 });
    if (context == NULL || context->err != 0) {
        if (context != NULL) {
            redisFree(context);
        }
        return NULL;
    }
    (void)redisSetTimeout(context, (struct timeval){ 5, 0 });
    return context;
}

static void forget(struct private_redis *redis)
{
    if (redis->context != NULL) {
        redisFree(redis->context);
        redis->context = NULL;
    }
}

static bool answers(const struct private_redis *redis)
{
    redisContext *context = reach(redis);
    if (context == NULL) {
        return false;
    }
    redisReply *reply = redisCommand(context, "PING");
    /* An error is an answer too: one that asks for a password is up. */
    bool up = reply != NULL && (reply->type == REDIS_REPLY_STATUS ||
                                (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "LOADING", 7) != 0));
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    redisFree(context);
    return up;
}

cr_err private_redis_start(struct private_redis *redis)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return CR_IO;
    }
    if (pid == 0) {
        run_server(redis, parent);
    }
    redis->pid = pid;
    for (int waited = 0; waited < START_DEADLINE_MS; waited += LOOK_MS) {
        if (answers(redis)) {
            return CR_OK;
        }
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            redis->pid = 0;
            return CR_IO;
        }
        const struct timespec look = { 0, LOOK_MS * 1000000L };
        (void)nanosleep(&look, NULL);
    }
    private_redis_kill(redis);
    return CR_TIMEOUT;
}

cr_err private_redis_prepare(struct private_redis *redis, const char *const *extra)
{
    memset(redis, 0, sizeof *redis);
    for (int i = 0; extra != NULL && extra[i] != NULL && i < PRIVATE_REDIS_ARGS - 1; i++) {
        redis->extra[i] = extra[i];
    }
    snprintf(redis->dir, sizeof redis->dir, "/tmp/cr-redis-XXXXXX");
    if (mkdtemp(redis->dir) == NULL) {
        redis->dir[0] = '\0';
        return CR_IO;
    }
    snprintf(redis->socket, sizeof redis->socket, "%s/s", redis->dir);
    return CR_OK;
}

cr_err private_redis_new(struct private_redis *redis, const char *const *extra)
{
    cr_err err = private_redis_prepare(redis, extra);
    return err == CR_OK ? private_redis_start(redis) : err;
}

void private_redis_kill(struct private_redis *redis)
{
    forget(redis);
    if (redis->pid > 0) {
        (void)kill(redis->pid, SIGKILL);
        while (waitpid(redis->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        redis->pid = 0;
        (void)unlink(redis->socket);
    }
}

void private_redis_pause(struct private_redis *redis)
{
    int status;
    (void)kill(redis->pid, SIGSTOP);
    while (waitpid(redis->pid, &status, WUNTRACED) < 0 && errno == EINTR) {
    }
}

void private_redis_resume(struct private_redis *redis)
{
    (void)kill(redis->pid, SIGCONT);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void private_redis_free(struct private_redis *redis)
{
    private_redis_kill(redis);
    if (redis->dir[0] != '\0') {
        (void)nftw(redis->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        redis->dir[0] = '\0';
    }
}

static redisReply *command(struct private_redis *redis, const char *format, va_list args)
{
    if (redis->context == NULL) {
        redis->context = reach(redis);
    }
    if (redis->context == NULL) {
        return NULL;
    }
    redisReply *reply = redisvCommand(redis->context, format, args);
    if (reply == NULL) {
        forget(redis);
    }
    return reply;
}

redisReply *private_redis_command(struct private_redis *redis, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = command(redis, format, args);
    va_end(args);
    return reply;
}

long long private_redis_integer(struct private_redis *redis, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = command(redis, format, args);
    va_end(args);
    long long integer = reply != NULL && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    return integer;
}
