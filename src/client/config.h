/*
 * The client's configuration: $XDG_CONFIG_HOME/ftx/config (else ~/.config/ftx/config), then
 * /etc/ftx/config.  The format is that of src/base/ini.h; there are sections [host NAME]:
 *
 *	address		HOST, HOST:PORT, [IPV6] or [IPV6]:PORT; NAME itself where it is not given
 *	port		unless it stands in address
 *	server-key	once, or twice while the server changes its key
 *	identity	a path that begins with '/' or "~/"
 */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/ini.h"
#include "src/client/address.h"
#include "src/client/problem.h"
#include "src/secure/keyfile.h"

#define CONFIG_SERVER_KEYS 2u

struct config_host {
	char name[INI_NAME_BYTES + 1];
	char address[ADDRESS_HOST_BYTES]; /* without brackets */
	uint16_t port;			  /* 0: not said */
	unsigned key_count;		  /* 0..CONFIG_SERVER_KEYS */
	uint8_t keys[CONFIG_SERVER_KEYS][KEY_BYTES];
	char *identity;	  /* a path, or NULL */
	const char *file; /* that it stands in */
};

struct config;

/*
 * Reads both files; one that does not exist is an empty one.  0 with *out owned by the caller;
 * FTX_E_CONFIG with "FILE:LINE: what" in why for anything in either that is wrong or that cannot
 * be read; FTX_E_NOMEM.
 */
int config_load(struct config **out, struct problem *why);

/* The same with these two files; user may be NULL. */
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

/*
 * "$XDG_CONFIG_HOME/ftx/NAME", or "~/.config/ftx/NAME", to out.  FTX_E_CONFIG in why where nothing
 * says where that is, or where it does not fit.
 */
int config_place(char *out, size_t capacity, const char *name, struct problem *why);

#endif
