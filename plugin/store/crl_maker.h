/* crl_maker: how each issuer's CRL is made by one broker and written by each. Private to crl_*.c.
 *
 * DESIGN. In Redis each issuer has the CRL that is in force, as DER, with its number and the version of what is revoked
 * that it includes (scripts/crl.lua). Once a second, and when another broker says so, every broker looks at each issuer
 * that it trusts, one after the other (a round):
 *
 *     a number higher than ours    fetch it, check it against our own trust, take it
 *     due, and we have the key     claim; read what is revoked, page by page; build, sign, check; store it, if the number
 *                                  is still the one that it follows; tell the others
 *
 * and then, when something changed, writes the files. Due is what is missing, as old as crl_refresh, or of another
 * version than what is revoked; but an issuer has at most one new CRL in CRL_PAUSE_MS.
 *
 * One thing at a time: a round waits for each answer of Redis and for each task on libuv's pool, where everything happens
 * that takes time or touches a file. A task has all that it needs, and holds the setup that it is about. A broker that
 * dies on the way leaves a claim that ends by itself; nothing else. */
#ifndef CR_CRL_MAKER_H
#define CR_CRL_MAKER_H

#include "common/crl.h"
#include "plugin/store/redis_store.h"
#include "plugin/worker/issuer_info.h"

enum {
    CRL_ISSUERS_MAX = 64,
    CRL_CLAIM_MS = 60000,
    CRL_PAUSE_MS = 1500,
    CRL_AGAIN_MS = 5000,      /* after a failure */
    CRL_LOOK_MS = 60000,      /* the files are looked at so often, whatever happens */
    CRL_WHY_CAP = CR_AUDIT_DETAIL_CAP,
};

/* A CRL that was checked, or is to be. */
struct crl_list {
    struct cr_blob der; /* empty: none */
    uint64_t number, version;
    int64_t this_update, next_update;
    size_t count;
};

/* What Redis has. */
struct crl_there {
    uint64_t changed;   /* version of what is revoked */
    uint64_t number;    /* 0: none */
    uint64_t version;
    int64_t this_update, next_update;
};

struct crl_issuer {
    char id[CR_ISSUER_ID_TEXT];
    unsigned signer;         /* CR_NO_SIGNER: cannot sign here */
    struct crl_list list;    /* in force, as far as this broker has seen */
    struct crl_there there;
    uint64_t bad_number;     /* what Redis has under this number is no CRL of it; 0: none */
    bool untold;             /* the loop does not have it yet */
    uint64_t not_before_ms;  /* the next one is not made before */
    int64_t warned;          /* of the CRL with this thisUpdate it was said that it gets old; 1 more: that it ended */
    char said[CRL_WHY_CAP];  /* what was said last; "": all is well */
};

enum crl_kind {
    CRL_LOAD,  /* what the files have from before */
    CRL_CHECK, /* what another broker made */
    CRL_BUILD,
    CRL_WRITE,
};

/* For the pool: in and out. */
struct crl_task {
    uv_work_t work;
    struct store_crl *crl;
    enum crl_kind kind;
    struct cr_setup *setup;  /* held */
    int64_t now_s;
    unsigned count;          /* LOAD, WRITE: of all issuers; CHECK, BUILD: 1 */
    char id[CRL_ISSUERS_MAX][CR_ISSUER_ID_TEXT];
    bool ours[CRL_ISSUERS_MAX]; /* can sign here */
    struct crl_list list[CRL_ISSUERS_MAX]; /* owned */
    struct cr_crl_entry *entry; /* BUILD; owned */
    size_t entry_count;
    cr_err err;
    char why[CRL_WHY_CAP];   /* when err is not CR_OK: a sentence. WRITE: also what is left out */
    bool wrote;              /* WRITE: a file changed */
};

