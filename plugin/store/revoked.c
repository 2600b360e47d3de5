#include "plugin/store/redis_store.h"

void store_revoked_look(struct cr_redis_store *store)
{
    (void)store;
}

void store_revoked_end(struct cr_redis_store *store)
{
    (void)store;
}
