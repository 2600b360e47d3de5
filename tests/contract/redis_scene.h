/* redis_scene: what the tests of the store on a real Redis share: one rig, one device that is due. */
#ifndef REDIS_SCENE_H
#define REDIS_SCENE_H

#include "tests/contract/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern struct rig scene_rig;
extern const char scene_device[], scene_slot[]; /* "meter-17", "operational" */

int scene_set_up(void **state);
int scene_tear_down(void **state);

int64_t scene_mono_ms(void);
/* The device's certificate from elsewhere, its window open. */
struct cr_cert_facts scene_old_cert(void);
/* Journals and Redis agree, and nothing is wrong (ledger_check). */
void scene_check_ledger(void);
/* Refused with store-unavailable, and told when to try again. Frees the job. */
void scene_expect_unavailable(struct cr_job *job);
/* Asks for a certificate for this key until the store is there to answer. */
struct cr_job *scene_ask_until_served(struct rig_broker *broker, unsigned key);
void scene_config_set(const char *name, const char *value);

/* Health follows at the end of the loop's turn. */
#define EVENTUALLY(CONDITION)                                            \
    for (int64_t end_ms = scene_mono_ms() + RIG_WAIT_MS; !(CONDITION);) {      \
        assert_true(scene_mono_ms() < end_ms);                                 \
    }

#endif
