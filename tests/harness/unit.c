/*
 * The program around unit tests:
 *
 *	PROGRAM [-l] [-v] [PATTERN...]
 *
 * runs those whose SUITE/NAME fits a pattern of fnmatch(3) (without one all), in the order of the
 * files.  Prints what failed and what was skipped; -v: each with its time, and that of the
 * processors in it and all that it waited for; -l: their names alone.  Last comes "N passed, N
 * failed, N skipped"; exit status 1 where one failed or none was there.
 */
#include "tests/harness/unit.h"

#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Shared with the process of the test and those that it forks. */
struct verdict {
	atomic_uint failures;
	atomic_bool skipped, finished;
	char reason[256];
};

static struct unit_test *first, **last = &first;
static struct verdict *verdict;
static const struct unit_test *current;
static volatile pid_t test_process; /* in the program: of the test that runs; in that: itself */
static pthread_t test_thread;
static jmp_buf out_of_test;

void
unit_add(struct unit_test *t)
{
	*last = t;
	last = &t->next;
}

static void __attribute__((format(printf, 4, 0)))
print_failure(const char *file, unsigned line, const char *what, const char *format, va_list args)
{
	char message[2048] = "";

	vsnprintf(message, sizeof(message), format, args);
	atomic_fetch_add(&verdict->failures, 1);
	fprintf(stderr, "%s:%u: %s/%s: expected: %s%s%s\n", file, line, current->suite,
		current->name, what, message[0] != '\0' ? ": " : "", message);
}

static void __attribute__((noreturn)) end_test(void)
{
	if (getpid() != test_process || !pthread_equal(pthread_self(), test_thread))
		_exit(1);
	longjmp(out_of_test, 1);
}

void
unit_expected(const char *file, unsigned line, const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_failure(file, line, what, format, args);
	va_end(args);
}

void
unit_asserted(const char *file, unsigned line, const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_failure(file, line, what, format, args);
	va_end(args);
	end_test();
}

