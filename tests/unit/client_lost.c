/* A put whose connection is lost once: what it does over another one, and what it does not. */
#include "src/client/transfer.h"

#include "tests/harness/unit.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/secure/channel.h"
#include "tests/unit/client_clock.h"
#include "tests/unit/client_fake.h"
#include "tests/unit/client_host.h"
#include "tests/unit/client_lines.h"

#define BIG (3 * (uint64_t)LIMIT_BLOCK_BYTES + 77)

static struct rig rig; /* for its directory */
static struct host host;
static struct transferring r;
static struct fake *fake;
static enum message_type lost_at;
static bool is_done; /* what was asked is done, and its answer is lost */

/* What came is there. */
static void
remember(const struct node *n, struct offer_verdict *v)
{
	char path[300];
	struct fake_file *f;

	snprintf(path, sizeof(path), "s/d/src/%.*s", (int)n->path.length,
		 (const char *)n->path.data);
	f = fake_find(fake, path);
	if (f != NULL && f->committed)
		v->state = TREE_SAME;
}

/* The connection ends at this message, once. */
static bool
lose(struct fake *f, struct peer *p)
{
	if (p->message.type != lost_at || f->step != 0)
		return false;
	f->step = 1;
	if (is_done)
		shutdown(channel_fd(p->channel), SHUT_RDWR);
	else
		p->message.type = MESSAGE_CLOSE;
	return false;
}

static void
begin(bool (*hook)(struct fake *f, struct peer *p))
{
	fake = fake_new();
	fake->hook = hook;
	fake->verdict = remember;
	rig_init(&rig, TRANSFER_PUT);
	rig.request.streams = 1;
	rig.request.retry_for_ms = 60000;
	host_start(&host, fake_serve, fake);
	rig.request.dest = host_address(&host, "s/d/");
}

static void
put(void)
{
	transferring_start(&r, &rig.request);
	cr_expect(transferring_until(&r, TRANSFER_FINISHED));
}

static void
end(void)
{
	transferring_end(&r);
	host_end(&host);
	rig_start(&rig);
	rig_end(&rig);
	cr_expect_str_eq(fake->broken, "");
	fake_free(fake);
}

static unsigned
connections(void)
{
	unsigned count = 0;

	while (count < RIG_STREAMS && fake->ends[count].peer != NULL)
		count++;
	return count;
}

static unsigned
times_committed(const char *path)
{
	unsigned times = 0;

	for (size_t i = 0; i < fake->file_count; i++)
		times += fake->files[i].committed && strcmp(fake->files[i].path, path) == 0;
	return times;
}

static void
tree(void)
{
	rig_file(&rig, "src/a/b/g", 300);
	rig_file(&rig, "src/z", 5000);
	rig_file(&rig, "src/big", BIG);
	cr_assert(symlinkat("a/f", rig.dir, "src/l") == 0);
	cr_assert(linkat(rig.dir, "src/z", rig.dir, "src/a/f", 0) == 0);
	rig.request.hard_links = true;
}

/* As many as fill several PACKs. */
static void
small_files(int count)
{
	char path[64];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "src/f%d", i);
		rig_file(&rig, path, 60000);
	}
}

static const enum message_type messages[] = {
    MESSAGE_OFFER,   MESSAGE_MKDIR, MESSAGE_SYMLINK, MESSAGE_PACK,  MESSAGE_COMMIT_PACKS,
    MESSAGE_SETMETA, MESSAGE_LINK,  MESSAGE_OPEN,    MESSAGE_WRITE, MESSAGE_COMMIT,
};

