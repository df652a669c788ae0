#include "src/store/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_helpers.h"

TestSuite(walk, .init = room_begin, .fini = room_end);

static const struct walk_options all = {.recursive = true};

static struct walk *
walk_room(const struct walk_options *options)
{
	struct walk *w;

	assert_ok(walk_new(&w, room, options));
	return w;
}

/* "<" and ">" for ENTER and LEAVE, the path of an entry, "!error" behind the path of an error. */
static void
print_item(FILE *out, const struct walk_item *i)
{
	switch (i->kind) {
	case WALK_ENTER:
		fprintf(out, "<%s ", i->path);
		break;
	case WALK_ENTRY:
		fprintf(out, "%s ", i->path);
		break;
	case WALK_ERROR:
		fprintf(out, "%s!%s%s ", i->path, error_name(i->error), i->of_directory ? "!" : "");
		break;
	case WALK_LEAVE:
		fprintf(out, "%s> ", i->path);
		break;
	case WALK_END:
		break;
	}
}

/* A whole walk as text; between may change something after each item. */
static char *
walk_text(const struct walk_options *options, void (*between)(const struct walk_item *i))
{
	static char *text;
	struct walk *w = walk_room(options);
	struct walk_item item;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	do {
		assert_ok(walk_next(w, &item));
		cr_assert(
		    item.kind == WALK_END ||
		    (strlen(item.name) <= strlen(item.path) &&
		     strcmp(item.path + strlen(item.path) - strlen(item.name), item.name) == 0));
		print_item(out, &item);
		if (between != NULL)
			between(&item);
	} while (item.kind != WALK_END);
	assert_ok(walk_next(w, &item));
	cr_assert(item.kind == WALK_END);
	walk_free(w);
	fclose(out);
	return text;
}

static void
expect_walk(const struct walk_options *options, void (*between)(const struct walk_item *i),
	    const char *expected)
{
	char *text = walk_text(options, between);

	cr_expect_str_eq(text, expected);
	free(text);
}

static void
make_dirs(const char *const *names)
{
	for (; *names != NULL; names++)
		cr_assert(mkdirat(room, *names, 0755) == 0, "%s: %s", *names, strerror(errno));
}

static void
make_tree(void)
{
	static const char *const dirs[] = {"a", "a/y", "a/x", "b", NULL};

	make_dirs(dirs);
	make_file(room, "a-b", "1", 0644);
	make_file(room, "a.c", "1", 0644);
	make_file(room, "aa", "1", 0644);
	make_file(room, "a/f", "1", 0644);
	make_file(room, "a/x/g", "1", 0644);
	cr_assert(symlinkat("a", room, "link") == 0);
	make_file(room, ".ftx-1.part", "1", 0644);
	cr_assert(mkdirat(room, "b/.ftx", 0755) == 0);
	make_file(room, "b/.ftxx", "1", 0644);
}

Test(walk, gives_each_directory_complete_and_in_order_before_those_in_it)
{
	make_tree();
	expect_walk(&all, NULL,
		    "< a a-b a.c aa b link <a a/f a/x a/y <a/x a/x/g a/x> <a/y a/y> a> "
		    "<b b/.ftxx b> > ");
}

Test(walk, enters_nothing_but_the_top_where_it_is_not_recursive)
{
	const struct walk_options options = {0};

	make_tree();
	expect_walk(&options, NULL, "< a a-b a.c aa b link > ");
}

Test(walk, counts_reserved_names_or_shows_them)
{
	const struct walk_options shown = {.recursive = true, .show_reserved = true};
	struct walk *w = walk_room(&all);
	struct walk_item item;

	make_tree();
	do
		assert_ok(walk_next(w, &item));
	while (item.kind != WALK_END);
	cr_expect(walk_reserved(w) == 2);
	walk_free(w);
	expect_walk(&shown, NULL,
		    "< .ftx-1.part a a-b a.c aa b link <a a/f a/x a/y <a/x a/x/g a/x> <a/y a/y> "
		    "a> <b b/.ftx b/.ftxx <b/.ftx b/.ftx> b> > ");
}

