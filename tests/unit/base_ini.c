#include "src/base/ini.h"

#include "tests/harness/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

static const struct ini_key host_keys[] = {
    {"port", 1}, {"key", 2}, {"share", INI_ANY_NUMBER}, INI_KEYS_END};
static const struct ini_key server_keys[] = {{"listen", INI_ANY_NUMBER}, INI_KEYS_END};
static const struct ini_section sections[] = {
    {"host", true, host_keys}, {"server", false, server_keys}, INI_SECTIONS_END};

/* What came, one line an entry: "LINE/SECTION_LINE KIND NAME|KEY|VALUE". */
struct taken {
	char text[16384];
	size_t count;
	const char *refuse; /* a key */
};

static int
take(void *arg, const struct ini_entry *e)
{
	struct taken *t = arg;
	size_t n = strlen(t->text);

	if (t->refuse != NULL && strcmp(t->refuse, e->key) == 0)
		return ini_refuse(e, "'%s' is not wanted", e->key);
	t->count++;
	if (n < sizeof(t->text) / 2)
		snprintf(t->text + n, sizeof(t->text) - n, "%u/%u %s %s|%s|%s\n", e->line,
			 e->section_line, e->kind, e->name, e->key, e->value);
	return 0;
}

static int
read_bytes(const void *bytes, size_t length, struct taken *t, struct ini_error *error)
{
	int fd = memfd_create("ini", MFD_CLOEXEC);
	int r;

	cr_assert(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
	cr_assert(lseek(fd, 0, SEEK_SET) == 0);
	t->text[0] = '\0';
	t->count = 0;
	memset(error, 0, sizeof(*error));
	r = ini_read_fd(fd, "the.file", sections, take, t, error);
	close(fd);
	return r;
}

static const struct {
	const char *text, *entries;
} good[] = {
    {"", ""},
    {"\n\n", ""},
    {"# c\n; c\n;[x\n#\n", ""},
    {" \t\n\t", ""},
    {"[server]\nlisten=a\n", "2/1 server |listen|a\n"},
    {"[server]\nlisten=a", "2/1 server |listen|a\n"},
    {"[server] \t\nlisten \t = \t a b \t \n", "2/1 server |listen|a b\n"},
    {"[host a]\nport = 1 ; no comment\n", "2/1 host a|port|1 ; no comment\n"},
    {"[host a]\nport = 1#2=3]\n", "2/1 host a|port|1#2=3]\n"},
    {"[host a]\nport = \"x\\\n", "2/1 host a|port|\"x\\\n"},
    {"[host a]\nport = =\n", "2/1 host a|port|=\n"},
    {"[host a]\nport = \xff\x01\n", "2/1 host a|port|\xff\x01\n"},
    {"[host a]\nport = \xef\xbb\xbf\n", "2/1 host a|port|\xef\xbb\xbf\n"},
    {"[host a]\nkey=1\nport=2\nkey=3\n", "2/1 host a|key|1\n3/1 host a|port|2\n4/1 host a|key|3\n"},
    {"[host a]\nshare=1\nshare=1\nshare=1\n",
     "2/1 host a|share|1\n3/1 host a|share|1\n4/1 host a|share|1\n"},
    {"\n[host a]\n\nport=1\n#\n[host A]\nport=1\n[server]\nlisten=x\n[host a.b-c_D]\nport=1\n",
     "4/2 host a|port|1\n7/6 host A|port|1\n9/8 server |listen|x\n11/10 host a.b-c_D|port|1\n"},
    {"[host 0123456789012345678901234567890123456789]\nport=1",
     "2/1 host 0123456789012345678901234567890123456789|port|1\n"},
};

Test(ini, hands_over_what_is_there)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct taken t = {.refuse = NULL};
		struct ini_error error;

		cr_expect_eq(read_bytes(good[i].text, strlen(good[i].text), &t, &error), 0,
			     "'%s': %s", good[i].text, error.text);
		cr_expect_str_eq(t.text, good[i].entries, "'%s'", good[i].text);
	}
}

