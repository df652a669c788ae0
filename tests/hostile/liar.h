/*
 * A server on loopback, of which one thing it says is a lie, and the client program that asks it:
 * tests/hostile has the server, the client is ftx of the same build.
 *
 * Around the destination lie files that are nobody's business.  After each tale they are as they
 * were, the destination has exactly the names that the tale allows, the client has ended in time
 * with the tale's exit code, within its memory, and has shown no control character.
 */
#ifndef HOSTILE_LIAR_H
#define HOSTILE_LIAR_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "src/secure/channel.h"

/* A line of a listing, whatever it says. */
struct told {
	uint8_t kind, type;
	struct span path;
	uint64_t size;
	const char *target;
	uint16_t code;
};

#define BYTES(text)                                                                                \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1                                          \
	}
#define ENTER(path)                                                                                \
	{                                                                                          \
		.kind = 1, .type = 2, BYTES(path)                                                  \
	}
#define DIRECTORY(path)                                                                            \
	{                                                                                          \
		.type = 2, BYTES(path)                                                             \
	}
#define LINK(path, to)                                                                             \
	{                                                                                          \
		.type = 3, BYTES(path), .target = (to)                                             \
	}
#define SMALL(path)                                                                                \
	{                                                                                          \
		.type = 1, BYTES(path), LIAR_BYTES                                                 \
	}
#define BIG(path, size)                                                                            \
	{                                                                                          \
		.type = 1, BYTES(path), (size)                                                     \
	}

/* Content of every small file. */
#define LIAR_TEXT  "lies"
#define LIAR_BYTES 4u

enum { TOLD_MOST = 8 };

struct liar;

struct tale {
	const char *what;
	const char *command; /* words; DEST, SRC and URL stand for paths and the share */
	int status;	     /* exit code of ftx (PROTOCOL.md, "Errors") */
	const char *left;    /* names at the destination, each with a blank behind it; NULL: any */
	const struct told lines[TOLD_MOST]; /* of LIST, up to one without a type */
	/* Instead of the honest answer; false: that is given all the same.  May be NULL. */
	bool (*lie)(struct liar *l);
};

/* The server's end of a connection. */
struct liar {
	struct channel *channel;
	const struct tale *tale;
	struct message message; /* the last one received */
	struct message_arena arena;
	uint32_t files; /* ended by PACKs since the last COMMIT_PACKS */
	unsigned step;	/* for the tale */
};

/* What the client wants now, in message.  false: it has gone. */
bool liar_receive(struct liar *l);

/* false: the client has gone. */
bool liar_tell(struct liar *l, const struct message *m);
bool liar_answer(struct liar *l, enum message_type type); /* without content */
bool liar_error(struct liar *l, int error, const char *text);
bool liar_tell_plain(struct liar *l, const uint8_t *plain, size_t length);

/* Bytes as they are, behind the records. */
void liar_tell_raw(struct liar *l, const void *bytes, size_t length);

/* The honest answer to message. */
bool liar_be_honest(struct liar *l);

/* Reads until the client has gone. */
void liar_linger(struct liar *l);

/* Some parts, for lies: a chunk of a file that is 'x' throughout; the items of FETCH, as asked for.
 */
struct message liar_chunk(uint64_t offset, uint32_t length);
uint32_t liar_items(struct liar *l, struct fetched items[static LIMIT_ENTRIES]);
bool liar_tell_pack(struct liar *l, const struct fetched *items, uint32_t count,
		    const uint8_t *data, uint32_t length);

/* One after the other, each with a server and a directory of its own. */
void liar_try(const struct tale *tales, size_t count);

/* Serves connections from a listening socket, for ever. */
_Noreturn void liar_serve(int listener, const struct tale *tale);
extern const uint8_t liar_secret[32];

#endif
