/* POLICY: the settings that all brokers share. */
#include "plugin/store/redis_store.h"

void store_policy_start(struct store_op *op)
{
    store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
}
