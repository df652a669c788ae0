/*
 * A server for the tests of a get: has some files, and answers FETCH, READ and STAT as an honest
 * one unless its hook does otherwise.  The scanner is played by served_push().
 */
#ifndef TESTS_UNIT_CLIENT_SERVED_H
#define TESTS_UNIT_CLIENT_SERVED_H

#include "tests/unit/client_peer.h"

struct served_entry {
	const char *path; /* relative to the source; directories before what is in them */
	unsigned type;
	uint64_t size;
	const char *target;
	uint16_t mode;	/* 0: 0640, directories 0750 */
	uint64_t links; /* the inode that several names are of; 0: its own */
};

struct served {
	const struct served_entry *entries;
	size_t count;
	bool (*hook)(struct served *v, struct peer *p);
	unsigned fetches, reads, stats, done;
	int step;
	bool over; /* the connection ends behind this message */
};

/* What the server says of each: times follow from the place in the list. */
struct identity served_identity(const struct served *v, size_t i);
struct metadata served_metadata(const struct served *v, size_t i);
size_t served_find(const struct served *v, struct span path);

/* Puts all entries on the rig's work, as the scanner would, and says that this is all. */
void served_push(struct rig *rig, const struct served *v);

/* The script of a peer whose arg is a struct served. */
void served_serve(struct peer *p);

/* For hooks: DATA of a stretch of a file, chunk by chunk, and DONE; one chunk, not sent. */
void served_range(struct peer *p, const char *path, uint64_t from, uint64_t to);
struct message served_chunk(const char *path, uint64_t offset, uint32_t length);
void served_done(struct peer *p, struct identity identity);

/* The parts of an answer to FETCH, which a hook may spoil before they are sent. */
#define SERVED_PARTS 16u
struct served_answer {
	struct message parts[SERVED_PARTS]; /* DATA_PACKs, then FETCHED */
	struct fetched items[SERVED_PARTS][LIMIT_ENTRIES];
	uint8_t data[SERVED_PARTS][LIMIT_CHUNK_BYTES];
	unsigned count;
};
struct served_answer *served_fetch(const struct served *v, const struct message_fetch *m);

#endif
