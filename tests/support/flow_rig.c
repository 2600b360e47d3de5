#include "tests/support/flow_rig.h"

#include "plugin/loop/loop.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum { RIG_YEAR_S = 365 * 86400 };

/* ---- clock ---- */

static int64_t rig_wall_s(const struct cr_clock *clock)
{
    return ((const struct rig_clock *)clock)->wall_s;
}

static int64_t rig_mono_ms(const struct cr_clock *clock)
{
    return ((const struct rig_clock *)clock)->mono_ms;
}

void flow_rig_pass(struct flow_rig *rig, int64_t seconds)
{
    rig->clock.wall_s += seconds;
    rig->clock.mono_ms += seconds * 1000;
}

/* ---- workers that work when pumped ---- */

struct rig_workers {
    struct cr_workers workers; /* first */
    struct flow_rig *rig;
    struct cr_queue *queue;
    struct cr_random random;
};

static cr_err rig_workers_submit(struct cr_workers *workers, struct cr_job **job)
{
    return cr_queue_put(((struct rig_workers *)workers)->queue, job, NULL);
}

static void rig_workers_stop(struct cr_workers *workers)
{
    cr_queue_close(((struct rig_workers *)workers)->queue);
}

static void rig_workers_free(struct cr_workers *workers)
{
    cr_queue_free(((struct rig_workers *)workers)->queue);
    free(workers);
}

static const struct cr_workers_ops rig_workers_ops = { rig_workers_submit, rig_workers_stop, rig_workers_free };

static cr_err rig_no_random(const struct cr_random *random, uint8_t *buf, size_t len)
{
    (void)random;
    (void)buf;
    (void)len;
    return CR_UNAVAILABLE;
}

static unsigned rig_workers_pump(struct flow_rig *rig)
{
    static const struct cr_random no_random = { rig_no_random };
    struct rig_workers *workers = (struct rig_workers *)rig->workers;
    unsigned done = 0;

    for (struct cr_job *job = cr_queue_drain(workers->queue), *next; job != NULL; job = next) {
        next = job->next;
        cr_issue_work(job, rig->random_fails ? &no_random : cr_random_system());
        cr_pipeline_worked(&rig->pipeline, job);
        done++;
    }
    return done;
}

void flow_rig_pump(struct flow_rig *rig)
{
    unsigned done;

    do {
        done = rig_workers_pump(rig);
        done += fake_store_pump(rig->store);
        cr_router_tick(rig->router);
    } while (done > 0 || cr_queue_len(rig->pipeline.completions) > 0);
}

/* ---- keys and certificates ---- */

void rig_key_make(struct rig_key *key)
{
    assert_int_equal(cr_key_libcrypto()->private_make(&key->key, CR_KEY_EC_P256, 0), CR_OK);
    assert_int_equal(cr_key_libcrypto()->private_spki(key->key, &key->spki), CR_OK);
}

void rig_key_free(struct rig_key *key)
{
    cr_key_libcrypto()->private_free(key->key);
    cr_blob_fini(&key->spki);
}

static cr_err rig_sign(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    return cr_key_libcrypto()->sign(ctx, CR_SIG_ECDSA_SHA256, tbs, sig, sig_len);
}

static void rig_make_ca(struct flow_rig *rig)
{
    struct cr_cert_intent intent = { .not_before = RIG_START_S - RIG_YEAR_S, .not_after = (int64_t)RIG_START_S + 10LL * RIG_YEAR_S };
    struct cr_ca_request request = { .common_name = "rig CA", .pathlen = 0 };

    rig_key_make(&rig->ca_key);
    request.spki = cr_blob_view(&rig->ca_key.spki);
    assert_int_equal(cr_serial_make(&intent.serial, cr_random_system()), CR_OK);
    assert_int_equal(cr_cert_build_ca(&rig->ca_der, &request, &intent, NULL, CR_SIG_ECDSA_SHA256, rig_sign,
                                      rig->ca_key.key),
                     CR_OK);
    assert_int_equal(cr_cert_parse(&rig->ca, cr_blob_view(&rig->ca_der)), CR_OK);
}

