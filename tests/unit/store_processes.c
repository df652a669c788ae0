/*
 * Uploads in several processes: killed ones, joined ones, and those that must wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store_helpers.h"

TestSuite(processes, .init = room_begin, .fini = room_end);

static const uint64_t size = 6 * BLOCK + 10;
static uint8_t chunk[LIMIT_CHUNK_BYTES];

/* Two pipes: the parent waits for the child's word, the child for the parent's. */
static int from_child[2], to_child[2];

static void
make_pipes(void)
{
	cr_assert(pipe2(from_child, O_CLOEXEC) == 0 && pipe2(to_child, O_CLOEXEC) == 0);
}

static void
say(int fd, int word)
{
	if (write(fd, &word, sizeof(word)) != (ssize_t)sizeof(word))
		_exit(99);
}

static int
hear(int fd)
{
	int word = -1;

	if (read(fd, &word, sizeof(word)) != (ssize_t)sizeof(word))
		return -1;
	return word;
}

/* The exit status, or 1000 and the signal. */
static int
end_of(pid_t child)
{
	int status;

	cr_assert(waitpid(child, &status, 0) == child);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What a child does that is killed: some blocks, a checkpoint, some more. */
static void
write_and_die(const struct upload_options *o, uint64_t durable, uint64_t finished)
{
	struct upload *u;

	if (begin(&u, o) != 0)
		_exit(1);
	if (write_blocks(u, size, 0, durable, 1) != 0 || upload_checkpoint(u) != 0 ||
	    write_blocks(u, size, durable, finished, 1) != 0)
		_exit(2);
	content_fill(chunk, finished * BLOCK, CHUNK, 1);
	if (upload_write(u, finished * BLOCK, chunk, CHUNK) != 0)
		_exit(3);
	raise(SIGKILL);
}

Test(processes, T60_killed_leave_exactly_what_was_checkpointed)
{
	static const struct {
		uint64_t durable, finished;
		const char *have;
	} cases[] = {
	    {0, 0, ""}, {0, 3, ""}, {1, 1, "0"}, {3, 5, "0 1 2"}, {5, 5, "0 1 2 3 4"},
	};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct upload_options o =
		    i % 2 == 0 ? server_upload("file", size) : client_upload("file", size);
		struct upload *u;
		pid_t child = fork();

		if (child == 0)
			write_and_die(&o, cases[i / 2].durable, cases[i / 2].finished);
		cr_assert(end_of(child) == 1000 + SIGKILL);
		set_session(&o, 2);
		assert_ok(begin(&u, &o));
		cr_expect_str_eq(have_text(), cases[i / 2].have);
		/* Had an unfinished block been believed, this would not be the content. */
		assert_ok(write_blocks(u, size, cases[i / 2].durable, 7, 1));
		assert_ok(commit_whole(u, size, 1));
		assert_ok(upload_close(u, UPLOAD_KEEP));
		cr_expect(content_is(room, "file", size, 1));
		cr_expect(entries_in(room_up) == 0 && entries_in(room) == 1);
	}
}

/* A whole put with checkpoints, mode 0444 in the end. */
static void
put_in_child(const struct upload_options *o, unsigned nth)
{
	struct block_range all = {0, 7};
	struct digest d = content_digest(size, &all, 1, 1);
	struct upload_commit c = {.metadata = {.type = ENTRY_FILE, .mode = 0444},
				  .sent = &all,
				  .sent_count = 1,
				  .digest = &d};
	struct upload *u;

	fault_set("any", nth, FAULT_KILL);
	if (begin(&u, o) != 0 || write_blocks(u, size, 0, 3, 1) != 0 || upload_checkpoint(u) != 0 ||
	    write_blocks(u, size, 3, 7, 1) != 0 || upload_commit(u, &c, &result) != 0 ||
	    upload_close(u, UPLOAD_KEEP) != 0)
		_exit(1);
	_exit(0);
}

