/* hostile_check: the rules for requests (csr.h) under the requests of hostile_csr.h, with cmocka's assertions. */
#ifndef CR_TEST_HOSTILE_CHECK_H
#define CR_TEST_HOSTILE_CHECK_H

#include "common/cert.h"
#include "common/csr.h"
#include "common/message.h"
#include "tests/support/hostile_csr.h"

#define HOSTILE_DEVICE "dev-1"
#define HOSTILE_OTHER "dev-2"

struct hostile_fixture {
    struct hostile_cast cast;
    struct cr_profile profile, rsa_profile;
    struct cr_weak_list weak; /* with the cast's listed_key among others */
};
/* *state is a struct hostile_fixture. */
int hostile_set_up(void **state);
int hostile_tear_down(void **state);

/* The way of a payload: its format, then every rule in order. The request's views go with the message. */
enum cr_refusal hostile_accept(const struct hostile_fixture *fixture, struct cr_csr_message *message,
                               struct cr_csr *csr, struct cr_bytes payload, const struct cr_profile *profile,
                               const struct cr_key_backend *backend);
/* A request as it should be, DER. */
struct cr_bytes hostile_good(struct hostile_fixture *fixture);

/* Gets what its row says, with both backends: nothing may depend on which one is configured. */
void hostile_try(void *ctx, struct hostile_cast *cast, const struct hostile_csr *row);
/* Every row of this number is refused as it says. */
void hostile_refused(void **state, unsigned number);
/* Every row of this number is issued exactly what the profile says. */
void hostile_issued(void **state, unsigned number);
void hostile_check_issued(struct hostile_cast *cast, const struct hostile_fixture *fixture, const struct cr_csr *csr);

/* The hash that an accepted request is known by: of its public key, whatever else is in it. */
void hostile_key_hash(struct hostile_fixture *fixture, struct cr_bytes payload, uint8_t hash[CR_SHA256_LEN]);
/* The rows of this number are accepted by the rules and recognised by the keys they are for, in their order. */
void hostile_known_by_key(void **state, unsigned number, EVP_PKEY *const *keys);

#endif
