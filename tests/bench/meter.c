/*
 * What tests/bench/run cannot do in shell: content, ports, and the cost of a run at both ends.
 *
 *	meter content random|text BYTES	to standard output
 *	meter port			prints a free port of 127.0.0.1
 *	meter await PORT		until something listens there, at most 10 s
 *	meter run PID FILE COMMAND...	runs COMMAND; FILE gets one line:
 *		seconds, CPU seconds of COMMAND, CPU seconds of PID and all below it meanwhile,
 *		peak KiB of the largest process of COMMAND, and of PID and all below it
 *
 * PID is the server (0: none).  meter run exits with COMMAND's status.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_MS   50	 /* between two looks at the server's memory */
#define SETTLE_MS   2000 /* for the server's processes of this run to end */
#define AWAIT_MS    10000
#define TREE_MAX    256
#define CHUNK_BYTES (1u << 20)

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	fputs("meter: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
nap(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* Content */

static uint64_t
random64(void)
{
	static uint64_t state;
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static size_t
random_bytes(char *out, size_t room)
{
	for (size_t i = 0; i + 8 <= room; i += 8) {
		uint64_t x = random64();

		memcpy(out + i, &x, 8);
	}
	return room;
}

/* One line as a web server writes them; zstd -1 makes about a fifth of it. */
static size_t
log_line(char *out, size_t room)
{
	static const char *const verbs[] = {"GET", "GET", "GET", "POST", "HEAD"};
	static const char *const paths[] = {
	    "/",      "/index.html",	 "/static/app.js", "/api/v1/items/", "/api/v1/users/",
	    "/login", "/images/logo.png"};
	static const char *const agents[] = {
	    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
	    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36", "curl/8.5.0"};
	static unsigned second;
	uint64_t x = random64();
	uint64_t y = random64();
	int n;

	second += x >> 62 == 0;
	n = snprintf(out, room,
		     "10.%u.%u.%u - - [22/Nov/2026:%02u:%02u:%02u +0000] \"%s %s%u HTTP/1.1\" %s "
		     "%u \"-\" \"%s\" %016" PRIx64 " %u.%03u\n",
		     (unsigned)(x & 3), (unsigned)(x >> 8 & 255), (unsigned)(x >> 16 & 255),
		     second / 3600 % 24, second / 60 % 60, second % 60, verbs[(x >> 24) % 5],
		     paths[(x >> 32) % 7], (unsigned)(y & 4095),
		     (y >> 12 & 15) == 0 ? "404" : "200", (unsigned)(y >> 20 & 0xffff),
		     agents[(x >> 40) % 3], x ^ y, (unsigned)(y >> 40 & 3),
		     (unsigned)((y >> 44) % 1000));
	return n < 0 || (size_t)n >= room ? 0 : (size_t)n;
}

static size_t
text_bytes(char *out, size_t room)
{
	size_t used = 0;

	while (room - used > 512)
		used += log_line(out + used, room - used);
	return used;
}

static void
content(const char *kind, uint64_t bytes)
{
	bool text = strcmp(kind, "text") == 0;
	char *chunk = malloc(CHUNK_BYTES);

	if (chunk == NULL || (!text && strcmp(kind, "random") != 0))
		die("content random|text");
	while (bytes > 0) {
		size_t n = text ? text_bytes(chunk, CHUNK_BYTES) : random_bytes(chunk, CHUNK_BYTES);

		n = n < bytes ? n : (size_t)bytes;
		if (fwrite(chunk, 1, n, stdout) != n)
			die("write: %s", strerror(errno));
		bytes -= n;
	}
	free(chunk);
	if (fflush(stdout) != 0)
		die("write: %s", strerror(errno));
}

/* Ports */

static int
loopback(uint16_t port, struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd;
}

static void
print_free_port(void)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	int fd = loopback(0, &address);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		die("no free port: %s", strerror(errno));
	printf("%u\n", ntohs(address.sin_port));
	close(fd);
}

static int
await(uint16_t port)
{
	for (long waited = 0; waited < AWAIT_MS; waited += 20) {
		struct sockaddr_in address;
		int fd = loopback(port, &address);
		int r = connect(fd, (struct sockaddr *)&address, sizeof(address));

		close(fd);
		if (r == 0)
			return 0;
		nap(20);
	}
	return 1;
}

/* The server's processes: a process and all below it. */

struct tree {
	pid_t pids[TREE_MAX];
	size_t count;
};

static void
add_children(struct tree *t, pid_t pid)
{
	char path[64];
	int child;
	FILE *f;

	/* Only single-threaded servers fork here: the first thread's children are all. */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	while (t->count < TREE_MAX && fscanf(f, "%d", &child) == 1)
		t->pids[t->count++] = child;
	fclose(f);
}

static struct tree
tree_of(pid_t root)
{
	struct tree t = {.pids = {root}, .count = root > 0};

	for (size_t i = 0; i < t.count; i++)
		add_children(&t, t.pids[i]);
	return t;
}

/* CPU seconds of a process and of its children that have ended; 0 where it is gone. */
static double
cpu_of(pid_t pid)
{
	unsigned long long ticks[4] = {0};
	char path[64], line[1024];
	const char *rest;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = '\0';
	rest = strrchr(line, ')'); /* the name may contain anything; utime is field 14 (proc(5)) */
	if (rest == NULL || sscanf(rest,
				   ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
				   "%llu %llu %llu %llu",
				   &ticks[0], &ticks[1], &ticks[2], &ticks[3]) != 4)
		return 0;
	return (double)(ticks[0] + ticks[1] + ticks[2] + ticks[3]) / (double)sysconf(_SC_CLK_TCK);
}

static double
cpu_of_tree(const struct tree *t)
{
	double sum = 0;

	for (size_t i = 0; i < t->count; i++)
		sum += cpu_of(t->pids[i]);
	return sum;
}

/* VmHWM: the peak so far of a process. */
static long
peak_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static void
sample(pid_t root, long *peak)
{
	struct tree t = tree_of(root);

	for (size_t i = 0; i < t.count; i++) {
		long kib = peak_kib(t.pids[i]);

		*peak = kib > *peak ? kib : *peak;
	}
}

/* Until the server has no more processes than before: what they used is then counted by it. */
static struct tree
settled(pid_t root, size_t count)
{
	struct tree t = tree_of(root);

	for (long waited = 0; t.count > count && waited < SETTLE_MS; waited += 10) {
		nap(10);
		t = tree_of(root);
	}
	return t;
}

static double
seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static pid_t
spawn(char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM); /* whoever ends meter ends the run */
		execvp(command[0], command);
		fprintf(stderr, "meter: %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	return pid;
}

static int
run(pid_t server, const char *file, char **command)
{
	struct tree tree = tree_of(server);
	double server_cpu = cpu_of_tree(&tree);
	size_t server_count = tree.count;
	double start = now();
	pid_t pid = spawn(command);
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	struct rusage usage;
	long server_peak = 0;
	double seconds;
	int status;
	FILE *f;

	if (ended.fd < 0)
		die("pidfd_open: %s", strerror(errno));
	while (poll(&ended, 1, SAMPLE_MS) == 0)
		sample(server, &server_peak);
	seconds = now() - start;
	if (wait4(pid, &status, 0, &usage) != pid)
		die("wait4: %s", strerror(errno));
	tree = settled(server, server_count);
	server_cpu = cpu_of_tree(&tree) - server_cpu;

	f = fopen(file, "we");
	if (f == NULL ||
	    fprintf(f, "%.3f %.3f %.3f %ld %ld\n", seconds,
		    seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), server_cpu,
		    usage.ru_maxrss, server_peak) < 0 ||
	    fclose(f) != 0)
		die("%s: %s", file, strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "content") == 0 && argc == 4)
		content(argv[2], strtoull(argv[3], NULL, 10));
	else if (strcmp(verb, "port") == 0 && argc == 2)
		print_free_port();
	else if (strcmp(verb, "await") == 0 && argc == 3)
		return await((uint16_t)atoi(argv[2]));
	else if (strcmp(verb, "run") == 0 && argc > 4)
		return run((pid_t)atoi(argv[2]), argv[3], argv + 4);
	else
		die("usage: content random|text BYTES | port | await PORT | run PID FILE COMMAND");
	return 0;
}
