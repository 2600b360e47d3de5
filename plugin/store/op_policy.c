/* POLICY: the settings that all brokers share: one hash, read and written by policy.lua. */
#include "plugin/store/redis_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FORMER_CAP = CR_POLICY_VALUE_CAP,
    CHANGE_CAP = CR_NAME_CAP + CR_ASK_TEXT_CAP + 2 * CR_POLICY_VALUE_CAP + 8, /* "slot/key: former -> value" */
    DETAIL_CAP = 800,
    LINE_CAP = CR_NAME_CAP + CR_ASK_TEXT_CAP + CR_POLICY_VALUE_CAP, /* "slot/key=value\n" */
};

static void policy_done(struct store_op *op)
{
    op->job->outcome = CR_OUT_DONE;
    op->job->stage = CR_STAGE_DONE;
    store_op_finish(op);
}

/* ---- what the answer says ---- */

/* "slot/key" or "/key", and the value. */
static bool setting_read(struct cr_policy_setting *setting, struct cr_bytes name, struct cr_bytes value)
{
    const uint8_t *slash = name.len > 0 ? memchr(name.data, '/', name.len) : NULL;
    size_t slot_len = slash != NULL ? (size_t)(slash - name.data) : 0;
    size_t key_len = slash != NULL ? name.len - slot_len - 1 : 0;
    if (slash == NULL || (slot_len > 0 && !cr_name_ok((const char *)name.data, slot_len)) ||
        !cr_name_ok((const char *)slash + 1, key_len) || key_len >= sizeof setting->key || value.len == 0 ||
        value.len >= sizeof setting->value || memchr(value.data, '\0', value.len) != NULL) {
        return false;
    }
    memset(setting, 0, sizeof *setting);
    memcpy(setting->slot, name.data, slot_len);
    memcpy(setting->key, slash + 1, key_len);
    memcpy(setting->value, value.data, value.len);
    return true;
}

/* All settings, in the place of what was in the job. */
static cr_err settings_take(struct cr_policy *policy, const struct cr_answer *answer)
{
    unsigned count = answer->pair_count / 2;
    struct cr_policy_setting *setting = calloc(count > 0 ? count : 1, sizeof *setting);
    if (setting == NULL) {
        return CR_NOMEM;
    }
    for (unsigned i = 0; i < count; i++) {
        if (count > CR_POLICY_MAX || !setting_read(&setting[i], answer->pair[2 * i], answer->pair[2 * i + 1])) {
            free(setting);
            return CR_INVALID;
        }
    }
    free(policy->setting);
    policy->setting = setting;
    policy->count = count;
    policy->changed = true;
    return CR_OK;
}

static cr_err version_take(struct cr_policy *policy, const struct cr_answer *answer)
{
    int64_t version = 0;
    cr_err err = cr_answer_number(answer, 0, &version);
    if (err == CR_OK) {
        err = version >= 0 ? cr_answer_number(answer, 1, &policy->at) : CR_INVALID;
    }
    if (err == CR_OK) {
        err = cr_answer_text(answer, 2, policy->by, sizeof policy->by);
    }
    policy->version = (uint64_t)version;
    return err;
}

/* ---- the audit line ---- */

/* What the note of the script says that this setting was; "": nothing. */
static void former_of(char former[FORMER_CAP], struct cr_bytes note, const struct cr_policy_setting *setting)
{
    char name[CR_NAME_CAP + CR_ASK_TEXT_CAP + 2];
    int name_len = snprintf(name, sizeof name, "%s/%s=", setting->slot, setting->key);
    former[0] = '\0';
    while (note.len > 0) {
        const uint8_t *end = memchr(note.data, '\n', note.len);
        size_t len = end != NULL ? (size_t)(end - note.data) : note.len;
        if (len >= (size_t)name_len && memcmp(note.data, name, (size_t)name_len) == 0) {
            (void)snprintf(former, FORMER_CAP, "%.*s", (int)(len - (size_t)name_len),
                           (const char *)note.data + name_len);
            return;
        }
        note.data += len + (end != NULL);
        note.len -= len + (end != NULL);
    }
}

