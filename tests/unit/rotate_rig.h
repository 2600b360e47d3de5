/* rotate_rig: a journal in a child process that is killed, or whose system calls fail, at a chosen step; and looking at
 * what is there afterwards. The system calls of the code under test come through here: -Wl,--wrap. */
#ifndef ROTATE_RIG_H
#define ROTATE_RIG_H

#include "plugin/store/journal.h"
#include "plugin/store/journal_files.h"
#include "plugin/store/journal_verify.h"
#include "tests/unit/journal_signer.h"

enum { MAX_SIZE = 1000, WANTED = 24, DIED = 9, STEPS_MAX = 400, VISITS_MAX = 4000, ALL = 100000000 };

enum mode { NEVER, DIE_BEFORE, DIE_HALFWAY, FAIL_ONCE, FAIL_TWICE };

struct shared {
    unsigned acknowledged, failed, checkpoints, rotations, rotate_errors, sign_errors;
    uint64_t last_checkpoint;
    int code; /* with which the child ended */
};

struct rotate_scene {
    struct test_dir dir;
    struct test_ca ca;
    struct cr_checkpoint_signer signer; /* of ca */
    char journal_dir[80];
    enum mode mode;
    unsigned at, step; /* the system call that is hit; those so far */
    bool armed;
    bool signer_fails;
    uint64_t max_size, enough;
    int64_t now_s;
    struct shared *shared; /* with the child */
    struct cr_journal *journal;
    uv_loop_t loop;
    char why[300];
    unsigned visited, number; /* numbered lines, in order; the last one's number */
    uint64_t offset[VISITS_MAX];
    struct cr_verify verify;
};
extern struct rotate_scene rotate_scene;

/* Opens it in this process; on_visit counts the numbered lines and checks their order. */
cr_err rotate_open(void);
void rotate_close(void);
/* Adds a numbered line and waits; whether it became durable. */
bool rotate_add(unsigned number);
/* Runs the loop until nothing is to be done. */
void rotate_run(void);

/* A child writes these numbered lines, again where it failed, and a last checkpoint. Its exit code: DIED when it was
 * hit. */
int rotate_child(enum mode mode, unsigned at, unsigned from, unsigned to);
/* Opens it, and looks at every line there is, also through cr_journal_read(); then verifies all files. */
void rotate_look(void);
void rotate_empty(void);

int rotate_set_up(void **state);
int rotate_tear_down(void **state);

#endif
