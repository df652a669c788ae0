/*
 * A stream: one thread with one connection that takes work until there is none.
 *
 * Requests go out without waiting for their answers; those not yet answered, or answered and not
 * yet looked at, form a list in the order in which they were sent (request.h).  A stream never has
 * nothing to do but wait while it could send.
 */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include "src/client/connect.h"
#include "src/client/ops.h"
#include "src/client/pack.h"
#include "src/client/request.h"
#include "src/client/run.h"
#include "src/store/group.h"
#include "src/store/source.h"
#include "src/store/tree.h"
#include "src/store/upload.h"

/* At most this much of a file is sent twice after a kill, by all streams together. */
#define CHECKPOINT_BYTES (UINT64_C(64) << 20)
#define CHECKPOINT_MS	 1000u
#define CHECKPOINT_TIMES 3u /* a pause between two is at least so many times what the last took */
#define BUSY_FOR_MS	 60000u /* how long a file that another session holds is asked for again */
#define BUSY_FIRST_MS	 200u
#define BUSY_EVERY_MS	 1000u
#define GRACE_MS	 2000u /* for the last words after an interrupt */
#define OFFERS_AHEAD	 3u    /* batches that wait for their verdicts or for their turn */

struct wants;

/* Everything a stream needs, allocated once. */
struct stream {
	struct run *run;
	unsigned number;
	pthread_t thread;
	bool running;
	struct connection *connection; /* NULL until needed */
	unsigned losses;	       /* connections that were lost */
	unsigned fruitless; /* put: of those, less one for each COMMIT_PACKS answered since */
	uint32_t peer_codecs;
	struct encoder *encoder;
	struct decoder *decoder;
	struct digest_state *block; /* of the block that is being sent */
	struct digest_state *file;  /* of the small file */
	struct problem problem;	    /* of the last function that failed */

	struct request_list requests;
	/*
	 * put: answered well, and to be said when a COMMIT_PACKS behind them is: not before that
	 * are they on stable storage, and a server that crashes meanwhile gets them again.
	 */
	struct request_list held;
	uint32_t held_items;

	/* Batches that were worked on over a connection that is lost, by next, until the work has
	 * them again. */
	struct batch *again;

	/* Batches in order: offered (put) or to be compared (get), not worked on yet. */
	struct batch *offered[OFFERS_AHEAD];
	unsigned offered_count;

	/* The root that tree and group are of, or NULL. */
	struct root *root;
	struct tree *tree;   /* put: what is read; get: what is made */
	struct group *group; /* get */

	struct op_list ops;  /* put: MKDIR, SYMLINK, SETMETA to be sent */
	struct pack pack;    /* put: small files to be sent */
	struct wants *wants; /* get: small files asked for; get.h */
	bool unsynced; /* something was made that no COMMIT_PACKS or group_commit() has made durable
			*/

	struct reply call, checkpoint, release;
	struct block_range have[LIMIT_HAVE_RANGES];
	uint32_t have_count;
	struct range ranges[LIMIT_GAP_RANGES]; /* get: of the READ that is being answered */
	struct upload_result result;	       /* get */
	struct item_status statuses[LIMIT_GROUP_ITEMS];
	struct metadata_buffer buffer;
	uint8_t raw[LIMIT_CHUNK_BYTES];
};

/* NULL: out of memory. */
struct stream *stream_new(struct run *run, unsigned number);
void stream_free(struct stream *s);

/* Thread function: arg is a struct stream from stream_new(). */
void *stream_main(void *stream);

/* What the parts of a stream, put_*.c and get_*.c, need. */

/* Connects unless there is a connection.  early: run.h; or NULL.  0 or an error in s->problem. */
int stream_connect(struct stream *s, const struct early *early);

/* Request and answer on s->call.  0 or an error in s->problem. */
int stream_call(struct stream *s, const struct message *m,
		int (*on_message)(void *arg, const struct message *m), void *arg);

/* Takes the connection's error over into s->problem.  Returns error. */
int stream_explain(struct stream *s, int error);

/* Does error end the connection, or this run? Then it is not the entry's. */
bool stream_is_over(const struct stream *s);

/* Is its connection lost, and may another one go on? */
bool stream_is_lost(const struct stream *s);

/*
 * Over another connection, after stream_is_lost(): what was under way on the lost one is begun
 * anew, by whoever takes it first out of the run's work.  0, or why the stream is over, in
 * s->problem; there is no connection then.
 */
int stream_again(struct stream *s);

/* As stream_call(), over other connections where one is lost: for what may be asked twice. */
int stream_call_again(struct stream *s, const struct message *m,
		      int (*on_message)(void *arg, const struct message *m), void *arg);

/* The batch is to be worked on once more: what of it is not begun. */
void stream_keep_batch(struct stream *s, struct batch *b);

/* The entry was under way: it is not begun any more. */
void stream_keep_entry(struct stream *s, struct entry *e);

/*
 * Sleeps before a busy file is asked for again.  own: who has it is of this run, a connection that
 * the server does not know to be lost yet.  false: no more time, or stopped.
 */
bool stream_busy_again(struct stream *s, bool own, uint64_t *until_ms);

/* Makes s->tree (and s->group) the root's.  0 or an error in s->problem. */
int stream_set_root(struct stream *s, struct root *root);

/* So many bytes that are sent again where a connection is lost, or a part of them for each loss. */
uint64_t stream_less(const struct stream *s, uint64_t bytes);

/* Largest file that goes in a pack: what is sent again within a moment is not worth a journal. */
uint64_t stream_small_bytes(const struct stream *s);

/* Adds the part of a small file that comes next to s->file; its blocks are whole but for the last.
 */
void stream_digest_part(struct stream *s, uint64_t size, uint64_t offset, const uint8_t *data,
			size_t length);

/* The two kinds of stream: 0, or why this stream is over, in s->problem. */
int put_run(struct stream *s);
int get_run(struct stream *s);

/* That of the run's kind. */
int stream_run(struct stream *s);

/* Takes out of the stream what was under way on a connection that is gone. */
void put_lost(struct stream *s);
void get_lost(struct stream *s);

/*
 * A big file, from the first segment to the last, also where the connection is lost already. first:
 * this stream begins it.  0 or why the stream is over, as of connection_error().
 */
int put_big(struct stream *s, struct big *b, bool first);
int get_big(struct stream *s, struct big *b, bool first);

#endif
