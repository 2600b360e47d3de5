#include "plugin/store/crl_maker.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKEW_S = 300 };

struct crl_issuer *crl_turn(struct store_crl *crl)
{
    return &crl->issuer[crl->at];
}

/* ---- asking Redis ---- */

static bool is_over(const struct store_crl *crl)
{
    return crl->ending || crl->store->closing;
}

static void making_ends(struct store_crl *crl)
{
    free(crl->entry);
    crl->entry = NULL;
    crl->entry_count = crl->entry_room = 0;
    cr_blob_fini(&crl->next.der);
    crl->claimed = false;
}

static void round_ends(struct store_crl *crl)
{
    making_ends(crl);
    crl->busy = false;
}

/* Redis cannot be asked, or answers with an error: that is said elsewhere; the next second is another chance. */
static void on_answer(struct cr_redis_call *call, const redisReply *reply)
{
    struct store_crl *crl = (struct store_crl *)((char *)call - offsetof(struct store_crl, call));
    if (reply == NULL || is_over(crl)) {
        round_ends(crl);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        if (cr_redis_trouble(store_reply_bytes(reply)) == CR_TROUBLE_SCRIPTS) {
            store_load_scripts(crl->store);
        } else if (cr_redis_trouble(store_reply_bytes(reply)) == CR_TROUBLE_RECORD) {
            crl_tell_failure(crl, crl_turn(crl), "what Redis has of it is damaged.");
        }
        crl_give_up(crl);
        crl_round_next(crl);
    } else {
        crl->answered(crl, reply);
    }
}

void crl_ask(struct store_crl *crl, struct cr_args *args,
             void (*answered)(struct store_crl *crl, const redisReply *reply))
{
    crl->answered = answered;
    crl->call.done = on_answer;
    if (args->overflow || crl->store->phase != STORE_READY ||
        cr_redis_link_send(crl->store->link, args, &crl->call) != CR_OK) {
        round_ends(crl);
    }
}

/* The script begins with verb and issuer; the caller adds the rest. keys: 3, as long as args. */
void crl_script_args(struct store_crl *crl, struct cr_args *args, struct cr_redis_key keys[3], const char *verb)
{
    static const char *const kinds[] = { "crl", "making" };
    struct cr_redis_store *store = crl->store;
    char name[40];
    cr_records_plain_key(&keys[0], &store->records, "{revoked}:meta");
    for (unsigned i = 0; i < 2; i++) {
        (void)snprintf(name, sizeof name, "{revoked}:%s:%s", kinds[i], crl_turn(crl)->id);
        cr_records_plain_key(&keys[i + 1], &store->records, name);
    }
    cr_args_start(args, "EVALSHA");
    args->script = CR_SCRIPT_CRL;
    cr_args_bytes(args, store->sha[CR_SCRIPT_CRL], CR_SHA1_TEXT - 1);
    cr_args_text(args, "3");
    for (unsigned i = 0; i < 3; i++) {
        cr_args_bytes(args, keys[i].text, keys[i].len);
    }
    cr_args_text(args, verb);
    cr_args_text(args, crl_turn(crl)->id);
}

bool crl_there_read(struct crl_there *there, struct cr_answer *answer, const redisReply *reply)
{
    int64_t part[5];
    if (store_answer_read(answer, reply) != CR_OK || answer->part_count < 5) {
        return false;
    }
    for (unsigned i = 0; i < 5; i++) {
        if (cr_answer_number(answer, i, &part[i]) != CR_OK || part[i] < 0) {
            return false;
        }
    }
    *there = (struct crl_there){ (uint64_t)part[0], (uint64_t)part[1], (uint64_t)part[2], part[3], part[4] };
    return true;
}

void crl_damaged(struct store_crl *crl)
{
    crl_tell_failure(crl, crl_turn(crl), "what Redis has of it is damaged.");
    crl_give_up(crl);
    crl_round_next(crl);
}

/* ---- taking one over ---- */

void crl_take(struct store_crl *crl, struct crl_issuer *issuer, struct crl_list *list)
{
    cr_blob_fini(&issuer->list.der);
    issuer->list = *list;
    *list = (struct crl_list){ .number = 0 };
    issuer->untold = true;
    crl->dirty = true;
    crl_tell_failure(crl, issuer, "");
    crl_tell_loop(crl);
}

/* It waits until the next second, or a while. */
void crl_fails(struct store_crl *crl, struct crl_issuer *issuer, const char *why)
{
    crl_tell_failure(crl, issuer, why);
    issuer->not_before_ms = store_now_ms() + CRL_AGAIN_MS;
}

void crl_give_up(struct store_crl *crl)
{
    struct cr_args args;
    struct cr_redis_key keys[3];
    if (crl->claimed && crl->store->phase == STORE_READY) {
        crl_script_args(crl, &args, keys, "give-up");
        cr_args_text(&args, crl->store->owner.instance);
        cr_redis_link_tell(crl->store->link, &args);
    }
    making_ends(crl);
}

