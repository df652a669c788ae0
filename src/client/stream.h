/*
 * A stream: one thread, one connection, one file at a time, pulled from the queue of work.
 */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include "src/client/connect.h"
#include "src/client/mapping.h"
#include "src/client/run.h"
#include "src/store/upload.h"

#define CHECKPOINT_BYTES (UINT64_C(64) << 20) /* at most this much is sent twice after a kill */
#define CHECKPOINT_MS	 1000u
#define BUSY_FOR_MS	 60000u /* how long a file that another session holds is asked for again */
#define BUSY_FIRST_MS	 200u
#define BUSY_EVERY_MS	 1000u
#define GRACE_MS	 2000u /* for the last words after an interrupt */

/* Everything a file needs, allocated once. */
struct stream {
	struct run *run;
	struct connection *connection; /* NULL until needed */
	uint32_t peer_codecs;
	bool announced; /* TRANSFER_STARTED was sent */
	bool over;	/* an error that ends the whole run */

	/* put: shares with files found the same, to be synced before a good end; one in this
	 * version. */
	bool sync_owed;

	struct encoder *encoder;
	struct decoder *decoder;
	struct digest_state *block; /* put: digest of the block being sent */
	struct digest_state *sent;  /* put: digest over the blocks sent */

	/* One for each kind of request, since an answer may be outstanding while another is asked.
	 */
	struct reply call, checkpoint, release;
	struct metadata entry_metadata; /* STAT's answer */
	struct identity entry_identity;
	struct digest committed;
	bool mode_not_kept;

	struct block_range have[LIMIT_HAVE_RANGES];
	uint32_t have_count;
	struct block_range todo[LIMIT_GAP_RANGES]; /* ascending */
	uint32_t todo_count;
	struct range ranges[LIMIT_GAP_RANGES]; /* get: of the READ that is being answered */
	uint32_t range_count;
	struct upload_result result;	  /* get */
	uint8_t chunk[LIMIT_CHUNK_BYTES]; /* get: decoded */

	struct transfer_event event; /* FILE, filled in along the way */
	struct problem problem;
	uint64_t counted; /* of this file in run->bytes */
	uint64_t sized;	  /* of this file in run->bytes_total */
	bool stat_known;  /* put: the destination was asked about already, with this result */
	int stat_result;
};

/* Thread function: arg is a struct stream from stream_new(). */
void *stream_main(void *stream);

/* NULL: out of memory. */
struct stream *stream_new(struct run *run);
void stream_free(struct stream *s);

/* What the two halves of the work, put.c and get.c, need. */

/* Connects unless there is a connection.  0 or an error in s->problem. */
int stream_connect(struct stream *s);

/* Request and answer on s->call.  0 or an error in s->problem. */
int stream_call(struct stream *s, const struct message *m,
		int (*on_message)(void *arg, const struct message *m), void *arg);

/* STAT.  0 with entry_metadata and entry_identity, or an error in s->problem. */
int stream_stat(struct stream *s, const char *path);

/* Takes the connection's error over into s->problem.  Returns error. */
int stream_explain(struct stream *s, int error);

/* The file has come to position: counts what is new, so that progress never goes back. */
void stream_position(struct stream *s, uint64_t position);

/* As stream_position(), for bytes that were there already. */
void stream_present(struct stream *s, uint64_t position);

/* The file is so big: what was counted for it in run->bytes_total is put right. */
void stream_size(struct stream *s, uint64_t size);

/* Sleeps before a busy file is asked for again.  false: no more time, or stopped. */
bool stream_busy_again(struct stream *s, uint64_t *until_ms);

#endif
