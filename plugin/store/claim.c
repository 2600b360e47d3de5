/* Claims of keys. That a key was in a revoked certificate is written once and for all: whatever else is written about a
 * claim leaves that alone, also when it was on its way already. */
#include "plugin/store/redis_store.h"

static const char use_unless[] = "if redis.call('HGET',KEYS[1],ARGV[1])~=ARGV[3] then "
                                 "redis.call('HSET',KEYS[1],ARGV[1],ARGV[2]) end";
static const char forget_if[] = "if redis.call('HGET',KEYS[1],ARGV[1])==ARGV[2] then "
                                "redis.call('HDEL',KEYS[1],ARGV[1]) end";
static const char use_if[] = "if redis.call('HGET',KEYS[1],ARGV[1])==ARGV[3] then "
                             "redis.call('HSET',KEYS[1],ARGV[1],ARGV[2]) end return 1";

static void claim_start(struct cr_args *args, const char *script, const struct cr_claim *claim)
{
    cr_args_start(args, "EVAL"); /* by its text, which is short: Redis may have forgotten all scripts */
    cr_args_text(args, script);
    cr_args_text(args, "1");
    cr_args_bytes(args, claim->shard.text, claim->shard.len);
    cr_args_bytes(args, claim->field, sizeof claim->field);
}

void store_claim_use(struct cr_redis_store *store, const struct cr_claim *claim)
{
    struct cr_args args;
    claim_start(&args, use_unless, claim);
    cr_args_bytes(&args, claim->used, sizeof claim->used);
    cr_args_bytes(&args, cr_claim_revoked, sizeof cr_claim_revoked);
    cr_redis_link_tell(store->link, &args); /* asked again whenever the certificate is presented */
}

void store_claim_forget(struct cr_redis_store *store, const struct cr_claim *claim)
{
    struct cr_args args;
    claim_start(&args, forget_if, claim);
    cr_args_bytes(&args, claim->unused, sizeof claim->unused);
    cr_redis_link_tell(store->link, &args); /* should it get lost, the claim stays, and is this device's */
}

void store_claim_revoke_args(struct cr_args *args, const struct cr_claim *claim)
{
    cr_args_start(args, "HSET");
    cr_args_bytes(args, claim->shard.text, claim->shard.len);
    cr_args_bytes(args, claim->field, sizeof claim->field);
    cr_args_bytes(args, cr_claim_revoked, sizeof cr_claim_revoked);
}

void store_claim_release_args(struct cr_args *args, const struct cr_claim *claim)
{
    claim_start(args, use_if, claim);
    cr_args_bytes(args, claim->used, sizeof claim->used);
    cr_args_bytes(args, cr_claim_revoked, sizeof cr_claim_revoked);
}
