/*
 * Where a file lands: one rule for put and get, as a pure function (README, "Where things land").
 *
 * A file goes into the destination under its own name when the destination ends in "/", is a
 * share's root, "." or "..", is an existing directory, or when there are several sources; else it
 * gets the destination's name.  -T forces the name.  A directory arrives under its own name in the
 * destination, with -T as the destination.
 */
#ifndef CLIENT_MAPPING_H
#define CLIENT_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

#include "src/client/problem.h"

struct landing {
	const char *dest;	  /* without trailing slashes; "" and "/" are kept */
	bool ends_in_slash;	  /* as it was typed */
	bool is_root;		  /* a share's root, "/", or a last component "." or ".." */
	bool is_directory;	  /* exists and is one */
	bool several;		  /* sources */
	bool no_target_directory; /* -T */
};

/*
 * Last name of a path as typed: trailing slashes do not count.  Returns its length with *name
 * pointing into path; 0 for "", "/", ".", ".." and anything ending in those.
 */
size_t mapping_last_name(const char *path, const char **name);

/*
 * Final path of a source whose last name is name[0..length).  0; FTX_E_CONFLICT where -T would put
 * a file in place of a directory; FTX_E_NAME where the name is taken by ftx or the path becomes too
 * long.
 */
int mapping_land(const struct landing *l, const char *name, size_t length, char *out,
		 size_t capacity);

/*
 * The same for a directory, for which what the destination is never decides: it becomes
 * DEST/NAME, with -T or without a last name (length 0: ".", a share) DEST itself.  FTX_E_NAME as
 * above.
 */
int mapping_land_directory(const struct landing *l, const char *name, size_t length, char *out,
			   size_t capacity);

/*
 * What is wrong with these sources together: FTX_E_USAGE for -T with several, and for two with one
 * last name.  0 otherwise.
 */
int mapping_check_sources(const char *const *sources, size_t count, bool no_target_directory,
			  struct problem *why);

#endif
