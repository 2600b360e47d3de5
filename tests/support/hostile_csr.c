#include "tests/support/hostile_csr.h"

void hostile_cast_init(struct hostile_cast *cast, const char *device, const char *other)
{
    struct forge *f = &cast->f;
    forge_init(f);
    cast->device = device;
    cast->other = other;
    cast->key = forge_key_ec(f, "P-256");
    cast->current_key = forge_key_ec(f, "P-256");
    cast->other_key = forge_key_ec(f, "P-256");
    cast->ca_key = forge_key_ec(f, "P-256");
    cast->revoked_key = forge_key_ec(f, "P-256");
    cast->rsa_key = forge_key_rsa(f, 2048, 65537);
    cast->listed_key = forge_key_rsa(f, 2048, 65537);
}

void hostile_cast_fini(struct hostile_cast *cast)
{
    forge_fini(&cast->f);
}

unsigned hostile_csr_each(struct hostile_cast *cast, unsigned number, hostile_each_fn *each, void *ctx)
{
    const struct hostile_csr *const themes[] = {
        hostile_structure, hostile_proof, hostile_key, hostile_identity, hostile_extension,
    };
    unsigned count = 0;
    for (size_t i = 0; i < sizeof themes / sizeof *themes; i++) {
        for (const struct hostile_csr *row = themes[i]; row->number != 0; row++) {
            if (number == 0 || row->number == number) {
                each(ctx, cast, row);
                count++;
            }
        }
    }
    return count;
}
