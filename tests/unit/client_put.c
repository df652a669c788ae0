/* A put against a server that fails, forgets or lies. */
#include "src/client/put.h"
#include "tests/unit/client_peer.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

#define BLOCKS 3u
#define SIZE   (BLOCKS * LIMIT_BLOCK_BYTES)

/* What the script saw; read after peer_join() or when the put is over. */
static unsigned writes[BLOCKS]; /* bytes received of each block, in chunks */
static unsigned opens, commits, releases, discards;
static bool same_size_and_time; /* of what the source is replaced by */
static char source[96];

static void
make_source(struct rig *rig)
{
	static uint8_t bytes[SIZE];
	int fd;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 253);
	snprintf(source, sizeof(source), "%s/source", rig->directory);
	fd = open(source, O_WRONLY | O_CREAT, 0600);
	cr_assert(write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
	close(fd);
}

static void
have(struct peer *p, uint64_t first, uint64_t count)
{
	const struct block_range range = {first, count};
	struct message m = {.type = MESSAGE_HAVE};

	m.have.blocks.items = &range;
	m.have.blocks.count = count > 0;
	peer_send(p, &m);
}

static void
error_blocks(struct peer *p, int error, uint64_t first, uint64_t count)
{
	const struct block_range range = {first, count};
	struct message m = {.type = MESSAGE_ERROR};

	m.error.code = (uint16_t)-error;
	m.error.blocks.items = &range;
	m.error.blocks.count = count > 0;
	peer_send(p, &m);
}

/* How the server behaves. */
static struct plan {
	int stat_error;
	uint64_t have_first, have_count;
	int open_error; /* to the first so many OPENs */
	unsigned open_errors;
	int checkpoint_error;
	int commit_error; /* to the first so many COMMITs, with block 1 */
	unsigned commit_errors;
	uint64_t error_blocks;
	void (*before_commit)(void);
} plan;

static void
on_open(struct peer *p)
{
	if (opens++ < plan.open_errors)
		peer_error(p, plan.open_error);
	else
		have(p, plan.have_first, plan.have_count);
}

static void
on_commit(struct peer *p)
{
	if (commits++ < plan.commit_errors)
		error_blocks(p, plan.commit_error, 1, plan.error_blocks);
	else
		peer_answer(p, MESSAGE_COMMITTED);
}

static void
serve(struct peer *p)
{
	while (peer_receive(p)) {
		const struct message *m = &p->message;

		if (m->type == MESSAGE_STAT)
			peer_error(p, plan.stat_error);
		else if (m->type == MESSAGE_OPEN)
			on_open(p);
		else if (m->type == MESSAGE_WRITE)
			writes[m->write.offset / LIMIT_BLOCK_BYTES % BLOCKS] += m->write.raw_length;
		else if (m->type == MESSAGE_COMMIT)
			on_commit(p);
		else if (m->type == MESSAGE_RELEASE) {
			releases++;
			discards += m->release.discard;
			peer_answer(p, MESSAGE_OK);
		} else if (m->type == MESSAGE_CHECKPOINT)
			peer_answer(p, MESSAGE_OK);
		else
			return;
	}
}

