/*
 * What each request does.  session.c reads and checks the messages, then calls one of these.
 *
 * A handler answers its request itself.  It returns 0, or a negative error when the connection is
 * over: a protocol error or a connection that takes no bytes.  What only fails the request is
 * answered ERROR and is 0.
 */
#ifndef SERVER_HANDLERS_H
#define SERVER_HANDLERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/data/checksum.h"
#include "src/data/codec.h"
#include "src/secure/match.h"
#include "src/server/connection.h"
#include "src/server/file_log.h"
#include "src/server/policy.h"
#include "src/store/group.h"
#include "src/store/set.h"
#include "src/store/staging.h"
#include "src/store/tree.h"
#include "src/store/upload.h"
#include "src/store/walk.h"

/* What the quota of a grant is charged with (charges.h). */
struct charge {
	bool counted; /* else nothing here is used */
	uint32_t grant;
	struct usage_tally tally; /* not said yet */
	uint64_t ahead;		  /* bytes that are reserved and not written yet */
	uint64_t left;		  /* bytes, when it was last asked for; at first 0 */
};

/* A share of this client: what was opened before the first request. */
struct subtree {
	const struct grant *grant;
	struct charge *charge;
	const char *node; /* as in struct upload_staging; borrowed */
	int root;	  /* O_PATH directory; -1: offline */
	int staging;	  /* where its partials live; -1 and staging_error without */
	int staging_error;
	struct metadata_rules rules; /* of its file system */
	struct tree *tree;	     /* made when it is first asked for: subtree_tree() */
	int sets;		     /* where its sets are; -1: none */
	int temp;		     /* its directory for temporary names; -1: none */
	int link_temp;		     /* and for those of hard links */
	char temp_name[STAGING_TEMP_BYTES];
	char link_temp_name[STAGING_TEMP_BYTES];
	struct group *group;   /* likewise: the files of PACK */
	const struct set *set; /* not NULL: this is the inside of one (handle_set.c) */
};

/*
 * The set that this connection fills, from BEGIN to PUBLISH or its end.  inside stands for the
 * share wherever a path is at or below the destination: it has the set's directory as its root, and
 * rights of its own, for what is in the set belongs to nobody else yet.
 */
struct filling {
	struct set *set;	 /* NULL: none */
	struct subtree *outside; /* the share */
	struct subtree *inside;	 /* the last of session.subtrees */
	struct grant grant;	 /* of inside */
	int staging;		 /* owned: where the set is */
	struct tree *like;	 /* the present destination; NULL: none */
	size_t destination_length;
	char destination[LIMIT_PATH_BYTES + 1];
};

/* An upload of this connection, or what made it fail. */
struct handle {
	bool used;
	int error;   /* the first one; what CHECKPOINT, RELEASE and COMMIT answer */
	bool in_set; /* of session.filling */
	const struct subtree *subtree; /* NULL: there is no such share */
	uint64_t size;		       /* of OPEN */
	struct upload *upload;
};

/* A listing of this connection: what LIST began. */
struct listing {
	struct walk *walk; /* NULL: the number is free */
	const struct subtree *subtree;
	unsigned parts; /* of metadata */
	uint64_t lines; /* sent */
	struct walk_item item;
	bool held;  /* item did not fit into the part before */
	int error;  /* of reading the current directory's own metadata, not said yet */
	int failed; /* what LIST was answered; a NEXT that was sent behind it is, too */
};

/* What PACKs brought since the last COMMIT_PACKS (handle_pack.c). */
struct packing {
	bool begun;		 /* there was one */
	struct subtree *subtree; /* the share they all name; NULL: there is no such share */
	uint32_t items;		 /* completed or dropped */
	uint64_t bytes;
	bool unfinished; /* the last part of the last item has not come */
	int error;	 /* the last item's own error; then what comes of it is swallowed */
	uint64_t size, received;
	size_t base_length, path_length; /* of the unfinished item */
	uint8_t names[2 * LIMIT_PATH_BYTES];
	struct usage charged;		     /* for items that are not published yet */
	uint32_t sizes[LIMIT_GROUP_ITEMS];   /* at most LIMIT_GROUP_BYTES */
	uint16_t refused[LIMIT_GROUP_ITEMS]; /* 0: the group has the item and its status */
	struct item_status statuses[LIMIT_GROUP_ITEMS];
};

