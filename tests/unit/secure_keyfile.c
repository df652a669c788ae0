#include "tests/harness/unit.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/secure/keyfile.h"

#define A42 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* 42 characters */

static char directory[PATH_MAX / 2];

static void
enter_directory(void)
{
	unit_directory(directory, sizeof(directory), "keyfile");
	cr_assert_eq(chdir(directory), 0);
	umask(022);
}

static void
remove_directory(void)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(keyfile, .init = enter_directory, .fini = remove_directory);

Test(key, text_form_round_trips)
{
	uint8_t key[KEY_BYTES], back[KEY_BYTES];
	char text[KEY_TEXT_CHARS + 1];

	for (int i = 0; i < 300; i++) {
		randombytes_buf(key, sizeof(key));
		key_format(text, key);
		cr_assert_eq(strlen(text), KEY_TEXT_CHARS);
		cr_assert_eq(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					  "0123456789-_"),
			     KEY_TEXT_CHARS);
		cr_assert_eq(key_parse(back, text), 0);
		cr_assert_arr_eq(back, key, sizeof(key), "%s", text);
	}
}

Test(key, text_form_is_unpadded_base64url)
{
	uint8_t key[KEY_BYTES] = {0xfb, 0xff, 0xbf};
	char text[KEY_TEXT_CHARS + 1];

	key_format(text, key);
	cr_assert_str_eq(text, "-_-_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

static const char *const bad_texts[] = {
    "",	       "A",
    A42,       A42 "AA",
    A42 "A=",  A42 "=",
    A42 " ",   " " A42,
    A42 "\n",  A42 "+",
    A42 "/",   A42 "B", /* bits that no key has */
    A42 "A\n", "\xc3\xa4" A42,
};

Test(key, refuses_every_other_text)
{
	uint8_t key[KEY_BYTES];

	cr_assert_eq(key_parse(key, A42 "A"), 0);
	for (size_t i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++)
		cr_assert_eq(key_parse(key, bad_texts[i]), FTX_E_USAGE, "'%s'", bad_texts[i]);
}

/* RFC 7748 section 6.1, Alice. */
Test(key, public_key_is_that_of_RFC_7748)
{
	static const uint8_t secret[KEY_BYTES] = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d,
						  0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
						  0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a,
						  0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
	static const uint8_t expected[KEY_BYTES] = {0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54,
						    0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7, 0x5a,
						    0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4,
						    0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a};
	uint8_t got[KEY_BYTES];

	key_public(got, secret);
	cr_assert_arr_eq(got, expected, KEY_BYTES);
}

Test(key, generates_another_one_each_time)
{
	uint8_t *a = key_generate(), *b = key_generate();

	cr_assert(a != NULL && b != NULL);
	cr_assert_arr_neq(a, b, KEY_BYTES);
	key_secret_free(a);
	key_secret_free(b);
	key_secret_free(NULL);
}

static void
put_file(const char *path, const void *data, size_t length, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, data, length), (ssize_t)length);
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
}

static void
expect_refused(const char *path, const char *what)
{
	uint8_t *secret = NULL;
	const char *why = NULL;

	cr_assert_eq(keyfile_read(path, &secret, &why), FTX_E_KEY_FILE, "%s", what);
	cr_assert_null(secret, "%s", what);
	cr_assert(why != NULL && *why != '\0', "%s", what);
}

static void
expect_key(const char *path, const uint8_t key[static KEY_BYTES])
{
	uint8_t *secret = NULL;
	const char *why = NULL;

	cr_assert_eq(keyfile_read(path, &secret, &why), 0, "%s: %s", path, why);
	cr_assert_arr_eq(secret, key, KEY_BYTES);
	key_secret_free(secret);
}

Test(keyfile, reads_back_what_was_created)
{
	uint8_t *key = key_generate();
	struct stat st;

	cr_assert_eq(keyfile_create("id", key), 0);
	expect_key("id", key);
	cr_assert_eq(lstat("id", &st), 0);
	cr_assert_eq(st.st_mode, S_IFREG | 0600);
	cr_assert_eq(st.st_size, 59);
	key_secret_free(key);
}