static const struct scenario {
	const char *what;
	struct plan plan;
	int result;
	unsigned writes[BLOCKS]; /* blocks received, each so many times */
	unsigned opens, commits, releases, discards;
} scenarios[] = {
    {"nothing there", {.stat_error = FTX_E_NOT_FOUND}, 0, {1, 1, 1}, 1, 1, 0, 0},
    {"no right to list", {.stat_error = FTX_E_DENIED}, 0, {1, 1, 1}, 1, 1, 0, 0},
    {"the parent cannot be entered", {.stat_error = FTX_E_OFFLINE}, FTX_E_OFFLINE, {0}, 0, 0, 0, 0},
    {"one block there",
     {.stat_error = FTX_E_NOT_FOUND, .have_first = 1, .have_count = 1},
     0,
     {1, 0, 1},
     1,
     1,
     0,
     0},
    {"all there", {.stat_error = FTX_E_NOT_FOUND, .have_count = BLOCKS}, 0, {0, 0, 0}, 1, 1, 0, 0},
    {"more there than there is",
     {.stat_error = FTX_E_NOT_FOUND, .have_count = BLOCKS + 1},
     FTX_E_PROTOCOL,
     {0},
     1,
     0,
     0,
     0},
    {"busy once",
     {.stat_error = FTX_E_NOT_FOUND, .open_error = FTX_E_BUSY, .open_errors = 1},
     0,
     {1, 1, 1},
     2,
     1,
     1,
     0},
    {"no right to put",
     {.stat_error = FTX_E_NOT_FOUND, .open_error = FTX_E_DENIED, .open_errors = 1},
     FTX_E_DENIED,
     {0},
     1,
     0,
     1,
     0},
    {"one block forgotten",
     {.stat_error = FTX_E_NOT_FOUND,
      .commit_error = FTX_E_INCOMPLETE,
      .commit_errors = 1,
      .error_blocks = 1},
     0,
     {1, 2, 1},
     1,
     2,
     0,
     0},
    {"one block always forgotten",
     {.stat_error = FTX_E_NOT_FOUND,
      .commit_error = FTX_E_INCOMPLETE,
      .commit_errors = 9,
      .error_blocks = 1},
     FTX_E_MISMATCH,
     {1, 2, 1},
     1,
     2,
     1,
     1},
    {"two blocks wrong once",
     {.stat_error = FTX_E_NOT_FOUND,
      .commit_error = FTX_E_MISMATCH,
      .commit_errors = 1,
      .error_blocks = 2},
     0,
     {1, 2, 2},
     1,
     2,
     0,
     0},
    {"wrong twice: T25",
     {.stat_error = FTX_E_NOT_FOUND,
      .commit_error = FTX_E_MISMATCH,
      .commit_errors = 9,
      .error_blocks = 2},
     FTX_E_MISMATCH,
     {1, 2, 2},
     1,
     2,
     1,
     1},
    {"a chunk arrived wrong once",
     {.stat_error = FTX_E_NOT_FOUND, .commit_error = FTX_E_MISMATCH, .commit_errors = 1},
     0,
     {2, 2, 2},
     2,
     2,
     1,
     0},
    {"wrong blocks that are none: T35",
     {.stat_error = FTX_E_NOT_FOUND,
      .commit_error = FTX_E_MISMATCH,
      .commit_errors = 1,
      .error_blocks = BLOCKS},
     FTX_E_PROTOCOL,
     {1, 1, 1},
     1,
     1,
     0,
     0},
    {"busy at COMMIT",
     {.stat_error = FTX_E_NOT_FOUND, .commit_error = FTX_E_BUSY, .commit_errors = 1},
     0,
     {1, 1, 1},
     1,
     2,
     0,
     0},
    {"there in the meantime",
     {.stat_error = FTX_E_NOT_FOUND, .commit_error = FTX_E_EXISTS, .commit_errors = 1},
     FTX_E_EXISTS,
     {1, 1, 1},
     1,
     1,
     1,
     0},
    {"full",
     {.stat_error = FTX_E_NOT_FOUND, .commit_error = FTX_E_NO_SPACE, .commit_errors = 1},
     FTX_E_NO_SPACE,
     {1, 1, 1},
     1,
     1,
     1,
     0},
};

Test(client_put, sends_what_is_missing_and_no_more)
{
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		const struct scenario *s = &scenarios[i];
		struct rig rig;
		int r;

		plan = s->plan;
		memset(writes, 0, sizeof(writes));
		opens = commits = releases = discards = 0;
		rig_start(&rig, TRANSFER_PUT, serve);
		rig.request.retry_for_ms = 5000;
		make_source(&rig);
		r = put_file(rig.stream, source, "s/f");
		rig_end(&rig);
		cr_expect(r == s->result, "%s: %s", s->what, error_name(r));
		for (unsigned b = 0; b < BLOCKS; b++)
			cr_expect(writes[b] == s->writes[b] * LIMIT_BLOCK_BYTES, "%s: block %u: %u",
				  s->what, b, writes[b]);
		cr_expect(opens == s->opens && commits == s->commits && releases == s->releases &&
			      discards == s->discards,
			  "%s: %u %u %u %u", s->what, opens, commits, releases, discards);
	}
}

Test(client_put, busy_is_final_where_nothing_is_tried_again)
{
	struct rig rig;

	plan = (struct plan){
	    .stat_error = FTX_E_NOT_FOUND, .open_error = FTX_E_BUSY, .open_errors = 9};
	opens = 0;
	rig_start(&rig, TRANSFER_PUT, serve);
	make_source(&rig);
	cr_expect(put_file(rig.stream, source, "s/f") == FTX_E_BUSY);
	rig_end(&rig);
	cr_expect(opens == 1);
}

/* A server that has the file already, of the same size and time. */
static void
have_same(struct peer *p)
{
	while (peer_receive(p) && p->message.type == MESSAGE_STAT) {
		struct message m = {.type = MESSAGE_ENTRY};
		struct stat st;

		if (stat(source, &st) != 0)
			return;
		m.entry.attributes.metadata = metadata_of(&st);
		m.entry.attributes.identity = identity_of(&st);
		m.entry.attributes.metadata.mtime_s += p->step;
		peer_send(p, &m);
	}
	opens += p->message.type == MESSAGE_OPEN;
}

