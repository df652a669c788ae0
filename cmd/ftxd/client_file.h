/*
 * Changes the files clients.d/NAME.conf, each for one client.  A change is checked together with
 * the rest of the configuration before it is made, is made as a whole, and is on stable storage
 * then.
 */
#ifndef FTXD_CLIENT_FILE_H
#define FTXD_CLIENT_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "src/base/ini.h"

struct client_file {
	const char *verb;   /* that complaints are in the name of */
	const char *config; /* the main file */
	const char *client; /* its name */
	char name[INI_NAME_BYTES + 8];
	char directory[PATH_MAX]; /* clients.d */
	char path[PATH_MAX + INI_NAME_BYTES + 16];
	int dir; /* locked */
};

/*
 * The text of a new client's file, owned by the caller, NULL after a complaint in the name of verb.
 * 0 or the exit code.
 */
int client_text(const char *verb, const char *client, const char *key, const char *const *shares,
		size_t share_count, char **text);

/*
 * Each returns 0, or the exit code after a complaint in the name of verb.  client_file_open() makes
 * clients.d where make is set and there is none, for everybody to read whatever the umask; what it
 * opens, client_file_close() closes in any case.
 */
int client_file_open(struct client_file *f, const char *verb, const char *config,
		     const char *client, bool make);
void client_file_close(struct client_file *f);

/* Of a client that there is not yet. */
int client_file_add(struct client_file *f, const char *text);

/*
 * Its lines but `enabled`, which is "enabled = no" afterwards or is not there; its owner, group and
 * mode stay.  A symbolic link is refused.
 */
int client_file_enable(struct client_file *f, bool enabled);

int client_file_remove(struct client_file *f);

#endif
