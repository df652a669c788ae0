/* T35: what a hostile server may answer when a big file is read. */
#include "tests/unit/client_served.h"

#include "tests/harness/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

#define SIZE (LIMIT_BLOCK_BYTES + 1000u) /* a block and a short one */

static const struct served_entry entries[] = {
    {.path = "", .type = ENTRY_DIRECTORY},
    {.path = "f", .type = ENTRY_FILE, .size = SIZE},
};

static struct rig rig;
static struct served served;

static void
start(struct rig *r, struct served *v, bool (*hook)(struct served *v, struct peer *p))
{
	*v = (struct served){.entries = entries, .count = 2, .hook = hook};
	rig_start(r);
	rig_stream(r, served_serve, v);
	served_push(r, v);
}

static int
get(bool (*hook)(struct served *v, struct peer *p))
{
	rig_init(&rig, TRANSFER_GET);
	start(&rig, &served, hook);
	return rig_run(&rig);
}

Test(client_get_big, takes_what_it_asked_for)
{
	struct stat st;

	cr_expect(get(NULL) == 0);
	cr_expect(rig_has(&rig, "f", "f", SIZE));
	cr_expect(fstatat(rig.dir, "f", &st, 0) == 0 && st.st_mtim.tv_sec == 1001 &&
		  (st.st_mode & 0777) == 0640);
	cr_expect(rig_said(&rig, "f")->bytes_sent == SIZE && rig_said(&rig, "f")->has_digest);
	cr_expect(rig.run.bytes == SIZE && rig.run.bytes_total == SIZE);
	cr_expect(served.reads == 1 && served.fetches == 0);
	rig_streams_end(&rig);
	cr_expect_str_eq(rig_names(&rig), "f");
	rig_end(&rig);
}

/* And once more: it is there already. */
Test(client_get_big, what_is_there_is_not_asked_for)
{
	struct served again;
	static struct rig second;

	cr_expect(get(NULL) == 0);
	rig_init_again(&second, &rig);
	start(&second, &again, NULL);
	cr_expect(rig_run(&second) == 0);
	cr_expect(again.reads == 0 && rig_said(&second, "f")->status == STATUS_SAME);
	cr_expect(rig_said(&second, "f")->bytes_sent == 0);
	cr_expect(second.run.bytes_present == SIZE);
	rig_end(&second);
	rig_end(&rig);
}

enum lie {
	WRONG_OFFSET,
	GAP,
	DOUBLE,
	OVER_BLOCK_END,
	OVER_FILE_END,
	MORE_THAN_ASKED,
	EMPTY,
	DONE_EARLY,
	DONE_AT_ONCE,
	RAW_OF_OTHER_LENGTH,
	JUNK_COMPRESSED,
	HOLE_AT_OFFSET,
	HOLE_OVER_FILE_END,
	HOLE_EMPTY,
	HOLE_HUGE,
	HOLE_AFTER_ALL,
	PACK_INSTEAD,
	LIES
};

static struct message
hole(uint64_t offset, uint64_t length)
{
	struct message m = {.type = MESSAGE_DATA_HOLE};

	m.data_hole.offset = offset;
	m.data_hole.length = length;
	return m;
}