/* What is wrong, in which line, and words that must stand in the sentence. */
static const struct {
	const char *text;
	unsigned line;
	const char *words;
} bad[] = {
    {"\xef\xbb\xbf[server]\nlisten=a\n", 1, "byte order mark"},
    {"\xef\xbb\xbf", 1, "byte order mark"},
    {"[server]\r\nlisten=a\n", 1, "carriage return"},
    {"[server]\nlisten=a\r", 2, "carriage return"},
    {"; a comment\r\n", 1, "carriage return"},
    {"\r\n", 1, "carriage return"},
    {"[server]\n listen=a\n", 2, "white space"},
    {"[server]\n\tlisten=a\n", 2, "white space"},
    {"[server]\nlisten=a\n  b\n", 3, "white space"},
    {"\n [server]\nlisten=a\n", 2, "white space"},
    {" ; a comment\n", 1, "white space"},
    {"[server]\nlisten=a\n[host a]\nport=1\n[server]\nlisten=a\n", 5, "[server] is there twice"},
    {"[host a]\nport=1\n[host b]\nport=1\n[host a]\nport=1\n", 5, "[host a] is there twice"},
    {"[host a]\nport=1\nport=1\n", 3, "'port' is there twice"},
    {"[host a]\nkey=1\nkey=2\nshare=1\nkey=3\n", 5, "'key' is there more than 2 times"},
    {"[host a]\n", 1, "empty"},
    {"[host a]", 1, "empty"},
    {"\n[host a]\n# x\n\n[host b]\nport=1\n", 2, "empty"},
    {"[host a]\nport=1\n[host b]\n", 3, "empty"},
    {"[hosts a]\nport=1\n", 1, "no kind of section 'hosts'"},
    {"[Server]\nlisten=a\n", 1, "no kind of section 'Server'"},
    {"[defaults]\nport=1\n", 1, "no kind of section 'defaults'"},
    {"[]\n", 1, "no kind of section ''"},
    {"[ host a]\nport=1\n", 1, "no kind of section ''"},
    {"[host\ta]\nport=1\n", 1, "no kind of section 'host\\ta'"},
    {"[\033]\n", 1, "no kind of section '\\x1b'"},
    {"[host]\nport=1\n", 1, "lacks its name"},
    {"[server a]\nlisten=a\n", 1, "has no name"},
    {"[server ]\nlisten=a\n", 1, "has no name"},
    {"[host ]\nport=1\n", 1, "'' is no name"},
    {"[host  a]\nport=1\n", 1, "' a' is no name"},
    {"[host a ]\nport=1\n", 1, "'a ' is no name"},
    {"[host a b]\nport=1\n", 1, "'a b' is no name"},
    {"[host -a]\nport=1\n", 1, "'-a' is no name"},
    {"[host .a]\nport=1\n", 1, "is no name"},
    {"[host a/b]\nport=1\n", 1, "is no name"},
    {"[host \xc3\xa4]\nport=1\n", 1, "is no name"},
    {"[host a]]\nport=1\n", 1, "is no name"},
    {"[host 01234567890123456789012345678901234567890]\nport=1\n", 1, "is no name"},
    {"[host a\nport=1\n", 1, "a section is written"},
    {"[host a] ; comment\nport=1\n", 1, "a section is written"},
    {"[\n", 1, "a section is written"},
    {"[host a]\nlisten=1\n", 2, "no key 'listen' in a section [host NAME]"},
    {"[server]\nport=1\n", 2, "no key 'port' in a section [server]"},
    {"[host a]\nPort=1\n", 2, "no key 'Port'"},
    {"[host a]\npor=1\n", 2, "no key 'por'"},
    {"[host a]\nports=1\n", 2, "no key 'ports'"},
    {"[host a]\nmy port=1\n", 2, "no key 'my port'"},
    {"[host a]\n\fport=1\n", 2, "no key '\\x0cport'"},
    {"\nport=1\n[host a]\nport=1\n", 2, "before any section"},
    {"nonsense=1\n", 1, "before any section"},
    {"[host a]\nport\n", 2, "neither"},
    {"[host a]\nport 1", 2, "neither"},
    {"[host a]\n= 1\n", 2, "neither"},
    {"[host a]\nport=\n", 2, "no value"},
    {"[host a]\nport = \t \n", 2, "no value"},
    {"[host a]\nport =", 2, "no value"},
};

