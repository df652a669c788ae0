#include "src/client/address.h"

#include "tests/harness/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/client/config.h"

#define KEY  "BIJrjM2geu3i9JtY8R_SqdRcorDhvwq1-FFnJYHKiAA"
#define KEY2 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"

static const struct {
	const char *text, *host;
	unsigned port;
	bool key;
	const char *path;
	bool slash;
} good[] = {
    {"ftx://" KEY "@nas:7000/media/films/a.mkv", "nas", 7000, true, "media/films/a.mkv", false},
    {"ftx://nas/media", "nas", 0, false, "media", false},
    {"ftx://nas/media/", "nas", 0, false, "media", true},
    {"ftx://nas//media/./films//x/.", "nas", 0, false, "media/films/x", true},
    {"ftx://[2001:db8::1]:7/s/f", "2001:db8::1", 7, false, "s/f", false},
    {"ftx://" KEY "@[::1]/s/f", "::1", 0, true, "s/f", false},
    {"ftx://[fe80::1%eth0]/s/f", "fe80::1%eth0", 0, false, "s/f", false},
    {"ftx://h/s/%41%20%25%3f%23%ff", "h", 0, false, "s/A %?#\xff", false},
    {"ftx://h/%73/a:b@c", "h", 0, false, "s/a:b@c", false},
    {"ftx://h/s/%2541", "h", 0, false, "s/%41", false},
    {"nas:media/a%20b?c#d", "nas", 0, false, "media/a%20b?c#d", false},
    {"nas:media//a/./b/", "nas", 0, false, "media/a/b", true},
    {"nas:media/a:b", "nas", 0, false, "media/a:b", false},
    {"[2001:db8::1]:s/f", "2001:db8::1", 0, false, "s/f", false},
    {"10.0.0.1:s", "10.0.0.1", 0, false, "s", false},
    {"h:s/-x", "h", 0, false, "s/-x", false},
    {"h:s/new\nline", "h", 0, false, "s/new\nline", false},
    {"h:A0._-/x", "h", 0, false, "A0._-/x", false},
};

Test(address, takes_both_forms)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct problem why = {0};
		struct address a;

		cr_assert(address_parse(&a, good[i].text, &why) == 0, "%s: %s", good[i].text,
			  why.text);
		cr_expect_str_eq(a.host, good[i].host, "%s", good[i].text);
		cr_expect(a.port == good[i].port, "%s", good[i].text);
		cr_expect(a.has_key == good[i].key, "%s", good[i].text);
		cr_expect_str_eq(a.path, good[i].path, "%s", good[i].text);
		cr_expect(a.trailing_slash == good[i].slash, "%s", good[i].text);
	}
}

/* What is wrong, and a word that must stand in the explanation. */
static const struct {
	const char *text, *word;
} bad[] = {
    {"file", "remote path is needed"},
    {"", "remote path is needed"},
    {"./a:b", "remote path is needed"},
    {"dir/a:b", "remote path is needed"},
    {"h:/s/f", "begins with a share"},
    {"h:", "begins with a share"},
    {"h:.", "begins with a share"},
    {"ftx://h", "begins with a share"},
    {"ftx://h/", "begins with a share"},
    {"u@h:s/f", "no accounts"},
    {"ftx://u@h/s/f", "no accounts"},
    {"ftx://" KEY "A@h/s/f", "no accounts"},
    {"ftx://!IJrjM2geu3i9JtY8R_SqdRcorDhvwq1-FFnJYHKiAA@h/s/f", "text form of a key"},
    {":s/f", "host is missing"},
    {"ftx:///s/f", "host is missing"},
    {"ftx://:1/s/f", "host is missing"},
    {"h h:s/f", "no host name"},
    {"[::1]s/f", "[ADDRESS]:SHARE"},
    {"[::1:s/f", "[ADDRESS]:SHARE"},
    {"[a/b]:s/f", "IPv6"},
    {"ftx://[::1/s/f", "']' is missing"},
    {"ftx://[::1]x/s/f", "after ']'"},
    {"ftx://h:0/s/f", "65535"},
    {"ftx://h:65536/s/f", "65535"},
    {"ftx://h:/s/f", "65535"},
    {"ftx://h:1x/s/f", "65535"},
    {"ftx://h:000001/s/f", "65535"},
    {"ftx://h/s/a?b", "%3F"},
    {"ftx://h/s/a#b", "%3F"},
    {"ftx://h/s/%", "%25"},
    {"ftx://h/s/%4", "%25"},
    {"ftx://h/s/%4g", "%25"},
    {"ftx://h/s/%00", "zero byte"},
    {"ftx://h/s/a%2Fb", "slash"},
    {"h:s/../t", "'..'"},
    {"h:s/..", "'..'"},
    {"h:..", "'..'"},
    {"ftx://h/s/%2e%2E/t", "'..'"},
    {"h:.s/f", "share's name"},
    {"h:s s/f", "share's name"},
    {"h:a234567890123456789012345678901234567890b/f", "share's name"},
    {"h:s/.ftx", "taken"},
    {"h:s/.ftx-1/f", "taken"},
};

