/* pki_file: files that are whole or not there: written beside their place, then moved into it. Whatever ends the
 * process in between leaves the former file, or none, and a file NAME.new that the next write takes over.
 * Main thread only. */
#ifndef DEVICE_SIM_PKI_FILE_H
#define DEVICE_SIM_PKI_FILE_H

#include "common/err.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

enum { PKI_PATH_CAP = 512 };

struct pki_file {
    FILE *to; /* NULL: not open */
    char path[PKI_PATH_CAP], beside[PKI_PATH_CAP + 4];
    bool durable;
};

/* Opens file->to. durable: pki_file_done() waits until it will survive a loss of power. CR_FULL: the path is too long.
 * CR_IO: errno says why. */
CR_MUST_USE cr_err pki_file_open(struct pki_file *file, const char *path, mode_t mode, bool durable);
/* Puts it in its place; not `written`: removes it. CR_IO: that is so, or it could not be; errno says why. */
CR_MUST_USE cr_err pki_file_done(struct pki_file *file, bool written);

/* Whether there is something in this file. */
bool pki_file_there(const char *path);

/* Waits its turn, at most timeout_ms: one process at a time works on this directory. The lock (a file descriptor) ends
 * with the process. CR_TIMEOUT: another one still does. CR_IO: errno says why. */
CR_MUST_USE cr_err pki_lock(int *lock, const char *dir, unsigned timeout_ms);

#endif