Test(ini, refuses_everything_else_and_names_the_line)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct taken t = {.refuse = NULL};
		struct ini_error error;
		char where[32];

		cr_expect_eq(read_bytes(bad[i].text, strlen(bad[i].text), &t, &error), FTX_E_CONFIG,
			     "'%s'", bad[i].text);
		cr_expect_eq(error.line, bad[i].line, "'%s': %s", bad[i].text, error.text);
		snprintf(where, sizeof(where), "the.file:%u: ", bad[i].line);
		cr_expect_eq(strncmp(error.text, where, strlen(where)), 0, "%s", error.text);
		cr_expect(strstr(error.text, bad[i].words) != NULL, "'%s': %s", bad[i].text,
			  error.text);
	}
}

Test(ini, refuses_a_zero_byte_wherever_it_is)
{
	static const char text[] = "# x\n[host a]\nport=1\n#\n";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char bytes[sizeof(text)];
		struct taken t = {.refuse = NULL};
		struct ini_error error;
		unsigned line = 1;

		memcpy(bytes, text, sizeof(text));
		for (size_t j = 0; j < i; j++)
			line += text[j] == '\n';
		bytes[i] = '\0';
		cr_expect_eq(read_bytes(bytes, sizeof(text) - 1, &t, &error), FTX_E_CONFIG);
		cr_expect(strstr(error.text, "zero byte") != NULL, "at %zu: %s", i, error.text);
		cr_expect_eq(error.line, line, "at %zu: %s", i, error.text);
	}
}

/* "[host a]\nport=xxx..." or a comment, whose second line has so many bytes, before more. */
static int
read_long(const char *start, size_t length, const char *rest, struct taken *t,
	  struct ini_error *error)
{
	char bytes[3 * INI_LINE_BYTES];
	size_t n = strlen(strcpy(bytes, "[host a]\n"));

	memset(bytes + n, 'x', length);
	memcpy(bytes + n, start, strlen(start));
	strcpy(bytes + n + length, rest);
	return read_bytes(bytes, n + length + strlen(rest), t, error);
}

Test(ini, takes_lines_up_to_the_maximum_whole)
{
	static const char *const rests[] = {"", "\n", "\nkey=1\n"};

	for (size_t i = 0; i < 3; i++) {
		struct taken t = {.refuse = NULL};
		struct ini_error error;

		cr_expect_eq(read_long("port=", INI_LINE_BYTES, rests[i], &t, &error), 0, "%s",
			     error.text);
		cr_expect_eq(strcspn(strstr(t.text, "xxx"), "\n"), INI_LINE_BYTES - 5);
		cr_expect_eq(t.count, i == 2 ? 2 : 1);
		cr_expect_eq(read_long("port=", INI_LINE_BYTES + 1, rests[i], &t, &error),
			     FTX_E_CONFIG);
		cr_expect(strstr(error.text, "longer than 4096") != NULL, "%s", error.text);
		cr_expect_eq(error.line, 2);
		cr_expect_eq(t.count, 0, "something of the long line was used");
		cr_expect_eq(read_long("#", INI_LINE_BYTES + 1, rests[i], &t, &error), FTX_E_CONFIG,
			     "a comment may be as long as it likes");
		cr_expect_eq(read_long("#", 2 * INI_LINE_BYTES + 50, rests[i], &t, &error),
			     FTX_E_CONFIG);
	}
}

Test(ini, reads_a_file_larger_than_its_buffer_at_every_offset)
{
	/* Lines of all lengths, so that each part of a line lies on the buffer's end once. */
	const size_t lines = 3000;
	char *bytes = malloc(lines * 64);
	size_t n = strlen(strcpy(bytes, "[host a]\n"));
	struct taken t = {.refuse = NULL};
	struct ini_error error;

	for (size_t i = 0; i < lines; i++)
		n += (size_t)sprintf(bytes + n, "share=%0*zu\n", (int)(i % 37 + 1), i);
	cr_expect_eq(read_bytes(bytes, n, &t, &error), 0, "%s", error.text);
	cr_expect_eq(t.count, lines);
	strcpy(bytes + n, "x\n");
	cr_expect_eq(read_bytes(bytes, n + 2, &t, &error), FTX_E_CONFIG);
	cr_expect_eq(error.line, lines + 2);
	free(bytes);
}

