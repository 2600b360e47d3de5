/* What the device believes in. The sets are stored in turn, so the one before the present one is kept: a replacement
 * that no connection succeeds under gives way to it. Nothing that is owed to the plugin is remembered: whoever has not
 * confirmed a bundle gets it again, and confirms it then. */
#include "agent_steps.h"

#include "agent_bundle.h"

#include <string.h>

enum {
    TRIALS = 3, /* connections that a new set may fail before the former one is tried */
    AT_SIGNER = AGENT_BUNDLE_MAX, AT_SIGNATURE = AT_SIGNER + AGENT_CHAIN_MAX,
    AT_TRUST = AT_SIGNATURE + AGENT_SIGNATURE_MAX,
};
/* The scratch while a bundle is judged; otherwise a chain lies at its beginning, and the set at AT_TRUST. */
_Static_assert((int)AT_TRUST + (int)AGENT_TRUST_MAX <= (int)AGENT_SCRATCH_TRUST_MIN &&
               (int)AGENT_CHAIN_MAX <= (int)AT_TRUST, "scratch layout");

static unsigned former(const struct agent *agent)
{
    return 1u - agent->state.trust_current;
}

/* Copies a set: the present one, or the former one while a replacement gives way to it. */
static enum agent_err set_read(struct agent *agent, unsigned which, uint8_t *trust, size_t cap, size_t *len)
{
    const struct agent_config *config = agent->config;
    if (agent->state.trust[which].len > 0) {
        return agent_trust_get(&agent->state.trust[which], agent->ports, which, trust, cap, len);
    }
    if (config->trust_len > cap) {
        return AGENT_NO_ROOM;
    }
    memcpy(trust, config->trust, config->trust_len);
    *len = config->trust_len;
    return AGENT_OK;
}

/* The present set is damaged: the former one, or else the configuration's, which cannot be. */
static enum agent_err set_mend(struct agent *agent, uint8_t *trust, size_t cap, size_t *len)
{
    struct agent_state next = agent->state;
    memset(&next.trust[next.trust_current], 0, sizeof next.trust[0]);
    next.trust_current = (uint8_t)former(agent);
    next.trust_trial = false;
    enum agent_err err = agent_commit(agent, &next);
    if (err != AGENT_OK) {
        return err;
    }
    err = set_read(agent, next.trust_current, trust, cap, len);
    if (err == AGENT_STORAGE) {
        memset(&next.trust[next.trust_current], 0, sizeof next.trust[0]);
        err = agent_commit(agent, &next);
        err = err == AGENT_OK ? set_read(agent, next.trust_current, trust, cap, len) : err;
    }
    return err;
}

static enum agent_err set_get(struct agent *agent, uint8_t *trust, size_t cap, size_t *len)
{
    bool old = agent->state.trust_trial && agent->trust_old;
    enum agent_err err = set_read(agent, old ? former(agent) : agent->state.trust_current, trust, cap, len);
    if (err == AGENT_STORAGE && old) {
        agent->trust_old = false; /* nothing to go back to */
        err = set_read(agent, agent->state.trust_current, trust, cap, len);
    }
    return err == AGENT_STORAGE ? set_mend(agent, trust, cap, len) : err;
}

enum agent_err agent_trust(struct agent *agent, uint8_t *trust, size_t cap, size_t *len)
{
    enum agent_err err = set_get(agent, trust, cap, len);
    agent->trust_shown = err == AGENT_OK && agent->state.trust_trial;
    return err;
}

enum agent_err agent_trust_now(struct agent *agent, const uint8_t **trust, size_t *len)
{
    if (agent->state.trust[agent->state.trust_current].len == 0) {
        *trust = agent->config->trust;
        *len = agent->config->trust_len;
        return AGENT_OK;
    }
    *trust = agent->scratch + AT_TRUST;
    return set_get(agent, agent->scratch + AT_TRUST, AGENT_TRUST_MAX, len);
}