static void
lie(struct peer *p, enum lie how)
{
	struct message m = served_chunk("f", 0, LIMIT_CHUNK_BYTES);

	switch (how) {
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
		served_range(p, "f", 0, LIMIT_BLOCK_BYTES - 500);
		m = served_chunk("f", LIMIT_BLOCK_BYTES - 500, 1000);
		break;
	case OVER_FILE_END:
		served_range(p, "f", 0, LIMIT_BLOCK_BYTES);
		m = served_chunk("f", LIMIT_BLOCK_BYTES, 1001);
		break;
	case MORE_THAN_ASKED:
		served_range(p, "f", 0, SIZE);
		m = served_chunk("f", SIZE, 1);
		break;
	case EMPTY:
		m = served_chunk("f", 0, 0);
		break;
	case DONE_EARLY:
		peer_send(p, &m);
		served_done(p, served_identity(&served, 1));
		return;
	case DONE_AT_ONCE:
		served_done(p, served_identity(&served, 1));
		return;
	case RAW_OF_OTHER_LENGTH:
		m.data.raw_length--;
		break;
	case JUNK_COMPRESSED:
		m.data.codec = CODEC_ZSTD;
		m.data.data.length = 100;
		break;
	case HOLE_AT_OFFSET:
		m = hole(LIMIT_BLOCK_BYTES, 1000);
		break;
	case HOLE_OVER_FILE_END:
		m = hole(0, SIZE + 1);
		break;
	case HOLE_EMPTY:
		m = hole(0, 0);
		break;
	case HOLE_HUGE:
		peer_send(p, &m);
		m = hole(LIMIT_CHUNK_BYTES, LIMIT_FILE_BYTES);
		break;
	case HOLE_AFTER_ALL:
		served_range(p, "f", 0, SIZE);
		m = hole(SIZE, 1);
		break;
	case PACK_INSTEAD:
		m = (struct message){.type = MESSAGE_DATA_PACK};
		break;
	case LIES:
		abort();
	}
	peer_send(p, &m);
}

static enum lie telling;

static bool
tell(struct served *v, struct peer *p)
{
	(void)v;
	if (p->message.type != MESSAGE_READ)
		return false;
	lie(p, telling);
	peer_linger(p);
	return true;
}

Test(client_get_big, T35_answers_out_of_order_or_bounds_end_the_connection)
{
	for (telling = 0; telling < LIES; telling++) {
		int r = get(tell);

		cr_expect(r == FTX_E_PROTOCOL, "lie %u: %s", telling, error_name(r));
		cr_expect(!rig_exists(&rig, "f"), "lie %u", telling);
		rig_end(&rig);
	}
}

/* Holes are zeros, wherever they are. */
static bool
say_holes(struct served *v, struct peer *p)
{
	struct message m = hole(1000, LIMIT_BLOCK_BYTES);

	if (p->message.type != MESSAGE_READ)
		return false;
	served_range(p, "f", 0, 1000);
	peer_send(p, &m);
	served_done(p, served_identity(v, 1));
	return true;
}

Test(client_get_big, holes_are_zeros)
{
	uint8_t bytes[2000];
	int fd;

	cr_expect(get(say_holes) == 0);
	fd = openat(rig.dir, "f", O_RDONLY);
	cr_expect(pread(fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes));
	for (unsigned i = 0; i < sizeof(bytes); i++)
		cr_assert(bytes[i] == (i < 1000 ? rig_byte("f", i) : 0));
	cr_expect(lseek(fd, 0, SEEK_END) == SIZE);
	close(fd);
	rig_end(&rig);
}

/* One chunk wrong so many times; it is asked anew what the file is. */
static bool
rot(struct served *v, struct peer *p)
{
	struct message m;

	if (p->message.type != MESSAGE_READ || v->done++ >= (unsigned)telling)
		return false;
	m = served_chunk("f", p->message.read.ranges.items[0].offset, 1000);
	m.data.digest[3] ^= 1;
	peer_send(p, &m);
	served_range(p, "f", m.data.offset + 1000,
		     p->message.read.ranges.items[0].offset +
			 p->message.read.ranges.items[0].length);
	served_done(p, served_identity(v, 1));
	return true;
}

Test(client_get_big, T25_a_chunk_that_came_wrong_once_is_asked_for_again)
{
	telling = 1;
	cr_expect(get(rot) == 0);
	cr_expect(rig_has(&rig, "f", "f", SIZE) && served.reads == 2 && served.stats == 1);
	cr_expect(rig_said(&rig, "f")->status == STATUS_DONE);
	rig_end(&rig);
}

Test(client_get_big, T25_a_chunk_that_came_wrong_twice_is_never_published)
{
	telling = 9;
	cr_expect(get(rot) == 0);
	cr_expect(!rig_exists(&rig, "f") && served.reads == 2);
	cr_expect(rig_error(&rig, "f")->problem.error == FTX_E_MISMATCH &&
		  rig_error(&rig, "f")->problem.side == SIDE_REMOTE);
	cr_expect(connection_error(rig.streams[0]->connection) == 0);
	rig_end(&rig);
}

