/* T35: what a hostile server may answer to a get. */
#include "src/client/get.h"
#include "tests/unit/client_peer.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

#define SIZE (LIMIT_BLOCK_BYTES + 1000u) /* a block and a short one */

static uint8_t
content_byte(uint64_t offset)
{
	return (uint8_t)(offset * 7 + offset / 251);
}

static struct identity
remote_identity(void)
{
	return (struct identity){.size = SIZE, .mtime_s = 1000, .inode = 5, .ctime_s = 1000};
}

static void
answer_stat(struct peer *p)
{
	struct message m = {.type = MESSAGE_ENTRY};

	m.entry.attributes.identity = remote_identity();
	m.entry.attributes.metadata =
	    (struct metadata){.type = ENTRY_FILE, .mode = 0640, .mtime_s = 1000};
	peer_send(p, &m);
}

static struct message
data(uint64_t offset, uint32_t length)
{
	static uint8_t bytes[LIMIT_CHUNK_BYTES];
	struct message m = {.type = MESSAGE_DATA};
	struct digest digest;

	for (uint32_t i = 0; i < length; i++)
		bytes[i] = content_byte(offset + i);
	digest = digest_of(bytes, length);
	m.data.offset = offset;
	m.data.raw_length = length;
	memcpy(m.data.digest, digest.bytes, sizeof(m.data.digest));
	m.data.data = (struct span){bytes, length};
	return m;
}

/* Chunks of this range as an honest server sends them. */
static void
send_range(struct peer *p, uint64_t from, uint64_t to)
{
	while (from < to) {
		uint64_t length = LIMIT_CHUNK_BYTES - from % LIMIT_CHUNK_BYTES;
		struct message m;

		if (length > to - from)
			length = to - from;
		m = data(from, (uint32_t)length);
		if (!peer_send(p, &m))
			return;
		from += length;
	}
}

static void
send_done(struct peer *p)
{
	struct message m = {.type = MESSAGE_DONE};

	m.done.identity = remote_identity();
	peer_send(p, &m);
}

enum lie {
	HONEST,
	WRONG_OFFSET,
	GAP,
	DOUBLE,
	OVER_BLOCK_END,
	OVER_FILE_END,
	MORE_THAN_ASKED,
	EMPTY,
	DONE_EARLY,
	RAW_OF_OTHER_LENGTH,
	JUNK_COMPRESSED,
	WRONG_DIGEST,
	OTHER_IDENTITY,
	LIES
};

static void
lie(struct peer *p, enum lie how)
{
	struct message m = data(0, LIMIT_CHUNK_BYTES);

	switch (how) {
	case HONEST:
		break;
	case WRONG_OFFSET:
		m.data.offset = 1;
		break;
	case GAP:
		m.data.offset = LIMIT_BLOCK_BYTES;
		break;
	case DOUBLE:
		peer_send(p, &m);
		break;
	case OVER_BLOCK_END:
		send_range(p, 0, LIMIT_BLOCK_BYTES - 500);
		m = data(LIMIT_BLOCK_BYTES - 500, 1000);
		break;
	case OVER_FILE_END:
		send_range(p, 0, LIMIT_BLOCK_BYTES);
		m = data(LIMIT_BLOCK_BYTES, 1001);
		break;
	case MORE_THAN_ASKED:
		send_range(p, 0, SIZE);
		m = data(SIZE, 1);
		break;
	case EMPTY:
		m = data(0, 0);
		break;
	case DONE_EARLY:
		peer_send(p, &m);
		send_done(p);
		return;
	case RAW_OF_OTHER_LENGTH:
		m.data.raw_length--;
		break;
	case JUNK_COMPRESSED:
		m.data.codec = CODEC_ZSTD;
		m.data.data.length = 100;
		break;
	case WRONG_DIGEST:
		m.data.digest[3] ^= 1;
		break;
	case OTHER_IDENTITY:
		send_range(p, 0, SIZE);
		m = (struct message){.type = MESSAGE_DONE};
		m.done.identity = remote_identity();
		m.done.identity.mtime_ns++;
		break;
	case LIES:
		abort();
	}
	peer_send(p, &m);
}

static void
serve(struct peer *p)
{
	while (peer_receive(p)) {
		if (p->message.type == MESSAGE_STAT) {
			answer_stat(p);
		} else if (p->message.type == MESSAGE_READ) {
			if (p->step != HONEST) {
				lie(p, (enum lie)p->step);
				continue;
			}
			for (uint32_t i = 0; i < p->message.read.ranges.count; i++) {
				const struct range *r = &p->message.read.ranges.items[i];

				send_range(p, r->offset, r->offset + r->length);
			}
			send_done(p);
		}
	}
}

