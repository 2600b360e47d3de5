#include "tests/flow/rotation_scene.h"

#include "plugin/worker/issuer_info.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CONFIG "admin_username alice\ntrigger_rate 1000\nrate_device 6000\nrate_device_burst 600\n"
#define SLOT "slot operational\nrequest_timing any\n"

/* ---- CAs ---- */

static cr_err scene_sign(void *ctx, struct cr_bytes tbs, uint8_t *sig, size_t *sig_len)
{
    return cr_key_libcrypto()->sign(ctx, CR_SIG_ECDSA_SHA256, tbs, sig, sig_len);
}

static void make_ca(struct rotation *s)
{
    struct cr_cert_intent intent = { .not_before = RIG_START_S - DAY_S, .not_after = RIG_START_S + 3000LL * DAY_S };
    struct cr_ca_request request = { .common_name = "next CA", .pathlen = 0 };

    rig_key_make(&s->new_key);
    request.spki = cr_blob_view(&s->new_key.spki);
    assert_int_equal(cr_serial_make(&intent.serial, cr_random_system()), CR_OK);
    assert_int_equal(cr_cert_build_ca(&s->new_der, &request, &intent, NULL, CR_SIG_ECDSA_SHA256, scene_sign, s->new_key.key),
                     CR_OK);
}

static void scene_path(const struct rotation *s, char path[128], const char *name)
{
    snprintf(path, 128, "%s/%s", s->rig.dir, name);
}

