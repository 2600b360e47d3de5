/* admission: which device may connect, and when: so many handshakes at a time, since more than the broker's listen
 * queue holds would only wait in the kernel, and none while the broker's address is not known. Main thread only. */
#ifndef DEVICE_SIM_ADMISSION_H
#define DEVICE_SIM_ADMISSION_H

#include "device-sim/device.h"
#include "device-sim/resolver.h"

struct admission {
    const struct run_options *options;
    struct resolver resolver;
    struct device *first, *last;
    unsigned connecting;
    bool closed, unresolved;
    uv_idle_t soon;    /* closed by the owner, as the resolver's handles are */
};

/* `options` are lent. CR_IO: libuv refused. */
CR_MUST_USE cr_err admission_init(struct admission *admission, uv_loop_t *loop, const struct run_options *options);
/* device_connect() when there is room; never from within this call. */
void admission_queue(struct admission *admission, struct device *device);
/* One of those handshakes has ended, in whatever way. */
void admission_over(struct admission *admission);
/* Nobody is admitted any more. Before its handles are closed; harmless on one that is all zeros. */
void admission_fini(struct admission *admission);

#endif
