#include "src/server/state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"
#include "src/data/checksum.h"
#include "src/store/publish.h"
#include "src/store/resolve.h"

enum { HEAD_BYTES = 64, END_BYTES = 32, NAME_BYTES = 64 };

static int
open_directory(const char *directory, int *fd)
{
	*fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *fd >= 0 ? 0 : error_from_errno(errno);
}

static int
write_file(int fd, const char *name, const char *lines)
{
	char *text;
	int n = asprintf(&text, "ftxd %s 1\n%s", name, lines);
	char end[END_BYTES];
	int r;

	if (n < 0)
		return FTX_E_NOMEM;
	snprintf(end, sizeof(end), "end %016" PRIx64 "\n", check64(text, (size_t)n));
	if ((r = write_full(fd, text, (size_t)n)) == 0 &&
	    (r = write_full(fd, end, strlen(end))) == 0 && fsync(fd) != 0)
		r = error_from_errno(errno);
	free(text);
	return r;
}

int
state_write(const char *directory, const char *name, const char *lines)
{
	char temp[NAME_BYTES];
	int dir, fd, r = open_directory(directory, &dir);

	if (r != 0)
		return r;
	snprintf(temp, sizeof(temp), "%s.new", name);
	/* What a death left; nobody else writes here. */
	(void)unlinkat(dir, temp, 0);
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		r = error_from_errno(errno);
		close(dir);
		return r;
	}
	r = write_file(fd, name, lines);
	if (close(fd) != 0 && errno != EINTR && r == 0)
		r = error_from_errno(errno);
	if (r == 0 && (r = publish_over(dir, temp, dir, name)) == 0)
		r = directory_sync(dir);
	if (r != 0)
		(void)unlinkat(dir, temp, 0);
	close(dir);
	return r;
}

int
state_remove(const char *directory, const char *name)
{
	int dir, r = open_directory(directory, &dir);

	if (r != 0)
		return r == FTX_E_NOT_FOUND ? 0 : r;
	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		r = error_from_errno(errno);
	close(dir);
	return r;
}

/* The file as it is, terminated. */
static int
read_file(int fd, char **text, size_t *length)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) != 0)
		return error_from_errno(errno);
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 || st.st_size > STATE_BYTES_MAX)
		return FTX_E_MISMATCH;
	if ((*text = malloc((size_t)st.st_size + 1)) == NULL)
		return FTX_E_NOMEM;
	r = read_full(fd, *text, (size_t)st.st_size, length);
	(*text)[*length] = '\0';
	/* The end of the text is that of the file. */
	return r == 0 && strlen(*text) != *length ? FTX_E_MISMATCH : r;
}

/* The lines between head and end, in place. */
static int
check(const char *name, char *text, size_t length, char **lines)
{
	char head[HEAD_BYTES], end[END_BYTES];
	size_t head_length = (size_t)snprintf(head, sizeof(head), "ftxd %s 1\n", name);
	size_t end_length = sizeof("end 0123456789abcdef\n") - 1;

	if (length < head_length + end_length || strncmp(text, head, head_length) != 0)
		return FTX_E_MISMATCH;
	snprintf(end, sizeof(end), "end %016" PRIx64 "\n", check64(text, length - end_length));
	if (strcmp(text + length - end_length, end) != 0)
		return FTX_E_MISMATCH;
	text[length - end_length] = '\0';
	*lines = text + head_length;
	return 0;
}

int
state_read(const char *directory, const char *name, char **lines)
{
	char *text = NULL, *body;
	size_t length = 0;
	int dir, fd, r = open_directory(directory, &dir);

	*lines = NULL;
	if (r != 0)
		return r;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	r = fd >= 0 ? read_file(fd, &text, &length) : error_from_errno(errno);
	if (r == FTX_E_IS_LINK)
		r = FTX_E_MISMATCH;
	if (r == 0) {
		assert(text != NULL);
		r = check(name, text, length, &body);
	}
	if (r == 0) {
		memmove(text, body, strlen(body) + 1);
		*lines = text;
	} else {
		free(text);
	}
	if (fd >= 0)
		close(fd);
	close(dir);
	return r;
}

char *
state_next_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return line;
}
