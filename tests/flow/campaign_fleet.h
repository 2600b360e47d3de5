/* campaign_fleet: many devices that exist in a ledger only, and one or two brokers that share it, for campaigns. What
 * devices do is told to the ledger directly. One thread; a mistake in it fails the test. */
#ifndef CR_CAMPAIGN_FLEET_H
#define CR_CAMPAIGN_FLEET_H

#include "tests/support/flow_rig.h"

#include <cjson/cJSON.h>

enum { FLEET_MAX = 300, FLEET_BROKERS = 2 };

struct fleet {
    struct fake_ledger *ledger;
    struct flow_rig rig[FLEET_BROKERS];
    bool runs[FLEET_BROKERS];
    struct cr_blob boss_cert[FLEET_BROKERS];
    const struct cr_client *boss[FLEET_BROKERS], *viewer[FLEET_BROKERS];
    int64_t now_s;
    unsigned count;
    cJSON *reply; /* the last one */
    struct cr_campaign campaign;
};

/* cmocka's setup and teardown; the state is the fleet, with one broker. */
int fleet_start(void **state);
int fleet_stop(void **state);

/* Begins a broker, or ends one, whatever it is about to do. */
void fleet_broker(struct fleet *f, unsigned broker, const char *extra);
void fleet_kill(struct fleet *f, unsigned broker);

/* Makes so many more devices: d0, d1, … */
void fleet_add(struct fleet *f, unsigned count);
/* Time passes second by second, with everything that the brokers do meanwhile. */
void fleet_live(struct fleet *f, int64_t seconds);

const struct cr_slot_record *fleet_slot(struct fleet *f, unsigned device);
/* The device that was triggered asks for a certificate, gets it and comes back with it. */
void fleet_renew(struct fleet *f, unsigned device);
/* It reports that it failed. */
void fleet_fail(struct fleet *f, unsigned device);
/* All that are triggered renew. Returns how many did. */
unsigned fleet_renew_all(struct fleet *f);
/* How many are members of this group of any campaign. */
unsigned fleet_members(struct fleet *f, unsigned group);
/* How many triggers there were, in all; fails the test when a device got two. */
unsigned fleet_triggers(struct fleet *f);

/* Gives a command, such as "\"command\":\"listCampaigns\"", and fails the test unless it is answered; or unless it is
 * refused so. The data is lent until the next command. */
const cJSON *fleet_command(struct fleet *f, unsigned broker, const char *fields);
/* Whether it was answered. */
bool fleet_tried(struct fleet *f, unsigned broker, const char *fields);
void fleet_refused(struct fleet *f, const char *fields, const char *code, const char *sentence);
/* Creates a campaign with these further fields (""), and returns its id. */
const char *fleet_create(struct fleet *f, char id[CR_CAMPAIGN_ID_CAP], const char *fields);
/* What getCampaign says now. */
const cJSON *fleet_campaign(struct fleet *f, const char *id);
const char *fleet_state(struct fleet *f, const char *id);
int fleet_number(struct fleet *f, const char *id, const char *name);
/* As the ledger has it. Lent until the next call. */
const struct cr_campaign *fleet_ledger_campaign(struct fleet *f, const char *id);
/* Somebody writes it without changing anything. */
void fleet_touch(struct fleet *f, const char *id);
/* The oldest campaign event not taken yet; "": none. Lent. */
const char *fleet_event(struct fleet *f, unsigned broker);

/* Fails the test unless that is such an event. */
void fleet_expect_event(struct fleet *f, unsigned broker, const char *event);
/* "pause", "resume", "abort" */
void fleet_steer(struct fleet *f, unsigned broker, const char *verb, const char *id);

#endif
