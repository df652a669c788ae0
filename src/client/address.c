#include "src/client/address.h"

#include <stdio.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/encoding.h"
#include "src/base/display.h"
#include "src/base/ini.h"
#include "src/client/config.h"
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

_Static_assert(LIMIT_SHARE_BYTES == INI_NAME_BYTES, "one rule for names of shares and sections");

bool
share_name_ok(const char *name, size_t length)
{
	return ini_name_ok(name, length);
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

bool
address_port(uint16_t *port, const char *text, size_t length)
{
	unsigned n = 0;

	if (length == 0 || length > 5)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (unsigned)(text[i] - '0');
	}
	*port = (uint16_t)n;
	return n >= 1 && n <= 65535;
}

static const char *
set_port(struct address *a, const char *text, size_t length)
{
	return address_port(&a->port, text, length) ? NULL : "a port is a number from 1 to 65535";
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
		a->named = true;
		path += 1;
	}
	if (wrong != NULL)
		return wrong;
	if (path[0] == '/')
		return "a remote path begins with a share, not with '/'; " FORM;
	return set_path(a, path);
}

static int
parse(struct address *a, const char *text, bool share_needed, struct problem *why)
{
	const char *wrong;

	memset(a, 0, sizeof(*a));
	if (strncmp(text, URL_SCHEME, strlen(URL_SCHEME)) == 0)
		wrong = parse_url(a, text + strlen(URL_SCHEME));
	else
		wrong = parse_plain(a, text);
	if (wrong == NULL && (share_needed || a->path[0] != '\0'))
		wrong = check_path(a);
	return wrong == NULL ? 0 : usage(why, text, wrong);
}

int
address_parse(struct address *a, const char *text, struct problem *why)
{
	return parse(a, text, true, why);
}

int
address_parse_server(struct address *a, const char *text, struct problem *why)
{
	return parse(a, text, false, why);
}

bool
address_split(char host[static ADDRESS_HOST_BYTES], uint16_t *port, const char *text)
{
	struct address a = {.port = 0};

	if (set_host_port(&a, text, strlen(text)) != NULL)
		return false;
	memcpy(host, a.host, sizeof(a.host));
	*port = a.port;
	return true;
}

/* file: where there is a section that lacks it; NULL: there is none */
static int
no_key(const struct address *a, const char *name, const char *file, struct problem *why)
{
	char shown[PROBLEM_HINT_BYTES / 2];

	problem_set(why, FTX_E_SERVER_KEY, SIDE_LOCAL, "no key is known for %s", name);
	if (file != NULL)
		problem_hint(why,
			     "\"ftxd key\" on the server prints KEY; add it to %s: [host %s] "
			     "server-key = KEY",
			     display_escape(shown, sizeof(shown), file, strlen(file)), name);
	else if (a->named && ini_name_ok(name, strlen(name)))
		problem_hint(
		    why,
		    "run \"ftxd key\" on the server, which prints ftx://KEY@HOST, and then: "
		    "ftx host add %s ftx://KEY@HOST",
		    name);
	else
		problem_hint(why,
			     "name the server as ftx://KEY@%s/SHARE/PATH; \"ftxd key\" on the "
			     "server prints KEY",
			     name);
	return FTX_E_SERVER_KEY;
}

int
address_resolve(struct address *a, const struct config *c, struct problem *why)
{
	const struct config_host *h = a->named ? config_host(c, a->host) : NULL;

	if (h == NULL)
		return a->has_key ? 0 : no_key(a, a->host, NULL, why);
	a->identity = h->identity;
	if (h->key_count == 0)
		return no_key(a, h->name, h->file, why);
	memcpy(a->host, h->address, sizeof(a->host));
	a->port = h->port;
	a->has_key = true;
	memcpy(a->key, h->keys[0], sizeof(a->key));
	a->has_key2 = h->key_count > 1;
	memcpy(a->key2, h->keys[1], sizeof(a->key2));
	return 0;
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

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
address_same_server(const struct address *a, const struct address *b)
{
	return strcmp(a->host, b->host) == 0 && a->named == b->named && a->port == b->port &&
	       a->has_key == b->has_key && memcmp(a->key, b->key, sizeof(a->key)) == 0 &&
	       a->has_key2 == b->has_key2 && memcmp(a->key2, b->key2, sizeof(a->key2)) == 0 &&
	       same_text(a->identity, b->identity);
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
