/*
 * Figures for Prometheus, in its text format, as node_exporter's textfile collector reads them:
 * ftxd(8) lists them.  Labels are names of clients and shares of the configuration, at most
 * TALLY_CLIENTS of clients, and reasons out of closed lists.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <sys/types.h>

#include "src/server/page.h"

struct supervisor;
struct key_holder;

#define METRICS_EVERY_MS 15000u

void metrics_format(const struct supervisor *s, struct page *page);

/*
 * Puts text in the place of the file at path, in a process of its own, since a disk may be slow: it
 * ends with 0, or with another status after it has logged why.  Returns its pid or a negative
 * error.
 */
pid_t metrics_write(const char *path, const struct page *page, struct key_holder *key);

#endif
