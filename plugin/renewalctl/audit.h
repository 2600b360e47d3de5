/* audit: `renewalctl audit verify`: whether the files of a journal are whole and unchanged, told from the files alone.
 * It needs neither a broker nor a configuration. One thread. */
#ifndef CR_CTL_AUDIT_H
#define CR_CTL_AUDIT_H

#include "plugin/renewalctl/options.h"
#include "plugin/store/journal_verify.h"

#include <stdio.h>

enum { CTL_AUDIT_FILES_MAX = 4096, CTL_AUDIT_ISSUERS_MAX = 16, CTL_CANNOT_READ = 3 };

/* Whether the arguments are this command's. */
bool ctl_audit_wanted(int argc, char *const *argv);
/* Does it: 0 nothing is wrong, 1 something is, or nothing is signed, 2 wrong usage, 3 a file cannot be read. */
int ctl_audit_verify(int argc, char *const *argv);

/* ---- audit_options.c ---- */

struct ctl_audit_options {
    const char *file[CTL_AUDIT_FILES_MAX];
    size_t files;
    const char *issuer[CTL_AUDIT_ISSUERS_MAX]; /* PEM files */
    size_t issuers;
    bool json, help;
};
/* CR_INVALID: `why` is one line. */
CR_MUST_USE cr_err ctl_audit_options(struct ctl_audit_options *options, int argc, char *const *argv,
                                     char why[CTL_WHY_CAP]);
extern const char ctl_audit_help[];

/* ---- audit_report.c ---- */

/* Text as the faults come, or JSON at the end. */
struct ctl_audit_report {
    FILE *out;
    bool json;
    struct cJSON *faults; /* with json; NULL: none yet */
    unsigned shown;
};
void ctl_audit_report_fault(struct ctl_audit_report *report, const struct cr_verify_fault *fault);
/* What was read, what is proved and what is not. CR_NOMEM, CR_IO. */
CR_MUST_USE cr_err ctl_audit_report_end(struct ctl_audit_report *report, const struct cr_verify *verify,
                                        const char *const *file, size_t files);

#endif