struct store_crl {
    struct cr_redis_store *store;
    struct cr_setup *setup;     /* held: whose issuers these are */
    struct crl_issuer issuer[CRL_ISSUERS_MAX];
    unsigned count;
    bool ending, loaded;
    bool busy;                  /* a round or a task is under way */
    bool again;                 /* look at once when it is over */
    bool dirty;                 /* the files are to be written */
    uint64_t write_ms;          /* and then, whatever happened */
    char said[CRL_WHY_CAP];     /* about the files */
    unsigned at;                /* whose turn it is in this round */
    struct cr_redis_call call;
    void (*answered)(struct store_crl *crl, const redisReply *reply);
    /* what is being made */
    bool claimed;
    struct crl_list next;       /* built, and not stored yet; its DER is owned */
    struct cr_crl_entry *entry;
    size_t entry_count, entry_room;
    unsigned odd;               /* entries that are none */
    char cursor[24];
    struct cr_redis_key of;
};

/* ---- crl_maker.c ---- */

struct crl_issuer *crl_turn(struct store_crl *crl);
/* Asks Redis; `answered` gets the answer, unless it is lost or an error, which ends this issuer's turn. */
void crl_ask(struct store_crl *crl, struct cr_args *args,
             void (*answered)(struct store_crl *crl, const redisReply *reply));
/* Begins a call of crl.lua for the issuer whose turn it is; the caller adds the rest. keys lasts as long as args. */
void crl_script_args(struct store_crl *crl, struct cr_args *args, struct cr_redis_key keys[3], const char *verb);
CR_MUST_USE bool crl_there_read(struct crl_there *there, struct cr_answer *answer, const redisReply *reply);
/* This one is in force; what is in *list moves. */
void crl_take(struct store_crl *crl, struct crl_issuer *issuer, struct crl_list *list);
/* The turn ends: with nothing more to be done, with an answer that is none, … */
void crl_round_next(struct store_crl *crl);
void crl_damaged(struct store_crl *crl);
/* … or it has to wait for a while (the caller goes on). */
void crl_fails(struct store_crl *crl, struct crl_issuer *issuer, const char *why);
/* Nothing is made after all. */
void crl_give_up(struct store_crl *crl);
/* NULL: out of memory. */
struct crl_task *crl_task_of_one(struct store_crl *crl, enum crl_kind kind);
/* A task is done. Takes it. */
void crl_round_task(struct store_crl *crl, struct crl_task *task);

/* ---- crl_issuers.c ---- */

void crl_issuers_take(struct store_crl *crl, struct cr_setup *setup);

/* ---- crl_make.c ---- */

/* Makes the next CRL of the issuer whose turn it is, unless another broker does. Ends its turn. */
void crl_claim(struct store_crl *crl);
/* What was built is back. */
void crl_built(struct store_crl *crl, struct crl_task *task);

/* ---- crl_tell.c: what others hear ---- */

/* The loop gets what it does not have. */
void crl_tell_loop(struct store_crl *crl);
/* A failure: once, until it is another one, or over (why ""). issuer NULL: about the files. */
void crl_tell_failure(struct store_crl *crl, struct crl_issuer *issuer, const char *why);
/* The audit line of a CRL that was made here. */
void crl_tell_made(struct store_crl *crl, const struct crl_issuer *issuer);
/* Says when a CRL comes close to its end, and when that has passed. */
void crl_tell_age(struct store_crl *crl);

/* ---- crl_task.c: what happens on the pool ---- */

/* NULL: out of memory. The setup is held. */
struct crl_task *crl_task_new(struct store_crl *crl, enum crl_kind kind);
/* Takes it; it comes back through crl_round_task. False: it is gone. */
bool crl_task_send(struct crl_task *task);
void crl_task_free(struct crl_task *task);
/* Checks list->der against the task's trust, and takes its facts from it. err and why of the task say what is wrong. */
CR_MUST_USE cr_err crl_task_check(struct crl_task *task, const char *id, struct crl_list *list, uint64_t number_min);

/* ---- crl_files.c: on the pool ---- */

void crl_files_load(struct crl_task *task);
void crl_files_write(struct crl_task *task);

#endif
