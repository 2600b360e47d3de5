/* Which identity a connection shows, and what its success or failure says about it. */
#include "agent_steps.h"

#include <string.h>

enum { TRIALS = 3 }; /* connections that a new certificate may fail for other reasons than refusal */
static const int64_t clock_far_off_s = 20LL * 365 * 86400; /* a clock so long past a certificate's end is just wrong */

/* --- what to show --- */

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
        identity->kind = AGENT_BY_OWN;
        agent->presented = (uint8_t)which;
    }
    return err;
}

static void factory_present(struct agent *agent, struct agent_identity *identity)
{
    const struct agent_factory *factory = &agent->config->factory;
    agent->presented = AGENT_PRESENTED_FACTORY;
    if (agent->config->enrol == AGENT_ENROL_TOKEN) {
        identity->kind = AGENT_BY_TOKEN;
        identity->key_len = identity->chain_len = 0;
        return;
    }
    identity->kind = AGENT_BY_FACTORY;
    memcpy(identity->key, factory->key, factory->key_len);
    memcpy(identity->chain, factory->chain, factory->chain_len);
    identity->key_len = factory->key_len;
    identity->chain_len = factory->chain_len;
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
    next.spare = next.enrolling = false;
    memset(&next.slot[damaged], 0, sizeof next.slot[damaged]);
    agent->csr_len = 0;
    enum agent_err err = agent_commit(agent, &next);
    if (err == AGENT_OK && owed) {
        agent_tell(agent, AGENT_EVENT_ROLLED_BACK, NULL);
    }
    return err;
}

bool agent_has_own(const struct agent *agent)
{
    return agent->state.slot[agent->state.current].chain_len > 0 && !agent->damaged;
}

enum agent_err agent_credentials(struct agent *agent, struct agent_identity *identity)
{
    bool enrols = agent->config->enrol != AGENT_ENROL_NEVER;
    bool trial = agent->state.phase == AGENT_TRIAL && !agent->trial_old;
    unsigned which = trial ? agent_other(agent) : agent->state.current;
    if (!enrols || !(agent->factory_turn || (agent->trial_old && agent->state.enrolling))) {
        if (slot_present(agent, identity, which) == AGENT_OK) {
            return AGENT_OK;
        }
        if (slot_present(agent, identity, 1u - which) == AGENT_OK) {
            return slot_mend(agent, which);
        }
        if (!enrols) {
            return AGENT_STORAGE;
        }
        if (agent_has_own(agent)) {
            agent_tell(agent, AGENT_EVENT_ENROLLING, "storage");
        }
        agent->damaged = true;
    }
    factory_present(agent, identity);
    return AGENT_OK;
}

/* --- it connected --- */

/* What the connection decides: the new certificate is confirmed, or the old one is back. */
static enum agent_err own_decide(struct agent *agent)
{
    struct agent_state next = agent->state;
    bool first = next.slot[next.current].chain_len == 0, enrolled = next.enrolling;
    if (next.phase == AGENT_REQUESTED && next.enrolling) {
        next.phase = AGENT_IDLE; /* our own certificate is good after all; the key may serve the next renewal */
        next.spare = true;
        next.enrolling = false;
        memset(next.renewal_id, 0, sizeof next.renewal_id);
        agent->due_ms = INT64_MAX;
        return agent_commit(agent, &next);
    }
    if (next.phase != AGENT_TRIAL) {
        return AGENT_OK;
    }
    bool confirmed = agent->presented == agent_other(agent);
    next.enrolling = false;
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
    if (confirmed && enrolled) {
        agent_tell(agent, AGENT_EVENT_ENROLLED, first ? NULL : "again");
    }
    return AGENT_OK;
}

static enum agent_err own_connected(struct agent *agent)
{
    enum agent_err err = own_decide(agent);
    if (err != AGENT_OK) {
        return err;
    }
    agent->damaged = agent->factory_turn = false;
    agent->refusals = agent->enrol_tries = agent->enrol_bad = 0;
    agent->enrol_after_ms = 0;
    /* After a failure the next attempt is the plugin's decision: no certificate is taken for a hint meanwhile. */
    agent->strangers = agent->state.phase == AGENT_FAILED || agent->state.phase == AGENT_ROLLED_BACK ? 1 : 0;
    /* A failure was still to be reported: what has become of the renewal since? Only at a connect, so that a
     * certificate that is bad every time does not become a loop. */
    agent->ask_later = agent->ask_later || (agent->state.phase == AGENT_FAILED && agent->config->ask_at_connect);
    return agent_send_owed(agent);
}

enum agent_err agent_connected(struct agent *agent)
{
    agent->online = true;
    agent->go_back = false;
    agent->report_id = 0;
    enum agent_err err = agent_trust_connected(agent);
    if (err != AGENT_OK) {
        return err;
    }
    return agent_by_factory(agent) ? agent_enrol_connected(agent) : own_connected(agent);
}

/* --- it did not --- */

bool agent_has_ended(const struct agent *agent, unsigned slot)
{
    int64_t not_after = agent->state.slot[slot].validity.not_after;
    int64_t now_s = agent->ports->now_s(agent->ports->ctx);
    return now_s > not_after && now_s - not_after < clock_far_off_s;
}

/* The current certificate was shown: is it the factory's turn? */
static void own_failed(struct agent *agent, bool refused)
{
    const struct agent_config *config = agent->config;
    bool ended = agent_has_ended(agent, agent->state.current);
    if (config->enrol == AGENT_ENROL_NEVER || !(refused || ended)) {
        return;
    }
    agent->refusals = agent->refusals < UINT8_MAX ? (uint8_t)(agent->refusals + 1) : UINT8_MAX;
    unsigned enough = config->refusals_max > 0 ? config->refusals_max : AGENT_REFUSALS_MAX;
    if ((ended || agent->refusals >= enough) && agent_now_ms(agent) >= agent->enrol_after_ms) {
        agent->factory_turn = true;
        agent_tell(agent, AGENT_EVENT_ENROLLING, ended ? "expired" : "refused");
    }
}

void agent_connect_failed(struct agent *agent, bool refused)
{
    bool trial = agent->state.phase == AGENT_TRIAL;
    agent->online = agent->go_back = false;
    if (agent_trust_failed(agent, refused)) {
        return;
    }
    if (trial && !agent->trial_old && !agent_by_factory(agent)) {
        agent->trial_old = refused || ++agent->trial_failures >= TRIALS;
        return;
    }
    if (trial) {
        agent->trial_old = false; /* the old one fails too: it is not the certificate. From the start. */
        agent->trial_failures = 0;
    }
    if (!agent_by_factory(agent)) {
        own_failed(agent, refused);
        return;
    }
    agent->factory_turn = false;
    if (agent_has_own(agent) && refused) { /* otherwise it could be the network, which both wait for alike */
        agent_enrol_pause(agent, 0);
    }
}
