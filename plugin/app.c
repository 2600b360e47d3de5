/* Ordered start: rules, way home, store, workers, router. Stop in reverse, the router first out of service: nothing is
 * admitted any more; then the workers, who still hand on to the store; then the store, which completes what is inside. */
#include "plugin/app.h"

#include "common/clock.h"
#include "common/random.h"
#include "plugin/handoff/pipeline.h"
#include "plugin/loop/router.h"
#include "plugin/setup.h"
#include "plugin/store/store_redis.h"
#include "plugin/worker/workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { APP_PATH_CAP = 4096 };

struct cr_app {
    struct cr_host *host;
    char config_path[APP_PATH_CAP];
    struct cr_setup *setup;
    struct cr_wake *wake;
    struct cr_pipeline pipeline;
    struct cr_router *router;
};

static void app_log(void *ctx, char level, const char *text)
{
    struct cr_app *app = ctx;

    app->host->ops->log(app->host, level, text);
}

/* About the configuration: every such line names its file. */
static void app_tell(struct cr_app *app, char level, unsigned line, const char *sentence)
{
    char text[APP_PATH_CAP + 512];

    if (line > 0) {
        snprintf(text, sizeof text, "%s:%u: %.480s", app->config_path, line, sentence);
    } else {
        snprintf(text, sizeof text, "%s: %.480s", app->config_path, sentence);
    }
    app_log(app, level, text);
}

static void app_complain(void *ctx, unsigned line, const char *sentence)
{
    app_tell(ctx, 'e', line, sentence);
}

/* How many there are tells an operator that the list is the one that was meant. */
static void app_tell_weak_keys(struct cr_app *app)
{
    const struct cr_weak_list *list = cr_weak_file_list(app->setup->weak_keys);
    char text[64];

    if (list != NULL) {
        snprintf(text, sizeof text, "keys refused by weak_keys_file: %zu", list->count);
        app_log(app, 'n', text);
    }
}

static cr_err app_start_store(struct cr_app *app)
{
    char why[256] = "";
    struct cr_store_redis_options options = {
        .setup = app->setup,
        .clock = cr_clock_system(),
        .max_jobs = app->setup->config.max_in_flight,
        .own_files = true,
        .done = cr_pipeline_stored,
        .done_ctx = &app->pipeline,
        .log = app_log,
        .log_ctx = app,
    };
    cr_err err = cr_store_redis_new(&app->pipeline.store, &options, why, sizeof why);

    if (err != CR_OK) {
        app_complain(app, 0, why[0] != '\0' ? why : cr_err_text(err));
    }
    return err;
}

static cr_err app_start_workers(struct cr_app *app)
{
    struct cr_pool_options options = {
        .threads = app->setup->config.workers,
        .capacity = app->setup->config.max_in_flight,
        .random = cr_random_system(),
        .done = cr_pipeline_worked,
        .done_ctx = &app->pipeline,
    };

    return cr_pool_new(&app->pipeline.workers, &options);
}

cr_err cr_app_start(struct cr_app **app, struct cr_host *host, const char *config_path)
{
    struct cr_app *a = calloc(1, sizeof *a);
    cr_err err = CR_NOMEM;

    *app = NULL;
    if (a == NULL) {
        return err;
    }
    a->host = host;
    if (cr_text_copy(a->config_path, sizeof a->config_path, config_path) != CR_OK) {
        app_log(a, 'e', "the path of the configuration file is too long");
        err = CR_INVALID;
        goto out;
    }
    CR_TRY(cr_setup_load(&a->setup, config_path, NULL, cr_wall_s(cr_clock_system()), app_complain, a));
    app_tell_weak_keys(a);
    CR_TRY(cr_wake_new(&a->wake));
    CR_TRY(cr_pipeline_init(&a->pipeline, a->setup->config.max_in_flight, a->wake));
    CR_TRY(app_start_store(a));
    CR_TRY(app_start_workers(a));
    {
        struct cr_router_options options = { host, cr_clock_system(), a->setup, &a->pipeline };

        CR_TRY(cr_router_new(&a->router, &options));
        cr_router_configured(a->router, "read at start");
    }
    *app = a;
    return CR_OK;
out:
    cr_app_stop(a);
    return err;
}

void cr_app_stop(struct cr_app *app)
{
    if (app == NULL) {
        return;
    }
    if (app->router != NULL) {
        cr_router_flush(app->router);
    }
    cr_workers_stop(app->pipeline.workers); /* the store may still try to hand on to them: refused, not lost */
    cr_store_free(app->pipeline.store);
    cr_workers_free(app->pipeline.workers);
    cr_router_free(app->router);
    cr_pipeline_fini(&app->pipeline);
    cr_wake_free(app->wake);
    cr_setup_drop(app->setup);
    free(app);
}

struct cr_router *cr_app_router(struct cr_app *app)
{
    return app->router;
}

/* What is fixed while the broker runs: the threads were started with it. */
static void app_name_fixed(struct cr_app *app, struct cr_config *now, const struct cr_config *next)
{
    const struct {
        const char *key;
        bool differs;
    } fixed[] = {
        { "redis", strcmp(now->redis, next->redis) != 0 },
        { "redis_prefix", strcmp(now->redis_prefix, next->redis_prefix) != 0 },
        { "redis_username", strcmp(now->redis_username, next->redis_username) != 0 },
        { "redis_password_file", strcmp(now->redis_password, next->redis_password) != 0 },
        { "redis_cafile", strcmp(now->redis_cafile, next->redis_cafile) != 0 },
        { "redis_timeout", now->redis_timeout_ms != next->redis_timeout_ms },
        { "redis_require_durable", now->redis_require_durable != next->redis_require_durable },
        { "journal_dir", strcmp(now->journal_dir, next->journal_dir) != 0 },
        { "journal_max_size", now->journal_max_size != next->journal_max_size },
        { "broker_name", strcmp(now->broker_name, next->broker_name) != 0 },
        { "topic_prefix", strcmp(now->topic_prefix, next->topic_prefix) != 0 },
        { "workers", now->workers != next->workers },
        { "max_in_flight", now->max_in_flight != next->max_in_flight },
    };
    char text[160];

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (fixed[i].differs) {
            snprintf(text, sizeof text, "%s is read at start only: restart the broker to change it", fixed[i].key);
            app_tell(app, 'w', 0, text);
        }
    }
}

void cr_app_reload(struct cr_app *app)
{
    struct cr_setup *next = NULL;

    if (cr_setup_load(&next, app->config_path, app->setup, cr_wall_s(cr_clock_system()), app_complain, app) != CR_OK) {
        app_complain(app, 0, "the configuration stays as it was: correct the mistakes above and send SIGHUP again");
        return;
    }
    app_name_fixed(app, &app->setup->config, &next->config);
    memcpy(next->config.topic_prefix, app->setup->config.topic_prefix, sizeof next->config.topic_prefix);
    memcpy(next->config.broker_name, app->setup->config.broker_name, sizeof next->config.broker_name);
    next->config.max_in_flight = app->setup->config.max_in_flight;
    cr_router_use(app->router, next);
    cr_setup_drop(app->setup);
    app->setup = next;
    app_tell_weak_keys(app);
    cr_router_configured(app->router, "read again");
    app_tell(app, 'n', 0, "configuration read again");
}
