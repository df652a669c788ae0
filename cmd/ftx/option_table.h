/*
 * The verbs and options of ftx as tables: what the parser takes and what help prints.
 */
#ifndef FTX_OPTION_TABLE_H
#define FTX_OPTION_TABLE_H

#include "cmd/ftx/options.h"

enum option_id {
	OPTION_ACCEPTED, /* so it is anyway */
	OPTION_REFUSED,
	OPTION_ACLS,
	OPTION_ALIAS,
	OPTION_ALL,
	OPTION_ATOMIC_SET,
	OPTION_BACKUP_DIR,
	OPTION_BWLIMIT,
	OPTION_CHECKSUM,
	OPTION_COMPRESS,
	OPTION_COMPRESS_AUTO,
	OPTION_COPY_LINKS,
	OPTION_DELETE,
	OPTION_DELETE_EMPTY,
	OPTION_DELETE_EXCLUDED,
	OPTION_DRY_RUN,
	OPTION_EXCLUDE,
	OPTION_EXCLUDE_FROM,
	OPTION_FAILED0,
	OPTION_FILES_FROM,
	OPTION_FORCE,
	OPTION_FROM_COMMAND,
	OPTION_HARD_LINKS,
	OPTION_HELP,
	OPTION_IDENTITY,
	OPTION_IGNORE_EXISTING,
	OPTION_INCLUDE,
	OPTION_IPV4,
	OPTION_IPV6,
	OPTION_JSON,
	OPTION_LONG,
	OPTION_MAX_DELETE,
	OPTION_META,
	OPTION_MIN_SIZE,
	OPTION_NO_OWNER,
	OPTION_NO_PROGRESS,
	OPTION_NO_RESUME,
	OPTION_NO_SYNC,
	OPTION_NO_TARGET_DIRECTORY,
	OPTION_NUL,
	OPTION_NUMERIC_IDS,
	OPTION_ONE_FILE_SYSTEM,
	OPTION_OUTPUT,
	OPTION_PARENTS,
	OPTION_PORT,
	OPTION_PROGRESS,
	OPTION_QUIET,
	OPTION_REPLACE_SET,
	OPTION_RETRY_FOR,
	OPTION_STREAMS,
	OPTION_STRICT_META,
	OPTION_SYMBOLIC,
	OPTION_TIMEOUT,
	OPTION_UPDATE,
	OPTION_VERBOSE,
	OPTION_VERSION,
	OPTION_XATTRS,
};

struct option_row {
	char letter;	      /* 0: none */
	const char *name;     /* of the long form, NULL: none */
	const char *argument; /* what the value is called, NULL: it takes none */
	enum option_id id;
	unsigned verbs;	  /* bits of enum verb; one letter may mean different things to verbs */
	const char *text; /* for help, NULL: not shown; OPTION_REFUSED: why not */
};

#define OPTION_ROWS_MAX 160u
extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* "--name" or "-x"; in a buffer of its own until the next call. */
const char *option_name(const struct option_row *row);

struct verb_row {
	enum verb verb;
	const char *name;
	const char *usage;  /* what stands behind the name */
	const char *text;   /* a line is a paragraph, at most 500 bytes */
	size_t least, most; /* arguments */
};

extern const struct verb_row verb_rows[];
extern const size_t verb_row_count;

/* What else there is help about. */
struct topic_row {
	const char *name;
	void (*print)(void); /* to standard output */
};

extern const struct topic_row topic_rows[]; /* help.c */
extern const size_t topic_row_count;

/* NULL where there is none; else its own name. */
const char *topic_find(const char *name);

/* NULL where there is none. */
const struct verb_row *verb_find(const char *name);
const struct verb_row *verb_of(enum verb verb);

#endif
