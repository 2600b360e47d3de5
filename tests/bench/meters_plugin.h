/* meters_plugin: the whole plugin but for the broker: router, workers and the store on a Redis of its own, with their
 * real threads, under a clock that the replay moves.
 *
 * The caller's thread is the broker's loop: it calls everything here. Each call into the plugin goes through one of the
 * functions below, so that what the plugin's part of this thread takes can be told from what the replay itself takes.
 * What cannot be done ends the program. */
#ifndef CR_METERS_PLUGIN_H
#define CR_METERS_PLUGIN_H

#include "tests/bench/meters_host.h"

#include <stdbool.h>

struct meters_plugin;

/* Starts Redis (in a directory of its own, see meters_plugin_dir) and nothing else. */
void meters_plugin_new(struct meters_plugin **plugin, struct meters_host *host);
/* Where ca.pem and ca.key are expected by the next function; removed with the plugin. */
const char *meters_plugin_dir(const struct meters_plugin *plugin);
/* Reads the configuration, connects the store, starts the rest. slot_lines: what the slot is configured with. */
void meters_plugin_start(struct meters_plugin *plugin, int64_t now_s, const char *slot_lines);
void meters_plugin_free(struct meters_plugin *plugin);

const struct cr_profile *meters_plugin_profile(const struct meters_plugin *plugin);

/* Moves both clocks on to this wall clock time; never back. */
void meters_plugin_time(struct meters_plugin *plugin, int64_t now_s);

/* What a broker tells. */
void meters_plugin_connected(struct meters_plugin *plugin, struct meters_client *client);
void meters_plugin_disconnected(struct meters_plugin *plugin, struct meters_client *client);
/* Asks for access, then hands the message on. False: refused. */
bool meters_plugin_message(struct meters_plugin *plugin, struct meters_client *client, const char *topic,
                           struct cr_bytes payload);
/* An operator's command; its answer comes to host->response. */
void meters_plugin_control(struct meters_plugin *plugin, struct meters_client *client, const char *json);
/* One turn of the loop. */
void meters_plugin_tick(struct meters_plugin *plugin);

/* Whether no job is under way anywhere and every one that was has been seen to. */
bool meters_plugin_idle(const struct meters_plugin *plugin);
/* Waits until something came home; ends the program when nothing does. */
void meters_plugin_wait(struct meters_plugin *plugin);

/* What Redis uses for the devices, in bytes: without the audit stream, which is bounded by its own length. */
long long meters_plugin_redis_bytes(struct meters_plugin *plugin);

/* CPU so far, in microseconds. */
struct meters_cpu {
    double loop;    /* the plugin's part of the caller's thread */
    double threads; /* the store's, the journal's and the workers' */
    double redis;
};
struct meters_cpu meters_plugin_cpu(const struct meters_plugin *plugin);

#endif
