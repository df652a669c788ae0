#include "cmd/ftxd/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cmd/ftxd/paths.h"
#include "proto/errors.h"
#include "src/base/directory.h"
#include "src/base/encoding.h"
#include "src/base/io.h"

enum { DIGITS = UPLOAD_NODE_BYTES - 1 };

/* The digits and a line's end, no more.  FTX_E_CONFIG: it is something else. */
static int
read_name(const char *path, char node[static UPLOAD_NODE_BYTES])
{
	char text[DIGITS + 2];
	size_t got;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), r;

	if (fd < 0)
		return error_from_errno(errno);
	r = pread_full(fd, text, sizeof(text), 0, &got);
	close(fd);
	if (r != 0)
		return r;
	if (got != DIGITS + 1 || text[DIGITS] != '\n')
		return FTX_E_CONFIG;
	text[DIGITS] = '\0';
	if (strspn(text, "0123456789abcdef") != DIGITS)
		return FTX_E_CONFIG;
	memcpy(node, text, DIGITS + 1);
	return 0;
}

static int
write_name(const char *path)
{
	uint8_t random[DIGITS / 2];
	char text[DIGITS + 1];
	int fd, r;

	if (getentropy(random, sizeof(random)) != 0)
		return error_from_errno(errno);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_from_errno(errno);
	hex_encode(text, random, sizeof(random));
	text[DIGITS] = '\n';
	r = pwrite_full(fd, text, sizeof(text), 0);
	if (r == 0 && fsync(fd) != 0)
		r = error_from_errno(errno);
	if (close(fd) != 0 && r == 0)
		r = error_from_errno(errno);
	return r;
}

/* Complete under another name before it is there: one that is cut short would stand in the way. */
static int
make_name(const char *state, const char *path)
{
	char *fresh = path_join(state, "node.new");
	int r = fresh != NULL ? directory_make(state, 0700) : FTX_E_NOMEM;

	if (r == 0)
		r = write_name(fresh);
	if (r == 0 && rename(fresh, path) != 0)
		r = error_from_errno(errno);
	if (r == 0)
		r = directory_sync_path(state);
	free(fresh);
	return r;
}

int
node_name(const char *state, char node[static UPLOAD_NODE_BYTES], const char **why)
{
	char *path = path_join(state, "node");
	int r = path != NULL ? read_name(path, node) : FTX_E_NOMEM;

	if (r == FTX_E_NOT_FOUND && (r = make_name(state, path)) == 0)
		r = read_name(path, node);
	free(path);
	if (r != 0)
		*why = r == FTX_E_CONFIG ? "it does not hold 16 hexadecimal digits" : error_text(r);
	return r;
}
