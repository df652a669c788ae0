/* A tree from a server: what is made on this disk, and what is not. */
#include "tests/unit/client_served.h"

#include "tests/harness/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

static struct rig rig;
static struct served served;

static void
begin(const struct served_entry *entries, size_t count)
{
	served = (struct served){.entries = entries, .count = count};
	rig_init(&rig, TRANSFER_GET);
}

static int
get(void)
{
	rig_start(&rig);
	rig_stream(&rig, served_serve, &served);
	served_push(&rig, &served);
	return rig_run(&rig);
}

static const struct served_entry tree[] = {
    {.path = "", .type = ENTRY_DIRECTORY, .mode = 0711},
    {.path = "a", .type = ENTRY_DIRECTORY, .mode = 0500},
    {.path = "a/f", .type = ENTRY_FILE, .size = 300},
    {.path = "a/b", .type = ENTRY_DIRECTORY},
    {.path = "a/b/g", .type = ENTRY_FILE, .size = 0},
    {.path = "l", .type = ENTRY_SYMLINK, .target = "a/f"},
    {.path = "z", .type = ENTRY_FILE, .size = 70000, .mode = 0400},
};
#define TREE (sizeof(tree) / sizeof(tree[0]))

Test(client_get_tree, everything_is_there_with_its_metadata)
{
	char target[16] = "";
	struct stat st;

	begin(tree, TREE);
	cr_expect(get() == 0);
	rig_streams_end(&rig);
	cr_expect_str_eq(rig_names(&rig), "a/ a/b/ a/b/g a/f l z");
	for (size_t i = 0; i < TREE; i++) {
		const char *path = tree[i].path[0] != '\0' ? tree[i].path : ".";
		struct metadata m = served_metadata(&served, i);

		cr_assert(fstatat(rig.dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0);
		cr_expect(st.st_mtim.tv_sec == m.mtime_s && st.st_mtim.tv_nsec == (long)m.mtime_ns,
			  "%s", path);
		cr_expect(tree[i].type == ENTRY_SYMLINK || (st.st_mode & 07777) == m.mode, "%s",
			  path);
		cr_expect(tree[i].type != ENTRY_FILE || rig_has(&rig, path, path, tree[i].size));
	}
	cr_expect(readlinkat(rig.dir, "l", target, sizeof(target)) == 3);
	cr_expect_str_eq(target, "a/f");
	cr_expect(rig.run.outcome.done == 4 && rig.run.outcome.total == 4);
	rig_end(&rig);
}

/* Once more: nothing is asked for and nothing is touched. */
Test(client_get_tree, what_is_the_same_is_left_alone)
{
	static struct rig second;
	struct served again = {.entries = tree, .count = TREE};

	begin(tree, TREE);
	cr_expect(get() == 0);
	rig_init_again(&second, &rig);
	rig_start(&second);
	rig_stream(&second, served_serve, &again);
	served_push(&second, &again);
	cr_expect(rig_run(&second) == 0);
	cr_expect(again.fetches == 0 && again.reads == 0);
	cr_expect(second.run.outcome.same == 4 && second.run.outcome.done == 0);
	cr_expect(second.run.sync_owed);
	rig_end(&second);
	rig_end(&rig);
}

Test(client_get_tree, metadata_alone_is_set_without_content)
{
	struct stat st;

	begin(tree, TREE);
	rig_file(&rig, "z", 70000);
	cr_assert(utimensat(rig.dir, "z", (struct timespec[2]){{1006, 500}, {1006, 500}}, 0) == 0);
	cr_expect(get() == 0);
	cr_expect(rig_said(&rig, "z")->action == ACTION_METADATA);
	cr_expect(fstatat(rig.dir, "z", &st, 0) == 0 && (st.st_mode & 07777) == 0400);
	cr_expect(rig_said(&rig, "z")->bytes_sent == 0);
	rig_end(&rig);
}

Test(client_get_tree, a_dry_run_makes_nothing)
{
	static const struct served_entry linked[] = {
	    {.path = "", .type = ENTRY_DIRECTORY},
	    {.path = "d", .type = ENTRY_DIRECTORY},
	    {.path = "d/m", .type = ENTRY_FILE, .size = 5, .links = 77},
	    {.path = "d/n", .type = ENTRY_FILE, .size = 5, .links = 77},
	    {.path = "l", .type = ENTRY_SYMLINK, .target = "x"},
	};

	begin(linked, 5);
	rig.request.dry_run = true;
	cr_expect(get() == 0);
	cr_expect(served.fetches == 0 && served.reads == 0);
	cr_expect_str_eq(rig_names(&rig), "");
	cr_expect(rig_said(&rig, "d/n")->status == STATUS_PLANNED);
	cr_expect(rig.run.outcome.done == 3);
	rig_end(&rig);
}

/* --dry-run to a place that is not there. */
Test(client_get_tree, a_dry_run_needs_no_destination)
{
	begin(tree, TREE);
	rig.request.dry_run = true;
	rig_start(&rig);
	rig.root.local = -1;
	rig_stream(&rig, served_serve, &served);
	served_push(&rig, &served);
	cr_expect(rig_run(&rig) == 0);
	cr_expect(rig.run.outcome.done == 4);
	rig_end(&rig);
}

static const struct served_entry linked[] = {
    {.path = "", .type = ENTRY_DIRECTORY},
    {.path = "m", .type = ENTRY_FILE, .size = 500, .links = 77},
    {.path = "d", .type = ENTRY_DIRECTORY},
    {.path = "d/n", .type = ENTRY_FILE, .size = 500, .links = 77},
};

Test(client_get_tree, names_of_one_file_are_linked)
{
	struct stat one, two;

	begin(linked, 4);
	cr_expect(get() == 0);
	cr_expect(fstatat(rig.dir, "m", &one, 0) == 0 && fstatat(rig.dir, "d/n", &two, 0) == 0);
	cr_expect(one.st_ino == two.st_ino && one.st_nlink == 2);
	cr_expect(served.fetches == 1 && rig.run.outcome.done == 2);
	rig_end(&rig);
}

/* A name that stays is no name of what comes; the other one is a file of its own. */
Test(client_get_tree, what_has_one_of_the_names_stays_with_ignore_existing)
{
	for (int there = 0; there < 2; there++) {
		const char *stays = there == 0 ? "m" : "d/n", *comes = there == 0 ? "d/n" : "m";
		struct stat st;

		begin(linked, 4);
		rig_file(&rig, stays, 3);
		rig.request.hard_links = true;
		rig.request.ignore_existing = true;
		cr_expect(get() == 0);
		cr_expect(rig_has(&rig, stays, stays, 3) && rig_said(&rig, stays) != NULL &&
			  rig_said(&rig, stays)->status == STATUS_IGNORED);
		cr_expect(fstatat(rig.dir, comes, &st, 0) == 0 && st.st_nlink == 1 &&
			  st.st_size == 500);
		cr_expect(rig.run.outcome.done == 1 && rig.run.outcome.failed == 0);
		rig_end(&rig);
	}
}

static bool
deny_fetch(struct served *v, struct peer *p)
{
	(void)v;
	return p->message.type == MESSAGE_FETCH && peer_error(p, FTX_E_DENIED);
}

/* What has the first name here is another, older file. */
Test(client_get_tree, names_of_a_file_that_failed_fail_too)
{
	begin(linked, 4);
	rig_file(&rig, "m", 3);
	served.hook = deny_fetch;
	cr_expect(get() == 0);
	cr_expect(rig_error(&rig, "m") != NULL && rig_error(&rig, "d/n") != NULL);
	cr_expect(!rig_exists(&rig, "d/n") && rig_has(&rig, "m", "m", 3));
	rig_end(&rig);
}

/* Something of another type here is never replaced, but for a file by a link and the reverse. */
Test(client_get_tree, another_type_is_a_conflict_and_stays)
{
	struct stat st;

	begin(tree, TREE);
	rig_directory(&rig, "z");
	rig_file(&rig, "l", 5);
	rig_file(&rig, "a", 7);
	cr_expect(get() == 0);
	cr_expect(rig_error(&rig, "z")->problem.error == FTX_E_CONFLICT);
	cr_expect(rig_error(&rig, "l") == NULL);
	cr_expect(rig_error(&rig, "a")->problem.error == FTX_E_CONFLICT);
	cr_expect(rig_error(&rig, "z")->problem.side == SIDE_LOCAL);
	cr_expect_str_eq(rig_names(&rig), "a l z/");
	cr_expect(rig_has(&rig, "a", "a", 7));
	cr_expect(fstatat(rig.dir, "l", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode));
	rig_end(&rig);
}

/* T35: the destination has a link where the server has a directory; nothing goes through it. */
static const struct served_entry through[] = {
    {.path = "", .type = ENTRY_DIRECTORY},
    {.path = "d", .type = ENTRY_DIRECTORY},
    {.path = "d/small", .type = ENTRY_FILE, .size = 10},
    {.path = "d/big", .type = ENTRY_FILE, .size = 2 * (uint64_t)LIMIT_BLOCK_BYTES},
    {.path = "d/link", .type = ENTRY_SYMLINK, .target = "x"},
    {.path = "d/e", .type = ENTRY_DIRECTORY},
    {.path = "d/e/f", .type = ENTRY_FILE, .size = 10},
};

Test(client_get_tree, T31_T35_nothing_goes_through_a_link)
{
	char outside[64];

	unit_directory(outside, sizeof(outside), "outside");
	begin(through, 7);
	cr_assert(symlinkat(outside, rig.dir, "d") == 0);
	(void)get();
	cr_expect(rig.run.outcome.done == 0);
	rig_streams_end(&rig);
	cr_expect_str_eq(rig_names(&rig), "d");
	cr_expect(rmdir(outside) == 0, "something was made outside");
	rig_end(&rig);
}

/* T35: one name as a link and, with things in it, as a directory. */
static const struct served_entry twice[] = {
    {.path = "", .type = ENTRY_DIRECTORY},
    {.path = "d", .type = ENTRY_SYMLINK, .target = "../outside-of-it"},
    {.path = "e", .type = ENTRY_DIRECTORY},
    {.path = "e/f", .type = ENTRY_FILE, .size = 10},
};

Test(client_get_tree, T35_a_link_that_was_just_made_is_not_followed)
{
	char outside[128];

	begin(twice, 4);
	/* As the server says it: the link has the directory's name. */
	snprintf(outside, sizeof(outside), "%s/in", rig.directory);
	cr_assert(mkdir(outside, 0700) == 0);
	cr_assert(symlinkat("in", rig.dir, "e") == 0);
	(void)get();
	rig_streams_end(&rig);
	cr_expect_str_eq(rig_names(&rig), "d e in/");
	rig_end(&rig);
}

/* A partial of an earlier run whose file came another way is no use any more. */
static bool
half(struct served *v, struct peer *p)
{
	if (p->message.type != MESSAGE_READ)
		return false;
	served_range(p, "f", 0, LIMIT_BLOCK_BYTES + 10);
	v->over = true;
	return true;
}

static const struct served_entry one[] = {
    {.path = "", .type = ENTRY_DIRECTORY},
    {.path = "f", .type = ENTRY_FILE, .size = LIMIT_BLOCK_BYTES + 1000},
};

Test(client_get_tree, a_partial_of_what_is_there_already_is_removed)
{
	static struct rig second;
	struct served whole = {.entries = one, .count = 2};

	begin(one, 2);
	served.hook = half;
	cr_expect(get() == FTX_E_CLOSED);
	rig_streams_end(&rig);
	cr_expect(strstr(rig_names(&rig), ".part") != NULL);
	rig_file(&rig, "f", LIMIT_BLOCK_BYTES + 1000);
	cr_assert(fchmodat(rig.dir, "f", 0640, 0) == 0);
	cr_assert(utimensat(rig.dir, "f", (struct timespec[2]){{1001, 500}, {1001, 500}}, 0) == 0);
	rig_init_again(&second, &rig);
	rig_start(&second);
	rig_stream(&second, served_serve, &whole);
	served_push(&second, &whole);
	cr_expect(rig_run(&second) == 0);
	cr_expect(rig_said(&second, "f")->status == STATUS_SAME);
	rig_streams_end(&second);
	cr_expect_str_eq(rig_names(&second), "f");
	rig_end(&second);
	rig_end(&rig);
}

/* Several streams fill one tree. */
Test(client_get_tree, three_streams_make_one_tree)
{
	struct served several[3];

	begin(tree, TREE);
	rig_start(&rig);
	for (unsigned i = 0; i < 3; i++) {
		several[i] = (struct served){.entries = tree, .count = TREE};
		rig_stream(&rig, served_serve, &several[i]);
	}
	served_push(&rig, &several[0]);
	cr_expect(rig_run(&rig) == 0);
	cr_expect(rig.run.outcome.done == 4);
	rig_streams_end(&rig);
	cr_expect_str_eq(rig_names(&rig), "a/ a/b/ a/b/g a/f l z");
	rig_end(&rig);
}