static bool
not_a_or_f(void *arg, const char *path, bool is_directory)
{
	++*(int *)arg;
	if (strcmp(path, "a") == 0)
		cr_expect(is_directory);
	return strcmp(path, "a/x") != 0 && strcmp(path, "aa") != 0;
}

Test(walk, what_is_not_wanted_is_as_if_it_were_not_there)
{
	int asked = 0;
	const struct walk_options options = {
	    .recursive = true, .wanted = not_a_or_f, .arg = &asked};

	make_tree();
	expect_walk(&options, NULL, "< a a-b a.c b link <a a/f a/y <a/y a/y> a> <b b/.ftxx b> > ");
	cr_expect(asked == 10);
}

Test(walk, skip_passes_over_the_rest_of_the_current_directory)
{
	static const struct {
		enum walk_kind kind;
		const char *path, *expected;
	} cases[] = {
	    {WALK_ENTER, "", "< > "},
	    {WALK_ENTER, "a", "< a a-b a.c aa b link <a a> <b b/.ftxx b> > "},
	    {WALK_ENTRY, "a/f", "< a a-b a.c aa b link <a a/f a> <b b/.ftxx b> > "},
	    {WALK_LEAVE, "a/x",
	     "< a a-b a.c aa b link <a a/f a/x a/y <a/x a/x/g a/x> <a/y a/y> a> <b b/.ftxx b> > "},
	    {WALK_ENTRY, "a-b", "< a a-b > "},
	};

	make_tree();
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct walk *w = walk_room(&all);
		struct walk_item item;
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		do {
			assert_ok(walk_next(w, &item));
			print_item(out, &item);
			if (item.kind == cases[c].kind && strcmp(item.path, cases[c].path) == 0)
				walk_skip(w);
		} while (item.kind != WALK_END);
		walk_free(w);
		fclose(out);
		cr_expect_str_eq(text, cases[c].expected);
		free(text);
	}
}

Test(walk, gives_descriptors_and_stats_of_what_it_names)
{
	struct walk *w = walk_room(&all);
	struct walk_item item;

	make_tree();
	do {
		struct stat st;

		assert_ok(walk_next(w, &item));
		if (item.kind == WALK_ENTER)
			cr_assert(fstat(item.dir, &st) == 0 && st.st_ino == item.st.st_ino);
		if (item.kind == WALK_ENTRY)
			cr_assert(fstatat(item.dir, item.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
				  st.st_ino == item.st.st_ino);
		if (item.kind == WALK_ENTRY && strcmp(item.path, "link") == 0)
			cr_expect(S_ISLNK(item.st.st_mode));
	} while (item.kind != WALK_END);
	walk_free(w);
}

/* Checks the order of one directory; returns how many entries came. */
static unsigned
count_in_order(void)
{
	struct walk *w = walk_room(&all);
	char last[LIMIT_NAME_BYTES + 1] = "";
	struct walk_item item;
	unsigned count = 0;

	do {
		assert_ok(walk_next(w, &item));
		cr_assert(item.kind != WALK_ERROR);
		if (item.kind != WALK_ENTRY)
			continue;
		cr_assert(strcmp(last, item.name) < 0, "%s after %s", item.name, last);
		strcpy(last, item.name);
		count++;
	} while (item.kind != WALK_END);
	walk_free(w);
	return count;
}

Test(walk, knows_names_of_every_byte_and_of_255)
{
	char name[LIMIT_NAME_BYTES + 1] = "";
	unsigned made = 0;

	for (int byte = 1; byte < 256; byte++) {
		if (byte == '/')
			continue;
		name[0] = 'n';
		name[1] = (char)byte;
		make_file(room, name, "", 0600);
		name[1] = '\0';
		name[0] = (char)byte;
		if (byte != '.')
			make_file(room, name, "", 0600);
		made += byte != '.' ? 2 : 1;
	}
	memset(name, 0xff, LIMIT_NAME_BYTES);
	make_file(room, name, "", 0600);
	cr_expect(count_in_order() == made + 1);
}

/* More than a window holds, and more than one buffer of names. */
Test(walk, knows_50000_names)
{
	for (unsigned i = 0; i < 50000; i++) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "%x", i * 2654435761u);
		fd = openat(room, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		cr_assert(fd >= 0);
		close(fd);
	}
	cr_expect(count_in_order() == 50000);
}