void
unit_note(const char *format, ...)
{
	va_list args;

	printf("NOTE %s/%s: ", current->suite, current->name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void
unit_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(verdict->reason, sizeof(verdict->reason), format, args);
	va_end(args);
	atomic_store(&verdict->skipped, true);
	end_test();
}

static const struct unit_test *
suite_of(const struct unit_test *t)
{
	static const struct unit_test none;

	for (const struct unit_test *s = first; s != NULL; s = s->next)
		if (s->name == NULL && strcmp(s->suite, t->suite) == 0)
			return s;
	return &none;
}

static void
call(void (*function)(void))
{
	if (function != NULL)
		function();
}

static void
up_to_its_end(const struct unit_test *t)
{
	call(suite_of(t)->init);
	call(t->init);
	t->run();
}

static void
tidy_up(const struct unit_test *t)
{
	call(t->fini);
	call(suite_of(t)->fini);
}

/* Until it returns or asserts something that is not so. */
static void __attribute__((noinline))
step(void (*function)(const struct unit_test *t), const struct unit_test *t)
{
	if (setjmp(out_of_test) == 0)
		function(t);
}

static void __attribute__((noreturn)) run_here(const struct unit_test *t)
{
	test_process = getpid();
	test_thread = pthread_self();
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	step(up_to_its_end, t);
	step(tidy_up, t);
	atomic_store(&verdict->finished, true);
	exit(0); /* with the search for leaks */
}

/* Waits for the end; what is left of its process group is killed.  false: it took too long. */
static bool
wait_for_end(pid_t pid, unsigned timeout_s, int *status)
{
	struct pollfd fd = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	int n;

	if (fd.fd < 0) {
		perror("pidfd_open");
		exit(2);
	}
	do
		n = poll(&fd, 1, timeout_s != 0 ? (int)timeout_s * 1000 : -1);
	while (n < 0 && errno == EINTR);
	close(fd.fd);
	kill(-pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return n > 0;
}

static unsigned
timeout_of(const struct unit_test *t)
{
	return t->timeout != 0 ? t->timeout : suite_of(t)->timeout;
}

enum result { PASSED, FAILED, SKIPPED };

/* And why it failed, as far as the test itself has not said it. */
static enum result
judge(const struct unit_test *t, bool in_time, int status)
{
	const char *const at = t->suite, *const name = t->name;

	if (!in_time)
		printf("FAIL %s/%s: more than %u s\n", at, name, timeout_of(t));
	else if (WIFSIGNALED(status))
		printf("FAIL %s/%s: %s\n", at, name, strsignal(WTERMSIG(status)));
	else if (!atomic_load(&verdict->finished))
		printf("FAIL %s/%s: ended the process, status %d\n", at, name, WEXITSTATUS(status));
	else if (WEXITSTATUS(status) != 0)
		printf("FAIL %s/%s: status %d at exit\n", at, name, WEXITSTATUS(status));
	else if (atomic_load(&verdict->failures) > 0)
		printf("FAIL %s/%s\n", at, name);
	else if (atomic_load(&verdict->skipped)) {
		printf("SKIP %s/%s: %s\n", at, name, verdict->reason);
		return SKIPPED;
	} else
		return PASSED;
	return FAILED;
}

void
unit_directory(char *path, size_t size, const char *name)
{
	const char *parent = getenv("TMPDIR");
	int n;

	if (parent == NULL || *parent == '\0')
		parent = "/tmp";
	n = snprintf(path, size, "%s/ftx-%s-XXXXXX", parent, name);
	cr_assert(n > 0 && (size_t)n < size && mkdtemp(path) != NULL, "in %s: %s", parent,
		  strerror(errno));
}

static double
seconds(struct timespec t)
{
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of the processors, in what has ended and was waited for. */
static double
used_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static enum result
run(const struct unit_test *t, bool verbose)
{
	struct timespec begun, ended;
	enum result result;
	double used = used_seconds();
	bool in_time;
	int status = 0;
	pid_t pid;

	memset(verdict, 0, sizeof(*verdict));
	current = t;
	fflush(NULL);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid == 0)
		run_here(t);
	setpgid(pid, pid);
	test_process = pid;
	in_time = wait_for_end(pid, timeout_of(t), &status);
	test_process = 0;
	clock_gettime(CLOCK_MONOTONIC, &ended);
	result = judge(t, in_time, status);
	if (verbose)
		printf("%-6s %7.3f s  %7.3f s  %s/%s\n",
		       result == PASSED	  ? "ok"
		       : result == FAILED ? "failed"
					  : "skip",
		       seconds(ended) - seconds(begun), used_seconds() - used, t->suite, t->name);
	return result;
}

static bool
fits(const struct unit_test *t, char *const *patterns)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", t->suite, t->name);
	for (; *patterns != NULL; patterns++)
		if (fnmatch(*patterns, path, 0) == 0)
			return true;
	return false;
}

/* Told to end, as by tests/lib/run after its own timeout: says in the middle of what. */
static void
end_all(int signum)
{
	char line[512];
	int length;

	if (test_process > 0) {
		kill(-test_process, SIGKILL);
		length = snprintf(line, sizeof(line), "FAIL %s/%s: stopped by a signal\n",
				  current->suite, current->name);
		if (write(STDOUT_FILENO, line, (size_t)length) != length)
			_exit(2);
	}
	_exit(128 + signum);
}

int
main(int argc, char **argv)
{
	static char any[] = "*", *all[] = {any, NULL};
	unsigned counts[3] = {0};
	bool list = false, verbose = false;
	char **patterns;
	int option;

	while ((option = getopt(argc, argv, "lv")) != -1) {
		if (option == '?')
			return 2;
		list = list || option == 'l';
		verbose = verbose || option == 'v';
	}
	patterns = optind < argc ? argv + optind : all;
	verdict =
	    mmap(NULL, sizeof(*verdict), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (verdict == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	signal(SIGTERM, end_all);
	signal(SIGINT, end_all);
	for (const struct unit_test *t = first; t != NULL; t = t->next) {
		if (t->name == NULL || !fits(t, patterns))
			continue;
		if (list)
			printf("%s/%s\n", t->suite, t->name);
		else
			counts[run(t, verbose)]++;
	}
	if (list)
		return 0;
	/* On a line of its own, whatever a test has printed last. */
	printf("\n%u passed, %u failed, %u skipped\n", counts[PASSED], counts[FAILED],
	       counts[SKIPPED]);
	return counts[FAILED] > 0 || counts[PASSED] + counts[SKIPPED] == 0;
}
