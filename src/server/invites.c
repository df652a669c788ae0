#include "src/server/invites.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/base/encoding.h"
#include "src/base/ini.h"
#include "src/base/io.h"
#include "src/secure/keyfile.h"
#include "src/server/config.h"

#define DIRECTORY  "invites"
#define LINE_BEGIN "ftx-invite "
#define ID_CHARS   (2 * HANDSHAKE_INVITE_ID_BYTES)
#define LINE_BYTES 256u /* more than any has */

/* More than decoding a key takes of the stack. */
#define STACK_USED_BYTES 4096u

_Static_assert(sizeof(LINE_BEGIN) + 2 * KEY_TEXT_CHARS + LIMIT_SHARE_BYTES + 24 < LINE_BYTES,
	       "there is room for the longest line");

void
invite_wipe(struct invite *invite)
{
	sodium_memzero(invite, sizeof(*invite));
}

int
invites_open(int *state, const char *path)
{
	*state = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *state >= 0 ? 0 : error_from_errno(errno);
}

/* A directory of ours, made where it is missing and make is set.  The descriptor, or an error. */
static int
open_below(int state, const char *name, bool make)
{
	struct stat st;
	int dir;

	if (make && mkdirat(state, name, 0700) != 0 && errno != EEXIST)
		return error_from_errno(errno);
	dir = openat(state, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return error_from_errno(errno);
	if (fstat(dir, &st) == 0 && st.st_uid == geteuid() &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 && (!make || fsync(state) == 0))
		return dir;
	close(dir);
	return FTX_E_KEY_FILE;
}

/* The whole file, terminated; it is ours alone.  0 or an error. */
static int
read_line(int dir, const char *name, char line[static LINE_BYTES])
{
	struct stat st;
	size_t length = 0;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0)
		return errno == ELOOP ? FTX_E_KEY_FILE : error_from_errno(errno);
	if (fstat(fd, &st) != 0)
		r = error_from_errno(errno);
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		 (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		r = FTX_E_KEY_FILE;
	else
		r = read_full(fd, line, LINE_BYTES - 1, &length);
	close(fd);
	if (r == 0 && (length == LINE_BYTES - 1 || memchr(line, '\0', length) != NULL))
		r = FTX_E_KEY_FILE;
	line[length] = '\0';
	return r;
}

/* 43 characters, and what stands behind them; NULL: they are no key. */
static const char *
take_key(uint8_t key[static KEY_BYTES], const char *text)
{
	if (strnlen(text, KEY_TEXT_CHARS) < KEY_TEXT_CHARS ||
	    base64url_decode(key, KEY_BYTES, text, KEY_TEXT_CHARS) != 0)
		return NULL;
	return text + KEY_TEXT_CHARS;
}

static int
parse_line(struct invite *out, const char *line)
{
	const char *at = line + strlen(LINE_BEGIN);
	char *end;
	size_t length;

	if (strncmp(line, LINE_BEGIN, strlen(LINE_BEGIN)) != 0 ||
	    (at = take_key(out->proof.psk, at)) == NULL || at[0] != ' ' || at[1] < '0' ||
	    at[1] > '9')
		return FTX_E_KEY_FILE;
	errno = 0;
	out->expires_s = strtoll(at + 1, &end, 10);
	if (errno != 0 || *end != ' ')
		return FTX_E_KEY_FILE;
	at = end + 1;
	length = strcspn(at, " \n");
	if (!ini_name_ok(at, length))
		return FTX_E_KEY_FILE;
	memcpy(out->client, at, length);
	out->client[length] = '\0';
	at += length;
	out->used = *at == ' ';
	if (out->used && (at = take_key(out->key, at + 1)) == NULL)
		return FTX_E_KEY_FILE;
	return strcmp(at, "\n") == 0 ? 0 : FTX_E_KEY_FILE;
}

/* name: hexadecimal */
static int
read_invite(int dir, const char *name, struct invite *out)
{
	char line[LINE_BYTES];
	int r;

	*out = (struct invite){0};
	r = hex_decode(out->proof.id, sizeof(out->proof.id), name) == 0 ? 0 : FTX_E_NOT_FOUND;
	if (r == 0)
		r = read_line(dir, name, line);
	if (r == 0)
		r = parse_line(out, line);
	sodium_memzero(line, sizeof(line));
	sodium_stackzero(STACK_USED_BYTES);
	if (r != 0)
		invite_wipe(out);
	return r;
}

int
invites_read(int state, const uint8_t id[static HANDSHAKE_INVITE_ID_BYTES], struct invite *out)
{
	char name[ID_CHARS + 1];
	int dir = open_below(state, DIRECTORY, false);
	int r;

	if (dir < 0)
		return dir;
	hex_encode(name, id, HANDSHAKE_INVITE_ID_BYTES);
	r = read_invite(dir, name, out);
	close(dir);
	return r;
}

/* A file of this name with a dot before it, complete and synced. */
static int
write_temporary(int dir, const char *temporary, const char *text)
{
	int fd;
	int r;

	/* Of a run that was killed. */
	if (unlinkat(dir, temporary, 0) != 0 && errno != ENOENT)
		return error_from_errno(errno);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_from_errno(errno);
	r = write_full(fd, text, strlen(text));
	if (r == 0 && (fchmod(fd, 0600) != 0 || fsync(fd) != 0))
		r = error_from_errno(errno);
	if (close(fd) != 0 && r == 0)
		r = error_from_errno(errno);
	if (r != 0)
		unlinkat(dir, temporary, 0);
	return r;
}

/* Gives the file its name, in place of another one or only where there is none. */
static int
write_file(int dir, const char *name, const char *text, bool replace)
{
	char temporary[NAME_MAX + 1];
	int r;

	/* Of this process: another daemon may be at it too. */
	snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
	if ((r = write_temporary(dir, temporary, text)) != 0)
		return r;
	if (replace)
		r = renameat(dir, temporary, dir, name);
	else
		r = linkat(dir, temporary, dir, name, 0);
	r = r == 0 ? 0 : error_from_errno(errno);
	if (r != 0 || !replace)
		unlinkat(dir, temporary, 0);
	if (r == 0 && fsync(dir) != 0)
		r = error_from_errno(errno);
	return r;
}

int
invites_write(int state, const struct invite *invite)
{
	char name[ID_CHARS + 1], line[LINE_BYTES];
	char psk[KEY_TEXT_CHARS + 1], key[KEY_TEXT_CHARS + 1] = "";
	int dir = open_below(state, DIRECTORY, true);
	int r;

	if (dir < 0)
		return dir;
	hex_encode(name, invite->proof.id, sizeof(invite->proof.id));
	key_format(psk, invite->proof.psk);
	if (invite->used)
		key_format(key, invite->key);
	snprintf(line, sizeof(line), LINE_BEGIN "%s %" PRId64 " %s%s%s\n", psk, invite->expires_s,
		 invite->client, invite->used ? " " : "", key);
	r = write_file(dir, name, line, true);
	close(dir);
	sodium_memzero(line, sizeof(line));
	sodium_memzero(psk, sizeof(psk));
	sodium_stackzero(STACK_USED_BYTES);
	return r;
}

int
invites_mark_used(int state, const uint8_t id[static HANDSHAKE_INVITE_ID_BYTES],
		  const uint8_t key[static KEY_BYTES])
{
	struct invite invite;
	int r = invites_read(state, id, &invite);

	if (r != 0)
		return r;
	invite.used = true;
	memcpy(invite.key, key, sizeof(invite.key));
	r = invites_write(state, &invite);
	invite_wipe(&invite);
	return r;
}

/*
 * Is this file of the directory one to be removed?  What is no invite is; what cannot be read now,
 * for want of a descriptor say, stays.
 */
static bool
is_over(int dir, const char *name, const char *client, int64_t now_s)
{
	struct invite invite;
	int r = read_invite(dir, name, &invite);
	bool over = r == FTX_E_KEY_FILE || r == FTX_E_NOT_FOUND;

	if (r == 0)
		over = now_s - invite.expires_s > INVITES_KEPT_S ||
		       (client != NULL && strcmp(invite.client, client) == 0);
	invite_wipe(&invite);
	return over;
}

/* Did a run that was killed leave it before it had its name?  It is as secret as a whole one. */
static bool
is_left_over(int dir, const char *name, int64_t now_s)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       now_s - st.st_mtime > INVITES_KEPT_S;
}

