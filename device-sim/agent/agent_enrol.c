/* The first certificate, or the first one after the device's own was lost: on a connection with the factory's identity
 * or a token. There is nothing to do on it but to send a CSR and to wait for its certificate. */
#include "agent_steps.h"

#include <string.h>

enum {
    PAUSE_MS = 5 * 1000,            /* doubled with each attempt that comes to nothing */
    PAUSE_OWN_MS = 60 * 1000,       /* the same of a device that has a certificate of its own to try */
    PAUSE_DOUBLINGS = 9,
    PAUSE_MAX_S = 6 * 3600,
    UNANSWERED_MAX = 4,             /* requests without any answer, then the device's own certificate has its turn */
    BAD_MAX = 3,                    /* certificates that are not good enough before there is another key */
};

void agent_enrol_pause(struct agent *agent, int64_t at_least_ms)
{
    unsigned doublings = agent->enrol_tries < PAUSE_DOUBLINGS ? agent->enrol_tries : PAUSE_DOUBLINGS;
    int64_t pause_ms = (int64_t)(agent_has_own(agent) ? PAUSE_OWN_MS : PAUSE_MS) << doublings;
    const int64_t most_ms = (int64_t)PAUSE_MAX_S * 1000;
    pause_ms = pause_ms < at_least_ms ? at_least_ms : pause_ms;
    agent->enrol_tries++;
    agent->enrol_tries = agent->enrol_tries > PAUSE_DOUBLINGS ? PAUSE_DOUBLINGS : agent->enrol_tries;
    agent_due_in(agent, pause_ms < most_ms ? pause_ms : most_ms);
    agent->enrol_after_ms = agent->due_ms;
}

static void own_turn(struct agent *agent)
{
    if (agent_has_own(agent)) {
        agent->factory_turn = false;
        agent->go_back = true;
    }
}

enum agent_err agent_enrol_request(struct agent *agent)
{
    static const char unnamed[AGENT_RENEWAL_ID_CAP] = "";
    enum agent_err err = AGENT_OK;
    if (agent_now_ms(agent) < agent->enrol_after_ms) {
        agent->due_ms = agent->enrol_after_ms;
        return AGENT_OK;
    }
    if (agent->tries >= UNANSWERED_MAX && agent_has_own(agent)) {
        agent_enrol_pause(agent, 0);
        own_turn(agent);
        return AGENT_OK;
    }
    if (agent->state.phase == AGENT_REQUESTED) {
        err = agent_next_send(agent, agent->state.renewal_id);
    }
    if (agent->state.phase == AGENT_IDLE) { /* or the key that was asked for is damaged, and forgotten */
        err = agent_next_begin(agent, unnamed);
    }
    return err == AGENT_OFFLINE ? AGENT_OK : err;
}

/* Nothing of a renewal's end can be reported here: the plugin hears nothing but CSRs from this identity. */
enum agent_err agent_enrol_connected(struct agent *agent)
{
    struct agent_state next = agent->state;
    bool rolled_back = next.phase == AGENT_TRIAL;
    bool too_late = rolled_back && agent_has_ended(agent, agent_other(agent)); /* there was nothing wrong with it */
    if (next.phase != AGENT_REQUESTED && next.phase != AGENT_IDLE) {
        next.phase = AGENT_IDLE;
        next.spare = next.enrolling = false;
        memset(next.renewal_id, 0, sizeof next.renewal_id);
    }
    if (rolled_back) {
        memset(&next.slot[agent_other(agent)], 0, sizeof next.slot[0]);
    }
    next.enrolling = next.phase == AGENT_REQUESTED;
    if (next.phase != agent->state.phase || next.enrolling != agent->state.enrolling) {
        enum agent_err err = agent_commit(agent, &next);
        if (err != AGENT_OK) {
            return err;
        }
        agent->csr_len = rolled_back ? 0 : agent->csr_len;
    }
    agent->tries = 0;
    agent->trial_old = false;
    agent->strangers = 0;
    if (rolled_back) {
        agent_tell(agent, AGENT_EVENT_ROLLED_BACK, NULL);
    }
    if (rolled_back && !too_late) { /* otherwise it could go round and round */
        agent_enrol_pause(agent, 0);
    }
    return agent_enrol_request(agent);
}

enum agent_err agent_enrol_rejected(struct agent *agent, const struct agent_answer *rejected)
{
    enum agent_err err = AGENT_OK;
    if (agent->state.phase != AGENT_REQUESTED) {
        return AGENT_OK;
    }
    if (!rejected->has_retry_after) {
        err = agent_next_forget(agent); /* this key is of no use any more */
    } else if (!agent_has_own(agent)) {
        agent->enrol_tries = 0; /* nothing else to try: as often as the plugin likes */
    }
    agent_enrol_pause(agent, rejected->has_retry_after ? (int64_t)rejected->retry_after_s * 1000 : 0);
    agent_tell(agent, rejected->has_retry_after ? AGENT_EVENT_REJECTED : AGENT_EVENT_GAVE_UP, rejected->error_code);
    own_turn(agent);
    return err;
}

/* The same request gets the same certificate, which may only have been damaged on its way: its key is kept at first. */
enum agent_err agent_enrol_refused(struct agent *agent, enum agent_refusal refusal)
{
    enum agent_err err = AGENT_OK;
    if (++agent->enrol_bad >= BAD_MAX) {
        agent->enrol_bad = 0;
        err = agent_next_forget(agent);
    }
    agent_enrol_pause(agent, 0);
    agent_tell(agent, AGENT_EVENT_REFUSED, agent_refusal_text(refusal));
    return err;
}
