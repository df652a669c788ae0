#include "src/server/network.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "proto/errors.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static int
refuse(const char **why, const char *reason)
{
	*why = reason;
	return FTX_E_USAGE;
}

/* Digits alone, without a zero before others; -1 for anything else. */
static int
parse_bits(const char *text, int most)
{
	int bits = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		bits = bits * 10 + (*text - '0');
		if (bits > most)
			return -1;
	}
	return bits;
}

/* Are the first bits of both the same? */
static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8;
	unsigned rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

/* Is everything behind the bits zero? */
static bool
is_whole(const struct network *n)
{
	uint8_t cut[16] = {0};
	unsigned whole = n->bits / 8;

	memcpy(cut, n->address, whole);
	if (n->bits % 8 != 0)
		cut[whole] = (uint8_t)(n->address[whole] & 0xff << (8 - n->bits % 8));
	return memcmp(cut, n->address, sizeof(cut)) == 0;
}

static void
unmap(struct network *n)
{
	if (n->v4 || n->bits < 96 || memcmp(n->address, mapped, sizeof(mapped)) != 0)
		return;
	memmove(n->address, n->address + 12, 4);
	memset(n->address + 4, 0, 12);
	n->bits = (uint8_t)(n->bits - 96);
	n->v4 = true;
}

int
network_parse(struct network *n, const char *text, const char **why)
{
	const char *slash = strchr(text, '/');
	size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char host[INET6_ADDRSTRLEN];
	int most, bits;

	*n = (struct network){0};
	if (length >= sizeof(host))
		return refuse(why, "it is no ADDRESS or ADDRESS/BITS");
	memcpy(host, text, length);
	host[length] = '\0';
	n->v4 = inet_pton(AF_INET, host, n->address) == 1;
	if (!n->v4 && inet_pton(AF_INET6, host, n->address) != 1)
		return refuse(why, "it is no ADDRESS or ADDRESS/BITS (names are not looked up)");
	most = n->v4 ? 32 : 128;
	bits = slash != NULL ? parse_bits(slash + 1, most) : most;
	if (bits < 0)
		return refuse(why, n->v4 ? "behind the '/' is a number from 0 to 32"
					 : "behind the '/' is a number from 0 to 128");
	n->bits = (uint8_t)bits;
	if (!is_whole(n))
		return refuse(why, "the address has bits set behind those of the network");
	unmap(n);
	return 0;
}

static bool
is_mapped(const struct sockaddr_in6 *address)
{
	return memcmp(&address->sin6_addr, mapped, sizeof(mapped)) == 0;
}

bool
network_has(const struct network *n, const struct sockaddr *address)
{
	const uint8_t *bytes;
	bool v4 = address->sa_family == AF_INET;

	if (v4) {
		bytes =
		    (const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)address;

		v4 = is_mapped(v6);
		bytes = v6->sin6_addr.s6_addr + (v4 ? sizeof(mapped) : 0);
	} else {
		return false;
	}
	return v4 == n->v4 && same_bits(bytes, n->address, n->bits);
}

const char *
network_format_end(const union peer_address *end, char out[static NETWORK_END_BYTES])
{
	union peer_address plain = *end;
	socklen_t length;
	char host[64] = "?";
	char port[8] = "?";

	if (end->any.sa_family == AF_INET6 && is_mapped(&end->v6)) {
		plain.v4 =
		    (struct sockaddr_in){.sin_family = AF_INET, .sin_port = end->v6.sin6_port};
		memcpy(&plain.v4.sin_addr, end->v6.sin6_addr.s6_addr + sizeof(mapped), 4);
	}
	length = plain.any.sa_family == AF_INET6 ? sizeof(plain.v6) : sizeof(plain.v4);
	getnameinfo(&plain.any, length, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(out, NETWORK_END_BYTES, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host,
		 port);
	return out;
}
