/* config_overlay: settings that all brokers share, over what a configuration file says: as if the file had had them. Only
 * keys of the table that may be shared; the same bounds as in a file, and the same checks of the whole. Pure; any thread. */
#ifndef CR_CONFIG_OVERLAY_H
#define CR_CONFIG_OVERLAY_H

#include "plugin/config_table.h"
#include "plugin/handoff/ask.h"

enum { CR_WRONG_CAP = 320 };

/* Which setting is wrong, and how. */
struct cr_config_wrong {
    char slot[CR_NAME_CAP];
    char key[CR_ASK_TEXT_CAP];
    char text[CR_WRONG_CAP]; /* a sentence, without its full stop */
};

/* The key, if it may be shared and belongs where the slot's name ("": in no slot) says. NULL: there is none such. */
const struct cr_config_key *cr_config_shared(const char *slot, const char *key);
/* Whether a configuration takes this setting: its slot is configured, and there is such a key. */
bool cr_config_takes(const struct cr_config *config, const struct cr_policy_setting *setting);

/* Takes all of them; passes over those that this configuration does not take. CR_INVALID with the first that is wrong;
 * *config is then unspecified. */
CR_MUST_USE cr_err cr_config_overlay(struct cr_config *config, const struct cr_policy_setting *setting, unsigned count,
                                     struct cr_config_wrong *wrong);

#endif
