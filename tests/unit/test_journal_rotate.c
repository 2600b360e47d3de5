/* A journal that begins new files and signs checkpoints: killed before and after every system call that changes a file,
 * in the middle of every write, and with each of these calls failing. Whatever was acknowledged is there, the chain is
 * whole, and it goes on. */
#include "plugin/store/audit.h"
#include "tests/unit/rotate_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void it_begins_new_files(void **state)
{
    (void)state;
    assert_int_equal(rotate_child(NEVER, 0, 1, WANTED), 0);
    assert_int_equal(rotate_scene.shared->failed, 0);
    assert_true(rotate_scene.shared->rotations >= 3);
    assert_true(rotate_scene.shared->checkpoints > rotate_scene.shared->rotations);
    rotate_look();
    assert_int_equal(rotate_scene.visited, WANTED);
    assert_true(cr_verify_ok(&rotate_scene.verify));
    assert_int_equal(rotate_scene.verify.trusted_seq, rotate_scene.verify.last.seq);
    assert_int_equal(rotate_scene.verify.proved[0].from, 1);
}

static void killed_at_every_step(enum mode mode, unsigned least)
{
    unsigned hits = 0;
    for (unsigned at = 1;; at++) {
        assert_true(at < STEPS_MAX);
        rotate_empty();
        int rc = rotate_child(mode, at, 1, WANTED);
        if (rc == 0) {
            if (mode == DIE_BEFORE) {
                break;
            }
            if (at > 250) {
                break; /* not every step is a write */
            }
            continue;
        }
        assert_int_equal(rc, DIED);
        hits++;
        unsigned acknowledged = rotate_scene.shared->acknowledged;
        rotate_look();
        assert_true(rotate_scene.visited == acknowledged || rotate_scene.visited == acknowledged + 1);
        /* and it goes on, over the next file too */
        unsigned there = rotate_scene.visited;
        rotate_scene.enough = 0; /* also when it reads no more than it must */
        assert_int_equal(rotate_child(NEVER, 0, there + 1, there + 12), 0);
        rotate_scene.enough = ALL;
        rotate_look();
        assert_int_equal(rotate_scene.visited, there + 12);
    }
    assert_true(hits >= least);
}

static void killed_before_every_step(void **state)
{
    (void)state;
    killed_at_every_step(DIE_BEFORE, 60);
}

static void killed_in_every_write(void **state)
{
    (void)state;
    killed_at_every_step(DIE_HALFWAY, 25);
}

static void each_step_fails(enum mode mode)
{
    unsigned errors = 0, failed = 0;
    for (unsigned at = 1; at < STEPS_MAX; at++) {
        rotate_empty();
        assert_int_equal(rotate_child(mode, at, 1, WANTED), 0);
        errors += rotate_scene.shared->rotate_errors;
        assert_true(mode == FAIL_TWICE || rotate_scene.shared->rotations >= 2); /* it is tried again */
        failed += rotate_scene.shared->failed;
        rotate_look();
        assert_int_equal(rotate_scene.visited, WANTED);
        if (rotate_scene.shared->rotate_errors == 0 && rotate_scene.shared->failed == 0 && at > 130) {
            break;
        }
    }
    assert_true(errors > 10 && failed > 10);
}

static void what_fails_once_is_made_good(void **state)
{
    (void)state;
    each_step_fails(FAIL_ONCE);
}

/* Also what should have been undone. */
static void what_fails_twice_is_made_good(void **state)
{
    (void)state;
    each_step_fails(FAIL_TWICE);
}

/* It had its new name, was written to all the same since there was no other, and then the power failed. */
static void a_file_that_nothing_follows_goes_on(void **state)
{
    (void)state;
    char path[CR_JOURNAL_PATH_CAP], archive[CR_JOURNAL_PATH_CAP];
    rotate_scene.max_size = 0;
    assert_int_equal(rotate_child(NEVER, 0, 1, 5), 0);
    assert_int_equal(cr_journal_path(path, rotate_scene.journal_dir), CR_OK);
    assert_int_equal(cr_journal_archive_path(archive, rotate_scene.journal_dir, 1), CR_OK);
    assert_int_equal(rename(path, archive), 0);
    int fd = open(archive, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"seq\":7,", 9), 9);
    (void)close(fd);
    assert_int_equal(rotate_open(), CR_OK);
    assert_int_equal(cr_journal_torn(rotate_scene.journal), 9);
    rotate_close();
    assert_int_equal(rotate_child(NEVER, 0, 6, 8), 0);
    rotate_look();
    assert_int_equal(rotate_scene.visited, 8);
    /* behind a file that was followed it is no power cut */
    fd = open(archive, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"seq\":7,", 9), 9);
    (void)close(fd);
    assert_int_equal(rotate_open(), CR_INVALID);
    assert_non_null(strstr(rotate_scene.why, "within a line"));
}

