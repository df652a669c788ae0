/*
 * How much is below a directory, and what changes tell of it.
 */
#include "src/store/usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/store/group.h"
#include "src/store/remove_tree.h"
#include "src/store/set.h"
#include "src/store/staging.h"
#include "store_helpers.h"
#include "store_tree.h"

static struct usage_count counts[4];
static unsigned reported;

static void
begin_usage(void)
{
	tree_begin();
	reported = 0;
	memset(counts, 0, sizeof(counts));
}

TestSuite(usage, .init = begin_usage, .fini = tree_end);

static void
on_counted(void *arg, const struct usage_count *count)
{
	(void)arg;
	(void)count;
	reported++;
}

static void
on_progress(void *arg)
{
	(void)arg;
}

static void
count_places(size_t n)
{
	const struct usage_walk walk = {.progress = on_progress, .counted = on_counted};

	assert_ok(usage_walk(room, counts, n, &walk));
	cr_expect_eq(reported, n, "each is reported once");
}

static void
expect_usage(size_t i, uint64_t bytes, uint64_t files)
{
	cr_expect(counts[i].usage.bytes == bytes && counts[i].usage.files == files,
		  "'%s' has %llu bytes in %llu files, not %llu in %llu", counts[i].path,
		  (unsigned long long)counts[i].usage.bytes,
		  (unsigned long long)counts[i].usage.files, (unsigned long long)bytes,
		  (unsigned long long)files);
	cr_expect_eq(counts[i].unread, 0);
}

Test(usage, counts_files_links_and_directories_each_in_every_place_it_is_in)
{
	make_dirs("a/b");
	make_dirs("a-b");
	make_file(room, "top", "12345", 0644);
	make_file(room, "a/one", "123", 0644);
	make_file(room, "a/b/two", "1234567", 0600);
	make_file(room, "a-b/three", "1", 0644);
	make_link("somewhere", "a/link");
	counts[0].path = "";
	counts[1].path = "a";
	counts[2].path = "a/b";
	counts[3].path = "a-b";
	count_places(4);
	expect_usage(0, 5 + 3 + 7 + 1, 8);
	expect_usage(1, 3 + 7, 4);
	expect_usage(2, 7, 1);
	expect_usage(3, 1, 1);
}

Test(usage, has_nothing_where_nothing_is)
{
	make_file(room, "f", "12", 0644);
	counts[0].path = "f";
	counts[1].path = "missing/below";
	count_places(2);
	expect_usage(0, 0, 0);
	expect_usage(1, 0, 0);
}

Test(usage, counts_an_inode_once_and_a_share_of_it_where_it_has_names_elsewhere)
{
	make_dirs("in");
	make_dirs("out");
	make_file(room, "in/a", "1234567", 0644);
	cr_assert(linkat(room, "in/a", room, "in/b", 0) == 0);
	cr_assert(linkat(room, "in/a", room, "in/c", 0) == 0);
	make_file(room, "in/x", "12345678", 0644);
	cr_assert(linkat(room, "in/x", room, "out/x", 0) == 0);
	make_file(room, "in/y", "12345678", 0644);
	cr_assert(linkat(room, "in/y", room, "out/y", 0) == 0);
	counts[0].path = "in";
	count_places(1);
	expect_usage(0, 7 + 4 + 4, 2);
}

Test(usage, counts_what_a_file_with_holes_occupies)
{
	struct stat st;
	int fd = openat(room, "sparse", O_WRONLY | O_CREAT, 0644);

	cr_assert(fd >= 0 && ftruncate(fd, 1 << 30) == 0 && pwrite(fd, "x", 1, 1 << 20) == 1);
	cr_assert(fstat(fd, &st) == 0);
	close(fd);
	counts[0].path = "";
	count_places(1);
	expect_usage(0, (uint64_t)st.st_blocks * 512, 1);
	cr_expect_lt(counts[0].usage.bytes, 1 << 21);
}

Test(usage, counts_partials_and_sets_but_not_what_the_server_needs_for_itself)
{
	static const uint8_t key[32] = {1};
	char name[STAGING_TEMP_BYTES];
	int up, sets, temp;

	assert_ok(staging_open(room, key, &up));
	assert_ok(staging_open_sets(room, key, &sets));
	assert_ok(staging_temp_open(up, "", &temp, name));
	make_file(up, "0123.part", "123456", 0600);
	make_file(up, "0123.jnl", "journal", 0600);
	make_file(up, "4567.lock", "lock", 0600);
	make_file(temp, "small", "12", 0600);
	cr_assert(mkdirat(sets, "4567", 0755) == 0);
	make_file(sets, "4567/f", "123", 0600);
	counts[0].path = "";
	count_places(1);
	expect_usage(0, 6 + 2 + 3, 4);
	close(temp);
	close(sets);
	close(up);
}

Test(usage, says_what_it_cannot_reach)
{
	int dir = dup(room);

	for (unsigned i = 0; i < LIMIT_PATH_DEPTH + 40; i++) {
		int next;

		cr_assert(mkdirat(dir, "d", 0755) == 0);
		next = openat(dir, "d", O_RDONLY | O_DIRECTORY);
		cr_assert(next >= 0);
		close(dir);
		dir = next;
	}
	close(dir);
	counts[0].path = "";
	count_places(1);
	cr_expect_eq(counts[0].unread, 1);
	cr_expect_gt(counts[0].usage.files, LIMIT_PATH_DEPTH);
}

