/* app: owns every part of the plugin: ordered start, reverse stop, reload. Broker loop only. */
#ifndef CR_APP_H
#define CR_APP_H

#include "plugin/host/host.h"

struct cr_app;

/* Loads the configuration, starts store and workers. Every mistake is logged through host; on failure nothing is left
 * running. */
CR_MUST_USE cr_err cr_app_start(struct cr_app **app, struct cr_host *host, const char *config_path);
/* Reads the configuration again. A mistake keeps the former one and is logged. What cannot change while running (redis,
 * journal_dir, workers, topic_prefix …) is named in the log if it differs. */
void cr_app_reload(struct cr_app *app);
/* Ends all threads within a deadline; frees. Harmless on NULL. */
void cr_app_stop(struct cr_app *app);
struct cr_router *cr_app_router(struct cr_app *app);

#endif