/* ---- how far back ---- */

static void as_many_files_are_read_as_it_takes(void **state)
{
    (void)state;
    assert_int_equal(rotate_child(NEVER, 0, 1, WANTED), 0);
    rotate_scene.enough = 1;
    rotate_look();
    unsigned least = rotate_scene.visited;
    assert_true(least >= 1 && least < WANTED / 2);
    for (unsigned enough = 2; enough <= WANTED; enough++) {
        rotate_scene.enough = enough;
        rotate_look();
        assert_true(rotate_scene.visited >= enough);
    }
    assert_int_equal(rotate_scene.visited, WANTED);
}

static void what_is_moved_away_is_not_missed(void **state)
{
    (void)state;
    uint64_t *seq;
    size_t count;
    char path[CR_JOURNAL_PATH_CAP];
    assert_int_equal(rotate_child(NEVER, 0, 1, WANTED), 0);
    assert_int_equal(cr_journal_archives(&seq, &count, rotate_scene.journal_dir), CR_OK);
    assert_true(count >= 3);
    rotate_scene.enough = 1000;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(cr_journal_archive_path(path, rotate_scene.journal_dir, seq[i]), CR_OK);
        assert_int_equal(unlink(path), 0);
        rotate_look();
        assert_int_equal(rotate_scene.verify.first_seq, i + 1 < count ? seq[i + 1] : rotate_scene.verify.first_seq);
        assert_true(rotate_scene.verify.first_seq > 1);
    }
    free(seq);
    assert_int_equal(rotate_child(NEVER, 0, WANTED + 1, WANTED + 12), 0);
    rotate_look();
    assert_int_equal(rotate_scene.verify.trusted_seq, rotate_scene.verify.last.seq);
}

static void a_gap_or_damage_in_older_files_does_not_open(void **state)
{
    (void)state;
    uint64_t *seq;
    size_t count;
    char path[CR_JOURNAL_PATH_CAP], aside[CR_JOURNAL_PATH_CAP + 8];
    assert_int_equal(rotate_child(NEVER, 0, 1, WANTED), 0);
    assert_int_equal(cr_journal_archives(&seq, &count, rotate_scene.journal_dir), CR_OK);
    assert_true(count >= 3);
    for (size_t i = 1; i < count; i++) { /* with the first one there it is a gap */
        assert_int_equal(cr_journal_archive_path(path, rotate_scene.journal_dir, seq[i]), CR_OK);
        (void)snprintf(aside, sizeof aside, "%s.aside", path);
        assert_int_equal(rename(path, aside), 0);
        assert_int_equal(rotate_open(), CR_INVALID);
        assert_non_null(strstr(rotate_scene.why, "broken"));
        assert_int_equal(rename(aside, path), 0);
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(cr_journal_archive_path(path, rotate_scene.journal_dir, seq[i]), CR_OK);
        int fd = open(path, O_RDWR);
        char byte;
        assert_int_equal(pread(fd, &byte, 1, 200), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, 200), 1);
        assert_int_equal(rotate_open(), CR_INVALID);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, 200), 1);
        (void)close(fd);
    }
    free(seq);
    rotate_look();
}

/* ---- checkpoints ---- */

static void add_unwaited(unsigned from, unsigned to)
{
    char text[1024], slot[12];
    struct cr_line line;
    for (unsigned n = from; n <= to; n++) {
        (void)snprintf(slot, sizeof slot, "%u", n);
        cr_line_start(&line, text, sizeof text);
        const struct cr_audit audit = { .what = "refused", .now_s = rotate_scene.now_s, .slot = slot };
        cr_audit_line(&audit, "one", &line);
        assert_int_equal(cr_journal_append(rotate_scene.journal, &line, NULL), CR_OK);
    }
    rotate_run();
}

