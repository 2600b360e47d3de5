/* What is revoked: the whole of it, as the store tells it, in pages. Told anew, it is gathered beside what is known, and
 * both count until that is complete: nothing that is revoked passes in between.
 *
 * A change closes the connections that it concerns. Whose device is known is found by that; for the rest all sessions are
 * looked through, some of them in each tick. Without memory for an entry what is known stays, and the list is read from
 * the beginning, by and by, until all of it found room. */
#include "plugin/loop/loop.h"
#include "plugin/loop/revoked_set.h"
#include "plugin/worker/issuer.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGES_A_TICK = 16,        /* some 50 microseconds each */
    SESSIONS_A_TICK = 2048,
    PRUNE_EVERY_MS = 1000,    /* one of the parts: all of them in about four minutes */
    KEPT_S = 86400,           /* behind notAfter */
    READ_AGAIN_MS = 10000,
};

/* News that wait for their turn. */
struct page {
    struct page *next;
    struct cr_revocations *news;
};

struct cr_revoked {
    struct cr_revoked_set *set, *coming; /* in force; being told anew, NULL: nothing is */
    bool told;                           /* all of it, once at least */
    uint64_t version;
    unsigned mark_count;
    struct cr_issuer_mark mark[CR_ISSUER_MARKS_MAX];
    struct page *first, *last;
    unsigned pages;                      /* taken in since the last tick */
    bool walking, again;                 /* through the sessions; from the beginning once more, then */
    bool lacking, failed, asking;        /* some found no room; so once more since; a page of the list is under way */
    char cursor[sizeof ((struct cr_revoke *)0)->cursor];
    int64_t ask_ms, prune_ms;
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

static struct cr_revocations *revoked_next_page(struct cr_revoked *revoked)
{
    struct page *page = revoked->first;
    struct cr_revocations *news = page->news;

