/* The issuer's files: every mistake with them is told, all at once; and the key leaves no trace in memory. */
#include "plugin/worker/issuer.h"
#include "tests/support/forge.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    struct test_dir dir;
    struct test_ca ca;
    char cert[80], key[80];
    struct cr_trust_config config;
    char errors[4096];
};

static int set_up(void **state)
{
    static struct fixture fixture, *const x = &fixture;
    test_dir_make(&x->dir);
    test_ca_make(&x->ca, "CA", NULL, CR_KEY_EC_P256);
    snprintf(x->cert, sizeof x->cert, "%s", test_dir_file(&x->dir, "ca.pem"));
    snprintf(x->key, sizeof x->key, "%s", test_dir_file(&x->dir, "ca.key"));
    test_file_write_certs(x->cert, (const struct cr_blob *const[]){ &x->ca.der, NULL });
    test_file_write_key(x->key, x->ca.key, 0600);
    x->config = (struct cr_trust_config){ .issuer_count = 1,
                                           .issuer = { { x->cert, x->key, NULL, 0 } },
                                           .backend = cr_key_libcrypto() };
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    test_ca_fini(&x->ca);
    test_dir_remove(&x->dir);
    return 0;
}

static void loads(struct fixture *x, const struct cr_trust_config *config)
{
    struct cr_trust *trust = NULL;
    if (cr_trust_load(&trust, config, TEST_PKI_NOW, x->errors, sizeof x->errors) != CR_OK) {
        fail_msg("%s", x->errors);
    }
    cr_trust_free(trust);
}

static void refuses(struct fixture *x, const struct cr_trust_config *config, const char *sentence)
{
    struct cr_trust *trust = NULL;
    assert_int_equal(cr_trust_load(&trust, config, TEST_PKI_NOW, x->errors, sizeof x->errors), CR_INVALID);
    assert_null(trust);
    if (strstr(x->errors, sentence) == NULL) {
        fail_msg("\"%s\" is missing in: %s", sentence, x->errors);
    }
}

