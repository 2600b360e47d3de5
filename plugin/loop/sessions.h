/* sessions: who is connected here, and as which device. Broker loop only.
 *
 * A session is one connection that a client was noticed on. It holds its TLS certificate, so that the certificate's mark
 * stays unique: a client with another mark, or at a recycled handle, is another session. What is known of a device while
 * it has sessions here, and of its request rate for a while after, hangs on a cr_presence. */
#ifndef CR_SESSIONS_H
#define CR_SESSIONS_H

#include "common/cert.h"
#include "common/message.h"
#include "common/refusal.h"
#include "plugin/config.h"
#include "plugin/host/host.h"
#include "plugin/loop/deadlines.h"
#include "plugin/loop/limiter.h"

#include <uthash.h>

enum { CR_CLIENT_ID_CAP = 257, CR_RECENT = 256 /* a power of two */ };

struct cr_session;

/* One device as this broker sees it. */
struct cr_presence {
    char device[CR_NAME_CAP];
    struct cr_session *first;        /* its live sessions, linked by ->sibling */
    struct cr_session *enrolling;    /* likewise those that may only enrol it: none of the above */
    bool proven;                     /* a certificate named it, of ours or a factory's; else only somebody with a token */
    struct cr_limiter requests;
    struct cr_limiter alarms;        /* so that a misbehaving device cannot flood the audit log */
    UT_hash_handle hh;
};

/* Of a session that has no certificate of ours and may do nothing but enrol (enrol.c). */
struct cr_enrolment {
    bool by_token;                   /* else by a factory's certificate */
    uint8_t token_hash[CR_SHA256_LEN]; /* not judged yet: that is BEGIN's */
    struct cr_limiter requests;      /* by token: its own, for anybody can name a device */
    struct cr_deadline end;          /* by token: then it is closed */
};

struct cr_session {
    uint64_t id;                     /* never used twice */
    const void *handle, *mark;
    void *held;                      /* the host's reference to the certificate */
    struct cr_bytes der;             /* its encoding, lent by the host while it is held */
    char client_id[CR_CLIENT_ID_CAP];
    char address[64];
    char username[CR_CLIENT_ID_CAP]; /* "": none, or longer than we compare */
    bool v5;
    bool persistent;                 /* the broker keeps its session while it is away */
    bool has_certificate;            /* a certificate was there and could be read */
    enum cr_refusal refusal;         /* why its certificate is no device's: not NONE → no presence */
    struct cr_cert_facts facts;      /* once a trusted issuer verified it, else empty */
    int64_t not_after;               /* of any certificate that could be read; else, or without one, INT64_MAX */
    bool restricted;                 /* may do nothing but renew (or nothing at all: refusal): cr_sessions_restrict */
    struct cr_enrolment *enrolment;  /* owned; NULL: it does not enrol */
    struct cr_presence *presence;    /* NULL: not a device */
    struct cr_session *sibling;
    /* telling the store about the certificate */
    bool presented;                  /* the store has noted it */
    bool presenting;                 /* the job is under way */
    struct cr_deadline present;      /* when to present it (again) */
    int64_t look_again_s;            /* wall clock time when to present it once more, about; 0: never */
    /* what it is about to do */
    unsigned jobs;                   /* requests of it under way */
    unsigned asking;                 /* CSRs among them: no trigger is needed meanwhile */
    int64_t quiet_until_ms;          /* what waits for the device is held back until then; 0: no */
    /* a get that came while its certificate is being presented: answered from the same look into the store */
    bool get_waits;
    char get_slot[CR_NAME_CAP], get_request_id[CR_REQUEST_ID_CAP];
    uint8_t get_correlation[CR_CORRELATION_MAX];
    uint16_t get_correlation_len;
    /* what it was sent on this connection: an attempt is made once */
    uint64_t sent[CR_SLOTS_MAX];     /* marks of the last triggers and certificates; 0: none */
    unsigned sent_at;
    uint64_t trust_version;          /* of the trust bundle that its device has confirmed, as far as is known */
    uint64_t trust_sent;             /* of the one that it was sent; 0: none */
    uint64_t queued;                 /* mark of the renewal whose trigger the broker had queued for it; 0: none */
    int64_t triggered_ms;            /* when a trigger was sent last; 0: never */
    /* its end */
    struct cr_deadline begin;        /* it waits for its turn to begin a renewal (appear.c) */
    struct cr_deadline cutover;      /* it has a new certificate and should use it (cutover.c) */
    struct cr_deadline expiry;       /* its certificate runs out (expiry.c) */
    struct cr_deadline closing;      /* its connection is to be closed */
    struct cr_serial successor;      /* the certificate that it was sent; len 0: none */
    int64_t succeeded_ms;            /* when it was sent first */
    bool successor_again;            /* it is to be sent once more, whatever was sent before */
    bool asked_again;                /* that was done */
    bool leaving;                    /* the store is asked whether anything is still to be done on this connection */
    bool last_chance;                /* its certificate is about to expire; it was told */
    bool closed;                     /* the host was told to close it */
    UT_hash_handle hh_handle, hh_id;
};

