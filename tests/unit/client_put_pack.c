/* Small files to a server, many to a message. */
#include "tests/unit/client_fake.h"

#include "tests/harness/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/client/scan.h"

static struct rig rig;
static struct fake *fake;

static void
begin(void)
{
	fake = fake_new();
	rig_init(&rig, TRANSFER_PUT);
	rig_directory(&rig, "src");
}

static int
put_at_rate(uint64_t rate)
{
	rig_start(&rig);
	rig.run.rate = rate; /* large files are small on a fast link */
	rig_stream(&rig, fake_serve, fake);
	return rig_put(&rig);
}

static void
end(void)
{
	rig_end(&rig);
	cr_expect_str_eq(fake->broken, "");
	fake_free(fake);
}

#define FAST (UINT64_C(1) << 30)

/* Around the sizes of parts, chunks and blocks; all rules of PACK are the fake's. */
static const uint64_t sizes[] = {
    0,
    1,
    100,
    32767,
    32768,
    32769,
    LIMIT_CHUNK_BYTES - 1,
    LIMIT_CHUNK_BYTES,
    LIMIT_CHUNK_BYTES + 1,
    LIMIT_BLOCK_BYTES - 1,
    LIMIT_BLOCK_BYTES,
    LIMIT_BLOCK_BYTES + 1,
    3 * LIMIT_BLOCK_BYTES + 12345,
};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

Test(client_put_pack, files_of_every_size_arrive_whole)
{
	static const enum compress_mode modes[] = {COMPRESS_NONE, COMPRESS_ZSTD, COMPRESS_ZLIB,
						   COMPRESS_AUTO};
	char path[64], at[80];

	for (unsigned how = 0; how < sizeof(modes) / sizeof(modes[0]); how++) {
		begin();
		rig.request.compress = modes[how];
		for (size_t i = 0; i < SIZES; i++) {
			snprintf(path, sizeof(path), "src/f%zu", i);
			rig_file(&rig, path, sizes[i]);
		}
		cr_expect(put_at_rate(FAST) == 0);
		cr_expect(fake->opens == 0);
		for (size_t i = 0; i < SIZES; i++) {
			snprintf(path, sizeof(path), "src/f%zu", i);
			snprintf(at, sizeof(at), "s/d/%s", path);
			cr_expect(fake_has(fake, at, path, sizes[i]), "%s", path);
		}
		cr_expect(rig.run.bytes == rig.run.bytes_total);
		end();
	}
}

/* What is said of a small file is the digest of the whole file, as a server says it of a big one.
 */
Test(client_put_pack, the_digest_of_a_small_file_is_that_of_a_file)
{
	const struct transfer_file *f;
	static uint8_t bytes[LIMIT_BLOCK_BYTES];
	struct digest_state *s = digest_state_new();
	struct digest block, whole;
	uint64_t size = LIMIT_BLOCK_BYTES + 7;

	begin();
	rig_file(&rig, "src/f", size);
	cr_expect(put_at_rate(FAST) == 0);
	f = rig_said(&rig, "f");
	file_digest_start(s, size);
	for (unsigned i = 0; i < LIMIT_BLOCK_BYTES; i++)
		bytes[i] = fake->files[0].data[i];
	block = digest_of(bytes, LIMIT_BLOCK_BYTES);
	file_digest_add(s, &block);
	block = digest_of(fake->files[0].data + LIMIT_BLOCK_BYTES, 7);
	file_digest_add(s, &block);
	whole = digest_finish(s);
	cr_expect(f->has_digest && digest_equal(&f->digest, &whole));
	cr_expect(f->bytes == size && f->bytes_sent == size);
	digest_state_free(s);
	end();
}

/* What is small depends on how fast the link is. */
static const struct {
	uint64_t rate, bwlimit, size;
	bool big;
} smalls[] = {
    {0, 0, 256 << 10, false},	       {0, 0, (256 << 10) + 1, true},
    {1, 0, 64 << 10, false},	       {1, 0, (64 << 10) + 1, true},
    {4 << 20, 0, 1 << 20, false},      {4 << 20, 0, (1 << 20) + 1, true},
    {FAST, 0, 4 << 20, false},	       {FAST, 0, (4 << 20) + 1, true},
    {FAST, 2 << 20, 512 << 10, false}, {FAST, 2 << 20, (512 << 10) + 1, true},
};