Test(ini, bounds_the_number_of_sections)
{
	char *bytes = malloc((INI_MAX_SECTIONS + 1) * 32);
	struct taken t = {.refuse = NULL};
	struct ini_error error;
	size_t n = 0;

	for (unsigned i = 0; i < INI_MAX_SECTIONS; i++)
		n += (size_t)sprintf(bytes + n, "[host h%u]\nport=1\n", i);
	cr_expect_eq(read_bytes(bytes, n, &t, &error), 0, "%s", error.text);
	cr_expect_eq(t.count, INI_MAX_SECTIONS);
	strcpy(bytes + n, "[server]\nlisten=1\n");
	cr_expect_eq(read_bytes(bytes, strlen(bytes), &t, &error), FTX_E_CONFIG);
	cr_expect(strstr(error.text, "more than 4096 sections") != NULL, "%s", error.text);
	cr_expect_eq(error.line, 2 * INI_MAX_SECTIONS + 1);
	/* The first is still known when the last comes. */
	strcpy(bytes + n, "[host h0]\nport=1\n");
	cr_expect_eq(read_bytes(bytes, strlen(bytes), &t, &error), FTX_E_CONFIG);
	cr_expect(strstr(error.text, "[host h0] is there twice") != NULL, "%s", error.text);
	free(bytes);
}

Test(ini, ends_where_the_caller_refuses)
{
	static const char text[] = "[host a]\nshare=1\nport=1\nshare=2\n";
	struct taken t = {.refuse = "port"};
	struct ini_error error;

	cr_expect_eq(read_bytes(text, strlen(text), &t, &error), FTX_E_CONFIG);
	cr_expect_str_eq(error.text, "the.file:3: 'port' is not wanted");
	cr_expect_eq(error.line, 3);
	cr_expect_eq(t.count, 1);
}

Test(ini, shows_no_control_characters_of_the_file_or_its_name)
{
	struct taken t = {.refuse = NULL};
	struct ini_error error;
	char name[5000];

	memset(name, '\033', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	cr_expect_eq(ini_read(name, sections, take, &t, &error), FTX_E_NAME);
	cr_expect(strchr(error.text, '\033') == NULL);
	cr_expect(strstr(error.text, error_text(FTX_E_NAME)) != NULL, "%s", error.text);
	cr_expect_eq(error.line, 0);
}

Test(ini, reads_regular_files_only)
{
	char directory[] = "/tmp/ftx-ini-XXXXXX";
	struct taken t = {.refuse = NULL};
	struct ini_error error;
	FILE *f;

	cr_assert(mkdtemp(directory) != NULL && chdir(directory) == 0);
	cr_expect_eq(ini_read("absent", sections, take, &t, &error), FTX_E_NOT_FOUND);
	cr_expect(strstr(error.text, "absent: ") == error.text, "%s", error.text);
	cr_expect_eq(ini_read("/dev/null/absent", sections, take, &t, &error), FTX_E_NOT_FOUND);
	cr_expect_eq(ini_read(".", sections, take, &t, &error), FTX_E_NOT_REGULAR);
	cr_expect_eq(ini_read("/dev/null", sections, take, &t, &error), FTX_E_NOT_REGULAR);
	cr_assert(mkfifo("fifo", 0600) == 0);
	cr_expect_eq(ini_read("fifo", sections, take, &t, &error), FTX_E_NOT_REGULAR);
	cr_expect(strstr(error.text, "fifo: ") == error.text, "%s", error.text);
	f = fopen("file", "w");
	cr_assert(f != NULL && fputs("[server]\nlisten=1\n", f) >= 0 && fclose(f) == 0);
	cr_assert(symlink("file", "link") == 0);
	cr_expect_eq(ini_read("file", sections, take, &t, &error), 0);
	cr_expect_eq(ini_read("link", sections, take, &t, &error), 0);
	cr_expect_eq(t.count, 2);
	cr_assert(unlink("file") == 0 && unlink("link") == 0 && unlink("fifo") == 0);
	cr_assert(chdir("/") == 0 && rmdir(directory) == 0);
}

Test(ini, knows_names)
{
	cr_expect(ini_name_ok("a", 1) && ini_name_ok("0._-Z", 5));
	cr_expect(!ini_name_ok("", 0) && !ini_name_ok("a\0b", 3) && !ini_name_ok("_a", 2));
	cr_expect(!ini_name_ok("a b", 3) && ini_name_ok("a b", 1));
}