static struct usage_tally tally;

/* A tree that tells. */
static void
telling_tree(void)
{
	struct tree_options o = *tree_options(tree);

	tally = (struct usage_tally){0};
	o.tally = &tally;
	tree_free(tree);
	cr_assert((tree = tree_new(&o)) != NULL);
}

static void
expect_tally(uint64_t made, uint64_t gone_bytes, uint64_t gone_files)
{
	cr_expect(tally.made.files == made && tally.gone.bytes == gone_bytes &&
		      tally.gone.files == gone_files,
		  "%llu made, %llu bytes and %llu files gone", (unsigned long long)tally.made.files,
		  (unsigned long long)tally.gone.bytes, (unsigned long long)tally.gone.files);
	tally = (struct usage_tally){0};
}

Test(usage, a_tree_tells_what_removals_let_go)
{
	make_dirs("d");
	make_file(room, "f", "12345", 0644);
	cr_assert(linkat(room, "f", room, "g", 0) == 0);
	telling_tree();
	assert_ok(tree_remove(tree, "f"));
	expect_tally(0, 0, 0);
	assert_ok(tree_remove(tree, "g"));
	expect_tally(0, 5, 1);
	assert_ok(tree_remove(tree, "d"));
	expect_tally(0, 0, 1);
	assert_error(tree_remove(tree, "d"), FTX_E_NOT_FOUND);
	expect_tally(0, 0, 0);
}

Test(usage, a_tree_tells_what_it_replaces_and_which_parents_it_makes)
{
	const struct metadata m = metadata_for(ENTRY_SYMLINK, 0777);

	make_file(room, "f", "12345", 0644);
	make_file(room, "g", "123", 0644);
	make_file(room, "h", "1", 0644);
	telling_tree();
	assert_ok(tree_rename(tree, "f", "g", true));
	expect_tally(0, 3, 1);
	assert_ok(tree_rename(tree, "g", "new/parents/g", true));
	expect_tally(2, 0, 0);
	assert_ok(tree_link(tree, "h", "new/parents/g", &flags));
	expect_tally(0, 1, 1);
	assert_ok(tree_rename(tree, "h", "new/parents/g", true));
	expect_tally(0, 0, 0);
	make_file(room, "i", "12", 0644);
	assert_ok(tree_symlink(tree, "i", "target", &m, &flags));
	expect_tally(0, 2, 1);
}

Test(usage, a_group_tells_what_it_replaces)
{
	const struct metadata m = metadata_for(ENTRY_FILE, 0644);
	struct item_status statuses[2];
	struct group *g;

	make_file(room, "f", "12345", 0644);
	telling_tree();
	cr_assert((g = group_new(tree, NULL)) != NULL);
	group_begin(g, "f", 1, NULL);
	group_write(g, "x", 1);
	group_end(g, &m);
	group_begin(g, "d/e/f", 1, NULL);
	group_write(g, "x", 1);
	group_end(g, &m);
	assert_ok(group_commit(g, statuses));
	expect_tally(2, 5, 1);
	group_free(g);
}

Test(usage, an_upload_tells_what_it_replaces_and_what_it_drops)
{
	struct upload_options o = server_upload("a/f", BLOCK);
	struct upload *u;

	tally = (struct usage_tally){0};
	o.tally = &tally;
	o.overwrite = true;
	assert_ok(put_whole(&o, 1));
	expect_tally(1, 0, 0);
	assert_ok(begin(&u, &o));
	cr_expect(upload_is_begun(u));
	assert_ok(write_block(u, BLOCK, 0, 2));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	expect_tally(0, 0, 0);
	/* Gone on with, and committed over the first. */
	assert_ok(begin(&u, &o));
	cr_expect(!upload_is_begun(u));
	assert_ok(commit_ranges(u, BLOCK, NULL, 0, 2));
	assert_ok(upload_close(u, UPLOAD_DISCARD));
	expect_tally(0, BLOCK, 1);
	/* Begun anew for another source, and dropped. */
	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, BLOCK, 0, 3));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	o.identity.mtime_s++;
	assert_ok(begin(&u, &o));
	cr_expect(upload_is_begun(u));
	expect_tally(0, BLOCK, 1);
	assert_ok(upload_close(u, UPLOAD_DISCARD));
	expect_tally(0, 0, 1);
}

Test(usage, a_set_tells_of_its_directory_and_of_the_tree_it_replaces)
{
	const struct set_options o = {.root = room,
				      .destination = "dst",
				      .mode = SET_EXCHANGE,
				      .staging = room_up,
				      .locks = room_up,
				      .tally = &tally};
	struct set *s;

	tally = (struct usage_tally){0};
	make_dirs("dst/sub");
	make_file(room, "dst/sub/f", "123", 0644);
	assert_ok(set_begin(&s, &o));
	expect_tally(1, 0, 0);
	set_end(s); /* an empty one goes */
	expect_tally(0, 0, 1);
	assert_ok(set_begin(&s, &o));
	assert_ok(set_publish(s));
	expect_tally(1, 0, 0);
	assert_ok(set_remove_old(s));
	expect_tally(0, 3, 3);
	set_end(s);
	expect_tally(0, 0, 0);
}
