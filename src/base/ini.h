/*
 * Configuration files, read strictly: they decide who may do what, so that nothing in them is
 * guessed, skipped or cut.
 *
 *	; or # as the first character of a line: a comment
 *	[KIND] or [KIND NAME]
 *	KEY = VALUE
 *
 * Blanks (space, tab) around '=' and at the end of a line do not count; a value is otherwise
 * literal: there are no quotes, no escapes, no comments behind it and no lines that go on.  Lines
 * of blanks alone are ignored.  The last line may lack its line feed.
 *
 * Refused, with the line: a line of more than INI_LINE_BYTES; a NUL or CR anywhere; a byte order
 * mark; white space before a section or a key; a section or a key that the caller's table does
 * not have, a key more often than the table says; a section given twice, or without an entry; an
 * entry before any section; an empty value; anything else.
 */
#ifndef BASE_INI_H
#define BASE_INI_H

#include <stdbool.h>
#include <stddef.h>

#define INI_LINE_BYTES	 4096u /* without the line feed */
#define INI_NAME_BYTES	 40u
#define INI_MAX_SECTIONS 4096u /* in one file */
#define INI_MAX_KEYS	 64u   /* of one kind of section */
#define INI_ERROR_BYTES	 768u
#define INI_ANY_NUMBER	 0u
#define INI_KEYS_END                                                                               \
	{                                                                                          \
		NULL, 0                                                                            \
	}
#define INI_SECTIONS_END                                                                           \
	{                                                                                          \
		NULL, false, NULL                                                                  \
	}

struct ini_key {
	const char *name;
	unsigned at_most; /* in one section; INI_ANY_NUMBER */
};

/* Tables end in INI_KEYS_END and INI_SECTIONS_END. */
struct ini_section {
	const char *kind;
	bool named; /* [KIND NAME], not [KIND] */
	const struct ini_key *keys;
};

struct ini_error {
	char text[INI_ERROR_BYTES]; /* "FILE:LINE: what is wrong", safe to show */
	unsigned line;		    /* 0: not about a line */
};

/* Borrowed from the reader until the callback returns. */
struct ini_entry {
	const char *kind;
	const char *name; /* "" where the section has none */
	const char *key;
	const char *value; /* 1 byte or more */
	const char *file;
	unsigned line;
	unsigned section_line; /* tells two sections of one file apart */
	struct ini_error *error;
};

/* 0 to go on.  Anything else ends the reading and is what it returns: return ini_refuse(). */
typedef int ini_callback(void *arg, const struct ini_entry *e);

/*
 * Reads the regular file at path (a symbolic link is followed), or the one open at fd from where
 * it stands; fd stays the caller's, and file is its name for people.  Memory is the same whatever
 * the size of the file.  Entries come in order, each when its line is read: what was taken from a
 * file that is refused later must not be used.
 *
 * 0; FTX_E_NOT_FOUND (ENOENT, ENOTDIR); FTX_E_NOT_REGULAR; FTX_E_CONFIG for what the file says;
 * FTX_E_NOMEM, the error of errno; what on_entry returned.  error is set in every case but the
 * last, where ini_refuse() sets it.
 */
int ini_read(const char *path, const struct ini_section *sections, ini_callback *on_entry,
	     void *arg, struct ini_error *error);
int ini_read_fd(int fd, const char *file, const struct ini_section *sections,
		ini_callback *on_entry, void *arg, struct ini_error *error);

/* For callbacks: "FILE:LINE: " and the text to e->error.  Returns FTX_E_CONFIG. */
int ini_refuse(const struct ini_entry *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The rule for NAME: [A-Za-z0-9][A-Za-z0-9._-]{0,39}. */
bool ini_name_ok(const char *name, size_t length);

#endif
