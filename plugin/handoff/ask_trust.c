#include "plugin/handoff/ask_trust.h"

#include <stdlib.h>
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

void cr_revoke_free(struct cr_revoke *revoke)
{
    if (revoke != NULL) {
        free(revoke->row);
        free(revoke);
    }
}

void cr_bundle_free(struct cr_bundle *bundle)
{
    if (bundle != NULL) {
        cr_blob_fini(&bundle->certs);
        free(bundle);
    }
}

struct cr_census_issuer *cr_census_of(struct cr_census *census, const char *issuer)
{
    unsigned i = 0;
    while (i < census->issuers && strcmp(census->count[i].issuer, issuer) != 0) {
        i++;
    }
    if (i == CR_CENSUS_ISSUERS || strlen(issuer) >= CR_ISSUER_ID_TEXT) {
        return NULL;
    }
    if (i == census->issuers) {
        census->count[i] = (struct cr_census_issuer){ .live = 0 };
        memcpy(census->count[i].issuer, issuer, strlen(issuer) + 1);
        census->issuers++;
    }
    return &census->count[i];
}

void cr_census_name(struct cr_census *census, const char *device)
{
    unsigned i = 0;
    while (i < census->named && strcmp(census->name[i], device) != 0) {
        i++;
    }
    if (i == census->named && i < CR_CENSUS_NAMED &&
        cr_text_copy(census->name[i], sizeof census->name[i], device) == CR_OK) {
        census->named++;
    }
}
