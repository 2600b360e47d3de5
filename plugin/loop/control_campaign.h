/* control_campaign: campaigns as JSON (control_campaign_fields.c). Private to loop/. */
#ifndef CR_CONTROL_CAMPAIGN_H
#define CR_CONTROL_CAMPAIGN_H

#include "plugin/loop/control.h"

/* What createCampaign asks for, as a campaign that is being counted; without `by`. False: *refusal and *text say why not. */
bool control_campaign_read(struct cr_command *command, struct cr_campaign *campaign, enum cr_refusal *refusal,
                           const char **text);
/* All that is told of a campaign, into *data. False: out of memory. */
bool control_put_campaign(cJSON *data, const struct cr_campaign *campaign);

#endif
