/*
 * The client's configuration: $XDG_CONFIG_HOME/ftx/config (else ~/.config/ftx/config), then
 * /etc/ftx/config, and the variables of settings.h.  The format of the files is that of
 * src/base/ini.h; there are sections [defaults] and [host NAME], both with the keys of settings.h,
 * where an identity begins with '/' or "~/".  A host also has:
 *
 *	address		HOST, HOST:PORT, [IPV6] or [IPV6]:PORT; NAME itself where it is not given
 *	server-key	once, or twice while the server changes its key
 *
 * and its port stands in address or by itself.
 */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/ini.h"
#include "src/client/address.h"
#include "src/client/problem.h"
#include "src/client/settings.h"
#include "src/secure/keyfile.h"

#define CONFIG_SERVER_KEYS 2u
#define CONFIG_FILES	   2u /* the user's, then /etc/ftx/config */

/* What a file says of a setting; text NULL: nothing. */
struct config_line {
	char *text; /* a value that setting_parse() takes */
	unsigned number;
};

struct config_host {
	char name[INI_NAME_BYTES + 1];
	char address[ADDRESS_HOST_BYTES]; /* without brackets */
	unsigned address_line;		  /* 0: it is the name */
	uint16_t port;			  /* 0: not said */
	unsigned key_count;		  /* 0..CONFIG_SERVER_KEYS */
	uint8_t keys[CONFIG_SERVER_KEYS][KEY_BYTES];
	unsigned key_lines[CONFIG_SERVER_KEYS];
	const char *identity; /* a path, or NULL; of lines */
	struct config_line lines[SETTING_COUNT];
	const char *file; /* that it stands in: config_file() */
	unsigned line;	  /* of its head */
};

struct config;

/*
 * Reads both files and the environment; a file that does not exist is an empty one.  0 with *out
 * owned by the caller; FTX_E_CONFIG with "FILE:LINE: what" or "VARIABLE: what" in why for anything
 * that is wrong or that cannot be read; FTX_E_NOMEM.
 */
int config_load(struct config **out, struct problem *why);

/* The same with these two files alone; user may be NULL. */
int config_load_files(struct config **out, const char *user, const char *system,
		      struct problem *why);
void config_free(struct config *c);

/*
 * The section [host NAME], NULL where there is none; borrowed.  That of the user's file hides the
 * one in /etc/ftx/config as a whole.
 */
const struct config_host *config_host(const struct config *c, const char *name);

/* The n-th section that counts, the user's first, NULL behind the last; borrowed. */
const struct config_host *config_host_at(const struct config *c, size_t n);

/* Where the user's own sections go, whether the file exists or not; borrowed. */
const char *config_user_file(const struct config *c);

/* Name of the n-th file, n < CONFIG_FILES; what its [defaults] say; borrowed. */
const char *config_file(const struct config *c, unsigned n);
const struct config_line *config_default(const struct config *c, unsigned file, enum setting id);

/* What the environment says, NULL: nothing. */
const char *config_variable(const struct config *c, enum setting id);

/*
 * "$XDG_CONFIG_HOME/ftx/NAME", or "~/.config/ftx/NAME", to out.  FTX_E_CONFIG in why where nothing
 * says where that is, or where it does not fit.
 */
int config_place(char *out, size_t capacity, const char *name, struct problem *why);

#endif
