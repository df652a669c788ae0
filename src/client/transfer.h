/*
 * A put or a get from beginning to end: the one entry for programs.
 *
 *	transfer_new() checks the request; nothing is contacted.
 *	transfer_resolve() finds out who the server is.
 *	transfer_start() begins; the work is done by threads.
 *	transfer_fd() becomes readable: transfer_next() until it returns false.
 *	TRANSFER_FINISHED is the last event; transfer_free().
 *
 * transfer_stop() ends it early and cleanly: what can be gone on with later is kept.
 */
#ifndef CLIENT_TRANSFER_H
#define CLIENT_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"
#include "src/client/address.h"
#include "src/client/outcome.h"
#include "src/client/problem.h"
#include "src/data/checksum.h"
#include "src/data/codec.h"
#include "src/store/metadata.h"

struct config;
struct filter;
struct selection;

enum transfer_verb { TRANSFER_PUT, TRANSFER_GET };

enum set_mode { SET_NONE, SET_NEW, SET_EXCHANGE }; /* --atomic-set, --replace-set */

#define STREAMS_AUTO 0u
#define STREAMS_MAX  16u

/* Everything is borrowed until transfer_free(). */
struct transfer_request {
	enum transfer_verb verb;
	const char *const *sources; /* as typed, at least one; "-" is standard input */
	size_t source_count;
	const char *dest; /* "-" (get): standard output */
	/*
	 * put of one source: the content is read from this descriptor, not from sources[0], whose
	 * name it keeps in messages; -1: none.  finish (may be NULL) is asked before the commit
	 * whether what was read is good: 0, or the error the transfer fails with, in why.
	 */
	int input_fd;
	int (*input_finish)(void *arg, struct problem *why);
	void *input_arg;
	uint64_t min_size; /* of standard input: less is refused */

	bool no_target_directory; /* -T */
	bool dry_run;
	bool report_files; /* an event for every entry, not only for those that failed */

	const struct filter *filter; /* NULL: all */
	struct selection *selection; /* --files-from; NULL: all */
	bool checksum;		     /* -c */
	bool update;		     /* -u */
	bool ignore_existing;
	bool hard_links;      /* -H */
	bool copy_links;      /* -L */
	bool one_file_system; /* -x */
	bool xattrs;	      /* -X */
	bool acls;	      /* -A */
	bool no_owner;
	bool numeric_ids;
	bool strict_meta;

	bool delete;
	bool delete_excluded;
	bool delete_empty;
	bool has_max_delete;
	uint64_t max_delete;
	const char *backup_dir; /* put: a path in the same share; NULL: none */
	enum set_mode set;

	bool no_resume; /* neither uses nor leaves a partial */
	bool no_sync;
	enum compress_mode compress;
	int level;	       /* 0: the codec's default */
	unsigned streams;      /* STREAMS_AUTO, or 1..STREAMS_MAX */
	uint64_t bwlimit;      /* bytes a second over all streams, 0: no limit */
	uint16_t port;	       /* 0: that of the address */
	int family;	       /* AF_UNSPEC, AF_INET, AF_INET6 */
	uint64_t retry_for_ms; /* 0: one attempt */
	uint64_t timeout_ms;   /* not 0 */
};

enum transfer_event_type {
	TRANSFER_STARTED, /* connected for the first time */
	TRANSFER_FILE,	  /* an entry is over, well or not */
	TRANSFER_ERROR,
	TRANSFER_NOTE, /* worth knowing, no error */
	TRANSFER_FINISHED,
};

struct transfer_started {
	char server[ADDRESS_SERVER_BYTES];
	uint8_t session_id[16];
	unsigned streams;
	const char *aead;
};

enum file_action { ACTION_NONE, ACTION_CREATE, ACTION_REPLACE, ACTION_METADATA, ACTION_DELETE };
enum file_status {
	STATUS_DONE,
	STATUS_SAME,
	STATUS_IGNORED, /* -u, --ignore-existing */
	STATUS_SKIPPED, /* device, socket, FIFO, a reserved name */
	STATUS_PLANNED,
	STATUS_FAILED,
	STATUS_CHANGED
};

