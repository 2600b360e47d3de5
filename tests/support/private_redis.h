/* private_redis: a redis-server of the test's own: in a temporary directory, on a unix socket only, every write synced
 * before it is answered. It dies with the test. One thread. */
#ifndef PRIVATE_REDIS_H
#define PRIVATE_REDIS_H

#include "common/err.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

enum { PRIVATE_REDIS_ARGS = 16 };

struct private_redis {
    char dir[64];          /* made and removed here; a test may put its own files into it */
    char socket[80];       /* its address */
    pid_t pid;             /* 0: not running */
    const char *extra[PRIVATE_REDIS_ARGS]; /* further arguments, ended by NULL */
    const char *conf;      /* a configuration file in dir, for a Sentinel, which must have one; NULL: none */
    redisContext *context; /* for private_redis_command */
};

/* Whether there is a server to run (redis-server or valkey-server). */
bool private_redis_available(void);
/* Makes the directory, starts the server and waits until it answers. extra: NULL, or further arguments ended by NULL,
 * which must stay where they are. */
CR_MUST_USE cr_err private_redis_new(struct private_redis *redis, const char *const *extra);
/* Only the directory, for files that have to be there first. */
CR_MUST_USE cr_err private_redis_prepare(struct private_redis *redis, const char *const *extra);
/* Starts it (again) on its data. */
CR_MUST_USE cr_err private_redis_start(struct private_redis *redis);
void private_redis_kill(struct private_redis *redis);   /* SIGKILL, and waits until it is gone */
void private_redis_pause(struct private_redis *redis);  /* SIGSTOP: takes connections, answers nothing */
void private_redis_resume(struct private_redis *redis);
/* Ends it and removes the directory. */
void private_redis_free(struct private_redis *redis);

/* One command, waited for. NULL: no connection. freeReplyObject. */
redisReply *private_redis_command(struct private_redis *redis, const char *format, ...);
/* The same for an integer answer; -1: anything else. */
long long private_redis_integer(struct private_redis *redis, const char *format, ...);

#endif