/* Opens, sends what is missing, commits: what the next run does. */
static int
go_on(const struct upload_options *o)
{
	struct upload *u;
	bool there[7] = {false};
	int r = begin(&u, o);

	if (r != 0)
		return r;
	for (uint32_t i = 0; i < have_count; i++)
		for (uint64_t b = have[i].first; b < have[i].first + have[i].count; b++)
			there[b] = true;
	for (uint64_t b = 0; b < 7 && r == 0; b++)
		if (!there[b])
			r = write_block(u, size, b, 1);
	if (r == 0)
		r = commit_ranges(u, size, NULL, 0, 1);
	upload_close(u, UPLOAD_KEEP);
	return r;
}

/* Kills a put in front of its nth system call, for all n, and goes on where it stopped. */
static void
kill_everywhere(const struct upload_options *options)
{
	for (unsigned n = 1;; n++) {
		struct upload_options o = *options;
		bool done;
		pid_t child;
		int end;

		make_file(room, "file", "old", 0644);
		child = fork();
		if (child == 0)
			put_in_child(&o, n);
		end = end_of(child);
		if (end == 0) {
			cr_expect(n > 40, "only %u calls", n);
			return;
		}
		cr_assert(end == 1000 + SIGKILL, "%u: %d", n, end);
		done = content_is(room, "file", size, 1);
		cr_assert(done || file_is(room, "file", "old"), "torn at call %u", n);
		/* The next run of the client: same = nothing but tidying up. */
		set_session(&o, 2);
		assert_ok(done ? upload_forget(&o.staging) : go_on(&o));
		cr_assert(content_is(room, "file", size, 1), "killed at call %u", n);
		cr_assert(entries_in(room_up) == 0 && entries_in(room) == 1, "%u", n);
	}
}

Test(processes, T60_killed_at_any_system_call_are_gone_on_with_on_the_server)
{
	struct upload_options o = server_upload("file", size);

	kill_everywhere(&o);
}

Test(processes, T60_killed_at_any_system_call_are_gone_on_with_on_the_client)
{
	struct upload_options o = client_upload("file", size);

	kill_everywhere(&o);
}

/* A child that holds the partial with blocks first..end done, until it is told to do something. */
enum order { CLOSE, COMMIT, DIE };

static void
hold(const struct upload_options *o, uint64_t first, uint64_t end)
{
	struct upload *u = NULL;
	int r = begin(&u, o);

	if (r == 0)
		r = write_blocks(u, size, first, end, 1);
	if (r == 0)
		r = upload_checkpoint(u);
	say(from_child[1], r);
	for (;;) {
		switch ((enum order)hear(to_child[0])) {
		case CLOSE:
			_exit(upload_close(u, UPLOAD_KEEP) == 0 ? 0 : 1);
		case COMMIT:
			say(from_child[1], commit_ranges(u, size, NULL, 0, 1));
			break;
		case DIE:
			raise(SIGKILL);
		}
	}
}

static pid_t
holder(const struct upload_options *o, uint64_t first, uint64_t end)
{
	pid_t child;

	make_pipes();
	child = fork();
	if (child == 0)
		hold(o, first, end);
	assert_ok(hear(from_child[0]));
	return child;
}

Test(processes, of_one_run_share_a_partial)
{
	struct upload_options o = server_upload("file", size);
	pid_t child = holder(&o, 0, 3);
	struct upload *u;

	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "0 1 2");
	assert_ok(write_blocks(u, size, 3, 7, 1));
	say(to_child[1], CLOSE);
	cr_assert(end_of(child) == 0);
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
}

Test(processes, of_another_run_or_with_another_source_find_it_busy)
{
	struct upload_options o = server_upload("file", size), other = o;
	pid_t child = holder(&o, 0, 3);
	struct upload *u;

	set_session(&other, 2);
	assert_error(begin(&u, &other), FTX_E_BUSY);
	other = o;
	other.identity.mtime_s++;
	assert_error(begin(&u, &other), FTX_E_BUSY);
	other = o;
	other.identity.size++;
	assert_error(begin(&u, &other), FTX_E_BUSY);
	/* Its death makes it free at once. */
	say(to_child[1], DIE);
	cr_assert(end_of(child) == 1000 + SIGKILL);
	set_session(&o, 3);
	assert_ok(begin(&u, &o));
	cr_expect_str_eq(have_text(), "0 1 2");
	upload_close(u, UPLOAD_DISCARD);
}

