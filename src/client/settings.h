/*
 * What concerns the connection and its tuning, and may be said in more places than one.  The first
 * that says something counts:
 *
 *	the command line
 *	an ftx:// address (the port alone)
 *	the environment
 *	the user's file: [host NAME], then [defaults]
 *	/etc/ftx/config: [host NAME], then [defaults]
 *	what is built in
 *
 * What is copied, skipped, deleted or synced is no setting: it is said on the command line only.
 */
#ifndef CLIENT_SETTINGS_H
#define CLIENT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/client/address.h"
#include "src/data/codec.h"

enum setting {
	SETTING_IDENTITY,
	SETTING_PORT,
	SETTING_STREAMS,
	SETTING_COMPRESS,
	SETTING_BWLIMIT,
	SETTING_RETRY_FOR,
	SETTING_TIMEOUT,
	SETTING_PROGRESS,
};
#define SETTING_COUNT 8u

struct setting_row {
	const char *key;      /* of ftx_config(5), and of the option --KEY */
	const char *variable; /* of the environment; an empty one says nothing */
	const char *built_in; /* as text; NULL: the default place of keys */
	const char *form;     /* what a value looks like */
};

extern const struct setting_row setting_rows[SETTING_COUNT];

enum progress_choice { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

struct settings {
	const char *identity; /* a path, NULL: the default place; borrowed */
	uint16_t port;
	unsigned streams; /* STREAMS_AUTO or 1..STREAMS_MAX of transfer.h */
	enum compress_mode compress;
	int level;	       /* 0: the codec's default */
	uint64_t bwlimit;      /* bytes a second, 0: no limit, which no text says */
	uint64_t retry_for_ms; /* 0: one attempt */
	uint64_t timeout_ms;   /* not 0 */
	enum progress_choice progress;
};

/* All as they are built in. */
void settings_init(struct settings *s);

/* Takes text, borrowed as long as s is used.  false where it has not the form of the row. */
bool setting_parse(struct settings *s, enum setting id, const char *text);

enum setting_origin {
	SETTING_BUILT_IN,
	SETTING_OF_FILE,
	SETTING_OF_ENVIRONMENT,
	SETTING_OF_ADDRESS,
	SETTING_OF_OPTION
};

/* Who says what; borrowed from where it was said. */
struct setting_said {
	const char *text; /* NULL: the default place of keys */
	enum setting_origin origin;
	const char *file; /* of SETTING_OF_FILE */
	unsigned line;
	const char *host; /* the section, NULL: [defaults] */
};

struct config;

/* What counts below the command line and the address; host: NULL or the NAME that was typed. */
struct setting_said setting_look_up(const struct config *c, const char *host, enum setting id);

#endif
