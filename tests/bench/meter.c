/*
 * What tests/bench/run cannot do in shell: ports, and the cost of a run at both ends.
 *
 *	meter port ADDRESS		prints a free port of that IPv4 address
 *	meter await ADDRESS PORT	until something listens there, at most 10 s
 *	meter run PID FILE COMMAND...	runs COMMAND; FILE gets one line:
 *		seconds, CPU seconds of COMMAND, CPU seconds of PID and all below it meanwhile,
 *		peak KiB of the largest process of COMMAND, and of PID and all below it
 *
 * PID is the server (0: none).  meter run exits with COMMAND's status.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
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

#define SAMPLE_MS 50   /* between two looks at the server's memory */
#define SETTLE_MS 2000 /* for the server's processes of this run to end */
#define AWAIT_MS  10000
#define TREE_MAX  256

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

/* Ports */

static int
tcp_socket(const char *host, uint16_t port, struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	if (inet_pton(AF_INET, host, &address->sin_addr) != 1)
		die("'%s' is not an IPv4 address", host);
	return fd;
}

static void
print_free_port(const char *host)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	int fd = tcp_socket(host, 0, &address);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		die("no free port: %s", strerror(errno));
	printf("%u\n", ntohs(address.sin_port));
	close(fd);
}

static int
await(const char *host, uint16_t port)
{
	for (long waited = 0; waited < AWAIT_MS; waited += 20) {
		struct sockaddr_in address;
		int fd = tcp_socket(host, port, &address);
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

	if (strcmp(verb, "port") == 0 && argc == 3)
		print_free_port(argv[2]);
	else if (strcmp(verb, "await") == 0 && argc == 4)
		return await(argv[2], (uint16_t)atoi(argv[3]));
	else if (strcmp(verb, "run") == 0 && argc > 4)
		return run((pid_t)atoi(argv[2]), argv[3], argv + 4);
	else
		die("usage: port ADDRESS | await ADDRESS PORT | run PID FILE COMMAND...");
	return 0;
}
