/*
 * What a client may do in a share, and the text that says so:
 *
 *	SHARE[:/SUBTREE]=RIGHTS
 *
 * RIGHTS: words of list, get, put, overwrite, delete with commas between them; or readonly
 * (list,get), append (list,get,put), full (all), which may be among them too.  The same in a
 * `share` of ftxd.conf(5) and on the command line.
 */
#ifndef SERVER_RIGHTS_H
#define SERVER_RIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

/* Rights only add; the bits of struct share.rights (PROTOCOL.md, "Messages"). */
enum right {
	RIGHT_LIST = 1,
	RIGHT_GET = 2,
	RIGHT_PUT = 4,
	RIGHT_OVERWRITE = 8,
	RIGHT_DELETE = 16,
	RIGHTS_FULL = 31,
};

#define RIGHTS_TEXT_BYTES 40u

/* A text of one right or more.  0 or FTX_E_USAGE. */
int rights_parse(uint8_t *rights, const char *text);

/* "list,get,put" to out.  Returns out. */
char *rights_format(char out[static RIGHTS_TEXT_BYTES], uint8_t rights);

struct share_spec {
	char share[LIMIT_SHARE_BYTES + 1];
	char subtree[LIMIT_PATH_BYTES + 1]; /* path_check() likes it; "": the share itself */
	uint8_t rights;
};

/* 0; FTX_E_USAGE with *why set to a clause for people. */
int share_spec_parse(struct share_spec *spec, const char *text, const char **why);

#endif
