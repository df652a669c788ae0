/*
 * What the scanner finds and the streams transfer: entries, in batches, below roots.
 *
 * A root is one source of the command with the place where it lands.  An entry is anything at or
 * below it.  Entries live in batches, which own all their bytes; a batch goes when its last entry
 * is over, so memory is bounded by the batches in flight and never by the size of a tree.
 */
#ifndef CLIENT_ENTRY_H
#define CLIENT_ENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/message.h"
#include "src/store/metadata.h"

/* A member of a list of everything of its kind, so that an early end finds it. */
struct live {
	struct live *before, *after;
};

void live_init(struct live *list);
void live_add(struct live *list, struct live *l);
void live_remove(struct live *l);
/* Removes one and returns it; NULL: there is none. */
struct live *live_take(struct live *list);

struct root {
	size_t index;	   /* of the source in the request */
	const char *typed; /* as the user typed it */
	bool is_directory;
	char remote[LIMIT_PATH_BYTES +
		    1];	  /* SHARE/REST: put: where it lands; get: what is fetched */
	char *local_path; /* owned: put: what is read; get: where it lands, for messages */
	/*
	 * put: the directory that is read, -1 for a file, which is opened by local_path.  get: the
	 * directory that a tree lands in, or that local_name is in; -1: not there (dry run).
	 */
	int local;
	char local_name[LIMIT_NAME_BYTES + 1]; /* get of one file: its name in local */

	bool absent;   /* put: a file; nothing was there when it was looked where it lands */
	bool mirrored; /* --delete: all is said and done; of the first stream alone */
	atomic_bool incomplete; /* a directory below was not read to its end */
	atomic_uint_fast64_t entries;
};

struct dirnode;
struct link_group;
struct batch;

struct entry {
	struct batch *batch;
	const char *path; /* relative to the root; "": the root itself */
	struct metadata metadata;
	struct identity identity; /* of the source; its size is 0 but for regular files */
	uint64_t allocated;
	const char *target;	   /* of a link, else "" */
	struct dirnode *directory; /* the one it is in; of a directory: its own; NULL: of none */
	struct link_group *links;  /* -H: the first name of several */
	/* -H: names of the file, 0 or 1 where it is known already which of them is the first. */
	uint64_t names, device;
	struct offer_verdict verdict;
	uint64_t bytes_sent, bytes_resumed;
	bool begun;		  /* it was handed on to what moves it, or is over */
	bool resent;		  /* put: it was on its way on a connection that was lost */
	uint8_t resent_as;	  /* ... with this state of its verdict */
	bool arrived;		  /* ... and has come there, though nobody has said so */
	bool came_wrong;	  /* a small file: once, and it is moved again */
	struct entry *wrong_next; /* get: in the list of those to be asked for again */
	bool has_digest;
	struct digest_bytes {
		uint8_t bytes[LIMIT_DIGEST_BYTES];
	} digest;
};

/*
 * Batches of one chain hold entries of one directory: one stream at a time works on them, because
 * several that make names in one directory only wait for each other (work.c).
 */
struct chain;

#define BATCH_ENTRIES LIMIT_ENTRIES
#define BATCH_FEW     32u	     /* ... where no stream has anything else to do */
#define BATCH_ENOUGH  256u	     /* entries at which a batch ends with the directory */
#define BATCH_BYTES   (192u * 1024u) /* encoded: fits in one OFFER */
#define BATCH_CONTENT (UINT64_C(32) << 20)

struct batch {
	struct live live;   /* first */
	struct batch *next; /* in the queue */
	struct root *root;
	struct chain *chain;
	bool answered; /* put: the verdicts are there */
	bool worked;   /* a stream has it, and is not done with it; that stream's alone */
	bool again;    /* it is in that stream's list of those to be worked on once more */
	bool redo;     /* it was worked on before: what of it is there has to be asked */
	unsigned open; /* entries that are not over, and 1 while it is worked on; under the work's
			  lock */
	size_t count;
	size_t encoded;	  /* bytes of its nodes in a message */
	uint64_t content; /* bytes of its files */
	struct entry entries[BATCH_ENTRIES];
	struct block *blocks; /* owned bytes */
};

struct batch *batch_new(struct root *root);

void batch_free(struct batch *b);

/* Copies into the batch.  NULL: out of memory. */
void *batch_copy(struct batch *b, const void *bytes, size_t length);

/* Would an entry of so many encoded bytes still fit? */
bool batch_has_room(const struct batch *b, size_t encoded);

/*
 * Adds a copy of *e (path, target, and what its metadata leads to, are copied).  NULL: out of
 * memory.  There must be room.
 */
struct entry *batch_add(struct batch *b, const struct entry *e);

/* Bytes of the entry as a node of a message, at most. */
size_t entry_encoded(const struct entry *e);

void entry_node(const struct entry *e, struct node *n);

/*
 * The entry as the server now says it is: type, metadata, identity.  FTX_E_PROTOCOL for metadata
 * that was not asked for or is not well formed, FTX_E_NOMEM.
 */
int entry_refresh(struct entry *e, const struct attributes *a, unsigned parts);

static inline bool
entry_is_file(const struct entry *e)
{
	return e->metadata.type == ENTRY_FILE;
}

/* Where the entry is on this disk, relative to root->local, and on the server, relative to
 * root->remote. */
const char *entry_local(const struct entry *e);

/*
 * The entry on the server as PACK and FETCH have it: a base and a name below it, which must not be
 * empty.  A source that is one file is a name in the directory above.
 */
const char *entry_remote(const struct entry *e);
struct span root_base(const struct root *root);

/* "TYPED/PATH", owned; NULL: out of memory. */
char *root_join(const char *top, const char *path);

/* SHARE/REST of a path below a root into out; FTX_E_NAME where it is too long. */
int root_remote(const struct root *root, const char *path, char out[static LIMIT_PATH_BYTES + 1]);

#endif
