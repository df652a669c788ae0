#include "src/store/staging.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_helpers.h"

TestSuite(staging, .init = room_begin, .fini = room_end);

static const uint8_t key_a[32] = {1}, key_b[32] = {2};

static mode_t
mode_of(int dir, const char *name)
{
	struct stat st;

	cr_assert(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	return st.st_mode & 07777;
}

Test(staging, is_made_once_for_each_client_and_closed_to_others)
{
	int a, again, b;
	struct stat st_a, st_again, st_b;

	assert_ok(staging_open(room, key_a, &a));
	assert_ok(staging_open(room, key_a, &again));
	assert_ok(staging_open(room, key_b, &b));
	cr_assert(fstat(a, &st_a) == 0 && fstat(again, &st_again) == 0 && fstat(b, &st_b) == 0);
	cr_expect(st_a.st_ino == st_again.st_ino);
	cr_expect(st_a.st_ino != st_b.st_ino);
	cr_expect((st_a.st_mode & 07777) == 0700);
	cr_expect(mode_of(room, ".ftx") == 0700);
	cr_expect(mode_of(a, "..") == 0700);
	cr_expect(fsync(a) == 0, "not an O_PATH descriptor");
	close(a);
	close(again);
	close(b);
}

Test(staging, is_named_after_the_hash_of_the_key)
{
	/* BLAKE2b-256 of 01 00...00 begins with these bytes (b2sum -l 256). */
	int up;

	assert_ok(staging_open(room, key_a, &up));
	cr_expect(exists(room, ".ftx/afbc1c053c2f278e/up"));
	close(up);
}

Test(staging, is_not_looked_for_behind_a_link)
{
	int up;

	cr_assert(symlinkat("..", room, ".ftx") == 0);
	cr_expect(staging_open(room, key_a, &up) != 0);
	cr_expect(entries_in(room) == 1);
}

Test(staging, is_not_used_where_it_belongs_to_somebody_else)
{
	int up;

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: only root can give a directory away\n");
		return;
	}
	cr_assert(mkdirat(room, ".ftx", 0777) == 0);
	cr_assert(fchownat(room, ".ftx", 1234, 1234, 0) == 0);
	assert_error(staging_open(room, key_a, &up), FTX_E_DENIED);
}

Test(staging, closes_a_directory_that_stood_open)
{
	int up;

	cr_assert(mkdirat(room, ".ftx", 0755) == 0);
	assert_ok(staging_open(room, key_a, &up));
	cr_expect(mode_of(room, ".ftx") == 0700);
	close(up);
}

Test(staging, gives_every_path_server_and_name_a_partial_of_its_own)
{
	char ids[7][UPLOAD_ID_BYTES];

	staging_server_id(ids[0], "a", 1);
	staging_server_id(ids[1], "b", 1);
	staging_server_id(ids[2], "a/b", 3);
	staging_client_id(ids[3], key_a, "a", 1, "bc");
	staging_client_id(ids[4], key_a, "ab", 2, "c");
	staging_client_id(ids[5], key_b, "a", 1, "bc");
	staging_client_id(ids[6], key_a, "a", 1, "bd");
	for (unsigned i = 0; i < 7; i++) {
		cr_expect(strlen(ids[i]) == 32);
		cr_expect(strspn(ids[i], "0123456789abcdef") == 32);
		for (unsigned j = 0; j < i; j++)
			cr_expect(strcmp(ids[i], ids[j]) != 0, "%u %u", i, j);
	}
}

Test(staging, names_partials_as_PROTOCOL_says)
{
	char id[UPLOAD_ID_BYTES];

	/* printf 'ftx1 partialdir/file' | b2sum -l 128 */
	staging_server_id(id, "dir/file", 8);
	cr_expect_str_eq(id, "f949b761a67591c7f18308497d636923");
	/* "ftx1 get", 01 00...00, LE32(1), "a", "bc" */
	staging_client_id(id, key_a, "a", 1, "bc");
	cr_expect_str_eq(id, "64530f0d0e3133e34c69a1a5840ac197");
}

Test(staging, a_temporary_directory_is_there_while_its_session_is)
{
	char names[2][STAGING_TEMP_BYTES];
	int a, b, up;

	assert_ok(staging_open(room, key_a, &up));
	assert_ok(staging_temp_open(up, "", &a, names[0]));
	assert_ok(staging_temp_open(up, "", &b, names[1]));
	cr_expect_str_neq(names[0], names[1]);
	make_file(a, "left", "", 0600);
	cr_assert(symlinkat("x", a, "link") == 0);
	staging_temp_close(up, b, names[1]);
	cr_expect(exists(room, ".ftx/afbc1c053c2f278e/up/tmp"));
	cr_expect(exists(a, "left"), "its session lives");
	staging_temp_close(up, a, names[0]);
	a = openat(up, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_expect_eq(entries_in(a), 0);
	close(a);
	close(up);
}

Test(staging, what_dead_sessions_left_is_removed_a_bounded_number_at_a_time)
{
	char name[STAGING_TEMP_BYTES];
	int up, dir, tmp;

	assert_ok(staging_open(room, key_a, &up));
	assert_ok(staging_temp_open(up, "", &dir, name));
	tmp = openat(up, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; i < 70; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%032u", i);
		cr_assert(mkdirat(tmp, left, 0700) == 0);
		snprintf(left, sizeof(left), "%032u/file", i);
		make_file(tmp, left, "", 0600);
	}
	cr_assert(mkdirat(tmp, "other", 0700) == 0);
	cr_expect_eq(entries_in(tmp), 72);
	staging_temp_sweep(up, "");
	cr_expect_eq(entries_in(tmp), 72 - 64);
	staging_temp_sweep(up, "");
	cr_expect_eq(entries_in(tmp), 2, "this one, and the one that is not ours");
	staging_temp_close(up, dir, name);
	close(tmp);
	close(up);
}