/* An entry: what is counted of it, and what an event says of it. */
struct transfer_file {
	char *path; /* the source's, as typed and with what is below it; a deletion: "" */
	char *dest; /* ftx:// address or local path; NULL where it was not decided */
	enum entry_type type;
	enum file_action action;
	enum file_status status;
	uint64_t bytes;		/* content */
	uint64_t bytes_sent;	/* of it moved by this run */
	uint64_t bytes_resumed; /* of it moved by earlier ones */
	bool has_digest;
	struct digest digest;
	uint8_t not_kept; /* bits of enum status_flag */
	bool resumable;	  /* failed, but what was moved is kept */
};

struct transfer_error {
	char *path; /* as of transfer_file, NULL: not about one entry */
	/*
	 * Relative to its source: what --failed0 writes.  NULL where the source itself is meant, or
	 * none.
	 */
	char *relative;
	bool of_entry; /* a failed entry, not trouble of the whole run */
	struct problem problem;
};

/* Owned by who took it: transfer_event_free(). */
struct transfer_event {
	enum transfer_event_type type;
	union {
		struct transfer_started started;
		struct transfer_file file;
		struct transfer_error error;
		struct problem note;
	};
};
void transfer_event_free(struct transfer_event *event);

enum transfer_phase { PHASE_SCAN, PHASE_SEND, PHASE_VERIFY, PHASE_COMMIT };

struct transfer_progress {
	enum transfer_phase phase;
	uint64_t files;	      /* that are over */
	uint64_t files_total; /* found so far */
	uint64_t bytes; /* of content that is where it shall be, resumed and unchanged included */
	uint64_t bytes_present; /* of them, what was there before this run */
	uint64_t bytes_total;	/* of what was found so far */
	uint64_t bytes_wire;	/* content as it went over the wire, compressed where it was */
	bool scanned;		/* the totals are final */
	bool endless;		/* of standard input: nobody knows them before its end */
};

/* A big file that is being moved. */
#define CURRENT_NAME_BYTES 512u
struct transfer_current_file {
	char name[CURRENT_NAME_BYTES]; /* below its source, or the source's last name; the end of
					  it where it is longer, behind a whole character */
	uint64_t bytes;		       /* that are where they shall be */
	uint64_t size;
};

struct transfer_current {
	size_t count;
	struct transfer_current_file files[STREAMS_MAX]; /* begun first, first */
};

struct transfer;

/* 0, or FTX_E_USAGE or FTX_E_NOMEM in why. */
int transfer_new(struct transfer **out, const struct transfer_request *request,
		 struct problem *why);
void transfer_free(struct transfer *t);

/*
 * Before transfer_start(): what the configuration (borrowed until transfer_free()) says of the
 * server.  *identity is the key file to use with it, or NULL, in any case.  0, or FTX_E_SERVER_KEY
 * in why where the server's key is not known; nothing is contacted then.
 */
int transfer_resolve(struct transfer *t, const struct config *config, const char **identity,
		     struct problem *why);

/* After transfer_resolve().  identity: secret key, borrowed until transfer_free(). */
int transfer_start(struct transfer *t, const uint8_t identity[static KEY_BYTES],
		   struct problem *why);

/* For poll(2). */
int transfer_fd(const struct transfer *t);

/* Takes the next event, if there is one; else NULL. */
struct transfer_event *transfer_next(struct transfer *t);
void transfer_progress(const struct transfer *t, struct transfer_progress *p);
void transfer_current(struct transfer *t, struct transfer_current *c);

/* What became of everything; final behind TRANSFER_FINISHED. */
void transfer_outcome(struct transfer *t, struct outcome *o);

/* Safe from any thread; the end is still TRANSFER_FINISHED. */
void transfer_stop(struct transfer *t);

const char *entry_type_name(enum entry_type type);
const char *file_action_name(enum file_action action);
const char *file_status_name(enum file_status status);
const char *transfer_phase_name(enum transfer_phase phase);

#endif