Test(processes, find_it_busy_only_as_long_as_it_is)
{
	struct upload_options o = server_upload("file", size), other = o;
	pid_t child = holder(&o, 0, 7);
	struct upload *u;

	set_session(&other, 2);
	assert_error(begin(&u, &other), FTX_E_BUSY);
	/* The one who was turned away left no lock behind. */
	say(to_child[1], COMMIT);
	assert_ok(hear(from_child[0]));
	cr_expect(content_is(room, "file", size, 1));
	say(to_child[1], CLOSE);
	cr_assert(end_of(child) == 0);
}

static ino_t
inode_of(int dir, const char *name)
{
	return stat_of(dir, name).st_ino;
}

Test(processes, T51b_cannot_publish_what_another_can_still_write, .timeout = 60)
{
	struct upload_options o = server_upload("file", size);
	pid_t child = holder(&o, 0, 7);
	struct upload *u;
	ino_t published;

	/* The other handle is open: busy, whoever asks. */
	assert_ok(begin(&u, &o));
	say(to_child[1], COMMIT);
	assert_error(hear(from_child[0]), FTX_E_BUSY);
	cr_expect(!exists(room, "file"));
	assert_error(commit_ranges(u, size, NULL, 0, 1), FTX_E_BUSY);
	cr_expect(!exists(room, "file"));
	/* Writing goes on as before. */
	assert_ok(write_block(u, size, 2, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	say(to_child[1], COMMIT);
	assert_ok(hear(from_child[0]));
	cr_expect(content_is(room, "file", size, 1));
	/* Who comes later gets another inode, whatever it writes. */
	published = inode_of(room, "file");
	assert_ok(begin(&u, &o));
	cr_expect(have_count == 0);
	cr_expect(inode_of(room_up, part_name) != published);
	assert_ok(write_block(u, size, 0, 2));
	assert_ok(upload_checkpoint(u));
	cr_expect(content_is(room, "file", size, 1));
	assert_ok(upload_close(u, UPLOAD_DISCARD));
	say(to_child[1], CLOSE);
	cr_assert(end_of(child) == 0);
	cr_expect(content_is(room, "file", size, 1));
}

Test(processes, T51b_two_handles_of_one_process_count_as_two, .timeout = 60)
{
	struct upload_options o = server_upload("file", size);
	struct upload *a, *b;

	assert_ok(begin(&a, &o));
	assert_ok(begin(&b, &o));
	assert_ok(write_blocks(a, size, 0, 4, 1));
	assert_ok(write_blocks(b, size, 4, 7, 1));
	assert_error(commit_whole(a, size, 1), FTX_E_BUSY);
	assert_ok(upload_close(b, UPLOAD_KEEP));
	assert_ok(commit_whole(a, size, 1));
	assert_ok(upload_close(a, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
}

Test(processes, that_commit_wait_for_one_that_is_about_to_end, .timeout = 60)
{
	struct upload_options o = server_upload("file", size);
	const struct timespec a_moment = {.tv_nsec = 50000000};
	struct upload *u;
	pid_t child;

	make_pipes();
	child = fork();
	if (child == 0) {
		if (begin(&u, &o) != 0)
			_exit(1);
		say(from_child[1], 0);
		hear(to_child[0]);
		nanosleep(&a_moment, NULL);
		_exit(upload_close(u, UPLOAD_KEEP) == 0 ? 0 : 2);
	}
	assert_ok(hear(from_child[0]));
	assert_ok(begin(&u, &o));
	assert_ok(write_blocks(u, size, 0, 7, 1));
	say(to_child[1], CLOSE);
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(end_of(child) == 0);
	cr_expect(content_is(room, "file", size, 1));
}

Test(processes, that_discard_or_fail_leave_the_files_to_the_last_one)
{
	struct upload_options o = server_upload("file", size);
	pid_t child = holder(&o, 0, 3);
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(upload_close(u, UPLOAD_DISCARD));
	cr_expect(entries_in(room_up) == 2);
	assert_ok(begin(&u, &o));
	assert_ok(write_block(u, size, 3, 1));
	fault_set("fdatasync", 1, EIO);
	assert_error(upload_checkpoint(u), FTX_E_IO);
	cr_expect(entries_in(room_up) == 2);
	say(to_child[1], CLOSE);
	cr_assert(end_of(child) == 0);
	assert_error(upload_close(u, UPLOAD_KEEP), FTX_E_IO);
	cr_expect(entries_in(room_up) == 0);
}

/* Killed between the rename and the removal of the journal: nobody asks for that file again. */
Test(processes, that_die_behind_the_rename_leave_a_journal_that_is_swept)
{
	struct upload_options o = server_upload("file", size);
	struct upload *u;

	assert_ok(begin(&u, &o));
	upload_sweep(room_up, "");
	cr_expect(entries_in(room_up) == 2, "a partial that is being written");
	cr_assert(unlinkat(room_up, part_name, 0) == 0);
	upload_sweep(room_up, "");
	cr_expect(exists(room_up, journal_name), "a journal that is in use");
	make_file(room_up, part_name, "", 0600);
	assert_ok(upload_close(u, UPLOAD_KEEP));
	make_file(room_up, journal_name, "", 0600);
	upload_sweep(room_up, "");
	cr_expect(exists(room_up, journal_name), "a journal with its partial");
	cr_assert(unlinkat(room_up, part_name, 0) == 0);
	make_file(room_up, "other.jnl", "", 0600);
	upload_sweep(room_up, "");
	cr_expect(!exists(room_up, journal_name) && exists(room_up, "other.jnl"));
}

static int maker = -1;

static void
maker_is_done(void)
{
	close(maker);
}

/* Who finds the journal locked by its maker, which then lets go before it is set up. */
Test(processes, that_meet_a_journal_in_the_making_wait_for_it)
{
	struct upload_options o = server_upload("file", size);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct upload *u;

	assert_ok(begin(&u, &o));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_assert(unlinkat(room_up, part_name, 0) == 0);
	maker = openat(room_up, journal_name, O_RDWR | O_CLOEXEC);
	cr_assert(maker >= 0 && fcntl(maker, F_OFD_SETLK, &whole) == 0);
	/* Between the attempts at an exclusive and at a shared lock. */
	fault_hook("fcntl", 2, maker_is_done);
	assert_ok(begin(&u, &o));
	cr_expect(fault_hit());
	assert_ok(write_blocks(u, size, 0, 7, 1));
	assert_ok(commit_whole(u, size, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_expect(content_is(room, "file", size, 1));
}

Test(processes, that_begin_at_the_same_moment_agree)
{
	enum { CHILDREN = 6, ROUNDS = 30 };
	struct upload_options o = server_upload("file", size);

	for (unsigned round = 0; round < ROUNDS; round++) {
		pid_t children[CHILDREN];
		int start[2];

		cr_assert(pipe2(start, O_CLOEXEC) == 0);
		for (unsigned i = 0; i < CHILDREN; i++) {
			children[i] = fork();
			if (children[i] == 0) {
				struct upload *u;
				char byte;

				close(start[1]);
				if (read(start[0], &byte, 1) != 0 || begin(&u, &o) != 0)
					_exit(1);
				_exit(write_block(u, size, i, 1) != 0 ||
				      upload_close(u, UPLOAD_KEEP) != 0);
			}
		}
		close(start[0]);
		close(start[1]);
		for (unsigned i = 0; i < CHILDREN; i++)
			cr_assert(end_of(children[i]) == 0);
		cr_assert(entries_in(room_up) == 2, "round %u", round);
		assert_ok(go_on(&o));
		cr_assert(have_count == 1 && have[0].count == CHILDREN, "round %u: %s", round,
			  have_text());
		cr_assert(content_is(room, "file", size, 1));
	}
}
