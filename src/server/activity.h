/*
 * What a session is doing and how much it has moved, for the supervisor to tell: figures in memory
 * that both have (lent.h).  The supervisor trusts them for nothing but what it says of this
 * session.
 */
#ifndef SERVER_ACTIVITY_H
#define SERVER_ACTIVITY_H

#include <stddef.h>
#include <stdint.h>

/* Of a path that a request names; of a longer one the end is kept. */
#define ACTIVITY_PATH_BYTES 255u

struct activity;

/* In the supervisor.  As lent_new() and its like have it. */
struct activity *activity_new(void);
void activity_free(struct activity *a); /* may be NULL */
int activity_lend(struct activity *a);
void activity_keep(struct activity *a);

/* In the session; a may be NULL, and then they do nothing. */

/* A request of this type (enum message_type) is being worked on; 0: none is. */
void activity_begin(struct activity *a, unsigned type);
/* It is about this. */
void activity_path(struct activity *a, const void *path, size_t length);
/* So many bytes went over the connection, at now_ms (clock_ms()). */
void activity_moved(struct activity *a, size_t received, size_t sent, uint64_t now_ms);
void activity_committed(struct activity *a, uint32_t files);
/* Uploads that are open now. */
void activity_uploads(struct activity *a, unsigned count);

/* What was found there.  The path is what the session says, to be escaped. */
struct activity_seen {
	unsigned doing; /* enum message_type; 0, or a number that is none: nothing */
	uint64_t received;
	uint64_t sent;
	uint64_t committed;
	unsigned uploads;
	uint64_t rate; /* bytes a second, both ways, over the last second or so */
	size_t path_length;
	char path[ACTIVITY_PATH_BYTES];
};

/* In the supervisor; a may be NULL. */
void activity_look(const struct activity *a, uint64_t now_ms, struct activity_seen *seen);

#endif