Test(client_put_pack, a_file_is_small_if_it_is_sent_again_within_a_moment)
{
	for (size_t i = 0; i < sizeof(smalls) / sizeof(smalls[0]); i++) {
		begin();
		rig.request.bwlimit = smalls[i].bwlimit;
		rig_file(&rig, "src/f", smalls[i].size);
		cr_expect(put_at_rate(smalls[i].rate) == 0);
		cr_expect((fake->opens == 1) == smalls[i].big, "case %zu", i);
		cr_expect(fake_has(fake, "s/d/src/f", "src/f", smalls[i].size), "case %zu", i);
		end();
	}
}

/* Of what an earlier run has begun the rest is sent, however small it is. */
static void
partial_there(const struct node *n, struct offer_verdict *v)
{
	v->state = n->path.length > 0 ? TREE_PARTIAL : TREE_SAME;
}

Test(client_put_pack, a_file_of_which_a_part_is_there_is_no_small_one)
{
	begin();
	rig_file(&rig, "src/f", 1000);
	fake->verdict = partial_there;
	cr_expect(put_at_rate(0) == 0);
	cr_expect(fake->opens == 1 && fake->commits == 1 && fake->packs == 0);
	cr_expect(fake_has(fake, "s/d/src/f", "src/f", 1000));
	end();
}

/* Between two COMMIT_PACKS no more than a server takes; the fake looks at each. */
Test(client_put_pack, many_files_are_committed_in_time)
{
	char path[64];

	begin();
	for (int d = 0; d < 3; d++)
		for (int i = 0; i < 800; i++) {
			snprintf(path, sizeof(path), "src/d%d/f%d", d, i);
			rig_file(&rig, path, i % 3 == 0);
		}
	cr_expect(put_at_rate(0) == 0);
	cr_expect(rig.run.outcome.done == 2400);
	cr_expect(fake->group_files_most <= LIMIT_GROUP_ITEMS && fake->group_files_most >= 1024);
	end();
}

Test(client_put_pack, many_bytes_are_committed_in_time)
{
	char path[64];

	begin();
	for (int i = 0; i < 30; i++) {
		snprintf(path, sizeof(path), "src/f%d", i);
		rig_file(&rig, path, 4 << 20);
	}
	cr_expect(put_at_rate(FAST) == 0);
	cr_expect(fake->pack_commits >= 4);
	cr_expect(fake->group_bytes_most <= LIMIT_GROUP_BYTES);
	cr_expect(rig.run.outcome.done == 30);
	end();
}

/* T50: sources that change between two of their parts.  The server has the client's whole attention
 * then: a socket holds less than the file. */
static unsigned changes; /* this many times */

static bool
change_source(struct fake *f, struct peer *p)
{
	const struct message_pack *m = &p->message.pack;
	char path[256];
	int fd;

	(void)f;
	if (p->message.type != MESSAGE_PACK || changes == 0)
		return false;
	for (uint32_t i = 0; i < m->items.count; i++) {
		if (m->items.items[i].offset != 0 || m->items.items[i].size < LIMIT_BLOCK_BYTES)
			continue;
		changes--;
		snprintf(path, sizeof(path), "%s/%.*s", rig.source_path,
			 (int)m->items.items[i].path.length,
			 (const char *)m->items.items[i].path.data);
		fd = open(path, O_WRONLY | O_APPEND);
		(void)!write(fd, "!", 1);
		close(fd);
	}
	return false;
}

Test(client_put_pack, T50_a_file_that_changed_once_is_dropped_and_sent_again)
{
	struct fake_file *f;
	uint64_t size = 3 * LIMIT_BLOCK_BYTES;

	begin();
	rig_file(&rig, "src/a", 10);
	rig_file(&rig, "src/f", size);
	rig_file(&rig, "src/z", 10);
	changes = 1;
	fake->hook = change_source;
	cr_expect(put_at_rate(FAST) == 0);
	cr_assert(fake->file_count == 4);
	cr_expect(fake->files[1].dropped && !fake->files[1].committed);
	f = fake_find(fake, "s/d/src/f");
	cr_expect(f->committed && f->size == size + 1 && f->data[size] == '!');
	cr_expect(rig_said(&rig, "f")->status == STATUS_DONE);
	cr_expect(rig_said(&rig, "f")->bytes == size + 1);
	cr_expect(rig.run.outcome.done == 3 && rig.run.bytes_total == size + 21);
	cr_expect(rig.run.bytes == rig.run.bytes_total);
	end();
}