/* A tree, lost at every kind of message, before and behind what it asks for. */
Test(client_lost, everything_is_done_and_each_file_published_once)
{
	for (size_t i = 0; i < 2 * sizeof(messages) / sizeof(messages[0]); i++) {
		static const char *const files[] = {"s/d/src/a/b/g", "s/d/src/z", "s/d/src/big"};
		struct transfer_progress p;

		lost_at = messages[i / 2];
		is_done = i % 2 == 1;
		begin(lose);
		tree();
		put();
		cr_expect(fake->step == 1 && connections() == 2, "case %zu: %u", i, connections());
		cr_expect(r.outcome.exits == 0 && r.outcome.done == 5 && r.outcome.total == 5,
			  "case %zu: %u done", i, (unsigned)r.outcome.done);
		for (size_t j = 0; j < sizeof(files) / sizeof(files[0]); j++)
			cr_expect(times_committed(files[j]) == 1, "case %zu: %s %u times", i,
				  files[j], times_committed(files[j]));
		cr_expect(rig_is(fake_find(fake, "s/d/src/big")->data, "src/big", BIG), "case %zu",
			  i);
		transfer_progress(r.t, &p);
		cr_expect(p.files == 5 && p.bytes == p.bytes_total && p.bytes == 5300 + BIG,
			  "case %zu: %llu of %llu bytes", i, (unsigned long long)p.bytes,
			  (unsigned long long)p.bytes_total);
		/* What only a session that is gone knows of. */
		cr_expect(!is_done || fake->syncs == 1, "case %zu: %u", i, fake->syncs);
		end();
	}
}

/* All came wrong, and are sent once more, when the connection is lost. */
static bool
lose_behind_wrong(struct fake *f, struct peer *p)
{
	uint32_t count = p->message.commit_packs.items;

	if (p->message.type != MESSAGE_COMMIT_PACKS || count == 0 || f->step++ != 0)
		return false;
	f->ends[0].group_count = 0;
	f->ends[0].group_bytes = 0;
	fake_statuses(p, MESSAGE_COMMITTED_PACKS, count, FTX_E_MISMATCH);
	shutdown(channel_fd(p->channel), SHUT_RDWR);
	return true;
}

Test(client_lost, what_was_to_be_sent_once_more_is_not_forgotten)
{
	begin(lose_behind_wrong);
	small_files(9);
	put();
	cr_expect(r.outcome.exits == 0 && r.outcome.done == 9);
	end();
}

/*
 * Three connections are lost where the first commit would be answered.  Over the next nothing comes
 * behind a commit before its answer; the time is only there to see it if it did.
 */
static bool
lose_thrice_then_look(struct fake *f, struct peer *p)
{
	struct pollfd fd = {.fd = channel_fd(p->channel), .events = POLLIN};

	if (p->message.type != MESSAGE_COMMIT_PACKS)
		return false;
	if (f->step < 3) {
		f->step++;
		p->message.type = MESSAGE_CLOSE;
	} else if (channel_has_record(p->channel) || channel_mid_record(p->channel) ||
		   poll(&fd, 1, 200) != 0) {
		f->step++;
	}
	return false;
}

Test(client_lost, behind_fruitless_losses_little_is_sent_before_it_is_committed)
{
	begin(lose_thrice_then_look);
	small_files(12);
	put();
	cr_expect(r.outcome.exits == 0 && r.outcome.done == 12);
	cr_expect(connections() == 4 && fake->step == 3, "%u, %d", connections(), fake->step);
	cr_expect(fake->pack_commits >= 3, "%u", fake->pack_commits);
	end();
}

/* Directories are there; the connection is lost while the first files are sent. */
static void
remember_directories(const struct node *n, struct offer_verdict *v)
{
	remember(n, v);
	if (n->metadata.type == ENTRY_DIRECTORY)
		v->state = TREE_SAME;
}

static bool
lose_behind_verdicts(struct fake *f, struct peer *p)
{
	struct offer_verdict verdicts[16] = {0};
	struct message m = {.type = MESSAGE_VERDICTS};

	if (p->message.type != MESSAGE_OFFER || f->step++ != 0)
		return false;
	m.verdicts.verdicts.items = verdicts;
	m.verdicts.verdicts.count = p->message.offer.nodes.count;
	for (uint32_t i = 0; i < m.verdicts.verdicts.count; i++)
		remember_directories(&p->message.offer.nodes.items[i], &verdicts[i]);
	peer_send(p, &m);
	shutdown(channel_fd(p->channel), SHUT_RDWR);
	return true;
}

Test(client_lost, what_was_gathered_and_not_sent_is_not_forgotten)
{
	begin(lose_behind_verdicts);
	fake->verdict = remember_directories;
	rig_directory(&rig, "src");
	cr_assert(symlinkat("f1", rig.dir, "src/l") == 0);
	small_files(9);
	put();
	cr_expect(r.outcome.exits == 0 && r.outcome.done == 10);
	cr_expect(strstr(fake->log, "SYMLINK(l>f1)") != NULL);
	end();
}

