/* DESIGN. One state machine over agent_state.phase; every transition is one agent_commit() of a copied state, so that
 * RAM and storage never disagree. What is owed to the plugin follows from the phase alone (agent_send_owed), and is
 * sent again at every connection until it was answered: losses of power, connection or answers recover the same way. */
#include "agent_steps.h"

#include <string.h>

enum {
    TRIALS = 3, /* connections that a new certificate may fail for other reasons than refusal */
    POLL_AGAIN_MS = 10 * 1000,
};

void agent_tell(const struct agent *agent, enum agent_event event, const char *detail)
{
    if (agent->ports->event != NULL) {
        agent->ports->event(agent->ports->ctx, event, detail);
    }
}

void agent_due_in(struct agent *agent, int64_t delay_ms)
{
    uint8_t dice = 0;
    (void)agent->ports->random(agent->ports->ctx, &dice, sizeof dice);
    agent->due_ms = agent_now_ms(agent) + delay_ms + delay_ms / 4 * dice / 255;
}

enum agent_err agent_publish(struct agent *agent, enum agent_verb verb, const uint8_t *payload, size_t len)
{
    char topic[AGENT_TOPIC_CAP];
    if (!agent->online) {
        return AGENT_OFFLINE;
    }
    agent_topic_build(topic, agent->config, verb);
    agent->last_id++;
    return agent->ports->publish(agent->ports->ctx, agent->last_id, topic, payload, len);
}

static enum agent_err ask(struct agent *agent)
{
    static const uint8_t nothing[1] = { 0 };
    return agent_publish(agent, AGENT_GET, nothing, 0);
}

enum agent_err agent_finish(struct agent *agent)
{
    struct agent_state next = agent->state;
    next.phase = AGENT_IDLE;
    next.spare = false;
    memset(next.renewal_id, 0, sizeof next.renewal_id);
    agent->report_id = 0;
    agent->due_ms = INT64_MAX;
    enum agent_err err = agent_commit(agent, &next);
    if (err != AGENT_OK) {
        return err;
    }
    agent_tell(agent, AGENT_EVENT_DONE, NULL);
    if (agent->ask_later && agent->online) {
        agent->ask_later = false;
        err = ask(agent);
    }
    return err == AGENT_OFFLINE ? AGENT_OK : err;
}

static enum agent_err report_owed(struct agent *agent)
{
    const struct agent_state *state = &agent->state;
    if (state->renewal_id[0] == '\0') {
        /* The plugin never named it, so no report can: but only who says something is sure to be seen. */
        enum agent_err asked = ask(agent);
        agent->report_id = asked == AGENT_OK ? agent->last_id : 0;
        return asked;
    }
    const char *outcome = state->phase == AGENT_INSTALLED ? "installed" :
                          state->phase == AGENT_ROLLED_BACK ? "rolled-back" : "failed";
    const char *reason = state->phase == AGENT_FAILED ? agent_refusal_text(state->refusal) : NULL;
    struct agent_text text = { (char *)agent->scratch, 0, agent->scratch_len, false };
    agent_report_write(&text, state->renewal_id, outcome, reason);
    enum agent_err err = text.full ? AGENT_NO_ROOM : agent_publish(agent, AGENT_REPORT, agent->scratch, text.len);
    agent->report_id = err == AGENT_OK ? agent->last_id : 0;
    return err;
}

enum agent_err agent_send_owed(struct agent *agent)
{
    enum agent_err err = AGENT_OK;
    switch (agent->state.phase) {
    case AGENT_IDLE:
        err = agent->config->ask_at_connect ? ask(agent) : AGENT_OK;
        break;
    case AGENT_REQUESTED:
        agent->tries = 0;
        err = agent_next_send(agent, agent->state.renewal_id);
        break;
    case AGENT_INSTALLED:
    case AGENT_ROLLED_BACK:
    case AGENT_FAILED:
        err = report_owed(agent);
        break;
    case AGENT_TRIAL:
        break;
    }
    return err == AGENT_OFFLINE ? AGENT_OK : err;
}

