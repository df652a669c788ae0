/*
 * What the supervisor and its children say to each other over a SOCK_SEQPACKET pair: messages of
 * one fixed size, few in number, trusted for nothing but that child's own figures.
 *
 *	greeter    PAIR_NAMED                                    of a proxy's header: that alone
 *	greeter    PAIR_DH       ->  PAIR_DH_ANSWER              once
 *	greeter    PAIR_PSK      ->  PAIR_PSK_ANSWER             once, of an invite
 *	greeter    PAIR_GREETED  ->  PAIR_PROCEED | PAIR_REFUSE | PAIR_BUSY
 *	                             PAIR_ENTERED                of an invite
 *	greeter    PAIR_FAILED                                  once, last, instead of PAIR_GREETED
 *	session    PAIR_JOIN     ->  PAIR_JOINED                 once
 *	session    PAIR_RESERVE  ->  PAIR_RESERVED               quota (charges.h)
 *	session    PAIR_CHANGED                                  what came and went
 *	session    PAIR_ENDED                                    once, last
 *	                             PAIR_STOP                   end after the present request,
 *	                                                         and tell the client why
 *	scan       PAIR_SCANNING                                 it goes on (scan.h)
 *	scan       PAIR_COUNTED                                  a place
 *	scan       PAIR_SCANNED                                  once, last
 *
 * End of file on the pair: the other side is gone.
 */
#ifndef SERVER_PAIR_H
#define SERVER_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"
#include "src/secure/handshake.h"
#include "src/server/key_holder.h"
#include "src/server/network.h"
#include "src/store/staging_expire.h"
#include "src/store/usage.h"

enum pair_type {
	PAIR_DH = 1,
	PAIR_DH_ANSWER,
	PAIR_PSK,
	PAIR_PSK_ANSWER,
	PAIR_GREETED,
	PAIR_FAILED,
	PAIR_PROCEED,
	PAIR_REFUSE,
	PAIR_BUSY,
	PAIR_ENTERED,
	PAIR_JOIN,
	PAIR_JOINED,
	PAIR_ENDED,
	PAIR_STOP,
	PAIR_NAMED,
	PAIR_RESERVE,
	PAIR_RESERVED,
	PAIR_CHANGED,
	PAIR_SCANNING,
	PAIR_COUNTED,
	PAIR_SCANNED,
};

struct pair_message {
	enum pair_type type;
	union {
		struct {
			enum handshake_kind kind;
			uint8_t ephemeral[KEY_BYTES];
		} asked; /* PAIR_DH */
		struct {
			int error; /* of key_holder_es() */
			struct key_step with[SERVER_KEYS];
		} dh;					      /* PAIR_DH_ANSWER */
		uint8_t invite_id[HANDSHAKE_INVITE_ID_BYTES]; /* PAIR_PSK */
		struct {
			int error; /* not 0: there is no such invite */
			uint8_t psk[NOISE_KEY_BYTES];
		} psk; /* PAIR_PSK_ANSWER */
		struct {
			int error; /* 0: the key is that of this client */
			char client[LIMIT_SHARE_BYTES + 1];
		} entered;		  /* PAIR_ENTERED */
		struct session_keys keys; /* PAIR_GREETED */
		int failed_error;	  /* PAIR_FAILED: why there is no session */
		struct {
			uint8_t session_id[16];
			uint8_t stream;
		} join;			  /* PAIR_JOIN */
		int ended_error;	  /* PAIR_ENDED; 0: the client closed in good order */
		union peer_address named; /* PAIR_NAMED, as proxy_read() has it */
		int stop_error;		  /* PAIR_STOP: FTX_E_STOPPING, FTX_E_REPLACED, ... */
		struct {
			uint32_t grant; /* which of its client's */
			struct usage wanted;
			struct usage least; /* where wanted is more than there is */
			bool look;	    /* take nothing */
		} reserve;		    /* PAIR_RESERVE */
		struct {
			bool granted;
			struct usage amount;
			struct usage left; /* UINT64_MAX: no limit */
			struct usage most; /* of the quota that leaves so little */
		} reserved;		   /* PAIR_RESERVED */
		struct {
			uint32_t grant;
			struct usage_tally tally;
		} changed; /* PAIR_CHANGED */
		struct {
			uint32_t place; /* of the ledger */
			struct usage usage;
			uint64_t unread;
		} counted; /* PAIR_COUNTED */
		struct {
			int error; /* FTX_E_OFFLINE: the share is; 0: done */
			struct staging_expired expired;
		} scanned; /* PAIR_SCANNED */
	};
};

/* Both ends close-on-exec and non-blocking.  0 or the error of errno. */
int pair_new(int ends[static 2]);

/* Never waits.  0, FTX_E_CLOSED where the other side is gone, FTX_E_BUSY where the pair is full. */
int pair_send(int fd, const struct pair_message *m);

/* Never waits.  1 with a message, 0 without, FTX_E_CLOSED, FTX_E_PROTOCOL for another size. */
int pair_receive(int fd, struct pair_message *m);

/*
 * Waits for a message until deadline_ms (clock_ms()); also FTX_E_TIMEOUT.  Uses no system call
 * but ppoll, recvmsg and clock_gettime: the greeter waits with it.
 */
int pair_wait(int fd, struct pair_message *m, uint64_t deadline_ms);

#endif