Test(keyfile, is_one_line_with_name_and_key)
{
	static const char line[] = "ftx-secret-key " A42 "A\n";
	static const uint8_t zero[KEY_BYTES];
	char got[100];
	int fd;

	put_file("id", line, sizeof(line) - 1, 0600);
	expect_key("id", zero);
	cr_assert_eq(keyfile_create("id2", zero), 0);
	fd = open("id2", O_RDONLY);
	cr_assert_eq(read(fd, got, sizeof(got)), (ssize_t)sizeof(line) - 1);
	cr_assert_arr_eq(got, line, sizeof(line) - 1);
	close(fd);
}

#define LINE(text) text, sizeof(text) - 1
static const struct {
	const char *text;
	size_t length;
	const char *what;
} bad_files[] = {
    {LINE(""), "empty"},
    {LINE("ftx-secret-key \n"), "no key"},
    {LINE("ftx-secret-key " A42 "A"), "no newline"},
    {LINE("ftx-secret-key " A42 "A\n\n"), "empty second line"},
    {LINE("ftx-secret-key " A42 "A\nx"), "extra byte"},
    {LINE("ftx-secret-key " A42 "A\nftx-secret-key " A42 "A\n"), "two lines"},
    {LINE("ftx-secret-key " A42 "A\r\n"), "CRLF"},
    {LINE("ftx-secret-key " A42 "\r\n"), "CRLF instead of the last character"},
    {LINE("ftx-secret-key " A42 "A\r"), "CR"},
    {LINE("ftx-secret-key " A42 "A\0"), "NUL for the newline"},
    {LINE("ftx-secret-key " A42 "A\n\0"), "NUL behind the line"},
    {LINE("ftx-secret-key " A42 "\0\n"), "NUL in the key"},
    {LINE("ftx-secret-key\0" A42 "A\n"), "NUL for the space"},
    {LINE("ftx-secret-key " A42 "B\n"), "bits that no key has"},
    {LINE("ftx-secret-key " A42 "=\n"), "padding"},
    {LINE("ftx-secret-key " A42 "+\n"), "base64, not base64url"},
    {LINE("FTX-SECRET-KEY " A42 "A\n"), "capitals"},
    {LINE("ftx-public-key " A42 "A\n"), "another name"},
    {LINE(" ftx-secret-key" A42 "A\n"), "white space before"},
    {LINE("ftx-secret-key\t" A42 "A\n"), "a tab"},
    {LINE("\xef\xbb\xbf"
	  "ftx-secret-key " A42 "A\n"),
     "a BOM"},
};

Test(keyfile, refuses_anything_but_the_one_line)
{
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		put_file("id", bad_files[i].text, bad_files[i].length, 0600);
		expect_refused("id", bad_files[i].what);
	}
}

Test(keyfile, refuses_access_for_others)
{
	static const mode_t good[] = {0600, 0400, 0700};
	static const mode_t bad[] = {0640, 0620, 0610, 0604, 0602, 0601, 0644, 0666, 0777};
	static const uint8_t zero[KEY_BYTES];

	cr_assert_eq(keyfile_create("id", zero), 0);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_assert_eq(chmod("id", good[i]), 0);
		expect_key("id", zero);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char what[16];

		snprintf(what, sizeof(what), "mode %o", bad[i]);
		cr_assert_eq(chmod("id", bad[i]), 0);
		expect_refused("id", what);
	}
}

Test(keyfile, refuses_another_owner)
{
	static const uint8_t zero[KEY_BYTES];

	if (geteuid() != 0) {
		fprintf(stderr, "SKIP owner of a key file: only root can give files away\n");
		cr_skip_test("only root can give files away");
	}
	cr_assert_eq(keyfile_create("id", zero), 0);
	cr_assert_eq(chown("id", 65534, (gid_t)-1), 0);
	expect_refused("id", "owner 65534");
}

