/* enroll: devices that may get their first certificate; many of them from a file. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/send.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

/* What a row does not say is said by the options, for all rows. */
static bool row_put(cJSON *devices, const struct ctl_send *send, size_t index)
{
    const struct ctl_options *options = send->run->options;
    const char *factory = ctl_row_factory(send->rows, index), *tags = ctl_row_tags(send->rows, index);
    cJSON *device = cJSON_CreateObject();
    if (device == NULL || !cJSON_AddItemToArray(devices, device)) {
        cJSON_Delete(device);
        return false;
    }
    bool ok = ctl_put_text(device, "device", ctl_row_device(send->rows, index)) &&
              ctl_put_text(device, "factory", factory[0] != '\0' ? factory : options->factory);
    if (tags[0] == '\0') {
        return ok && ctl_put_texts(device, "tags", options->tags.value, options->tags.count);
    }
    cJSON *list = ok ? cJSON_AddArrayToObject(device, "tags") : NULL;
    ok = list != NULL;
    while (ok && *tags != '\0') {
        char tag[CTL_TAG_MAX + 1];
        size_t len = strcspn(tags, ";");
        (void)snprintf(tag, sizeof tag, "%.*s", (int)len, tags);
        cJSON *item = cJSON_CreateString(tag);
        ok = item != NULL && cJSON_AddItemToArray(list, item);
        tags += len + (tags[len] == ';');
    }
    return ok;
}

static bool some_build(cJSON *command, const struct ctl_send *send, const uint32_t *index, size_t count)
{
    cJSON *devices = ctl_put_named(command, "enrollDevices") ? cJSON_AddArrayToObject(command, "devices") : NULL;
    bool ok = devices != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        ok = row_put(devices, send, index[i]);
    }
    return ok;
}

int ctl_rows_collect(struct ctl_rows *rows, struct ctl_run *run, const char *path, enum ctl_rows_kind kind)
{
    const struct ctl_options *options = run->options;
    cr_err err = CR_OK;
    ctl_rows_init(rows, run->err, strcmp(path, "-") == 0 ? "standard input" : path);
    if (path[0] != '\0') {
        FILE *file = ctl_input_open(run, path);
        if (file == NULL) {
            return CTL_USAGE;
        }
        err = ctl_rows_read(rows, file, kind);
        int error = errno;
        if (file != run->in) {
            (void)fclose(file);
        }
        errno = error;
    } else {
        for (size_t i = 0; i < options->words && err == CR_OK; i++) {
            err = ctl_rows_add(rows, options->word[i], "", "", 0);
        }
        err = err == CR_OK ? ctl_rows_unique(rows) : err;
    }
    if (err == CR_INVALID) {
        return ctl_complain(run, CTL_USAGE, "nothing was sent: put that right, and run it again");
    }
    return err == CR_OK ? CTL_DONE : ctl_complain(run, CTL_FAILED, err == CR_IO ? strerror(errno) : "out of memory");
}

int ctl_run_enroll(struct ctl_run *run)
{
    struct ctl_rows rows;
    if (run->options->words == 1) {
        return ctl_run_one(run);
    }
    int rc = ctl_rows_collect(&rows, run, run->options->csv, CTL_ROWS_CSV);
    if (rc == CTL_DONE) {
        struct ctl_send send = { .run = run, .rows = &rows, .build = some_build, .field = "enrolled",
                                 .done = "enrolled" };
        rc = ctl_send_rows(&send);
    }
    ctl_rows_fini(&rows);
    return rc;
}