struct cr_sessions {
    struct cr_host *host;
    struct cr_session *by_handle, *by_id;
    struct cr_presence *presences;
    struct cr_deadline *waiting, *begins, *asks, *leaves, *expiries, *closings;
    struct cr_session *walk;         /* which one a walk through all looks at next; NULL: none is under way */
    struct cr_session *cursor;       /* where a walk through them goes on, in the order they came; NULL: none does */
    const void *recent[CR_RECENT];   /* handles that have a session, found last, by a few bits of theirs */
    uint64_t last_id;
    unsigned count;
    unsigned devices;                /* that have a session; `presences` are also of those that left not long ago */
    struct cr_limiter_rate request_rate, alarm_rate;
};

void cr_sessions_init(struct cr_sessions *sessions, struct cr_host *host);
void cr_sessions_fini(struct cr_sessions *sessions);

/* The session of this client, NULL when it was not noticed yet. Does not look at the certificate: cheap enough for
 * every message. */
struct cr_session *cr_sessions_find(struct cr_sessions *sessions, const struct cr_client *client);
/* Whether this handle was found not long ago and still has its session. False says nothing. */
static inline unsigned cr_sessions_recent_at(const void *handle)
{
    return (unsigned)(((uintptr_t)handle >> 4 ^ (uintptr_t)handle >> 12) & (CR_RECENT - 1));
}
static inline bool cr_sessions_recent(const struct cr_sessions *sessions, const void *handle)
{
    return sessions->recent[cr_sessions_recent_at(handle)] == handle;
}
struct cr_session *cr_sessions_find_id(struct cr_sessions *sessions, uint64_t id);
struct cr_presence *cr_sessions_presence(struct cr_sessions *sessions, const char *device);

/* Makes a session; the caller identifies it afterwards. CR_NOMEM, CR_INVALID (no or an over-long client id). */
CR_MUST_USE cr_err cr_sessions_add(struct cr_sessions *sessions, struct cr_session **session,
                                   const struct cr_client *client);
/* Binds it to its device; one that enrols apart from those that use it. CR_NOMEM. */
CR_MUST_USE cr_err cr_sessions_bind(struct cr_sessions *sessions, struct cr_session *session, const char *device,
                                    int64_t now_ms);
/* It is no device's (any more). Harmless when it was none's. */
void cr_sessions_unbind(struct cr_sessions *sessions, struct cr_session *session);
void cr_sessions_remove(struct cr_sessions *sessions, struct cr_session *session);

/* Makes it one that enrols, before it is bound; or, unbound, one that does not, and forgets the token. */
CR_MUST_USE cr_err cr_sessions_enrol(struct cr_session *session);
void cr_sessions_enrol_no_more(struct cr_session *session);

/* It may do nothing but renew any more, nor take the short way for what does not concern us. */
void cr_sessions_restrict(struct cr_sessions *sessions, struct cr_session *session);

/* A walk through all, oldest first, that others may go on with later: `walk` is the next one, and stays right when that one
 * goes. There is one walk. */
void cr_sessions_walk_begin(struct cr_sessions *sessions);
void cr_sessions_walk_next(struct cr_sessions *sessions);

void cr_sessions_wait(struct cr_sessions *sessions, struct cr_session *session, int64_t at_ms);

/* Forgets devices without sessions whose buckets are full again; looks at all, so call it seldom. */
void cr_sessions_prune(struct cr_sessions *sessions, int64_t now_ms);

#endif
