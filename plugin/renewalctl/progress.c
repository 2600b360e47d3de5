#include "plugin/renewalctl/run.h"

enum { FIRST_MS = 1000, EACH_MS = 200, BAR_WIDTH = 30 };

void ctl_progress_begin(struct ctl_progress *progress, const struct ctl_run *run)
{
    *progress = (struct ctl_progress){ .began_ms = cr_mono_ms(run->clock) };
}

void ctl_progress_show(struct ctl_progress *progress, const struct ctl_run *run, double done, double total,
                       const char *what)
{
    int64_t now_ms = cr_mono_ms(run->clock);
    int64_t next_ms = progress->shown_ms != 0 ? progress->shown_ms + EACH_MS : progress->began_ms + FIRST_MS;
    char bar[BAR_WIDTH + 1];
    if (!run->err_terminal || now_ms < next_ms) {
        return;
    }
    if (total > 0) {
        ctl_bar_text(bar, sizeof bar, BAR_WIDTH, done, total);
        (void)fprintf(run->err, "\r[%s] %.0f of %.0f %s", bar, done, total, what);
    } else {
        (void)fprintf(run->err, "\r%.0f %s so far", done, what);
    }
    (void)fflush(run->err);
    progress->shown_ms = now_ms;
}

void ctl_progress_clear(struct ctl_progress *progress, const struct ctl_run *run)
{
    if (progress->shown_ms != 0) {
        (void)fputs("\r\033[K", run->err);
        (void)fflush(run->err);
        progress->shown_ms = 0;
    }
}
