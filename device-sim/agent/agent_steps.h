/* agent_steps: what the parts of the agent share: its transitions and what it sends. Private to agent/.
 * agent.c: connections and the application; agent_next.c: next key, CSR and certificate; agent_inbox.c: what the
 * plugin says. */
#ifndef AGENT_STEPS_H
#define AGENT_STEPS_H

#include "agent.h"
#include "agent_slots.h"
#include "agent_wire.h"

static inline unsigned agent_other(const struct agent *agent)
{
    return 1u - agent->state.current;
}
static inline int64_t agent_now_ms(const struct agent *agent)
{
    return agent->ports->now_ms(agent->ports->ctx);
}
static inline AGENT_MUST_USE enum agent_err agent_commit(struct agent *agent, const struct agent_state *next)
{
    return agent_state_commit(&agent->state, next, agent->ports);
}

void agent_tell(const struct agent *agent, enum agent_event event, const char *detail);
/* Sets the next poll, up to a quarter later than asked, so that a fleet that was told the same spreads out. */
void agent_due_in(struct agent *agent, int64_t delay_ms);
AGENT_MUST_USE enum agent_err agent_publish(struct agent *agent, enum agent_verb verb, const uint8_t *payload,
                                            size_t len);

/* agent.c */
/* Sends what the phase owes the plugin; offline is fine. */
AGENT_MUST_USE enum agent_err agent_send_owed(struct agent *agent);
/* The report arrived, or there was none to make. */
AGENT_MUST_USE enum agent_err agent_finish(struct agent *agent);

/* agent_next.c */
/* Back to idle without the next key. */
AGENT_MUST_USE enum agent_err agent_next_forget(struct agent *agent);
/* Makes what is missing of the next key and its CSR. The key is durable before its CSR exists. */
AGENT_MUST_USE enum agent_err agent_next_ready(struct agent *agent);
/* Sends the CSR; the renewal's id travels in JSON only. */
AGENT_MUST_USE enum agent_err agent_next_send(struct agent *agent, const char *renewal_id);
AGENT_MUST_USE enum agent_err agent_next_begin(struct agent *agent, const char *renewal_id);
AGENT_MUST_USE enum agent_err agent_next_certificate(struct agent *agent, const uint8_t *payload, size_t len,
                                                     const char *property_id);

#endif
