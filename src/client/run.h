/*
 * What the threads of one transfer share (src/client only).
 *
 * Written before the threads start and constant from then on, but for what has a lock of its own
 * and the atomic counters.
 */
#ifndef CLIENT_RUN_H
#define CLIENT_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "src/client/address.h"
#include "src/client/bucket.h"
#include "src/client/cancel.h"
#include "src/client/config.h"
#include "src/client/queue.h"
#include "src/client/retry.h"
#include "src/client/transfer.h"
#include "src/client/work.h"

/* Stream number of the scanner's own connection. */
#define SCANNER_STREAM (LIMIT_STREAMS - 1u)

/* put: what is where a file is to land. */
struct landing_found {
	bool is_directory, is_file,
	    is_absent;		/* none of them: that is not known, or it is another */
	struct problem problem; /* error not 0: it cannot land there */
};

/* PUBLISH, in case its answer is lost: whether it was done is seen by what is there then. */
struct set_publishing {
	bool asked;	/* PUBLISH was sent */
	bool done;	/* and has come */
	uint64_t inode; /* of the set's directory; 0: not known */
};

struct run {
	const struct transfer_request *request;
	unsigned parts;		     /* of metadata that are moved: bits of enum metadata_part */
	struct metadata_rules rules; /* of this end */
	struct address *remotes;     /* put: the destination; get: one a source */
	struct address server;	     /* host, port and keys */
	struct server_info *info;    /* of the first connection, owned; under results */
	const uint8_t *identity;
	uint8_t session_id[16];

	struct cancel cancel;
	/* For a further stream without a connection: nothing is left that one could be for. */
	struct cancel enough;
	struct retry retry;		  /* of all connections */
	struct bucket bucket;		  /* of all connections */
	struct root *roots;		  /* one a source */
	struct set_publishing publishing; /* of the first stream alone */
	bool input_over; /* put: standard input was read, and what came of it said */
	bool mirroring, mirror_withheld; /* of the first stream alone: --delete has begun */
	char *set_destination;		 /* owned: SHARE/REST that a set becomes; NULL: none */
	struct work work;

	pthread_mutex_t results; /* of outcome, announced and dest_... */
	struct outcome outcome;
	bool announced;	 /* TRANSFER_STARTED was sent */
	bool to_output;	 /* get: to standard output, by the scanner; constant */
	bool dest_asked; /* put: the first stream looks at the destination; constant */
	bool dest_known; /* put: what landing_take() has found */
	struct landing_found dest;
	pthread_cond_t dest_said;
	struct queue *events;		 /* of struct transfer_event *, owned */
	struct transfer_event *finished; /* owned: made beforehand, so that it comes for sure */
	int events_fd;			 /* eventfd: there are events */

	atomic_bool over;      /* an error ends the whole run */
	atomic_bool sync_owed; /* put: something was found the same */
	atomic_bool crowded;   /* the server has no room for another stream */
	atomic_bool first_connected, scanner_connected;
	atomic_int phase;
	atomic_bool scanned;
	atomic_uint_fast64_t files, files_total, bytes, bytes_present, bytes_total, bytes_wire;
	atomic_uint_fast32_t rtt_us; /* of the last connection made; 0: not known */
	atomic_uint_fast64_t rate; /* bytes a second over the wire, as last measured; 0: not yet */
};

static inline bool
run_is_put(const struct run *run)
{
	return run->request->verb == TRANSFER_PUT;
}

/*
 * -H: does it depend on what is at each name of a file what becomes of that name?  Then each is an
 * entry of a batch, until it is known which of them is transferred (verdict_meets()).  Otherwise
 * the first that the scanner meets is, and the others are links to it unseen.
 */
static inline bool
run_looks_at_names(const struct run *run)
{
	return run->request->update || run->request->ignore_existing ||
	       run->request->backup_dir != NULL;
}

/*
 * Is a round trip long enough to count?  Then connections are slow to come to their rate, and an
 * answer is better not waited for.
 */
#define RUN_FAR_US 5000u
static inline bool
run_is_far(const struct run *run)
{
	return atomic_load(&run->rtt_us) >= RUN_FAR_US;
}

/* Takes the event; waits while the reader of events is behind. */
void run_emit(struct run *run, struct transfer_event *event);

void run_note(struct run *run, const struct problem *p);

/* Trouble that is not one entry's.  Ends the run where nothing else would fare better. */
void run_trouble(struct run *run, const struct problem *p);

/* Deletions below the root are withheld, and p says why: exit code 15 where nothing has failed. */
void run_guarded(struct run *run, const struct root *root, const struct problem *p);

/* The last event. */
void run_finished(struct run *run);

/* Would the next entry fare no better? */
bool run_is_hopeless(int error);

/* Nothing more is begun; who waits is told. */
void run_stop(struct run *run);

/* The same, because an error ends the whole run. */
void run_end(struct run *run);

/*
 * An entry below a root is over, well or not; counts it and says it.  path: relative to the root.
 * f: type, action, status, bytes...; its path and dest are filled in here and taken.  p: why it
 * failed, NULL where it did not.
 */
void run_result(struct run *run, const struct root *root, const char *path, struct transfer_file *f,
		const struct problem *p);

/* The same for an entry of a batch, which is over then; touched: see work_entry_over(). */
void run_entry(struct run *run, struct entry *e, struct transfer_file *f, const struct problem *p,
	       bool touched);

/* Names below the root that are taken by ftx itself, and were passed over. */
void run_reserved(struct run *run, const struct root *root, uint64_t count);

struct connection;
struct server_info;

/* What a connection is asked for before the server's WELCOME (connect.h). */
struct early {
	int (*ask)(void *arg, struct connection *c);
	void *arg;
};

/*
 * Was c lost, and is this run to go on over another one?  Then it is said, where nothing has got
 * further since the last loss it was said already.
 */
bool run_goes_on(struct run *run, const struct connection *c);

/*
 * A connection of this run, as its stream number; the first one is announced.  early: NULL if
 * nothing is known yet.  Where one was lost before, as long as --retry-for allows.  0 with *out, or
 * an error in p.
 */
int run_connect(struct run *run, unsigned stream, const struct early *early,
		struct connection **out, struct server_info *info, struct problem *p);

/* What is said of an entry: type, bytes and what was moved of it. */
struct transfer_file run_file(const struct entry *e, enum file_action action,
			      enum file_status status);

/* So many bytes more of a big file are where they shall be; present: they were before this run. */
void big_count(struct big *b, struct run *run, uint64_t bytes, bool present);

#endif
