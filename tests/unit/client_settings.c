#include "src/client/settings.h"

#include "tests/harness/unit.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/client/config.h"
#include "src/client/transfer.h"
#include "tests/unit/client_files.h"

static struct config *
load(const char *user, const char *system)
{
	struct problem why = {0};
	struct config *c = NULL;

	files_write("user", user);
	files_write("system", system);
	cr_assert_eq(config_load_files(&c, "user", "system", &why), 0, "%s", why.text);
	return c;
}

TestSuite(settings, .init = files_enter, .fini = files_leave);

static const struct {
	enum setting id;
	const char *good, *bad; /* words, with commas behind each */
} values[] = {
    {SETTING_IDENTITY, "id,/a/b c,", ""},
    {SETTING_PORT, "1,7389,65535,", "0,65536,x,-1,7389x,"},
    {SETTING_STREAMS, "auto,1,16,", "0,17,-1,1x,Auto,"},
    {SETTING_COMPRESS, "auto,none,zlib,zlib:1,zlib:9,zstd,zstd:19,",
     "zlib:0,zlib:10,zstd:20,zstd:,none:1,auto:1,lz4,zst,"},
    {SETTING_BWLIMIT, "1,500K,1.5M,", "0,none,-1,x,"},
    {SETTING_RETRY_FOR, "0,30s,10m,500ms,", "-1,soon,"},
    {SETTING_TIMEOUT, "1,30s,500ms,", "0,0s,x,"},
    {SETTING_PROGRESS, "auto,always,never,", "yes,no,1,"},
};

static void
each(enum setting id, const char *words, bool good)
{
	char word[32];

	while (*words != '\0') {
		struct settings s;
		size_t n = strcspn(words, ",");

		settings_init(&s);
		memcpy(word, words, n);
		word[n] = '\0';
		cr_expect_eq(setting_parse(&s, id, word), good, "%s = %s", setting_rows[id].key,
			     word);
		words += n + 1;
	}
}

Test(settings, take_what_has_their_form_alone)
{
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct settings s;

		each(values[i].id, values[i].good, true);
		each(values[i].id, values[i].bad, false);
		cr_expect(!setting_parse(&s, values[i].id, ""), "nothing is a %s",
			  setting_rows[values[i].id].key);
	}
}

Test(settings, are_taken_as_they_are_written)
{
	struct settings s;

	settings_init(&s);
	cr_expect_eq(s.port, 7389);
	cr_expect_eq(s.streams, STREAMS_AUTO);
	cr_expect_eq(s.compress, COMPRESS_AUTO);
	cr_expect_eq(s.bwlimit, 0);
	cr_expect_eq(s.retry_for_ms, 600000);
	cr_expect_eq(s.timeout_ms, 60000);
	cr_expect_eq(s.progress, PROGRESS_AUTO);
	cr_expect(s.identity == NULL);
	setting_parse(&s, SETTING_COMPRESS, "zstd:7");
	setting_parse(&s, SETTING_STREAMS, "3");
	setting_parse(&s, SETTING_BWLIMIT, "2K");
	setting_parse(&s, SETTING_RETRY_FOR, "0");
	setting_parse(&s, SETTING_TIMEOUT, "1500ms");
	setting_parse(&s, SETTING_PROGRESS, "never");
	cr_expect(s.compress == COMPRESS_ZSTD && s.level == 7);
	cr_expect_eq(s.streams, 3);
	cr_expect_eq(s.bwlimit, 2048);
	cr_expect_eq(s.retry_for_ms, 0);
	cr_expect_eq(s.timeout_ms, 1500);
	cr_expect_eq(s.progress, PROGRESS_NEVER);
	setting_parse(&s, SETTING_COMPRESS, "zlib");
	cr_expect(s.compress == COMPRESS_ZLIB && s.level == 0, "the level of another codec");
}

/* From the last place to the first: each says "streams", and all before it do not. */
static const char *const user_places[] = {"", "", "", "[defaults]\nstreams = 3\n",
					  "[defaults]\nstreams = 3\n[host nas]\nstreams = 4\n"};
static const char *const system_places[] = {
    "", "[defaults]\nstreams = 1\n", "[host nas]\nstreams = 2\n[defaults]\nstreams = 1\n",
    "[host nas]\nstreams = 2\n", "[host nas]\nstreams = 2\n"};