/* asan: what is dropped last is said when its batch is gone. */
Test(client_put_pack, T50_a_file_that_goes_on_changing_is_given_up)
{
	begin();
	rig_file(&rig, "src/f", 3 * LIMIT_BLOCK_BYTES);
	changes = 2;
	fake->hook = change_source;
	cr_expect(put_at_rate(FAST) == 0);
	cr_expect(fake->file_count == 2 && fake->files[0].dropped && fake->files[1].dropped);
	cr_expect(rig_said(&rig, "f")->status == STATUS_CHANGED);
	cr_expect(rig_said(&rig, "f")->bytes_sent == 0);
	cr_expect(rig_error(&rig, "f")->problem.error == FTX_E_CHANGED);
	cr_expect(outcome_exit(&rig.run.outcome) == FTX_EXIT_CHANGED);
	end();
}

/* What was dropped was sent too. */
Test(client_put_pack, T50_dropped_bytes_count_between_two_commits)
{
	char path[64];

	begin();
	for (int i = 0; i < 18; i++) {
		snprintf(path, sizeof(path), "src/f%d", i);
		rig_file(&rig, path, (4 << 20) - 1000);
	}
	changes = 36;
	fake->hook = change_source;
	cr_expect(put_at_rate(FAST) == 0);
	cr_expect(rig.run.outcome.failed == 18);
	cr_expect(fake->group_bytes_most > 0 && fake->group_bytes_most <= LIMIT_GROUP_BYTES);
	end();
}

/* Between the scan and the sending. */
static void
put_after(void (*change)(void))
{
	rig_start(&rig);
	rig.run.rate = FAST;
	rig_stream(&rig, fake_serve, fake);
	scan_main(&rig.run);
	change();
	cr_expect(rig_run(&rig) == 0);
}

static void
grow_much(void)
{
	rig_file(&rig, "src/f", LIMIT_GROUP_BYTES + 5);
}

Test(client_put_pack, T50_a_file_that_has_become_big_is_sent_as_one)
{
	begin();
	rig_file(&rig, "src/f", 10);
	put_after(grow_much);
	cr_expect(fake->opens == 1 && fake->packs == 0);
	cr_expect(fake_has(fake, "s/d/src/f", "src/f", LIMIT_GROUP_BYTES + 5));
	cr_expect(rig.run.bytes == rig.run.bytes_total &&
		  rig.run.bytes_total == LIMIT_GROUP_BYTES + 5);
	end();
}

static void
grow_little(void)
{
	rig_file(&rig, "src/f", 500);
	cr_assert(fchmodat(rig.dir, "src/f", 0777, 0) == 0);
}

Test(client_put_pack, T50_a_file_is_sent_as_it_is_now)
{
	begin();
	rig_file(&rig, "src/f", 1000);
	put_after(grow_little);
	cr_expect(fake_has(fake, "s/d/src/f", "src/f", 500));
	cr_expect(fake_find(fake, "s/d/src/f")->metadata.mode == 0777);
	cr_expect(rig.run.bytes == 500 && rig.run.bytes_total == 500);
	end();
}

static void
remove_it(void)
{
	cr_assert(unlinkat(rig.dir, "src/f", 0) == 0);
}

static void
remove_above(void)
{
	char from[160], to[160];

	snprintf(from, sizeof(from), "%s/src/d", rig.directory);
	snprintf(to, sizeof(to), "%s/elsewhere", rig.directory);
	cr_assert(rename(from, to) == 0);
}

static void
replace_by_link(void)
{
	remove_it();
	cr_assert(symlinkat("/etc/passwd", rig.dir, "src/f") == 0);
}

static void
replace_by_fifo(void)
{
	remove_it();
	cr_assert(mkfifoat(rig.dir, "src/f", 0600) == 0);
}

static void
replace_above_by_link(void)
{
	remove_above();
	cr_assert(symlinkat("../elsewhere", rig.dir, "src/d") == 0);
}

static const struct {
	const char *path;
	void (*change)(void);
	int error;
} races[] = {
    {"f", remove_it, FTX_E_VANISHED},
    {"d/f", remove_above, FTX_E_VANISHED},
    {"f", replace_by_link, FTX_E_IS_LINK},
    {"f", replace_by_fifo, FTX_E_CHANGED},
    {"d/f", replace_above_by_link, FTX_E_IS_LINK},
};

