/* wire: what the kernel counted on a TCP socket: payload, TLS included, retransmissions left out. */
#ifndef DEVICE_SIM_WIRE_H
#define DEVICE_SIM_WIRE_H

#include <stdint.h>

struct wire {
    uint64_t sent, received;
};

/* Zeros when fd is no connected TCP socket. */
struct wire wire_count(int fd);

#endif
