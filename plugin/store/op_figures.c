/* FIGURES: writes the file of figures. */
#include "plugin/store/redis_store.h"

void store_figures_start(struct store_op *op)
{
    store_op_refuse(op, CR_REFUSAL_INTERNAL, 0);
}
