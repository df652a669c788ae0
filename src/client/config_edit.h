/*
 * Changes the user's configuration file (config.h): a section [host NAME] more or less.  All other
 * lines, comments and their order stay as they are.  A change is checked before it is made, is made
 * as a whole, and is on stable storage then; two at the same time are one after the other.  A file
 * that is a symbolic link stays one.
 */
#ifndef CLIENT_CONFIG_EDIT_H
#define CLIENT_CONFIG_EDIT_H

#include <stdint.h>

#include "src/client/problem.h"
#include "src/secure/keyfile.h"

/* What is to stand in a new section. */
struct host_lines {
	const char *name;
	const char *address; /* as address_split() takes it */
	const uint8_t *server_key;
	const char *identity; /* an absolute path; NULL: none */
};

/*
 * Puts a section at the end of file, which is made where it is missing, mode 0600, with missing
 * directories 0700.  0; FTX_E_EXISTS where there is one of this name; FTX_E_CONFIG where the file
 * is wrong already, or would be; the error of errno: all with why set.
 */
int config_add_host(const char *file, const struct host_lines *host, struct problem *why);

/*
 * Takes a section out: its head, its keys and one empty line before it.  Comments stay.  0;
 * FTX_E_NOT_FOUND where there is none; as config_add_host().
 */
int config_remove_host(const char *file, const char *name, struct problem *why);

#endif
