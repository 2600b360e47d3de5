/* LOOK: a slot whose renewal is due and not confirmed: its alert, and how its device is called. */
#include "plugin/store/redis_store.h"

void store_look_start(struct store_op *op)
{
    store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
}