struct session {
	struct connection connection;
	const struct client_policy *client;
	uint8_t client_key[KEY_BYTES];		   /* the one of its keys that was proved */
	bool share_watch;			   /* as struct session_settings has it */
	const char *node;			   /* likewise */
	struct subtree subtrees[LIMIT_SHARES + 1]; /* shares, and the inside of a set */
	size_t subtree_count;
	struct charge charges[LIMIT_SHARES];
	char over_quota[96]; /* what stood against the last thing that did not fit, for people */
	uint8_t session_id[16];
	uint8_t match_key[MATCH_KEY_BYTES];
	uint32_t peer_codecs;
	bool answering; /* a request without its final answer is being worked on: WORKING may be
			   sent */
	uint64_t working_ms; /* when WORKING was sent and still counts; 0: it does not */
	bool broken;	     /* a record that was not sealed by the peer: nothing more is said */
	enum file_log file_log;
	/* What was read last, so that a file read in many pieces has one line (file_log.c). */
	const char *read_action;
	const struct subtree *read_from; /* NULL: nothing was */
	char read_path[LIMIT_PATH_BYTES + 1];
	struct handle handles[LIMIT_HANDLES];
	struct message_arena arena;
	struct decoder *decoder;
	struct encoder *encoder;
	struct block_range have[LIMIT_HAVE_RANGES];
	struct upload_result result;
	uint8_t raw[LIMIT_CHUNK_BYTES];
	struct metadata_buffer metadata; /* of the answer that is being made */
	char link_target[LIMIT_PATH_BYTES + 1];
	struct listing listings[LIMIT_WALKS];
	struct listed *lines; /* room for LIMIT_ENTRIES, from the first LIST on */
	struct packing packing;
	struct filling filling;
	union { /* the answer of handle_tree.c that is being made */
		struct offer_verdict verdicts[LIMIT_ENTRIES];
		struct item_status statuses[LIMIT_ENTRIES];
	} answer;
	struct fetch *fetch;	       /* owned; of handle_fetch.c */
	struct group_syncers *syncers; /* of all groups; they end with the process */
};

/*
 * Opens what the client may use and confines the process to it (sandbox.h): before the first
 * request.  0, or why the session cannot be.
 */
int session_enter(struct session *s);

/* SHARE/REST of a request, taken apart and checked. */
struct target {
	struct subtree *subtree;
	char rest[LIMIT_PATH_BYTES + 1]; /* "" is the share itself */
	const struct filling *barred;	 /* whose destination is no path to go on with; or NULL */
};

/*
 * 0, FTX_E_NOT_FOUND, FTX_E_NAME, FTX_E_DENIED (right missing), FTX_E_OFFLINE.  At or below the
 * destination of a set that is being filled, *t is in the set.
 */
int target_parse(struct session *s, const struct span *path, unsigned rights, struct target *t);

/*
 * What the client is told instead of error, which a path in t had: without the right to list nobody
 * learns that there is something, so where something is in the way it is denied.  t may be NULL.
 */
int subtree_hide(const struct subtree *t, int error);

/*
 * The same of a file that is to be read: without the right to list nobody learns whether there is
 * nothing or something that is no file.
 */
int subtree_hide_read(const struct subtree *t, int error);

/*
 * The share's tree; made where there was none yet.  changes: something may be made in it, so that
 * it gets a directory for temporary names.  0, or FTX_E_NOMEM.
 */
int subtree_tree(struct session *s, struct subtree *t, bool changes, struct tree **tree);