uint32_t agent_trust_version(const struct agent *agent)
{
    return agent->state.trust[agent->state.trust_current].version;
}

bool agent_trust_on_trial(const struct agent *agent)
{
    return agent->state.trust_trial;
}

static enum agent_err report(struct agent *agent, uint32_t version, const char *outcome, const char *reason)
{
    char json[128];
    struct agent_text text = { json, 0, sizeof json, false };
    agent_trust_report_write(&text, version, outcome, reason);
    enum agent_err err = agent_publish(agent, AGENT_TRUST_REPORT, (const uint8_t *)json, text.len);
    return err == AGENT_OFFLINE ? AGENT_OK : err;
}

/* --- trials --- */

enum agent_err agent_trust_connected(struct agent *agent)
{
    struct agent_state next = agent->state;
    bool good = !agent->trust_old;
    uint32_t version = agent_trust_version(agent);
    if (!next.trust_trial || !agent->trust_shown) {
        return AGENT_OK;
    }
    next.trust_trial = false;
    if (!good) {
        next.trust_refused = version;
        memset(&next.trust[next.trust_current], 0, sizeof next.trust[0]);
        next.trust_current = (uint8_t)former(agent);
    }
    enum agent_err err = agent_commit(agent, &next);
    if (err != AGENT_OK) {
        return err;
    }
    agent->trust_shown = agent->trust_old = false;
    agent->trust_failures = 0;
    agent_tell(agent, good ? AGENT_EVENT_TRUST_INSTALLED : AGENT_EVENT_TRUST_ROLLED_BACK, NULL);
    return agent_by_factory(agent) ? AGENT_OK : /* which has no word in this */
           report(agent, version, good ? "installed" : "rolled-back", NULL);
}

bool agent_trust_failed(struct agent *agent, bool refused)
{
    if (!agent->state.trust_trial || !agent->trust_shown || refused) {
        return false; /* refused: the other side was believed, and did not believe us */
    }
    if (agent->trust_old) {
        agent->trust_old = false; /* the former set fails too: it is not the set. From the start. */
        agent->trust_failures = 0;
        return false;
    }
    agent->trust_old = ++agent->trust_failures >= TRIALS;
    return true;
}

/* --- a bundle --- */

static enum agent_err bundle_failed(struct agent *agent, uint32_t version, const char *reason)
{
    agent_tell(agent, AGENT_EVENT_TRUST_FAILED, reason);
    return report(agent, version, "failed", reason);
}

/* Adds to `set` what of `old` is not in it. False: there is no room for all. */
static bool set_join(uint8_t *set, size_t *len, const uint8_t *old, size_t old_len)
{
    while (old_len > 0) {
        size_t one = agent_der_first(old, old_len);
        bool known = false;
        if (one == 0) {
            return false;
        }
        for (size_t at = 0; at < *len && !known;) {
            size_t there = agent_der_first(set + at, *len - at);
            known = there == one && memcmp(set + at, old, one) == 0;
            at += there > 0 ? there : *len;
        }
        if (!known) {
            if (AGENT_TRUST_MAX - *len < one) {
                return false;
            }
            memcpy(set + *len, old, one);
            *len += one;
        }
        old += one;
        old_len -= one;
    }
    return true;
}

/* Whether our own certificate would still be one under the new set. The chain takes the place of the signer. */
static enum agent_err own_survives(struct agent *agent, const uint8_t *set, size_t len, bool *survives)
{
    const unsigned current = agent->state.current;
    const struct agent_slot *slot = &agent->state.slot[current];
    uint8_t key[AGENT_KEY_MAX], *chain = agent->scratch + AT_SIGNER;
    size_t key_len = 0, chain_len = 0;
    enum agent_refusal refusal = AGENT_UNTRUSTED;
    struct agent_validity validity;
    *survives = slot->chain_len == 0;
    if (*survives) {
        return AGENT_OK;
    }
    enum agent_err err = agent_slot_get_key(slot, agent->ports, current, key, sizeof key, &key_len);
    if (err == AGENT_OK) {
        err = agent_slot_get_chain(slot, agent->ports, current, chain, AGENT_CHAIN_MAX, &chain_len);
    }
    if (err == AGENT_OK) {
        err = agent->ports->crypto->chain_check(agent->ports, key, key_len, chain, chain_len, set, len,
                                                agent->config->device, &refusal, &validity);
    }
    agent_wipe(key, sizeof key);
    *survives = err == AGENT_OK && refusal == AGENT_ACCEPTED;
    return err;
}

