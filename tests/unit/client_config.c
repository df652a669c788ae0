#include "src/client/config.h"

#include "tests/harness/unit.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "tests/unit/client_files.h"

#define KEY  "BIJrjM2geu3i9JtY8R_SqdRcorDhvwq1-FFnJYHKiAA"
#define KEY2 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"

/* Asserts that it is taken. */
static struct config *
load(const char *user)
{
	struct problem why = {0};
	struct config *c = NULL;

	files_write("user", user);
	cr_assert_eq(config_load_files(&c, "user", "system", &why), 0, "%s: %s", user, why.text);
	return c;
}

TestSuite(config, .init = files_enter, .fini = files_leave);

Test(config, reads_all_that_a_host_section_says)
{
	struct config *c;
	const struct config_host *h;
	uint8_t key[KEY_BYTES], key2[KEY_BYTES];

	key_parse(key, KEY);
	key_parse(key2, KEY2);
	setenv("HOME", "/home/somebody", 1);
	c = load("[host nas]\naddress = nas.example.org\nport = 7000\nserver-key = " KEY
		 "\nserver-key = " KEY2 "\nidentity = ~/keys/a b\n[host bare]\nserver-key = " KEY
		 "\n");
	h = config_host(c, "nas");
	cr_assert(h != NULL);
	cr_expect_str_eq(h->name, "nas");
	cr_expect_str_eq(h->address, "nas.example.org");
	cr_expect_eq(h->port, 7000);
	cr_expect_eq(h->key_count, 2);
	cr_expect(memcmp(h->keys[0], key, KEY_BYTES) == 0);
	cr_expect(memcmp(h->keys[1], key2, KEY_BYTES) == 0);
	cr_expect_str_eq(h->identity, "/home/somebody/keys/a b");
	cr_expect_str_eq(h->file, "user");
	h = config_host(c, "bare");
	cr_assert(h != NULL);
	cr_expect_str_eq(h->address, "bare", "an address is NAME where none is given");
	cr_expect_eq(h->port, 0);
	cr_expect_eq(h->key_count, 1);
	cr_expect(h->identity == NULL);
	cr_expect(config_host(c, "NAS") == NULL && config_host(c, "na") == NULL);
	config_free(c);
}

static const struct {
	const char *value, *address;
	unsigned port;
} addresses[] = {
    {"h", "h", 0},
    {"h:1", "h", 1},
    {"10.0.0.1:65535", "10.0.0.1", 65535},
    {"[::1]", "::1", 0},
    {"[2001:db8::1]:7", "2001:db8::1", 7},
    {"[fe80::1%eth0]:7", "fe80::1%eth0", 7},
};

Test(config, takes_addresses_with_and_without_port)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		char text[128];
		struct config *c;

		snprintf(text, sizeof(text), "[host nas]\naddress = %s\n", addresses[i].value);
		c = load(text);
		cr_expect_str_eq(config_host(c, "nas")->address, addresses[i].address);
		cr_expect_eq(config_host(c, "nas")->port, addresses[i].port, "%s", text);
		config_free(c);
	}
}

