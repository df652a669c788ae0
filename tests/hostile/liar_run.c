#include "tests/hostile/liar.h"

#include <arpa/inet.h>
#include "tests/harness/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "src/secure/keyfile.h"
#include "src/server/sandbox.h"
#include "tests/hostile/rig.h"

enum {
	PATIENCE_MS = 120000, /* only a hang waits this long */
	/* Ends of honest transfers have half of it; 200,000 names of 100 bytes would be all. */
	MEMORY_KIB = 16 << 10,
	WORDS = 24,
	OUTPUT_BYTES = 1 << 16,
};

/* Everything of one tale. */
static struct {
	char top[64], program[512], id[128], destination[128], source[128], url[160];
	int listener;
} run;

static void
make_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, "%s", path);
}

/* ftx lies beside the directory of this program. */
static void
find_program(void)
{
	ssize_t length = readlink("/proc/self/exe", run.program, sizeof(run.program) - 1);
	char *slash;

	cr_assert_gt(length, 0);
	run.program[length] = '\0';
	for (int up = 0; up < 2; up++) {
		slash = strrchr(run.program, '/');
		cr_assert(slash != NULL);
		*slash = '\0';
	}
	cr_assert_lt(strlen(run.program), sizeof(run.program) - sizeof("/ftx"));
	strcat(run.program, "/ftx");
	cr_assert(access(run.program, X_OK) == 0, "%s: %s", run.program, strerror(errno));
}

static void
listen_somewhere(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(at);
	char key[KEY_TEXT_CHARS + 1];
	uint8_t public_key[KEY_BYTES];

	run.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(run.listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		  listen(run.listener, 16) == 0 &&
		  getsockname(run.listener, (struct sockaddr *)&at, &length) == 0);
	key_public(public_key, liar_secret);
	key_format(key, public_key);
	snprintf(run.url, sizeof(run.url), "ftx://%s@127.0.0.1:%u/s/src", key,
		 (unsigned)ntohs(at.sin_port));
}

/* What is around the destination: top/{victim,home} top/d/{victim,in}, and something to put. */
static void
make_room(void)
{
	static const uint8_t identity[KEY_BYTES] = {9, 9, 9};
	char path[128];

	rig_directory(run.top);
	snprintf(path, sizeof(path), "%s/victim", run.top);
	make_file(path, "nobody's business");
	snprintf(path, sizeof(path), "%s/home", run.top);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(setenv("HOME", path, 1), 0);
	snprintf(path, sizeof(path), "%s/d", run.top);
	cr_assert_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/d/victim", run.top);
	make_file(path, "nobody's business either");
	snprintf(run.destination, sizeof(run.destination), "%s/d/in", run.top);
	cr_assert_eq(mkdir(run.destination, 0755), 0);
	snprintf(run.source, sizeof(run.source), "%s/src", run.top);
	cr_assert_eq(mkdir(run.source, 0755), 0);
	snprintf(path, sizeof(path), "%s/src/small", run.top);
	make_file(path, "text");
	snprintf(path, sizeof(path), "%s/src/big", run.top);
	make_file(path, "");
	cr_assert_eq(truncate(path, 5 << 20), 0);
	snprintf(run.id, sizeof(run.id), "%s/home/id", run.top);
	cr_assert_eq(keyfile_create(run.id, identity), 0);
	snprintf(path, sizeof(path), "%s/home/errors", run.top);
	make_file(path, "");
}

/* Name, mode, size, time and content of everything but what is below the destination. */
static FILE *seen;
static const char *skipped;

static int
see(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	char bytes[64] = "";
	FILE *f;

	(void)ftw;
	if (strncmp(path, skipped, strlen(skipped)) == 0)
		return 0;
	fprintf(seen, "%s %o %lld %lld.%09ld ", path, (unsigned)st->st_mode,
		S_ISDIR(st->st_mode) ? 0 : (long long)st->st_size, (long long)st->st_mtim.tv_sec,
		st->st_mtim.tv_nsec);
	if (flag == FTW_F && (f = fopen(path, "r")) != NULL) {
		cr_expect(fread(bytes, 1, sizeof(bytes) - 1, f) < sizeof(bytes));
		fclose(f);
	}
	fprintf(seen, "%s\n", bytes);
	return 0;
}

static char *
look_around(void)
{
	char *text;
	size_t size;

	seen = open_memstream(&text, &size);
	skipped = run.destination;
	cr_assert_eq(nftw(run.top, see, 16, FTW_PHYS), 0);
	fclose(seen);
	return text;
}

static int
name_of(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	if (ftw->level > 0)
		fprintf(seen, "%s ", path + strlen(run.destination) + 1);
	return 0;
}

static int
compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order. */
static char *
names_left(void)
{
	char *text, *words[65];
	size_t size, count = 0;

	seen = open_memstream(&text, &size);
	cr_assert_eq(nftw(run.destination, name_of, 16, FTW_PHYS), 0);
	fclose(seen);
	for (char *w = strtok(text, " "); w != NULL && count < 64; w = strtok(NULL, " "))
		words[count++] = w;
	qsort(words, count, sizeof(words[0]), compare_words);
	seen = open_memstream(&words[count], &size);
	for (size_t i = 0; i < count; i++)
		fprintf(seen, "%s ", words[i]);
	fclose(seen);
	free(text);
	return words[count];
}

