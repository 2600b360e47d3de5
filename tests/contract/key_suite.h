/* key_suite: runs one list of tests over each key backend. */
#ifndef CR_TEST_KEY_SUITE_H
#define CR_TEST_KEY_SUITE_H

#include "common/key.h"
#include "tests/support/forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* The one whose turn it is, and the other one. */
extern const struct cr_key_backend *backend_under_test;
const struct cr_key_backend *other_backend(void);

extern struct forge *const f;
extern EVP_PKEY *p256, *p384, *rsa2048;
extern const struct cr_bytes message;

/* A private key of a backend with its public half. */
struct pair {
    struct cr_private_key *key;
    struct cr_blob spki;
    struct cr_public_key pub;
};
void pair_of(struct pair *pair, const struct cr_key_backend *b, struct cr_private_key *key);
void pair_load(struct pair *pair, const struct cr_key_backend *b, EVP_PKEY *pkey);
void pair_fini(struct pair *pair, const struct cr_key_backend *b);

void expect_denied(const struct cr_public_key *key, enum cr_sig_alg alg, struct cr_bytes text, struct cr_bytes sig);

/* What main() returns. */
#define key_suite_run(tests) key_suite_run_all(tests, sizeof(tests) / sizeof *(tests))
int key_suite_run_all(const struct CMUnitTest *tests, size_t count);

#endif