/* Reads one slot's pair whole, or not at all. */
static enum agent_err slot_present(struct agent *agent, struct agent_identity *identity, unsigned which)
{
    const struct agent_slot *slot = &agent->state.slot[which];
    enum agent_err err = agent_slot_get_key(slot, agent->ports, which, identity->key, sizeof identity->key,
                                            &identity->key_len);
    if (err == AGENT_OK) {
        err = agent_slot_get_chain(slot, agent->ports, which, identity->chain, sizeof identity->chain,
                                   &identity->chain_len);
    }
    if (err == AGENT_OK) {
        agent->presented = (uint8_t)which;
    }
    return err;
}

/* Storage lost one pair, the other is whole: goes on with that one, and makes the damaged slot the next. */
static enum agent_err slot_mend(struct agent *agent, unsigned damaged)
{
    struct agent_state next = agent->state;
    if (next.phase == AGENT_TRIAL && damaged == next.current) {
        agent->trial_old = false; /* the new pair is the whole one: its connection will confirm it */
        return AGENT_OK;
    }
    bool owed = next.phase == AGENT_TRIAL || next.phase == AGENT_INSTALLED;
    next.phase = owed ? AGENT_ROLLED_BACK : AGENT_IDLE;
    next.current = (uint8_t)(1u - damaged);
    next.spare = false;
    memset(&next.slot[damaged], 0, sizeof next.slot[damaged]);
    agent->csr_len = 0;
    enum agent_err err = agent_commit(agent, &next);
    if (err == AGENT_OK && owed) {
        agent_tell(agent, AGENT_EVENT_ROLLED_BACK, NULL);
    }
    return err;
}

enum agent_err agent_credentials(struct agent *agent, struct agent_identity *identity)
{
    bool trial = agent->state.phase == AGENT_TRIAL && !agent->trial_old;
    unsigned which = trial ? agent_other(agent) : agent->state.current;
    if (slot_present(agent, identity, which) == AGENT_OK) {
        return AGENT_OK;
    }
    return slot_present(agent, identity, 1u - which) == AGENT_OK ? slot_mend(agent, which) : AGENT_STORAGE;
}

enum agent_err agent_connected(struct agent *agent)
{
    agent->online = true;
    agent->report_id = 0;
    if (agent->state.phase == AGENT_TRIAL) {
        struct agent_state next = agent->state;
        bool confirmed = agent->presented == agent_other(agent);
        if (confirmed) {
            next.phase = AGENT_INSTALLED;
            next.current = agent->presented;
        } else {
            next.phase = AGENT_ROLLED_BACK;
            memset(&next.slot[agent_other(agent)], 0, sizeof next.slot[0]);
        }
        enum agent_err err = agent_commit(agent, &next);
        if (err != AGENT_OK) {
            return err;
        }
        agent->trial_old = false;
        agent_tell(agent, confirmed ? AGENT_EVENT_INSTALLED : AGENT_EVENT_ROLLED_BACK, NULL);
    }
    /* After a failure the next attempt is the plugin's decision: no certificate is taken for a hint meanwhile. */
    agent->strangers = agent->state.phase == AGENT_FAILED || agent->state.phase == AGENT_ROLLED_BACK ? 1 : 0;
    /* A failure was still to be reported: what has become of the renewal since? Only at a connect, so that a
     * certificate that is bad every time does not become a loop. */
    agent->ask_later = agent->ask_later || (agent->state.phase == AGENT_FAILED && agent->config->ask_at_connect);
    return agent_send_owed(agent);
}

void agent_connect_failed(struct agent *agent, bool refused)
{
    agent->online = false;
    if (agent->state.phase != AGENT_TRIAL) {
        return;
    }
    if (agent->trial_old) {
        agent->trial_old = false; /* the old one fails too: it is not the certificate. From the start. */
        agent->trial_failures = 0;
    } else if (refused || ++agent->trial_failures >= TRIALS) {
        agent->trial_old = true;
    }
}

void agent_disconnected(struct agent *agent)
{
    agent->online = false;
    agent->report_id = 0;
}

enum agent_err agent_delivered(struct agent *agent, uint32_t id)
{
    if (agent->report_id == 0 || id != agent->report_id) {
        return AGENT_OK;
    }
    return agent_finish(agent);
}

enum agent_err agent_request(struct agent *agent)
{
    static const char unnamed[AGENT_RENEWAL_ID_CAP] = "";
    return agent->state.phase == AGENT_IDLE ? agent_next_begin(agent, unnamed) : AGENT_BUSY;
}