struct cr_blob rig_certify(struct flow_rig *rig, const struct rig_key *key, const char *device, int64_t lifetime_s)
{
    struct cr_cert_intent intent = { .not_before = rig->clock.wall_s - 3600 };
    struct cr_blob der = { NULL, 0 };
    struct cr_profile profile;
    struct cr_cert_request request = { &profile, device, cr_blob_view(&key->spki), false };

    cr_profile_default(&profile, "operational");
    intent.not_after = intent.not_before + lifetime_s;
    assert_int_equal(cr_serial_make(&intent.serial, cr_random_system()), CR_OK);
    assert_int_equal(cr_cert_build(&der, &request, &intent, &rig->ca, CR_SIG_ECDSA_SHA256, rig_sign, rig->ca_key.key),
                     CR_OK);
    return der;
}

struct cr_blob rig_csr(const struct rig_key *key, const char *common_name)
{
    struct cr_blob pem = { NULL, 0 }, der = { NULL, 0 };
    X509_REQ *request = X509_REQ_new();
    X509_NAME *name = X509_NAME_new();
    unsigned char *out = NULL;
    EVP_PKEY *pkey;
    BIO *bio;
    int len;

    assert_int_equal(cr_key_libcrypto()->private_pem(key->key, &pem), CR_OK);
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(pkey);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0),
                     1);
    assert_int_equal(X509_REQ_set_subject_name(request, name), 1);
    assert_int_equal(X509_REQ_set_pubkey(request, pkey), 1);
    assert_true(X509_REQ_sign(request, pkey, EVP_sha256()) > 0);
    len = i2d_X509_REQ(request, &out);
    assert_true(len > 0);
    assert_int_equal(cr_blob_copy(&der, out, (size_t)len), CR_OK);
    OPENSSL_free(out);
    X509_NAME_free(name);
    X509_REQ_free(request);
    EVP_PKEY_free(pkey);
    cr_blob_fini(&pem);
    return der;
}

/* ---- start and stop ---- */

