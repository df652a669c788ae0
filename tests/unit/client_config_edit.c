/*
 * Sections that come and go in the user's file, and everything else that stays.
 */
#include "tests/harness/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/client/config.h"
#include "src/client/config_edit.h"

static char directory[64];
static char file[128];

static void
setup(void)
{
	unit_directory(directory, sizeof(directory), "edit");
	snprintf(file, sizeof(file), "%s/config", directory);
}

static void
teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(config_edit, .init = setup, .fini = teardown);

static void
write_file(const char *text)
{
	FILE *f = fopen(file, "w");

	cr_assert(f != NULL);
	fputs(text, f);
	cr_assert_eq(fclose(f), 0);
}

static const char *
content(void)
{
	static char text[4096];
	FILE *f = fopen(file, "r");
	size_t n;

	cr_assert(f != NULL);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static int
add(const char *name, struct problem *why)
{
	static const uint8_t key[KEY_BYTES] = {1};
	const struct host_lines host = {.name = name, .address = "h:1", .server_key = key};

	return config_add_host(file, &host, why);
}

#define KEY "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define NEW "[host new]\naddress = h:1\nserver-key = " KEY "\n"

/* What adding a section makes of a file, and what is left when it is taken out again. */
static const struct {
	const char *before, *with, *after;
} files[] = {
    {"", NEW, ""},
    {"# c\n", "# c\n\n" NEW, "# c\n"},
    {"# c", "# c\n\n" NEW, "# c\n"},
    {"[host a]\nport = 1\n", "[host a]\nport = 1\n\n" NEW, "[host a]\nport = 1\n"},
    {"[host a]\nport = 1\n\n\n", "[host a]\nport = 1\n\n\n\n" NEW, "[host a]\nport = 1\n\n\n"},
};

Test(config_edit, section_comes_at_the_end_and_goes_without_a_trace)
{
	struct problem why;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		write_file(files[i].before);
		cr_assert_eq(add("new", &why), 0, "row %zu: %s", i, why.text);
		cr_expect_str_eq(content(), files[i].with, "row %zu", i);
		cr_assert_eq(config_remove_host(file, "new", &why), 0, "row %zu: %s", i, why.text);
		cr_expect_str_eq(content(), files[i].after, "row %zu", i);
	}
}

/* Taking [host b] out of the middle. */
static const struct {
	const char *before, *after;
} middles[] = {
    {"[host a]\nport = 1\n[host b]\nport = 2\n[host c]\nport = 3\n",
     "[host a]\nport = 1\n[host c]\nport = 3\n"},
    {"[host b] \t\nport = 2\n\n[host bb]\nport = 3", "\n[host bb]\nport = 3"},
    {"[host a]\nport = 1\n\n# of b\n[host b]\n; in b\nport = 2\n\n# of c\n[host c]\nport = 3\n",
     "[host a]\nport = 1\n\n# of b\n; in b\n\n# of c\n[host c]\nport = 3\n"},
    {"# [host b]\n[host bb]\nport = 1\n[host b]\nport = 2", "# [host b]\n[host bb]\nport = 1\n"},
};

Test(config_edit, nothing_but_the_section_goes)
{
	struct problem why;

	for (size_t i = 0; i < sizeof(middles) / sizeof(middles[0]); i++) {
		write_file(middles[i].before);
		cr_assert_eq(config_remove_host(file, "b", &why), 0, "row %zu: %s", i, why.text);
		cr_expect_str_eq(content(), middles[i].after, "row %zu", i);
		cr_expect_eq(config_remove_host(file, "b", &why), FTX_E_NOT_FOUND, "row %zu", i);
		cr_expect_str_eq(content(), middles[i].after, "row %zu", i);
	}
}

Test(config_edit, what_is_wrong_or_there_already_stays_as_it_is)
{
	struct problem why;

	write_file(NEW);
	cr_expect_eq(add("new", &why), FTX_E_EXISTS);
	cr_expect_str_eq(content(), NEW);
	write_file("[host a]\ncolour = red\n");
	cr_expect_eq(add("new", &why), FTX_E_CONFIG);
	cr_expect(strstr(why.text, "config:2: ") != NULL, "%s", why.text);
	cr_expect_eq(config_remove_host(file, "a", &why), FTX_E_CONFIG);
	cr_expect_str_eq(content(), "[host a]\ncolour = red\n");
	/* A name that makes it wrong. */
	write_file("# c\n");
	cr_expect_eq(add("a/b", &why), FTX_E_CONFIG);
	cr_expect_str_eq(content(), "# c\n");
}

Test(config_edit, file_that_cannot_be_written_is_said_and_nothing_is_left)
{
	struct problem why;
	char inside[192];

	/* A directory where the file would be. */
	cr_assert_eq(mkdir(file, 0755), 0);
	cr_expect_neq(add("new", &why), 0);
	snprintf(inside, sizeof(inside), "%s/.ftx-config-new", directory);
	cr_expect_neq(access(inside, F_OK), 0);
	cr_assert_eq(rmdir(file), 0);
	/* What a run that was killed has left is no hindrance. */
	cr_assert_eq(mknod(inside, S_IFREG | 0400, 0), 0);
	cr_expect_eq(add("new", &why), 0, "%s", why.text);
	cr_expect_neq(access(inside, F_OK), 0);
	cr_expect_str_eq(content(), NEW);
}
