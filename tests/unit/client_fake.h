/*
 * A server for the tests of a put that keeps what it is sent in memory, answers as an honest one
 * unless its hook does otherwise, and holds the client to PROTOCOL.md: the first rule that was
 * broken stands in `broken`.  Several connections may share one.
 */
#ifndef TESTS_UNIT_CLIENT_FAKE_H
#define TESTS_UNIT_CLIENT_FAKE_H

#include "tests/unit/client_peer.h"

#define FAKE_FILES 10000u

struct fake_file {
	char path[300]; /* with the base */
	uint64_t size, received;
	uint8_t *data;
	struct metadata metadata;
	bool big, ended, dropped, committed;
	unsigned block_writes[16]; /* bytes received of each of the first blocks */
};

struct fake {
	/* How it behaves; may be NULL.  hook: true where it has dealt with the message. */
	bool (*hook)(struct fake *f, struct peer *p);
	void (*verdict)(const struct node *n, struct offer_verdict *v); /* else absent */
	int (*item_error)(enum message_type type, struct span path);	/* else 0 */
	uint8_t item_flags;
	int step; /* for the test */

	/* What it saw. */
	pthread_mutex_t lock;
	char *log; /* "OFFER MKDIR(a b) PACK COMMIT_PACKS ..." */
	size_t log_used;
	char broken[256];
	struct fake_file files[FAKE_FILES];
	size_t file_count;
	unsigned opens, commits, releases, discards, packs, pack_commits, syncs;
	uint64_t group_files_most, group_bytes_most; /* between two COMMIT_PACKS */

	/* Of one connection each. */
	struct fake_end {
		struct peer *peer;
		struct fake_file *open; /* handle 0 */
		bool failed;		/* a hook has answered its OPEN with ERROR */
		struct fake_file *part; /* a PACK ended within it */
		struct fake_file *group[LIMIT_GROUP_ITEMS];
		uint32_t group_count;
		uint64_t group_bytes;
		uint8_t *pack;
		struct decoder *decoder;
	} ends[RIG_STREAMS];
};

struct fake *fake_new(void);
void fake_free(struct fake *f);

/* The script of a peer whose arg is a fake. */
void fake_serve(struct peer *p);

/* The last file of this path that came, NULL: none. */
struct fake_file *fake_find(struct fake *f, const char *path);

/* Was it published with this content (that of content_path)? */
bool fake_has(struct fake *f, const char *path, const char *content_path, uint64_t size);

/* For hooks: ERROR with blocks, statuses of one code. */
void fake_error_blocks(struct peer *p, int error, uint64_t first, uint64_t count);
void fake_statuses(struct peer *p, enum message_type type, uint32_t count, int code);
void fake_have(struct peer *p, uint64_t first, uint64_t count);

/* Items of the request that is being answered. */
uint32_t fake_items(const struct message *m);

#endif
