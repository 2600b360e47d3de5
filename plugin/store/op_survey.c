/* SURVEY: the fleet in figures. A page counts a bounded number of slots (survey.lua), bucket by bucket; each command
 * touches keys of one bucket. What one broker counted is kept for all (survey_keep.lua). */
#include "plugin/store/redis_store.h"
#include "plugin/store/survey.h"

#include <string.h>

enum { BUCKETS_MAX = 64 }; /* of one page, where there is little in each */

static void ask_bucket(struct store_op *op, const struct cr_survey_place *place);

static void survey_done(struct store_op *op)
{
    op->job->outcome = CR_OUT_DONE;
    op->job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

/* ---- a page ---- */

/* Half of its time is gone. */
static bool survey_is_late(const struct store_op *op)
{
    return store_now_ms() + op->store->config->redis_timeout_ms / 2 > op->deadline_ms;
}

static cr_err scan_take(struct cr_survey_place *place, struct cr_bytes scan)
{
    if (scan.len == 0 || scan.len >= sizeof place->scan) {
        return CR_INVALID;
    }
    memcpy(place->scan, scan.data, scan.len);
    place->scan[scan.len] = '\0';
    return strspn(place->scan, "0123456789") == scan.len ? CR_OK : CR_INVALID;
}

static void on_bucket(struct store_op *op, const redisReply *reply)
{
    struct cr_survey *survey = op->job->survey;
    struct cr_survey_counts part;
    struct cr_survey_place place;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        !cr_survey_place_read(&place, survey->cursor, op->store->records.buckets) ||
        scan_take(&place, store_reply_bytes(reply->element[0])) != CR_OK ||
        cr_survey_parse(&part, store_reply_bytes(reply->element[1])) != CR_OK) {
        store_op_quarantine(op, "an answer of Redis that is none");
        return;
    }
    cr_survey_add(&survey->counts, &part);
    if (strcmp(place.scan, "0") == 0) {
        place.bucket++;
        op->looked++;
    }
    if (place.bucket == op->store->records.buckets) {
        survey->cursor[0] = '\0';
        survey_done(op);
        return;
    }
    cr_survey_place_write(survey->cursor, &place);
    if (survey->counts.slots >= CR_SURVEY_PIECE || op->looked >= BUCKETS_MAX || survey_is_late(op)) {
        survey_done(op);
    } else {
        ask_bucket(op, &place);
    }
}

static void ask_bucket(struct store_op *op, const struct cr_survey_place *place)
{
    struct cr_args args;
    if (cr_args_survey(&args, &op->store->records, place, op->job->now_s) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_bucket);
}

/* Goes on where it is, also when the connection was lost on the way. */
static void page_start(struct store_op *op)
{
    struct cr_survey_place place;
    if (!cr_survey_place_read(&place, op->job->survey->cursor, op->store->records.buckets)) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    ask_bucket(op, &place);
}

/* ---- the whole ---- */

static bool reply_number(int64_t *number, const redisReply *reply)
{
    struct cr_bytes text = store_reply_bytes(reply);
    *number = 0;
    for (size_t i = 0; i < text.len && i < 15; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        *number = *number * 10 + (text.data[i] - '0');
    }
    return text.len > 0 && text.len < 15;
}

static void on_kept(struct store_op *op, const redisReply *reply)
{
    struct cr_survey *survey = op->job->survey;
    int64_t ours = 0;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 || !reply_number(&survey->at, reply->element[0]) ||
        !reply_number(&ours, reply->element[2])) {
        store_op_quarantine(op, "an answer of Redis that is none");
        return;
    }
    survey->ours = ours == 1;
    if (survey->at > 0 && cr_survey_parse(&survey->counts, store_reply_bytes(reply->element[1])) != CR_OK) {
        survey->at = 0; /* another version's: as if there were none */
        memset(&survey->counts, 0, sizeof survey->counts);
    }
    survey_done(op);
}

static void keep_start(struct store_op *op)
{
    const struct cr_survey *survey = op->job->survey;
    struct cr_args args;
    char figures[CR_SURVEY_TEXT_CAP] = "";
    if ((survey->verb == CR_SURVEY_SAVE && cr_survey_text(figures, sizeof figures, &survey->counts) != CR_OK) ||
        cr_args_survey_keep(&args, &op->store->records, survey->verb,
                            survey->verb == CR_SURVEY_SAVE ? survey->at : op->job->now_s, op->store->owner.broker,
                            figures) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_send(op, &args, on_kept);
}

void store_survey_start(struct store_op *op)
{
    const struct cr_survey *survey = op->job->survey;
    if (survey == NULL || op->store->records.buckets == 0) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
    } else if (survey->verb == CR_SURVEY_PAGE) {
        page_start(op);
    } else {
        keep_start(op);
    }
}