    revoked->first = page->next;
    revoked->last = page->next != NULL ? revoked->last : NULL;
    free(page);
    return news;
}

void loop_revoked_fini(struct cr_router *router)
{
    struct cr_revoked *revoked = router->revoked;

    if (revoked == NULL) {
        return;
    }
    while (revoked->first != NULL) {
        free(revoked_next_page(revoked));
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

static void revoked_put(struct cr_router *router, struct cr_revoked_set *set, const struct cr_revocation *entry)
{
    struct cr_revoked *revoked = router->revoked;
    cr_err err = cr_revoked_set_put(set, entry);

    if (err == CR_NOMEM) {
        if (!revoked->lacking) {
            loop_log(router, 'e', "no memory for what is revoked: some of it is not refused until it finds room");
        }
        revoked->lacking = revoked->failed = true;
    } else if (err != CR_OK) {
        loop_log(router, 'w', "an entry of what is revoked cannot be read, and does not count");
    }
}

static void revoked_change(struct cr_router *router, const struct cr_revocation *change)
{
    struct cr_revoked *revoked = router->revoked;
    struct cr_revoked_set *target = revoked->coming != NULL ? revoked->coming : revoked->set;
    bool known;

    if (change->gone) {
        (void)cr_revoked_set_remove(target, &change->serial, change->issuer);
        return;
    }
    known = loop_revoked_find(router, &change->serial, change->issuer, NULL);
    revoked_put(router, target, change);
    if (!known) {
        revoked_close_of(router, change);
    }
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

static void revoked_take(struct cr_router *router, const struct cr_revocations *news)
{
    struct cr_revoked *revoked = router->revoked;

    if (news->anew) {
        cr_revoked_set_free(revoked->coming);
        revoked->coming = cr_revoked_set_new();
        if (revoked->coming == NULL) {
            revoked->lacking = revoked->failed = true; /* it goes into what is there */
        }
    }
    for (unsigned i = 0; i < news->count && i < CR_REVOCATIONS_MAX; i++) {
        revoked_change(router, &news->change[i]);
    }
    revoked_marks(router, news);
    revoked->version = news->version;
    if (news->complete) {
        revoked->told = true;
    }
    if (news->complete && revoked->coming != NULL) {
        if (revoked->failed) { /* better some that were taken back than none that count */
            cr_revoked_set_free(revoked->coming);
        } else {
            cr_revoked_set_free(revoked->set);
            revoked->set = revoked->coming;
            revoked->lacking = false;
        }
        revoked->coming = NULL;
    }
    revoked->pages++;
}

void loop_revoked_home(struct cr_router *router, struct cr_job *job)
{
    struct cr_revoked *revoked = router->revoked;
    struct page *page;

    if (job->revoked == NULL) {
        return;
    }
    page = revoked->first != NULL || revoked->pages >= PAGES_A_TICK ? calloc(1, sizeof *page) : NULL;
    if (page == NULL) {
        while (revoked->first != NULL) { /* no memory to wait with: in order, and at once */
            struct cr_revocations *news = revoked_next_page(revoked);

            revoked_take(router, news);
            free(news);
        }
        revoked_take(router, job->revoked);
        return;
    }
    page->news = job->revoked;
    job->revoked = NULL;
    if (revoked->last != NULL) {
        revoked->last->next = page;
    } else {
        revoked->first = page;
    }
    revoked->last = page;
}

/* ---- the list from the beginning: some found no room ---- */

static void revoked_read_on(struct cr_router *router, int64_t now_ms)
{
    struct cr_revoked *revoked = router->revoked;
    struct cr_job *job;

    revoked->ask_ms = now_ms + READ_AGAIN_MS;
    job = loop_admit(router, CR_OP_REVOKE, NULL, "", "");
    if (job == NULL) {
        return;
    }
    job->revoke = calloc(1, sizeof *job->revoke);
    if (job->revoke == NULL) {
        loop_abandon(router, job);
        return;
    }
    revoked->asking = true;
    revoked->failed = revoked->failed && revoked->cursor[0] != '\0';
    job->revoke->verb = CR_REVOKE_LIST;
    job->revoke->limit = CR_REVOCATIONS_MAX;
    memcpy(job->revoke->cursor, revoked->cursor, sizeof revoked->cursor);
    loop_send(router, job, CR_STAGE_STORE);
}

void loop_revoked_listed(struct cr_router *router, const struct cr_job *job)
{
    struct cr_revoked *revoked = router->revoked;

    revoked->asking = false;
    if (job->outcome != CR_OUT_DONE || job->revoke == NULL) {
        revoked->cursor[0] = '\0';
        return;
    }
    for (unsigned i = 0; job->revoke->row != NULL && i < job->revoke->count; i++) {
        bool known = loop_revoked_find(router, &job->revoke->row[i].serial, job->revoke->row[i].issuer, NULL);

        revoked_put(router, revoked->set, &job->revoke->row[i]);
        if (!known) {
            revoked_close_of(router, &job->revoke->row[i]);
        }
    }
    memcpy(revoked->cursor, job->revoke->cursor, sizeof revoked->cursor);
    if (revoked->cursor[0] != '\0') {
        revoked->ask_ms = loop_now_ms(router);
    } else if (!revoked->failed) {
        revoked->lacking = false;
        loop_log(router, 'n', "all that is revoked is refused again");
    }
}

bool loop_revoked_tick(struct cr_router *router, int64_t now_ms)
{
    struct cr_revoked *revoked = router->revoked;

    for (revoked->pages = 0; revoked->first != NULL && revoked->pages < PAGES_A_TICK;) {
        struct cr_revocations *news = revoked_next_page(revoked);

        revoked_take(router, news);
        free(news);
    }
    if (revoked->walking) {
        revoked_walk_on(router);
    }
    if (revoked->lacking && !revoked->asking && revoked->coming == NULL && now_ms >= revoked->ask_ms) {
        revoked_read_on(router, now_ms);
    }
    if (now_ms - revoked->prune_ms >= PRUNE_EVERY_MS) {
        revoked->prune_ms = now_ms;
        cr_revoked_set_prune(revoked->set, revoked->part++,
                             cr_wall_s(router->clock) - KEPT_S - loop_accept_expired_s(router));
    }
    return revoked->walking || revoked->first != NULL;
}
