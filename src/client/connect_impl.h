/*
 * What the files of connect share: connect.c (one attempt), connect_persist.c (when there is
 * another).
 */
#ifndef CLIENT_CONNECT_IMPL_H
#define CLIENT_CONNECT_IMPL_H

#include "src/client/connect.h"

/* What an attempt is to bring. */
struct aim {
	struct connection **connection;
	struct server_info *info;
	char *client; /* of an invite; the others are NULL then */
};

/* What an attempt that failed means for the next one. */
enum verdict {
	VERDICT_FINAL,	   /* asking again changes nothing */
	VERDICT_AGAIN,	   /* the network or the server may recover */
	VERDICT_ABSENT,	   /* nobody there: a few times */
	VERDICT_SILENT,	   /* no valid message 2: for a while */
	VERDICT_UNPROVED,  /* no word after message 3 of an invite: a few times */
	VERDICT_DISPROVED, /* message 2 is not of who holds the key; once known: a few times */
};

/* TCP, handshake, and what aim is to bring.  0, or an error in p and what it means in *verdict. */
int connect_attempt(struct aim *aim, const struct connect_options *o, enum verdict *verdict,
		    struct problem *p);

/* What ends an attempt. */
const struct cancel *connect_cancel(const struct connect_options *o);

/* Neither of the keys was proved.  Returns FTX_E_SERVER_KEY. */
int connect_key_problem(const struct connect_options *o, struct problem *p);

#endif
