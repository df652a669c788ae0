#include "src/client/address.h"

#include <criterion/criterion.h>

#include <string.h>

#include "proto/errors.h"

#define KEY "BIJrjM2geu3i9JtY8R_SqdRcorDhvwq1-FFnJYHKiAA"

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
