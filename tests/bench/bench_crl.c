/* What a long CRL costs: bench_crl COUNT [FILE] builds one of COUNT entries with P-256, checks it as every broker does,
 * writes it as PEM, and lets libcrypto read that as a broker does with its crlfile at SIGHUP (X509_load_crl_file, and one
 * look-up). Prints `name value` lines: CPU time, bytes, and how far the process' memory went up. FILE: the PEM stays. */
#include "common/clock.h"
#include "common/crl.h"
#include "tests/bench/bench_cpu.h"
#include "tests/support/test_pki.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DAY_S = 86400 };

static double peak_kib(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss : 0;
}

/* Random serials of 16 octets, as ours are; one reason in three. */
static struct cr_crl_entry *entries_make(size_t count, int64_t now_s)
{
    struct cr_crl_entry *entry = calloc(count, sizeof *entry);
    for (size_t i = 0; entry != NULL && i < count; i++) {
        if (cr_serial_make(&entry[i].serial, cr_random_system()) != CR_OK) {
            bench_die("there are no random numbers");
        }
        entry[i].reason = i % 3 == 0;
        entry[i].at = now_s - (int64_t)(i % 1000) * DAY_S / 10;
    }
    return entry;
}

static void measure_broker(const char *pem)
{
    double before_kib = peak_kib(), start_us = bench_cpu_us(getpid());
    X509_STORE *store = X509_STORE_new();
    X509_LOOKUP *lookup = store != NULL ? X509_STORE_add_lookup(store, X509_LOOKUP_file()) : NULL;
    if (lookup == NULL || X509_load_crl_file(lookup, pem, X509_FILETYPE_PEM) != 1) {
        bench_die("libcrypto does not take %s", pem);
    }
    printf("broker_load_ms %.1f\n", (bench_cpu_us(getpid()) - start_us) / 1e3);
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    X509_CRL *crl = sk_X509_OBJECT_num(objects) == 1 ? X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, 0)) : NULL;
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    X509_REVOKED *found = NULL;
    start_us = bench_cpu_us(getpid());
    if (crl == NULL || serial == NULL || ASN1_INTEGER_set(serial, 7) != 1 ||
        X509_CRL_get0_by_serial(crl, &found, serial) != 0) {
        bench_die("libcrypto finds what is not there");
    }
    printf("broker_first_look_up_ms %.1f\n", (bench_cpu_us(getpid()) - start_us) / 1e3);
    printf("broker_memory_kib %.0f\n", peak_kib() - before_kib);
    ASN1_INTEGER_free(serial);
    X509_STORE_free(store);
}

int main(int argc, char **argv)
{
    const int64_t now_s = cr_wall_s(cr_clock_system());
    if (argc < 2 || argc > 3) {
        bench_die("bench_crl COUNT [FILE]");
    }
    size_t count = bench_number("COUNT", argv[1], CR_CRL_ENTRIES_MAX);
    struct test_ca ca;
    struct cr_blob der;
    struct cr_crl crl;
    const char *why = "";
    char path[] = "/tmp/bench-crl-XXXXXX";
    test_ca_make_at(&ca, "Issuing CA", NULL, CR_KEY_EC_P256, now_s - DAY_S, now_s + 3650LL * DAY_S);
    struct cr_crl_entry *entry = entries_make(count, now_s);
    if (entry == NULL) {
        bench_die("out of memory");
    }
    const struct cr_crl_request request = { 1, now_s, now_s + 7 * DAY_S, entry, count };
    double before_kib = peak_kib(), start_us = bench_cpu_us(getpid());
    if (cr_crl_build(&der, &request, &ca.cert, CR_SIG_ECDSA_SHA256, test_ca_sign, &ca) != CR_OK) {
        bench_die("it cannot be built");
    }
    printf("build_ms %.1f\n", (bench_cpu_us(getpid()) - start_us) / 1e3);
    printf("entries_kib %.0f\nbuild_memory_kib %.0f\nder_bytes %zu\n", (double)(count * sizeof *entry) / 1024,
           peak_kib() - before_kib, der.len);
    const struct cr_crl_expect expect = { &ca.cert, cr_key_libcrypto(), now_s, true, 0 };
    start_us = bench_cpu_us(getpid());
    if (cr_crl_check(&crl, cr_blob_view(&der), &expect, &why) != CR_OK) {
        bench_die("it is wrong: %s", why);
    }
    printf("check_ms %.1f\n", (bench_cpu_us(getpid()) - start_us) / 1e3);
    size_t cap = cr_crl_pem_cap(der.len);
    char *pem = calloc(1, cap);
    start_us = bench_cpu_us(getpid());
    if (pem == NULL || cr_crl_to_pem(pem, cap, cr_blob_view(&der)) != CR_OK) {
        bench_die("out of memory");
    }
    printf("pem_ms %.1f\npem_bytes %zu\n", (bench_cpu_us(getpid()) - start_us) / 1e3, strlen(pem));
    int fd = argc == 3 ? -1 : mkstemp(path);
    FILE *file = argc == 3 ? fopen(argv[2], "we") : fdopen(fd, "w");
    if (file == NULL || fwrite(pem, 1, strlen(pem), file) != strlen(pem) || fclose(file) != 0) {
        bench_die("the file cannot be written");
    }
    measure_broker(argc == 3 ? argv[2] : path);
    if (argc == 2) {
        (void)unlink(path);
    }
    cr_blob_fini(&der);
    free(pem);
    free(entry);
    test_ca_fini(&ca);
    return 0;
}
