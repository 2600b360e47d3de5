/* The cryptographic floor of a renewal: one P-256 signature verified, its key's import included, and one made, each by
 * every backend; and what it costs that an issuer's key is in a library only while it signs. Prints `name value` lines, in
 * microseconds of this thread's CPU; crypto_floor_us is libcrypto's. */
#include "common/key.h"
#include "plugin/worker/signer.h"
#include "tests/bench/bench_cpu.h"
#include "tests/bench/bench_fleet.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 15, EACH = 200, MESSAGE_LEN = 300 }; /* a request's or a certificate's signed part */

static double thread_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void must(cr_err err, const char *what)
{
    if (err != CR_OK) {
        bench_die("%s: %s", what, cr_err_text(err));
    }
}

/* The floor of one backend: verify + sign. */
static double measure(const struct cr_key_backend *backend)
{
    static const uint8_t text[MESSAGE_LEN] = { 1, 2, 3 };
    const struct cr_bytes message = { text, sizeof text };
    double verify_us[ROUNDS], sign_us[ROUNDS];
    uint8_t sig[CR_SIGNATURE_MAX];
    size_t sig_len = 0;
    struct cr_private_key *key;
    struct cr_public_key public;
    struct cr_blob spki;
    must(backend->private_make(&key, CR_KEY_EC_P256, 0), "a new key");
    must(backend->private_spki(key, &spki), "its public half");
    must(cr_public_key_parse(&public, cr_blob_view(&spki)), "its public half");
    for (int r = 0; r < ROUNDS; r++) {
        double start_us = thread_us();
        for (int i = 0; i < EACH; i++) {
            sig_len = sizeof sig;
            must(backend->sign(key, CR_SIG_ECDSA_SHA256, message, sig, &sig_len), "sign");
        }
        double half_us = thread_us();
        for (int i = 0; i < EACH; i++) {
            must(backend->verify(&public, CR_SIG_ECDSA_SHA256, message, (struct cr_bytes){ sig, sig_len }), "verify");
        }
        sign_us[r] = (half_us - start_us) / EACH;
        verify_us[r] = (thread_us() - half_us) / EACH;
    }
    double verify = bench_percentile(verify_us, ROUNDS, 50), sign = bench_percentile(sign_us, ROUNDS, 50);
    printf("%s_verify_us %.2f\n%s_sign_us %.2f\n", backend->name, verify, backend->name, sign);
    cr_blob_fini(&spki);
    backend->private_free(key);
    return verify + sign;
}

/* A key that stays with the library, and one that rests with the signer. */
static void measure_signer(const struct cr_key_backend *backend, enum cr_key_type type, const char *name, int each)
{
    static const uint8_t text[MESSAGE_LEN] = { 1, 2, 3 };
    const struct cr_bytes message = { text, sizeof text };
    double key_us[ROUNDS], signer_us[ROUNDS];
    struct cr_private_key *key;
    struct cr_signer signer;
    struct cr_blob pem;
    must(backend->private_make(&key, type, 2048), "a new key");
    must(backend->private_pem(key, &pem), "its text");
    must(cr_signer_of_key(&signer, cr_blob_view(&pem), NULL, backend), "a signer");
    for (int r = 0; r < ROUNDS; r++) {
        uint8_t sig[CR_SIGNATURE_MAX];
        double start_us = thread_us();
        for (int i = 0; i < each; i++) {
            size_t sig_len = sizeof sig;
            must(backend->sign(key, signer.alg, message, sig, &sig_len), "sign");
        }
        double half_us = thread_us();
        for (int i = 0; i < each; i++) {
            size_t sig_len = sizeof sig;
            must(signer.sign(signer.ctx, message, sig, &sig_len), "sign");
        }
        key_us[r] = (half_us - start_us) / each;
        signer_us[r] = (thread_us() - half_us) / each;
    }
    printf("%s_%s_key_us %.1f\n%s_%s_signer_us %.1f\n", backend->name, name, bench_percentile(key_us, ROUNDS, 50),
           backend->name, name, bench_percentile(signer_us, ROUNDS, 50));
    cr_signer_fini(&signer);
    cr_blob_fini(&pem);
    backend->private_free(key);
}

int main(void)
{
    const struct cr_key_backend *const backends[] = { cr_key_libcrypto(), cr_key_mbedtls() };
    for (int i = 0; i < 2; i++) {
        measure_signer(backends[i], CR_KEY_EC_P256, "p256", i == 0 ? EACH : 10);
        measure_signer(backends[i], CR_KEY_EC_P384, "p384", i == 0 ? 20 : 5);
        measure_signer(backends[i], CR_KEY_RSA, "rsa2048", i == 0 ? 20 : 5);
    }
    (void)measure(cr_key_mbedtls());
    printf("crypto_floor_us %.2f\n", measure(cr_key_libcrypto()));
    return 0;
}