Test(keyfile, refuses_what_is_not_a_regular_file)
{
	static const uint8_t zero[KEY_BYTES];

	cr_assert_eq(keyfile_create("id", zero), 0);
	cr_assert_eq(symlink("id", "link"), 0);
	cr_assert_eq(symlink("nothing", "dangling"), 0);
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	cr_assert_eq(mkdir("directory", 0700), 0);
	expect_refused("link", "symbolic link");
	expect_refused("dangling", "dangling link");
	expect_refused("fifo", "FIFO");
	expect_refused("directory", "directory");
}

Test(keyfile, says_when_there_is_none)
{
	uint8_t *secret = NULL;
	const char *why = NULL;

	cr_assert_eq(keyfile_read("none", &secret, &why), FTX_E_NOT_FOUND);
	cr_assert_eq(keyfile_read("none/id", &secret, &why), FTX_E_NOT_FOUND);
	put_file("file", "x", 1, 0600);
	cr_assert_eq(keyfile_read("file/id", &secret, &why), FTX_E_NOT_FOUND);
	cr_assert_null(secret);
}

Test(keyfile, creation_never_overwrites)
{
	static const uint8_t zero[KEY_BYTES];
	uint8_t *key = key_generate();
	struct stat st;

	cr_assert_eq(keyfile_create("id", zero), 0);
	cr_assert_eq(keyfile_create("id", key), FTX_E_EXISTS);
	expect_key("id", zero);
	cr_assert_eq(symlink("target", "dangling"), 0);
	cr_assert_eq(keyfile_create("dangling", key), FTX_E_EXISTS);
	cr_assert_neq(lstat("target", &st), 0);
	cr_assert_eq(mkdir("directory", 0700), 0);
	cr_assert_eq(keyfile_create("directory", key), FTX_E_EXISTS);
	key_secret_free(key);
}

Test(keyfile, creation_makes_private_parents)
{
	static const uint8_t zero[KEY_BYTES];
	char path[PATH_MAX];
	struct stat st;

	cr_assert_eq(mkdir("there", 0755), 0);
	snprintf(path, sizeof(path), "%s/there//a/b/id", directory);
	cr_assert_eq(keyfile_create(path, zero), 0);
	expect_key("there/a/b/id", zero);
	cr_assert_eq(stat("there", &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0755);
	cr_assert_eq(stat("there/a", &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0700);
	cr_assert_eq(stat("there/a/b", &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0700);
	cr_assert_eq(keyfile_create("relative/id", zero), 0);
	expect_key("relative/id", zero);
}

Test(keyfile, mode_does_not_depend_on_the_umask)
{
	static const uint8_t zero[KEY_BYTES];
	struct stat st;

	umask(0777);
	cr_assert_eq(keyfile_create("id", zero), 0);
	umask(0);
	cr_assert_eq(keyfile_create("id2", zero), 0);
	cr_assert_eq(stat("id", &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(stat("id2", &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
}

Test(keyfile, failed_creation_leaves_nothing)
{
	static const uint8_t zero[KEY_BYTES];
	struct stat st;

	/* A file of more than 20 bytes cannot be written. */
	cr_assert_neq(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){20, 20}), 0);
	cr_assert_eq(keyfile_create("id", zero), FTX_E_TOO_LARGE);
	cr_assert_neq(lstat("id", &st), 0);
}

Test(keyfile, creation_that_was_killed_leaves_no_file_of_that_name)
{
	static const uint8_t zero[KEY_BYTES];
	struct stat st;
	int status;
	pid_t pid = fork();

	cr_assert_neq(pid, -1);
	if (pid == 0) {
		/* The signal comes in the middle of the line. */
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){20, 20});
		signal(SIGXFSZ, SIG_DFL);
		keyfile_create("id", zero);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
	cr_assert_neq(lstat("id", &st), 0);
	cr_assert_eq(keyfile_create("id", zero), 0);
}

Test(keyfile, creation_under_a_file_says_so)
{
	static const uint8_t zero[KEY_BYTES];

	put_file("file", "x", 1, 0600);
	cr_assert_eq(keyfile_create("file/id", zero), FTX_E_CONFLICT);
}
