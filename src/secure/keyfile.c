#include "src/secure/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/base/directory.h"
#include "src/base/encoding.h"
#include "src/base/io.h"

#define LINE_PREFIX	  "ftx-secret-key "
#define LINE_PREFIX_BYTES (sizeof(LINE_PREFIX) - 1)
#define LINE_BYTES	  (LINE_PREFIX_BYTES + KEY_TEXT_CHARS + 1) /* with the newline */

/* More than scalar multiplication or decoding takes of the stack. */
#define STACK_USED_BYTES 8192u

void
key_format(char out[static KEY_TEXT_CHARS + 1], const uint8_t key[static KEY_BYTES])
{
	base64url_encode(out, key, KEY_BYTES);
}

int
key_parse(uint8_t key[static KEY_BYTES], const char *text)
{
	return base64url_decode(key, KEY_BYTES, text, strnlen(text, KEY_TEXT_CHARS + 1));
}

void
key_public(uint8_t public_key[static KEY_BYTES], const uint8_t secret[static KEY_BYTES])
{
	crypto_scalarmult_base(public_key, secret);
	sodium_stackzero(STACK_USED_BYTES);
}

uint8_t *
key_generate(void)
{
	uint8_t *secret = sodium_malloc(KEY_BYTES);

	if (secret != NULL)
		randombytes_buf(secret, KEY_BYTES);
	return secret;
}

void
key_secret_free(uint8_t *secret)
{
	sodium_free(secret);
}

/* A clause for people, or NULL where the file may be read. */
static const char *
objection(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "it is not a regular file";
	if (st->st_uid != geteuid())
		return "it belongs to another user";
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return "others than its owner have access to it (chmod 600 mends that)";
	return NULL;
}

/* Takes the line apart.  Its key's text goes from guarded memory to guarded memory. */
static bool
parse_line(uint8_t *secret, const char *line)
{
	bool good =
	    memcmp(line, LINE_PREFIX, LINE_PREFIX_BYTES) == 0 && line[LINE_BYTES - 1] == '\n' &&
	    base64url_decode(secret, KEY_BYTES, line + LINE_PREFIX_BYTES, KEY_TEXT_CHARS) == 0;

	sodium_stackzero(STACK_USED_BYTES);
	return good;
}

/* Reads one byte more than a line, to notice a file that grew. */
static int
read_secret(int fd, uint8_t *secret, char *line, const char **why)
{
	size_t got;
	int r = read_full(fd, line, LINE_BYTES + 1, &got);

	if (r != 0) {
		*why = error_text(r);
		return FTX_E_KEY_FILE;
	}
	if (got != LINE_BYTES || !parse_line(secret, line)) {
		*why = "it is not the one line of a secret key";
		return FTX_E_KEY_FILE;
	}
	return 0;
}

/* A descriptor of a file that may be trusted with a key, or a negative error. */
static int
open_checked(const char *path, const char **why)
{
	struct stat st;
	/* A FIFO would keep open() waiting without O_NONBLOCK. */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return FTX_E_NOT_FOUND;
	if (fd < 0) {
		*why =
		    errno == ELOOP ? "it is a symbolic link" : error_text(error_from_errno(errno));
		return FTX_E_KEY_FILE;
	}
	*why = fstat(fd, &st) != 0 ? error_text(error_from_errno(errno)) : objection(&st);
	if (*why != NULL) {
		close(fd);
		return FTX_E_KEY_FILE;
	}
	return fd;
}

int
keyfile_read(const char *path, uint8_t **secret, const char **why)
{
	int fd = open_checked(path, why);
	uint8_t *key;
	char *line;
	int r = FTX_E_NOMEM;

	if (fd < 0)
		return fd;
	key = sodium_malloc(KEY_BYTES);
	line = sodium_malloc(LINE_BYTES + 1);
	if (key != NULL && line != NULL)
		r = read_secret(fd, key, line, why);
	close(fd);
	sodium_free(line);
	if (r != 0) {
		sodium_free(key);
		return r;
	}
	*secret = key;
	return 0;
}

static int
write_line(int fd, const uint8_t secret[static KEY_BYTES])
{
	char line[LINE_BYTES + 1];
	int r;

	memcpy(line, LINE_PREFIX, LINE_PREFIX_BYTES);
	key_format(line + LINE_PREFIX_BYTES, secret);
	line[LINE_BYTES - 1] = '\n';
	r = fchmod(fd, 0600) == 0 ? 0 : error_from_errno(errno); /* whatever the umask took */
	if (r == 0)
		r = write_full(fd, line, LINE_BYTES);
	if (r == 0 && fsync(fd) != 0)
		r = error_from_errno(errno);
	sodium_memzero(line, sizeof(line));
	return r;
}

/* A new file with the line.  After an error it is not there. */
static int
write_temporary(const char *temporary, const uint8_t secret[static KEY_BYTES])
{
	int fd, r;

	/* Of a run that was killed. */
	if (unlink(temporary) != 0 && errno != ENOENT)
		return error_from_errno(errno);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_from_errno(errno);
	r = write_line(fd, secret);
	if (close(fd) != 0 && r == 0)
		r = error_from_errno(errno);
	if (r != 0)
		unlink(temporary);
	return r;
}

/* Gives the file its name, if nothing else has it.  0, or the error of errno. */
static int
publish(const char *temporary, const char *path)
{
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	/* Some file systems do not know the flag, others no links. */
	if (errno != EINVAL && errno != ENOSYS)
		return error_from_errno(errno);
	if (link(temporary, path) != 0)
		return error_from_errno(errno);
	unlink(temporary); /* one that stays is another name of the same */
	return 0;
}

int
keyfile_create(const char *path, const uint8_t secret[static KEY_BYTES])
{
	char parent[PATH_MAX], temporary[PATH_MAX + 32];
	struct stat st;
	int r;

	if (lstat(path, &st) == 0)
		return FTX_E_EXISTS;
	if ((r = directory_of(parent, path)) != 0 || (r = directory_make(parent, 0700)) != 0)
		return r;
	/* Whoever reads the file meanwhile finds the whole of it or none. */
	snprintf(temporary, sizeof(temporary), "%s/.ftx-key.%d", parent, (int)getpid());
	if ((r = write_temporary(temporary, secret)) != 0)
		return r;
	if ((r = publish(temporary, path)) != 0) {
		unlink(temporary);
		return r;
	}
	if ((r = directory_sync_path(parent)) != 0)
		unlink(path);
	return r;
}
