/* trouble: what is said when there is no connection, or no longer: the library's codes are few and vague, so what it
 * logged, and what was asked for, decide which sentence helps. Pure. */
#ifndef CR_CTL_TROUBLE_H
#define CR_CTL_TROUBLE_H

#include "plugin/renewalctl/options.h"

enum { CTL_LOG_CAP = 512 };

struct ctl_trouble {
    const struct ctl_options *options;
    int port;
    bool connected;      /* the broker had accepted the connection */
    bool closed;         /* the other side ended it */
    const char *problem; /* the library's text for its code; "": none that says more than `closed` */
    const char *log;     /* the errors that the library logged, one a line */
};

/* One line: what happened, and what to look at next. */
void ctl_trouble_text(char why[CTL_WHY_CAP], const struct ctl_trouble *trouble);

#endif
