#include "device-sim/wire.h"

/* The kernel's header has the byte counters, the C library's does not, and the two cannot be included together. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct wire wire_count(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) {
        return (struct wire){ 0, 0 };
    }
    return (struct wire){ info.tcpi_bytes_sent - info.tcpi_bytes_retrans, info.tcpi_bytes_received };
}
