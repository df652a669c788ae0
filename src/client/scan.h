/*
 * The scanner: looks at what was named, in order, and queues what is to be transferred.
 */
#ifndef CLIENT_SCAN_H
#define CLIENT_SCAN_H

#include "src/client/run.h"

/* Thread function; closes run->work at the end. */
void *scan_main(void *run);

#endif
