/* The reasons of RFC 5280 section 5.3.1, by number and by name. */
#include "plugin/handoff/ask_trust.h"

#include <string.h>

static const char *const reasons[CR_REASON_COUNT] = {
    [CR_REASON_UNSPECIFIED] = "unspecified",
    [CR_REASON_KEY_COMPROMISE] = "keyCompromise",
    [CR_REASON_CA_COMPROMISE] = "cACompromise",
    [CR_REASON_AFFILIATION_CHANGED] = "affiliationChanged",
    [CR_REASON_SUPERSEDED] = "superseded",
    [CR_REASON_CESSATION_OF_OPERATION] = "cessationOfOperation",
    [CR_REASON_CERTIFICATE_HOLD] = "certificateHold",
    [CR_REASON_PRIVILEGE_WITHDRAWN] = "privilegeWithdrawn",
    [CR_REASON_AA_COMPROMISE] = "aACompromise",
};

const char *cr_revoke_reason_text(unsigned reason)
{
    return reason < CR_REASON_COUNT ? reasons[reason] : NULL;
}

unsigned cr_revoke_reason_parse(const char *text)
{
    unsigned reason = 0;
    while (reason < CR_REASON_COUNT && (reasons[reason] == NULL || strcmp(reasons[reason], text) != 0)) {
        reason++;
    }
    return reason;
}
