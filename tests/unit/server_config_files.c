#include "tests/unit/server_config.h"

#include "tests/harness/unit.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/secure/keyfile.h"
#include "src/server/config.h"

char conf_directory[64];
char conf_main_file[128];
static char keys[3][KEY_TEXT_CHARS + 1];

void
conf_begin(void)
{
	cr_assert(sodium_init() >= 0);
	unit_directory(conf_directory, sizeof(conf_directory), "config");
	snprintf(conf_main_file, sizeof(conf_main_file), "%s/ftxd.conf", conf_directory);
	for (uint8_t i = 0; i < 3; i++) {
		uint8_t key[KEY_BYTES] = {i + 1};

		key_format(keys[i], key);
	}
}

void
conf_end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", conf_directory);
	cr_assert_eq(system(command), 0);
}

void
conf_write(const char *path, const char *text, size_t length)
{
	FILE *f = fopen(path, "w");

	cr_assert(f != NULL);
	for (size_t i = 0; i < length; i++)
		if (text[i] == '@' && i + 1 < length && text[i + 1] >= '1' && text[i + 1] <= '3')
			fputs(keys[text[++i] - '1'], f);
		else
			fputc(text[i], f);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(path, 0644), 0);
}

void
conf_write_main(const char *text)
{
	conf_write(conf_main_file, text, strlen(text));
}

void
conf_write_client(const char *name, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/clients.d", conf_directory);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/clients.d/%s", conf_directory, name);
	conf_write(path, text, strlen(text));
}

struct config *
conf_load(void)
{
	struct config *c = NULL;
	struct ini_error error;

	cr_assert_eq(config_load(&c, conf_main_file, &error), 0, "%s", error.text);
	return c;
}

struct config *
conf_load_main(const char *text)
{
	conf_write_main(text);
	return conf_load();
}

void
conf_expect_refused(const char *file, unsigned line, const char *words)
{
	struct config *c = NULL;
	struct ini_error error = {.text = "(nothing)"};
	char start[256];

	cr_expect(config_load(&c, conf_main_file, &error) < 0, "taken: %s", words);
	if (line > 0)
		snprintf(start, sizeof(start), "%s/%s:%u: ", conf_directory, file, line);
	else
		snprintf(start, sizeof(start), "%s/%s: ", conf_directory, file);
	cr_expect(strncmp(error.text, start, strlen(start)) == 0, "'%s' does not begin with '%s'",
		  error.text, start);
	cr_expect(strstr(error.text, words) != NULL, "'%s' does not say '%s'", error.text, words);
}

void
conf_refuse_main(const char *text, unsigned line, const char *words)
{
	conf_write_main(text);
	conf_expect_refused("ftxd.conf", line, words);
}

void
conf_refuse_client(const char *name, const char *text, unsigned line, const char *words)
{
	char file[160];

	conf_write_client(name, text);
	snprintf(file, sizeof(file), "clients.d/%s", name);
	conf_expect_refused(file, line, words);
}