static void files_that_are_none(void **state)
{
    struct fixture *x = *state;
    struct cr_trust_config config = x->config;
    const char *missing = test_dir_file(&x->dir, "missing"), *fifo = test_dir_file(&x->dir, "fifo");
    const char *empty = test_dir_file(&x->dir, "empty"), *large = test_dir_file(&x->dir, "large");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    test_file_write(empty, "", 0, 0600);
    test_file_write(large, "x", 1, 0600);
    assert_int_equal(truncate(large, 1 << 21), 0);
    static const char no_file[] = ": No such file or directory", no_regular[] = ": is not a regular file";
    const struct {
        const char *path, *as_cert, *as_key;
    } cases[] = {
        { missing, no_file, no_file },
        { fifo, no_regular, no_regular }, /* without waiting for a writer */
        { x->dir.path, no_regular, no_regular },
        { empty, "holds no certificate", "is empty" },
        { large, "is too large", "is too large" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config = x->config;
        config.issuer[0].certfile = cases[i].path;
        refuses(x, &config, cases[i].as_cert);
        assert_memory_equal(x->errors, "issuer_certfile /", 17);
        config = x->config;
        config.issuer[0].keyfile = cases[i].path;
        refuses(x, &config, cases[i].as_key);
        assert_memory_equal(x->errors, "issuer_keyfile /", 16);
        config = x->config;
        config.issuer[0].passphrase_file = cases[i].path;
        refuses(x, &config, cases[i].as_key);
        assert_memory_equal(x->errors, "issuer_passphrase_file /", 24);
        config = x->config;
        config.trusted_cafile = &cases[i].path;
        config.trusted_count = 1;
        refuses(x, &config, cases[i].as_cert);
        assert_memory_equal(x->errors, "trusted_cafile /", 16);
    }
}

static void files_of_something_else(void **state)
{
    struct fixture *x = *state;
    struct cr_trust_config config = x->config;
    config.issuer[0].certfile = x->key;
    refuses(x, &config, "holds no certificate");
    config = x->config;
    config.issuer[0].keyfile = test_dir_file(&x->dir, "no.key");
    test_file_write(config.issuer[0].keyfile, "hello\n", 6, 0600);
    refuses(x, &config, "is not a private key");
    config = x->config;
    config.issuer[0].certfile = test_dir_file(&x->dir, "broken.pem");
    static const char broken[] = "-----BEGIN CERTIFICATE-----\nMIIB*\n-----END CERTIFICATE-----\n";
    test_file_write(config.issuer[0].certfile, broken, sizeof broken - 1, 0644);
    refuses(x, &config, "holds a broken PEM block");
    static const char no_cert[] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    test_file_write(config.issuer[0].certfile, no_cert, sizeof no_cert - 1, 0644);
    refuses(x, &config, "certificate 1 is not");
}

static void a_passphrase_opens_the_key(void **state)
{
    struct fixture *x = *state;
    struct cr_trust_config config = x->config;
    struct test_ca ca = x->ca;
    struct forge f;
    struct cr_blob cert_der;
    forge_init(&f);
    EVP_PKEY *pkey = forge_key_ec(&f, "P-256");
    struct cr_bytes plain = forge_private(&f, pkey, true, NULL), locked = forge_private(&f, pkey, true, "open sesame");
    assert_int_equal(cr_key_libcrypto()->private_load(&ca.key, plain, NULL), CR_OK);
    struct cr_ca_request request = { "Locked", forge_spki(&f, pkey, "uncompressed", "named_curve"), -1 };
    struct cr_cert_intent intent = { { { 1 }, 1 }, TEST_PKI_NOW, TEST_PKI_NOW + 86400 };
    assert_int_equal(cr_cert_build_ca(&cert_der, &request, &intent, NULL, CR_SIG_ECDSA_SHA256, test_ca_sign, &ca),
                     CR_OK);
    cr_key_libcrypto()->private_free(ca.key);
    config.issuer[0].certfile = test_dir_file(&x->dir, "locked.pem");
    config.issuer[0].keyfile = test_dir_file(&x->dir, "locked.key");
    const char *passphrase = test_dir_file(&x->dir, "passphrase");
    test_file_write_certs(config.issuer[0].certfile, (const struct cr_blob *const[]){ &cert_der, NULL });
    test_file_write(config.issuer[0].keyfile, locked.data, locked.len, 0600);
    refuses(x, &config, "an encrypted one needs issuer_passphrase_file");
    config.issuer[0].passphrase_file = "";
    refuses(x, &config, "an encrypted one needs issuer_passphrase_file");
    config.issuer[0].passphrase_file = passphrase;
    static const char *const right[] = { "open sesame", "open sesame\n", "open sesame\r\n" };
    for (size_t i = 0; i < 3; i++) {
        test_file_write(passphrase, right[i], strlen(right[i]), 0600);
        loads(x, &config);
    }
    test_file_write(passphrase, "open barley", 11, 0600);
    refuses(x, &config, "is not a private key that issuer_passphrase_file opens");
    test_file_write(passphrase, "open sesame", 11, 0640);
    refuses(x, &config, "chmod 600");
    cr_blob_fini(&cert_der);
    forge_fini(&f);
}

static void all_mistakes_are_told_at_once(void **state)
{
    struct fixture *x = *state;
    const char *trusted[] = { "/nowhere/a.pem", x->key };
    const struct cr_trust_config config = {
        .issuer_count = 1,
        .issuer = { { "/nowhere/ca.pem", "/nowhere/ca.key", "/nowhere/pass", 0 } },
        .trusted_cafile = trusted,
        .trusted_count = 2,
        .backend = cr_key_libcrypto(),
    };
    static const char *const names[] = { "issuer_certfile /nowhere/ca.pem", "issuer_keyfile /nowhere/ca.key",
                                         "issuer_passphrase_file /nowhere/pass", "trusted_cafile /nowhere/a.pem",
                                         "holds no certificate" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        refuses(x, &config, names[i]);
    }
    unsigned lines = 1;
    for (const char *c = x->errors; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(lines, 5);
    /* Told as far as there is room, and never further. */
    for (size_t cap = 0; cap < 100; cap++) {
        struct cr_trust *trust = NULL;
        char small[128];
        memset(small, '#', sizeof small);
        assert_int_equal(cr_trust_load(&trust, &config, TEST_PKI_NOW, small, cap), CR_INVALID);
        assert_int_equal(small[cap], '#');
        assert_true(cap == 0 || memchr(small, '\0', cap) != NULL);
    }
}

/* What must not be found, stored so that storing it is not finding it. */
enum { NEEDLE_LEN = 24, VEIL = 0x5a, NEEDLES = 3 };
struct needles {
    uint8_t veiled[NEEDLES][NEEDLE_LEN]; /* of the private number big-endian, little-endian, and of the file's text */
};

#if defined(__GNUC__)
__attribute__((no_sanitize("address", "thread"))) /* it looks where a sanitizer sees freed memory */
#endif
static unsigned occurrences_in(const uint8_t *data, size_t len, const struct needles *needles)
{
    unsigned found = 0;
    for (size_t at = 0; at + NEEDLE_LEN <= len; at++) {
        for (int n = 0; n < NEEDLES; n++) {
            size_t i = 0;
            while (i < NEEDLE_LEN && data[at + i] == (needles->veiled[n][i] ^ VEIL)) {
                i++;
            }
            found += i == NEEDLE_LEN;
        }
    }
    return found;
}

/* Looks through all memory of this process that can be read and written, where it lies: a copy to look at would be one
 * more to find. Larger mappings are a sanitizer's own. */
static unsigned occurrences(const struct needles *needles)
{
    unsigned found = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        char *end = NULL;
        uintptr_t from = (uintptr_t)strtoull(line, &end, 16), to = (uintptr_t)strtoull(end + 1, &end, 16);
        if (end[1] == 'r' && end[2] == 'w' && to - from < 1u << 30) {
            found += occurrences_in((const uint8_t *)from, to - from, needles);
        }
    }
    fclose(maps);
    return found;
}

/* In a process of its own, so that this one has never seen the key before it loads it. */
static void make_issuer_elsewhere(const char *cert, const char *key, const char *needles_file)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct test_ca ca;
        struct needles needles;
        struct cr_blob pem;
        struct forge f;
        forge_init(&f);
        test_ca_make(&ca, "Secret", NULL, CR_KEY_EC_P256);
        test_file_write_certs(cert, (const struct cr_blob *const[]){ &ca.der, NULL });
        test_file_write_key(key, ca.key, 0600);
        if (cr_key_libcrypto()->private_pem(ca.key, &pem) != CR_OK) {
            _exit(1);
        }
        uint8_t der[256];
        size_t der_len = 0;
        char digits[512];
        size_t count = 0;
        const char *line = (const char *)pem.data + strlen("-----BEGIN PRIVATE KEY-----\n");
        for (const char *c = line; *c != '-'; c++) {
            if (*c != '\n') {
                digits[count++] = *c;
            }
        }
        /* PKCS#8 of a P-256 key: the private number is the 32 octets at 36. */
        if (cr_base64_decode(der, sizeof der, &der_len, digits, count) != CR_OK || der_len < 68) {
            _exit(2);
        }
        for (size_t i = 0; i < NEEDLE_LEN; i++) {
            needles.veiled[0][i] = der[36 + i] ^ VEIL;
            needles.veiled[1][i] = der[67 - i] ^ VEIL;
            needles.veiled[2][i] = (uint8_t)line[52 + i] ^ VEIL;
        }
        test_file_write(needles_file, &needles, sizeof needles, 0600);
        _exit(0);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Sanitizers keep freed memory for later, and map terabytes that take minutes to look through. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static void hostile_106_key_is_wiped(void **state)
{
    struct fixture *x = *state;
    if (SANITIZED) {
        print_message("SKIP: the memory is a sanitizer's\n");
        skip();
    }
    struct cr_trust_config config = x->config;
    const struct cr_key_backend *const backends[] = { cr_key_libcrypto(), cr_key_mbedtls() };
    config.issuer[0].certfile = test_dir_file(&x->dir, "secret.pem");
    config.issuer[0].keyfile = test_dir_file(&x->dir, "secret.key");
    const char *needles_file = test_dir_file(&x->dir, "needles");
    for (size_t i = 0; i < 2; i++) {
        struct needles needles;
        struct cr_trust *trust = NULL;
        config.backend = backends[i];
        make_issuer_elsewhere(config.issuer[0].certfile, config.issuer[0].keyfile, needles_file);
        int fd = open(needles_file, O_RDONLY | O_CLOEXEC);
        assert_int_equal(read(fd, &needles, sizeof needles), sizeof needles);
        close(fd);
        assert_int_equal(occurrences(&needles), 0);
        assert_int_equal(cr_trust_load(&trust, &config, TEST_PKI_NOW, x->errors, sizeof x->errors), CR_OK);
        assert_int_equal(occurrences(&needles), 1); /* where the library keeps it to sign, and nowhere else */
        cr_trust_free(trust);
        assert_int_equal(occurrences(&needles), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(files_of_something_else),
        cmocka_unit_test(a_passphrase_opens_the_key),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(hostile_106_key_is_wiped),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
