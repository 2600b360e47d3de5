/* The next key, its CSR, and the judgement of the certificate that comes back. */
#include "agent_steps.h"

#include <string.h>

enum {
    ANSWER_TIMEOUT_MS = 10 * 1000, /* the default of agent_config.answer_timeout_ms */
    BACKOFF_DOUBLINGS = 6,
    STRANGERS_MAX = 3,             /* certificates for a key that is not ours before we complain */
    CLOCK_SKEW_S = 300,
};

enum agent_err agent_next_forget(struct agent *agent)
{
    struct agent_state next = agent->state;
    next.phase = AGENT_IDLE;
    next.spare = next.enrolling = false;
    memset(next.renewal_id, 0, sizeof next.renewal_id);
    memset(&next.slot[agent_other(agent)], 0, sizeof next.slot[0]);
    agent->csr_len = 0;
    agent->due_ms = INT64_MAX;
    return agent_commit(agent, &next);
}

static enum agent_err spare_make(struct agent *agent)
{
    const struct agent_ports *ports = agent->ports;
    uint8_t key[AGENT_KEY_MAX];
    size_t len = 0;
    struct agent_state next = agent->state;
    enum agent_err err = ports->crypto->key_make(ports, key, sizeof key, &len);
    if (err == AGENT_OK) {
        err = agent_slot_put_key(&next.slot[agent_other(agent)], ports, agent_other(agent), key, len);
    }
    agent_wipe(key, sizeof key);
    if (err != AGENT_OK) {
        return err;
    }
    next.spare = true;
    agent->csr_len = 0;
    return agent_commit(agent, &next);
}

static enum agent_err key_get(struct agent *agent, uint8_t key[AGENT_KEY_MAX], size_t *len)
{
    unsigned which = agent_other(agent);
    enum agent_err err = agent_slot_get_key(&agent->state.slot[which], agent->ports, which, key, AGENT_KEY_MAX, len);
    if (err != AGENT_OK) {
        /* The key rotted in storage: the next trigger makes another. */
        enum agent_err forgotten = agent_next_forget(agent);
        return forgotten != AGENT_OK ? forgotten : err;
    }
    return AGENT_OK;
}

enum agent_err agent_next_ready(struct agent *agent)
{
    uint8_t key[AGENT_KEY_MAX];
    size_t len = 0;
    if (agent->csr_len != 0) {
        return AGENT_OK;
    }
    enum agent_err err = agent->state.phase == AGENT_IDLE && !agent->state.spare ? spare_make(agent) : AGENT_OK;
    if (err == AGENT_OK) {
        err = key_get(agent, key, &len);
    }
    if (err == AGENT_STORAGE && agent->state.phase == AGENT_IDLE && !agent->state.spare) {
        /* A spare was damaged, and is forgotten: one more attempt. */
        err = spare_make(agent);
        if (err == AGENT_OK) {
            err = key_get(agent, key, &len);
        }
    }
    if (err != AGENT_OK) {
        return err;
    }
    err = agent->ports->crypto->csr_make(agent->ports, key, len, agent->config->device, agent->csr, sizeof agent->csr,
                                         &agent->csr_len);
    agent_wipe(key, sizeof key);
    if (err != AGENT_OK) {
        agent->csr_len = 0;
    }
    return err;
}

enum agent_err agent_next_send(struct agent *agent, const char *renewal_id)
{
    enum agent_err err = agent_next_ready(agent);
    if (err != AGENT_OK) {
        return err;
    }
    const uint8_t *payload = agent->csr;
    size_t len = agent->csr_len;
    if (agent->config->format != AGENT_DER) {
        struct agent_text text = { (char *)agent->scratch, 0, agent->scratch_len, false };
        agent_csr_write(&text, agent->config->format, agent->csr, agent->csr_len, renewal_id);
        if (text.full) {
            return AGENT_NO_ROOM;
        }
        payload = agent->scratch;
        len = text.len;
    }
    err = agent_publish(agent, AGENT_CSR, payload, len);
    if (err == AGENT_OK) {
        uint32_t timeout_ms = agent->config->answer_timeout_ms;
        unsigned doublings = agent->tries < BACKOFF_DOUBLINGS ? agent->tries : BACKOFF_DOUBLINGS;
        agent->tries++;
        agent->csr_sent_ms = agent_now_ms(agent);
        agent_due_in(agent, (int64_t)(timeout_ms != 0 ? timeout_ms : ANSWER_TIMEOUT_MS) << doublings);
        agent_tell(agent, AGENT_EVENT_CSR_SENT, NULL);
    }
    return err;
}