struct crl_task *crl_task_of_one(struct store_crl *crl, enum crl_kind kind)
{
    struct crl_task *task = crl_task_new(crl, kind);
    if (task != NULL) {
        task->count = 1;
        memcpy(task->id[0], crl_turn(crl)->id, sizeof task->id[0]);
        task->ours[0] = crl_turn(crl)->signer != CR_NO_SIGNER;
    }
    return task;
}

static void on_fetched(struct store_crl *crl, const redisReply *reply)
{
    struct crl_issuer *issuer = crl_turn(crl);
    struct cr_bytes der = { NULL, 0 };
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
        der = store_reply_bytes(reply->element[1]);
    }
    struct crl_task *task = crl_task_of_one(crl, CRL_CHECK);
    if (task == NULL || cr_blob_copy(&task->list[0].der, der.len > 0 ? der.data : (const uint8_t *)"", der.len) != CR_OK) {
        crl_task_free(task);
        crl_round_next(crl);
        return;
    }
    /* Number and bytes are of one moment; what was looked at before may be another. */
    struct cr_bytes number = store_reply_bytes(reply->element[0]);
    char text[24] = "";
    if (number.len < sizeof text) {
        memcpy(text, number.data != NULL ? number.data : (const uint8_t *)"", number.len);
    }
    task->list[0].number = strtoull(text, NULL, 10);
    task->list[0].version = issuer->there.version;
    if (!crl_task_send(task)) {
        crl_round_next(crl);
    }
}

static void fetch(struct store_crl *crl)
{
    struct cr_args args;
    struct cr_redis_key key;
    char name[40];
    (void)snprintf(name, sizeof name, "{revoked}:crl:%s", crl_turn(crl)->id);
    cr_records_plain_key(&key, &crl->store->records, name);
    cr_args_start(&args, "HMGET");
    cr_args_bytes(&args, key.text, key.len);
    cr_args_text(&args, "number");
    cr_args_text(&args, "der");
    crl_ask(crl, &args, on_fetched);
}

static void checked(struct store_crl *crl, struct crl_task *task)
{
    struct crl_issuer *issuer = crl_turn(crl);
    if (task->err == CR_OK) {
        issuer->not_before_ms = store_now_ms() + CRL_PAUSE_MS;
        crl_take(crl, issuer, &task->list[0]);
    } else {
        char why[CRL_WHY_CAP];
        (void)snprintf(why, sizeof why, "number %llu, which Redis has, is not taken. %.100s",
                       (unsigned long long)task->list[0].number, task->why);
        issuer->bad_number = task->list[0].number > 0 ? task->list[0].number : issuer->there.number;
        crl_fails(crl, issuer, why);
    }
    crl_round_next(crl);
}

/* ---- a round ---- */

static bool is_due(const struct store_crl *crl, const struct crl_issuer *issuer)
{
    const struct crl_there *there = &issuer->there;
    int64_t now_s = cr_wall_s(crl->store->options.clock);
    return there->number == 0 || there->number < issuer->list.number || there->number == issuer->bad_number ||
           there->version != there->changed || there->this_update > now_s + SKEW_S ||
           now_s >= there->this_update + crl->setup->config.crl_refresh_s || there->next_update <= now_s;
}

static void on_looked(struct store_crl *crl, const redisReply *reply)
{
    struct crl_issuer *issuer = crl_turn(crl);
    struct cr_answer answer;
    if (!crl_there_read(&issuer->there, &answer, reply)) {
        crl_damaged(crl);
        return;
    }
    const struct crl_there *there = &issuer->there;
    bool newer = there->number > issuer->list.number || (there->number == issuer->list.number && issuer->list.der.len == 0);
    if (there->number > 0 && newer && there->number != issuer->bad_number) {
        fetch(crl);
    } else if (issuer->signer != CR_NO_SIGNER && is_due(crl, issuer) && store_now_ms() >= issuer->not_before_ms) {
        crl_claim(crl);
    } else {
        crl_round_next(crl);
    }
}

static void look(struct store_crl *crl)
{
    struct cr_args args;
    struct cr_redis_key keys[3];
    crl_script_args(crl, &args, keys, "look");
    crl_ask(crl, &args, on_looked);
}