Test(client_put, what_is_the_same_is_not_sent_but_synced)
{
	struct rig rig;

	opens = 0;
	rig_start(&rig, TRANSFER_PUT, have_same);
	make_source(&rig);
	cr_expect(put_file(rig.stream, source, "s/f") == 0);
	cr_expect(rig.stream->event.file.status == STATUS_SAME);
	cr_expect(rig.stream->event.file.action == ACTION_NONE);
	cr_expect(rig.stream->sync_owed);
	rig_end(&rig);
	cr_expect(opens == 0);
}

Test(client_put, another_time_is_another_file)
{
	struct rig rig;

	opens = 0;
	rig_start(&rig, TRANSFER_PUT, have_same);
	rig.peer.step = 1;
	make_source(&rig);
	cr_expect(put_file(rig.stream, source, "s/f") != 0);
	cr_expect(rig.stream->event.file.action == ACTION_REPLACE);
	rig_end(&rig);
	cr_expect(opens == 1);
}

/* -n asks and changes nothing. */
Test(client_put, a_dry_run_only_asks)
{
	struct rig rig;

	opens = 0;
	rig_start(&rig, TRANSFER_PUT, have_same);
	rig.peer.step = 1;
	rig.request.dry_run = true;
	make_source(&rig);
	cr_expect(put_file(rig.stream, source, "s/f") == 0);
	cr_expect(rig.stream->event.file.status == STATUS_PLANNED);
	cr_expect(rig.stream->event.file.action == ACTION_REPLACE);
	cr_expect(!rig.stream->sync_owed);
	rig_end(&rig);
	cr_expect(opens == 0);
}

/* The source is replaced while the first version is sent: the second is sent whole, and counts. */
static void
replace_source(struct peer *p)
{
	while (peer_receive(p)) {
		const struct message *m = &p->message;
		char path[128];
		struct stat st;
		int fd;

		if (m->type == MESSAGE_STAT) {
			peer_error(p, FTX_E_NOT_FOUND);
		} else if (m->type == MESSAGE_OPEN) {
			opens++;
			have(p, 0, 0);
		} else if (m->type == MESSAGE_WRITE && m->write.offset == 0 &&
			   opens <= (unsigned)p->step) {
			snprintf(path, sizeof(path), "%s.new", source);
			fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
			(void)!ftruncate(
			    fd, same_size_and_time ? SIZE : LIMIT_BLOCK_BYTES * (long)(opens + 1));
			if (same_size_and_time && stat(source, &st) == 0)
				futimens(fd, (struct timespec[2]){st.st_mtim, st.st_mtim});
			close(fd);
			rename(path, source);
		} else if (m->type == MESSAGE_RELEASE) {
			releases++;
			discards += m->release.discard;
			peer_answer(p, MESSAGE_OK);
		} else if (m->type == MESSAGE_COMMIT) {
			commits++;
			peer_answer(p, MESSAGE_COMMITTED);
		} else if (m->type == MESSAGE_CLOSE) {
			return;
		}
	}
}

Test(client_put, T50_a_source_replaced_once_is_sent_anew)
{
	struct rig rig;

	opens = commits = releases = discards = 0;
	rig_start(&rig, TRANSFER_PUT, replace_source);
	rig.peer.step = 1;
	make_source(&rig);
	cr_expect(put_file(rig.stream, source, "s/f") == 0);
	cr_expect(rig.stream->event.file.bytes == 2 * LIMIT_BLOCK_BYTES);
	rig_end(&rig);
	cr_expect(opens == 2 && commits == 1 && releases == 1 && discards == 0);
}

Test(client_put, T50_a_source_that_goes_on_changing_is_given_up)
{
	struct rig rig;

	opens = commits = releases = discards = 0;
	rig_start(&rig, TRANSFER_PUT, replace_source);
	rig.peer.step = 9;
	make_source(&rig);
	cr_expect(put_file(rig.stream, source, "s/f") == FTX_E_CHANGED);
	rig_end(&rig);
	cr_expect(opens == 2 && commits == 0 && releases == 2 && discards == 1);
}

/* Its blocks could be taken for the new ones, so they must not be kept. */
Test(client_put, T50_a_source_replaced_by_one_of_the_same_size_and_time_is_not_mixed)
{
	struct rig rig;

	opens = commits = releases = discards = 0;
	same_size_and_time = true;
	rig_start(&rig, TRANSFER_PUT, replace_source);
	rig.peer.step = 1;
	make_source(&rig);
	cr_expect(put_file(rig.stream, source, "s/f") == 0);
	rig_end(&rig);
	cr_expect(opens == 2 && commits == 1 && releases == 1 && discards == 1);
}
