#include "device-sim/pki_cert.h"

#include "device-sim/pki_file.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

struct extension {
    int nid;
    const char *value; /* libcrypto's configuration syntax; constants of ours */
};

enum { EXTENSIONS_MAX = 5 };
static const struct extension extensions[][EXTENSIONS_MAX] = {
    [PKI_ROOT] = { { NID_basic_constraints, "critical,CA:TRUE,pathlen:1" },
                   { NID_key_usage, "critical,keyCertSign,cRLSign" } },
    [PKI_ISSUING] = { { NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
                      { NID_key_usage, "critical,keyCertSign,cRLSign" },
                      { NID_authority_key_identifier, "keyid:always" } },
    [PKI_SERVER] = { { NID_basic_constraints, "critical,CA:FALSE" },
                     { NID_key_usage, "critical,digitalSignature" },
                     { NID_ext_key_usage, "serverAuth" },
                     { NID_authority_key_identifier, "keyid:always" } },
    [PKI_CLIENT] = { { NID_basic_constraints, "critical,CA:FALSE" },
                     { NID_key_usage, "critical,digitalSignature" },
                     { NID_ext_key_usage, "clientAuth" },
                     { NID_authority_key_identifier, "keyid:always" } },
    [PKI_FACTORY] = { { NID_basic_constraints, "critical,CA:FALSE" },
                      { NID_key_usage, "critical,digitalSignature" },
                      { NID_authority_key_identifier, "keyid:always" } },
};

void pki_pair_fini(struct pki_pair *pair)
{
    EVP_PKEY_free(pair->key);
    X509_free(pair->cert);
    *pair = (struct pki_pair){ 0 };
}

static bool extension_add(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* The short form of a key identifier, RFC 5280 section 4.2.1.2 (2): 0100 and the last 60 bits of the key's SHA-1. An
 * issuer's is in every certificate, and the issuer's certificate goes to every device: twelve octets each count. */
static bool key_id_add(X509 *cert)
{
    unsigned char digest[20];
    char text[3 * 8];
    if (X509_pubkey_digest(cert, EVP_sha1(), digest, NULL) != 1) {
        return false;
    }
    digest[12] = (unsigned char)(0x40 | (digest[12] & 0x0f));
    for (size_t i = 0; i < 8; i++) {
        (void)snprintf(text + 3 * i, 4, i < 7 ? "%02X:" : "%02X", digest[12 + i]);
    }
    return extension_add(cert, NULL, NID_subject_key_identifier, text);
}

static bool extensions_add(X509 *cert, enum pki_kind kind, const char *alt_names, X509 *issuer)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    for (size_t i = 0; i < EXTENSIONS_MAX && extensions[kind][i].value != NULL; i++) {
        if (!extension_add(cert, &ctx, extensions[kind][i].nid, extensions[kind][i].value)) {
            return false;
        }
    }
    if (!key_id_add(cert)) {
        return false;
    }
    return alt_names == NULL || extension_add(cert, &ctx, NID_subject_alt_name, alt_names);
}

static bool serial_set(X509 *cert)
{
    unsigned char octets[8];
    if (RAND_bytes(octets, sizeof octets) != 1) {
        return false;
    }
    octets[0] = (octets[0] & 0x7f) | 0x40; /* positive, always eight octets */
    BIGNUM *number = BN_bin2bn(octets, sizeof octets, NULL);
    bool ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static bool names_set(X509 *cert, enum pki_kind kind, const char *common_name, X509 *issuer)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    if (kind == PKI_FACTORY &&
        X509_NAME_add_entry_by_NID(subject, NID_serialNumber, V_ASN1_PRINTABLESTRING,
                                   (const unsigned char *)common_name, (int)strlen(common_name), -1, 0) != 1) {
        return false;
    }
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING, (const unsigned char *)common_name,
                                      (int)strlen(common_name), -1, 0) == 1 &&
           X509_set_issuer_name(cert, issuer == NULL ? subject : X509_get_subject_name(issuer)) == 1;
}

cr_err pki_pair_make(struct pki_pair *pair, enum pki_kind kind, const char *common_name, const char *alt_names,
                     int64_t not_before, int64_t not_after, const struct pki_pair *issuer)
{
    *pair = (struct pki_pair){ .key = EVP_EC_gen("P-256"), .cert = X509_new() };
    X509 *cert = pair->cert, *above = issuer != NULL ? issuer->cert : NULL;
    bool ok = pair->key != NULL && cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 && serial_set(cert) &&
              names_set(cert, kind, common_name, above) && X509_set_pubkey(cert, pair->key) == 1 &&
              ASN1_TIME_set(X509_getm_notBefore(cert), not_before) != NULL &&
              ASN1_TIME_set(X509_getm_notAfter(cert), not_after) != NULL &&
              extensions_add(cert, kind, alt_names, above != NULL ? above : cert) &&
              X509_sign(cert, issuer != NULL ? issuer->key : pair->key, EVP_sha256()) > 0;
    if (!ok) {
        ERR_clear_error();
        pki_pair_fini(pair);
        return CR_CRYPTO;
    }
    return CR_OK;
}

static cr_err file_open(FILE **file, const char *path)
{
    *file = fopen(path, "re");
    return *file != NULL ? CR_OK : errno == ENOENT ? CR_NOT_FOUND : CR_IO;
}

cr_err pki_pair_load(struct pki_pair *pair, const char *cert_path, const char *key_path)
{
    FILE *cert = NULL, *key = NULL;
    cr_err err = CR_IO;
    *pair = (struct pki_pair){ 0 };
    CR_TRY(file_open(&cert, cert_path));
    CR_TRY(file_open(&key, key_path));
    pair->cert = PEM_read_X509(cert, NULL, NULL, NULL);
    pair->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
    if (pair->cert == NULL || pair->key == NULL || X509_check_private_key(pair->cert, pair->key) != 1) {
        ERR_clear_error();
        err = CR_INVALID;
    }
out:
    if (cert != NULL) {
        (void)fclose(cert);
    }
    if (key != NULL) {
        (void)fclose(key);
    }
    if (err != CR_OK) {
        pki_pair_fini(pair);
    }
    return err;
}

static cr_err certs_save(const char *path, const X509 *const *certs, size_t count, bool durable)
{
    struct pki_file file;
    cr_err err = pki_file_open(&file, path, 0644, durable);
    if (err != CR_OK) {
        return err;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        ok = certs[i] == NULL || PEM_write_X509(file.to, (X509 *)certs[i]) == 1;
    }
    return pki_file_done(&file, ok);
}

cr_err pki_certs_save(const char *path, const X509 *const *certs, size_t count)
{
    return certs_save(path, certs, count, true);
}

cr_err pki_pair_save(const struct pki_pair *pair, const char *cert_path, const char *key_path, const X509 *above,
                     bool durable)
{
    struct pki_file file;
    if (unlink(cert_path) != 0 && errno != ENOENT) { /* a former one would be without its key */
        return CR_IO;
    }
    cr_err err = pki_file_open(&file, key_path, 0600, durable);
    if (err != CR_OK) {
        return err;
    }
    err = pki_file_done(&file, PEM_write_PrivateKey(file.to, pair->key, NULL, NULL, 0, NULL, NULL) == 1);
    return err == CR_OK ? certs_save(cert_path, (const X509 *const[]){ pair->cert, above }, 2, durable) : err;
}