/* So many bytes of the first block, and the connection is gone. */
static bool
cut(struct served *v, struct peer *p)
{
	if (p->message.type != MESSAGE_READ)
		return false;
	retry_lost(&rig.run.retry); /* as where this is not the first connection */
	served_range(p, "f", 0, (uint64_t)telling);
	v->over = true;
	return true;
}

/* What is less than a block is not kept: a network that lets no more through is none. */
Test(client_get_big, only_whole_blocks_are_progress)
{
	for (int blocks = 0; blocks < 2; blocks++) {
		telling = blocks > 0 ? (int)LIMIT_BLOCK_BYTES : 2 * (int)LIMIT_CHUNK_BYTES;
		rig_init(&rig, TRANSFER_GET);
		start(&rig, &served, cut);
		cr_expect(rig_run(&rig) == FTX_E_CLOSED);
		cr_expect(retry_is_lost(&rig.run.retry) == (blocks == 0), "%d blocks", blocks);
		rig_end(&rig);
	}
}

/* The file changes while it is read, so many times. */
static bool
change(struct served *v, struct peer *p)
{
	struct identity identity = served_identity(v, 1);

	if (p->message.type != MESSAGE_READ || v->done++ >= (unsigned)telling)
		return false;
	served_range(p, "f", 0, SIZE);
	identity.mtime_ns++;
	served_done(p, identity);
	return true;
}

Test(client_get_big, T50_a_file_that_changed_once_is_read_anew)
{
	telling = 1;
	cr_expect(get(change) == 0);
	cr_expect(rig_has(&rig, "f", "f", SIZE) && served.reads == 2);
	cr_expect(rig_said(&rig, "f")->bytes_resumed == 0);
	rig_end(&rig);
}

Test(client_get_big, T50_a_file_that_goes_on_changing_is_given_up_and_leaves_nothing)
{
	telling = 9;
	cr_expect(get(change) == 0);
	cr_expect(rig_error(&rig, "f")->problem.error == FTX_E_CHANGED);
	cr_expect(!rig_said(&rig, "f")->resumable && rig_said(&rig, "f")->status == STATUS_CHANGED);
	rig_streams_end(&rig);
	cr_expect_str_eq(rig_names(&rig), "");
	rig_end(&rig);
}

/* What the server says the file has become, when it is asked anew. */
static struct attributes became;

static bool
become(struct served *v, struct peer *p)
{
	struct message m = {.type = MESSAGE_ENTRY};

	if (p->message.type != MESSAGE_STAT)
		return change(v, p);
	m.entry.attributes = became;
	return peer_send(p, &m);
}

static const uint8_t bad_xattrs[] = {6, 0, 'u', 's', 'e', 'r', '.', 'a', 2, 0, 'v'};

static const struct {
	struct attributes attributes;
	int error;
} becomings[] = {
    {{.metadata = {.type = ENTRY_DIRECTORY}}, FTX_E_CHANGED},
    {{.metadata = {.type = ENTRY_SYMLINK}}, FTX_E_CHANGED},
    {{.metadata = {.type = 0}}, FTX_E_PROTOCOL},
    {{.metadata = {.type = ENTRY_FILE}, .identity = {.size = UINT64_MAX}}, FTX_E_PROTOCOL},
    {{.metadata = {.type = ENTRY_FILE, .flags = METADATA_ACLS}}, FTX_E_PROTOCOL},
    {{.metadata = {.type = ENTRY_FILE, .xattrs = {bad_xattrs, sizeof(bad_xattrs)}}},
     FTX_E_PROTOCOL},
};

Test(client_get_big, T35_what_it_has_become_is_checked_as_what_it_was)
{
	telling = 1;
	for (size_t i = 0; i < sizeof(becomings) / sizeof(becomings[0]); i++) {
		int r;

		became = becomings[i].attributes;
		r = get(become);
		if (becomings[i].error == FTX_E_PROTOCOL)
			cr_expect(r == FTX_E_PROTOCOL, "case %zu: %s", i, error_name(r));
		else
			cr_expect(r == 0 && rig_error(&rig, "f")->problem.error == FTX_E_CHANGED,
				  "case %zu", i);
		rig_streams_end(&rig);
		cr_expect_str_eq(rig_names(&rig), "", "case %zu: %s", i, rig_names(&rig));
		rig_end(&rig);
	}
}

