/* What takes time: building, signing and checking CRLs, on libuv's pool. */
#include "plugin/store/crl_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct crl_task *crl_task_new(struct store_crl *crl, enum crl_kind kind)
{
    struct crl_task *task = calloc(1, sizeof *task);
    if (task != NULL) {
        task->crl = crl;
        task->kind = kind;
        task->setup = cr_setup_hold(crl->setup);
        task->now_s = cr_wall_s(crl->store->options.clock);
        task->work.data = task;
        task->err = CR_BUG;
    }
    return task;
}

void crl_task_free(struct crl_task *task)
{
    if (task == NULL) {
        return;
    }
    for (unsigned i = 0; i < task->count; i++) {
        cr_blob_fini(&task->list[i].der);
    }
    free(task->entry);
    cr_setup_drop(task->setup);
    free(task);
}

cr_err crl_task_check(struct crl_task *task, const char *id, struct crl_list *list, uint64_t number_min)
{
    const char *why = "Its issuer is not trusted here.";
    cr_err err = CR_DENIED;
    struct cr_issuer_info info;
    struct cr_crl found;
    for (unsigned n = 0; err == CR_DENIED && cr_trust_info(task->setup->trust, n, &info) == CR_OK; n++) {
        const struct cr_crl_expect expect = {
            .issuer = cr_trust_cert(task->setup->trust, n),
            .backend = cr_key_backend(task->setup->config.key_backend),
            .now_s = task->now_s,
            .ours = true,
            .number_min = number_min,
        };
        if (strcmp(info.id, id) == 0) {
            err = cr_crl_check(&found, cr_blob_view(&list->der), &expect, &why);
        }
    }
    task->err = err;
    if (err == CR_OK) {
        list->number = found.number;
        list->this_update = found.this_update;
        list->next_update = found.next_update;
        list->count = found.count;
    } else {
        (void)snprintf(task->why, sizeof task->why, "%s",
                       err == CR_DENIED || err == CR_INVALID ? why : "It could not be checked.");
    }
    return err;
}

static void check(struct crl_task *task)
{
    uint64_t said = task->list[0].number;
    if (crl_task_check(task, task->id[0], &task->list[0], said) == CR_OK && task->list[0].number != said) {
        task->err = CR_DENIED;
        (void)snprintf(task->why, sizeof task->why, "It has another number than Redis says.");
    }
}

static void build(struct crl_task *task)
{
    struct crl_list *list = &task->list[0];
    const struct cr_trust *trust = task->setup->trust;
    struct cr_issuer_signing signing = { trust, cr_trust_signer_of(trust, task->id[0]) };
    const struct cr_crl_request request = { list->number, list->this_update, list->next_update, task->entry,
                                            task->entry_count };
    cr_err err = CR_NOT_FOUND;
    if (signing.signer != CR_NO_SIGNER) {
        err = cr_crl_build(&list->der, &request, cr_issuer_cert(trust, signing.signer),
                           cr_issuer_sig_alg(trust, signing.signer), cr_issuer_sign_bytes, &signing);
    }
    task->err = err;
    if (err != CR_OK) {
        (void)snprintf(task->why, sizeof task->why, "It could not be signed: %s.%s", cr_err_text(err),
                       err == CR_INVALID ? " Does its certificate let it sign CRLs (keyUsage)?" : "");
        return;
    }
    size_t count = task->entry_count;
    if (crl_task_check(task, task->id[0], list, list->number) == CR_OK && list->count != count) {
        task->err = CR_BUG;
        (void)snprintf(task->why, sizeof task->why, "It has not as many entries as were revoked.");
    }
}

static void on_pool(uv_work_t *work)
{
    struct crl_task *task = work->data;
    switch (task->kind) {
    case CRL_LOAD: crl_files_load(task); break;
    case CRL_CHECK: check(task); break;
    case CRL_BUILD: build(task); break;
    case CRL_WRITE: crl_files_write(task); break;
    }
    cr_key_thread_end(); /* libuv ends its pool after all else */
}

static void on_done(uv_work_t *work, int status)
{
    struct crl_task *task = work->data;
    if (status != 0) {
        task->err = CR_UNAVAILABLE;
        (void)snprintf(task->why, sizeof task->why, "There was no thread for it.");
    }
    crl_round_task(task->crl, task);
}

bool crl_task_send(struct crl_task *task)
{
    if (uv_queue_work(&task->crl->store->loop, &task->work, on_pool, on_done) != 0) {
        crl_task_free(task);
        return false;
    }
    return true;
}
