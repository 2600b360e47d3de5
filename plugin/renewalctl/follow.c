#include "common/bytes.h"
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/follow.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { LOOK_EACH = 10, WIDE = 120 };

/* ---- showing ---- */

static void table_begin(struct ctl_follow *f)
{
    /* TIME, WHAT, DEVICE or SLOT, WHO, DETAIL; the broker is last */
    static const int wide[CTL_COLUMNS_MAX] = { 20, 15, 24, 20, 40, 6 };
    static const int narrow[CTL_COLUMNS_MAX] = { 20, 9, 14, 10, 20, 6 };
    const struct ctl_run *run = f->run;
    bool one = run->options->words > 0;
    f->columns = one ? run->options->command->columns_one : run->options->command->columns;
    ctl_table_init(&f->table, f->columns->count, f->columns->head);
    ctl_table_fix(&f->table, run->sheet.width > 0 && run->sheet.width < WIDE ? narrow : wide);
}

/* At once, a whole line. */
static void row_show(struct ctl_follow *f, cJSON *row)
{
    struct ctl_run *run = f->run;
    if (run->options->json) {
        char *json = cJSON_PrintUnformatted(row);
        (void)fprintf(run->sheet.out, "%s\n", json != NULL ? json : "{}");
        cJSON_free(json);
    } else {
        f->columns->row(ctl_table_row(&f->table), &run->sheet, row);
        ctl_table_flush(&f->table, &run->sheet);
    }
    (void)fflush(run->sheet.out);
}

static void lost_tell(struct ctl_follow *f)
{
    if (!f->lost) {
        (void)ctl_complain(f->run, CTL_FAILED,
                           "the audit log has lost what was shown last: it was trimmed, or Redis lost it; entries may "
                           "be missing here, the journals of the brokers have them");
    }
    f->lost = true;
    f->anchored = false;
}

/* ---- following ---- */

static void at_set(struct ctl_follow *f, struct ctl_entry_id at, bool anchored)
{
    f->at = at;
    f->anchored = anchored && !ctl_entry_none(at);
    f->lost = false;
}

/* Whether `at` is still there, where the answers do not tell. */
static int verify(struct ctl_follow *f)
{
    struct ctl_entry_id found;
    if (f->anchored || f->lost || ctl_entry_none(f->at)) {
        return CTL_DONE;
    }
    int rc = ctl_follow_one(f, &f->at, &found);
    if (rc == CTL_DONE && ctl_entry_compare(found, f->at) != 0) {
        lost_tell(f);
    }
    return rc;
}

/* The entries of an answer that are not shown yet. */
static int page_show(struct ctl_follow *f, cJSON *data)
{
    cJSON *rows = ctl_take(data, f->columns->rows);
    bool first = true;
    int rc = CTL_DONE;
    if (f->anchored && cJSON_GetArraySize(rows) == 0) {
        lost_tell(f);
    }
    for (cJSON *row = cJSON_IsArray(rows) ? rows->child : NULL; row != NULL && rc == CTL_DONE; row = row->next) {
        struct ctl_entry_id id;
        if (!ctl_entry_of(&id, row)) {
            rc = ctl_follow_odd(f);
            break;
        }
        int order = ctl_entry_compare(id, f->at);
        if (first && f->anchored && order != 0) {
            lost_tell(f);
        }
        first = false;
        rc = order > 0 ? verify(f) : CTL_DONE;
        if (order > 0 && rc == CTL_DONE) {
            at_set(f, id, true);
            row_show(f, row);
        }
    }
    cJSON_Delete(rows);
    return rc;
}

/* Shows all behind `at`. */
static int catch_up(struct ctl_follow *f)
{
    char text[CTL_TEXT_CAP];
    int rc = CTL_DONE;
    do {
        struct ctl_entry_id was = f->at, from = f->anchored ? ctl_entry_before(was) : was, to;
        cJSON *data;
        ctl_entry_text(text, from);
        rc = ctl_follow_page(f, true, CTL_PAGE_MAX, text, &data);
        if (rc != CTL_DONE) {
            return rc;
        }
        bool ok = ctl_cursor_take(text, data);
        rc = page_show(f, data);
        cJSON_Delete(data);
        bool more = text[0] != '\0';
        if (rc == CTL_DONE && (!ok || (more && (!ctl_entry_read(&to, text) || ctl_entry_compare(to, from) <= 0)))) {
            rc = ctl_follow_odd(f);
        }
        if (rc == CTL_DONE && more && ctl_entry_compare(to, f->at) > 0) {
            at_set(f, to, false);
        }
        if (rc == CTL_DONE && more && ctl_entry_compare(f->at, was) == 0) {
            rc = ctl_follow_odd(f); /* the next question would be the same */
        }
        rc = rc == CTL_DONE ? ctl_written(f->run) : rc;
    } while (rc == CTL_DONE && text[0] != '\0');
    return rc;
}

/* Whether `at` is still there, and what is the newest of all. Is that before `at`, it goes on from there. */
static int look(struct ctl_follow *f, struct ctl_entry_id *newest)
{
    int rc = verify(f);
    f->looked = 0;
    rc = rc == CTL_DONE ? ctl_follow_one(f, NULL, newest) : rc;
    if (rc == CTL_DONE && ctl_entry_compare(*newest, f->at) < 0) {
        lost_tell(f);
        at_set(f, *newest, !f->filtered);
    }
    return rc;
}

