/*
 * The unit that ftxd is installed with, ftxd.service, and what a configuration needs beyond it.
 */
#ifndef FTXD_UNIT_H
#define FTXD_UNIT_H

#include "src/server/config.h"

/*
 * Prints a drop-in for it (systemd.unit(5)) on standard output; comments alone where the
 * configuration, that of file, needs nothing.
 */
void unit_print(const struct config *config, const char *file);

#endif
