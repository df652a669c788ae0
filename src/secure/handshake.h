/*
 * The FTX/1 handshake: Noise_XK_25519_ChaChaPoly_BLAKE2b with fixed message sizes
 * (PROTOCOL.md, "Handshake"; Noise Protocol Framework rev. 34).  No I/O and no allocation; the only
 * system call is getrandom(2).
 *
 * With another magic it is Noise_XKpsk3_25519_ChaChaPoly_BLAKE2b, by which a client that nobody
 * knows yet proves the secret of an invite (PROTOCOL.md, "Invites").
 *
 * The server's static secret key takes part in one step only (the token es).  The process that
 * talks to the network gets ck and k of that step through a callback, from the one that has the
 * key.
 */
#ifndef SECURE_HANDSHAKE_H
#define SECURE_HANDSHAKE_H

#include <stdint.h>

#include "src/secure/aead.h"
#include "src/secure/noise.h"

#define KEY_BYTES	       32u /* X25519, secret and public */
#define HANDSHAKE_MAGIC_BYTES  4u
#define HANDSHAKE_MAGIC	       "FTX1"
#define HANDSHAKE_INVITE_MAGIC "FTXP"
#define HANDSHAKE_HELLO_BYTES  84u  /* message 1, client to server */
#define HANDSHAKE_REPLY_BYTES  80u  /* message 2 */
#define HANDSHAKE_FINISH_BYTES 160u /* message 3 */
#define HANDSHAKE_MINOR	       0u   /* highest minor version of FTX/1 this code speaks */

/* What a client wants: by the key it has, a session; by an invite, that its key be entered. */
enum handshake_kind { HANDSHAKE_SESSION, HANDSHAKE_INVITE };

#define HANDSHAKE_INVITE_ID_BYTES 16u

/* An invite as its handshake uses it; the psk is secret. */
struct handshake_invite {
	uint8_t id[HANDSHAKE_INVITE_ID_BYTES];
	uint8_t psk[NOISE_KEY_BYTES];
};

/* What both ends know when it is over.  Secret; wipe it with session_keys_wipe(). */
struct session_keys {
	uint8_t client_key[KEY_BYTES]; /* the client's public key */
	uint8_t client_to_server[32];  /* S_c2s[0] */
	uint8_t server_to_client[32];  /* S_s2c[0] */
	uint8_t match_key[16];
	uint8_t hash[NOISE_HASH_BYTES]; /* h: unique to this connection */
	enum aead_id aead;
	uint8_t minor;
};
void session_keys_wipe(struct session_keys *keys);

/* A mask of the AEADs this machine has: bit per enum aead_id. */
uint8_t handshake_aead_mask(void);

/* Client.  Wipe with handshake_client_wipe() in any case. */
struct handshake_client {
	struct noise noise;
	uint8_t aead_mask;
	enum handshake_kind kind;
};

/*
 * Writes message 1.  Borrows nothing afterwards.  aead_mask: bit per enum aead_id, at least
 * ChaCha20-Poly1305; preferred: one of them.  FTX_E_SERVER_KEY where server_key is a point of low
 * order.
 */
int handshake_client_start(struct handshake_client *c, const uint8_t server_key[static KEY_BYTES],
			   const uint8_t identity_secret[static KEY_BYTES], uint8_t aead_mask,
			   enum aead_id preferred, uint8_t hello[static HANDSHAKE_HELLO_BYTES]);

/* The same for an invite. */
int handshake_client_join(struct handshake_client *c, const uint8_t server_key[static KEY_BYTES],
			  const uint8_t identity_secret[static KEY_BYTES],
			  const struct handshake_invite *invite, uint8_t aead_mask,
			  enum aead_id preferred, uint8_t hello[static HANDSHAKE_HELLO_BYTES]);

