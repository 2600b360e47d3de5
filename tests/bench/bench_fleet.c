#include "tests/bench/bench_fleet.h"

#include "common/clock.h"
#include "tests/bench/bench_cpu.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_CAP = 512, DAY_S = 86400, FILE_CAP = 16384 };

static void must(cr_err err, const char *what)
{
    if (err != CR_OK) {
        bench_die("%s: %s", what, cr_err_text(err));
    }
}

static void must_ssl(bool ok, const char *what)
{
    if (!ok) {
        bench_die("%s failed", what);
    }
}

static cr_err sign_with(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    return cr_key_libcrypto()->sign(ctx, CR_SIG_ECDSA_SHA256, tbs, sig, sig_len);
}

static void file_write(const char *dir, const char *name, const char *text, mode_t mode)
{
    char path[PATH_CAP];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    size_t len = strlen(text);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len || close(fd) != 0) {
        bench_die("%s: %s", path, strerror(errno));
    }
}

static struct cr_blob file_read(const char *dir, const char *name)
{
    static char text[FILE_CAP];
    char path[PATH_CAP];
    struct cr_blob blob;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        bench_die("%s: %s", path, strerror(errno));
    }
    size_t len = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    must(cr_blob_copy(&blob, text, len), path);
    return blob;
}

static void pem_write(const char *dir, const char *name, struct cr_bytes der)
{
    static char pem[FILE_CAP];
    pem[0] = '\0';
    must(cr_cert_to_pem(pem, sizeof pem, der), name);
    file_write(dir, name, pem, 0644);
}

static void key_write(const char *dir, const char *name, const struct cr_private_key *key)
{
    struct cr_blob pem;
    must(cr_key_libcrypto()->private_pem(key, &pem), name);
    file_write(dir, name, (const char *)pem.data, 0600);
    OPENSSL_cleanse(pem.data, pem.len);
    cr_blob_fini(&pem);
}

static struct cr_cert_intent intent_make(int64_t days)
{
    struct cr_cert_intent intent;
    int64_t now_s = cr_wall_s(cr_clock_system());
    must(cr_serial_make(&intent.serial, cr_random_system()), "serial");
    intent.not_before = now_s - 3600;
    intent.not_after = now_s + days * DAY_S;
    return intent;
}

/* A leaf of the CA for a public key. */
static struct cr_blob leaf_make(struct bench_ca *ca, const char *name, struct cr_bytes spki, bool server)
{
    struct cr_profile profile;
    struct cr_blob der;
    cr_profile_default(&profile, "operational");
    if (server) {
        profile.ext_key_usage = CR_EKU_SERVER_AUTH;
        profile.san_dns = true;
    }
    struct cr_cert_request request = { .profile = &profile, .device = name, .spki = spki, .san = server };
    struct cr_cert_intent intent = intent_make(60);
    must(cr_cert_build(&der, &request, &intent, &ca->cert, CR_SIG_ECDSA_SHA256, sign_with, ca->key), name);
    return der;
}

void bench_ca_write(const char *dir)
{
    const struct cr_key_backend *backend = cr_key_libcrypto();
    struct bench_ca ca;
    struct cr_private_key *server;
    struct cr_blob spki;
    must(backend->private_make(&ca.key, CR_KEY_EC_P256, 0), "key");
    must(backend->private_spki(ca.key, &spki), "key");
    struct cr_ca_request request = { .common_name = "Benchmark CA", .spki = cr_blob_view(&spki), .pathlen = 0 };
    struct cr_cert_intent intent = intent_make(3650);
    must(cr_cert_build_ca(&ca.der, &request, &intent, NULL, CR_SIG_ECDSA_SHA256, sign_with, ca.key), "CA");
    must(cr_cert_parse(&ca.cert, cr_blob_view(&ca.der)), "CA");
    cr_blob_fini(&spki);
    pem_write(dir, "ca.pem", cr_blob_view(&ca.der));
    key_write(dir, "ca.key", ca.key);

    must(backend->private_make(&server, CR_KEY_EC_P256, 0), "key");
    must(backend->private_spki(server, &spki), "key");
    struct cr_blob der = leaf_make(&ca, "localhost", cr_blob_view(&spki), true);
    pem_write(dir, "server.pem", cr_blob_view(&der));
    key_write(dir, "server.key", server);
    cr_blob_fini(&der);
    cr_blob_fini(&spki);
    backend->private_free(server);
    bench_ca_fini(&ca);
}

