/* CAMPAIGN: what is known of campaigns, and their counts. */
#include "plugin/store/redis_store.h"

void store_campaign_start(struct store_op *op)
{
    store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
}
