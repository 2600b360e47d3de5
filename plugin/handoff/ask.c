#include "plugin/handoff/ask.h"

#include <stdlib.h>

void cr_list_free(struct cr_list *list)
{
    if (list != NULL) {
        for (unsigned i = 0; list->row != NULL && i < list->count; i++) {
            cr_blob_fini(&list->row[i].slot.certificate);
        }
        free(list->row);
        free(list);
    }
}

void cr_campaign_ask_free(struct cr_campaign_ask *ask)
{
    if (ask != NULL) {
        free(ask->campaign);
        free(ask);
    }
}

void cr_history_free(struct cr_history *history)
{
    if (history != NULL) {
        for (unsigned i = 0; history->entry != NULL && i < history->count; i++) {
            cr_blob_fini(&history->entry[i].fields);
        }
        free(history->entry);
        free(history);
    }
}

void cr_policy_free(struct cr_policy *policy)
{
    if (policy != NULL) {
        free(policy->setting);
        free(policy);
    }
}