/* What is wrong, in which line, and words that must stand in the explanation. */
static const struct {
	const char *text;
	unsigned line;
	const char *words;
} bad[] = {
    {"[default]\nport = 1\n", 1, "no kind of section 'default'"},
    {"[defaults nas]\nport = 1\n", 1, "has no name"},
    {"[defaults]\nport = 1\n[defaults]\ntimeout = 1\n", 3, "is there twice"},
    {"[defaults]\naddress = h\n", 2, "no key 'address'"},
    {"[defaults]\nserver-key = " KEY "\n", 2, "no key 'server-key'"},
    {"[defaults]\ndelete = yes\n", 2, "no key 'delete'"},
    {"[defaults]\nport = 0\n", 2, "'0' is not possible for port"},
    {"[defaults]\ncompress = gzip\n", 2, "'gzip' is not possible for compress"},
    {"[defaults]\nstreams = 17\n", 2, "not possible for streams"},
    {"[defaults]\nbwlimit = 0\n", 2, "not possible for bwlimit"},
    {"[defaults]\nbwlimit = none\n", 2, "not possible for bwlimit"},
    {"[defaults]\nretry-for = soon\n", 2, "not possible for retry-for"},
    {"[defaults]\ntimeout = 0\n", 2, "not possible for timeout"},
    {"[defaults]\nprogress = yes\n", 2, "not possible for progress"},
    {"[defaults]\nidentity = id\n", 2, "is no path"},
    {"[host]\nport = 1\n", 1, "lacks its name"},
    {"[host a]\ncolour = red\n", 2, "no key 'colour'"},
    {"[host a]\ncompress = zstd:20\n", 2, "not possible for compress"},
    {"[host a]\nport = 1\nport = 1\n", 3, "'port' is there twice"},
    {"[host a]\naddress = h:1\nport = 1\n", 3, "the port is there twice"},
    {"[host a]\nport = 1\naddress = h:1\n", 3, "the port is there twice"},
    {"[host a]\naddress = h\naddress = h\n", 3, "'address' is there twice"},
    {"[host a]\naddress = \n", 2, "no value"},
    {"[host a]\naddress = h:\n", 2, "'h:' is no HOST"},
    {"[host a]\naddress = :1\n", 2, "is no HOST"},
    {"[host a]\naddress = h:0\n", 2, "is no HOST"},
    {"[host a]\naddress = h:65536\n", 2, "is no HOST"},
    {"[host a]\naddress = ::1\n", 2, "is no HOST"},
    {"[host a]\naddress = [::1\n", 2, "is no HOST"},
    {"[host a]\naddress = ftx://h/s\n", 2, "is no HOST"},
    {"[host a]\naddress = u@h\n", 2, "is no HOST"},
    {"[host a]\naddress = h ; mine\n", 2, "'h ; mine' is no HOST"},
    {"[host a]\naddress = h\\n\x01\n", 2, "'h\\\\n\\x01' is no HOST"},
    {"[host a]\nport = 0\n", 2, "not possible for port"},
    {"[host a]\nport = 65536\n", 2, "not possible for port"},
    {"[host a]\nport = 7389x\n", 2, "not possible for port"},
    {"[host a]\nport = -1\n", 2, "not possible for port"},
    {"[host a]\nport = 000001\n", 2, "not possible for port"},
    {"[host a]\nserver-key = " KEY "A\n", 2, "is no key"},
    {"[host a]\nserver-key = BIJrjM2geu3i9JtY8R_SqdRcorDhvwq1-FFnJYHKiA\n", 2, "is no key"},
    {"[host a]\nserver-key = BIJrjM2geu3i9JtY8R/SqdRcorDhvwq1-FFnJYHKiAA\n", 2, "is no key"},
    {"[host a]\nserver-key = BIJrjM2geu3i9JtY8R_SqdRcorDhvwq1-FFnJYHKiAB\n", 2, "is no key"},
    {"[host a]\nserver-key=" KEY "\nserver-key=" KEY "\nserver-key=" KEY "\n", 4,
     "more than 2 times"},
    {"[host a]\nidentity = id\n", 2, "is no path"},
    {"[host a]\nidentity = ~\n", 2, "is no path"},
    {"[host a]\nidentity = ~root/id\n", 2, "is no path"},
    {"[host a]\nidentity = $HOME/id\n", 2, "is no path"},
    {"[host a]\nport = 1\n[host a]\nport = 1\n", 3, "[host a] is there twice"},
};

Test(config, refuses_what_is_wrong_in_either_file)
{
	for (size_t i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); i++) {
		const char *name = i % 2 == 0 ? "user" : "system";
		struct problem why = {0};
		struct config *c = NULL;
		char where[32];

		files_write("user", "");
		files_write(name, bad[i / 2].text);
		cr_expect_eq(config_load_files(&c, "user", "system", &why), FTX_E_CONFIG, "%s",
			     bad[i / 2].text);
		cr_expect(c == NULL);
		snprintf(where, sizeof(where), "%s:%u: ", name, bad[i / 2].line);
		cr_expect_eq(strncmp(why.text, where, strlen(where)), 0, "%s: %s", bad[i / 2].text,
			     why.text);
		cr_expect(strstr(why.text, bad[i / 2].words) != NULL, "%s: %s", bad[i / 2].text,
			  why.text);
		cr_expect_eq(why.error, FTX_E_CONFIG);
		unlink("system");
	}
}

