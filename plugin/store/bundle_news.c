#include "plugin/store/redis_store.h"

void store_bundle_look(struct cr_redis_store *store)
{
    (void)store;
}

void store_bundle_end(struct cr_redis_store *store)
{
    (void)store;
}