static void task_of_all(struct store_crl *crl, enum crl_kind kind)
{
    struct crl_task *task = crl_task_new(crl, kind);
    if (task == NULL) {
        round_ends(crl);
        return;
    }
    for (; task->count < crl->count; task->count++) {
        const struct crl_issuer *issuer = &crl->issuer[task->count];
        struct crl_list *list = &task->list[task->count];
        memcpy(task->id[task->count], issuer->id, sizeof issuer->id);
        task->ours[task->count] = issuer->signer != CR_NO_SIGNER;
        if (issuer->list.der.len > 0 && cr_blob_copy(&list->der, issuer->list.der.data, issuer->list.der.len) != CR_OK) {
            crl_task_free(task);
            round_ends(crl);
            return;
        }
    }
    if (!crl_task_send(task)) {
        round_ends(crl);
    }
}

static bool has_files(const struct store_crl *crl)
{
    return crl->setup->config.crl_file[0] != '\0' || crl->setup->config.crl_dir[0] != '\0';
}

/* What is only just being made is no failure yet. */
static bool is_whole(const struct store_crl *crl)
{
    bool whole = true;
    for (unsigned i = 0; i < crl->count; i++) {
        whole = whole && (crl->issuer[i].signer == CR_NO_SIGNER || crl->issuer[i].list.der.len > 0);
    }
    return whole;
}

static void round_done(struct store_crl *crl)
{
    if (has_files(crl) && ((crl->dirty && is_whole(crl)) || store_now_ms() >= crl->write_ms)) {
        crl->dirty = false;
        crl->write_ms = store_now_ms() + CRL_LOOK_MS;
        task_of_all(crl, CRL_WRITE);
        return;
    }
    round_ends(crl);
    if (crl->again) {
        crl->again = false;
        store_crl_look(crl->store);
    }
}

void crl_round_next(struct store_crl *crl)
{
    crl->at++;
    if (crl->at < crl->count && crl->store->phase == STORE_READY) {
        look(crl);
    } else {
        round_done(crl);
    }
}

static void loaded(struct store_crl *crl, struct crl_task *task)
{
    crl->loaded = true;
    for (unsigned i = 0; i < task->count && i < crl->count; i++) {
        struct crl_issuer *issuer = &crl->issuer[i];
        if (strcmp(issuer->id, task->id[i]) == 0 && task->list[i].number > issuer->list.number) {
            crl_take(crl, issuer, &task->list[i]);
        }
    }
    round_ends(crl);
    store_crl_look(crl->store);
}

static void wrote(struct store_crl *crl, struct crl_task *task)
{
    crl_tell_failure(crl, NULL, task->why);
    if (task->why[0] != '\0') {
        crl->write_ms = store_now_ms() + CRL_AGAIN_MS;
    }
    if (task->wrote) {
        store_log(crl->store, 'n', "CRL files were written; SIGHUP makes the broker read its crlfile again.");
    }
    round_ends(crl);
}

void crl_round_task(struct store_crl *crl, struct crl_task *task)
{
    if (is_over(crl)) {
        round_ends(crl);
    } else if (task->kind == CRL_LOAD) {
        loaded(crl, task);
    } else if (task->kind == CRL_WRITE) {
        wrote(crl, task);
    } else if (task->kind == CRL_CHECK) {
        checked(crl, task);
    } else {
        crl_built(crl, task);
    }
    crl_task_free(task);
}

/* ---- the store ---- */

static struct store_crl *state_of(struct cr_redis_store *store)
{
    if (store->crl == NULL) {
        store->crl = calloc(1, sizeof *store->crl);
        if (store->crl != NULL) {
            store->crl->store = store;
            store->crl->write_ms = store_now_ms() + CRL_LOOK_MS;
        }
    }
    return store->crl;
}

void store_crl_look(struct cr_redis_store *store)
{
    if (store->newest == NULL || store->newest->trust == NULL || store->closing) {
        return;
    }
    struct store_crl *crl = state_of(store);
    if (crl == NULL || crl->ending || crl->busy) {
        if (crl != NULL) {
            crl->again = crl->busy;
        }
        return;
    }
    if (crl->setup != store->newest) {
        crl_issuers_take(crl, store->newest);
    }
    if (crl->count == 0 || crl->setup == NULL) {
        return;
    }
    crl_tell_loop(crl);
    crl_tell_age(crl);
    crl->busy = true;
    crl->at = 0;
    if (!crl->loaded) {
        task_of_all(crl, CRL_LOAD);
    } else if (store->phase == STORE_READY) {
        look(crl);
    } else {
        round_done(crl);
    }
}

void store_crl_end(struct cr_redis_store *store)
{
    if (store->crl != NULL) {
        store->crl->ending = true;
    }
}

void store_crl_free(struct cr_redis_store *store)
{
    struct store_crl *crl = store->crl;
    if (crl == NULL) {
        return;
    }
    for (unsigned i = 0; i < crl->count; i++) {
        cr_blob_fini(&crl->issuer[i].list.der);
    }
    cr_blob_fini(&crl->next.der);
    free(crl->entry);
    cr_setup_drop(crl->setup);
    free(crl);
    store->crl = NULL;
}
