/* DESIGN. One state machine over agent_state.phase; every transition is one agent_commit() of a copied state, so that
 * RAM and storage never disagree. What is owed to the plugin follows from the phase alone (agent_send_owed), and is
 * sent again at every connection until it was answered: losses of power, connection or answers recover the same way. */
#include "agent_steps.h"

#include <string.h>

enum { POLL_AGAIN_MS = 10 * 1000 };

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

void agent_disconnected(struct agent *agent)
{
    agent->online = agent->go_back = false;
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
    bool idle = agent->state.phase == AGENT_IDLE && !agent_by_factory(agent);
    return idle ? ask(agent) : AGENT_BUSY;
}

enum agent_err agent_prepare(struct agent *agent)
{
    bool useful = agent->state.phase == AGENT_IDLE || agent->state.phase == AGENT_REQUESTED;
    return useful ? agent_next_ready(agent) : AGENT_OK;
}

int64_t agent_due_ms(const struct agent *agent)
{
    bool waits = agent->state.phase == AGENT_REQUESTED ||
                 (agent->state.phase == AGENT_IDLE && agent_by_factory(agent));
    return agent->online && waits ? agent->due_ms : INT64_MAX;
}

enum agent_err agent_poll(struct agent *agent)
{
    if (agent_due_ms(agent) > agent_now_ms(agent)) {
        return AGENT_OK;
    }
    enum agent_err err = agent_by_factory(agent) ? agent_enrol_request(agent) :
                         agent_next_send(agent, agent->state.renewal_id);
    if (err != AGENT_OK) {
        agent_due_in(agent, POLL_AGAIN_MS);
    }
    return err == AGENT_OFFLINE ? AGENT_OK : err;
}

bool agent_wants_reconnect(const struct agent *agent)
{
    return agent->online && (agent->state.phase == AGENT_TRIAL || agent->state.trust_trial || agent->go_back);
}

enum agent_phase agent_phase(const struct agent *agent)
{
    return agent->state.phase;
}

static bool enrolment_ok(const struct agent_config *config)
{
    const struct agent_factory *factory = &config->factory;
    if (config->enrol == AGENT_ENROL_NEVER) {
        return true;
    }
    return config->own_link &&
           (config->enrol == AGENT_ENROL_TOKEN || (factory->key_len > 0 && factory->key_len <= AGENT_KEY_MAX &&
                                                   factory->chain_len > 0 && factory->chain_len <= AGENT_CHAIN_MAX));
}

enum agent_err agent_open(struct agent *agent, const struct agent_config *config, const struct agent_ports *ports,
                          uint8_t *scratch, size_t scratch_len)
{
    if (!agent_names_ok(config) || !enrolment_ok(config) ||
        (config->trust_updates && config->trust_len > AGENT_TRUST_MAX)) {
        return AGENT_INVALID;
    }
    memset(agent, 0, sizeof *agent);
    agent->config = config;
    agent->ports = ports;
    agent->scratch = scratch;
    agent->scratch_len = scratch_len;
    agent->due_ms = INT64_MAX;
    enum agent_err err = agent_state_load(&agent->state, ports);
    if (err == AGENT_NOT_FOUND && config->enrol != AGENT_ENROL_NEVER) {
        memset(&agent->state, 0, sizeof agent->state); /* its first write makes it real */
        err = AGENT_OK;
    }
    bool trust = config->trust_updates || agent->state.trust[agent->state.trust_current].len > 0;
    return scratch_len < (trust ? AGENT_SCRATCH_TRUST_MIN : AGENT_SCRATCH_MIN) ? AGENT_NO_ROOM : err;
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
    if (agent_state_load(&none, ports) != AGENT_OK) {
        memset(&none, 0, sizeof none);
    }
    next = (struct agent_state){ .trust_current = none.trust_current, .trust_trial = none.trust_trial,
                                 .trust_refused = none.trust_refused, .trust = { none.trust[0], none.trust[1] } };
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
