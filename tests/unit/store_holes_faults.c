/*
 * Holes on a disk that fails, is full or cannot make them, and in processes that are killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_sparse.h"

TestSuite(holes_faults, .init = room_begin, .fini = room_end);

Test(holes_faults, T46_are_on_the_disk_before_their_slots)
{
	const struct sparse f = {3000 * BLOCK, {{0, 3000 * BLOCK}}, 1};
	struct upload_options o = sparse_upload(&f, false);
	struct upload *u;

	assert_ok(begin(&u, &o));
	trace_start();
	assert_ok(upload_hole(u, 0, 2 * BLOCK + 5));
	cr_expect_str_eq(trace_text(), "fallocate part, ftruncate part");
	trace_start();
	assert_ok(upload_checkpoint(u));
	cr_expect_str_eq(trace_text(), "fdatasync part, pwrite jnl, fdatasync jnl");
	assert_ok(upload_hole(u, 2 * BLOCK + 5, BLOCK - 5));
	/* A slot goes before the block changes. */
	trace_start();
	assert_ok(upload_hole(u, 0, BLOCK));
	cr_expect_str_eq(trace_text(), "pwrite jnl, fdatasync jnl, fallocate part");
	/* More than can be pending. */
	trace_start();
	assert_ok(upload_hole(u, 10 * BLOCK, 258 * BLOCK));
	cr_expect_str_eq(trace_text(), "fallocate part, fdatasync part, pwrite jnl, pwrite jnl, "
				       "pwrite jnl, fdatasync jnl, pwrite jnl, pwrite jnl");
	trace_start();
	assert_ok(upload_checkpoint(u));
	cr_expect_str_eq(trace_text(), "fdatasync jnl");
	trace_start();
	assert_ok(upload_checkpoint(u));
	cr_expect_str_eq(trace_text(), "");
	assert_ok(upload_close(u, UPLOAD_DISCARD));
}

Test(holes_faults, are_kept_where_the_file_system_punches_none)
{
	const struct sparse f = {40 * BLOCK, {{0, 20 * BLOCK}, {20 * BLOCK + 5, 19 * BLOCK}}, 1};
	struct upload_options o = sparse_upload(&f, false);

	fault_set("fallocate", 1, EOPNOTSUPP);
	put_sparse(&o, &f);
	cr_expect(fault_hit());
	cr_expect(sparse_is("file", &f));
	cr_expect((uint64_t)stat_of(room, "file").st_blocks * 512 <= sparse_most_on_disk(&f));
	/* Interrupted is something else. */
	fault_set("fallocate", 1, EINTR);
	trace_start();
	put_sparse(&o, &f);
	cr_expect(fault_hit() && strncmp(strstr(trace_text(), "fallocate"),
					 "fallocate part, fallocate part, ftruncate", 41) == 0);
}

Test(holes_faults, that_the_disk_has_no_room_for_keep_what_was_finished)
{
	static const struct {
		const char *call;
		int errnum, error;
		bool kept;
	} cases[] = {
	    {"fallocate", ENOSPC, FTX_E_NO_SPACE, true},
	    {"fallocate", EDQUOT, FTX_E_QUOTA, true},
	    {"fallocate", EIO, FTX_E_IO, false},
	    {"ftruncate", ENOSPC, FTX_E_NO_SPACE, true},
	    {"ftruncate", EDQUOT, FTX_E_QUOTA, true},
	    {"ftruncate", EIO, FTX_E_IO, false},
	    {"ftruncate", EFBIG, FTX_E_TOO_LARGE, false},
	    {"fdatasync", ENOSPC, FTX_E_NO_SPACE, false},
	    {"fdatasync", EIO, FTX_E_IO, false},
	    {"pwrite", ENOSPC, FTX_E_NO_SPACE, true},
	    {"pwrite", EIO, FTX_E_IO, false},
	};
	const struct sparse f = {2000 * BLOCK, {{BLOCK + CHUNK, 1800 * BLOCK}}, 1};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct upload_options o = sparse_upload(&f, i % 2 == 1);
		struct upload *u;

		assert_ok(begin(&u, &o));
		assert_ok(send_sparse(u, &f, 0, BLOCK));
		assert_ok(upload_checkpoint(u));
		assert_ok(send_data(u, &f, BLOCK, CHUNK));
		fault_set(cases[i].call, 1, cases[i].errnum);
		assert_error(upload_hole(u, BLOCK + CHUNK, 1800 * BLOCK), cases[i].error);
		cr_expect(fault_hit());
		fault_set(NULL, 0, 0);
		assert_error(upload_hole(u, 0, BLOCK), cases[i].error);
		assert_error(upload_checkpoint(u), cases[i].error);
		assert_error(upload_close(u, UPLOAD_KEEP), cases[i].error);
		cr_expect(cases[i].kept || entries_in(i % 2 == 1 ? room : room_up) == 0, "%u", i);
		assert_ok(begin(&u, &o));
		cr_expect((have_count > 0) == cases[i].kept, "%u", i);
		cr_expect(have_count == 0 || have[0].first <= 1);
		assert_ok(upload_close(u, UPLOAD_DISCARD));
	}
}