/* The CSR leaves before the state "asked" is durable, so that no answer waits for a flash write: its key already is
 * durable, and after a loss of power in between, the plugin's trigger or certificate finds that spare key again. */
enum agent_err agent_next_begin(struct agent *agent, const char *renewal_id)
{
    agent->tries = 0;
    enum agent_err sent = agent->online ? agent_next_send(agent, renewal_id) : agent_next_ready(agent);
    if (sent != AGENT_OK && sent != AGENT_OFFLINE) {
        return sent;
    }
    struct agent_state next = agent->state;
    next.phase = AGENT_REQUESTED;
    next.spare = false;
    next.enrolling = agent->online && agent_by_factory(agent);
    memcpy(next.renewal_id, renewal_id, AGENT_RENEWAL_ID_CAP);
    return agent_commit(agent, &next);
}

/* A clock outside the current certificate's validity proves nothing: that certificate just made the connection. And
 * without one there is nothing to tell a good clock by. */
static bool validity_ok(const struct agent *agent, const struct agent_validity *validity)
{
    const struct agent_validity *current = &agent->state.slot[agent->state.current].validity;
    int64_t now_s = agent->ports->now_s(agent->ports->ctx);
    if (validity->not_after <= validity->not_before) {
        return false;
    }
    if (!agent_has_own(agent) || now_s < current->not_before || now_s > current->not_after) {
        return true;
    }
    return validity->not_before <= now_s + CLOCK_SKEW_S && validity->not_after > now_s;
}

static enum agent_err chain_judge(struct agent *agent, const uint8_t *chain, size_t len,
                                  enum agent_refusal *refusal, struct agent_validity *validity)
{
    uint8_t key[AGENT_KEY_MAX];
    const uint8_t *trust = NULL;
    size_t key_len = 0, trust_len = 0;
    enum agent_err err = key_get(agent, key, &key_len);
    if (err == AGENT_OK) {
        err = agent_trust_now(agent, &trust, &trust_len);
    }
    if (err == AGENT_OK) {
        err = agent->ports->crypto->chain_check(agent->ports, key, key_len, chain, len, trust, trust_len,
                                                agent->config->device, refusal, validity);
    }
    agent_wipe(key, sizeof key);
    if (err == AGENT_OK && *refusal == AGENT_ACCEPTED && !validity_ok(agent, validity)) {
        *refusal = AGENT_NOT_VALID_NOW;
    }
    return err;
}

static enum agent_err chain_refuse(struct agent *agent, enum agent_refusal refusal)
{
    struct agent_state next = agent->state;
    next.phase = AGENT_FAILED;
    next.refusal = refusal;
    memset(&next.slot[agent_other(agent)], 0, sizeof next.slot[0]);
    agent->csr_len = 0;
    agent->due_ms = INT64_MAX;
    agent->strangers = 1;
    enum agent_err err = agent_commit(agent, &next);
    if (err != AGENT_OK) {
        return err;
    }
    agent_tell(agent, AGENT_EVENT_REFUSED, agent_refusal_text(refusal));
    return agent_send_owed(agent);
}