/* The tale's words, and behind the command what all have. */
static void
make_arguments(char *words, char *arguments[WORDS])
{
	static char identity[] = "-i", once[] = "--retry-for", zero[] = "0";
	size_t count = 0;

	arguments[count++] = run.program;
	for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " ")) {
		cr_assert_lt(count + 5, WORDS);
		arguments[count++] = strcmp(w, "DEST") == 0  ? run.destination
				     : strcmp(w, "SRC") == 0 ? run.source
				     : strcmp(w, "URL") == 0 ? run.url
							     : w;
		if (count != 2)
			continue;
		arguments[count++] = identity;
		arguments[count++] = run.id;
		arguments[count++] = once;
		arguments[count++] = zero;
	}
	arguments[count] = NULL;
}

/* Its standard output is a terminal, its standard error is none: so nothing is drawn. */
static pid_t
start_client(const struct tale *tale, int terminal, int errors)
{
	char *arguments[WORDS], words[512];
	pid_t pid;

	snprintf(words, sizeof(words), "%s", tale->command);
	make_arguments(words, arguments);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(terminal, STDOUT_FILENO);
		dup2(errors, STDERR_FILENO);
		execv(run.program, arguments);
		_exit(126);
	}
	cr_assert_gt(pid, 0);
	return pid;
}

/* What the terminal has got; its beginning is kept. */
static void
take_output(int master, char *text, size_t *length)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(master, bytes, sizeof(bytes))) > 0) {
		size_t room = OUTPUT_BYTES - 1 - *length;

		room = (size_t)n < room ? (size_t)n : room;
		memcpy(text + *length, bytes, room);
		*length += room;
	}
}

static int
wait_for_client(const struct tale *tale, pid_t pid, int master, char *text, size_t *length)
{
	struct pollfd fds[2] = {{.fd = pidfd_open(pid, 0), .events = POLLIN},
				{.fd = master, .events = POLLIN}};
	struct rusage used;
	int status;

	do {
		if (poll(fds, 2, PATIENCE_MS) < 1) {
			cr_expect_fail("%s: the client hangs", tale->what);
			kill(pid, SIGKILL);
			break;
		}
		take_output(master, text, length);
	} while ((fds[0].revents & POLLIN) == 0);
	close(fds[0].fd);
	cr_assert_eq(wait4(pid, &status, 0, &used), pid);
	if (!SANDBOX_SANITIZED)
		cr_expect_lt(used.ru_maxrss, MEMORY_KIB, "%s: %ld KiB", tale->what, used.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* C0 but line feeds, DEL, C1 as UTF-8. */
static bool
is_shown_safely(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 32 && c != '\n') || c == 127 ||
		    (c == 0xc2 && i + 1 < length && ((unsigned char)text[i + 1] & 0xe0) == 0x80))
			return false;
	}
	return true;
}

static void
run_client(const struct tale *tale)
{
	static char text[OUTPUT_BYTES];
	struct termios raw;
	char path[128];
	size_t length = 0;
	ssize_t n;
	int errors, master, terminal, status;

	snprintf(path, sizeof(path), "%s/home/errors", run.top);
	errors = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
	cfmakeraw(&raw);
	cr_assert(errors >= 0 && openpty(&master, &terminal, NULL, &raw, NULL) == 0 &&
		  fcntl(master, F_SETFL, O_NONBLOCK) == 0);
	status = wait_for_client(tale, start_client(tale, terminal, errors), master, text, &length);
	n = pread(errors, text + length, sizeof(text) - 1 - length, 0);
	cr_assert(n >= 0 && ftruncate(errors, 0) == 0);
	close(errors);
	close(master);
	close(terminal);
	length += (size_t)n;
	text[length] = '\0';
	cr_expect(is_shown_safely(text, length), "%s: %s", tale->what, text);
	cr_expect_eq(status, tale->status, "%s: exit code %d: %s", tale->what, status, text);
}

static void
settle(void)
{
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	char path[128];

	/* What the client has said was written there. */
	snprintf(path, sizeof(path), "%s/home/errors", run.top);
	(void)utimensat(AT_FDCWD, path, times, 0);
	snprintf(path, sizeof(path), "%s/home", run.top);
	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
try_tale(const struct tale *tale)
{
	char *before, *after, *left;
	pid_t server;

	server = fork();
	cr_assert_geq(server, 0);
	if (server == 0)
		liar_serve(run.listener, tale);
	settle();
	before = look_around();
	run_client(tale);
	settle();
	after = look_around();
	left = names_left();
	cr_expect_str_eq(before, after, "%s: before\n%safter\n%s", tale->what, before, after);
	if (tale->left != NULL)
		cr_expect_str_eq(left, tale->left, "%s: left are: %s", tale->what, left);
	free(before);
	free(after);
	free(left);
	kill(server, SIGKILL);
	cr_assert_eq(waitpid(server, NULL, 0), server);
}

void
liar_try(const struct tale *tales, size_t count)
{
	find_program();
	listen_somewhere();
	for (size_t i = 0; i < count; i++) {
		make_room();
		try_tale(&tales[i]);
		rig_remove(run.top);
	}
	close(run.listener);
}
