/*
 * DESIGN: bulk data is one read(2) a record and small records come many a read(2).  A read takes
 * the rest of the record it is in and READ_AHEAD_BYTES more, which bring the length of the next
 * one; what lies behind a record (at most READ_AHEAD_BYTES) is moved to the front before the next
 * read.
 */
#include "src/secure/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sodium.h>

#include "proto/errors.h"

#define READ_AHEAD_BYTES (16u * 1024u)
#define PAGE_BYTES	 4096u
#define WHOLE(n, unit)	 (((n) + (unit)-1) / (unit) * (unit))
#define IN_BYTES	 WHOLE(RECORD_MAX_BYTES + READ_AHEAD_BYTES, 64u)
#define BUFFER_BYTES	 WHOLE(RECORD_MAX_BYTES + IN_BYTES, PAGE_BYTES)

struct channel {
	struct record_state sealing, opening;
	int fd;
	int error;		    /* of receiving; it stays */
	size_t out_bytes, out_sent; /* of the sealed frame */
	size_t in_start, in_end;    /* received, not yet opened */
	uint8_t *out;		    /* BUFFER_BYTES, and a page that nobody may touch */
	uint8_t *in;		    /* the last IN_BYTES of them */
};

static int
set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Of the kernel, which clears what is given back: most of it may never be touched. */
static int
get_buffers(struct channel *ch)
{
	void *at = mmap(NULL, BUFFER_BYTES + PAGE_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return -1;
	ch->out = at;
	ch->in = ch->out + BUFFER_BYTES - IN_BYTES;
	return mprotect(ch->out + BUFFER_BYTES, PAGE_BYTES, PROT_NONE);
}

static void
release(struct channel *ch)
{
	if (ch->out != NULL)
		munmap(ch->out, BUFFER_BYTES + PAGE_BYTES);
	sodium_memzero(ch, sizeof(*ch));
	free(ch);
}

struct channel *
channel_new(int fd, const struct session_keys *keys, enum channel_role role)
{
	bool client = role == CHANNEL_CLIENT;
	struct channel *ch;

	if (set_nonblocking(fd) != 0)
		return NULL;
	ch = calloc(1, sizeof(*ch));
	if (ch == NULL)
		return NULL;
	if (get_buffers(ch) != 0) {
		release(ch);
		return NULL;
	}
	ch->fd = fd;
	record_init_bulk(&ch->sealing, keys->aead,
			 client ? keys->client_to_server : keys->server_to_client);
	record_init_bulk(&ch->opening, keys->aead,
			 client ? keys->server_to_client : keys->client_to_server);
	return ch;
}

void
channel_free(struct channel *ch)
{
	if (ch == NULL)
		return;
	close(ch->fd);
	record_release(&ch->sealing);
	record_release(&ch->opening);
	release(ch);
}

int
channel_fd(const struct channel *ch)
{
	return ch->fd;
}

uint8_t *
channel_plain(struct channel *ch)
{
	assert(channel_unsent(ch) == 0);
	return ch->out + RECORD_HEADER_BYTES;
}

void
channel_seal(struct channel *ch, size_t length)
{
	assert(channel_unsent(ch) == 0);
	ch->out_bytes = record_seal(&ch->sealing, ch->out, length);
	ch->out_sent = 0;
}

size_t
channel_unsent(const struct channel *ch)
{
	return ch->out_bytes - ch->out_sent;
}

void
channel_drop_unsent(struct channel *ch)
{
	ch->out_sent = ch->out_bytes;
}

static int
socket_error(int errnum)
{
	switch (errnum) {
	case ECONNRESET:
	case EPIPE:
		return FTX_E_CLOSED;
	case ETIMEDOUT:
		return FTX_E_TIMEOUT;
	default:
		return FTX_E_NETWORK;
	}
}

/* Bytes sent, 0 when the socket is full, or a negative error. */
static ssize_t
send_some(int fd, uint8_t *data, size_t length)
{
	struct iovec iov = {.iov_base = data, .iov_len = length};
	const struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? 0 : socket_error(errno);
}

int
channel_flush(struct channel *ch, size_t budget, size_t *sent)
{
	size_t want = channel_unsent(ch);
	ssize_t n = 0;

	if (sent != NULL)
		*sent = 0;
	if (want > budget)
		want = budget;
	if (want > 0)
		n = send_some(ch->fd, ch->out + ch->out_sent, want);
	if (n < 0)
		return (int)n;
	ch->out_sent += (size_t)n;
	if (sent != NULL)
		*sent = (size_t)n;
	return channel_unsent(ch) > 0 ? 1 : 0;
}

/* The whole size of the record at in_start; 0 before its header is here. */
static size_t
next_frame(const struct channel *ch, bool *bad)
{
	size_t frame;

	*bad = false;
	if (ch->in_end - ch->in_start < RECORD_HEADER_BYTES)
		return 0;
	frame = record_frame_bytes(ch->in + ch->in_start);
	*bad = frame == 0;
	return frame;
}

bool
channel_has_record(const struct channel *ch)
{
	bool bad;
	size_t frame = next_frame(ch, &bad);

	return ch->error != 0 || bad || (frame > 0 && ch->in_end - ch->in_start >= frame);
}

bool
channel_mid_record(const struct channel *ch)
{
	return ch->in_end > ch->in_start && !channel_has_record(ch);
}

/* Reads at most budget bytes behind what is here of a record of frame bytes (0: not yet known). */
static ssize_t
read_more(struct channel *ch, size_t frame, size_t budget)
{
	size_t here = ch->in_end - ch->in_start;
	size_t want = frame + READ_AHEAD_BYTES - here;
	ssize_t n;

	if (ch->in_start > 0) {
		memmove(ch->in, ch->in + ch->in_start, here);
		ch->in_start = 0;
		ch->in_end = here;
	}
	do
		n = read(ch->fd, ch->in + here, want < budget ? want : budget);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return FTX_E_CLOSED;
	if (n < 0)
		return errno == EAGAIN ? 0 : socket_error(errno);
	ch->in_end += (size_t)n;
	return n;
}

static int
open_record(struct channel *ch, size_t frame, uint8_t **plain, size_t *length)
{
	uint8_t *start = ch->in + ch->in_start;
	int r = record_open(&ch->opening, start, frame, length);

	if (r != 0)
		return r;
	*plain = start + RECORD_HEADER_BYTES;
	ch->in_start += frame;
	return 1;
}

/* 1 with a record, 0 without one, or a negative error; *received grows. */
static int
receive(struct channel *ch, size_t budget, uint8_t **plain, size_t *length, size_t *received)
{
	for (;;) {
		bool bad;
		size_t frame = next_frame(ch, &bad);
		ssize_t n;

		if (bad)
			return FTX_E_PROTOCOL;
		if (frame > 0 && ch->in_end - ch->in_start >= frame)
			return open_record(ch, frame, plain, length);
		if (*received == budget)
			return 0;
		n = read_more(ch, frame, budget - *received);
		if (n <= 0)
			return (int)n;
		*received += (size_t)n;
	}
}

int
channel_receive(struct channel *ch, size_t budget, uint8_t **plain, size_t *length,
		size_t *received)
{
	size_t taken = 0;
	int r = ch->error;

	if (r == 0)
		r = receive(ch, budget, plain, length, &taken);
	if (r < 0)
		ch->error = r;
	if (received != NULL)
		*received = taken;
	return r;
}