static void checkpoints_come_by_lines_and_by_hours(void **state)
{
    (void)state;
    struct shared *shared = rotate_scene.shared;
    rotate_scene.max_size = 0;
    assert_int_equal(uv_loop_init(&rotate_scene.loop), 0);
    assert_int_equal(rotate_open(), CR_OK);
    add_unwaited(1, CR_CHECKPOINT_LINES - 1);
    assert_int_equal(shared->checkpoints, 0);
    add_unwaited(CR_CHECKPOINT_LINES, CR_CHECKPOINT_LINES);
    assert_int_equal(shared->last_checkpoint, CR_CHECKPOINT_LINES + 1);
    /* without new lines there is nothing to sign */
    cr_journal_tick(rotate_scene.journal, rotate_scene.now_s);
    cr_journal_tick(rotate_scene.journal, rotate_scene.now_s += CR_CHECKPOINT_S);
    cr_journal_checkpoint(rotate_scene.journal);
    rotate_run();
    assert_int_equal(shared->checkpoints, 1);
    assert_true(cr_journal_idle(rotate_scene.journal));
    /* one line, an hour later */
    add_unwaited(CR_CHECKPOINT_LINES + 1, CR_CHECKPOINT_LINES + 1);
    cr_journal_tick(rotate_scene.journal, rotate_scene.now_s);
    cr_journal_tick(rotate_scene.journal, rotate_scene.now_s += CR_CHECKPOINT_S - 1);
    rotate_run();
    assert_int_equal(shared->checkpoints, 1);
    cr_journal_tick(rotate_scene.journal, ++rotate_scene.now_s);
    assert_false(cr_journal_idle(rotate_scene.journal));
    rotate_run();
    assert_int_equal(shared->checkpoints, 2);
    /* what was written before a start counts, too */
    add_unwaited(CR_CHECKPOINT_LINES + 2, CR_CHECKPOINT_LINES + 501);
    rotate_close();
    assert_int_equal(rotate_open(), CR_OK);
    add_unwaited(CR_CHECKPOINT_LINES + 502, CR_CHECKPOINT_LINES + 1001);
    assert_int_equal(shared->checkpoints, 3);
    rotate_close();
    rotate_look();
    assert_int_equal(rotate_scene.verify.checkpoints, 3);
    assert_int_equal(rotate_scene.verify.trusted_seq, rotate_scene.verify.last.seq);
    assert_int_equal(uv_loop_close(&rotate_scene.loop), 0);
}

static void lines_do_not_wait_for_a_signer(void **state)
{
    (void)state;
    rotate_scene.signer_fails = true;
    assert_int_equal(uv_loop_init(&rotate_scene.loop), 0);
    assert_int_equal(rotate_open(), CR_OK);
    for (unsigned n = 1; n <= WANTED; n++) {
        assert_true(rotate_add(n));
    }
    assert_true(rotate_scene.shared->rotations >= 2); /* files are set aside all the same */
    assert_true(rotate_scene.shared->sign_errors >= 2);
    assert_int_equal(rotate_scene.shared->checkpoints, 0);
    rotate_scene.signer_fails = false;
    add_unwaited(WANTED + 1, WANTED + 150);
    cr_journal_checkpoint(rotate_scene.journal);
    add_unwaited(WANTED + 151, WANTED + 151);
    assert_true(rotate_scene.shared->checkpoints > 0);
    rotate_close();
    rotate_look();
    assert_int_equal(rotate_scene.visited, WANTED + 151);
    assert_int_equal(rotate_scene.verify.proved[0].from, 1); /* one is enough for all before it */
    assert_int_equal(uv_loop_close(&rotate_scene.loop), 0);
}

int main(void)
{
#define ROTATE_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, rotate_set_up, rotate_tear_down)
    const struct CMUnitTest tests[] = {
        ROTATE_TEST(it_begins_new_files),
        ROTATE_TEST(killed_before_every_step),
        ROTATE_TEST(killed_in_every_write),
        ROTATE_TEST(what_fails_once_is_made_good),
        ROTATE_TEST(what_fails_twice_is_made_good),
        ROTATE_TEST(a_file_that_nothing_follows_goes_on),
        ROTATE_TEST(as_many_files_are_read_as_it_takes),
        ROTATE_TEST(what_is_moved_away_is_not_missed),
        ROTATE_TEST(a_gap_or_damage_in_older_files_does_not_open),
        ROTATE_TEST(checkpoints_come_by_lines_and_by_hours),
        ROTATE_TEST(lines_do_not_wait_for_a_signer),
    };
    return cmocka_run_group_tests_name("journal_rotate", tests, NULL, NULL);
}