/* What is made in t gets its modes less the umask of its share. */
void subtree_umask(const struct subtree *t);

/* Before hard links replace files in t, whose tree it is. */
void subtree_link_temp(struct subtree *t, struct tree *tree);

/*
 * t->rest and a path relative to it, as one path below the share.  0, or FTX_E_NAME, also where
 * that leads from outside to the destination of a set; empty: the path may be empty, and stands for
 * t->rest then.
 */
int target_join(const struct target *t, const struct span *path, bool empty,
		char joined[static LIMIT_PATH_BYTES + 1]);

/* The name of the partial of a path in t. */
void subtree_partial_id(const struct subtree *t, const char *path, char id[static UPLOAD_ID_BYTES]);

/* Answers ERROR with error and text; text NULL: the error's own. */
int answer_error(struct session *s, int error, const char *text);

/* The same for an error of a path: says where a link leads that stands in the way. */
int answer_path_error(struct session *s, int error, const struct target *t);

int answer_ok(struct session *s);

/*
 * Before a call that may take long, and in loops that send nothing: WORKING, at most every 10 s, so
 * that the client does not give up.  0, or why the connection is over.
 */
int session_progress(struct session *s);

/* The same as struct upload_options.before_long_call. */
void session_working(void *session);

/*
 * Everything about dir/name but its content, name "": dir itself.  st: its lstat.  Spans lead into
 * s->metadata and s->link_target.  On error *a is what st alone says.
 */
int session_attributes(struct session *s, const struct subtree *t, unsigned parts, int dir,
		       const char *name, const struct stat *st, struct attributes *a);

int handle_stat(struct session *s, const struct message *m);
int handle_read(struct session *s, const struct message *m);
int handle_sync(struct session *s, const struct message *m);

int handle_list(struct session *s, const struct message *m);
int handle_next(struct session *s, const struct message *m);
int handle_statfs(struct session *s, const struct message *m);
int handle_digest(struct session *s, const struct message *m);
int handle_offer(struct session *s, const struct message *m);
int handle_mkdir(struct session *s, const struct message *m);
int handle_symlink(struct session *s, const struct message *m);
int handle_link(struct session *s, const struct message *m);
int handle_setmeta(struct session *s, const struct message *m);
int handle_remove(struct session *s, const struct message *m);
int handle_rename(struct session *s, const struct message *m);

int handle_open(struct session *s, const struct message *m);
int handle_write(struct session *s, const struct message *m);
int handle_hole(struct session *s, const struct message *m);
int handle_checkpoint(struct session *s, const struct message *m);
int handle_commit(struct session *s, const struct message *m);
int handle_release(struct session *s, const struct message *m);

int handle_pack(struct session *s, const struct message *m);
int handle_commit_packs(struct session *s, const struct message *m);
int handle_fetch(struct session *s, const struct message *m);

int handle_begin(struct session *s, const struct message *m);
int handle_publish(struct session *s, const struct message *m);

/*
 * Around every request: while it is worked on, nobody publishes the set.  0, or FTX_E_PROTOCOL
 * where another connection did and this one was not done with it.
 */
int filling_hold(struct session *s);
void filling_let_go(struct session *s);

/* Leaves the set as it is. */
void filling_end(struct session *s);

/*
 * What OFFER says of a file that is to be in a set: it is the same, after it was linked from the
 * present destination where it was absent, or absent.  v: of what is in the set.
 */
void filling_offer(struct session *s, const char *path, const struct node *node,
		   struct offer_verdict *v);

/* Removes what PACKs brought and no COMMIT_PACKS has published; frees group and tree. */
void subtree_close(struct subtree *t);
void subtrees_close(struct session *s);

/* Makes finished blocks of every open upload durable and frees them. */
void handles_close(struct session *s);

/* Forgets what PACKs brought and nobody committed: it is given back to the quota. */
void packing_end(struct session *s);

/* Ends every listing. */
void walks_close(struct session *s);

#endif