static void write_file(const struct rotation *s, const char *name, const char *text)
{
    char path[128];
    FILE *file;

    scene_path(s, path, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void write_ca(const struct rotation *s, const char *cert_name, const char *key_name, const struct cr_blob *der,
                     const struct rig_key *key)
{
    struct cr_blob pem_key = { NULL, 0 };
    char pem[4096] = "";

    assert_int_equal(cr_cert_to_pem(pem, sizeof pem, cr_blob_view(der)), CR_OK);
    write_file(s, cert_name, pem);
    if (key != NULL) {
        assert_int_equal(cr_key_libcrypto()->private_pem(key->key, &pem_key), CR_OK);
        write_file(s, key_name, (const char *)pem_key.data);
        cr_blob_fini(&pem_key);
    }
}

static void issuer_id(const struct cr_blob *der, char id[CR_ISSUER_ID_TEXT])
{
    struct cr_cert cert;

    assert_int_equal(cr_cert_parse(&cert, cr_blob_view(der)), CR_OK);
    cr_hex_encode(id, cert.facts.key_hash, (CR_ISSUER_ID_TEXT - 1) / 2);
}

/* ---- start, stop, configuration ---- */

int rotation_start(void **state)
{
    struct rotation *s = calloc(1, sizeof *s);

    assert_non_null(s);
    flow_rig_start(&s->rig, CONFIG SLOT);
    make_ca(s);
    issuer_id(&s->rig.ca_der, s->old_id);
    issuer_id(&s->new_der, s->new_id);
    s->admin = fake_host_connect(&s->rig.host, "c-alice", (struct cr_bytes){ NULL, 0 }, 5);
    ((struct fake_client *)s->admin->handle)->client.username = "alice";
    flow_rig_pump(&s->rig);
    *state = s;
    return 0;
}

int rotation_stop(void **state)
{
    static const char *const files[] = { "new.pem", "new.key", "old.pem" };
    struct rotation *s = *state;
    char path[128];

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        scene_path(s, path, files[i]);
        (void)unlink(path);
    }
    flow_rig_stop(&s->rig);
    for (unsigned i = 0; i < s->count; i++) {
        rig_key_free(&s->device[i].key);
        cr_blob_fini(&s->device[i].cert);
    }
    rig_key_free(&s->new_key);
    cr_blob_fini(&s->new_der);
    cJSON_Delete(s->reply);
    free(s);
    return 0;
}

void rotation_reload(struct rotation *s, int64_t sign_from, const char *slot_lines)
{
    char extra[1024], from[CR_TIME_TEXT];

    write_ca(s, "new.pem", "new.key", &s->new_der, &s->new_key);
    cr_time_text(from, sign_from);
    snprintf(extra, sizeof extra, "issuer_certfile %s/new.pem\nissuer_keyfile %s/new.key\n%s%s\n" CONFIG "%s", s->rig.dir,
             s->rig.dir, sign_from > 0 ? "issuer_sign_from " : "", sign_from > 0 ? from : "",
             slot_lines[0] != '\0' ? slot_lines : SLOT);
    flow_rig_reload(&s->rig, extra);
    flow_rig_pump(&s->rig);
}

void rotation_reload_trusting(struct rotation *s, const char *slot_lines)
{
    struct rig_key key = s->rig.ca_key;
    struct cr_blob der = s->rig.ca_der;
    char extra[512];

    write_ca(s, "old.pem", "", &der, NULL);
    s->rig.ca_key = s->new_key;
    s->rig.ca_der = s->new_der;
    s->new_key = key; /* kept to be freed */
    s->new_der = der;
    snprintf(extra, sizeof extra, "trusted_cafile %s/old.pem\n" CONFIG "%s", s->rig.dir,
             slot_lines[0] != '\0' ? slot_lines : SLOT);
    flow_rig_reload(&s->rig, extra);
    flow_rig_pump(&s->rig);
}

void rotation_pass(struct rotation *s, int64_t seconds)
{
    for (; seconds > 0; seconds--) {
        flow_rig_pass(&s->rig, 1);
        flow_rig_pump(&s->rig);
        flow_rig_pump(&s->rig); /* what the last tick began by itself */
    }
}

/* ---- devices ---- */

static void connect_device(struct rotation *s, struct rotation_device *d, struct cr_bytes cert)
{
    d->client = fake_host_connect(&s->rig.host, d->name, cert, 4);
    cr_router_connected(s->rig.router, d->client);
    flow_rig_pump(&s->rig);
}

struct rotation_device *rotation_add(struct rotation *s)
{
    struct rotation_device *d = &s->device[s->count];

    assert_true(s->count < ROTATION_DEVICES);
    snprintf(d->name, sizeof d->name, "d%u", s->count++);
    rig_key_make(&d->key);
    d->cert = rig_certify(&s->rig, &d->key, d->name, 90 * DAY_S);
    connect_device(s, d, cr_blob_view(&d->cert));
    return d;
}

void rotation_reconnect(struct rotation *s, struct rotation_device *d, struct cr_bytes cert)
{
    fake_host_offline(&s->rig.host, d->client);
    cr_router_disconnected(s->rig.router, d->client);
    connect_device(s, d, cert);
}

const char *rotation_renew(struct rotation *s, struct rotation_device *d, enum cr_key_type type)
{
    static char issuer[CR_ISSUER_ID_TEXT];
    struct rig_key key;
    struct cr_cert_facts facts;
    struct cr_blob csr, leaf = { NULL, 0 };
    struct cr_bytes chain, first;
    const struct fake_publication *answer;
    enum cr_refusal why;
    char topic[100];

    assert_int_equal(cr_key_libcrypto()->private_make(&key.key, type, 0), CR_OK);
    assert_int_equal(cr_key_libcrypto()->private_spki(key.key, &key.spki), CR_OK);
    csr = rig_csr(&key, d->name);
    snprintf(topic, sizeof topic, "$identity/v1/%s/operational/csr", d->name);
    assert_int_equal(rig_publish(&s->rig, d->client, topic, cr_blob_view(&csr)), CR_CONSUMED);
    cr_blob_fini(&csr);
    answer = fake_host_take(&s->rig.host, d->name, "/certificate");
    if (answer == NULL) {
        answer = fake_host_take(&s->rig.host, d->name, "/rejected");
        fail_msg("%s got no certificate: %s", d->name, answer != NULL ? (const char *)answer->payload.data : "nothing");
    }
    chain = cr_blob_view(&answer->payload);
    assert_int_equal(cr_cert_next(&first, &chain), CR_OK);
    assert_int_equal(cr_blob_copy(&leaf, first.data, first.len), CR_OK);
    assert_int_equal(cr_trust_identify(s->rig.setup->trust, cr_blob_view(&leaf), &facts, &why), CR_OK);
    memcpy(issuer, facts.issuer, sizeof issuer);
    rig_key_free(&d->key);
    d->key = key;
    cr_blob_fini(&d->cert);
    d->cert = leaf;
    rotation_reconnect(s, d, cr_blob_view(&d->cert));
    return issuer;
}

/* ---- commands ---- */

static const cJSON *response(struct rotation *s, const char *fields)
{
    char *text = malloc(strlen(fields) + 40);

    assert_non_null(text);
    snprintf(text, strlen(fields) + 40, "{\"commands\":[{%s}]}", fields);
    cJSON_Delete(s->reply);
    s->reply = cJSON_Parse(rig_command(&s->rig, s->admin, text));
    free(text);
    assert_non_null(s->reply);
    return cJSON_GetArrayItem(cJSON_GetObjectItem(s->reply, "responses"), 0);
}

const cJSON *rotation_command(struct rotation *s, const char *fields)
{
    const cJSON *data = cJSON_GetObjectItem(response(s, fields), "data");

    if (data == NULL) {
        fail_msg("%.200s was answered with %s", fields, cJSON_PrintUnformatted(s->reply));
    }
    return data;
}

const cJSON *rotation_refused(struct rotation *s, const char *fields, const char *code)
{
    const cJSON *found = response(s, fields);
    const char *said = cJSON_GetStringValue(cJSON_GetObjectItem(found, "errorCode"));

    if (said == NULL || strcmp(said, code) != 0) {
        fail_msg("%.200s was answered with %s", fields, cJSON_PrintUnformatted(s->reply));
    }
    return found;
}

int rotation_census(struct rotation *s, const char *issuer, const char *name)
{
    const cJSON *item, *data = rotation_command(s, "\"command\":\"census\"");

    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(data, "complete")));
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(data, "issuers"))
    {
        if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(item, "issuer")), issuer) == 0) {
            return (int)cJSON_GetNumberValue(cJSON_GetObjectItem(item, name));
        }
    }
    fail_msg("the census does not name %s", issuer);
    return -1;
}
