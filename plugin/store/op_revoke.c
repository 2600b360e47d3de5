/* REVOKE. */
#include "plugin/store/redis_store.h"

void store_revoke_start(struct store_op *op)
{
    store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
}
