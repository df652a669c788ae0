/*
 * The list is a row of bytes: each record with its length in front, to go forward, and behind it,
 * to go backward.  The first `stored` bytes are in the file, the rest in memory; a record is never
 * in both, for the memory is written out whole before a record that does not fit in.
 */
#include "src/client/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"

#define LENGTH_BYTES sizeof(uint32_t)
#define FRAME_BYTES  (2 * LENGTH_BYTES)
/* The largest record fits. */
#define WINDOW_BYTES (SPOOL_RECORD_BYTES + FRAME_BYTES)

struct spool {
	int fd; /* -1 as long as all is in memory */
	unsigned readers;
	uint64_t count, bytes;
	uint64_t stored;
	size_t buffered;
	uint8_t buffer[WINDOW_BYTES];
};

struct spool_reader {
	struct spool *spool;
	enum spool_order order;
	uint64_t at;	/* the border between what was read and what was not */
	uint64_t begin; /* of the file, window[0..length) is from here */
	size_t length;
	uint8_t window[WINDOW_BYTES];
};

struct spool *
spool_new(void)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->fd = -1;
	return s;
}

void
spool_free(struct spool *s)
{
	if (s == NULL)
		return;
	assert(s->readers == 0);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

/* A temporary file without a name; errno of the failure. */
static int
open_nameless(const char *directory)
{
	char path[PATH_MAX];
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* Not all file systems know O_TMPFILE, and they say so in several ways. */
	if ((size_t)snprintf(path, sizeof(path), "%s/ftx-XXXXXX", directory) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int
write_out(struct spool *s)
{
	const char *directory = getenv("TMPDIR");
	int r;

	if (s->fd < 0)
		s->fd = open_nameless(directory != NULL && *directory != '\0' ? directory : "/tmp");
	if (s->fd < 0)
		return error_from_errno(errno);
	r = pwrite_full(s->fd, s->buffer, s->buffered, s->stored);
	if (r != 0)
		return r;
	s->stored += s->buffered;
	s->buffered = 0;
	return 0;
}

static void
put(struct spool *s, const void *data, size_t length)
{
	if (length > 0)
		memcpy(s->buffer + s->buffered, data, length);
	s->buffered += length;
}

int
spool_append(struct spool *s, const void *record, size_t length)
{
	uint32_t frame = (uint32_t)length;
	int r;

	assert(length <= SPOOL_RECORD_BYTES && s->readers == 0);
	if (s->buffered + length + FRAME_BYTES > sizeof(s->buffer)) {
		r = write_out(s);
		if (r != 0)
			return r;
	}
	put(s, &frame, sizeof(frame));
	put(s, record, length);
	put(s, &frame, sizeof(frame));
	s->count++;
	s->bytes += length;
	return 0;
}

uint64_t
spool_count(const struct spool *s)
{
	return s->count;
}

uint64_t
spool_bytes(const struct spool *s)
{
	return s->bytes;
}

struct spool_reader *
spool_reader_new(struct spool *s, enum spool_order order)
{
	struct spool_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->spool = s;
	r->order = order;
	r->at = order == SPOOL_FORWARD ? 0 : s->stored + s->buffered;
	s->readers++;
	return r;
}

void
spool_reader_free(struct spool_reader *r)
{
	if (r == NULL)
		return;
	r->spool->readers--;
	free(r);
}

/* Fills the window with what lies around [begin, end) of the file, in the direction of reading. */
static int
load(struct spool_reader *r, uint64_t begin, uint64_t end)
{
	size_t got;
	int error;

	if (r->order == SPOOL_BACKWARD)
		begin = end > sizeof(r->window) ? end - sizeof(r->window) : 0;
	else if (r->spool->stored - begin > sizeof(r->window))
		end = begin + sizeof(r->window);
	else
		end = r->spool->stored;
	r->length = 0;
	error = pread_full(r->spool->fd, r->window, (size_t)(end - begin), begin, &got);
	if (error != 0)
		return error;
	if (got != end - begin) {
		errno = EIO;
		return FTX_E_IO;
	}
	r->begin = begin;
	r->length = got;
	return 0;
}

/*
 * Points *bytes at [begin, begin + length) of the list, at most a window.  FTX_E_IO where that is
 * not inside the part, file or memory, that begin lies in.
 */
static int
fetch(struct spool_reader *r, uint64_t begin, size_t length, const uint8_t **bytes)
{
	const struct spool *s = r->spool;
	uint64_t end = begin + length;
	bool in_memory = begin >= s->stored;

	if (end > (in_memory ? s->stored + s->buffered : s->stored)) {
		errno = EIO;
		return FTX_E_IO;
	}
	if (in_memory) {
		*bytes = s->buffer + (begin - s->stored);
		return 0;
	}
	if (begin < r->begin || end > r->begin + r->length) {
		int error = load(r, begin, end);

		if (error != 0)
			return error;
	}
	*bytes = r->window + (begin - r->begin);
	return 0;
}

/* The length of the next record, from the frame at the border. */
static int
fetch_length(struct spool_reader *r, uint32_t *length)
{
	uint64_t total = r->spool->stored + r->spool->buffered;
	uint64_t left = r->order == SPOOL_FORWARD ? total - r->at : r->at;
	uint64_t begin = r->order == SPOOL_FORWARD ? r->at : r->at - LENGTH_BYTES;
	const uint8_t *bytes;
	int error;

	if (left < FRAME_BYTES) {
		errno = EIO;
		return FTX_E_IO;
	}
	error = fetch(r, begin, LENGTH_BYTES, &bytes);
	if (error != 0)
		return error;
	memcpy(length, bytes, LENGTH_BYTES);
	if (*length > SPOOL_RECORD_BYTES || *length > left - FRAME_BYTES) {
		errno = EIO;
		return FTX_E_IO;
	}
	return 0;
}

int
spool_read(struct spool_reader *r, const void **record, size_t *length)
{
	uint64_t end = r->order == SPOOL_FORWARD ? r->spool->stored + r->spool->buffered : 0;
	const uint8_t *bytes;
	uint32_t n;
	size_t whole;
	uint64_t begin;
	int error;

	*record = NULL;
	*length = 0;
	if (r->at == end)
		return 0;
	error = fetch_length(r, &n);
	if (error != 0)
		return error;
	whole = n + FRAME_BYTES;
	begin = r->order == SPOOL_FORWARD ? r->at : r->at - whole;
	error = fetch(r, begin, whole, &bytes);
	if (error != 0)
		return error;
	/* The frames at both ends say the same. */
	if (memcmp(bytes, bytes + whole - LENGTH_BYTES, LENGTH_BYTES) != 0 ||
	    memcmp(bytes, &n, LENGTH_BYTES) != 0) {
		errno = EIO;
		return FTX_E_IO;
	}
	r->at = r->order == SPOOL_FORWARD ? begin + whole : begin;
	*record = bytes + LENGTH_BYTES;
	*length = n;
	return 0;
}
