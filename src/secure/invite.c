/*
 * A code is base64url of: 3 bytes that read "ftxp", the server's key, id, secret, HOST:PORT, and
 * the first 4 bytes of BLAKE2b-256 over all before them, which find what was mistyped or cut off.
 */
#include "src/secure/invite.h"

#include <string.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/base/encoding.h"

#define MARK_BYTES  3u
#define CHECK_BYTES 4u
#define FIXED_BYTES                                                                                \
	(MARK_BYTES + KEY_BYTES + HANDSHAKE_INVITE_ID_BYTES + INVITE_SECRET_BYTES + CHECK_BYTES)
#define MOST_BYTES (FIXED_BYTES + INVITE_PLACE_BYTES)

_Static_assert(INVITE_TEXT_BYTES > BASE64URL_CHARS(MOST_BYTES), "there is room for the longest");

static const uint8_t mark[MARK_BYTES] = {0x7e, 0xdc, 0x69};

void
invite_draw(struct invite_code *code)
{
	randombytes_buf(code->id, sizeof(code->id));
	randombytes_buf(code->secret, sizeof(code->secret));
}

static void
checksum(uint8_t out[static CHECK_BYTES], const uint8_t *bytes, size_t length)
{
	uint8_t hash[32];

	crypto_generichash(hash, sizeof(hash), bytes, length, NULL, 0);
	memcpy(out, hash, CHECK_BYTES);
}

void
invite_format(char out[static INVITE_TEXT_BYTES], const struct invite_code *code)
{
	uint8_t bytes[MOST_BYTES];
	uint8_t *at = bytes;
	size_t place = strlen(code->place);

	at = mempcpy(at, mark, sizeof(mark));
	at = mempcpy(at, code->server_key, sizeof(code->server_key));
	at = mempcpy(at, code->id, sizeof(code->id));
	at = mempcpy(at, code->secret, sizeof(code->secret));
	at = mempcpy(at, code->place, place);
	checksum(at, bytes, (size_t)(at - bytes));
	base64url_encode(out, bytes, FIXED_BYTES + place);
	sodium_memzero(bytes, sizeof(bytes));
}

/* bytes: a whole code, checked */
static void
take_apart(struct invite_code *code, const uint8_t *bytes, size_t length)
{
	size_t place = length - FIXED_BYTES;

	bytes += MARK_BYTES;
	memcpy(code->server_key, bytes, sizeof(code->server_key));
	bytes += sizeof(code->server_key);
	memcpy(code->id, bytes, sizeof(code->id));
	bytes += sizeof(code->id);
	memcpy(code->secret, bytes, sizeof(code->secret));
	bytes += sizeof(code->secret);
	memcpy(code->place, bytes, place);
	code->place[place] = '\0';
}

int
invite_parse(struct invite_code *code, const char *text, const char **why)
{
	uint8_t bytes[MOST_BYTES], check[CHECK_BYTES];
	size_t chars = strlen(text);
	size_t length = chars * 6 / 8;
	int r = FTX_E_USAGE;

	*why = "it is no invite's code, which begins with ftxp";
	if (strncmp(text, "ftxp", 4) != 0)
		return FTX_E_USAGE;
	*why = "it is not the whole code, or a character of it is wrong";
	if (length <= FIXED_BYTES || length > MOST_BYTES ||
	    base64url_decode(bytes, length, text, chars) != 0)
		goto out;
	checksum(check, bytes, length - CHECK_BYTES);
	if (memcmp(check, bytes + length - CHECK_BYTES, CHECK_BYTES) != 0 ||
	    memchr(bytes + FIXED_BYTES - CHECK_BYTES, '\0', length - FIXED_BYTES) != NULL)
		goto out;
	take_apart(code, bytes, length);
	r = 0;
out:
	sodium_memzero(bytes, sizeof(bytes));
	return r;
}

void
invite_handshake(struct handshake_invite *out, const struct invite_code *code)
{
	static const char label[] = "ftx1 invite";
	uint8_t input[sizeof(label) - 1 + INVITE_SECRET_BYTES];

	memcpy(out->id, code->id, sizeof(out->id));
	memcpy(input, label, sizeof(label) - 1);
	memcpy(input + sizeof(label) - 1, code->secret, sizeof(code->secret));
	crypto_generichash(out->psk, sizeof(out->psk), input, sizeof(input), NULL, 0);
	sodium_memzero(input, sizeof(input));
}