static enum agent_err chain_accept(struct agent *agent, const uint8_t *chain, size_t len,
                                   const struct agent_validity *validity, const char *renewal_id)
{
    struct agent_state next = agent->state;
    struct agent_slot *slot = &next.slot[agent_other(agent)];
    enum agent_err err = agent_slot_put_chain(slot, agent->ports, agent_other(agent), chain, len);
    if (err != AGENT_OK) {
        return err;
    }
    slot->validity = *validity;
    next.spare = false;
    next.enrolling = agent_by_factory(agent);
    if (next.renewal_id[0] == '\0') {
        memcpy(next.renewal_id, renewal_id, AGENT_RENEWAL_ID_CAP);
    }
    next.phase = AGENT_TRIAL;
    if (!agent->config->own_link) {
        next.phase = AGENT_INSTALLED; /* no connection of ours will ever show it: stored is installed */
        next.current = (uint8_t)agent_other(agent);
    }
    err = agent_commit(agent, &next);
    if (err != AGENT_OK) {
        return err;
    }
    agent->csr_len = 0;
    agent->due_ms = INT64_MAX;
    agent->trial_failures = agent->enrol_bad = 0;
    agent->trial_old = agent->factory_turn = false;
    agent_tell(agent, AGENT_EVENT_ACCEPTED, NULL);
    if (next.phase == AGENT_INSTALLED) {
        agent_tell(agent, AGENT_EVENT_INSTALLED, NULL);
        return agent_send_owed(agent);
    }
    return AGENT_OK;
}

/* Whether this is a certificate for a key that is neither the next one nor the current one. */
static enum agent_err is_stranger(struct agent *agent, const uint8_t *chain, size_t len, bool *stranger)
{
    const unsigned current = agent->state.current;
    enum agent_refusal refusal = AGENT_UNREADABLE;
    struct agent_validity validity;
    uint8_t key[AGENT_KEY_MAX];
    const uint8_t *trust = NULL;
    size_t key_len = 0, trust_len = 0;
    enum agent_err err = agent_slot_get_key(&agent->state.slot[current], agent->ports, current, key, sizeof key,
                                            &key_len);
    if (err == AGENT_OK) {
        err = agent_trust_now(agent, &trust, &trust_len);
    }
    if (err == AGENT_OK) {
        err = agent->ports->crypto->chain_check(agent->ports, key, key_len, chain, len, trust, trust_len,
                                                agent->config->device, &refusal, &validity);
    }
    agent_wipe(key, sizeof key);
    *stranger = refusal == AGENT_OTHER_KEY;
    return err;
}

/* The plugin insists on a certificate whose key we lost or gave up: once per connection, another key is asked for. */
static enum agent_err idle_certificate(struct agent *agent, size_t len, const char *renewal_id)
{
    bool stranger = false;
    enum agent_err err = is_stranger(agent, agent->scratch, len, &stranger);
    if (err != AGENT_OK || !stranger || agent->strangers > 0) {
        return err;
    }
    agent_tell(agent, AGENT_EVENT_TRIGGERED, renewal_id);
    err = agent_next_begin(agent, renewal_id);
    agent->strangers = 1;
    return err;
}

enum agent_err agent_next_certificate(struct agent *agent, const uint8_t *payload, size_t len,
                                      const char *property_id)
{
    bool asked = agent->state.phase == AGENT_REQUESTED;
    if (!asked && agent->state.phase != AGENT_IDLE) {
        return AGENT_OK; /* the same one again, after we have it */
    }
    enum agent_refusal refusal = AGENT_UNREADABLE;
    struct agent_validity validity = { 0, 0 };
    char renewal_id[AGENT_RENEWAL_ID_CAP] = "";
    size_t chain_len = 0;
    if (property_id != NULL && agent_renewal_id_ok(property_id)) {
        memcpy(renewal_id, property_id, AGENT_RENEWAL_ID_CAP);
    }
    bool readable = agent_chain_read(agent->scratch, AGENT_CHAIN_MAX, &chain_len, payload, len, renewal_id);
    if (readable && (asked || agent->state.spare)) {
        enum agent_err err = chain_judge(agent, agent->scratch, chain_len, &refusal, &validity);
        if (err != AGENT_OK) {
            return err;
        }
    }
    if (refusal == AGENT_ACCEPTED) {
        return chain_accept(agent, agent->scratch, chain_len, &validity, renewal_id);
    }
    if (!asked) {
        return readable && !agent_by_factory(agent) ? idle_certificate(agent, chain_len, renewal_id) : AGENT_OK;
    }
    if (refusal == AGENT_OTHER_KEY && ++agent->strangers < STRANGERS_MAX) {
        return AGENT_OK; /* most likely a late answer to a key that we gave up: ours is still to come */
    }
    return agent_by_factory(agent) ? agent_enrol_refused(agent, refusal) : chain_refuse(agent, refusal);
}
