#include "device-sim/device_identity.h"

#include "device-sim/pki_cert.h"

#include <stdio.h>

/* Reads a pair of the device's directory as DER. */
static bool pair_read(const struct device *device, const char *cert_name, const char *key_name, struct cr_blob *key,
                      struct cr_blob *chain)
{
    char cert_path[FLASH_PATH_CAP + 20], key_path[FLASH_PATH_CAP + 20];
    unsigned char *key_der = NULL, *chain_der = NULL;
    struct pki_pair pair = { 0 };
    (void)snprintf(cert_path, sizeof cert_path, "%s/%s", device->flash.dir, cert_name);
    (void)snprintf(key_path, sizeof key_path, "%s/%s", device->flash.dir, key_name);
    if (pki_pair_load(&pair, cert_path, key_path) != CR_OK) {
        return false;
    }
    int key_len = i2d_PrivateKey(pair.key, &key_der), chain_len = i2d_X509(pair.cert, &chain_der);
    bool ok = key_len > 0 && chain_len > 0 && cr_blob_copy(key, key_der, (size_t)key_len) == CR_OK &&
              cr_blob_copy(chain, chain_der, (size_t)chain_len) == CR_OK;
    OPENSSL_clear_free(key_der, key_len > 0 ? (size_t)key_len : 0);
    OPENSSL_free(chain_der);
    pki_pair_fini(&pair);
    return ok;
}

bool device_provision(struct device *device)
{
    struct cr_blob key = { 0 }, chain = { 0 };
    bool ok = pair_read(device, "cert.pem", "key.pem", &key, &chain) &&
              agent_provision(&device->agent_config, &device->agent_ports, key.data, key.len, chain.data,
                              chain.len) == AGENT_OK;
    if (key.data != NULL) {
        OPENSSL_cleanse(key.data, key.len);
    }
    cr_blob_fini(&key);
    cr_blob_fini(&chain);
    return ok;
}

bool device_enrolment(struct device *device, struct agent_config *config)
{
    const struct run_options *options = device->env->options;
    if (options->token != NULL) {
        config->enrol = AGENT_ENROL_TOKEN;
    }
    if (!options->factory) {
        return true;
    }
    if (device->factory_key.len == 0 &&
        !pair_read(device, "factory.pem", "factory-key.pem", &device->factory_key, &device->factory_chain)) {
        return false;
    }
    config->enrol = AGENT_ENROL_FACTORY;
    config->factory = (struct agent_factory){ device->factory_key.data, device->factory_key.len,
                                              device->factory_chain.data, device->factory_chain.len };
    return true;
}

cr_err device_identity_take(struct device *device, enum agent_identity_kind *kind)
{
    struct agent_identity identity;
    uint8_t trust[AGENT_TRUST_MAX];
    size_t trust_len = 0;
    cr_err err = CR_IO;
    tls_identity_fini(&device->identity);
    if (agent_credentials(&device->agent, &identity) == AGENT_OK) {
        *kind = identity.kind;
        err = tls_identity_init(&device->identity, &identity);
    }
    OPENSSL_cleanse(&identity, sizeof identity);
    if (err == CR_OK && agent_trust_version(&device->agent) > 0) { /* otherwise --cafile, for all of them */
        err = agent_trust(&device->agent, trust, sizeof trust, &trust_len) == AGENT_OK ?
              tls_identity_trust(&device->identity, trust, trust_len) : CR_IO;
    }
    return err;
}

cr_err device_dial(struct device *device, enum agent_identity_kind kind)
{
    char user_name[CR_NAME_CAP + 8];
    const struct link_login login = { user_name, device->env->options->token };
    (void)snprintf(user_name, sizeof user_name, "enroll:%s", device->id);
    return link_open(&device->link, &device->env->link, device->id, &device->identity,
                     kind == AGENT_BY_TOKEN ? &login : NULL, device);
}

void device_identity_fini(struct device *device)
{
    tls_identity_fini(&device->identity);
    if (device->factory_key.data != NULL) {
        OPENSSL_cleanse(device->factory_key.data, device->factory_key.len);
    }
    cr_blob_fini(&device->factory_key);
    cr_blob_fini(&device->factory_chain);
}
