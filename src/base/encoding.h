/*
 * Text forms of bytes: base64url for keys, base64 for exact names in JSON, hex for digests.
 */
#ifndef BASE_ENCODING_H
#define BASE_ENCODING_H

#include <stddef.h>
#include <stdint.h>

/* Writes 2 * length lower-case digits and a terminator. */
void hex_encode(char *out, const uint8_t *bytes, size_t length);

/* The value of a digit of either case, -1 for any other character. */
int hex_digit(char c);

/* Reads exactly 2 * length digits of either case from text, which must end there.  0 or
 * FTX_E_USAGE. */
int hex_decode(uint8_t *out, size_t length, const char *text);

/* Characters that length bytes take in unpadded base64url (RFC 4648 section 5), without terminator.
 */
#define BASE64URL_CHARS(length) (((length)*8 + 5) / 6)

/* Writes BASE64URL_CHARS(length) characters and a terminator. */
void base64url_encode(char *out, const uint8_t *bytes, size_t length);

/*
 * Reads exactly length bytes from chars characters of text.  FTX_E_USAGE for any other number of
 * characters, for a character outside the alphabet and for unused bits that are not zero: a key has
 * one text form only.
 */
int base64url_decode(uint8_t *out, size_t length, const char *text, size_t chars);

/* Returns owned, terminated, padded base64 (RFC 4648 section 4) text, or NULL. */
char *base64_encode(const uint8_t *bytes, size_t length);

#endif
