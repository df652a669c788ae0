/* read() and pread() are defined below: not as the inline functions that it makes of them. */
#undef _FORTIFY_SOURCE

#include "src/base/io.h"

#include "tests/harness/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/errors.h"

/*
 * The program's own read, write, pread and pwrite, in place of libc's: on one descriptor each call
 * follows the next step of a script, and when the script has ended is carried out.
 */
struct step {
	ssize_t most; /* at most so many bytes; 0: none; negative: fail with this errno */
};

static int scripted_fd = -1;
static const struct step *script;
static size_t script_left;
static unsigned calls;

/* Shortens *length to what the next step allows.  False: the call returns *result. */
static bool
follow_script(int fd, size_t *length, ssize_t *result)
{
	const struct step *s;

	if (fd != scripted_fd)
		return true;
	calls++;
	if (script_left == 0)
		return true;
	script_left--;
	s = script++;
	if (s->most > 0) {
		*length = *length < (size_t)s->most ? *length : (size_t)s->most;
		return true;
	}
	*result = s->most == 0 ? 0 : -1;
	if (s->most < 0)
		errno = (int)-s->most;
	return false;
}

ssize_t
write(int fd, const void *data, size_t length)
{
	ssize_t result;

	return follow_script(fd, &length, &result) ? syscall(SYS_write, fd, data, length) : result;
}

ssize_t
pwrite(int fd, const void *data, size_t length, off_t offset)
{
	ssize_t result;

	return follow_script(fd, &length, &result) ? syscall(SYS_pwrite64, fd, data, length, offset)
						   : result;
}

ssize_t
read(int fd, void *data, size_t length)
{
	ssize_t result;

	return follow_script(fd, &length, &result) ? syscall(SYS_read, fd, data, length) : result;
}

ssize_t
pread(int fd, void *data, size_t length, off_t offset)
{
	ssize_t result;

	return follow_script(fd, &length, &result) ? syscall(SYS_pread64, fd, data, length, offset)
						   : result;
}

static void
follow(int fd, const struct step *steps, size_t count)
{
	scripted_fd = fd;
	script = steps;
	script_left = count;
	calls = 0;
}

#define BYTES 1000u

static uint8_t content[BYTES];

static int
file_with(size_t length)
{
	int fd = memfd_create("io", MFD_CLOEXEC);

	cr_assert_geq(fd, 0);
	for (size_t i = 0; i < BYTES; i++)
		content[i] = (uint8_t)(i * 7 + i / 256);
	cr_assert_eq(syscall(SYS_pwrite64, fd, content, length, 0), (long)length);
	return fd;
}

/* Every way in which a call may do less than it was asked. */
static const struct step hindrances[] = {{-EINTR}, {1},	     {-EINTR}, {-EINTR}, {333},
					 {1},	   {-EINTR}, {500},    {-EINTR}};
#define HINDRANCES (sizeof(hindrances) / sizeof(hindrances[0]))

static void
assert_file_has_content_at(int fd, long offset)
{
	uint8_t back[BYTES];

	cr_assert_eq(syscall(SYS_pread64, fd, back, BYTES, offset), (long)BYTES);
	cr_assert_arr_eq(back, content, BYTES);
}

Test(io, T42_write_goes_on_after_short_counts_and_interruptions)
{
	int fd = file_with(0);

	follow(fd, hindrances, HINDRANCES);
	cr_assert_eq(write_full(fd, content, BYTES), 0);
	cr_assert_eq(calls, HINDRANCES + 1);
	assert_file_has_content_at(fd, 0);
}

Test(io, T42_pwrite_goes_on_after_short_counts_and_interruptions)
{
	int fd = file_with(0);

	follow(fd, hindrances, HINDRANCES);
	cr_assert_eq(pwrite_full(fd, content, BYTES, 5000), 0);
	cr_assert_eq(calls, HINDRANCES + 1);
	assert_file_has_content_at(fd, 5000);
}

Test(io, T42_read_goes_on_after_short_counts_and_interruptions)
{
	int fd = file_with(BYTES);
	uint8_t back[BYTES];
	size_t got;

	follow(fd, hindrances, HINDRANCES);
	cr_assert_eq(read_full(fd, back, BYTES, &got), 0);
	cr_assert_eq(got, BYTES);
	cr_assert_eq(calls, HINDRANCES + 1);
	cr_assert_arr_eq(back, content, BYTES);
}

