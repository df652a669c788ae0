/*
 * Several nodes with one staging directory: what one has made durable another goes on with, and
 * nobody writes to what another has made.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/store/set.h"
#include "src/store/staging.h"
#include "store_helpers.h"

TestSuite(nodes, .init = room_begin, .fini = room_end);
TestSuite(nodes_walking, .init = room_begin, .fini = room_end);

#define NODE_A "aaaaaaaaaaaaaaaa"
#define NODE_B "0123456789abcdef"

static const uint64_t size = 3 * BLOCK + 5;

/* Of "file", session by session. */
static struct upload_options
on_node(const char *node, uint8_t session)
{
	struct upload_options o = server_upload("file", size);

	strcpy(o.staging.node, node);
	set_session(&o, session);
	return o;
}

/* The part of a node, with its .part or .jnl. */
static const char *
name_on(const char *node, const char *end)
{
	static char name[128];
	const struct upload_options o = server_upload("file", size);

	snprintf(name, sizeof(name), "%s%s%s%s", o.staging.id, node[0] != '\0' ? "." : "", node,
		 end);
	return name;
}

/* What a node leaves that was killed. */
static void
leave(const struct upload_options *o, uint64_t first, uint64_t end)
{
	struct upload *u;

	assert_ok(begin(&u, o));
	assert_ok(write_blocks(u, size, first, end, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
}

BothWays(nodes, another_one_goes_on_and_leaves_nothing)
{
	struct upload_options a = on_node(NODE_A, 1), b = on_node(NODE_B, 2);
	struct upload *u;

	leave(&a, 0, 2);
	cr_expect(exists(room_up, name_on(NODE_A, ".part")));
	assert_ok(begin(&u, &b));
	cr_expect_str_eq(have_text(), "0 1");
	cr_expect(exists(room_up, name_on(NODE_A, ".part")), "until this one is published");
	assert_ok(write_blocks(u, size, 2, 4, 1));
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
	cr_expect(entries_in(room_up) == 0);
}

Test(nodes, copied_blocks_are_durable_like_others)
{
	struct upload_options a = on_node(NODE_A, 1), b = on_node(NODE_B, 2);
	struct upload *u;

	leave(&a, 0, 2);
	assert_ok(begin(&u, &b));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_assert(unlinkat(room_up, name_on(NODE_A, ".part"), 0) == 0);
	assert_ok(begin(&u, &b));
	cr_expect_str_eq(have_text(), "0 1");
	assert_ok(upload_close(u, UPLOAD_DISCARD));
}

Test(nodes, each_has_what_all_have)
{
	struct upload_options a = on_node(NODE_A, 1), b = on_node(NODE_B, 2), old = on_node("", 3);
	struct upload *u;

	leave(&a, 0, 1);
	leave(&b, 2, 3);
	/* Of a time when there was one node. */
	leave(&old, 3, 4);
	set_session(&a, 4);
	assert_ok(begin(&u, &a));
	cr_expect_str_eq(have_text(), "0 2 3");
	assert_ok(write_blocks(u, size, 1, 2, 1));
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
	cr_expect(entries_in(room_up) == 0);
}

/* A balancer may take the connections of one run to several. */
Test(nodes, a_commit_takes_what_the_same_run_has_sent_to_another_one)
{
	struct upload_options a = on_node(NODE_A, 1), b = on_node(NODE_B, 1);
	struct upload *one, *other;

	assert_ok(begin(&one, &a));
	assert_ok(begin(&other, &b));
	assert_ok(write_blocks(one, size, 0, 2, 1));
	assert_ok(write_blocks(other, size, 2, 3, 1));
	assert_ok(upload_close(other, UPLOAD_KEEP));
	assert_error(commit_whole(one, size, 1), FTX_E_INCOMPLETE);
	cr_assert_eq(result.block_count, 1);
	cr_expect(result.blocks[0].first == 3 && result.blocks[0].count == 1);
	assert_ok(write_blocks(one, size, 3, 4, 1));
	assert_ok(commit_whole(one, size, 1));
	assert_ok(upload_close(one, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
	cr_expect(entries_in(room_up) == 0);
}

Test(nodes, one_alone_takes_no_notice_of_others)
{
	struct upload_options a = on_node(NODE_A, 1), alone = on_node("", 2);
	struct upload *u;

	leave(&a, 0, 2);
	assert_ok(begin(&u, &alone));
	cr_expect_str_eq(have_text(), "");
	assert_ok(write_blocks(u, size, 0, 4, 1));
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(exists(room_up, name_on(NODE_A, ".part")));
}

Test(nodes, a_block_is_compared_with_its_digest_before_it_is_copied)
{
	struct upload_options a = on_node(NODE_A, 1), b = on_node(NODE_B, 2);
	struct upload *u;
	int fd;

	leave(&a, 0, 3);
	fd = openat(room_up, name_on(NODE_A, ".part"), O_WRONLY);
	cr_assert(pwrite(fd, "!", 1, (off_t)BLOCK + 77) == 1);
	close(fd);
	assert_ok(begin(&u, &b));
	cr_expect_str_eq(have_text(), "0 2");
	assert_ok(upload_close(u, UPLOAD_DISCARD));
	fd = openat(room_up, name_on(NODE_A, ".part"), O_WRONLY);
	cr_assert(ftruncate(fd, (off_t)BLOCK + 5) == 0);
	close(fd);
	assert_ok(begin(&u, &b));
	cr_expect_str_eq(have_text(), "0");
	assert_ok(upload_close(u, UPLOAD_DISCARD));
}

Test(nodes, what_is_of_another_source_is_not_taken_but_goes)
{
	struct upload_options a = on_node(NODE_A, 1), b = on_node(NODE_B, 2);
	struct upload *u;

	leave(&a, 0, 2);
	b.identity.mtime_ns++;
	assert_ok(begin(&u, &b));
	cr_expect_str_eq(have_text(), "");
	assert_ok(write_blocks(u, size, 0, 4, 2));
	assert_ok(commit_whole(u, size, 2));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 2));
	cr_expect(entries_in(room_up) == 0);
}

Test(nodes, a_damaged_journal_of_another_one_is_worth_nothing)
{
	struct upload_options a = on_node(NODE_A, 1), b = on_node(NODE_B, 2);
	struct upload *u;
	int fd;

	leave(&a, 0, 2);
	fd = openat(room_up, name_on(NODE_A, ".jnl"), O_WRONLY);
	cr_assert(pwrite(fd, "x", 1, 20) == 1);
	close(fd);
	assert_ok(begin(&u, &b));
	cr_expect_str_eq(have_text(), "");
	assert_ok(upload_close(u, UPLOAD_DISCARD));
}

/* Nothing is known of when it will go on. */
BothWays(nodes, T52_one_that_was_paused_does_not_change_what_another_has_published)
{
	struct upload_options a = on_node(NODE_A, 1), b = on_node(NODE_B, 2);
	struct upload *paused, *u;
	struct stat published;

	assert_ok(begin(&paused, &a));
	assert_ok(write_blocks(paused, size, 0, 2, 1));
	assert_ok(upload_checkpoint(paused));
	assert_ok(begin(&u, &b));
	cr_expect_str_eq(have_text(), "0 1");
	assert_ok(write_blocks(u, size, 2, 4, 1));
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	published = stat_of(room, "file");
	cr_expect(exists(room_up, name_on(NODE_A, ".part")), "it is seen to live");

	/* The same blocks with other bytes: it must be another file that they go to. */
	assert_ok(write_blocks(paused, size, 0, 4, 2));
	assert_ok(upload_checkpoint(paused));
	cr_expect(content_is(room, "file", size, 1));
	cr_expect_eq(stat_of(room, "file").st_ino, published.st_ino);
	/* The last complete rename wins. */
	assert_ok(commit_whole(paused, size, 2));
	assert_ok(upload_close(paused, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 2));
	cr_expect(entries_in(room_up) == 0);
}

Test(nodes, one_whose_files_another_has_removed_publishes_nothing)
{
	struct upload_options a = on_node(NODE_A, 1);
	struct upload *u;

	/* As where its lock is not seen. */
	make_file(room, "file", "published", 0644);
	assert_ok(begin(&u, &a));
	assert_ok(write_blocks(u, size, 0, 4, 1));
	cr_assert(unlinkat(room_up, name_on(NODE_A, ".part"), 0) == 0);
	cr_assert(unlinkat(room_up, name_on(NODE_A, ".jnl"), 0) == 0);
	cr_expect_neq(commit_whole(u, size, 1), 0);
	upload_close(u, UPLOAD_KEEP);
	cr_expect(file_is(room, "file", "published"));
	cr_expect(entries_in(room_up) == 0);
}

Test(nodes, holes_stay_holes)
{
	struct upload_options a = on_node(NODE_A, 1), b = on_node(NODE_B, 2);
	struct upload *u;

	a.allocate = b.allocate = BLOCK;
	assert_ok(begin(&u, &a));
	assert_ok(write_block(u, size, 0, 1));
	assert_ok(upload_hole(u, BLOCK, size - BLOCK));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	assert_ok(begin(&u, &b));
	cr_expect_str_eq(have_text(), "0 1 2 3");
	cr_expect(stat_of(room_up, name_on(NODE_B, ".part")).st_blocks * 512 < 2 * (int64_t)BLOCK);
	assert_ok(upload_close(u, UPLOAD_DISCARD));
}

Test(nodes, nobody_goes_on_with_what_has_no_size_yet)
{
	struct upload_options a = on_node(NODE_A, 1), b = on_node(NODE_B, 1);
	struct upload *u;

	a.identity.size = b.identity.size = UPLOAD_SIZE_UNKNOWN;
	a.allocate = b.allocate = 0;
	assert_ok(begin(&u, &a));
	assert_ok(write_blocks(u, size, 0, 2, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	assert_ok(begin(&u, &b));
	cr_expect_str_eq(have_text(), "");
	assert_ok(upload_close(u, UPLOAD_DISCARD));
}

Test(nodes, no_space_for_the_copy_is_said_before_it_is_made)
{
	struct upload_options a = on_node(NODE_A, 1), b = on_node(NODE_B, 2);
	struct upload *u;

	leave(&a, 0, 2);
	b.keep_free = UINT64_MAX / 2;
	assert_error(begin(&u, &b), FTX_E_NO_SPACE);
	cr_expect(exists(room_up, name_on(NODE_A, ".part")));
}

Test(nodes, a_sweep_takes_the_journals_of_its_own_node_alone)
{
	static const char *const nodes[] = {"", NODE_A, NODE_B};

	for (size_t i = 0; i < 3; i++) {
		for (size_t n = 0; n < 3; n++)
			make_file(room_up, name_on(nodes[n], ".jnl"), "", 0600);
		upload_sweep(room_up, nodes[i]);
		for (size_t n = 0; n < 3; n++) {
			cr_expect_eq(exists(room_up, name_on(nodes[n], ".jnl")), n != i,
				     "journal of %zu, sweep of %zu", n, i);
			unlinkat(room_up, name_on(nodes[n], ".jnl"), 0);
		}
	}
}

/* A directory for temporary names that nobody has locked, with a file in it. */
static void
make_temp(const char *name, unsigned days)
{
	const struct timespec then[2] = {{.tv_nsec = UTIME_OMIT},
					 {.tv_sec = time(NULL) - days * 86400 - 60}};
	char path[160];

	snprintf(path, sizeof(path), "tmp/%s", name);
	cr_assert(mkdirat(room_up, path, 0700) == 0);
	snprintf(path, sizeof(path), "tmp/%s/f", name);
	make_file(room_up, path, "x", 0600);
	snprintf(path, sizeof(path), "tmp/%s", name);
	cr_assert(utimensat(room_up, path, then, 0) == 0);
}

static bool
temp_is_there(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "tmp/%s", name);
	return exists(room_up, path);
}

Test(nodes, temporary_directories_of_another_one_are_left_for_a_week)
{
	static const char digits[] = "00112233445566778899aabbccddeeff";
	char own[STAGING_TEMP_BYTES], other[STAGING_TEMP_BYTES], old[STAGING_TEMP_BYTES];
	char mine[STAGING_TEMP_BYTES];
	int dir;

	assert_ok(staging_temp_open(room_up, NODE_A, &dir, mine));
	cr_expect_eq(strlen(mine), STAGING_TEMP_BYTES - 1);
	cr_expect_eq(strncmp(mine, NODE_A ".", strlen(NODE_A) + 1), 0);
	snprintf(own, sizeof(own), "%s.%s", NODE_A, digits);
	snprintf(other, sizeof(other), "%s.%s", NODE_B, digits);
	snprintf(old, sizeof(old), "%s.%.31s0", NODE_B, digits);
	make_temp(own, 0);
	make_temp(other, 6);
	make_temp(old, 7);
	make_temp(digits, 6); /* of a time when there was one node */
	staging_temp_sweep(room_up, NODE_A);
	cr_expect(temp_is_there(mine), "its session lives");
	cr_expect_not(temp_is_there(own));
	cr_expect(temp_is_there(other));
	cr_expect_not(temp_is_there(old));
	cr_expect(temp_is_there(digits));
	staging_temp_sweep(room_up, "");
	cr_expect(temp_is_there(other));
	cr_expect_not(temp_is_there(digits));
	staging_temp_close(room_up, dir, mine);
}

Test(nodes, each_has_sets_of_its_own)
{
	struct set_options a = {.root = room,
				.destination = "dst",
				.mode = SET_EXCHANGE,
				.staging = room_up,
				.locks = room_up,
				.node = NODE_A};
	struct set_options b = a;
	struct set *one, *other;

	b.node = NODE_B;
	b.session_id[0] = 1;
	assert_ok(set_begin(&one, &a));
	make_file(set_directory(one), "which", "one", 0644);
	assert_ok(set_begin(&other, &b));
	cr_expect_str_neq(set_id(one), set_id(other));
	cr_expect(entries_in(set_directory(other)) == 0);
	make_file(set_directory(other), "which", "other", 0644);
	assert_ok(set_publish(other));
	set_end(other);
	/* Who was paused has a directory of its own. */
	make_file(set_directory(one), "late", "late", 0644);
	cr_expect(file_is(room, "dst/which", "other") && !exists(room, "dst/late"));
	assert_ok(set_publish(one));
	cr_expect(file_is(room, "dst/which", "one"));
	assert_ok(set_remove_old(one));
	set_end(one);
	cr_expect(entries_in(room_up) == 0);
}