static void rig_write(const struct flow_rig *rig, const char *name, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", rig->dir, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void rig_complain(void *ctx, unsigned line, const char *sentence)
{
    (void)ctx;
    print_error("configuration line %u: %s\n", line, sentence);
}

static struct cr_setup *rig_setup(struct flow_rig *rig, const char *extra)
{
    char pem[4096] = "", path[128], text[4096];
    struct cr_setup *setup = NULL;
    struct cr_blob key = { NULL, 0 };

    assert_int_equal(cr_cert_to_pem(pem, sizeof pem, cr_blob_view(&rig->ca_der)), CR_OK);
    rig_write(rig, "ca.pem", pem);
    assert_int_equal(cr_key_libcrypto()->private_pem(rig->ca_key.key, &key), CR_OK);
    rig_write(rig, "ca.key", (const char *)key.data);
    cr_blob_fini(&key);
    snprintf(text, sizeof text,
             "issuer_certfile %s/ca.pem\nissuer_keyfile %s/ca.key\nredis 127.0.0.1:1\njournal_dir %s\n"
             "broker_name %s\n%s%s\n",
             rig->dir, rig->dir, rig->dir, rig->broker_name,
             strstr(extra, "figures_interval") != NULL ? "" : "figures_interval 0s\n", /* most look for other things */
             extra);
    rig_write(rig, "config", text);
    snprintf(path, sizeof path, "%s/config", rig->dir);
    assert_int_equal(cr_setup_load(&setup, path, rig->setup, rig->clock.wall_s, rig_complain, NULL), CR_OK);
    return setup;
}

void flow_rig_start_on(struct flow_rig *rig, const char *extra, const char *broker_name, struct fake_ledger *ledger)
{
    struct rig_workers *workers = calloc(1, sizeof *workers);
    struct fake_store_options store = { .ledger = ledger, .broker_name = broker_name, .done = cr_pipeline_stored };
    struct cr_router_options router;

    memset(rig, 0, sizeof *rig);
    snprintf(rig->broker_name, sizeof rig->broker_name, "%s", broker_name);
    assert_non_null(workers);
    snprintf(rig->dir, sizeof rig->dir, "/tmp/cr-rig-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    rig->clock = (struct rig_clock){ { rig_wall_s, rig_mono_ms }, RIG_START_S, 1000000 };
    fake_host_init(&rig->host);
    rig_make_ca(rig);
    rig->setup = rig_setup(rig, extra);
    assert_int_equal(cr_pipeline_init(&rig->pipeline, rig->setup->config.max_in_flight, NULL), CR_OK);
    workers->workers.ops = &rig_workers_ops;
    workers->rig = rig;
    assert_int_equal(cr_queue_new(&workers->queue, rig->setup->config.max_in_flight), CR_OK);
    rig->workers = rig->pipeline.workers = &workers->workers;
    store.done_ctx = &rig->pipeline;
    assert_int_equal(fake_store_new(&rig->store, &store), CR_OK);
    rig->pipeline.store = rig->store;
    router = (struct cr_router_options){ &rig->host.host, &rig->clock.clock, rig->setup, &rig->pipeline };
    assert_int_equal(cr_router_new(&rig->router, &router), CR_OK);
    cr_router_tick(rig->router);
    flow_rig_pump(rig); /* the shared settings are read */
    assert_true(loop_policy_known(rig->router));
}

void flow_rig_start(struct flow_rig *rig, const char *extra)
{
    flow_rig_start_on(rig, extra, "rig", NULL);
}

void flow_rig_reload(struct flow_rig *rig, const char *extra)
{
    struct cr_setup *next = rig_setup(rig, extra);

    cr_router_use(rig->router, next);
    cr_setup_drop(rig->setup);
    rig->setup = next;
}

void flow_rig_stop(struct flow_rig *rig)
{
    static const char *const files[] = { "ca.pem", "ca.key", "config" };
    char path[128];

    cr_workers_stop(rig->workers);
    cr_store_free(rig->store);
    cr_workers_free(rig->workers);
    cr_router_free(rig->router);
    cr_pipeline_fini(&rig->pipeline);
    cr_setup_drop(rig->setup);
    fake_host_fini(&rig->host);
    rig_key_free(&rig->ca_key);
    cr_blob_fini(&rig->ca_der);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", rig->dir, files[i]);
        unlink(path);
    }
    rmdir(rig->dir);
}

/* ---- what clients do ---- */

enum cr_handled rig_publish_v5(struct flow_rig *rig, const struct cr_client *client, const char *topic,
                               struct cr_bytes payload, const struct cr_request_properties *properties)
{
    enum cr_handled handled;

    if (cr_router_access(rig->router, client, CR_ACCESS_WRITE, topic) == CR_DENY) {
        flow_rig_pump(rig);
        return CR_REFUSED;
    }
    handled = cr_router_message(rig->router, client, topic, payload, properties);
    flow_rig_pump(rig);
    return handled;
}

enum cr_handled rig_publish(struct flow_rig *rig, const struct cr_client *client, const char *topic,
                            struct cr_bytes payload)
{
    struct cr_request_properties properties = { .user_properties = 0 };

    return rig_publish_v5(rig, client, topic, payload, &properties);
}

const char *rig_command(struct flow_rig *rig, const struct cr_client *client, const char *json)
{
    struct cr_request_properties properties = { .user_properties = 0 };
    const struct fake_publication *reply;

    assert_int_equal(cr_router_access(rig->router, client, CR_ACCESS_WRITE, CR_TOPIC_CONTROL), CR_ALLOW);
    cr_router_control(rig->router, client, rig_text(json), &properties);
    flow_rig_pump(rig);
    reply = fake_host_take(&rig->host, client->id, "/response");
    assert_non_null(reply);
    return (const char *)reply->payload.data;
}
