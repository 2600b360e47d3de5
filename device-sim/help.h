/* help: what --help prints. */
#ifndef DEVICE_SIM_HELP_H
#define DEVICE_SIM_HELP_H

extern const char help_main[], help_run[], help_pki[];

#endif
