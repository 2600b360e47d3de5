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
    /* The key may be shared by all brokers (setPolicy): how its value is written. NULL: the file alone has it. */
    void (*shared)(const struct cr_config_key *key, const void *field, char *text, size_t cap);
};

/* The keys; sorted as README.md has them. */
extern const struct cr_config_key cr_config_keys[];
extern const unsigned cr_config_key_count;
enum { CR_CONFIG_KEYS_MAX = 128 };

/* The key of that name; NULL: none. */
const struct cr_config_key *cr_config_key_find(const char *name);
/* The key whose name comes close enough to be meant; NULL: none does. */
const struct cr_config_key *cr_config_key_nearest(const char *name);
/* Takes a value into *config, or into *slot for a key of a slot section. CR_INVALID with the sentence's rest. */
CR_MUST_USE cr_err cr_config_key_take(const struct cr_config_key *key, struct cr_config *config,
                                      struct cr_profile *slot, const char *value, struct cr_why *why);

/* The value of a key that may be shared, as a file would have it; "" where there is none (a URL). CR_POLICY_VALUE_CAP
 * bytes suffice. */
void cr_config_key_show(const struct cr_config_key *key, const struct cr_config *config, const struct cr_profile *slot,
                        char *text, size_t cap);

/* ---- config_show.c: for the table ---- */

void cr_show_number(const struct cr_config_key *key, const void *field, char *text, size_t cap);
void cr_show_s(const struct cr_config_key *key, const void *field, char *text, size_t cap);
void cr_show_s64(const struct cr_config_key *key, const void *field, char *text, size_t cap);
void cr_show_share(const struct cr_config_key *key, const void *field, char *text, size_t cap);
void cr_show_bool(const struct cr_config_key *key, const void *field, char *text, size_t cap);
void cr_show_choice(const struct cr_config_key *key, const void *field, char *text, size_t cap);
void cr_show_list(const struct cr_config_key *key, const void *field, char *text, size_t cap);
void cr_show_url(const struct cr_config_key *key, const void *field, char *text, size_t cap);
/* field: the slot */
void cr_show_notice(const struct cr_config_key *key, const void *field, char *text, size_t cap);
void cr_show_warning(const struct cr_config_key *key, const void *field, char *text, size_t cap);
void cr_show_critical(const struct cr_config_key *key, const void *field, char *text, size_t cap);
void cr_show_window(const struct cr_config_key *key, const void *field, char *text, size_t cap);

/* ---- config_whole.c: keys whose values concern more than one field ---- */

cr_err cr_take_topic_prefix(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_trusted(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
/* config_trust.c: issuers and factories; each key belongs to the last issuer_certfile or factory_cafile before it */
cr_err cr_take_issuer_certfile(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_issuer_keyfile(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_issuer_passphrase_file(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_issuer_sign_from(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_factory_cafile(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_factory_name(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_factory_identity(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_factory_enroll(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_factory_reenroll(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
cr_err cr_take_crl_include(struct cr_config *config, struct cr_profile *slot, const char *value, struct cr_why *why);
/* What is missing or does not fit, once the file is read. A sentence each, with the line; 0: that of `key`. */
typedef void cr_trust_wrong_fn(void *ctx, unsigned line, const char *key, const char *sentence);
void cr_config_trust_check(struct cr_config *config, cr_trust_wrong_fn *wrong, void *ctx);

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

/* ---- what can only be judged once a slot is complete ---- */

/* A renewal window that was given as a time becomes a share of the lifetime. CR_INVALID: too long a share. */
CR_MUST_USE cr_err cr_slot_fit_window(struct cr_profile *slot, struct cr_why *why);
/* Calls wrong for each mistake, with the key that is to be corrected and a sentence. limits_rsa: somebody set the sizes of
 * RSA keys. */
typedef void cr_slot_wrong_fn(void *ctx, const char *key, const char *sentence);
void cr_slot_check(const struct cr_profile *slot, bool limits_rsa, cr_slot_wrong_fn *wrong, void *ctx);

#endif
