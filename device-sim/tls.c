#include "device-sim/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* The server asks for a certificate: the one of the connection that is being driven. */
static int identity_wanted(SSL *ssl, void *arg)
{
    const struct tls *tls = arg;
    const struct tls_identity *identity = tls->using;
    if (identity == NULL) {
        return 1; /* go on without; the broker will refuse */
    }
    return SSL_use_cert_and_key(ssl, identity->leaf, identity->key, identity->others, 1);
}

static void alert_seen(const SSL *ssl, int where, int value)
{
    const struct tls *tls = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0);
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value >> 8) == SSL3_AL_FATAL && tls->refused != NULL) {
        *tls->refused = true;
    }
}

static bool expect_host(SSL_CTX *ctx, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 || X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

cr_err tls_init(struct tls *tls, const char *cafile, const char *host)
{
    *tls = (struct tls){ .ctx = SSL_CTX_new(TLS_client_method()) };
    if (tls->ctx == NULL) {
        return CR_NOMEM;
    }
    if (SSL_CTX_load_verify_file(tls->ctx, cafile) != 1) {
        ERR_clear_error();
        tls_fini(tls);
        return CR_INVALID;
    }
    if (SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION) != 1 || !expect_host(tls->ctx, host) ||
        SSL_CTX_set_ex_data(tls->ctx, 0, tls) != 1) {
        ERR_clear_error();
        tls_fini(tls);
        return CR_CRYPTO;
    }
    (void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(tls->ctx), X509_V_FLAG_PARTIAL_CHAIN); /* as the agent does */
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(tls->ctx, SSL_MODE_RELEASE_BUFFERS); /* thousands of idle connections */
    SSL_CTX_set_cert_cb(tls->ctx, identity_wanted, tls);
    SSL_CTX_set_info_callback(tls->ctx, alert_seen);
    return CR_OK;
}

void tls_fini(struct tls *tls)
{
    SSL_CTX_free(tls->ctx);
    *tls = (struct tls){ 0 };
}

cr_err tls_identity_init(struct tls_identity *identity, const struct agent_identity *from)
{
    const unsigned char *at = from->key, *stop = from->chain + from->chain_len;
    *identity = (struct tls_identity){ .key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, (long)from->key_len),
                                       .others = sk_X509_new_null() };
    at = from->chain;
    bool ok = identity->key != NULL && identity->others != NULL && at < stop;
    while (ok && at < stop) {
        X509 *cert = d2i_X509(NULL, &at, stop - at);
        if (cert == NULL) {
            ok = false;
        } else if (identity->leaf == NULL) {
            identity->leaf = cert;
        } else if (sk_X509_push(identity->others, cert) <= 0) {
            X509_free(cert);
            ok = false;
        }
    }
    if (!ok) {
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
    *identity = (struct tls_identity){ 0 };
}
