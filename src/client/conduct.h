/*
 * The conductor: starts the scanner and the streams, adds streams while that pays, waits for all of
 * them, and does what comes last: deletions, SYNC, PUBLISH.
 */
#ifndef CLIENT_CONDUCT_H
#define CLIENT_CONDUCT_H

/* Thread function; arg is a struct run.  TRANSFER_FINISHED is the last event. */
void *conduct_main(void *run);

#endif