Test(address, names_what_is_wrong)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct problem why = {0};
		struct address a;

		cr_expect(address_parse(&a, bad[i].text, &why) == FTX_E_USAGE, "%s", bad[i].text);
		cr_expect(strstr(why.text, bad[i].word) != NULL, "%s: %s", bad[i].text, why.text);
	}
}

Test(address, refuses_paths_over_the_maximum)
{
	char text[2 * LIMIT_PATH_BYTES];
	struct problem why = {0};
	struct address a;
	size_t n = 2;

	memcpy(text, "h:", 2);
	/* "s/" and components of one byte: 4095 bytes, but deeper than allowed. */
	for (size_t i = 0; i < LIMIT_PATH_BYTES; i++)
		text[n++] = i % 2 == 0 ? 's' : '/';
	text[n] = '\0';
	cr_expect(address_parse(&a, text, &why) == FTX_E_USAGE);

	/* Names of 255: as long as is possible, then one byte more. */
	n = 2;
	for (size_t i = 0; i < LIMIT_PATH_BYTES; i++)
		text[n++] = i % 40 == 39 ? '/' : 's';
	text[n] = '\0';
	cr_expect(address_parse(&a, text, &why) == 0, "%s", why.text);
	memcpy(text + n, "s", 2);
	cr_expect(address_parse(&a, text, &why) == FTX_E_USAGE);
}

Test(address, takes_a_path_apart)
{
	char share[LIMIT_SHARE_BYTES + 1];

	cr_expect_str_eq(address_rest("s"), "");
	cr_expect_str_eq(address_rest("s/a/b"), "a/b");
	address_share(share, "media/x");
	cr_expect_str_eq(share, "media");
}

Test(address, prints_what_it_reads)
{
	static const char *const paths[] = {"s", "s/a b", "s/%41?#", "s/new\nline",
					    "s/\xff\xc3\xa4"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char text[ADDRESS_TEXT_BYTES];
		struct problem why = {0};
		struct address a;

		address_format(text, "2001:db8::1", 7, paths[i]);
		cr_assert(address_parse(&a, text, &why) == 0, "%s: %s", text, why.text);
		cr_expect_str_eq(a.path, paths[i]);
		cr_expect_str_eq(a.host, "2001:db8::1");
		cr_expect(a.port == 7);
	}
}

Test(address, tells_servers_apart)
{
	struct problem why;
	struct address a, b;

	address_parse(&a, "ftx://" KEY "@h/s/f", &why);
	address_parse(&b, "ftx://" KEY "@h/t/g", &why);
	cr_expect(address_same_server(&a, &b));
	address_parse(&b, "ftx://" KEY "@h:7390/s/f", &why);
	cr_expect(!address_same_server(&a, &b));
	address_parse(&b, "ftx://h/s/f", &why);
	cr_expect(!address_same_server(&a, &b));
	address_parse(&b, "ftx://" KEY "@i/s/f", &why);
	cr_expect(!address_same_server(&a, &b));
}

static const struct {
	const char *text, *host;
	uint16_t port;
} splits[] = {
    {"h", "h", 0},   {"h:7", "h", 7},	    {"[::1]", "::1", 0}, {"[::1]:7", "::1", 7},
    {"", NULL, 0},   {"h:", NULL, 0},	    {"h:0", NULL, 0},	 {"::1", NULL, 0},
    {"[]", NULL, 0}, {"[::1]7", NULL, 0},   {"h/s", NULL, 0},	 {"h:1/s", NULL, 0},
    {"h ", NULL, 0}, {"h:65536", NULL, 0},  {"k@h", NULL, 0},	 {"h:1:1", NULL, 0},
    {":1", NULL, 0}, {"h:000001", NULL, 0}, {"h:+1", NULL, 0},
};

Test(address, splits_host_and_port)
{
	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		char host[ADDRESS_HOST_BYTES];
		uint16_t port = 1;

		cr_expect_eq(address_split(host, &port, splits[i].text), splits[i].host != NULL,
			     "'%s'", splits[i].text);
		if (splits[i].host == NULL)
			continue;
		cr_expect_str_eq(host, splits[i].host);
		cr_expect_eq(port, splits[i].port);
	}
}

