/* What is revoked: the whole of it, as the store tells it, in pages, a few at a time. Told anew, it is gathered beside what
 * is known, and both count until that is complete: nothing that is revoked passes in between. A page that found no memory
 * is given back as lost, and what is known stays: the store tells it again.
 *
 * A change closes the connections that it concerns. Whose device is known is found by that; for the rest all sessions are
 * looked through, some of them in each tick. */
#include "plugin/loop/loop.h"
#include "plugin/loop/revoked_set.h"
#include "plugin/worker/issuer.h"

#include <stdlib.h>
#include <string.h>

enum {
    SESSIONS_A_TICK = 2048,
    PRUNE_EVERY_MS = 1000,    /* one of the parts: all of them in about four minutes */
    KEPT_S = 86400,           /* behind notAfter */
};

struct cr_revoked {
    struct cr_revoked_set *set, *coming; /* in force; being told anew, NULL: nothing is */
    bool told;                           /* all of it, once at least */
    uint64_t version;
    unsigned mark_count;
    struct cr_issuer_mark mark[CR_ISSUER_MARKS_MAX];
    bool walking, again;                 /* through the sessions; from the beginning once more, then */
    bool lacking;                        /* some found no room, and will be told again */
    int64_t prune_ms;
    unsigned part;
    struct cr_limiter alarms;            /* of all that are revoked: who tries again and again is not to hide the others */
};

cr_err loop_revoked_init(struct cr_router *router)
{
    struct cr_revoked *revoked = calloc(1, sizeof *revoked);

    router->revoked = revoked;
    if (revoked == NULL || (revoked->set = cr_revoked_set_new()) == NULL) {
        return CR_NOMEM;
    }
    cr_limiter_init(&revoked->alarms, &router->sessions.alarm_rate, loop_now_ms(router));
    return CR_OK;
}

void loop_revoked_fini(struct cr_router *router)
{
    struct cr_revoked *revoked = router->revoked;

    if (revoked == NULL) {
        return;
    }
    cr_revoked_set_free(revoked->set);
    cr_revoked_set_free(revoked->coming);
    free(revoked);
    router->revoked = NULL;
}

/* ---- asking ---- */

const struct cr_issuer_mark *loop_issuer_mark(const struct cr_router *router, const char *issuer)
{
    const struct cr_revoked *revoked = router->revoked;

    for (unsigned i = 0; i < revoked->mark_count; i++) {
        if (strcmp(revoked->mark[i].id, issuer) == 0) {
            return revoked->mark[i].state != CR_ISSUER_TRUSTED ? &revoked->mark[i] : NULL;
        }
    }
    return NULL;
}

bool loop_revoked_find(const struct cr_router *router, const struct cr_serial *serial, const char *issuer,
                       struct cr_revocation *entry)
{
    return cr_revoked_set_find(router->revoked->set, serial, issuer, entry) ||
           cr_revoked_set_find(router->revoked->coming, serial, issuer, entry);
}

enum cr_refusal loop_revoked_refusal(const struct cr_router *router, const struct cr_cert_facts *facts)
{
    const struct cr_issuer_mark *mark = loop_issuer_mark(router, facts->issuer);

    if ((mark != NULL && mark->state == CR_ISSUER_REVOKED) ||
        loop_revoked_find(router, &facts->serial, facts->issuer, NULL)) {
        return CR_REFUSAL_REVOKED;
    }
    return mark != NULL ? CR_REFUSAL_UNTRUSTED_ISSUER : CR_REFUSAL_NONE;
}

bool loop_revoked_maybe(const struct cr_router *router, const struct cr_serial *serial)
{
    const struct cr_revoked *revoked = router->revoked;

    return revoked->mark_count > 0 || cr_revoked_set_has_serial(revoked->set, serial) ||
           cr_revoked_set_has_serial(revoked->coming, serial);
}

void loop_revoked_state(const struct cr_router *router, struct cr_revoked_state *state)
{
    const struct cr_revoked *revoked = router->revoked;

    *state = (struct cr_revoked_state){
        .known = revoked->told,
        .lacking = revoked->lacking,
        .version = revoked->version,
        .entries = cr_revoked_set_count(revoked->set),
        .issuers = revoked->mark_count,
        .bytes = cr_revoked_set_bytes(revoked->set) + cr_revoked_set_bytes(revoked->coming),
    };
}

struct cr_limiter *loop_revoked_alarms(struct cr_router *router)
{
    return &router->revoked->alarms;
}

static bool revoked_excluded(void *ctx, const char *issuer_id)
{
    return loop_issuer_mark(ctx, issuer_id) != NULL;
}

unsigned loop_signer(const struct cr_router *router)
{
    return cr_trust_signer(router->setup->trust, cr_wall_s(router->clock), revoked_excluded, (void *)router);
}

/* ---- closing ---- */

static bool revoked_close(struct cr_router *router, struct cr_session *session)
{
    enum cr_refusal refusal;

    if (session->facts.serial.len == 0 || session->closed ||
        (session->restricted && cr_deadline_is_set(&session->closing))) {
        return false;
    }
    refusal = loop_revoked_refusal(router, &session->facts);
    if (refusal == CR_REFUSAL_NONE) {
        return false;
    }
    router->counters.revoked_closed++;
    loop_refuse_session(router, session, refusal, refusal == CR_REFUSAL_REVOKED ? "its certificate was revoked"
                                                                                : "the issuer of its certificate was retired");
    return true;
}