static const struct {
	const char *text, *file;
	unsigned line;
	const char *host;
} said[] = {{"auto", NULL, 0, NULL},
	    {"1", "system", 2, NULL},
	    {"2", "system", 2, "nas"},
	    {"3", "user", 2, NULL},
	    {"4", "user", 4, "nas"}};

Test(settings, are_those_of_the_first_place_that_says_something)
{
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct config *c = load(user_places[i], system_places[i]);
		struct setting_said s = setting_look_up(c, "nas", SETTING_STREAMS);

		cr_expect_str_eq(s.text, said[i].text);
		cr_expect_eq(s.origin, i == 0 ? SETTING_BUILT_IN : SETTING_OF_FILE);
		cr_expect_eq(s.line, said[i].line, "place %zu: line %u", i, s.line);
		if (said[i].file != NULL)
			cr_expect_str_eq(s.file, said[i].file);
		cr_expect((s.host == NULL) == (said[i].host == NULL));
		/* One key that is said says nothing of another. */
		s = setting_look_up(c, "nas", SETTING_COMPRESS);
		cr_expect_eq(s.origin, SETTING_BUILT_IN);
		config_free(c);
	}
}

Test(settings, of_another_host_are_not_taken)
{
	struct config *c = load("[host other]\nstreams = 4\n[defaults]\nstreams = 3\n",
				"[host third]\nport = 1\n");

	cr_expect_str_eq(setting_look_up(c, "nas", SETTING_STREAMS).text, "3");
	cr_expect_str_eq(setting_look_up(c, NULL, SETTING_STREAMS).text, "3");
	cr_expect_str_eq(setting_look_up(c, "other", SETTING_STREAMS).text, "4");
	cr_expect_str_eq(setting_look_up(c, "third", SETTING_STREAMS).text, "3");
	cr_expect_str_eq(setting_look_up(c, "third", SETTING_PORT).text, "1");
	config_free(c);
}

Test(settings, of_a_section_that_is_hidden_are_hidden_too)
{
	struct config *c = load("[host nas]\naddress = h\n", "[host nas]\nstreams = 2\n");

	cr_expect_str_eq(setting_look_up(c, "nas", SETTING_STREAMS).text, "auto");
	config_free(c);
}

Test(settings, know_the_port_of_an_address_and_where_it_stands)
{
	struct config *c = load("[defaults]\nport = 5\n[host nas]\nserver-key = "
				"BIJrjM2geu3i9JtY8R_SqdRcorDhvwq1-FFnJYHKiAA\naddress = h:9\n",
				"");
	struct setting_said s = setting_look_up(c, "nas", SETTING_PORT);

	cr_expect_str_eq(s.text, "9");
	cr_expect_eq(s.line, 5);
	cr_expect_eq(config_host(c, "nas")->address_line, 5);
	cr_expect_eq(config_host(c, "nas")->key_lines[0], 4);
	cr_expect_eq(config_host(c, "nas")->line, 3);
	config_free(c);
}

Test(settings, of_the_environment_come_before_all_files)
{
	struct problem why = {0};
	struct config *c = NULL;
	struct setting_said s;

	setenv("XDG_CONFIG_HOME", files_directory, 1);
	cr_assert(mkdir("ftx", 0700) == 0);
	files_write("ftx/config", "[host nas]\nstreams = 4\ntimeout = 5\n");
	setenv("FTX_STREAMS", "7", 1);
	setenv("FTX_TIMEOUT", "", 1);
	cr_assert_eq(config_load(&c, &why), 0, "%s", why.text);
	s = setting_look_up(c, "nas", SETTING_STREAMS);
	cr_expect_str_eq(s.text, "7");
	cr_expect_eq(s.origin, SETTING_OF_ENVIRONMENT);
	cr_expect_str_eq(setting_look_up(c, "nas", SETTING_TIMEOUT).text, "5",
			 "an empty one counts");
	config_free(c);
	c = NULL;
	setenv("FTX_STREAMS", "many", 1);
	cr_expect_eq(config_load(&c, &why), FTX_E_CONFIG);
	cr_expect(strstr(why.text, "FTX_STREAMS: 'many' is not possible") != NULL, "%s", why.text);
	cr_expect(c == NULL);
	cr_assert(unlink("ftx/config") == 0 && rmdir("ftx") == 0);
}
