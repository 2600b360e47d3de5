/* render: answers of the operator channel as text for people.
 * What the broker sent is shown, never trusted: control characters become '?', a missing field is left out, and fields
 * that this version does not know follow as name and JSON. One thread. */
#ifndef CR_CTL_RENDER_H
#define CR_CTL_RENDER_H

#include "plugin/renewalctl/command.h"
#include "plugin/renewalctl/sheet.h"

enum { CTL_LABEL_WIDTH = 12 };

/* ---- an answer's data, by its command; each takes the fields that it shows ---- */

void ctl_render_status(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_device(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_trigger(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
/* What was done to one device: cancel, hold, release, tag, alerts ack. */
void ctl_render_steered(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
/* One campaign, or {"campaigns":[…]}. */
void ctl_render_campaign(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_policy(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_policy_set(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_forecast(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);

/* ---- trust (render_trust.c) ---- */

void ctl_render_enroll(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_forbid(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_token(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_revoke(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_issuers(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_census(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
/* What was done to an issuer: retire, revoke-issuer, restore-issuer. */
void ctl_render_issuer_steered(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_needed(const struct ctl_sheet *sheet, const struct cJSON *response);
void ctl_render_trust(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_trust_set(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_ocsp(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);
void ctl_render_crl(const struct ctl_sheet *sheet, const struct ctl_options *options, struct cJSON *data);

/* ---- rows of answers in pages ---- */

struct ctl_columns {
    const char *rows;              /* the array in the data */
    const char *one, *many;        /* what a row is called */
    unsigned count;
    const char *head[CTL_COLUMNS_MAX];
    void (*row)(struct ctl_line *line, const struct ctl_sheet *sheet, struct cJSON *row);
};
extern const struct ctl_columns ctl_columns_devices, ctl_columns_alerts, ctl_columns_audit, ctl_columns_audit_one,
    ctl_columns_revoked;

/* ---- lines ---- */

/* A device that a trigger of many was refused for. */
void ctl_render_refused_row(const struct ctl_sheet *sheet, struct cJSON *row);
/* An event as one line. */
void ctl_render_event(const struct ctl_sheet *sheet, const char *kind, struct cJSON *event);

/* ---- a campaign, for watching ---- */

/* The lines of its live display: a bar for each group and for all; returns how many. */
unsigned ctl_render_watch(const struct ctl_sheet *sheet, const struct cJSON *campaign);
/* What is new when this text is: its state and all its counts in one line. */
void ctl_watch_line(char *line, size_t cap, const struct cJSON *campaign);

/* ---- parts ---- */

/* Appends ", text" (or the text alone) to a cell; nothing for an empty text. */
void ctl_cell_add(char cell[CTL_CELL_CAP], const char *before, const char *text);
/* Takes a field and appends it. */
void ctl_cell_add_take(char cell[CTL_CELL_CAP], const char *before, struct cJSON *object, const char *name);
void ctl_row_take(const struct ctl_sheet *sheet, const char *label, struct cJSON *object, const char *name);
/* Takes notBefore and notAfter: "… to …". */
void ctl_validity_take(char cell[CTL_CELL_CAP], struct cJSON *object);
enum ctl_colour ctl_state_colour(const char *state, bool held);
enum ctl_colour ctl_level_colour(const char *level);
/* Takes what says that a slot is revoked ("revoked: keyCompromise" instead of its state), or that a device without a
 * certificate may get one. */
void ctl_trust_take(char state[CTL_CELL_CAP], enum ctl_colour *colour, struct cJSON *row);
/* An object inside another as one row, then what of it is unknown; deletes it. */
void ctl_part_rows(const struct ctl_sheet *sheet, const char *label, const char *cell, struct cJSON *part);
/* Takes a number and what comes of it: "<before>N<after>", "" when it is not there. */
void ctl_count_take(char cell[CTL_CELL_CAP], struct cJSON *object, const char *name, const char *before,
                    const char *after);
/* Takes what a survey of the fleet counted: how many slots, in which states, expiring when. */
void ctl_fleet_rows(const struct ctl_sheet *sheet, struct cJSON *survey);
/* Takes an array of texts: "a b c". */
void ctl_list_take(char cell[CTL_CELL_CAP], struct cJSON *object, const char *name);

#endif
