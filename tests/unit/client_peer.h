/*
 * The server's end of a connection, played by a test: a script in a thread of its own.
 */
#ifndef TESTS_UNIT_CLIENT_PEER_H
#define TESTS_UNIT_CLIENT_PEER_H

#include <pthread.h>

#include "src/client/connection.h"
#include "src/client/run.h"
#include "src/client/stream.h"

struct peer {
	struct channel *channel;
	struct message message; /* the last one received */
	struct message_arena arena;
	bool (*greet)(struct peer *p); /* of client_host.h */
	void (*script)(struct peer *p);
	void *arg; /* for the script */
	int step;  /* likewise */
	pthread_t thread;
	struct cancel cancel;
};

/* Starts the script on one end and returns a connection, past WELCOME, on the other. */
struct connection *peer_start(struct peer *p, void (*script)(struct peer *p), uint64_t timeout_ms);

/* The same with these options; cancel is the peer's. */
struct connection *peer_start_with(struct peer *p, void (*script)(struct peer *p),
				   const struct connection_options *options);

/* After the connection's end: waits for the script. */
void peer_join(struct peer *p);

/* For scripts.  false: the connection is over. */
bool peer_receive(struct peer *p);
bool peer_send(struct peer *p, const struct message *m);
bool peer_send_plain(struct peer *p, const uint8_t *plain, size_t length);
bool peer_answer(struct peer *p, enum message_type type); /* a message without fields that count */
bool peer_error(struct peer *p, int error);

/* Waits for the client to end the connection. */
void peer_linger(struct peer *p);

/*
 * A run with streams over such connections, and a directory of its own on the disk.
 *
 * rig_init(), fill in request (sources, options), rig_start(), rig_stream() for each stream;
 * rig_put() or, after batches were pushed, rig_run(); rig_end() releases everything, also what an
 * early end has left.
 */
#define RIG_STREAMS 4u
#define RIG_EVENTS  16384u

struct rig {
	struct transfer_request request;
	struct run run;
	const char *source; /* what request.sources leads to */
	char source_path[128];
	struct root root;
	struct address remote;
	struct peer peers[RIG_STREAMS];
	struct stream *streams[RIG_STREAMS];
	unsigned stream_count;
	char directory[64];
	int dir; /* of directory */
	bool is_second;
	struct transfer_event *events[RIG_EVENTS];
	size_t event_count;
};

/* put: source "src" to s/d/; get: root s/src to the directory itself. */
void rig_init(struct rig *rig, enum transfer_verb verb);
void rig_start(struct rig *rig);
void rig_stream(struct rig *rig, void (*script)(struct peer *p), void *arg);

/* The streams until there is nothing left to do: the first error, 0 without. */
int rig_run(struct rig *rig);

/* With the scanner before them. */
int rig_put(struct rig *rig);

void rig_end(struct rig *rig);

/* Ends the streams and their connections before that, to look at what is left. */
void rig_streams_end(struct rig *rig);

/* Instead of rig_init(): a further run in the directory of another rig, which ends later. */
void rig_init_again(struct rig *rig, const struct rig *first);

/* Files and directories below the rig's, with those above them; content follows from path. */
void rig_file(struct rig *rig, const char *path, uint64_t size);
void rig_directory(struct rig *rig, const char *path);
uint8_t rig_byte(const char *path, uint64_t offset);
void rig_fill(uint8_t *out, const char *path, uint64_t offset, size_t length);
bool rig_is(const uint8_t *bytes, const char *path, uint64_t size); /* from offset 0 on */

/* Is there a file with exactly this content (that of content_path)? */
bool rig_has(struct rig *rig, const char *path, const char *content_path, uint64_t size);
bool rig_exists(struct rig *rig, const char *path);

/* Names below the rig's directory, in order, with a blank between them; directories end in "/". */
const char *rig_names(struct rig *rig);

/* What was said of an entry (relative to the source), NULL: nothing. */
const struct transfer_file *rig_said(struct rig *rig, const char *path);
const struct transfer_error *rig_error(struct rig *rig, const char *path);

/* How many events of a type there were; error 0: any. */
unsigned rig_count(struct rig *rig, enum transfer_event_type type, int error);

#endif
