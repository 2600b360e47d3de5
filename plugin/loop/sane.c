#include "plugin/loop/sane.h"

enum { BACK_MAX_S = 60, AHEAD_MAX_S = 86400, TOGETHER_MS = 60000 };

bool cr_sane_look(struct cr_sane *sane, int64_t wall_s, int64_t mono_ms, int64_t not_before, int64_t not_after)
{
    if (sane->looked) {
        int64_t ahead_s = (wall_s - sane->wall_s) - (mono_ms - sane->mono_ms) / 1000;

        if (ahead_s < -BACK_MAX_S || ahead_s > AHEAD_MAX_S) {
            sane->doubted = true;
            sane->doubted_ms = mono_ms;
        }
    }
    if (sane->doubted && mono_ms - sane->doubted_ms >= TOGETHER_MS) {
        sane->doubted = false;
    }
    sane->looked = true;
    sane->wall_s = wall_s;
    sane->mono_ms = mono_ms;
    return !sane->doubted && wall_s >= not_before && wall_s < not_after;
}