/* 0, or the error of errno; that it is gone already is fine. */
static int
remove_file(int dir, const char *name)
{
	return unlinkat(dir, name, 0) == 0 || errno == ENOENT ? 0 : error_from_errno(errno);
}

static int
sweep(DIR *stream, const char *client, int64_t now_s, unsigned *count)
{
	const struct dirent *entry;
	unsigned seen = 0;

	while ((errno = 0, entry = readdir(stream)) != NULL) {
		const char *name = entry->d_name;
		bool complete = name[0] != '.';
		bool over;
		int r;

		if (complete && ++seen > 2 * INVITES_MOST)
			return FTX_E_TOO_LARGE;
		over = complete ? is_over(dirfd(stream), name, client, now_s)
				: is_left_over(dirfd(stream), name, now_s);
		if (over && (r = remove_file(dirfd(stream), name)) != 0)
			return r;
		if (complete && !over)
			++*count;
	}
	if (errno != 0 || fsync(dirfd(stream)) != 0)
		return error_from_errno(errno);
	return 0;
}

int
invites_sweep(int state, const char *client, int64_t now_s, unsigned *count)
{
	int dir = open_below(state, DIRECTORY, false);
	DIR *stream;
	int r;

	*count = 0;
	if (dir < 0)
		return dir == FTX_E_NOT_FOUND ? 0 : dir;
	if ((stream = fdopendir(dir)) == NULL) {
		r = error_from_errno(errno);
		close(dir);
		return r;
	}
	r = sweep(stream, client, now_s, count);
	closedir(stream);
	return r;
}