/* Makes a chain of depth directories called name, and a file in the last one. */
static void
make_chain(const char *name, unsigned depth)
{
	int dir = dup(room);

	for (unsigned i = 0; i < depth; i++) {
		int next;

		cr_assert(mkdirat(dir, name, 0755) == 0);
		next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cr_assert(next >= 0);
		close(dir);
		dir = next;
	}
	make_file(dir, "f", "", 0644);
	close(dir);
}

static struct {
	unsigned entered, left, entries, names;
	size_t longest;
} seen;

static void
count_kinds(const struct walk_item *i)
{
	seen.entered += i->kind == WALK_ENTER;
	seen.left += i->kind == WALK_LEAVE;
	seen.entries += i->kind == WALK_ENTRY;
	if (i->kind == WALK_ERROR) {
		cr_expect(i->error == FTX_E_NAME && !i->of_directory);
		seen.names++;
	} else if (strlen(i->path) > seen.longest) {
		seen.longest = strlen(i->path);
	}
}

Test(walk, goes_as_deep_as_a_path_may)
{
	static const struct {
		unsigned depth, entered, entries, names;
	} cases[] = {
	    {100, 101, 101, 0},
	    {127, 128, 128, 0},
	    {128, 129, 128, 1},
	    {140, 129, 128, 1},
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		room_end();
		room_begin();
		memset(&seen, 0, sizeof(seen));
		make_chain("d", cases[c].depth);
		free(walk_text(&all, count_kinds));
		cr_expect(seen.entered == cases[c].entered && seen.left == seen.entered);
		cr_expect(seen.entries == cases[c].entries, "%u: %u", cases[c].depth, seen.entries);
		cr_expect(seen.names == cases[c].names);
	}
}

Test(walk, refuses_paths_that_are_too_long_and_goes_on)
{
	char name[LIMIT_NAME_BYTES + 1];

	memset(name, 'x', LIMIT_NAME_BYTES);
	name[LIMIT_NAME_BYTES] = '\0';
	make_chain(name, 18);
	make_file(room, "z", "", 0644);
	memset(&seen, 0, sizeof(seen));
	free(walk_text(&all, count_kinds));
	/* 16 names of 255 bytes and 15 slashes are 4095 bytes. */
	cr_expect(seen.entered == 17 && seen.left == 17);
	cr_expect(seen.entries == 17 && seen.names == 1);
	cr_expect(seen.longest == LIMIT_PATH_BYTES);
}

static void
exchange_a(const struct walk_item *i)
{
	if (i->kind != WALK_ENTRY || strcmp(i->path, "b") != 0)
		return;
	cr_assert(renameat(room, "a", room_up, "was-a") == 0);
	cr_assert(symlinkat("b", room, "a") == 0);
}

Test(walk, a_directory_that_becomes_a_link_is_an_error_and_not_followed)
{
	static const char *const dirs[] = {"a", "b", NULL};

	make_dirs(dirs);
	make_file(room, "a/f", "", 0644);
	make_file(room, "b/g", "", 0644);
	expect_walk(&all, exchange_a, "< a b <a a!changed! a> <b b/g b> > ");
}

static void
remove_a(const struct walk_item *i)
{
	if (i->kind == WALK_ENTRY && strcmp(i->path, "b") == 0)
		cr_assert(unlinkat(room, "a", AT_REMOVEDIR) == 0);
	cr_expect(i->kind != WALK_ENTER || S_ISDIR(i->st.st_mode));
}

Test(walk, a_directory_that_vanishes_is_an_error)
{
	static const char *const dirs[] = {"a", "b", NULL};

	make_dirs(dirs);
	expect_walk(&all, remove_a, "< a b <a a!vanished! a> <b b> > ");
}

static atomic_bool racing;
static atomic_uint exchanges;

static void *
exchange_for_ever(void *arg)
{
	(void)arg;
	while (atomic_load(&racing) && renameat2(room, "d", room, "l", RENAME_EXCHANGE) == 0)
		atomic_fetch_add(&exchanges, 1);
	return NULL;
}