/* Looks through all sessions, from the next tick on. */
static void revoked_walk(struct cr_router *router)
{
    struct cr_revoked *revoked = router->revoked;

    if (revoked->walking) {
        revoked->again = true;
        return;
    }
    revoked->walking = true;
    router->sessions.cursor = router->sessions.by_id;
}

/* Operators have sessions, but no presence; and who knows whose a certificate is that has no device. */
static void revoked_close_of(struct cr_router *router, const struct cr_revocation *entry)
{
    const struct cr_presence *presence = cr_sessions_presence(&router->sessions, entry->device);
    bool found = false;

    for (struct cr_session *s = presence != NULL ? presence->first : NULL, *next; s != NULL; s = next) {
        next = s->sibling;
        found = revoked_close(router, s) || found;
    }
    if (!found && router->sessions.count > 0) {
        revoked_walk(router);
    }
}

static void revoked_walk_on(struct cr_router *router)
{
    struct cr_revoked *revoked = router->revoked;
    struct cr_sessions *sessions = &router->sessions;

    for (unsigned n = 0; n < SESSIONS_A_TICK && sessions->cursor != NULL; n++) {
        struct cr_session *session = sessions->cursor;

        sessions->cursor = session->hh_id.next;
        (void)revoked_close(router, session);
    }
    if (sessions->cursor == NULL) {
        revoked->walking = revoked->again;
        revoked->again = false;
        sessions->cursor = revoked->walking ? sessions->by_id : NULL;
    }
}

/* ---- taking in ---- */

/* False: no memory. */
static bool revoked_put(struct cr_router *router, struct cr_revoked_set *set, const struct cr_revocation *entry)
{
    cr_err err = cr_revoked_set_put(set, entry);

    if (err != CR_OK && err != CR_NOMEM) {
        loop_log(router, 'w', "an entry of what is revoked cannot be read, and does not count");
    }
    return err != CR_NOMEM;
}

static bool revoked_change(struct cr_router *router, const struct cr_revocation *change)
{
    struct cr_revoked *revoked = router->revoked;
    struct cr_revoked_set *target = revoked->coming != NULL ? revoked->coming : revoked->set;
    bool known, kept;

    if (change->gone) {
        (void)cr_revoked_set_remove(target, &change->serial, change->issuer);
        return true;
    }
    known = loop_revoked_find(router, &change->serial, change->issuer, NULL);
    kept = revoked_put(router, target, change);
    if (!known && kept) {
        revoked_close_of(router, change);
    }
    return kept;
}

static bool revoked_is_marked(const struct cr_revoked *revoked, const struct cr_issuer_mark *mark)
{
    for (unsigned i = 0; i < revoked->mark_count; i++) {
        if (strcmp(revoked->mark[i].id, mark->id) == 0) {
            return revoked->mark[i].state == mark->state;
        }
    }
    return false;
}

static void revoked_marks(struct cr_router *router, const struct cr_revocations *news)
{
    struct cr_revoked *revoked = router->revoked;
    unsigned count = news->mark_count < CR_ISSUER_MARKS_MAX ? news->mark_count : CR_ISSUER_MARKS_MAX;
    bool more = false;

    for (unsigned i = 0; i < count; i++) {
        more = more || !revoked_is_marked(revoked, &news->mark[i]);
    }
    memcpy(revoked->mark, news->mark, count * sizeof news->mark[0]);
    revoked->mark_count = count;
    if (more) {
        revoked_walk(router);
    }
}

static bool revoked_begin_anew(struct cr_revoked *revoked)
{
    cr_revoked_set_free(revoked->coming);
    revoked->coming = cr_revoked_set_new();
    return revoked->coming != NULL;
}

void loop_revoked_home(struct cr_router *router, const struct cr_job *job)
{
    struct cr_revoked *revoked = router->revoked;
    struct cr_revocations *news = job->revoked;
    bool kept;

    if (news == NULL) {
        return;
    }
    kept = !news->anew || revoked_begin_anew(revoked);
    for (unsigned i = 0; i < news->count && i < CR_REVOCATIONS_MAX; i++) {
        kept = revoked_change(router, &news->change[i]) && kept;
    }
    revoked_marks(router, news);
    if (!kept) {
        if (!revoked->lacking) {
            loop_log(router, 'e', "no memory for what is revoked: some of it is not refused until there is");
        }
        revoked->lacking = news->lost = true;
        return;
    }
    revoked->version = news->version;
    if (news->complete) {
        revoked->told = true;
        revoked->lacking = false;
        if (revoked->coming != NULL) {
            cr_revoked_set_free(revoked->set);
            revoked->set = revoked->coming;
            revoked->coming = NULL;
        }
    }
}

void loop_revoked_now(struct cr_router *router, const struct cr_job *job)
{
    const struct cr_revoke *revoke = job->revoke;

    for (unsigned i = 0; revoke->row != NULL && i < revoke->rows; i++) {
        (void)revoked_change(router, &revoke->row[i]); /* without memory: the news will be given back */
    }
}

bool loop_revoked_tick(struct cr_router *router, int64_t now_ms)
{
    struct cr_revoked *revoked = router->revoked;

    if (revoked->walking) {
        revoked_walk_on(router);
    }
    if (now_ms - revoked->prune_ms >= PRUNE_EVERY_MS) {
        revoked->prune_ms = now_ms;
        cr_revoked_set_prune(revoked->set, revoked->part++,
                             cr_wall_s(router->clock) - KEPT_S - loop_accept_expired_s(router));
    }
    return revoked->walking;
}