static bool
refuse(struct served *v, struct peer *p)
{
	(void)v;
	return p->message.type == MESSAGE_READ && peer_error(p, FTX_E_DENIED);
}

Test(client_get_big, an_error_of_the_server_is_that_of_the_file)
{
	cr_expect(get(refuse) == 0);
	cr_expect(rig_error(&rig, "f")->problem.error == FTX_E_DENIED &&
		  rig_error(&rig, "f")->problem.side == SIDE_REMOTE);
	cr_expect_str_eq(rig_error(&rig, "f")->problem.text, "because\\x1b[31m");
	rig_end(&rig);
}

/* A second run asks for what is missing, and no more. */
static bool
half(struct served *v, struct peer *p)
{
	if (p->message.type != MESSAGE_READ)
		return false;
	served_range(p, "f", 0, LIMIT_BLOCK_BYTES + 10);
	v->over = true;
	return true;
}

static struct range asked;

static bool
note_range(struct served *v, struct peer *p)
{
	(void)v;
	if (p->message.type == MESSAGE_READ)
		asked = p->message.read.ranges.items[0];
	return false;
}

Test(client_get_big, a_second_run_asks_only_for_what_is_missing)
{
	struct served rest;
	static struct rig second;

	cr_expect(get(half) == FTX_E_CLOSED);
	cr_expect(rig_said(&rig, "f") != NULL && rig_said(&rig, "f")->resumable);
	cr_expect(strstr(rig_error(&rig, "f")->problem.hint, rig.directory) != NULL);
	cr_expect(!rig_exists(&rig, "f"));
	rig_streams_end(&rig);

	rig_init_again(&second, &rig);
	start(&second, &rest, note_range);
	cr_expect(rig_run(&second) == 0);
	cr_expect(rest.reads == 1 && asked.offset == LIMIT_BLOCK_BYTES &&
		  asked.length == SIZE - LIMIT_BLOCK_BYTES);
	cr_expect(rig_has(&second, "f", "f", SIZE));
	cr_expect(rig_said(&second, "f")->bytes_resumed == LIMIT_BLOCK_BYTES);
	cr_expect(rig_said(&second, "f")->bytes_sent == SIZE - LIMIT_BLOCK_BYTES);
	rig_streams_end(&second);
	cr_expect_str_eq(rig_names(&second), "f");
	rig_end(&second);
	rig_end(&rig);
}

Test(client_get_big, without_resuming_all_is_asked_for)
{
	struct served all;
	static struct rig second;

	cr_expect(get(half) == FTX_E_CLOSED);
	rig_streams_end(&rig);
	rig_init_again(&second, &rig);
	second.request.no_resume = true;
	start(&second, &all, note_range);
	cr_expect(rig_run(&second) == 0);
	cr_expect(asked.offset == 0 && asked.length == SIZE);
	cr_expect(rig_said(&second, "f")->bytes_resumed == 0);
	rig_end(&second);
	rig_end(&rig);
}

/* Several streams: each block once, and one commit. */
static const struct served_entry large[] = {
    {.path = "", .type = ENTRY_DIRECTORY},
    {.path = "f", .type = ENTRY_FILE, .size = 70 * (uint64_t)LIMIT_BLOCK_BYTES + 17},
};

Test(client_get_big, several_streams_read_each_byte_once)
{
	struct served several[3];

	rig_init(&rig, TRANSFER_GET);
	rig_start(&rig);
	for (unsigned i = 0; i < 3; i++) {
		several[i] = (struct served){.entries = large, .count = 2};
		rig_stream(&rig, served_serve, &several[i]);
	}
	served_push(&rig, &several[0]);
	cr_expect(rig_run(&rig) == 0);
	cr_expect(rig_has(&rig, "f", "f", large[1].size));
	cr_expect(rig_said(&rig, "f")->bytes_sent == large[1].size);
	cr_expect(several[0].reads + several[1].reads + several[2].reads == 3);
	rig_streams_end(&rig);
	cr_expect_str_eq(rig_names(&rig), "f");
	rig_end(&rig);
}
