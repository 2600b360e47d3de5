#include "tests/bench/meters_pki.h"

#include "common/csr.h"
#include "tests/bench/bench_cpu.h"
#include "tests/bench/bench_fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_CAP = 256, PEM_CAP = 4096 };

static void must(cr_err err, const char *what)
{
    if (err != CR_OK) {
        bench_die("%s: %s", what, cr_err_text(err));
    }
}

static cr_err sign_with(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    return cr_key_libcrypto()->sign(ctx, CR_SIG_ECDSA_SHA256, tbs, sig, sig_len);
}

static void file_write(const char *dir, const char *name, const char *text)
{
    char path[PATH_CAP];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t len = strlen(text);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len || close(fd) != 0) {
        bench_die("%s: %s", path, strerror(errno));
    }
}

void meters_ca_make(struct meters_ca *ca, const char *dir, int64_t not_before, int64_t not_after)
{
    const struct cr_key_backend *backend = cr_key_libcrypto();
    struct cr_cert_intent intent = { .not_before = not_before, .not_after = not_after };
    struct cr_blob spki, key;
    static char pem[PEM_CAP];

    must(backend->private_make(&ca->key, CR_KEY_EC_P256, 0), "a CA key");
    must(backend->private_spki(ca->key, &spki), "a CA key");
    struct cr_ca_request request = { .common_name = "Metering CA", .spki = cr_blob_view(&spki), .pathlen = 0 };
    must(cr_serial_make(&intent.serial, cr_random_system()), "a serial");
    must(cr_cert_build_ca(&ca->der, &request, &intent, NULL, CR_SIG_ECDSA_SHA256, sign_with, ca->key), "a CA");
    must(cr_cert_parse(&ca->cert, cr_blob_view(&ca->der)), "a CA");
    cr_blob_fini(&spki);

    pem[0] = '\0';
    must(cr_cert_to_pem(pem, sizeof pem, cr_blob_view(&ca->der)), "a CA");
    file_write(dir, "ca.pem", pem);
    must(backend->private_pem(ca->key, &key), "a CA key");
    file_write(dir, "ca.key", (const char *)key.data);
    explicit_bzero(key.data, key.len);
    cr_blob_fini(&key);
}

void meters_ca_fini(struct meters_ca *ca)
{
    cr_blob_fini(&ca->der);
    cr_key_libcrypto()->private_free(ca->key);
}

struct cr_blob meters_certify(const struct meters_ca *ca, const struct cr_profile *profile, const char *device,
                              int64_t not_before, int64_t not_after)
{
    const struct cr_key_backend *backend = cr_key_libcrypto();
    struct cr_cert_intent intent = { .not_before = not_before, .not_after = not_after };
    struct cr_private_key *key;
    struct cr_blob spki, der;

    must(backend->private_make(&key, CR_KEY_EC_P256, 0), "a key");
    must(backend->private_spki(key, &spki), "a key");
    struct cr_cert_request request = { profile, device, cr_blob_view(&spki), false };
    must(cr_serial_make(&intent.serial, cr_random_system()), "a serial");
    must(cr_cert_build(&der, &request, &intent, &ca->cert, CR_SIG_ECDSA_SHA256, sign_with, ca->key), device);
    backend->private_free(key);
    cr_blob_fini(&spki);
    return der;
}

struct cr_blob meters_request(const char *device, uint8_t key_hash[CR_SHA256_LEN])
{
    struct cr_blob der = bench_csr_der(device);
    struct cr_csr csr;
    if (cr_csr_parse(&csr, cr_blob_view(&der)) != CR_REFUSAL_NONE) {
        bench_die("a request of our own cannot be read");
    }
    memcpy(key_hash, csr.key_hash, CR_SHA256_LEN);
    return der;
}