enum agent_err agent_ask(struct agent *agent)
{
    return agent->state.phase == AGENT_IDLE ? ask(agent) : AGENT_BUSY;
}

enum agent_err agent_prepare(struct agent *agent)
{
    bool useful = agent->state.phase == AGENT_IDLE || agent->state.phase == AGENT_REQUESTED;
    return useful ? agent_next_ready(agent) : AGENT_OK;
}

int64_t agent_due_ms(const struct agent *agent)
{
    return agent->online && agent->state.phase == AGENT_REQUESTED ? agent->due_ms : INT64_MAX;
}

enum agent_err agent_poll(struct agent *agent)
{
    if (agent_due_ms(agent) > agent_now_ms(agent)) {
        return AGENT_OK;
    }
    enum agent_err err = agent_next_send(agent, agent->state.renewal_id);
    if (err != AGENT_OK) {
        agent_due_in(agent, POLL_AGAIN_MS);
    }
    return err == AGENT_OFFLINE ? AGENT_OK : err;
}

bool agent_wants_reconnect(const struct agent *agent)
{
    return agent->online && agent->state.phase == AGENT_TRIAL;
}

enum agent_phase agent_phase(const struct agent *agent)
{
    return agent->state.phase;
}

enum agent_err agent_open(struct agent *agent, const struct agent_config *config, const struct agent_ports *ports,
                          uint8_t *scratch, size_t scratch_len)
{
    if (!agent_names_ok(config)) {
        return AGENT_INVALID;
    }
    if (scratch_len < AGENT_SCRATCH_MIN) {
        return AGENT_NO_ROOM;
    }
    memset(agent, 0, sizeof *agent);
    agent->config = config;
    agent->ports = ports;
    agent->scratch = scratch;
    agent->scratch_len = scratch_len;
    agent->due_ms = INT64_MAX;
    return agent_state_load(&agent->state, ports);
}

enum agent_err agent_provision(const struct agent_config *config, const struct agent_ports *ports, const uint8_t *key,
                               size_t key_len, const uint8_t *chain, size_t chain_len)
{
    enum agent_refusal refusal = AGENT_UNREADABLE;
    struct agent_state none, next;
    if (!agent_names_ok(config) || key_len == 0 || key_len > AGENT_KEY_MAX || chain_len == 0 ||
        chain_len > AGENT_CHAIN_MAX) {
        return AGENT_INVALID;
    }
    memset(&next, 0, sizeof next);
    if (agent_state_load(&none, ports) != AGENT_OK) {
        memset(&none, 0, sizeof none);
    }
    enum agent_err err = ports->crypto->chain_check(ports, key, key_len, chain, chain_len, config->trust,
                                                    config->trust_len, config->device, &refusal,
                                                    &next.slot[0].validity);
    struct agent_validity validity = next.slot[0].validity;
    if (err == AGENT_OK && refusal != AGENT_ACCEPTED && refusal != AGENT_UNTRUSTED) {
        err = AGENT_INVALID; /* untrusted is fine: the factory's CA need not be the one that renews */
    }
    if (err == AGENT_OK) {
        err = agent_slot_put_key(&next.slot[0], ports, 0, key, key_len);
    }
    if (err == AGENT_OK) {
        err = agent_slot_put_chain(&next.slot[0], ports, 0, chain, chain_len);
    }
    if (err != AGENT_OK) {
        return err;
    }
    next.slot[0].validity = validity;
    return agent_state_commit(&none, &next, ports);
}

const char *agent_refusal_text(enum agent_refusal refusal)
{
    switch (refusal) {
    case AGENT_ACCEPTED: return "accepted";
    case AGENT_UNREADABLE: return "certificate-unreadable";
    case AGENT_OTHER_KEY: return "certificate-for-another-key";
    case AGENT_OTHER_IDENTITY: return "certificate-for-another-identity";
    case AGENT_UNTRUSTED: return "certificate-untrusted";
    case AGENT_NOT_FOR_CLIENTS: return "certificate-not-for-clients";
    case AGENT_NOT_VALID_NOW: return "certificate-not-valid-now";
    }
    return "certificate-refused";
}
