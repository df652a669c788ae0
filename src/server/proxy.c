#include "src/server/proxy.h"

#include <stdbool.h>
#include <string.h>

#include "proto/errors.h"

static const uint8_t signature[12] = {'\r', '\n', '\r', '\n', 0,   '\r',
				      '\n', 'Q',  'U',	'I',  'T', '\n'};

/* Byte 12: version and command. */
enum { VERSION_2 = 0x20, COMMAND_LOCAL = 0, COMMAND_PROXY = 1 };
/* Byte 13: address family and transport. */
enum { TCP_OVER_IPV4 = 0x11, TCP_OVER_IPV6 = 0x21 };
/* Addresses and ports of both ends. */
enum { IPV4_BYTES = 12, IPV6_BYTES = 36 };
/* An extension is a type, two bytes of length, and so many bytes. */
enum { EXTENSION_HEADER_BYTES = 3, EXTENSION_CRC32C = 0x03, CRC32C_BYTES = 4 };

static unsigned
get16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

int
proxy_begin(const uint8_t fixed[static PROXY_FIXED_BYTES], size_t *rest)
{
	if (memcmp(fixed, signature, sizeof(signature)) != 0 ||
	    (fixed[12] != (VERSION_2 | COMMAND_LOCAL) && fixed[12] != (VERSION_2 | COMMAND_PROXY)))
		return FTX_E_PROTOCOL;
	*rest = get16(fixed + 14);
	return *rest <= PROXY_REST_BYTES ? 0 : FTX_E_PROTOCOL;
}

/* RFC 9260, appendix A: polynomial 0x1edc6f41, bits reversed. */
static uint32_t
crc32c_add(uint32_t crc, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0x82f63b78U & -(crc & 1));
	}
	return crc;
}

/* The checksum is over the whole header, with zeros in its own place. */
static bool
checksum_is_right(const uint8_t *fixed, const uint8_t *rest, size_t length, size_t at)
{
	static const uint8_t zeros[CRC32C_BYTES];
	uint32_t crc = crc32c_add(UINT32_MAX, fixed, PROXY_FIXED_BYTES);

	crc = crc32c_add(crc, rest, at);
	crc = crc32c_add(crc, zeros, sizeof(zeros));
	crc = ~crc32c_add(crc, rest + at + CRC32C_BYTES, length - at - CRC32C_BYTES);
	return crc == ((uint32_t)get16(rest + at) << 16 | get16(rest + at + 2));
}

/* What is in them does not matter here, but that each ends where the next begins. */
static int
check_extensions(const uint8_t *fixed, const uint8_t *rest, size_t length, size_t at)
{
	while (at < length) {
		size_t value;

		if (length - at < EXTENSION_HEADER_BYTES)
			return FTX_E_PROTOCOL;
		value = get16(rest + at + 1);
		if (length - at - EXTENSION_HEADER_BYTES < value)
			return FTX_E_PROTOCOL;
		if (rest[at] == EXTENSION_CRC32C &&
		    (value != CRC32C_BYTES ||
		     !checksum_is_right(fixed, rest, length, at + EXTENSION_HEADER_BYTES)))
			return FTX_E_PROTOCOL;
		at += EXTENSION_HEADER_BYTES + value;
	}
	return 0;
}

int
proxy_read(const uint8_t fixed[static PROXY_FIXED_BYTES], const uint8_t *rest,
	   union peer_address *out)
{
	size_t length;
	int r = proxy_begin(fixed, &length);

	*out = (union peer_address){.any.sa_family = AF_UNSPEC};
	if (r != 0 || (fixed[12] & 0x0f) == COMMAND_LOCAL)
		return r;
	if (fixed[13] == TCP_OVER_IPV4 && length >= IPV4_BYTES) {
		if ((r = check_extensions(fixed, rest, length, IPV4_BYTES)) != 0)
			return r;
		out->v4.sin_family = AF_INET;
		memcpy(&out->v4.sin_addr, rest, 4);
		memcpy(&out->v4.sin_port, rest + 8, 2);
		return 0;
	}
	if (fixed[13] == TCP_OVER_IPV6 && length >= IPV6_BYTES) {
		if ((r = check_extensions(fixed, rest, length, IPV6_BYTES)) != 0)
			return r;
		out->v6.sin6_family = AF_INET6;
		memcpy(&out->v6.sin6_addr, rest, 16);
		memcpy(&out->v6.sin6_port, rest + 32, 2);
		return 0;
	}
	return FTX_E_PROTOCOL;
}
