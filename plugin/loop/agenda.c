/* The scheduler: about once a second the store is asked what is due in a part of the agenda, so that a whole round takes a
 * few seconds; what it claims is advanced, slot by slot. The rate is the fleet's, kept in the store; how much is under way
 * here, and how quickly the store answers, bounds it further: requests of devices go first.
 *
 * Nothing begins, and nothing is issued, while the wall clock cannot be believed. */
#include "plugin/loop/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AGENDA_EVERY_MS = 1000,
    AGENDA_JITTER_MS = 200,  /* each broker its own, so that they do not ask in step */
    AGENDA_MORE_MS = 50,     /* more was due than could be claimed */
    AGENDA_ROUND_S = 5,
    CLOCK_EVERY_MS = 1000,
};

void loop_agenda_init(struct cr_router *router)
{
    int64_t now_ms = loop_now_ms(router);

    router->agenda.next_ms = now_ms + AGENDA_EVERY_MS;
}

/* ---- the clock ---- */

static void agenda_look_at_clock(struct cr_router *router, int64_t now_ms)
{
    struct cr_agenda_state *agenda = &router->agenda;
    int64_t not_before, not_after;
    bool sane;

    cr_trust_signers_span(router->setup->trust, &not_before, &not_after);
    sane = cr_sane_look(&agenda->clock, cr_wall_s(router->clock), now_ms, not_before, not_after);
    agenda->clock_next_ms = now_ms + CLOCK_EVERY_MS;
    if (sane == !agenda->clock_odd) {
        return;
    }
    agenda->clock_odd = !sane;
    if (sane) {
        loop_log(router, 'n', "this machine's clock can be believed again: renewals go on");
    } else {
        loop_log(router, 'w', "this machine's clock jumped, or lies outside the validity of all issuers: nothing is issued and "
                              "no renewal begins until it is right for a minute");
    }
}

bool loop_clock_ok(struct cr_router *router)
{
    agenda_look_at_clock(router, loop_now_ms(router));
    return !router->agenda.clock_odd;
}

/* ---- asking ---- */

int64_t loop_turn_ms(const struct cr_router *router)
{
    uint64_t hash = 0;
    const char *name = router->setup->config.broker_name;

    if (cr_hash64(&hash, name, strlen(name)) != CR_OK) {
        hash = 0;
    }
    return AGENDA_EVERY_MS - AGENDA_JITTER_MS / 2 + (int64_t)(hash % AGENDA_JITTER_MS);
}

unsigned loop_headroom(const struct cr_router *router)
{
    const struct cr_config *config = &router->setup->config;
    struct cr_store_health health;
    unsigned most = config->max_in_flight / 2;

    if (router->in_flight >= most || !loop_policy_known(router)) {
        return 0;
    }
    cr_store_health_get(router->pipeline->store, &health);
    if (!health.connected || !health.writable || !health.journal_ok ||
        health.latency_us / 1000 > config->redis_timeout_ms / 4) {
        return 0;
    }
    return most - router->in_flight < CR_DUE_MAX ? most - router->in_flight : CR_DUE_MAX;
}

static void agenda_ask(struct cr_router *router, unsigned limit)
{
    struct cr_agenda_state *state = &router->agenda;
    struct cr_job *job = loop_admit(router, CR_OP_AGENDA, NULL, "", "");

    if (job == NULL) {
        return;
    }
    job->agenda = calloc(1, sizeof *job->agenda);
    if (job->agenda == NULL) {
        loop_abandon(router, job);
        return;
    }
    job->agenda->bucket = state->bucket;
    job->agenda->buckets = (state->total + AGENDA_ROUND_S - 1) / AGENDA_ROUND_S;
    job->agenda->limit = limit;
    job->agenda->rate_per_s = router->setup->config.trigger_rate_per_s;
    state->asking = true;
    loop_send(router, job, CR_STAGE_STORE);
}

void loop_agenda_tick(struct cr_router *router, int64_t now_ms)
{
    struct cr_agenda_state *state = &router->agenda;
    unsigned limit;

    if (now_ms >= state->clock_next_ms) {
        agenda_look_at_clock(router, now_ms);
    }
    if (state->asking || now_ms < state->next_ms) {
        return;
    }
    state->next_ms = now_ms + loop_turn_ms(router);
    limit = state->clock_odd ? 0 : loop_headroom(router);
    state->more = state->more && limit > 0;
    if (limit > 0) {
        agenda_ask(router, limit);
    }
}

/* ---- what came back ---- */

static void agenda_advance(struct cr_router *router, const struct cr_due *due, int64_t until)
{
    struct cr_job *job = loop_admit(router, CR_OP_ADVANCE, NULL, due->device, due->slot);

    if (job == NULL) {
        return; /* it is due again when the claim is over */
    }
    snprintf(job->who, sizeof job->who, "scheduler");
    job->claimed_until = until;
    loop_send(router, job, CR_STAGE_STORE);
}

void loop_agenda_done(struct cr_router *router, const struct cr_job *job)
{
    struct cr_agenda_state *state = &router->agenda;
    const struct cr_agenda *agenda = job->agenda;

    state->asking = state->more = false;
    if (job->outcome != CR_OUT_DONE || agenda == NULL) {
        state->bucket++; /* should one bucket be damaged, the others go on */
        return;
    }
    state->bucket = agenda->bucket;
    state->total = agenda->total;
    for (unsigned i = 0; i < agenda->count; i++) {
        agenda_advance(router, &agenda->due[i], agenda->until);
    }
    if (agenda->count > 0 && agenda->count == agenda->limit) {
        state->more = true;
        state->next_ms = loop_now_ms(router) + AGENDA_MORE_MS;
    }
}

void loop_present_again(struct cr_router *router, const char *device)
{
    struct cr_presence *presence = cr_sessions_presence(&router->sessions, device);

    if (presence == NULL || presence->first == NULL) {
        loop_dormant_pushed(router, device);
        return;
    }
    for (struct cr_session *s = presence->first; s != NULL; s = s->sibling) {
        cr_sessions_wait(&router->sessions, s, loop_now_ms(router));
    }
}

void loop_advanced(struct cr_router *router, const struct cr_job *job)
{
    const struct cr_slot_record *slot = job->record != NULL ? cr_device_record_slot(job->record, job->slot) : NULL;

    router->counters.triggered += job->triggered;
    if (slot != NULL && (job->triggered || slot->state == CR_STATE_ISSUED) &&
        !loop_dormant_trigger(router, job->device, slot)) {
        loop_present_again(router, job->device);
    }
}
