/* setup: one reading of the configuration with everything loaded from it, shared and constant.
 *
 * The loop holds the current one; each job holds the one it was admitted under, so that a reload never changes the rules
 * of work that is under way. Reference counted (atomic); hold and drop on any thread. */
#ifndef CR_SETUP_H
#define CR_SETUP_H

#include "plugin/config_overlay.h"
#include "plugin/worker/issuer.h"
#include "plugin/worker/weak_file.h"

#include <stdatomic.h>

struct cr_setup {
    atomic_uint refs;
    struct cr_setup *base;          /* held; NULL: from a file. Then what follows the configuration is the base's */
    struct cr_config config;
    struct cr_trust *trust;
    struct cr_weak_file *weak_keys; /* NULL: no list */
};

/* Reads file, keys, certificates and the list of weak keys; complains about everything that is wrong at once. `former`
 * (may be NULL) is the setup that this one follows: they share the list if its file is still the same. */
CR_MUST_USE cr_err cr_setup_load(struct cr_setup **setup, const char *path, const struct cr_setup *former,
                                 int64_t now_s, cr_config_complain_fn *complain, void *ctx);
/* The base, which is from a file, with settings over its configuration; the certificates and the list are the base's.
 * CR_INVALID with what is wrong; CR_NOMEM. */
CR_MUST_USE cr_err cr_setup_overlay(struct cr_setup **setup, struct cr_setup *base,
                                    const struct cr_policy_setting *setting, unsigned count,
                                    struct cr_config_wrong *wrong);
struct cr_setup *cr_setup_hold(struct cr_setup *setup);
/* Frees with the last reference; harmless on NULL. */
void cr_setup_drop(struct cr_setup *setup);

#endif