/*
 * Reads message 2, writes message 3, derives the keys.  FTX_E_SERVER_KEY (bad tag or low-order
 * point: the peer does not hold the key), FTX_E_VERSION (its minor is not in our range),
 * FTX_E_PROTOCOL (authenticated but out of range).  After an error finish and keys are as they
 * were.
 */
int handshake_client_finish(struct handshake_client *c,
			    const uint8_t reply[static HANDSHAKE_REPLY_BYTES],
			    uint8_t finish[static HANDSHAKE_FINISH_BYTES],
			    struct session_keys *keys);
void handshake_client_wipe(struct handshake_client *c);

/*
 * The step es, done by the holder of the server's secret key: from the client's ephemeral public
 * key to the chaining key and cipher key after it.  FTX_E_KEY_REFUSED for a point of low order.
 * Leaves nothing of the key on the stack.
 */
int handshake_es(const uint8_t server_secret[static KEY_BYTES],
		 const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
		 uint8_t k[static 32]);

/* The same of a handshake of either kind. */
int handshake_es_of(enum handshake_kind kind, const uint8_t server_secret[static KEY_BYTES],
		    const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
		    uint8_t k[static 32]);

/* Asks the holder of the key for handshake_es(); 0 or a negative error. */
typedef noise_es_fn handshake_es_fn;

struct handshake_server {
	struct noise noise;
	enum aead_id aead;
	uint8_t minor;
	enum handshake_kind kind;
	uint8_t invite_id[HANDSHAKE_INVITE_ID_BYTES]; /* that the client names */
};

/* Which kind message 1 says it is: 0 with *kind, or FTX_E_PROTOCOL for another magic. */
int handshake_kind_of(enum handshake_kind *kind, const uint8_t hello[static HANDSHAKE_HELLO_BYTES]);

/*
 * Reads message 1 of either kind, writes message 2.  FTX_E_VERSION (no common minor): send the
 * reply, then close. Any other error, FTX_E_PROTOCOL or that of es: close without a word.
 */
int handshake_server_reply(struct handshake_server *s,
			   const uint8_t server_public[static KEY_BYTES], handshake_es_fn *es,
			   void *arg, const uint8_t hello[static HANDSHAKE_HELLO_BYTES],
			   uint8_t reply[static HANDSHAKE_REPLY_BYTES]);

/*
 * The psk of the invite that the client names, before message 3 is read.  Without it a random one
 * counts: whose invite is not known fails in no other way than who does not know the secret.
 */
void handshake_server_psk(struct handshake_server *s, const uint8_t psk[static NOISE_KEY_BYTES]);

/*
 * Reads message 3 and derives the keys.  FTX_E_PROTOCOL: close without a word; keys are as they
 * were.
 */
int handshake_server_finish(struct handshake_server *s,
			    const uint8_t finish[static HANDSHAKE_FINISH_BYTES],
			    struct session_keys *keys);
void handshake_server_wipe(struct handshake_server *s);

/*
 * The same with the ephemeral secret, and the AEADs the server's machine has, chosen by the caller:
 * for known answers and for tests of a machine without AES, for nothing else.
 */
struct handshake_fixture {
	uint8_t ephemeral_secret[KEY_BYTES];
	uint8_t server_aead_mask;
};
int handshake_client_start_fixed(struct handshake_client *c,
				 const struct handshake_fixture *fixture,
				 const uint8_t server_key[static KEY_BYTES],
				 const uint8_t identity_secret[static KEY_BYTES], uint8_t aead_mask,
				 enum aead_id preferred,
				 uint8_t hello[static HANDSHAKE_HELLO_BYTES]);
int handshake_server_reply_fixed(struct handshake_server *s,
				 const struct handshake_fixture *fixture,
				 const uint8_t server_public[static KEY_BYTES], handshake_es_fn *es,
				 void *arg, const uint8_t hello[static HANDSHAKE_HELLO_BYTES],
				 uint8_t reply[static HANDSHAKE_REPLY_BYTES]);

#endif