Test(config, lets_the_users_section_hide_the_systems_as_a_whole)
{
	struct config *c;
	const struct config_host *h;

	files_write("system", "[host nas]\nport = 1\nserver-key = " KEY
			      "\n[host other]\naddress = elsewhere\n");
	c = load("[host nas]\naddress = mine\n");
	h = config_host(c, "nas");
	cr_expect_str_eq(h->address, "mine");
	cr_expect_eq(h->port, 0, "the port is the system's");
	cr_expect_eq(h->key_count, 0, "the key is the system's");
	cr_expect_str_eq(h->file, "user");
	h = config_host(c, "other");
	cr_expect_str_eq(h->address, "elsewhere");
	cr_expect_str_eq(h->file, "system");
	config_free(c);
}

Test(config, takes_files_that_are_not_there_for_empty_ones)
{
	static const char *const absent[] = {"user", "no/user", "/dev/null/.config/ftx/config",
					     NULL};

	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		struct problem why = {0};
		struct config *c = NULL;

		cr_assert_eq(config_load_files(&c, absent[i], "system", &why), 0, "%s", why.text);
		cr_expect(config_host(c, "nas") == NULL);
		config_free(c);
	}
}

Test(config, refuses_files_that_cannot_be_read)
{
	struct problem why = {0};
	struct config *c = NULL;

	cr_expect_eq(config_load_files(&c, ".", "system", &why), FTX_E_CONFIG);
	cr_expect_str_eq(why.text, ".: not a regular file");
	files_write("user", "");
	cr_assert(chmod(files_directory, 0711) == 0 && chmod("user", 0600) == 0);
	if (geteuid() == 0) {
		cr_assert(seteuid(65534) == 0);
		cr_expect_eq(config_load_files(&c, "user", "system", &why), FTX_E_CONFIG);
		cr_expect_str_eq(why.text, "user: permission denied");
		cr_assert(seteuid(0) == 0);
	}
	cr_expect(c == NULL);
}

Test(config, keeps_many_hosts)
{
	enum { HOSTS = 500 };
	char *text = malloc(HOSTS * 48);
	struct config *c;
	size_t n = 0;

	for (unsigned i = 0; i < HOSTS; i++)
		n += (size_t)sprintf(text + n, "[host h%u]\nport = %u\nidentity = /%u\n", i, i + 1,
				     i);
	c = load(text);
	for (unsigned i = 0; i < HOSTS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "h%u", i);
		cr_assert(config_host(c, name) != NULL, "%s", name);
		cr_expect_eq(config_host(c, name)->port, i + 1);
		cr_expect_str_eq(config_host(c, name)->address, name);
	}
	config_free(c);
	free(text);
}

static const struct {
	const char *xdg, *home, *place;
} places[] = {
    {"/x", "/h", "/x/ftx/config"},
    {"", "/h", "/h/.config/ftx/config"},
    {"relative", "/h", "/h/.config/ftx/config"},
    {NULL, "/h", "/h/.config/ftx/config"},
};

Test(config, is_where_the_environment_says)
{
	char place[PATH_MAX], small[21];
	struct problem why;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i].xdg != NULL)
			setenv("XDG_CONFIG_HOME", places[i].xdg, 1);
		else
			unsetenv("XDG_CONFIG_HOME");
		setenv("HOME", places[i].home, 1);
		cr_expect_eq(config_place(place, sizeof(place), "config", &why), 0);
		cr_expect_str_eq(place, places[i].place);
	}
	cr_expect_eq(config_place(small, sizeof(small), "config", &why), FTX_E_CONFIG);
	cr_expect_eq(config_place(small, sizeof(small), "confi", &why), 0);
}

Test(config, is_read_from_there)
{
	struct problem why = {0};
	struct config *c = NULL;

	setenv("XDG_CONFIG_HOME", files_directory, 1);
	cr_assert(mkdir("ftx", 0700) == 0);
	files_write("ftx/config", "[host only-a-test]\nport = 3\n");
	cr_assert_eq(config_load(&c, &why), 0, "%s", why.text);
	cr_expect_eq(config_host(c, "only-a-test")->port, 3);
	cr_expect_str_eq(strstr(config_user_file(c), "/ftx/config"), "/ftx/config");
	config_free(c);
	cr_assert(unlink("ftx/config") == 0 && rmdir("ftx") == 0);
}
