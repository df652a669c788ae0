#include "src/client/address.h"

#include <stdio.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/encoding.h"
#include "src/base/display.h"
#include "src/store/name.h"

#define URL_SCHEME "ftx://"
#define FORM	   "write ftx://KEY@HOST[:PORT]/SHARE/PATH or HOST:SHARE/PATH"

/* <ctype.h> asks the locale; names and hosts are ASCII whatever it is. */
static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static int
usage(struct problem *why, const char *text, const char *reason)
{
	char shown[256];

	return problem_set(why, FTX_E_USAGE, SIDE_LOCAL, "'%s': %s",
			   display_escape(shown, sizeof(shown), text, strlen(text)), reason);
}

bool
share_name_ok(const char *name, size_t length)
{
	if (length == 0 || length > LIMIT_SHARE_BYTES || !is_alnum(name[0]))
		return false;
	for (size_t i = 1; i < length; i++) {
		if (!is_alnum(name[i]) && strchr("._-", name[i]) == NULL)
			return false;
	}
	return true;
}

/* Decodes %XX.  NULL, or what is wrong. */
static const char *
percent_decode(char *out, size_t capacity, const char *in)
{
	size_t n = 0;

	for (; *in != '\0'; in++) {
		char c = *in;

		if (c == '?' || c == '#')
			return "'?' and '#' in an ftx:// address are written %3F and %23";
		if (c == '%') {
			int high = hex_digit(in[1]);
			int low = high < 0 ? -1 : hex_digit(in[2]);

			if (low < 0)
				return "'%' in an ftx:// address is written %25";
			c = (char)(high * 16 + low);
			if (c == '\0' || c == '/')
				return "a name can contain neither a slash nor a zero byte";
			in += 2;
		}
		if (n + 1 >= capacity)
			return "the path is too long";
		out[n++] = c;
	}
	out[n] = '\0';
	return NULL;
}

/* Takes a path's components into a->path.  NULL, or what is wrong. */
static const char *
set_path(struct address *a, const char *text)
{
	size_t n = 0;

	a->trailing_slash = false;
	while (*text != '\0') {
		size_t length = strcspn(text, "/");
		bool dot = length == 1 && text[0] == '.';

		if (length == 2 && text[0] == '.' && text[1] == '.')
			return "'..' is not possible in a remote path";
		if (length > 0 && !dot) {
			if (n + 1 + length > LIMIT_PATH_BYTES)
				return "the path is too long";
			if (n > 0)
				a->path[n++] = '/';
			memcpy(a->path + n, text, length);
			n += length;
		}
		text += length;
		a->trailing_slash = dot || *text == '/';
		if (*text == '/')
			text++;
	}
	a->path[n] = '\0';
	return NULL;
}

static const char *
check_path(const struct address *a)
{
	const char *rest = address_rest(a->path);
	size_t share = strcspn(a->path, "/");

	if (a->path[0] == '\0')
		return "a remote path begins with a share; " FORM;
	if (!share_name_ok(a->path, share))
		return "a share's name is at most 40 letters, digits, '.', '_' and '-', the first "
		       "a letter or digit";
	if (rest[0] != '\0' && path_check(rest, strlen(rest)) != 0)
		return "the path is not allowed: names have at most 255 bytes, and .ftx and those "
		       "beginning .ftx- are taken";
	return NULL;
}

/* A host name or a number.  NULL, or what is wrong. */
static const char *
set_host(struct address *a, const char *host, size_t length, bool bracketed)
{
	if (length == 0)
		return "the host is missing; " FORM;
	if (length >= sizeof(a->host))
		return "the host's name is too long";
	for (size_t i = 0; i < length; i++) {
		if (host[i] == '@')
			return "there are no accounts on an ftx server: leave USER@ out; " FORM;
		if (!is_alnum(host[i]) && strchr(bracketed ? ":.%_-" : "._-", host[i]) == NULL)
			return bracketed ? "between [ and ] stands an IPv6 address; " FORM
					 : "this is no host name; " FORM;
	}
	memcpy(a->host, host, length);
	a->host[length] = '\0';
	return NULL;
}

static const char *
set_port(struct address *a, const char *text, size_t length)
{
	unsigned port = 0;

	if (length == 0 || length > 5)
		return "a port is a number from 1 to 65535";
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return "a port is a number from 1 to 65535";
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (port == 0 || port > 65535)
		return "a port is a number from 1 to 65535";
	a->port = (uint16_t)port;
	return NULL;
}

static const char *
set_key(struct address *a, const char *text, size_t length)
{
	char key[KEY_TEXT_CHARS + 1];

	if (length != KEY_TEXT_CHARS)
		return "before '@' stands the server's key, 43 characters; there are no accounts "
		       "on an ftx server; " FORM;
	memcpy(key, text, length);
	key[length] = '\0';
	if (key_parse(a->key, key) != 0)
		return "the key before '@' is not the text form of a key; \"ftxd key\" on the "
		       "server prints it";
	a->has_key = true;
	return NULL;
}

