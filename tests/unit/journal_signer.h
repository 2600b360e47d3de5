/* journal_signer: checkpoints signed by a test's CA. */
#ifndef JOURNAL_SIGNER_H
#define JOURNAL_SIGNER_H

#include "plugin/store/checkpoint.h"
#include "tests/support/test_pki.h"

/* Signs with this CA's key, while it is there. */
struct cr_checkpoint_signer journal_signer(struct test_ca *ca);

#endif
