/* sane: whether the wall clock can be believed (hostile 109).
 *
 * It cannot while it stands outside the issuer's validity, nor when it jumped against the monotonic clock: back by more
 * than a minute, or ahead by more than a day. After a jump it is believed again once both clocks have gone together for a
 * minute. Small steps, such as time servers make, are no jumps. Pure; broker loop only. */
#ifndef CR_SANE_H
#define CR_SANE_H

#include <stdbool.h>
#include <stdint.h>

struct cr_sane {
    int64_t wall_s, mono_ms;  /* when last looked */
    int64_t doubted_ms;       /* monotonic: since when both go together again; 0: never doubted */
    bool looked, doubted;
};

/* Looks at both clocks; call it a few times a minute at least. not_before, not_after: of the issuer. */
bool cr_sane_look(struct cr_sane *sane, int64_t wall_s, int64_t mono_ms, int64_t not_before, int64_t not_after);

#endif
