/* The files of CRLs, on libuv's pool: read once at start, and replaced when there is something new.
 *
 * What a broker reads at SIGHUP must be good at every moment: Mosquitto 2.0 lets everybody in when it cannot read it, and
 * 2.1 ends. So each file is written beside its place, synced, read back and compared, and only then renamed; what goes in
 * was checked a moment before. Whatever is wrong leaves the former file where it is. */
#include "plugin/store/crl_maker.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = CR_PATH_CAP + CR_ISSUER_ID_TEXT + 8, BESIDE_ROOM = PATH_ROOM + CR_NAME_CAP + 8 };

static void trouble(struct crl_task *task, cr_err err, const char *what, const char *path)
{
    task->err = err;
    size_t len = strlen(what);
    int words = (int)(len - (len > 0 && what[len - 1] == '.'));
    (void)snprintf(task->why, sizeof task->why, "%.*s: %.80s", words < 70 ? words : 70, what, path);
}

static bool dir_path(char path[PATH_ROOM], const struct crl_task *task, unsigned i)
{
    const char *dir = task->setup->config.crl_dir;
    return dir[0] != '\0' && snprintf(path, PATH_ROOM, "%s/%s.crl", dir, task->id[i]) < PATH_ROOM;
}

/* ---- reading ---- */

/* A whole regular file. 0, or errno. */
static int read_whole(struct cr_blob *whole, const char *path)
{
    struct stat st;
    size_t got = 0;
    *whole = (struct cr_blob){ NULL, 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int error = fd < 0 || fstat(fd, &st) != 0 ? errno : 0;
    if (error == 0 && (!S_ISREG(st.st_mode) || st.st_size > 2 * (off_t)CR_CRL_MAX)) {
        error = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
    }
    uint8_t *data = error == 0 ? malloc((size_t)st.st_size + 1) : NULL;
    if (error == 0 && data == NULL) {
        error = ENOMEM;
    }
    while (error == 0 && got < (size_t)st.st_size) {
        ssize_t n = read(fd, data + got, (size_t)st.st_size - got);
        if (n < 0 && errno != EINTR) {
            error = errno;
        } else if (n == 0) {
            break; /* it became shorter */
        } else {
            got += n > 0 ? (size_t)n : 0;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (error != 0) {
        free(data);
        return error;
    }
    data[got] = 0;
    *whole = (struct cr_blob){ data, got };
    return 0;
}

/* Good now: it is in force until there is a newer one. Of one that has ended the number counts, so that none goes back. */
static bool take_former(struct crl_task *task, unsigned i, struct cr_blob *der)
{
    struct crl_list list = { .der = *der };
    struct cr_crl crl;
    int64_t now_s = task->now_s;
    if (crl_task_check(task, task->id[i], &list, 0) == CR_OK) {
        task->list[i] = list;
        *der = (struct cr_blob){ NULL, 0 };
        return true;
    }
    if (cr_crl_parse(&crl, cr_blob_view(der)) == CR_OK) {
        task->now_s = crl.this_update;
        if (crl_task_check(task, task->id[i], &list, 0) == CR_OK && list.number > task->list[i].number) {
            task->list[i].number = list.number;
        }
        task->now_s = now_s;
    }
    return false;
}

static void load_from_pem(struct crl_task *task, const struct cr_blob *whole)
{
    struct cr_bytes text = cr_blob_view(whole);
    struct cr_blob der;
    while (cr_crl_from_pem(&der, &text) == CR_OK) {
        for (unsigned i = 0; i < task->count && der.data != NULL; i++) {
            if (task->list[i].der.len == 0) {
                (void)take_former(task, i, &der);
            }
        }
        cr_blob_fini(&der);
    }
}

void crl_files_load(struct crl_task *task)
{
    char path[PATH_ROOM];
    struct cr_blob whole;
    for (unsigned i = 0; i < task->count; i++) {
        if (dir_path(path, task, i) && read_whole(&whole, path) == 0) {
            (void)take_former(task, i, &whole);
            cr_blob_fini(&whole);
        }
    }
    if (task->setup->config.crl_file[0] != '\0' && read_whole(&whole, task->setup->config.crl_file) == 0) {
        load_from_pem(task, &whole);
        cr_blob_fini(&whole);
    }
    task->err = CR_OK; /* what could not be read is made anew */
    task->why[0] = '\0';
}

/* ---- writing ---- */

static int write_whole(int fd, struct cr_bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.data, bytes.len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? errno : EIO;
        }
        bytes.data += put;
        bytes.len -= (size_t)put;
    }
    return 0;
}

/* 0 when the file has exactly these bytes. */
static int compare_file(const char *path, struct cr_bytes bytes)
{
    struct cr_blob whole;
    int error = read_whole(&whole, path);
    if (error == 0) {
        error = cr_bytes_equal(cr_blob_view(&whole), bytes) ? 0 : EIO;
        cr_blob_fini(&whole);
    }
    return error;
}

static int sync_dir_of(const char *path)
{
    char copy[PATH_ROOM];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return error;
}

static int write_beside(const char *beside, struct cr_bytes bytes)
{
    (void)unlink(beside); /* what a killed broker left; and nobody's link is followed */
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        return errno;
    }
    int error = write_whole(fd, bytes);
    if (error == 0 && (fchmod(fd, 0644) != 0 || fsync(fd) != 0)) {
        error = errno;
    }
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    return error != 0 ? error : compare_file(beside, bytes);
}