static void
other_metadata(const struct node *n, struct offer_verdict *v)
{
	v->state = n->metadata.type == ENTRY_DIRECTORY ? TREE_SAME : TREE_METADATA;
}

Test(client_lost, what_only_gets_other_metadata_is_counted_once)
{
	struct transfer_progress p;

	lost_at = MESSAGE_SETMETA;
	is_done = false;
	begin(lose);
	rig_file(&rig, "src/f", 1000);
	fake->verdict = other_metadata;
	put();
	transfer_progress(r.t, &p);
	cr_expect(fake->step == 1 && r.outcome.exits == 0 && r.outcome.done == 1);
	cr_expect(p.bytes == 1000 && p.bytes_present == 1000 && p.bytes_total == 1000);
	end();
}

/* Who may only add sets metadata over the connection that has made the directory. */
static int
only_adds(enum message_type type, struct span path)
{
	(void)path;
	return type == MESSAGE_SETMETA ? FTX_E_DENIED : 0;
}

Test(client_lost, a_directory_whose_connection_is_gone_may_keep_its_mode)
{
	lost_at = MESSAGE_PACK;
	is_done = false;
	begin(lose);
	rig_file(&rig, "src/a/f", 10);
	fake->item_error = only_adds;
	put();
	cr_expect(fake->step == 1 && r.outcome.exits == 0, "%x", r.outcome.exits);
	cr_expect((r.outcome.not_kept & STATUS_MODE_NOT_KEPT) != 0);
	end();
}

/* Behind the put: its listing, and REMOVE, which finds nothing the second time. */
static bool
list_and_lose(struct fake *f, struct peer *p)
{
	if (p->message.type == MESSAGE_LIST)
		return peer_answer(p, MESSAGE_OK);
	if (p->message.type != MESSAGE_NEXT)
		return lose(f, p);
	if (p->message.next.parts == 0)
		lines_send_done(p, 0);
	else
		lines_send_done(p, lines_send(p, "< a/ old <a f"));
	return true;
}

static int
not_twice(enum message_type type, struct span path)
{
	static unsigned times;

	(void)path;
	return type == MESSAGE_REMOVE && times++ > 0 ? FTX_E_NOT_FOUND : 0;
}

Test(client_lost, what_was_removed_by_a_session_that_is_gone_is_made_durable)
{
	lost_at = MESSAGE_REMOVE;
	is_done = true;
	begin(list_and_lose);
	rig_file(&rig, "src/a/f", 10);
	rig.request.delete = true;
	fake->item_error = not_twice;
	put();
	cr_expect(fake->step == 1 && r.outcome.exits == 0 && r.outcome.deleted == 1);
	cr_expect(fake->syncs == 1, "%u: %s", fake->syncs, fake->log);
	end();
}

#define SHORT_LISTINGS 3

/* Each listing behind the put gets one entry further, and then it is a minute later; one is whole.
 */
static bool
list_a_little(struct fake *f, struct peer *p)
{
	static const char listed[] = "< old1 old2 old3 old4";
	char some[sizeof(listed)];

	if (p->message.type == MESSAGE_LIST) {
		f->step++;
		return peer_answer(p, MESSAGE_OK);
	}
	if (p->message.type != MESSAGE_NEXT)
		return false;
	if (p->message.next.parts == 0) {
		lines_send_done(p, 0);
		return true;
	}
	if (f->step > SHORT_LISTINGS) {
		lines_send_done(p, lines_send(p, listed));
		return true;
	}
	snprintf(some, sizeof(some), "%.*s", 1 + 5 * f->step, listed);
	(void)lines_send(p, some);
	clock_put_ahead(60);
	p->message.type = MESSAGE_CLOSE;
	return false;
}

Test(client_lost, a_listing_for_deletion_goes_on_where_it_was)
{
	begin(list_a_little);
	rig_file(&rig, "src/f", 10);
	rig.request.delete = true;
	rig.request.retry_for_ms = 90000;
	put();
	cr_expect(fake->step == SHORT_LISTINGS + 1, "%d", fake->step);
	cr_expect(r.outcome.exits == 0 && r.outcome.deleted == 4, "%x", r.outcome.exits);
	end();
}