static int step(struct ctl_follow *f)
{
    struct ctl_entry_id newest = { 0, 0 };
    int rc = CTL_DONE;
    if (f->lost || (f->filtered && ++f->looked >= LOOK_EACH)) {
        rc = look(f, &newest);
    }
    rc = rc == CTL_DONE ? catch_up(f) : rc;
    if (rc == CTL_DONE && ctl_entry_compare(newest, f->at) > 0) {
        at_set(f, newest, !f->filtered);
    }
    return rc;
}

/* ---- the beginning ---- */

/* Whether this cursor is further back than the one before, unless that was the beginning. A device that is not known is
 * sought: its cursors are ids with something behind them. */
static bool goes_back(const char *cursor, struct ctl_entry_id *before)
{
    struct ctl_entry_id to;
    char text[CTL_ENTRY_CAP];
    bool ok = cr_text_copy(text, sizeof text, cursor) == CR_OK;
    if (ok) {
        text[strspn(text, "0123456789-")] = '\0';
        ok = ctl_entry_read(&to, text) && (ctl_entry_none(*before) || ctl_entry_compare(to, *before) < 0);
    }
    *before = ok ? to : *before;
    return ok;
}

/* The last entries, the oldest first, into an array; *newest is the last of them. */
static int last_take(struct ctl_follow *f, cJSON *last, struct ctl_entry_id *newest)
{
    unsigned left = f->run->options->limit != 0 ? f->run->options->limit : CTL_FOLLOW_DEFAULT;
    struct ctl_entry_id before = { 0, 0 };
    char cursor[CTL_TEXT_CAP] = "";
    int rc = CTL_DONE;
    do {
        cJSON *data, *row;
        rc = ctl_follow_page(f, false, left < CTL_PAGE_MAX ? left : CTL_PAGE_MAX, cursor, &data);
        if (rc != CTL_DONE) {
            return rc;
        }
        cJSON *rows = ctl_take(data, f->columns->rows);
        if (!ctl_cursor_take(cursor, data) || (cursor[0] != '\0' && !goes_back(cursor, &before))) {
            rc = ctl_follow_odd(f);
        }
        while (rc == CTL_DONE && left > 0 && (row = cJSON_DetachItemFromArray(rows, 0)) != NULL) {
            struct ctl_entry_id id;
            bool ok = ctl_entry_of(&id, row);
            if (ok && ctl_entry_compare(id, *newest) > 0) {
                *newest = id;
            }
            if (!ok || !cJSON_InsertItemInArray(last, 0, row)) {
                cJSON_Delete(row);
                rc = ctl_follow_odd(f);
            }
            left--;
        }
        cJSON_Delete(rows);
        cJSON_Delete(data);
    } while (rc == CTL_DONE && left > 0 && cursor[0] != '\0');
    return rc;
}

/* The newest of all is asked for first: what comes after it is either among the last that match, or still to come. */
static int begin(struct ctl_follow *f)
{
    struct ctl_run *run = f->run;
    struct ctl_entry_id all = { 0, 0 }, newest = { 0, 0 };
    cJSON *last = cJSON_CreateArray();
    int rc = last == NULL ? ctl_complain(run, CTL_FAILED, "out of memory") : CTL_DONE;
    if (rc == CTL_DONE && f->filtered) {
        rc = ctl_follow_one(f, NULL, &all);
    }
    rc = rc == CTL_DONE ? last_take(f, last, &newest) : rc;
    if (rc == CTL_DONE) {
        bool anchored = ctl_entry_compare(newest, all) >= 0;
        at_set(f, anchored ? newest : all, anchored);
        for (cJSON *row = last->child; row != NULL; row = row->next) {
            row_show(f, row);
        }
        if (last->child == NULL && run->err_terminal) {
            (void)fputs("waiting for entries; Ctrl-C ends\n", run->err);
        }
        rc = ctl_written(run);
    }
    cJSON_Delete(last);
    return rc;
}

static int follow_run(struct ctl_run *run)
{
    const struct ctl_options *o = run->options;
    struct ctl_follow f = { .run = run };
    char ignored[CTL_WHY_CAP];
    f.filtered = o->words > 0 || o->slot[0] != '\0' || o->what[0] != '\0' || o->who[0] != '\0' || o->since[0] != '\0';
    table_begin(&f);
    int rc = begin(&f);
    while (rc == CTL_DONE && !ctl_stopped(run)) {
        /* A connection that is lost meanwhile: the next question says so. */
        (void)run->link->wait(run->link->ctx, CTL_FOLLOW_EACH_MS, ignored);
        rc = ctl_stopped(run) ? CTL_DONE : step(&f);
        if (rc == CTL_DONE && f.lost && !ctl_stopped(run)) {
            rc = step(&f);
        }
    }
    ctl_table_end(&f.table, &run->sheet);
    return rc == CTL_INTERRUPTED ? CTL_DONE : rc;
}

int ctl_run_audit(struct ctl_run *run)
{
    return run->options->follow ? follow_run(run) : ctl_run_pages(run);
}
