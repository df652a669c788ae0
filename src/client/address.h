/*
 * Remote addresses as people type them (PROTOCOL.md, "Paths"):
 *
 *	ftx://[KEY@]HOST[:PORT]/SHARE/PATH	%XX decoded once in SHARE and PATH
 *	HOST:SHARE/PATH, [V6]:SHARE/PATH	literal
 *
 * In both, "//" and "/./" are one "/".  Parsing knows nothing of files or networks; what a HOST of
 * the second form means, the configuration may say.
 */
#ifndef CLIENT_ADDRESS_H
#define CLIENT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"
#include "src/client/problem.h"
#include "src/secure/keyfile.h"

#define ADDRESS_HOST_BYTES   256u
#define ADDRESS_DEFAULT_PORT 7389u

struct config;

struct address {
	char host[ADDRESS_HOST_BYTES]; /* without brackets */
	bool named;		       /* HOST:SHARE/PATH: it may be a [host NAME] */
	uint16_t port;		       /* 0: not said */
	bool has_key, has_key2;
	uint8_t key[KEY_BYTES];		 /* the server's public key */
	uint8_t key2[KEY_BYTES];	 /* another that it may have; after the first only */
	const char *identity;		 /* key file for it, NULL: none said; borrowed */
	char path[LIMIT_PATH_BYTES + 1]; /* SHARE or SHARE/REST; REST passes path_check() */
	bool trailing_slash;		 /* it was typed with one, or ended in "/." */
};

/* 0, or FTX_E_USAGE with the right form in why. */
int address_parse(struct address *a, const char *text, struct problem *why);

/* The same, but the share may be missing: HOST: or ftx://KEY@HOST/; path is "" then. */
int address_parse_server(struct address *a, const char *text, struct problem *why);

/*
 * What the configuration knows of a.host, if a.named: a [host NAME] replaces host, port, keys and
 * identity (borrowed from c).  An ftx:// address stays as it is.  0, or FTX_E_SERVER_KEY in why
 * where no key is known then, with what to do about it (the identity is set all the same).
 */
int address_resolve(struct address *a, const struct config *c, struct problem *why);

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT; *port is 0 where none is said. */
bool address_split(char host[static ADDRESS_HOST_BYTES], uint16_t *port, const char *text);

/* A decimal number from 1 to 65535, of at most 5 digits, and nothing else. */
bool address_port(uint16_t *port, const char *text, size_t length);

/* REST of SHARE/REST; "" for the share's root. */
const char *address_rest(const char *path);

/* SHARE of SHARE/REST, terminated. */
void address_share(char out[static LIMIT_SHARE_BYTES + 1], const char *path);

/* Do both name one server in one way: host, port, keys and identity? */
bool address_same_server(const struct address *a, const struct address *b);

/* "HOST:PORT", a numeric IPv6 host in brackets. */
#define ADDRESS_SERVER_BYTES (ADDRESS_HOST_BYTES + 16u)
void address_format_server(char out[static ADDRESS_SERVER_BYTES], const char *host, uint16_t port);

/* "ftx://HOST:PORT/PATH", encoded where needed. */
#define ADDRESS_TEXT_BYTES (ADDRESS_SERVER_BYTES + 8u + 3u * LIMIT_PATH_BYTES)
void address_format(char out[static ADDRESS_TEXT_BYTES], const char *host, uint16_t port,
		    const char *path);

/* The share name rule: [A-Za-z0-9][A-Za-z0-9._-]{0,39}. */
bool share_name_ok(const char *name, size_t length);

#endif
