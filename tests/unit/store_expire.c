/*
 * What nobody went on with for long goes, and nothing else.
 */
#include "src/store/staging_expire.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/store/set.h"
#include "src/store/staging.h"
#include "store_helpers.h"

static const uint8_t key[32] = {1};
static int up, sets, staging;

static void
begin_expire(void)
{
	room_begin();
	assert_ok(staging_open(room, key, &up));
	assert_ok(staging_open_sets(room, key, &sets));
	cr_assert((staging = openat(room, ".ftx", O_PATH | O_DIRECTORY)) >= 0);
}

static void
end_expire(void)
{
	close(staging);
	close(sets);
	close(up);
	room_end();
}

TestSuite(expire, .init = begin_expire, .fini = end_expire);

static struct staging_expired
expire_before(int64_t before_s)
{
	struct staging_expired e = {0};

	staging_expire(staging, before_s, &e, NULL, NULL);
	cr_expect_eq(e.failed, 0);
	return e;
}

/* A day ago. */
static void
age(int dir, const char *name)
{
	const struct timespec day_ago = {.tv_sec = time(NULL) - 86400};
	const struct timespec times[2] = {day_ago, day_ago};

	cr_assert(utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) == 0, "%s", name);
}

static int64_t
hour_ago(void)
{
	return time(NULL) - 3600;
}

static struct upload_options
upload_of(const char *name)
{
	struct upload_options o = server_upload(name, 2 * BLOCK);

	o.staging.dir = up;
	staging_server_id(o.staging.id, name, strlen(name));
	return o;
}

/* A partial with one of its two blocks. */
static struct upload *
half(const char *name)
{
	const struct upload_options o = upload_of(name);
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, 2 * BLOCK, 0, 1));
	assert_ok(upload_checkpoint(u));
	return u;
}

static void
age_partial(const char *name)
{
	const struct upload_options o = upload_of(name);
	char file[UPLOAD_ID_BYTES + 8];

	snprintf(file, sizeof(file), "%s.part", o.staging.id);
	age(up, file);
	snprintf(file, sizeof(file), "%s.jnl", o.staging.id);
	age(up, file);
}

Test(expire, an_old_partial_goes_with_its_journal_and_a_young_one_stays)
{
	struct staging_expired e;

	assert_ok(upload_close(half("old"), UPLOAD_KEEP));
	assert_ok(upload_close(half("young"), UPLOAD_KEEP));
	cr_assert_eq(entries_in(up), 4);
	age_partial("old");
	e = expire_before(hour_ago());
	cr_expect_eq(e.partials, 1);
	cr_expect_geq(e.bytes, BLOCK);
	cr_expect_eq(entries_in(up), 2);
	e = expire_before(hour_ago());
	cr_expect_eq(e.partials, 0);
}

Test(expire, one_of_whose_files_is_young_stays)
{
	const struct upload_options o = upload_of("f");
	char file[UPLOAD_ID_BYTES + 8];

	assert_ok(upload_close(half("f"), UPLOAD_KEEP));
	snprintf(file, sizeof(file), "%s.part", o.staging.id);
	age(up, file);
	cr_expect_eq(expire_before(hour_ago()).partials, 0);
	cr_expect_eq(entries_in(up), 2);
}

Test(expire, a_partial_that_somebody_has_stays_however_old)
{
	struct upload *u = half("f");

	age_partial("f");
	cr_expect_eq(expire_before(hour_ago()).partials, 0);
	cr_expect_eq(entries_in(up), 2);
	assert_ok(write_block(u, 2 * BLOCK, 1, 1));
	assert_ok(commit_whole(u, 2 * BLOCK, 1));
	assert_ok(upload_close(u, UPLOAD_DISCARD));
	cr_expect(content_is(room, "f", 2 * BLOCK, 1));
}

Test(expire, what_belongs_to_nothing_goes_when_it_is_old)
{
	static const char *const names[] = {
	    "00112233445566778899aabbccddeeff.part", /* without a journal */
	    "10112233445566778899aabbccddeeff.jnl",  /* without a partial */
	    "20112233445566778899aabbccddeeff.lock", /* without a set */
	    "30112233445566778899aabbccddeeff.jnl.new",
	    /* of a node (struct upload_staging) */
	    "40112233445566778899aabbccddeeff.0011223344556677.jnl",
	    "50112233445566778899aabbccddeeff.0011223344556677.part",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		make_file(up, names[i], "x", 0600);
	cr_expect_eq(expire_before(hour_ago()).partials, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		age(up, names[i]);
	cr_assert_eq(entries_in(up), 6);
	cr_expect_eq(expire_before(hour_ago()).partials, 5);
	cr_expect_eq(entries_in(up), 0);
}

static struct set *
begun_set(const char *destination)
{
	const struct set_options o = {
	    .root = room, .destination = destination, .staging = sets, .locks = up};
	struct set *s;

	assert_ok(set_begin(&s, &o));
	make_file(set_directory(s), "f", "123", 0644);
	return s;
}

Test(expire, a_set_goes_when_all_in_it_is_old_and_nobody_has_it)
{
	struct set *s = begun_set("dst");
	struct staging_expired e;

	/* Everything is older than tomorrow. */
	cr_expect_eq(expire_before(time(NULL) + 86400).sets, 0, "somebody has it");
	set_end(s);
	cr_expect_eq(expire_before(hour_ago()).sets, 0, "it is young");
	cr_expect_eq(entries_in(sets), 1);
	e = expire_before(time(NULL) + 86400);
	cr_expect_eq(e.sets, 1);
	cr_expect_eq(e.bytes - 3, 40, "what is in it, and its lock file");
	cr_expect_eq(entries_in(sets), 0);
	cr_expect_eq(entries_in(up), 0);
}

Test(expire, the_time_of_a_file_in_a_set_says_nothing)
{
	struct set *s = begun_set("dst");

	age(set_directory(s), "f");
	age(set_directory(s), ".");
	set_end(s);
	cr_expect_eq(expire_before(hour_ago()).sets, 0);
}

Test(expire, what_is_no_staging_is_left_alone)
{
	cr_assert(mkdirat(room, ".ftx/other", 0700) == 0);
	make_file(room, ".ftx/file", "x", 0600);
	age(room, ".ftx/file");
	cr_assert(symlinkat("../..", room, ".ftx/link") == 0);
	make_file(room, "up", "x", 0600);
	expire_before(time(NULL) + 86400);
	cr_expect(exists(room, ".ftx/file") && exists(room, ".ftx/other") && exists(room, "up"));
}
