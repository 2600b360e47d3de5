/* crl_scene: brokers that share a private Redis and make CRLs, on a clock that can be put ahead, with faults on the way to
 * their files. What is revoked is put into Redis by hand. */
#ifndef CRL_SCENE_H
#define CRL_SCENE_H

#include "common/crl.h"
#include "plugin/store/store_redis.h"
#include "tests/support/private_redis.h"
#include "tests/support/test_pki.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <cmocka.h>
#include <unistd.h>

enum { SITES = 2, DAY_S = 86400, WAIT_MS = 30000, PATH = 200 };

/* By how much the brokers' clock is ahead. */
extern atomic_llong crl_ahead_s;
/* What happens to whoever builds a CRL, or syncs or renames a file. */
enum fault { FAULT_NONE, FAULT_FULL, FAULT_READ_ONLY, FAULT_DIES_BUILDING, FAULT_DIES_SYNCING, FAULT_DIES_RENAMING };
extern atomic_int crl_fault;

struct site {
    const char *name;
    char dir[PATH], all[PATH];
    struct cr_setup *setup;
    struct cr_store *store;
    pthread_mutex_t lock;
    uint64_t told;     /* number of the CA's CRL that the loop was told of last */
    unsigned payloads;
    char alarm[8192]; /* all that it told of, a line each */
};

struct crl_world {
    struct private_redis redis;
    struct test_ca ca, other; /* the other signs for the broker that has not the CA's key */
    char id[CR_ISSUER_ID_TEXT], other_id[CR_ISSUER_ID_TEXT];
    struct site site[SITES];
    char extra[400]; /* of the next broker's configuration */
};
extern struct crl_world world;

int scene_set_up(void **state);
int scene_tear_down(void **state);
/* with_key: it signs for the CA; else for the other, and trusts the CA. */
struct site *scene_open(unsigned n, bool with_key);
void scene_close(struct site *site);
void scene_revoke(unsigned serial, const char *value);

/* Empty: there is none. */
struct cr_blob scene_file(const char *path);
struct cr_blob scene_crl(const struct site *site, const char *id);
/* Of the CA's file in crl_dir; 0: none. Whatever is there, is whole and good. */
uint64_t scene_number(const struct site *site, size_t *count);
/* How many CRLs are in crl_file; each is one. */
unsigned scene_all(const struct site *site);
bool scene_same(const char *a, const char *b);
bool scene_heard(struct site *site, const char *words);
uint64_t scene_told(struct site *site);

#define EVENTUALLY(CONDITION)                                                             \
    for (int64_t end_ms = cr_mono_ms(cr_clock_system()) + WAIT_MS; !(CONDITION);) {       \
        if (cr_mono_ms(cr_clock_system()) > end_ms) {                                     \
            fail_msg("not in time: %s", #CONDITION);                                      \
        }                                                                                 \
        (void)usleep(20000);                                                              \
    }

#endif