static bool
content_is_right(const char *path)
{
	static uint8_t bytes[SIZE + 1];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof(bytes));

	close(fd);
	if (n != SIZE)
		return false;
	for (uint64_t i = 0; i < SIZE; i++)
		if (bytes[i] != content_byte(i))
			return false;
	return true;
}

static int
get_from(struct rig *rig, enum lie how)
{
	rig_start(rig, TRANSFER_GET, serve);
	rig->peer.step = (int)how; /* before the first request */
	return get_file(rig->stream, "s/f", rig->path);
}

Test(client_get, takes_what_it_asked_for)
{
	struct rig rig;
	struct stat st;

	cr_assert(get_from(&rig, HONEST) == 0, "%s", rig.stream->problem.text);
	cr_expect(content_is_right(rig.path));
	cr_expect(stat(rig.path, &st) == 0 && st.st_mtim.tv_sec == 1000 &&
		  (st.st_mode & 0777) == 0640);
	cr_expect(rig.stream->event.file.bytes_sent == SIZE);
	/* and once more: it is there already */
	memset(&rig.stream->event, 0, sizeof(rig.stream->event));
	cr_expect(get_file(rig.stream, "s/f", rig.path) == 0);
	cr_expect(rig.stream->event.file.status == STATUS_SAME);
	cr_expect(rig.stream->event.file.bytes_sent == 0);
	rig_end(&rig);
}

Test(client_get, T35_answers_out_of_order_or_bounds_end_the_connection)
{
	for (enum lie how = WRONG_OFFSET; how < WRONG_DIGEST; how++) {
		struct rig rig;
		int r = get_from(&rig, how);

		cr_expect(r == FTX_E_PROTOCOL, "lie %u: %s", (unsigned)how, error_name(r));
		cr_expect(connection_error(rig.stream->connection) == FTX_E_PROTOCOL, "lie %u",
			  (unsigned)how);
		cr_expect(access(rig.path, F_OK) != 0, "lie %u", (unsigned)how);
		rig_end(&rig);
	}
}

/* The second try needs a new connection, and here is none. */
Test(client_get, T25_a_wrong_digest_or_a_changed_file_is_never_published)
{
	struct rig rig;

	cr_expect(get_from(&rig, WRONG_DIGEST) == FTX_E_NETWORK);
	cr_expect(access(rig.path, F_OK) != 0);
	cr_expect(rig.stream->connection == NULL);
	rig_end(&rig);

	cr_expect(get_from(&rig, OTHER_IDENTITY) == FTX_E_CHANGED);
	cr_expect(access(rig.path, F_OK) != 0);
	cr_expect(!rig.stream->event.file.resumable);
	rig_end(&rig);
}

/* READs only what is missing, in order. */
static void
serve_half(struct peer *p)
{
	while (peer_receive(p)) {
		if (p->message.type == MESSAGE_STAT)
			answer_stat(p);
		else if (p->message.type == MESSAGE_READ) {
			send_range(p, 0, LIMIT_BLOCK_BYTES);
			send_range(p, LIMIT_BLOCK_BYTES, LIMIT_BLOCK_BYTES + 10);
			return;
		}
	}
}

static void
serve_rest(struct peer *p)
{
	while (peer_receive(p)) {
		if (p->message.type == MESSAGE_STAT) {
			answer_stat(p);
		} else if (p->message.type == MESSAGE_READ) {
			const struct range *r = p->message.read.ranges.items;

			if (p->message.read.ranges.count != 1 || r->offset != LIMIT_BLOCK_BYTES ||
			    r->length != SIZE - LIMIT_BLOCK_BYTES)
				return;
			send_range(p, LIMIT_BLOCK_BYTES, SIZE);
			send_done(p);
		}
	}
}

Test(client_get, a_second_run_asks_only_for_what_is_missing)
{
	struct rig first, second;

	rig_start(&first, TRANSFER_GET, serve_half);
	cr_expect(get_file(first.stream, "s/f", first.path) == FTX_E_CLOSED);
	cr_expect(first.stream->event.file.resumable);
	cr_expect(strstr(first.stream->problem.hint, first.directory) != NULL);

	rig_start(&second, TRANSFER_GET, serve_rest);
	cr_expect(get_file(second.stream, "s/f", first.path) == 0, "%s",
		  second.stream->problem.text);
	cr_expect(content_is_right(first.path));
	cr_expect(second.stream->event.file.bytes_resumed == LIMIT_BLOCK_BYTES);
	cr_expect(second.stream->event.file.bytes_sent == SIZE - LIMIT_BLOCK_BYTES);
	rig_end(&second);
	rig_end(&first);
}
