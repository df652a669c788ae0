/*
 * The configuration file, for the verbs that read it.
 */
#ifndef FTXD_SETTINGS_H
#define FTXD_SETTINGS_H

#include "src/server/config.h"

/*
 * Takes `-c FILE` and `--config FILE` from the arguments; optind is the first other one.  *file is
 * CONFIG_FILE unless it is given.  0, or FTX_EXIT_USAGE after a complaint with usage.
 */
int settings_options(const char *verb, const char *usage, int argc, char **argv, const char **file);

/*
 * The same for verbs with one more option, --flag, and without other arguments.  *given: it was
 * there.
 */
int settings_options_and_flag(const char *verb, const char *usage, int argc, char **argv,
			      const char **file, const char *flag, bool *given);

/* 0, or FTX_EXIT_CONFIG after a complaint. */
int settings_load(const char *verb, const char *file, struct config **config);

/* Where the control socket is, owned; NULL without memory. */
char *settings_control(const struct server_config *server);

/* How many secret keys the server has, 1 or more; the first is what people are told. */
size_t settings_key_count(const struct server_config *server);

/* The file of the n-th of them, owned; NULL without memory. */
char *settings_key_file(const struct server_config *server, size_t n);

/*
 * Reads it; makes it first if it is missing, make is set, and the configuration does not name it.
 * Owned by the caller (key_secret_free()); NULL after a complaint, which root gets too where the
 * state directory is another user's.
 */
uint8_t *settings_key(const char *verb, const struct server_config *server, size_t n, bool make);

/*
 * The n-th public key, for verbs that tell it.  Root reads, and makes, the key as the user that the
 * daemon's directory or else the key file belongs to.  It is made where it is missing, the
 * configuration does not name it, and its directory is there.  0, or FTX_EXIT_CONFIG after a
 * complaint.
 */
int settings_public_key(const char *verb, const struct server_config *server, size_t n,
			uint8_t public_key[static KEY_BYTES]);

/*
 * Root does the work as the user to whom the directory that path lies in belongs, or else the file:
 * what a directory's owner may put there must not be done with root's powers.  Everybody else just
 * does it.  Returns what work does, or FTX_EXIT_FAILURE after a complaint.
 */
int settings_as_owner(const char *verb, const char *path, int (*work)(void *arg), void *arg);

/*
 * Where clients find the server, HOST:PORT: told, HOST or HOST:PORT, if it is not NULL; else what
 * the configuration says, else where it listens.
 */
#define SETTINGS_PLACE_BYTES (INI_LINE_BYTES + 16)
void settings_place(char out[static SETTINGS_PLACE_BYTES], const struct server_config *server,
		    const char *told);

#endif
