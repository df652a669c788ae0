/*
 * One wish to stop, seen by every thread that waits or works.
 */
#ifndef CLIENT_CANCEL_H
#define CLIENT_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct cancel {
	atomic_bool requested;
	int fd; /* eventfd, readable from the request on */
};

int cancel_init(struct cancel *c);
void cancel_release(struct cancel *c);

/* From any thread. */
void cancel_request(struct cancel *c);
bool cancel_requested(const struct cancel *c);

/*
 * Waits for events on fd (-1: for time alone) until deadline_ms of clock_ms().  1: there is one; 0:
 * time is up; FTX_E_INTERRUPTED: cancelled; or the error of poll.
 */
int cancel_poll(const struct cancel *c, int fd, short events, uint64_t deadline_ms);

#endif