static void
key_file_name(char out[static NAME_MAX + 1], const char *client)
{
	snprintf(out, NAME_MAX + 1, "%s" CONFIG_CLIENT_END, client);
}

int
invites_enter_key(int state, const char *client, const uint8_t key[static KEY_BYTES])
{
	char name[NAME_MAX + 1], text[LINE_BYTES], public_key[KEY_TEXT_CHARS + 1];
	int dir = open_below(state, CONFIG_CLIENTS_DIR, true);
	int r;

	if (dir < 0)
		return dir;
	key_file_name(name, client);
	key_format(public_key, key);
	snprintf(text, sizeof(text), "[client %s]\nkey = %s\n", client, public_key);
	r = write_file(dir, name, text, false);
	close(dir);
	return r;
}

int
invites_has_key(int state, const char *client, bool *has)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int dir = open_below(state, CONFIG_CLIENTS_DIR, false);
	int r = 0;

	*has = false;
	if (dir < 0)
		return dir == FTX_E_NOT_FOUND ? 0 : dir;
	key_file_name(name, client);
	*has = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!*has && errno != ENOENT)
		r = error_from_errno(errno);
	close(dir);
	return r;
}

int
invites_remove_key(int state, const char *client)
{
	char name[NAME_MAX + 1];
	int dir = open_below(state, CONFIG_CLIENTS_DIR, false);
	int r = 0;

	if (dir < 0)
		return dir == FTX_E_NOT_FOUND ? 0 : dir;
	key_file_name(name, client);
	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		r = error_from_errno(errno);
	else if (fsync(dir) != 0)
		r = error_from_errno(errno);
	close(dir);
	return r;
}