Test(io, T42_pread_goes_on_after_short_counts_and_interruptions)
{
	int fd = file_with(BYTES);
	uint8_t back[BYTES];
	size_t got;

	follow(fd, hindrances, HINDRANCES);
	cr_assert_eq(pread_full(fd, back, BYTES - 10, 10, &got), 0);
	cr_assert_eq(got, BYTES - 10);
	cr_assert_arr_eq(back, content + 10, BYTES - 10);
}

Test(io, gives_back_the_error_and_its_errno)
{
	static const struct {
		int number;
		int error;
	} failures[] = {{ENOSPC, FTX_E_NO_SPACE}, {EIO, FTX_E_IO}, {EACCES, FTX_E_DENIED}};

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		const struct step steps[] = {{100}, {-EINTR}, {-failures[i].number}};
		int fd = file_with(BYTES);
		uint8_t back[BYTES];
		size_t got = 0;

		follow(fd, steps, 3);
		cr_assert_eq(pwrite_full(fd, content, BYTES, 0), failures[i].error);
		cr_assert_eq(errno, failures[i].number);
		follow(fd, steps, 3);
		cr_assert_eq(write_full(fd, content, BYTES), failures[i].error);
		cr_assert_eq(errno, failures[i].number);
		follow(fd, steps, 3);
		cr_assert_eq(pread_full(fd, back, BYTES, 0, &got), failures[i].error);
		cr_assert_eq(errno, failures[i].number);
		cr_assert_eq(got, 100, "what had been read before counts");
		cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
		follow(fd, steps, 3);
		cr_assert_eq(read_full(fd, back, BYTES, &got), failures[i].error);
		cr_assert_eq(errno, failures[i].number);
		cr_assert_eq(got, 100, "what had been read before counts");
		close(fd);
	}
}

Test(io, a_write_of_nothing_is_an_error)
{
	static const struct step steps[] = {{1}, {0}};
	int fd = file_with(0);

	follow(fd, steps, 2);
	cr_assert_eq(write_full(fd, content, BYTES), FTX_E_IO);
	follow(fd, steps, 2);
	cr_assert_eq(pwrite_full(fd, content, BYTES, 0), FTX_E_IO);
}

Test(io, reads_to_the_end_of_the_file)
{
	int fd = file_with(700);
	uint8_t back[BYTES];
	size_t got = 42;

	cr_assert_eq(read_full(fd, back, BYTES, &got), 0);
	cr_assert_eq(got, 700);
	cr_assert_arr_eq(back, content, 700);
	cr_assert_eq(pread_full(fd, back, BYTES, 600, &got), 0);
	cr_assert_eq(got, 100);
	cr_assert_arr_eq(back, content + 600, 100);
	cr_assert_eq(pread_full(fd, back, BYTES, 5000, &got), 0);
	cr_assert_eq(got, 0);
}

Test(io, nothing_asked_for_is_no_call)
{
	size_t got = 42;

	cr_assert_eq(write_full(-1, NULL, 0), 0);
	cr_assert_eq(pwrite_full(-1, NULL, 0, 0), 0);
	cr_assert_eq(read_full(-1, NULL, 0, &got), 0);
	cr_assert_eq(got, 0);
}

Test(io, refuses_offsets_beyond_what_files_can_have)
{
	int fd = file_with(0);
	uint8_t byte = 0;
	size_t got;

	cr_assert_eq(pwrite_full(fd, &byte, 1, INT64_MAX), FTX_E_TOO_LARGE);
	cr_assert_eq(errno, EFBIG);
	cr_assert_eq(pwrite_full(fd, &byte, 1, UINT64_MAX), FTX_E_TOO_LARGE);
	errno = 0;
	cr_assert_eq(pread_full(fd, &byte, 1, UINT64_MAX, &got), FTX_E_TOO_LARGE);
	cr_assert_eq(errno, EFBIG);
	cr_assert_eq(got, 0);
}

