#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DAY_S = 86400, RUN_TIMEOUT_MS = 10000 };

cr_err test_ca_sign(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    const struct test_ca *ca = ctx;
    const struct cr_key_backend *backend = cr_key_libcrypto();
    return backend->sign(ca->key, cr_sig_alg_for(backend->private_type(ca->key)), tbs, sig, sig_len);
}

void test_ca_make_at(struct test_ca *ca, const char *name, const struct test_ca *issuer, enum cr_key_type type,
                     int64_t not_before, int64_t not_after)
{
    const struct cr_key_backend *backend = cr_key_libcrypto();
    const struct test_ca *signer = issuer == NULL ? ca : issuer;
    struct cr_cert_intent intent = { .not_before = not_before, .not_after = not_after };
    memset(ca, 0, sizeof *ca);
    assert_int_equal(backend->private_make(&ca->key, type, 2048), CR_OK);
    assert_int_equal(backend->private_spki(ca->key, &ca->spki), CR_OK);
    assert_int_equal(cr_serial_make(&intent.serial, cr_random_system()), CR_OK);
    struct cr_ca_request request = { name, cr_blob_view(&ca->spki), -1 };
    enum cr_sig_alg alg = cr_sig_alg_for(backend->private_type(signer->key));
    const struct cr_cert *issuer_cert = issuer == NULL ? NULL : &issuer->cert;
    cr_err err = cr_cert_build_ca(&ca->der, &request, &intent, issuer_cert, alg, test_ca_sign, (void *)signer);
    assert_int_equal(err, CR_OK);
    assert_int_equal(cr_cert_parse(&ca->cert, cr_blob_view(&ca->der)), CR_OK);
}

void test_ca_make(struct test_ca *ca, const char *name, const struct test_ca *issuer, enum cr_key_type type)
{
    int64_t end = issuer == NULL ? TEST_PKI_NOW + 3650LL * DAY_S : issuer->cert.facts.not_after;
    test_ca_make_at(ca, name, issuer, type, TEST_PKI_NOW - DAY_S, end);
}

void test_ca_fini(struct test_ca *ca)
{
    cr_key_libcrypto()->private_free(ca->key);
    cr_blob_fini(&ca->spki);
    cr_blob_fini(&ca->der);
    memset(ca, 0, sizeof *ca);
}

void test_leaf_make(struct cr_blob *der, struct cr_blob *spki, const struct test_ca *ca,
                    const struct cr_profile *profile, const char *device, const struct cr_cert_intent *intent)
{
    const struct cr_key_backend *backend = cr_key_libcrypto();
    struct cr_private_key *key = NULL;
    struct cr_blob public_half = { NULL, 0 };
    assert_int_equal(backend->private_make(&key, CR_KEY_EC_P256, 0), CR_OK);
    assert_int_equal(backend->private_spki(key, &public_half), CR_OK);
    backend->private_free(key);
    struct cr_cert_request request = { profile, device, cr_blob_view(&public_half), profile->san_dns };
    enum cr_sig_alg alg = cr_sig_alg_for(backend->private_type(ca->key));
    assert_int_equal(cr_cert_build(der, &request, intent, &ca->cert, alg, test_ca_sign, (void *)ca), CR_OK);
    if (spki != NULL) {
        cr_blob_move(spki, &public_half);
    }
    cr_blob_fini(&public_half);
}

void test_dir_make(struct test_dir *dir)
{
    snprintf(dir->path, sizeof dir->path, "/tmp/cr-test-XXXXXX");
    assert_non_null(mkdtemp(dir->path));
}

void test_dir_remove(struct test_dir *dir)
{
    DIR *listing = opendir(dir->path);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            assert_int_equal(unlinkat(dirfd(listing), entry->d_name, 0), 0);
        }
    }
    closedir(listing);
    assert_int_equal(rmdir(dir->path), 0);
}

const char *test_dir_file(const struct test_dir *dir, const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    assert_in_range(snprintf(path, sizeof paths[0], "%s/%s", dir->path, name), 1, sizeof paths[0] - 1);
    return path;
}

void test_file_write(const char *path, const void *data, size_t len, unsigned mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    assert_int_equal(fchmod(fd, (mode_t)mode), 0);
    close(fd);
}

void test_file_write_certs(const char *path, const struct cr_blob *const *ders)
{
    static char text[65536];
    text[0] = '\0';
    for (; *ders != NULL; ders++) {
        assert_int_equal(cr_cert_to_pem(text, sizeof text, cr_blob_view(*ders)), CR_OK);
    }
    test_file_write(path, text, strlen(text), 0644);
}

void test_file_write_key(const char *path, const struct cr_private_key *key, unsigned mode)
{
    struct cr_blob pem;
    assert_int_equal(cr_key_libcrypto()->private_pem(key, &pem), CR_OK);
    test_file_write(path, pem.data, pem.len, mode);
    explicit_bzero(pem.data, pem.len);
    cr_blob_fini(&pem);
}

static void read_until_closed(int fd, pid_t child, char *output, size_t cap)
{
    size_t len = 0;
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    for (;;) {
        char spill[256];
        bool full = len + 1 >= cap;
        if (poll(&poll_fd, 1, RUN_TIMEOUT_MS) <= 0) {
            kill(child, SIGKILL);
            break;
        }
        ssize_t got = full ? read(fd, spill, sizeof spill) : read(fd, output + len, cap - 1 - len);
        if (got <= 0) {
            break;
        }
        len += full ? 0 : (size_t)got;
    }
    output[len] = '\0';
}

int test_run(char *output, size_t cap, const char *const *argv)
{
    int pipe_fd[2], status = 0;
    pid_t child;
    posix_spawn_file_actions_t actions;
    extern char **environ;
    assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], 1), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], 2), 0);
    int rc = posix_spawnp(&child, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fd[1]);
    output[0] = '\0';
    if (rc == 0) {
        read_until_closed(pipe_fd[0], child, output, cap);
        assert_int_equal(waitpid(child, &status, 0), child);
    }
    close(pipe_fd[0]);
    return rc != 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
