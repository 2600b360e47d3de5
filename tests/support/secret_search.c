/* Looks for bytes that must not be somewhere: secret-search pid PID | file PATH… < NEEDLES
 * Each line of NEEDLES is "NAME HEX". Of a process all memory is looked through that the kernel would put into a core:
 * what /proc/PID/smaps does not mark "dd" (madvise(2), MADV_DONTDUMP); copies need no parting with ptrace, so the
 * process runs on. Prints NAME and where for each that is found. Exit 0: none; 1: some; 2: it could not look. */
#include "common/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NEEDLES_MAX = 64, NEEDLE_MAX = 256, PIECE = 1 << 20 };

struct needle {
    char name[64];
    uint8_t bytes[NEEDLE_MAX];
    size_t len;
};

static struct needle needles[NEEDLES_MAX];
static size_t needle_count;
static unsigned found;
static uint64_t looked;

static bool needles_read(void)
{
    char line[2 * NEEDLE_MAX + 80], hex[2 * NEEDLE_MAX + 2];
    while (fgets(line, sizeof line, stdin) != NULL && needle_count < NEEDLES_MAX) {
        struct needle *needle = &needles[needle_count];
        if (sscanf(line, "%63s %513s", needle->name, hex) != 2) {
            return false;
        }
        needle->len = strlen(hex) / 2;
        if (needle->len < 8 || needle->len > NEEDLE_MAX) {
            return false;
        }
        for (size_t i = 0; i < needle->len; i++) {
            unsigned octet = 0;
            if (sscanf(&hex[2 * i], "%2x", &octet) != 1) {
                return false;
            }
            needle->bytes[i] = (uint8_t)octet;
        }
        needle_count++;
    }
    return needle_count > 0;
}

/* Reads the window in pieces that overlap, so that nothing is missed between two. */
static void search(int fd, uint64_t from, uint64_t to, const char *where)
{
    static uint8_t piece[PIECE + NEEDLE_MAX];
    for (uint64_t at = from; at < to; at += PIECE) {
        size_t want = to - at < sizeof piece ? (size_t)(to - at) : sizeof piece;
        ssize_t got = pread(fd, piece, want, (off_t)at);
        if (got <= 0) {
            continue; /* a guard page, or one that cannot be read */
        }
        looked += (uint64_t)got < PIECE ? (uint64_t)got : PIECE;
        for (size_t n = 0; n < needle_count; n++) {
            const uint8_t *hit = memmem(piece, (size_t)got, needles[n].bytes, needles[n].len);
            if (hit != NULL) {
                printf("%s at %" PRIx64 " of %s\n", needles[n].name, at + (uint64_t)(hit - piece), where);
                found++;
            }
        }
    }
}

static bool search_process(const char *pid)
{
    char path[64], line[512], where[200] = "";
    uint64_t from = 0, to = 0;
    (void)snprintf(path, sizeof path, "/proc/%s/smaps", pid);
    FILE *smaps = fopen(path, "re");
    (void)snprintf(path, sizeof path, "/proc/%s/mem", pid);
    int mem = open(path, O_RDONLY | O_CLOEXEC);
    if (smaps == NULL || mem < 0) {
        perror(path);
        return false;
    }
    while (fgets(line, sizeof line, smaps) != NULL) {
        uint64_t a, b;
        char rest[200] = "";
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %199[^\n]", &a, &b, rest) >= 2 && strchr(line, '-') < strchr(line, ' ')) {
            from = a;
            to = b;
            memcpy(where, rest, sizeof where);
        } else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " dd") == NULL && strstr(line, " io") == NULL) {
            search(mem, from, to, where);
        }
    }
    (void)fclose(smaps);
    (void)close(mem);
    return looked > 0;
}

static bool search_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    if (size < 0) {
        perror(path);
        return false;
    }
    search(fd, 0, (uint64_t)size, path);
    (void)close(fd);
    return true;
}

int main(int argc, char **argv)
{
    bool process = argc == 3 && strcmp(argv[1], "pid") == 0;
    bool ok = (process || (argc >= 3 && strcmp(argv[1], "file") == 0)) && needles_read();
    if (!ok) {
        (void)fputs("usage: secret-search pid PID | file PATH... < NEEDLES\n", stderr);
        return 2;
    }
    if (process) {
        ok = search_process(argv[2]);
    }
    for (int i = 2; !process && i < argc; i++) {
        ok = search_file(argv[i]) && ok;
    }
    (void)fprintf(stderr, "%" PRIu64 " bytes, %zu needles, found %u\n", looked, needle_count, found);
    return !ok ? 2 : found > 0 ? 1 : 0;
}