/* Whether the script changed this one: its note names it. */
static bool note_names(struct cr_bytes note, const struct cr_policy_setting *setting)
{
    char name[CR_NAME_CAP + CR_ASK_TEXT_CAP + 3];
    size_t len = (size_t)snprintf(name, sizeof name, "%s/%s=", setting->slot, setting->key);
    for (size_t i = 0; i + len <= note.len; i++) {
        if ((i == 0 || note.data[i - 1] == '\n') && memcmp(note.data + i, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static void change_text(char text[CHANGE_CAP], struct cr_bytes note, const struct cr_policy_setting *setting)
{
    char former[FORMER_CAP];
    former_of(former, note, setting);
    (void)snprintf(text, CHANGE_CAP, "%s%s%s: %s -> %s", setting->slot, setting->slot[0] != '\0' ? "/" : "",
                   setting->key, former[0] != '\0' ? former : "file",
                   setting->value[0] != '\0' ? setting->value : "file");
}

/* Who changed what: as many changes in a line as fit. */
static void audit_changes(struct store_op *op, const struct cr_policy *changes, uint64_t version, struct cr_bytes note,
                          bool again)
{
    char detail[DETAIL_CAP], text[CHANGE_CAP];
    int head = snprintf(detail, sizeof detail, "version %llu", (unsigned long long)version);
    size_t len = (size_t)head;
    for (unsigned i = 0; i < changes->count; i++) {
        if (!again && !note_names(note, &changes->setting[i])) {
            continue;
        }
        change_text(text, note, &changes->setting[i]);
        if (len + strlen(text) + 3 > sizeof detail) {
            store_audit_op(op, "policy", detail, NULL);
            len = (size_t)head;
        }
        len += (size_t)snprintf(detail + len, sizeof detail - len, "%s%s", len > (size_t)head ? ", " : ": ", text);
    }
    store_audit_op(op, "policy", detail, NULL);
}

/* ---- asking ---- */

static void on_policy(struct store_op *op, const redisReply *reply)
{
    struct cr_policy *policy = op->job->policy;
    struct cr_policy changes = *policy;
    struct cr_answer answer;
    bool again;
    if (store_answer_read(&answer, reply) != CR_OK || version_take(policy, &answer) != CR_OK) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0); /* damaged: the loop tells, once */
        return;
    }
    again = cr_answer_is(&answer, "again");
    if (cr_answer_is(&answer, "stale")) {
        store_op_refuse(op, CR_REFUSAL_WRONG_STATE, 0);
    } else if (cr_answer_is(&answer, "full")) {
        store_op_refuse(op, CR_REFUSAL_TOO_LARGE, 0);
    } else if (cr_answer_is(&answer, "same")) {
        policy->changed = false;
        policy_done(op);
    } else {
        if (again || cr_answer_is(&answer, "written")) {
            audit_changes(op, &changes, policy->version, answer.note, again);
        }
        if (settings_take(policy, &answer) != CR_OK) {
            store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
            return;
        }
        policy_done(op);
    }
}

/* The changes as the script takes them. NULL: one of them is none, or out of memory. */
static char *changes_text(const struct cr_policy *policy)
{
    size_t cap = (size_t)policy->count * LINE_CAP + 1, len = 0;
    char *text = malloc(cap);
    if (text != NULL) {
        text[0] = '\0';
    }
    for (unsigned i = 0; text != NULL && i < policy->count; i++) {
        const struct cr_policy_setting *setting = &policy->setting[i];
        bool ok = cr_name_ok(setting->key, strlen(setting->key)) && strchr(setting->value, '\n') == NULL &&
                  (setting->slot[0] == '\0' || cr_name_ok(setting->slot, strlen(setting->slot)));
        if (!ok) {
            free(text);
            return NULL;
        }
        len += (size_t)snprintf(text + len, cap - len, "%s/%s=%s\n", setting->slot, setting->key, setting->value);
    }
    return text;
}

void store_policy_start(struct store_op *op)
{
    const struct cr_policy *policy = op->job->policy;
    struct cr_args args;
    struct cr_redis_key key;
    bool write = policy != NULL && policy->verb == CR_POLICY_WRITE;
    char *changes = write ? changes_text(policy) : NULL;
    if (policy == NULL || (write && changes == NULL)) {
        store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
        return;
    }
    store_op_new_renewal(op); /* a UUID is what the write is told by, should it be asked for again */
    cr_records_plain_key(&key, &op->store->records, "policy");
    cr_args_start(&args, "EVALSHA");
    args.script = CR_SCRIPT_POLICY;
    cr_args_bytes(&args, "", 0);
    cr_args_bytes(&args, "1", 1);
    cr_args_bytes(&args, key.text, key.len);
    cr_args_text(&args, write ? "write" : "read");
    cr_args_number(&args, (int64_t)policy->version);
    cr_args_number(&args, write ? op->job->now_s : policy->at);
    cr_args_text(&args, write ? policy->by : "");
    cr_args_text(&args, op->new_renewal_id);
    cr_args_number(&args, CR_POLICY_MAX);
    cr_args_text(&args, write ? changes : "");
    store_op_send(op, &args, on_policy); /* copies */
    free(changes);
}
