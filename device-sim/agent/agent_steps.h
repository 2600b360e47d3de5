/* agent_steps: what the parts of the agent share: its transitions and what it sends. Private to agent/.
 * agent.c: the application's calls, and what is owed; agent_identity.c: which identity a connection shows;
 * agent_next.c: next key, CSR and certificate; agent_enrol.c: the first certificate; agent_inbox.c: what the plugin
 * says; agent_trust.c: what is believed in. */
#ifndef AGENT_STEPS_H
#define AGENT_STEPS_H

#include "agent.h"
#include "agent_slots.h"
#include "agent_wire.h"

enum { AGENT_PRESENTED_FACTORY = 2 }; /* of agent.presented, beside 0 and 1 */

static inline bool agent_by_factory(const struct agent *agent)
{
    return agent->presented == AGENT_PRESENTED_FACTORY;
}
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

/* agent_identity.c */
/* Whether the certificate of this slot has ended by a clock that can be right. */
bool agent_has_ended(const struct agent *agent, unsigned slot);

/* agent_enrol.c: on a connection with the factory's identity or a token. */
AGENT_MUST_USE enum agent_err agent_enrol_connected(struct agent *agent);
/* Sends the CSR, or waits until it may. */
AGENT_MUST_USE enum agent_err agent_enrol_request(struct agent *agent);
/* The plugin said no. */
AGENT_MUST_USE enum agent_err agent_enrol_rejected(struct agent *agent, const struct agent_answer *rejected);
/* The certificate that came is not good enough. */
AGENT_MUST_USE enum agent_err agent_enrol_refused(struct agent *agent, enum agent_refusal refusal);
/* The factory's identity was of no use: not again before a while. */
void agent_enrol_pause(struct agent *agent, int64_t at_least_ms);
/* Whether there is a pair of our own that could connect. */
bool agent_has_own(const struct agent *agent);

/* agent_trust.c */
/* What is believed in now, lent until the next call with this scratch. */
AGENT_MUST_USE enum agent_err agent_trust_now(struct agent *agent, const uint8_t **trust, size_t *len);
AGENT_MUST_USE enum agent_err agent_trust_message(struct agent *agent, const uint8_t *payload, size_t len);
AGENT_MUST_USE enum agent_err agent_trust_connected(struct agent *agent);
/* A connection failed. True: it may have been for a trust set on trial, and says nothing of the identity. */
bool agent_trust_failed(struct agent *agent, bool refused);

#endif