static enum agent_err set_install(struct agent *agent, const struct agent_bundle *bundle, const uint8_t *set,
                                  size_t len)
{
    struct agent_state next = agent->state;
    const unsigned which = former(agent);
    enum agent_err err = agent_trust_put(&next.trust[which], agent->ports, which, set, len);
    if (err != AGENT_OK) {
        return err;
    }
    next.trust[which].version = bundle->version;
    next.trust_current = (uint8_t)which;
    next.trust_trial = bundle->replace;
    err = agent_commit(agent, &next);
    if (err != AGENT_OK) {
        return err;
    }
    agent->trust_shown = agent->trust_old = false;
    agent->trust_failures = 0;
    if (bundle->replace) {
        agent_tell(agent, AGENT_EVENT_TRUST_TRIAL, NULL);
        return AGENT_OK;
    }
    agent_tell(agent, AGENT_EVENT_TRUST_INSTALLED, NULL);
    return report(agent, bundle->version, "installed", NULL);
}

static enum agent_err bundle_judge(struct agent *agent, struct agent_bundle *bundle)
{
    const struct agent_crypto *crypto = agent->ports->crypto;
    const uint8_t *trust = agent->scratch + AT_TRUST;
    size_t trust_len = 0;
    bool good = false;
    enum agent_err err = set_get(agent, agent->scratch + AT_TRUST, AGENT_TRUST_MAX, &trust_len);
    if (err == AGENT_OK) {
        err = crypto->signer_check(agent->ports, bundle->signer, bundle->signer_len, trust, trust_len,
                                   bundle->message, bundle->message_len, bundle->signature, bundle->signature_len,
                                   &good);
    }
    if (err != AGENT_OK) {
        return err;
    }
    if (!good) {
        return bundle_failed(agent, bundle->version, "signature-not-valid");
    }
    uint8_t *set = bundle->message;
    size_t len = agent_bundle_strip(bundle);
    if (len > AGENT_TRUST_MAX || (!bundle->replace && !set_join(set, &len, trust, trust_len))) {
        return bundle_failed(agent, bundle->version, "too-large");
    }
    if (!crypto->trust_check(set, len)) {
        return bundle_failed(agent, bundle->version, "certificates-not-usable");
    }
    good = true;
    err = bundle->replace ? own_survives(agent, set, len, &good) : AGENT_OK;
    if (err != AGENT_OK) {
        return err;
    }
    return good ? set_install(agent, bundle, set, len) :
           bundle_failed(agent, bundle->version, "own-certificate-untrusted");
}

enum agent_err agent_trust_message(struct agent *agent, const uint8_t *payload, size_t len)
{
    struct agent_bundle bundle = { .message = agent->scratch, .signer = agent->scratch + AT_SIGNER,
                                   .signature = agent->scratch + AT_SIGNATURE };
    if (!agent_bundle_read(&bundle, payload, len)) {
        return AGENT_INVALID;
    }
    if (agent->state.trust_trial || agent->state.phase == AGENT_TRIAL) {
        return AGENT_OK; /* one after the other; the bundle comes again */
    }
    if (bundle.version <= agent_trust_version(agent)) {
        return report(agent, agent_trust_version(agent), "installed", NULL);
    }
    if (bundle.version == agent->state.trust_refused) {
        return report(agent, bundle.version, "rolled-back", NULL);
    }
    return bundle.too_large ? bundle_failed(agent, bundle.version, "too-large") : bundle_judge(agent, &bundle);
}
