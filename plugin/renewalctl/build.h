/* build: what each command asks, as a command of the operator channel ("command" and its fields, without the batch
 * around it), and what is checked and asked of the user before. Pure but for the heap (cJSON); any thread. */
#ifndef CR_CTL_BUILD_H
#define CR_CTL_BUILD_H

#include "plugin/renewalctl/command.h"

enum { CTL_PAGE_MAX = 100, CTL_TAG_MAX = 32, CTL_HOLD_MAX = 48 };

/* ---- each fills the object; false: out of memory ---- */

bool ctl_build_status(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_device(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_devices(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_trigger(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_cancel(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_hold(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_release(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_tag(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_campaign_start(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_campaign_status(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_campaign_pause(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_campaign_resume(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_campaign_abort(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_alerts(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_alerts_ack(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_audit(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_policy(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_policy_set(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_forecast(struct cJSON *command, const struct ctl_options *options);

/* The devices words[from …], at most CTL_PAGE_MAX: a triggerRenewal of several. */
bool ctl_build_trigger_devices(struct cJSON *command, const struct ctl_options *options, size_t from);
/* listDevices of what `trigger` with a filter is about. */
bool ctl_build_trigger_count(struct cJSON *command, const struct ctl_options *options);

/* Whether any option of the filter is given; --slot is none of them. */
bool ctl_filter_given(const struct ctl_options *options);
bool ctl_filter_beyond_issuer(const struct ctl_options *options);

/* ---- trust (build_trust.c) ---- */

bool ctl_build_enroll(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_forbid(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_token(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_revoke(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_revoked(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_issuers(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_census(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_retire(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_revoke_issuer(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_restore_issuer(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_trust(struct cJSON *command, const struct ctl_options *options);
bool ctl_build_ocsp(struct cJSON *command, const struct ctl_options *options);
/* "slot", "reason" and "comment" of a revocation. */
bool ctl_put_cause(struct cJSON *command, const struct ctl_options *options);

cr_err ctl_check_enroll(const struct ctl_options *options, char why[CTL_WHY_CAP]);
cr_err ctl_check_revoke(const struct ctl_options *options, char why[CTL_WHY_CAP]);
cr_err ctl_check_issuer(const struct ctl_options *options, char why[CTL_WHY_CAP]);
bool ctl_question_retire(char question[CTL_QUESTION_CAP], const struct ctl_options *options);
bool ctl_question_revoke_issuer(char question[CTL_QUESTION_CAP], const struct ctl_options *options);

/* ---- parts: nothing is put for an empty text, a number of 0, no texts; false: out of memory ---- */

bool ctl_put_text(struct cJSON *object, const char *name, const char *value);
bool ctl_put_number(struct cJSON *object, const char *name, unsigned value);
bool ctl_put_named(struct cJSON *command, const char *name);
/* The command's name, and its first word as a field. */
bool ctl_put_word(struct cJSON *command, const char *name, const char *field, const struct ctl_options *options);
bool ctl_put_texts(struct cJSON *object, const char *name, const char *const *value, size_t count);
bool ctl_put_filter(struct cJSON *command, const struct ctl_options *options, bool with_slot);

/* ---- CR_INVALID: `why` is one line ---- */

cr_err ctl_check_trigger(const struct ctl_options *options, char why[CTL_WHY_CAP]);
cr_err ctl_check_tag(const struct ctl_options *options, char why[CTL_WHY_CAP]);
cr_err ctl_check_campaign_start(const struct ctl_options *options, char why[CTL_WHY_CAP]);
cr_err ctl_check_campaign_status(const struct ctl_options *options, char why[CTL_WHY_CAP]);
cr_err ctl_check_policy_set(const struct ctl_options *options, char why[CTL_WHY_CAP]);
cr_err ctl_check_audit(const struct ctl_options *options, char why[CTL_WHY_CAP]);
cr_err ctl_check_events(const struct ctl_options *options, char why[CTL_WHY_CAP]);

/* ---- what is asked before; false: nothing ---- */

bool ctl_question_cancel(char question[CTL_QUESTION_CAP], const struct ctl_options *options);
bool ctl_question_hold(char question[CTL_QUESTION_CAP], const struct ctl_options *options);
bool ctl_question_campaign_start(char question[CTL_QUESTION_CAP], const struct ctl_options *options);
bool ctl_question_campaign_abort(char question[CTL_QUESTION_CAP], const struct ctl_options *options);

/* ---- a campaign's groups (group.c) ---- */

/* Reads "canary=1%,success=95%,error=5%" and adds it to the array (NULL: reads only). CR_INVALID: `why` is one line;
 * CR_NOMEM. */
CR_MUST_USE cr_err ctl_group_read(struct cJSON *groups, const char *spec, char why[CTL_WHY_CAP]);

#endif