/* What is left of a put that was killed in front of its nth call is gone on with. */
static void
put_in_child(const struct upload_options *o, const struct sparse *f, unsigned nth)
{
	const struct upload_commit c = {.metadata = {.type = ENTRY_FILE, .mode = 0444}};
	struct upload *u;

	fault_set("any", nth, FAULT_KILL);
	if (begin(&u, o) != 0 || send_sparse(u, f, 0, 2 * BLOCK) != 0 ||
	    upload_checkpoint(u) != 0 || send_sparse(u, f, 2 * BLOCK, f->size) != 0 ||
	    upload_commit(u, &c, &result) != 0 || upload_close(u, UPLOAD_KEEP) != 0)
		_exit(1);
	_exit(0);
}

static void
send_missing(struct upload *u, const struct sparse *f)
{
	for (uint64_t b = 0; b < sparse_blocks(f); b++) {
		bool there = false;

		for (uint32_t i = 0; i < have_count; i++)
			there = there || (b >= have[i].first && b - have[i].first < have[i].count);
		if (!there)
			assert_ok(send_sparse(u, f, b * BLOCK, least((b + 1) * BLOCK, f->size)));
	}
}

Test(holes_faults, T60_killed_anywhere_are_zeros_where_the_table_has_them)
{
	const struct sparse f = {
	    303 * BLOCK + 77, {{CHUNK, 2 * BLOCK}, {3 * BLOCK, 300 * BLOCK}}, 1};
	const struct upload_commit c = {.metadata = {.type = ENTRY_FILE, .mode = 0644}};
	struct digest d = sparse_digest(&f, 0, 304);

	for (unsigned i = 0;; i++) {
		struct upload_options o = sparse_upload(&f, i % 2 == 1);
		struct upload *u;
		pid_t child = fork();
		int status;

		if (child == 0)
			put_in_child(&o, &f, i / 2 + 1);
		cr_assert(waitpid(child, &status, 0) == child);
		if (WIFEXITED(status)) {
			cr_expect(WEXITSTATUS(status) == 0 && i > 20);
			break;
		}
		set_session(&o, 2);
		assert_ok(begin(&u, &o));
		send_missing(u, &f);
		assert_ok(upload_commit(u, &c, &result));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		cr_assert(digest_equal(&result.digest, &d));
		cr_assert(sparse_is("file", &f), "%u", i);
		cr_assert(entries_in(room_up) == 0 && entries_in(room) == 1);
		unlinkat(room, "file", 0);
	}
}

static void
hole_and_die(const struct upload_options *o, uint64_t durable, uint64_t finished)
{
	struct upload *u;

	if (begin(&u, o) != 0 || (durable > 0 && upload_hole(u, 0, durable * BLOCK) != 0) ||
	    upload_checkpoint(u) != 0 ||
	    upload_hole(u, durable * BLOCK, (finished - durable) * BLOCK + 5) != 0)
		_exit(1);
	raise(SIGKILL);
}

Test(holes_faults, T60_killed_leave_what_was_checkpointed)
{
	/* More than 256 blocks at once are a checkpoint of their own. */
	static const uint64_t cases[][3] = {{0, 3, 0}, {2, 5, 2}, {0, 300, 300}, {300, 301, 300}};

	for (unsigned i = 0; i < 8; i++) {
		const uint64_t *n = cases[i / 2];
		struct sparse f = {1000 * BLOCK, {{0, 1000 * BLOCK}}, 1};
		struct upload_options o = sparse_upload(&f, i % 2 == 1);
		struct upload *u;
		pid_t child = fork();

		if (child == 0)
			hole_and_die(&o, n[0], n[1]);
		cr_assert(waitpid(child, NULL, 0) == child);
		assert_ok(begin(&u, &o));
		cr_expect(have_is((struct block_range[]){{0, n[2]}}, n[2] > 0), "%u", i);
		assert_ok(upload_close(u, UPLOAD_DISCARD));
	}
}
