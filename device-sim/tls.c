#include "device-sim/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* The server asks for a certificate: the one of the connection that is being driven. */
static int identity_wanted(SSL *ssl, void *arg)
{
    const struct tls *tls = arg;
    const struct tls_identity *identity = tls->using;
    if (identity == NULL || identity->leaf == NULL) {
        return 1; /* go on without; the broker will refuse */
    }
    return SSL_use_cert_and_key(ssl, identity->leaf, identity->key, identity->others, 1);
}

/* The server's certificate: verified as the context says, but by the device's own trust set where it has one. */
static int server_verify(X509_STORE_CTX *store, void *arg)
{
    const struct tls *tls = arg;
    if (tls->answered != NULL) {
        *tls->answered = true;
    }
    if (tls->using != NULL && tls->using->trust != NULL) {
        X509_STORE_CTX_set0_trusted_stack(store, tls->using->trust);
    }
    return X509_verify_cert(store);
}

static void handshake_seen(const SSL *ssl, int where, int value)
{
    const struct tls *tls = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0);
    if ((where & SSL_CB_HANDSHAKE_START) != 0 && tls->named) { /* libmosquitto knows but the address */
        (void)SSL_set_tlsext_host_name((SSL *)ssl, tls->host);
    }
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value >> 8) == SSL3_AL_FATAL && tls->refused != NULL) {
        *tls->refused = true;
    }
}

static bool expect_host(struct tls *tls)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls->ctx);
    tls->named = X509_VERIFY_PARAM_set1_ip_asc(param, tls->host) != 1;
    return !tls->named || X509_VERIFY_PARAM_set1_host(param, tls->host, 0) == 1;
}

cr_err tls_init(struct tls *tls, const char *cafile, const char *host)
{
    *tls = (struct tls){ .ctx = SSL_CTX_new(TLS_client_method()), .host = host };
    if (tls->ctx == NULL) {
        return CR_NOMEM;
    }
    if (SSL_CTX_load_verify_file(tls->ctx, cafile) != 1) {
        ERR_clear_error();
        tls_fini(tls);
        return CR_INVALID;
    }
    if (SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION) != 1 || !expect_host(tls) ||
        SSL_CTX_set_ex_data(tls->ctx, 0, tls) != 1) {
        ERR_clear_error();
        tls_fini(tls);
        return CR_CRYPTO;
    }
    (void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(tls->ctx), X509_V_FLAG_PARTIAL_CHAIN); /* as the agent does */
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(tls->ctx, SSL_MODE_RELEASE_BUFFERS); /* thousands of idle connections */
    SSL_CTX_set_cert_verify_callback(tls->ctx, server_verify, tls);
    SSL_CTX_set_cert_cb(tls->ctx, identity_wanted, tls);
    SSL_CTX_set_info_callback(tls->ctx, handshake_seen);
    return CR_OK;
}

void tls_fini(struct tls *tls)
{
    SSL_CTX_free(tls->ctx);
    *tls = (struct tls){ 0 };
}

/* Reads DER certificates, one after another: the first one to *first, if that is not NULL, the others to `rest`. */
static bool certs_read(X509 **first, STACK_OF(X509) *rest, const uint8_t *der, size_t len)
{
    const unsigned char *at = der, *stop = der + len;
    while (at < stop) {
        X509 *cert = d2i_X509(NULL, &at, stop - at);
        if (cert == NULL) {
            return false;
        }
        if (first != NULL && *first == NULL) {
            *first = cert;
        } else if (sk_X509_push(rest, cert) <= 0) {
            X509_free(cert);
            return false;
        }
    }
    return len > 0;
}

cr_err tls_identity_init(struct tls_identity *identity, const struct agent_identity *from)
{
    const unsigned char *at = from->key;
    *identity = (struct tls_identity){ 0 };
    if (from->kind == AGENT_BY_TOKEN) {
        return CR_OK;
    }
    identity->key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, (long)from->key_len);
    identity->others = sk_X509_new_null();
    if (identity->key == NULL || identity->others == NULL ||
        !certs_read(&identity->leaf, identity->others, from->chain, from->chain_len)) {
        ERR_clear_error();
        tls_identity_fini(identity);
        return CR_INVALID;
    }
    return CR_OK;
}

cr_err tls_identity_trust(struct tls_identity *identity, const uint8_t *der, size_t len)
{
    identity->trust = sk_X509_new_null();
    if (identity->trust == NULL || !certs_read(NULL, identity->trust, der, len)) {
        ERR_clear_error();
        tls_identity_fini(identity);
        return CR_INVALID;
    }
    return CR_OK;
}

void tls_identity_fini(struct tls_identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->leaf);
    sk_X509_pop_free(identity->others, X509_free);
    sk_X509_pop_free(identity->trust, X509_free);
    *identity = (struct tls_identity){ 0 };
}