void bench_ca_read(struct bench_ca *ca, const char *dir)
{
    struct cr_blob pem = file_read(dir, "ca.pem");
    must(cr_cert_from_pem(&ca->der, cr_blob_view(&pem)), "ca.pem");
    must(cr_cert_parse(&ca->cert, cr_blob_view(&ca->der)), "ca.pem");
    cr_blob_fini(&pem);
    pem = file_read(dir, "ca.key");
    must(cr_key_libcrypto()->private_load(&ca->key, cr_blob_view(&pem), NULL), "ca.key");
    cr_blob_fini(&pem);
}

void bench_ca_fini(struct bench_ca *ca)
{
    cr_blob_fini(&ca->der);
    cr_key_libcrypto()->private_free(ca->key);
}

static EVP_PKEY *key_make(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    must_ssl(key != NULL, "a new key");
    return key;
}

SSL_CTX *bench_device_context(struct bench_ca *ca, const char *device)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    must_ssl(context != NULL, "TLS");
    /* The server is our own child on the loopback interface; verifying it is not what is measured. */
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    if (ca == NULL) {
        return context;
    }
    EVP_PKEY *key = key_make();
    unsigned char *spki = NULL;
    int spki_len = i2d_PUBKEY(key, &spki);
    must_ssl(spki_len > 0, "a public key");
    struct cr_blob der = leaf_make(ca, device, (struct cr_bytes){ spki, (size_t)spki_len }, false);
    must_ssl(SSL_CTX_use_certificate_ASN1(context, (int)der.len, der.data) == 1 &&
                 SSL_CTX_use_PrivateKey(context, key) == 1, "a device's certificate");
    cr_blob_fini(&der);
    OPENSSL_free(spki);
    EVP_PKEY_free(key);
    return context;
}

static X509_REQ *csr_make(const char *device)
{
    EVP_PKEY *key = key_make();
    X509_REQ *csr = X509_REQ_new();
    must_ssl(csr != NULL, "a request");
    X509_NAME *name = X509_REQ_get_subject_name(csr);
    must_ssl(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)device, -1, -1, 0) == 1 &&
                 X509_REQ_set_pubkey(csr, key) == 1 && X509_REQ_sign(csr, key, EVP_sha256()) > 0, "a request");
    EVP_PKEY_free(key);
    return csr;
}

struct cr_blob bench_csr_der(const char *device)
{
    X509_REQ *csr = csr_make(device);
    unsigned char *der = NULL;
    struct cr_blob blob;
    int len = i2d_X509_REQ(csr, &der);
    must_ssl(len > 0, "a request");
    must(cr_blob_copy(&blob, der, (size_t)len), "a request");
    OPENSSL_free(der);
    X509_REQ_free(csr);
    return blob;
}

struct cr_blob bench_csr_pem(const char *device)
{
    X509_REQ *csr = csr_make(device);
    BIO *bio = BIO_new(BIO_s_mem());
    struct cr_blob blob;
    char *text;
    must_ssl(bio != NULL && PEM_write_bio_X509_REQ(bio, csr) == 1, "a request");
    long len = BIO_get_mem_data(bio, &text);
    must(cr_blob_copy(&blob, text, (size_t)len), "a request");
    BIO_free(bio);
    X509_REQ_free(csr);
    return blob;
}
