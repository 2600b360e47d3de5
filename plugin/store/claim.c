#include "plugin/store/redis_store.h"

void store_claim_use(struct cr_redis_store *store, const struct cr_claim *claim)
{
    struct cr_args args;
    cr_args_start(&args, "HSET");
    cr_args_bytes(&args, claim->shard.text, claim->shard.len);
    cr_args_bytes(&args, claim->field, sizeof claim->field);
    cr_args_bytes(&args, claim->used, sizeof claim->used);
    cr_redis_link_tell(store->link, &args); /* asked again whenever the certificate is presented */
}

void store_claim_forget(struct cr_redis_store *store, const struct cr_claim *claim)
{
    struct cr_args args;
    cr_args_start(&args, "HDEL");
    cr_args_bytes(&args, claim->shard.text, claim->shard.len);
    cr_args_bytes(&args, claim->field, sizeof claim->field);
    cr_redis_link_tell(store->link, &args); /* should it get lost, the claim stays, and is this device's */
}
