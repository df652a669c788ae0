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
#include "src/client/problem.h"
#include "src/data/checksum.h"
#include "src/data/codec.h"

enum transfer_verb { TRANSFER_PUT, TRANSFER_GET };

/* Everything is borrowed until transfer_free(). */
struct transfer_request {
	enum transfer_verb verb;
	const char *const *sources; /* as typed, at least one */
	size_t source_count;
	const char *dest;
	bool no_target_directory;
	bool dry_run;
	enum compress_mode compress;
	int level;	       /* 0: the codec's default */
	uint64_t bwlimit;      /* bytes a second, 0: no limit */
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

enum file_action { ACTION_NONE, ACTION_CREATE, ACTION_REPLACE };
enum file_status {
	STATUS_DONE,
	STATUS_SAME,
	STATUS_SKIPPED,
	STATUS_PLANNED,
	STATUS_FAILED,
	STATUS_CHANGED
};

/* Local paths are at most PATH_MAX; remote ones are printed as ftx:// addresses. */
#define TRANSFER_DEST_BYTES ADDRESS_TEXT_BYTES

struct transfer_file {
	const char *path;		/* the source as typed; borrowed from the request */
	char dest[TRANSFER_DEST_BYTES]; /* "" where it was not decided */
	enum file_action action;
	enum file_status status;
	uint64_t bytes;		/* content */
	uint64_t bytes_sent;	/* of it moved by this run */
	uint64_t bytes_resumed; /* of it moved by earlier ones */
	bool has_digest;
	struct digest digest;
	bool mode_not_kept; /* the destination could not hold the full mode */
	bool resumable;	    /* failed, but what was moved is kept */
};

struct transfer_error {
	const char *path; /* the source as typed, NULL: not about one entry */
	struct problem problem;
};

struct transfer_event {
	enum transfer_event_type type;
	union {
		struct transfer_started started;
		struct transfer_file file;
		struct transfer_error error;
		struct problem note;
	};
};

enum transfer_phase { PHASE_SCAN, PHASE_SEND, PHASE_COMMIT };

struct transfer_progress {
	enum transfer_phase phase;
	uint64_t files;	      /* that are over */
	uint64_t files_total; /* found so far */
	uint64_t bytes; /* of content that is where it shall be, resumed and unchanged included */
	uint64_t bytes_present; /* of them, what was there before this run */
	uint64_t bytes_total;	/* of what was found so far */
	uint64_t bytes_wire;	/* content as it went over the wire, compressed where it was */
	bool scanned;		/* the totals are final */
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

/* Takes the next event, if there is one. */
bool transfer_next(struct transfer *t, struct transfer_event *event);
void transfer_progress(const struct transfer *t, struct transfer_progress *p);

/* Safe from any thread; the end is still TRANSFER_FINISHED. */
void transfer_stop(struct transfer *t);

const char *file_action_name(enum file_action action);
const char *file_status_name(enum file_status status);
const char *transfer_phase_name(enum transfer_phase phase);

#endif