/* Lets the other thread have its turn where there is one processor only. */
static void
let_exchange(const struct walk_item *i)
{
	unsigned before = atomic_load(&exchanges);

	if (i->kind == WALK_ENTRY)
		while (atomic_load(&exchanges) == before)
			sched_yield();
}

Test(walk, never_leads_elsewhere_while_others_exchange_directories_and_links)
{
	static const char *const dirs[] = {"d", "d/sub", NULL};
	pthread_t thread;

	make_dirs(dirs);
	make_file(room_up, "secret", "", 0644);
	cr_assert(symlinkat("../staging", room, "l") == 0);
	atomic_store(&racing, true);
	cr_assert(pthread_create(&thread, NULL, exchange_for_ever, NULL) == 0);
	for (int i = 0; i < 200; i++) {
		char *text = walk_text(&all, let_exchange);

		cr_assert(strstr(text, "secret") == NULL, "%s", text);
		free(text);
	}
	atomic_store(&racing, false);
	pthread_join(thread, NULL);
}

Test(walk, follows_links_where_told_but_in_no_circle)
{
	static const char *const dirs[] = {"a", "a/b", "c", NULL};
	const struct walk_options options = {.recursive = true, .follow = true};

	make_dirs(dirs);
	make_file(room, "c/f", "", 0644);
	cr_assert(symlinkat("../..", room, "a/b/top") == 0);
	cr_assert(symlinkat(".", room, "a/b/here") == 0);
	cr_assert(symlinkat("../../c", room, "a/b/to-c") == 0);
	cr_assert(symlinkat("missing", room, "a/b/nowhere") == 0);
	cr_assert(symlinkat("to-itself", room, "a/b/to-itself") == 0);
	cr_assert(symlinkat("../../c/f", room, "a/b/file") == 0);
	expect_walk(&options, NULL,
		    "< a c <a a/b <a/b a/b/file a/b/here!is_link a/b/nowhere!not_found a/b/to-c "
		    "a/b/to-itself!is_link a/b/top!is_link <a/b/to-c a/b/to-c/f a/b/to-c> a/b> a> "
		    "<c c/f c> > ");
}

Test(walk, mounts_are_refused_or_not_entered_where_told)
{
	static const char *const dirs[] = {"bound", "other", "own", "own/d", NULL};
	const struct walk_options refuse = {.recursive = true, .refuse_mounts = true};
	const struct walk_options stay = {.recursive = true, .one_file_system = true};
	char path[2][300], own[300];

	if (geteuid() != 0 || !own_mounts())
		cr_skip_test("no mount namespace");
	make_dirs(dirs);
	snprintf(path[0], sizeof(path[0]), "%.200s/share/bound", room_path);
	snprintf(path[1], sizeof(path[1]), "%.200s/share/other", room_path);
	snprintf(own, sizeof(own), "%.200s/share/own", room_path);
	cr_assert(mount(own, path[0], NULL, MS_BIND, NULL) == 0);
	cr_assert(mount("none", path[1], "tmpfs", 0, "size=64k") == 0);
	expect_walk(&refuse, NULL,
		    "< bound!other_file_system other!other_file_system own <own own/d <own/d "
		    "own/d> own> > ");
	expect_walk(&stay, NULL, "< bound other own <own own/d <own/d own/d> own> > ");
	expect_walk(&all, NULL,
		    "< bound other own <bound bound/d <bound/d bound/d> bound> <other other> <own "
		    "own/d <own/d own/d> own> > ");
	umount2(path[0], MNT_DETACH);
	umount2(path[1], MNT_DETACH);
}

Test(walk, a_directory_that_cannot_be_opened_is_entered_with_an_error)
{
	if (geteuid() != 0)
		cr_skip_test("needs root to become somebody else");
	cr_assert(fchmod(room, 0755) == 0);
	cr_assert(mkdirat(room, "a", 0700) == 0 && mkdirat(room, "b", 0755) == 0);
	cr_assert(seteuid(65534) == 0);
	expect_walk(&all, NULL, "< a b <a a!denied! a> <b b> > ");
	cr_assert(seteuid(0) == 0);
	cr_assert(fchmod(room, 0700) == 0);
	cr_assert(seteuid(65534) == 0);
	expect_walk(&all, NULL, "< !denied! > ");
	cr_assert(seteuid(0) == 0);
}
