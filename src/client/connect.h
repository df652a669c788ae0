/*
 * From an address and two keys to an open session: TCP, handshake, HELLO (PROTOCOL.md,
 * "Handshake").
 */
#ifndef CLIENT_CONNECT_H
#define CLIENT_CONNECT_H

#include "src/client/connection.h"
#include "src/client/retry.h"
#include "src/secure/keyfile.h"

#define EARLY_REQUESTS (LIMIT_UNANSWERED_LEAST - 1)

struct connect_options {
	const char *host;
	uint16_t port;
	int family;		   /* AF_UNSPEC, AF_INET, AF_INET6 */
	const uint8_t *server_key; /* public, KEY_BYTES */
	/* Another that the server may have; NULL: none. */
	const uint8_t *server_key2;
	const uint8_t *identity; /* secret, KEY_BYTES */
	/* Of connect_join() alone: what is to be proved. */
	const struct handshake_invite *invite;
	uint8_t session_id[16];
	uint8_t stream;
	bool spare;	       /* there are others: a server that is busy is not asked again */
	uint64_t retry_for_ms; /* 0: one attempt */
	/*
	 * NULL: the first connection.  Else one was lost, and this goes on where that was: the
	 * pauses and the time are its, and borrowed until connect_server() returns.
	 */
	struct retry *again;
	struct connection_options connection;
	/*
	 * Another wish to stop than the connection's own, which ends this as long as there is no
	 * connection.  NULL: that of the connection.
	 */
	const struct cancel *until_connected;
	/* Before each further attempt; may be NULL. */
	void (*on_retry)(void *arg, const struct problem *p, uint64_t delay_ms);
	/*
	 * What need not wait for WELCOME: at most EARLY_REQUESTS, made on c behind HELLO, whose
	 * answers come when connect_server() is over.  Called in each attempt that comes so far:
	 * what was asked on another connection before will not be answered.  0, or what
	 * connection_request() returned.  May be NULL.
	 */
	int (*ask_early)(void *arg, struct connection *c);
	void *arg;
};

/* A share this key may use; rights: bits of struct share.rights (messages.def). */
struct server_share {
	char name[LIMIT_SHARE_BYTES + 1]; /* obeys the share name rule */
	uint8_t rights;
};

/* Of WELCOME. */
struct server_info {
	uint32_t codecs;
	char client[LIMIT_SHARE_BYTES + 1]; /* its name for us, whatever bytes a server sent */
	int64_t clock_ahead_ms;		    /* of ours, when WELCOME was read */
	unsigned unanswered;		    /* requests */
	unsigned share_count;
	struct server_share shares[LIMIT_SHARES];
};

/*
 * 0 with *out; otherwise p says why:
 *	FTX_E_NETWORK, FTX_E_TIMEOUT, FTX_E_CLOSED	no connection, or lost before WELCOME
 *	FTX_E_SERVER_KEY	the peer proved neither key (or said nothing, for 15 s)
 *	FTX_E_KEY_REFUSED	the server does not accept ours
 *	FTX_E_VERSION, FTX_E_PROTOCOL, FTX_E_BUSY, FTX_E_INTERRUPTED, ...
 * What may pass is tried again with growing pauses, within retry_for_ms; an unknown name or a
 * refused connection three times.  Where a connection was lost (again) those too as long as there
 * is time, and so is silence: who has proved the key once may be away for a while.
 */
int connect_server(struct connection **out, struct server_info *info,
		   const struct connect_options *options, struct problem *p);

/* Room for the name that a server knows a client by. */
#define CLIENT_NAME_BYTES (LIMIT_SHARE_BYTES + 1u)

/*
 * Has the server enter our key by an invite (PROTOCOL.md, "Invites"); server_key2, stream,
 * session_id and ask_early do not count.  0 with the name it knows us by, for as often as the same
 * key comes with the same invite; otherwise p says why:
 *	FTX_E_INVITE_UNKNOWN, FTX_E_INVITE_USED, FTX_E_INVITE_EXPIRED	it is good no more
 *	FTX_E_KEY_REFUSED, FTX_E_EXISTS, FTX_E_CONFIG, ...	the server does not enter the key
 * and what connect_server() returns.
 */
int connect_join(char client[static CLIENT_NAME_BYTES], const struct connect_options *options,
		 struct problem *p);

#endif
