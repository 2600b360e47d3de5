#include "plugin/store/redis_store.h"

void store_crl_look(struct cr_redis_store *store)
{
    (void)store;
}

void store_crl_end(struct cr_redis_store *store)
{
    (void)store;
}