/* False: the former file is still there. */
static bool replace(struct crl_task *task, const char *path, struct cr_bytes bytes)
{
    char beside[BESIDE_ROOM];
    if (compare_file(path, bytes) == 0) {
        return true;
    }
    (void)snprintf(beside, sizeof beside, "%s.%s.new", path, task->setup->config.broker_name);
    int error = write_beside(beside, bytes);
    if (error == 0 && rename(beside, path) != 0) {
        error = errno;
    }
    if (error != 0) {
        (void)unlink(beside);
        trouble(task, CR_IO, strerror(error), path);
        return false;
    }
    task->wrote = true;
    error = sync_dir_of(path);
    if (error != 0) {
        trouble(task, CR_IO, strerror(error), path);
    }
    return error == 0;
}

/* ---- the file of all ---- */

struct bundle {
    char *text;
    size_t len, cap;
};

static cr_err bundle_add(struct bundle *bundle, struct cr_bytes der)
{
    size_t need = bundle->len + cr_crl_pem_cap(der.len) + 1;
    if (need > bundle->cap) {
        char *larger = realloc(bundle->text, need);
        if (larger == NULL) {
            return CR_NOMEM;
        }
        if (bundle->len == 0) {
            larger[0] = '\0';
        }
        bundle->text = larger;
        bundle->cap = need;
    }
    cr_err err = cr_crl_to_pem(bundle->text + bundle->len, bundle->cap - bundle->len, der);
    bundle->len += strlen(bundle->text + bundle->len);
    return err;
}

static bool may_have_signed(const struct cr_cert *issuer, const struct cr_crl *crl)
{
    return cr_bytes_equal(crl->issuer, issuer->subject) &&
           (crl->authority_key_id.len == 0 || issuer->subject_key_id.len == 0 ||
            cr_bytes_equal(crl->authority_key_id, issuer->subject_key_id));
}

/* Another's: as far as it can be told. NULL, or what is wrong with it. One that has ended is judged as of when it had not. */
static const char *judge_other(const struct crl_task *task, struct cr_bytes der, bool *ended)
{
    struct cr_crl_expect expect = { .backend = cr_key_backend(task->setup->config.key_backend), .now_s = task->now_s };
    const struct cr_cert *issuer;
    struct cr_crl crl;
    const char *why;
    if (cr_crl_parse(&crl, der) == CR_OK && crl.next_update != 0 && crl.next_update <= task->now_s) {
        expect.now_s = crl.next_update - 1;
        *ended = true;
    }
    cr_err err = cr_crl_check(&crl, der, &expect, &why);
    for (unsigned n = 0; err == CR_OK && (issuer = cr_trust_cert(task->setup->trust, n)) != NULL; n++) {
        if (may_have_signed(issuer, &crl)) {
            expect.issuer = issuer;
            err = cr_crl_check(&crl, der, &expect, &why);
        }
    }
    return err == CR_OK ? NULL : why;
}

