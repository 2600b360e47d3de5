/* What the plugin says, and what each phase makes of it. */
#include "agent_steps.h"

#include <string.h>

enum {
    RETRY_AFTER_MAX_S = 3600, /* told to come back later than this: leave it to the plugin's next trigger */
    PENDING_S = 60,           /* `pending` without a retryAfter */
    CSR_PAUSE_MS = 2000,      /* a repeated trigger within this is about the CSR that is under way */
};

/* Keeps a renewal's id as soon as it is known, for the report after the next boot. */
static enum agent_err id_adopt(struct agent *agent, const char *renewal_id)
{
    if (renewal_id[0] == '\0' || strcmp(agent->state.renewal_id, renewal_id) == 0) {
        return AGENT_OK;
    }
    struct agent_state next = agent->state;
    memcpy(next.renewal_id, renewal_id, AGENT_RENEWAL_ID_CAP);
    return agent_commit(agent, &next);
}

static enum agent_err on_renew(struct agent *agent, const struct agent_answer *renew)
{
    switch (agent->state.phase) {
    case AGENT_IDLE:
        agent_tell(agent, AGENT_EVENT_TRIGGERED, renew->renewal_id);
        return agent_next_begin(agent, renew->renewal_id);
    case AGENT_REQUESTED: {
        enum agent_err err = id_adopt(agent, renew->renewal_id);
        if (err == AGENT_OK && agent_now_ms(agent) - agent->csr_sent_ms >= CSR_PAUSE_MS) {
            err = agent_next_send(agent, agent->state.renewal_id);
        }
        return err == AGENT_OFFLINE ? AGENT_OK : err;
    }
    default:
        /* The trigger of the renewal that is about to end, or of the one after it: ask when this one is done. */
        agent->ask_later = agent->ask_later || strcmp(agent->state.renewal_id, renew->renewal_id) != 0;
        return AGENT_OK;
    }
}

static enum agent_err on_pending(struct agent *agent, const struct agent_answer *pending)
{
    if (agent->state.phase != AGENT_REQUESTED) {
        return AGENT_OK;
    }
    agent_tell(agent, AGENT_EVENT_PENDING, NULL);
    agent_due_in(agent, (int64_t)(pending->has_retry_after ? pending->retry_after_s : PENDING_S) * 1000);
    return agent->state.renewal_id[0] == '\0' ? id_adopt(agent, pending->renewal_id) : AGENT_OK;
}

static enum agent_err on_rejected(struct agent *agent, const struct agent_answer *rejected)
{
    if (agent_by_factory(agent)) {
        return agent_enrol_rejected(agent, rejected);
    }
    if (agent->state.phase >= AGENT_INSTALLED) {
        return agent_finish(agent); /* the plugin does not want the report (any more) */
    }
    if (agent->state.phase != AGENT_REQUESTED) {
        return AGENT_OK;
    }
    if (rejected->has_retry_after && rejected->retry_after_s <= RETRY_AFTER_MAX_S) {
        agent_due_in(agent, (int64_t)(rejected->retry_after_s > 0 ? rejected->retry_after_s : 1) * 1000);
        agent_tell(agent, AGENT_EVENT_REJECTED, rejected->error_code);
        return AGENT_OK;
    }
    enum agent_err err = agent_next_forget(agent);
    agent_tell(agent, AGENT_EVENT_GAVE_UP, rejected->error_code);
    return err;
}

enum agent_err agent_message(struct agent *agent, const char *topic, const uint8_t *payload, size_t len,
                             const char *renewal_id)
{
    enum agent_verb verb = agent_topic_verb(agent->config, topic);
    struct agent_answer answer;
    switch (verb) {
    case AGENT_CERTIFICATE:
        return agent_next_certificate(agent, payload, len, renewal_id);
    case AGENT_RENEW:
        return agent_renew_read(&answer, payload, len, agent->config->slot, agent->ports->crypto->key_algorithm) ?
               on_renew(agent, &answer) : AGENT_INVALID;
    case AGENT_PENDING:
        return agent_answer_read(&answer, payload, len) ? on_pending(agent, &answer) : AGENT_INVALID;
    case AGENT_REJECTED:
        return agent_answer_read(&answer, payload, len) ? on_rejected(agent, &answer) : AGENT_INVALID;
    case AGENT_STATUS:
        if (agent->state.phase == AGENT_IDLE) {
            agent_tell(agent, AGENT_EVENT_QUIET, NULL);
        }
        return AGENT_OK;
    case AGENT_TRUST:
        return agent->config->trust_updates ? agent_trust_message(agent, payload, len) : AGENT_NOT_FOUND;
    default:
        return AGENT_NOT_FOUND;
    }
}