Test(client_put_pack, T32_T50_a_file_that_is_none_any_more_is_not_sent)
{
	for (size_t i = 0; i < sizeof(races) / sizeof(races[0]); i++) {
		char path[64];

		begin();
		snprintf(path, sizeof(path), "src/%s", races[i].path);
		rig_file(&rig, path, 10);
		rig_file(&rig, "src/good", 10);
		put_after(races[i].change);
		cr_assert(rig_error(&rig, races[i].path) != NULL, "case %zu", i);
		cr_expect(rig_error(&rig, races[i].path)->problem.error == races[i].error,
			  "case %zu: %s", i,
			  error_name(rig_error(&rig, races[i].path)->problem.error));
		cr_expect(fake->file_count == 1 && fake_has(fake, "s/d/src/good", "src/good", 10));
		end();
	}
}

/* Attributes as long as may be: parts still fit in a record. */
Test(client_put_pack, files_with_large_attributes_fit)
{
	static char value[3000];
	char path[64], name[32];
	int fd;

	begin();
	rig.request.xattrs = true;
	memset(value, 'v', sizeof(value));
	for (int i = 0; i < 30; i++) {
		snprintf(path, sizeof(path), "src/f%d", i);
		rig_file(&rig, path, 300 << 10);
		fd = openat(rig.dir, path, O_RDONLY);
		snprintf(name, sizeof(name), "user.a%d", i);
		if (fsetxattr(fd, name, value, sizeof(value), 0) != 0)
			cr_log_warn("no attributes here");
		close(fd);
	}
	cr_expect(put_at_rate(FAST) == 0);
	for (int i = 0; i < 30; i++) {
		char at[80];

		snprintf(path, sizeof(path), "src/f%d", i);
		snprintf(at, sizeof(at), "s/d/%s", path);
		cr_expect(fake_has(fake, at, path, 300 << 10));
	}
	end();
}

/* COMMIT_PACKS that failed: nothing is known of its files, and no other is taken for them. */
static bool
fail_first_commit(struct fake *f, struct peer *p)
{
	if (p->message.type != MESSAGE_COMMIT_PACKS || f->pack_commits++ > 0)
		return false;
	f->ends[0].group_count = 0;
	f->ends[0].group_bytes = 0;
	peer_error(p, FTX_E_IO);
	return true;
}

Test(client_put_pack, the_files_of_a_commit_that_failed_have_failed_and_no_others)
{
	char path[64];
	unsigned failed = 0;

	begin();
	for (int i = 0; i < 1500; i++) {
		snprintf(path, sizeof(path), "src/f%d", i);
		rig_file(&rig, path, 1);
	}
	fake->hook = fail_first_commit;
	cr_expect(put_at_rate(0) == 0);
	for (size_t i = 0; i < fake->file_count; i++) {
		const char *entry = fake->files[i].path + strlen("s/d/src/");

		cr_expect((rig_error(&rig, entry) == NULL) == fake->files[i].committed, "%s",
			  entry);
		failed += !fake->files[i].committed;
	}
	/* And the directory, which it was to make durable. */
	cr_expect(failed >= 1024 && failed < 1500 && rig.run.outcome.failed == failed + 1);
	end();
}

/* T25: what arrived wrong is sent once more, and not a third time. */
static unsigned wrong_times;

static int
arrives_wrong(enum message_type type, struct span path)
{
	const char bad[] = "s/d/src/b";

	if (type != MESSAGE_COMMIT_PACKS || wrong_times == 0 || path.length != strlen(bad) ||
	    memcmp(path.data, bad, path.length) != 0)
		return 0;
	wrong_times--;
	return FTX_E_MISMATCH;
}

Test(client_put_pack, T25_a_file_that_arrived_wrong_is_sent_once_more)
{
	for (unsigned times = 1; times <= 3; times++) {
		begin();
		rig_file(&rig, "src/a", 100);
		rig_file(&rig, "src/b", 200);
		rig_file(&rig, "src/c", 300);
		wrong_times = times;
		fake->item_error = arrives_wrong;
		cr_expect(put_at_rate(0) == 0);
		cr_expect(fake->file_count == 4, "%zu", fake->file_count);
		cr_expect(fake_has(fake, "s/d/src/b", "src/b", 200) == (times == 1));
		cr_expect(rig_count(&rig, TRANSFER_ERROR, FTX_E_MISMATCH) == (times > 1));
		cr_expect(rig.run.outcome.done == (times == 1 ? 3u : 2u));
		cr_expect(rig.run.bytes == rig.run.bytes_total);
		end();
	}
}
