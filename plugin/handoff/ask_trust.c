#include "plugin/handoff/ask_trust.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void cr_revoke_free(struct cr_revoke *revoke)
{
    if (revoke != NULL) {
        free(revoke->row);
        free(revoke);
    }
}

struct cr_receipt {
    atomic_uint refs; /* whoever looks, and each page that is out */
    atomic_bool lost;
};

struct cr_receipt *cr_receipt_new(void)
{
    struct cr_receipt *receipt = calloc(1, sizeof *receipt);
    if (receipt != NULL) {
        atomic_init(&receipt->refs, 1);
        atomic_init(&receipt->lost, false);
    }
    return receipt;
}

struct cr_receipt *cr_receipt_take(struct cr_receipt *receipt)
{
    atomic_fetch_add(&receipt->refs, 1);
    return receipt;
}

void cr_receipt_drop(struct cr_receipt *receipt)
{
    if (receipt != NULL && atomic_fetch_sub(&receipt->refs, 1) == 1) {
        free(receipt);
    }
}

unsigned cr_receipt_look(struct cr_receipt *receipt, bool *lost)
{
    unsigned out = atomic_load(&receipt->refs) - 1; /* first: a page says that it was lost before it is in no more */
    *lost = atomic_exchange(&receipt->lost, false);
    return out;
}

void cr_revocations_free(struct cr_revocations *revocations)
{
    if (revocations != NULL) {
        if (revocations->receipt != NULL && revocations->lost) {
            atomic_store(&revocations->receipt->lost, true);
        }
        cr_receipt_drop(revocations->receipt);
        free(revocations);
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

void cr_enrol_free(struct cr_enrol *enrol)
{
    if (enrol != NULL) {
        explicit_bzero(enrol, sizeof *enrol);
        free(enrol);
    }
}
