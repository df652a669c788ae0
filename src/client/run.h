/*
 * What the threads of one transfer share (src/client only).
 *
 * Written before the threads start and constant from then on, but for the two queues, the wish to
 * stop and the counters.
 */
#ifndef CLIENT_RUN_H
#define CLIENT_RUN_H

#include <stdatomic.h>
#include <sys/types.h>

#include "src/client/cancel.h"
#include "src/client/queue.h"
#include "src/client/transfer.h"
#include "src/store/metadata.h"

/* A source that the scanner found: what a stream pulls from the queue. */
struct work {
	size_t index;  /* of the source in the request */
	uint64_t size; /* put: as scanned; get: 0 */
};

struct run {
	const struct transfer_request *request;
	struct address *remotes; /* put: the destination; get: one a source */
	struct address server;	 /* host, port and key */
	const uint8_t *identity;
	uint8_t session_id[16];
	struct metadata_rules rules; /* of this side's file systems */

	struct cancel cancel;
	struct queue *work;
	struct queue *events;
	int events_fd; /* eventfd: there are events */

	atomic_int phase;
	atomic_bool scanned;
	atomic_uint_fast64_t files, files_total, bytes, bytes_present, bytes_total, bytes_wire;
};

/* Waits while the reader of events is behind. */
void run_emit(struct run *run, const struct transfer_event *event);

/* An error event; path NULL: not about one entry. */
void run_error(struct run *run, const char *path, const struct problem *p);

#endif
