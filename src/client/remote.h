/*
 * Single operations on a server over one connection: what ls, stat, df, mkdir, mv, rm and ln do.
 *
 *	remote_new() reads the addresses; nothing is contacted.
 *	remote_resolve() finds out who the server is, remote_connect() connects.
 *	Operations, one after the other, each waited for.
 *	remote_sync() makes all changes durable; remote_free().
 *
 * Where a connection is lost meanwhile, they are done over another one, within retry_for_ms without
 * any success: what may be done twice is asked again; of what may not, it is looked whether it was
 * done.
 *
 * Paths are SHARE or SHARE/REST, as of struct address.  Every function that has a struct problem
 * returns 0 or the error that it sets there; remote_over() tells whether anything more makes sense.
 * Belongs to one thread, but for remote_cancel().
 */
#ifndef CLIENT_REMOTE_H
#define CLIENT_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/client/address.h"
#include "src/client/cancel.h"
#include "src/client/connect.h"
#include "src/client/listing.h"

struct remote;

struct remote_options {
	const char *const *addresses; /* as typed, of one server; at least one */
	size_t count;
	bool share_needed; /* HOST: alone is a usage error */
	uint16_t port;	   /* 0: that of the address */
	int family;
	uint64_t retry_for_ms, timeout_ms;
	/*
	 * A connection was lost, and another one is tried for; there is one again: each is said
	 * once. May be NULL.
	 */
	void (*on_note)(void *arg, const char *text);
	void *arg;
};

/* What is at a path; attributes lead into it. */
struct remote_entry {
	struct attributes attributes; /* without xattrs */
	char user[LIMIT_OWNER_BYTES + 1];
	char group[LIMIT_OWNER_BYTES + 1];
	char target[LIMIT_PATH_BYTES + 1];
};

/* 0, FTX_E_USAGE or FTX_E_NOMEM.  options is borrowed until the return. */
int remote_new(struct remote **out, const struct remote_options *options, struct problem *p);
/* Says goodbye where it is connected.  NULL allowed. */
void remote_free(struct remote *r);

/* The n-th address; borrowed. */
const struct address *remote_address(const struct remote *r, size_t n);

/* As transfer_resolve(). */
int remote_resolve(struct remote *r, const struct config *config, const char **identity,
		   struct problem *p);

/* identity: secret key, borrowed until remote_free(). */
int remote_connect(struct remote *r, const uint8_t identity[static KEY_BYTES], struct problem *p);

/* Request it from any thread or signal handler: the operation ends with FTX_E_INTERRUPTED. */
struct cancel *remote_cancel(struct remote *r);

/* Is there no connection any more and no hope for another one, or was it cancelled? */
bool remote_over(const struct remote *r);

/* Of a connected one. */
const struct server_info *remote_info(const struct remote *r);
struct connection *remote_connection(struct remote *r);
const struct address *remote_server(const struct remote *r); /* host, port, keys */
const uint8_t *remote_session_id(const struct remote *r);    /* 16 bytes */

/*
 * A request that may be done twice, and its answer.  *twice: it may have been; may be NULL.
 */
int remote_call(struct remote *r, const struct message *m, struct reply *reply, bool *twice,
		struct problem *p);

/*
 * After the error of a connection: is there another one now?  0, or the error that counts, in p,
 * which holds it already where that one was not lost.
 */
int remote_again(struct remote *r, struct problem *p);

/* What was asked over remote_connection() itself has got further: --retry-for begins anew. */
void remote_got_further(struct remote *r);

/*
 * Is there time left to ask again for what was lost at since_ms (of clock_ms()) for the first time?
 * For what asks other things in between, whose answers are no progress of its own.
 */
bool remote_has_time(const struct remote *r, uint64_t since_ms);

/* As listing_open() and listing_next(). */
int remote_list(struct remote *r, struct listing **out, const char *path, bool recursive,
		unsigned parts, struct problem *p);
int remote_list_next(struct remote *r, struct listing *l, struct listing_line *line,
		     struct problem *p);

/* parts: bits of enum metadata_part. */
int remote_stat(struct remote *r, const char *path, unsigned parts, struct remote_entry *e,
		struct problem *p);

/* s lives on; UINT64_MAX: the file system does not say. */
int remote_space(struct remote *r, const char *path, struct message_space *s, struct problem *p);

/*
 * Makes a directory with this mode, modified now.  parents: with those above, and one that exists
 * is fine; else FTX_E_EXISTS, and FTX_E_NOT_FOUND where the one above is missing.
 */
int remote_mkdir(struct remote *r, const char *path, uint16_t mode, bool parents,
		 struct problem *p);

/*
 * Both in one share, neither its root.  Missing parents of to are made.  replace: a file or link
 * that has the name goes; else FTX_E_EXISTS.
 */
int remote_rename(struct remote *r, const char *from, const char *to, bool replace,
		  struct problem *p);

/* name becomes a further name of the file existing.  What is there, where the right allows, goes.
 */
int remote_link(struct remote *r, const char *existing, const char *name, struct problem *p);

/* name becomes a symbolic link; text is stored as it is. */
int remote_symlink(struct remote *r, const char *text, const char *name, struct problem *p);

/*
 * Removes files, links and empty directories, in this order.  names: relative to base, count of
 * them, 1..LIMIT_ENTRIES, encoded in at most REMOTE_REMOVE_BYTES (2 and its length each).
 * errors[i]: 0 or why names[i] is still there.
 */
#define REMOTE_REMOVE_BYTES (LIMIT_RECORD_PLAIN - LIMIT_PATH_BYTES - 16u)
int remote_remove(struct remote *r, const char *base, const char *const *names, uint32_t count,
		  int *errors, struct problem *p);

/* *ns: how long the answer to a PING took. */
int remote_ping(struct remote *r, uint64_t *ns, struct problem *p);

/* All changes so far are on stable storage when it returns 0. */
int remote_sync(struct remote *r, struct problem *p);

#endif
