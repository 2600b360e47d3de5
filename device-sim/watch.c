#include "device-sim/watch.h"

#include "common/clock.h"
#include "device-sim/report.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opened anew each time: who removed it wants to see it come back. */
static cr_err touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return CR_IO;
    }
    bool ok = futimens(fd, NULL) == 0;
    return close(fd) == 0 && ok ? CR_OK : CR_IO;
}

static void on_report(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    struct figures now = { .devices = watch->count, .renewals = watch->figures->renewals - watch->reported };
    struct report_moment moment = { .figures = watch->figures, .now = &now };
    cr_time_text(moment.time, cr_wall_s(cr_clock_system()));
    for (unsigned i = 0; i < watch->count; i++) {
        const struct device *device = &watch->devices[i];
        moment.awake += device->link != NULL ? 1 : 0; /* and not those that wait for the broker's address */
        if (device->reason[0] != '\0') {
            figures_failed(&now, device->reason);
        }
    }
    watch->reported = watch->figures->renewals;
    report_progress_end();
    report_line(stdout, &moment);
}

cr_err watch_start(struct watch *watch)
{
    watch->timer.data = watch;
    if (watch->options->alive != NULL && touch(watch->options->alive) != CR_OK) {
        return CR_IO;
    }
    uint64_t every_ms = (uint64_t)(watch->options->report_s * 1000);
    return every_ms == 0 || uv_timer_start(&watch->timer, on_report, every_ms, every_ms) == 0 ? CR_OK : CR_BUG;
}

void watch_tick(const struct watch *watch)
{
    if (watch->options->alive != NULL) {
        (void)touch(watch->options->alive); /* who looks at the file notices */
    }
}