/* HOST, HOST:PORT, [V6] or [V6]:PORT in authority[0..length). */
static const char *
set_host_port(struct address *a, const char *authority, size_t length)
{
	const char *end = authority + length;
	const char *colon;
	const char *wrong;

	if (length > 0 && authority[0] == '[') {
		const char *close = memchr(authority, ']', length);

		if (close == NULL)
			return "']' is missing; " FORM;
		wrong = set_host(a, authority + 1, (size_t)(close - authority - 1), true);
		if (wrong != NULL || close + 1 == end)
			return wrong;
		if (close[1] != ':')
			return "after ']' stands a ':' or a '/'; " FORM;
		colon = close + 1;
	} else {
		colon = memchr(authority, ':', length);
		wrong = set_host(a, authority, (size_t)((colon ? colon : end) - authority), false);
		if (wrong != NULL || colon == NULL)
			return wrong;
	}
	return set_port(a, colon + 1, (size_t)(end - colon - 1));
}

static const char *
parse_url(struct address *a, const char *text)
{
	char decoded[LIMIT_PATH_BYTES + 2];
	size_t length = strcspn(text, "/?#");
	const char *at = memchr(text, '@', length);
	const char *authority = at ? at + 1 : text;
	const char *wrong = at ? set_key(a, text, (size_t)(at - text)) : NULL;

	if (wrong == NULL)
		wrong = set_host_port(a, authority, length - (size_t)(authority - text));
	if (wrong == NULL)
		wrong = percent_decode(decoded, sizeof(decoded), text + length);
	if (wrong == NULL)
		wrong = set_path(a, decoded);
	return wrong;
}

static const char *
parse_plain(struct address *a, const char *text)
{
	const char *wrong;
	const char *path;

	if (text[0] == '[') {
		path = strchr(text, ']');
		if (path == NULL || path[1] != ':')
			return "an IPv6 address is written [ADDRESS]:SHARE/PATH";
		wrong = set_host(a, text + 1, (size_t)(path - text - 1), true);
		path += 2;
	} else {
		path = strchr(text, ':');
		if (path == NULL || (size_t)(path - text) > strcspn(text, "/"))
			return "a remote path is needed here; " FORM;
		wrong = set_host(a, text, (size_t)(path - text), false);
		path += 1;
	}
	if (wrong != NULL)
		return wrong;
	if (path[0] == '/')
		return "a remote path begins with a share, not with '/'; " FORM;
	return set_path(a, path);
}

int
address_parse(struct address *a, const char *text, struct problem *why)
{
	const char *wrong;

	memset(a, 0, sizeof(*a));
	if (strncmp(text, URL_SCHEME, strlen(URL_SCHEME)) == 0)
		wrong = parse_url(a, text + strlen(URL_SCHEME));
	else
		wrong = parse_plain(a, text);
	if (wrong == NULL)
		wrong = check_path(a);
	return wrong == NULL ? 0 : usage(why, text, wrong);
}

const char *
address_rest(const char *path)
{
	const char *slash = strchr(path, '/');

	return slash == NULL ? "" : slash + 1;
}

void
address_share(char out[static LIMIT_SHARE_BYTES + 1], const char *path)
{
	size_t length = strcspn(path, "/");

	if (length > LIMIT_SHARE_BYTES)
		length = LIMIT_SHARE_BYTES;
	memcpy(out, path, length);
	out[length] = '\0';
}

bool
address_same_server(const struct address *a, const struct address *b)
{
	return strcmp(a->host, b->host) == 0 && a->port == b->port && a->has_key == b->has_key &&
	       memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

void
address_format_server(char out[static ADDRESS_SERVER_BYTES], const char *host, uint16_t port)
{
	bool v6 = strchr(host, ':') != NULL;

	snprintf(out, ADDRESS_SERVER_BYTES, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
		 (unsigned)port);
}

void
address_format(char out[static ADDRESS_TEXT_BYTES], const char *host, uint16_t port,
	       const char *path)
{
	static const char digits[] = "0123456789ABCDEF";
	char server[ADDRESS_SERVER_BYTES];
	size_t n;

	address_format_server(server, host, port);
	n = (size_t)snprintf(out, ADDRESS_TEXT_BYTES, URL_SCHEME "%s/", server);
	for (; *path != '\0' && n + 4 <= ADDRESS_TEXT_BYTES; path++) {
		unsigned char c = (unsigned char)*path;

		/* RFC 3986: unreserved, and what a path segment may hold as it is. */
		if (is_alnum(*path) || strchr("-._~/:@!$&'()*+,;=", *path) != NULL) {
			out[n++] = *path;
		} else {
			out[n++] = '%';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 15];
		}
	}
	out[n] = '\0';
}
