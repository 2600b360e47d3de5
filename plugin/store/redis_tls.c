#include "plugin/store/redis_tls.h"

#include <stdio.h>

#ifdef CR_HAVE_HIREDIS_SSL

#include <arpa/inet.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct cr_redis_tls {
    SSL_CTX *context;
};

bool cr_redis_tls_built(void)
{
    return true;
}

cr_err cr_redis_tls_new(struct cr_redis_tls **out, const char *cafile, char *why, size_t why_cap)
{
    struct cr_redis_tls *tls = calloc(1, sizeof *tls);
    *out = NULL;
    if (tls != NULL) {
        tls->context = SSL_CTX_new(TLS_client_method());
    }
    if (tls == NULL || tls->context == NULL || SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1) {
        (void)snprintf(why, why_cap, "Out of memory.");
        cr_redis_tls_free(tls);
        return CR_NOMEM;
    }
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    int loaded = cafile[0] != '\0' ? SSL_CTX_load_verify_locations(tls->context, cafile, NULL)
                                   : SSL_CTX_set_default_verify_paths(tls->context);
    if (loaded != 1) {
        (void)snprintf(why, why_cap, "redis_cafile '%s' has no certificates that can be used.", cafile);
        cr_redis_tls_free(tls);
        return CR_INVALID;
    }
    *out = tls;
    return CR_OK;
}

static bool is_ip(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

cr_err cr_redis_tls_begin(struct cr_redis_tls *tls, redisContext *context, const char *host)
{
    SSL *ssl = SSL_new(tls->context);
    if (ssl == NULL) {
        return CR_NOMEM;
    }
    bool named = is_ip(host) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
                             : SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
    if (!named || redisInitiateSSL(context, ssl) != REDIS_OK) { /* takes ssl only when it can begin */
        SSL_free(ssl);
        return CR_IO;
    }
    return CR_OK;
}

void cr_redis_tls_free(struct cr_redis_tls *tls)
{
    if (tls != NULL) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

#else

bool cr_redis_tls_built(void)
{
    return false;
}

cr_err cr_redis_tls_new(struct cr_redis_tls **tls, const char *cafile, char *why, size_t why_cap)
{
    (void)cafile;
    *tls = NULL;
    (void)snprintf(why, why_cap,
                   "rediss:// is not possible here: this build's hiredis has no TLS (hiredis 1.0 or later "
                   "with hiredis_ssl has). Use a unix socket or redis://.");
    return CR_INVALID;
}

cr_err cr_redis_tls_begin(struct cr_redis_tls *tls, redisContext *context, const char *host)
{
    (void)tls;
    (void)context;
    (void)host;
    return CR_BUG;
}

void cr_redis_tls_free(struct cr_redis_tls *tls)
{
    (void)tls;
}

#endif
