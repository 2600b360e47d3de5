/* FIGURES: writes the file of figures, on libuv's pool, for a disk may hang. Whoever reads it sees the former file or
 * the new one, never a part: it is written beside it and renamed. It need not survive a power cut. */
#include "plugin/store/redis_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct figures_write {
    uv_work_t work;
    struct store_op *op;
    struct cr_blob text;
    char path[CR_PATH_CAP], beside[CR_PATH_CAP + 8];
    int error; /* errno; 0: it is there */
};

static int write_whole(int fd, struct cr_bytes text)
{
    while (text.len > 0) {
        ssize_t put = write(fd, text.data, text.len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? errno : EIO;
        }
        text.data += put;
        text.len -= (size_t)put;
    }
    return 0;
}

static void on_pool(uv_work_t *work)
{
    struct figures_write *figures = work->data;
    (void)unlink(figures->beside); /* what a killed broker left; and nobody's link is followed */
    int fd = open(figures->beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        figures->error = errno;
        return;
    }
    figures->error = write_whole(fd, cr_blob_view(&figures->text));
    if (figures->error == 0 && fchmod(fd, 0644) != 0) {
        figures->error = errno;
    }
    if (close(fd) != 0 && figures->error == 0) {
        figures->error = errno;
    }
    if (figures->error == 0 && rename(figures->beside, figures->path) != 0) {
        figures->error = errno;
    }
    if (figures->error != 0) {
        (void)unlink(figures->beside);
    }
}

static void on_written(uv_work_t *work, int status)
{
    struct figures_write *figures = work->data;
    struct store_op *op = figures->op;
    int error = status != 0 ? ECANCELED : figures->error;
    cr_blob_fini(&figures->text);
    free(figures);
    op->journaling = false;
    if (op->job == NULL) { /* its time was over */
        store_op_settle(op);
        return;
    }
    if (error != 0) {
        (void)snprintf(op->job->audit_detail, sizeof op->job->audit_detail, "%s", strerror(error));
        cr_job_refuse(op->job, CR_REFUSAL_STORE_UNAVAILABLE, 1);
    } else {
        op->job->outcome = CR_OUT_DONE;
        op->job->stage = CR_STAGE_DONE;
    }
    store_op_finish(op);
}

void store_figures_start(struct store_op *op)
{
    struct figures_write *figures = calloc(1, sizeof *figures);
    const char *path = op->job->setup->config.metrics_file;
    int len = figures != NULL ? snprintf(figures->beside, sizeof figures->beside, "%s.new", path) : -1;
    if (len < 0 || (size_t)len >= sizeof figures->beside ||
        cr_text_copy(figures->path, sizeof figures->path, path) != CR_OK) {
        free(figures);
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    figures->op = op;
    figures->work.data = figures;
    cr_blob_move(&figures->text, &op->job->payload);
    if (uv_queue_work(&op->store->loop, &figures->work, on_pool, on_written) != 0) {
        cr_blob_fini(&figures->text);
        free(figures);
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    op->journaling = true;
}