Test(io, T42_a_file_at_its_size_limit_takes_what_fits_and_fails)
{
	struct rlimit limit = {600, 600};
	uint8_t back[BYTES];
	size_t got;
	int fd = file_with(0);

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_lt(pwrite_full(fd, content, BYTES, 0), 0);
	cr_assert_eq(errno, EFBIG);
	cr_assert_eq(pread_full(fd, back, BYTES, 0, &got), 0);
	cr_assert_eq(got, 600);
}

/* A real pipe, really interrupted. */

#define PIPE_BYTES   (64u * 1024u)
#define INTERRUPTION SIGUSR1

static volatile sig_atomic_t interruptions;

static void
count_interruption(int number)
{
	(void)number;
	interruptions++;
}

struct other_end {
	int fd;
	pthread_t thread;
	pid_t tid; /* who uses this end */
	uint8_t *data;
	bool failed;
};

/* Does the thread sleep in a call?  It does nothing else that sleeps. */
static bool
asleep(pid_t tid)
{
	char path[64], stat[512];
	const char *state;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	n = fread(stat, 1, sizeof(stat) - 1, f);
	fclose(f);
	stat[n] = '\0';
	state = strrchr(stat, ')');
	return state != NULL && state[1] == ' ' && state[2] == 'S';
}

static void
interrupt_twice(struct other_end *o)
{
	for (int i = 0; i < 2; i++) {
		sig_atomic_t before = interruptions;

		while (!asleep(o->tid))
			sched_yield();
		pthread_kill(o->thread, INTERRUPTION);
		while (interruptions == before)
			sched_yield();
	}
}

static void *
drain(void *arg)
{
	struct other_end *o = arg;
	size_t got = 0;

	for (unsigned i = 0; i < 4; i++) /* first a short count, then nothing written */
		interrupt_twice(o);
	while (got < PIPE_BYTES) {
		long n = syscall(SYS_read, o->fd, o->data + got, PIPE_BYTES - got);

		if (n <= 0) {
			o->failed = true;
			break;
		}
		got += (size_t)n;
	}
	return NULL;
}

static void *
trickle(void *arg)
{
	struct other_end *o = arg;

	for (size_t sent = 0; sent < BYTES; sent += BYTES / 4) {
		interrupt_twice(o);
		if (syscall(SYS_write, o->fd, content + sent, BYTES / 4) != BYTES / 4)
			o->failed = true;
	}
	close(o->fd);
	return NULL;
}

static void
with_other_end(struct other_end *o, int ends[2], pthread_t *thread, void *(*run)(void *), int mine)
{
	struct sigaction action = {.sa_handler = count_interruption}; /* without SA_RESTART */

	cr_assert_eq(sigaction(INTERRUPTION, &action, NULL), 0);
	o->fd = ends[1 - mine];
	o->thread = pthread_self();
	o->tid = (pid_t)syscall(SYS_gettid);
	cr_assert_eq(pthread_create(thread, NULL, run, o), 0);
}

Test(io, T42_a_full_pipe_interrupted_by_signals_gets_every_byte)
{
	static uint8_t sent[PIPE_BYTES], received[PIPE_BYTES];
	struct other_end reader = {.data = received};
	pthread_t thread;
	int ends[2];

	for (size_t i = 0; i < PIPE_BYTES; i++)
		sent[i] = (uint8_t)(i ^ i >> 8);
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
	with_other_end(&reader, ends, &thread, drain, 1);
	cr_assert_eq(write_full(ends[1], sent, PIPE_BYTES), 0);
	pthread_join(thread, NULL);
	cr_assert_not(reader.failed);
	cr_assert_eq(interruptions, 8);
	cr_assert_arr_eq(received, sent, PIPE_BYTES);
}

Test(io, T42_a_trickling_pipe_interrupted_by_signals_is_read_to_its_end)
{
	struct other_end writer = {0};
	uint8_t back[BYTES + 1];
	pthread_t thread;
	size_t got;
	int ends[2];

	close(file_with(0));
	cr_assert_eq(pipe(ends), 0);
	with_other_end(&writer, ends, &thread, trickle, 0);
	cr_assert_eq(read_full(ends[0], back, sizeof(back), &got), 0);
	pthread_join(thread, NULL);
	cr_assert_not(writer.failed);
	cr_assert_eq(interruptions, 8);
	cr_assert_eq(got, BYTES);
	cr_assert_arr_eq(back, content, BYTES);
}
