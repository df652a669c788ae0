/*
 * What tests/bench copies, the same in every run.
 *
 *	content random|text BYTES	to standard output
 *	content tree DIRECTORY FILES SEED	small files: 100 in a directory, ten of those in
 *		one; sizes from 100 bytes to 40 KiB, each power of two as often as the next; half of
 *		them text, half random
 *	content empty DIRECTORY FILES	1,000 in a directory; of a hundred, one has its number in it
 *
 * DIRECTORY must not be there yet.  tree and empty print "BYTES FILES DIRECTORIES".  Times of files
 * and directories are set too, with nanoseconds, but none is of this year.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES (1u << 20)
#define LINE_ROOM   512 /* more than a line of text takes */
#define SMALLEST    100.0
#define LARGEST	    40960.0
#define FILES_MAX   100000000u
#define FIRST_TIME  1600000000 /* in 2020 */

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	fputs("content: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static uint64_t random_state;

/* splitmix64 */
static uint64_t
random64(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

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

	while (room - used > LINE_ROOM)
		used += log_line(out + used, room - used);
	return used;
}

static void
stream(const char *kind, uint64_t bytes)
{
	bool text = strcmp(kind, "text") == 0;
	char *chunk = malloc(CHUNK_BYTES);

	if (chunk == NULL || (!text && strcmp(kind, "random") != 0))
		die("there is no content '%s'", kind);
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

/* Trees */

static uint64_t total_bytes, total_files, total_directories;

/* Also opens it. */
static int
new_directory(int parent, const char *name)
{
	int fd;

	if (mkdirat(parent, name, 0755) != 0)
		die("mkdir %s: %s", name, strerror(errno));
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", name, strerror(errno));
	total_directories++;
	return fd;
}

static void
set_time(int fd, uint64_t number)
{
	struct timespec t = {.tv_sec = FIRST_TIME + (time_t)(number % 100000000),
			     .tv_nsec = (long)(number * 1000003 % 1000000000)};
	struct timespec both[2] = {t, t};

	if (futimens(fd, both) != 0)
		die("futimens: %s", strerror(errno));
}

static void
close_directory(int fd)
{
	set_time(fd, total_directories);
	close(fd);
}

static void
new_file(int directory, const char *name, const char *data, size_t size)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || (size > 0 && write(fd, data, size) != (ssize_t)size))
		die("%s: %s", name, strerror(errno));
	set_time(fd, total_files);
	if (close(fd) != 0)
		die("%s: %s", name, strerror(errno));
	total_bytes += size;
	total_files++;
}

static size_t
small_size(void)
{
	double u = (double)(random64() >> 11) / 9007199254740992.0; /* 2^53: 0 <= u < 1 */

	return (size_t)(SMALLEST * exp(u * log(LARGEST / SMALLEST)));
}

static void
small_file(int directory, unsigned number)
{
	static char data[(size_t)LARGEST + 2 * LINE_ROOM];
	size_t size = small_size();
	bool text = random64() >> 63;
	char name[32];

	if (text)
		text_bytes(data, size + LINE_ROOM + 1);
	else
		random_bytes(data, size + 8);
	snprintf(name, sizeof(name), "%06u.%s", number, text ? "log" : "bin");
	new_file(directory, name, data, size);
}

static void
tree(const char *path, unsigned files, uint64_t seed)
{
	int top = new_directory(AT_FDCWD, path);
	unsigned number = 0;

	random_state = seed;
	for (unsigned i = 0; number < files; i++) {
		char name[16];
		int middle;

		snprintf(name, sizeof(name), "%03u", i);
		middle = new_directory(top, name);
		for (unsigned j = 0; j < 10 && number < files; j++) {
			int fd;

			snprintf(name, sizeof(name), "%u", j);
			fd = new_directory(middle, name);
			for (unsigned k = 0; k < 100 && number < files; k++)
				small_file(fd, number++);
			close_directory(fd);
		}
		close_directory(middle);
	}
	close_directory(top);
}

static void
empty(const char *path, unsigned files)
{
	int top = new_directory(AT_FDCWD, path);
	int fd = -1;

	for (unsigned number = 0; number < files; number++) {
		char name[16];

		if (number % 1000 == 0) {
			if (fd >= 0)
				close_directory(fd);
			snprintf(name, sizeof(name), "%05u", number / 1000);
			fd = new_directory(top, name);
		}
		snprintf(name, sizeof(name), "%09u", number);
		new_file(fd, name, name, number % 100 == 0 ? strlen(name) : 0);
	}
	if (fd >= 0)
		close_directory(fd);
	close_directory(top);
}

static unsigned
file_count(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || n > FILES_MAX)
		die("'%s' is no count of files up to %u", text, FILES_MAX);
	return (unsigned)n;
}

int
main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	umask(022);
	if (strcmp(verb, "tree") == 0 && argc == 5)
		tree(argv[2], file_count(argv[3]), strtoull(argv[4], NULL, 10));
	else if (strcmp(verb, "empty") == 0 && argc == 4)
		empty(argv[2], file_count(argv[3]));
	else if (argc == 3) {
		stream(verb, strtoull(argv[2], NULL, 10));
		return 0;
	} else
		die("usage: random|text BYTES | tree DIRECTORY FILES SEED | empty DIRECTORY FILES");
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", total_bytes, total_files,
	       total_directories);
	return fflush(stdout) != 0;
}
