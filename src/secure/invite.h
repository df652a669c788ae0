/*
 * One-time invites as text (PROTOCOL.md, "Invites"): what a client needs to find a server, to know
 * its key, and to prove that it was invited.
 */
#ifndef SECURE_INVITE_H
#define SECURE_INVITE_H

#include <stdint.h>

#include "src/secure/handshake.h"

#define INVITE_SECRET_BYTES 16u
#define INVITE_PLACE_BYTES  255u /* of HOST:PORT, without terminator */

/* The most characters of a code, and its terminator. */
#define INVITE_TEXT_BYTES                                                                          \
	((3 + KEY_BYTES + HANDSHAKE_INVITE_ID_BYTES + INVITE_SECRET_BYTES + INVITE_PLACE_BYTES +   \
	  4) *                                                                                     \
	     8 / 6 +                                                                               \
	 2)

/* Secret, for its secret. */
struct invite_code {
	uint8_t server_key[KEY_BYTES];
	uint8_t id[HANDSHAKE_INVITE_ID_BYTES];
	uint8_t secret[INVITE_SECRET_BYTES];
	char place[INVITE_PLACE_BYTES + 1]; /* HOST:PORT; of whoever parses it to judge */
};

/* Draws id and secret. */
void invite_draw(struct invite_code *code);

/* The text: letters, digits, '-' and '_' alone, "ftxp" at its beginning. */
void invite_format(char out[static INVITE_TEXT_BYTES], const struct invite_code *code);

/*
 * 0, or FTX_E_USAGE with *why set to a clause for people: it is no code, or not the whole of one,
 * or a character is wrong.
 */
int invite_parse(struct invite_code *code, const char *text, const char **why);

/* Id and psk, as the handshake uses them. */
void invite_handshake(struct handshake_invite *out, const struct invite_code *code);

#endif