/* What has ended goes in all the same, and operators are told: without it the file would stay as it is, until our own CRLs in
 * there had ended, too, and the broker let nobody in. */
static bool add_included(struct crl_task *task, struct bundle *bundle, const char *path)
{
    struct cr_blob whole, der;
    bool ended = false;
    int error = read_whole(&whole, path);
    if (error != 0) {
        trouble(task, CR_IO, strerror(error), path);
        return false;
    }
    struct cr_bytes text = cr_blob_view(&whole);
    const char *why = "It has no CRL in PEM.";
    cr_err err;
    while ((err = cr_crl_from_pem(&der, &text)) == CR_OK) {
        why = judge_other(task, cr_blob_view(&der), &ended);
        err = why == NULL ? bundle_add(bundle, cr_blob_view(&der)) : CR_DENIED;
        cr_blob_fini(&der);
        if (err != CR_OK) {
            break;
        }
    }
    cr_blob_fini(&whole);
    if (err == CR_NOT_FOUND && why == NULL) {
        if (ended) {
            trouble(task, CR_DENIED, "Its nextUpdate has passed; get a new one.", path);
        }
        return true;
    }
    trouble(task, CR_DENIED, err != CR_INVALID && why != NULL ? why : "It is no CRL, or not all of one.", path);
    return false;
}

/* Everything, or nothing: a broker refuses all devices of an issuer whose CRL is missing. */
static void write_all(struct crl_task *task, const bool good[CRL_ISSUERS_MAX])
{
    const struct cr_config *config = &task->setup->config;
    struct bundle bundle = { NULL, 0, 0 };
    for (unsigned i = 0; i < task->count; i++) {
        if (!good[i] && task->ours[i]) {
            return; /* said why already */
        }
        if (good[i] && bundle_add(&bundle, cr_blob_view(&task->list[i].der)) != CR_OK) {
            trouble(task, CR_NOMEM, "Out of memory", config->crl_file);
            goto out;
        }
    }
    for (unsigned i = 0; i < config->crl_include_count; i++) {
        if (!add_included(task, &bundle, config->crl_include[i])) {
            goto out;
        }
    }
    if (bundle.len > 0) {
        (void)replace(task, config->crl_file, (struct cr_bytes){ (const uint8_t *)bundle.text, bundle.len });
    }
out:
    free(bundle.text);
}

void crl_files_write(struct crl_task *task)
{
    bool good[CRL_ISSUERS_MAX] = { false };
    char path[PATH_ROOM], kept[CRL_WHY_CAP] = "";
    for (unsigned i = 0; i < task->count; i++) {
        if (task->list[i].der.len == 0) {
            if (task->ours[i] && task->setup->config.crl_file[0] != '\0') {
                (void)snprintf(kept, sizeof kept, "There is none of %s yet; crl_file stays as it is.", task->id[i]);
            }
            continue;
        }
        good[i] = crl_task_check(task, task->id[i], &task->list[i], 0) == CR_OK;
        if (!good[i]) {
            char why[CRL_WHY_CAP];
            memcpy(why, task->why, sizeof why);
            (void)snprintf(kept, sizeof kept, "That of %s is not written. %.100s", task->id[i], why);
        }
    }
    task->err = CR_OK;
    (void)snprintf(task->why, sizeof task->why, "%s", kept);
    for (unsigned i = 0; i < task->count; i++) {
        if (good[i] && dir_path(path, task, i)) {
            (void)replace(task, path, cr_blob_view(&task->list[i].der));
        }
    }
    if (task->setup->config.crl_file[0] != '\0') {
        write_all(task, good);
    }
}
