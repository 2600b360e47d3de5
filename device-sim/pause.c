#include "device-sim/pause.h"

static const double longest_ms = 60000, jitter = 0.3;

static double doubled(double first_ms, unsigned times, double max_ms)
{
    double wait_ms = first_ms;
    while (times-- > 0 && wait_ms < max_ms) {
        wait_ms *= 2;
    }
    return wait_ms < max_ms ? wait_ms : max_ms;
}

static double vary(double wait_ms, double chance)
{
    return wait_ms * (1 + jitter * (2 * chance - 1));
}

static double patiently(double first_ms, unsigned failures, double chance)
{
    return doubled(first_ms, failures, longest_ms) * (0.5 + 0.5 * chance);
}

double pause_connect_ms(unsigned failures, bool patient, double chance)
{
    return patient ? patiently(1000, failures, chance) : vary(doubled(200, failures, 3200), chance);
}

double pause_renewal_ms(unsigned failures, bool patient, double chance)
{
    return patient ? patiently(1500, failures, chance) : vary(1500, chance);
}
