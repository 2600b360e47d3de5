/* config_table: the keys of the configuration file and how the value of each is taken. Private to config.c; a test
 * holds it together with README.md. Pure but for redis_password_file, which is read where it is named. */
#ifndef CR_CONFIG_TABLE_H
#define CR_CONFIG_TABLE_H

#include "plugin/config.h"
#include "plugin/value.h"

struct cr_config_key {
    const char *name;
    bool in_slot;  /* belongs in a slot section */
    bool many;     /* may be given several times */
    bool last;     /* its meaning depends on other keys of its slot: taken at the section's end */
    /* How: one of these two. */
    cr_err (*take)(const struct cr_config_key *key, void *field, const char *value, struct cr_why *why);
    cr_err (*take_whole)(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
    size_t offset, size;         /* of the field, in cr_config or in cr_profile */
    int64_t min, max;            /* times in ms, sizes in bytes */
    const struct cr_word *words; /* of a choice or a list */
};

/* The keys; sorted as README.md has them. */
extern const struct cr_config_key cr_config_keys[];
extern const unsigned cr_config_key_count;
enum { CR_CONFIG_KEYS_MAX = 96 };

/* The key of that name; NULL: none. */
const struct cr_config_key *cr_config_key_find(const char *name);
/* The key whose name comes close enough to be meant; NULL: none does. */
const struct cr_config_key *cr_config_key_nearest(const char *name);
/* Takes a value into *config, or into *slot for a key of a slot section. CR_INVALID with the sentence's rest. */
CR_MUST_USE cr_err cr_config_key_take(const struct cr_config_key *key, struct cr_config *config,
                                      struct cr_profile *slot, const char *value, struct cr_why *why);

/* ---- config_whole.c: keys whose values concern more than one field ---- */

cr_err cr_take_topic_prefix(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_trusted(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_redis(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_redis_username(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_redis_password_file(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_admin_identity(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_admin_username(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_viewer_identity(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_alert_notice(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_alert_warning(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_alert_critical(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_viewer_username(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);

#endif
