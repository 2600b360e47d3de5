/* figures: what is published under $SYS/broker/cert-renewal/ and written to metrics_file: one table of topics, metrics
 * and what they mean (figures_table.c), taken together into samples, which both are made of. Private to loop/.
 *
 * figures.c sends them; survey.c counts the fleet, on one of the brokers that share a Redis, slowly. */
#ifndef CR_FIGURES_H
#define CR_FIGURES_H

#include "plugin/loop/latency.h"
#include "plugin/loop/loop.h"

#define CR_FIGURES_TOPIC "$SYS/broker/cert-renewal/"
#define CR_FIGURES_METRIC "mosquitto_cert_renewal_"

enum {
    CR_FIGURE_LABEL_CAP = 40,
    CR_FIGURES_MAX = 256,        /* samples */
    CR_FIGURES_TEXT_CAP = 65536, /* of the file */
    CR_PERCENTILES = 2,
    CR_FIGURES_MINUTE = 7, /* samples of `issued`, ten seconds apart */
};

/* What the samples are made from. Numbers that are not known are NAN. */
struct cr_figure_facts {
    double uptime_s, sessions, devices, jobs, jobs_limit, store_jobs, campaigns;
    double issued, issued_per_minute, confirmed, triggered, delivered;
    double alarms, alerts, audits_lost, file_errors;
    double revoked, distrusted, revoked_closed, revoked_refused;
    double connected, writable, durable, latency_s, commands, errors, reconnects, unrecorded, journal_ok, clock_ok;
    double signer_not_after, fleet_at, slots, held, expired, alerted;
    double request_s[CR_PERCENTILES];
    const struct cr_counters *counters;
    const struct cr_trust *trust;
    const struct cr_crl_news *crl; /* those that are in force */
    unsigned crls;
    const struct cr_survey_counts *fleet; /* NULL: not counted yet */
};

struct cr_figure {
    const char *topic;  /* below CR_FIGURES_TOPIC, %s for the label; NULL: only a metric */
    const char *metric; /* behind CR_FIGURES_METRIC; NULL: only a topic */
    const char *type;   /* Prometheus': counter or gauge */
    const char *help;
    const char *label; /* its name; NULL: one number, at `offset` in the facts */
    size_t offset;
    /* The n-th number and its label. False: there are no more. */
    bool (*get)(const struct cr_figure_facts *facts, unsigned n, char label[CR_FIGURE_LABEL_CAP], double *value);
};

/* Ends with a figure that has neither topic nor metric. */
extern const struct cr_figure cr_figures[];

struct cr_figure_sample {
    const struct cr_figure *figure;
    char label[CR_FIGURE_LABEL_CAP];
    double value;
    bool sent; /* published with this value */
    bool gone; /* there is no such number any more: what was published is to be taken back */
};

/* All numbers that are known now; returns how many. */
unsigned cr_figures_take(struct cr_figure_sample samples[CR_FIGURES_MAX], const struct cr_figure_facts *facts);
/* As Prometheus' text format 0.0.4, each with the label broker. CR_FULL, CR_NOMEM. */
CR_MUST_USE cr_err cr_figures_render(struct cr_blob *text, const struct cr_figure_sample *samples, unsigned count,
                                     const char *broker);
enum { CR_FIGURE_VALUE_CAP = 32 };
/* A number as both show it: whole ones without a point. */
void cr_figure_value(char text[CR_FIGURE_VALUE_CAP], double value);

/* ---- survey.c ---- */

struct cr_survey_round {
    bool asking;              /* a job is under way */
    bool counting;            /* this broker counts: the claim is ours */
    int64_t next_ms, load_ms; /* when to ask next; when to ask who counts */
    char cursor[CR_CURSOR_CAP];
    struct cr_survey_counts sum;   /* so far */
    struct cr_survey_counts fleet; /* the last whole one, whoever counted it */
    int64_t fleet_at;              /* 0: none yet */
};

void survey_tick(struct cr_router *router, struct cr_survey_round *round, int64_t now_ms);
void survey_home(struct cr_router *router, struct cr_survey_round *round, const struct cr_job *job);

/* ---- figures.c ---- */

struct cr_figures {
    int64_t next_ms; /* when samples are taken next */
    struct cr_figure_sample sample[CR_FIGURES_MAX];
    unsigned count;
    bool all_sent;
    struct cr_latency requests;
    uint64_t issued[CR_FIGURES_MINUTE]; /* ten seconds apart, the newest first */
    int64_t issued_ms[CR_FIGURES_MINUTE];
    bool writing, broken; /* the file */
    uint64_t file_errors;
    struct cr_survey_round survey;
};

#endif