/* A configuration of one file with this text, in memory. */
static struct config *
configuration(const char *text)
{
	int fd = memfd_create("config", MFD_CLOEXEC);
	struct problem why = {0};
	struct config *c = NULL;
	char path[64];

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	cr_assert_eq(config_load_files(&c, path, "/dev/null/absent", &why), 0, "%s", why.text);
	close(fd);
	return c;
}

#define HOSTS                                                                                      \
	"[host nas]\naddress = [::1]:7000\nserver-key = " KEY "\nserver-key = " KEY2               \
	"\nidentity = /i\n[host one]\nserver-key = " KEY "\n[host keyless]\nport = 7001\n"

static const struct {
	const char *text, *host;
	uint16_t port;
	int keys;
	const char *identity;
} resolved[] = {
    {"nas:s/f", "::1", 7000, 2, "/i"},
    {"one:s/f", "one", 0, 1, NULL},
    {"ftx://" KEY2 "@nas/s/f", "nas", 0, 1, NULL},
    {"ftx://" KEY2 "@nas:5/s/f", "nas", 5, 1, NULL},
    {"ftx://nas/s/f", NULL, 0, 0, "ftx://KEY@nas/SHARE/PATH"},
    {"ftx://one/s/f", NULL, 0, 0, "ftx://KEY@one/SHARE/PATH"},
    {"[nas]:s/f", NULL, 0, 0, "ftx://KEY@nas/SHARE/PATH"},
    {"keyless:s/f", NULL, 0, 0, ": [host keyless] server-key = KEY"},
    {"NAS:s/f", NULL, 0, 0, "ftx host add NAS ftx://KEY@HOST"},
    {"_nas:s/f", NULL, 0, 0, "ftx://KEY@_nas/SHARE/PATH"},
};

/* Where host is NULL no key is known, and identity stands in the hint. */
Test(address, means_what_the_configuration_says_unless_it_is_a_url)
{
	struct config *c = configuration(HOSTS);
	uint8_t key[KEY_BYTES], key2[KEY_BYTES];

	key_parse(key, KEY);
	key_parse(key2, KEY2);
	for (size_t i = 0; i < sizeof(resolved) / sizeof(resolved[0]); i++) {
		const char *text = resolved[i].text;
		struct problem why = {0};
		struct address a;
		int r;

		cr_assert_eq(address_parse(&a, text, &why), 0, "%s: %s", text, why.text);
		r = address_resolve(&a, c, &why);
		if (resolved[i].host == NULL) {
			cr_expect_eq(r, FTX_E_SERVER_KEY, "%s", text);
			cr_expect(strstr(why.text, "no key is known for ") == why.text);
			cr_expect(strstr(why.hint, resolved[i].identity) != NULL, "%s: %s", text,
				  why.hint);
			cr_expect(strstr(why.hint, "\"ftxd key\" on the server") != NULL);
			continue;
		}
		cr_expect_eq(r, 0, "%s: %s", text, why.text);
		cr_expect_str_eq(a.host, resolved[i].host, "%s", text);
		cr_expect_eq(a.port, resolved[i].port, "%s", text);
		cr_expect(a.has_key && a.has_key2 == (resolved[i].keys == 2), "%s", text);
		cr_expect(memcmp(a.key, a.named ? key : key2, KEY_BYTES) == 0, "%s", text);
		cr_expect(!a.has_key2 || memcmp(a.key2, key2, KEY_BYTES) == 0, "%s", text);
		cr_expect_eq(a.identity == NULL, resolved[i].identity == NULL, "%s", text);
		if (a.identity != NULL)
			cr_expect_str_eq(a.identity, resolved[i].identity);
		cr_expect_str_eq(a.path, "s/f");
	}
	config_free(c);
}

Test(address, tells_an_alias_from_a_host_of_its_name)
{
	struct config *c = configuration("[host a]\naddress = h\nserver-key = " KEY
					 "\nidentity = /a\n[host b]\naddress = h\nserver-key = " KEY
					 "\nidentity = /b\n");
	struct problem why;
	struct address a, b;

	address_parse(&a, "h:s/f", &why);
	address_parse(&b, "ftx://h/s/f", &why);
	cr_expect(!address_same_server(&a, &b));
	address_parse(&b, "h:t/g", &why);
	cr_expect(address_same_server(&a, &b));
	cr_assert(address_parse(&a, "a:s/f", &why) == 0 && address_resolve(&a, c, &why) == 0);
	cr_assert(address_parse(&b, "b:s/f", &why) == 0 && address_resolve(&b, c, &why) == 0);
	cr_expect(!address_same_server(&a, &b), "two identities are two clients");
	cr_assert(address_parse(&b, "a:t/g", &why) == 0 && address_resolve(&b, c, &why) == 0);
	cr_expect(address_same_server(&a, &b));
	config_free(c);
}
