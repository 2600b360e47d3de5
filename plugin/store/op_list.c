/* LIST: a page of the slots that match a filter. */
#include "plugin/store/redis_store.h"

void store_list_start(struct store_op *op)
{
    store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
}
