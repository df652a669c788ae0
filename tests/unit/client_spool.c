#include "src/client/spool.h"

#include "tests/harness/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/errors.h"

/* Record number i: its length and bytes follow from the number. */
static size_t
make_record(uint8_t *record, size_t i, size_t longest)
{
	size_t length = (i * 7919) % (longest + 1);

	for (size_t n = 0; n < length; n++)
		record[n] = (uint8_t)(i * 31 + n);
	return length;
}

static void
expect_all(struct spool *s, enum spool_order order, size_t count, size_t longest)
{
	static uint8_t expected[SPOOL_RECORD_BYTES];
	struct spool_reader *r = spool_reader_new(s, order);
	const void *record;
	size_t length;

	for (size_t n = 0; n < count; n++) {
		size_t i = order == SPOOL_FORWARD ? n : count - 1 - n;

		cr_assert_eq(spool_read(r, &record, &length), 0);
		cr_assert(record != NULL, "record %zu", i);
		cr_assert_eq(length, make_record(expected, i, longest), "record %zu", i);
		cr_assert(memcmp(record, expected, length) == 0, "record %zu", i);
	}
	for (int again = 0; again < 2; again++) {
		cr_assert_eq(spool_read(r, &record, &length), 0);
		cr_assert(record == NULL);
	}
	spool_reader_free(r);
}

static const struct {
	size_t count, longest;
} lists[] = {
    {0, 0},
    {1, 0},
    {1000, 0},
    {10, 100},
    {20000, 30},
    {3000, 300},
    {50, SPOOL_RECORD_BYTES},
    {9, SPOOL_RECORD_BYTES},
    {40, SPOOL_RECORD_BYTES - 1},
};

Test(spool, gives_back_what_it_got_in_both_orders)
{
	static uint8_t record[SPOOL_RECORD_BYTES];

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct spool *s = spool_new();
		uint64_t bytes = 0;

		for (size_t n = 0; n < lists[i].count; n++) {
			size_t length = make_record(record, n, lists[i].longest);

			cr_assert_eq(spool_append(s, record, length), 0);
			bytes += length;
			cr_assert_eq(spool_count(s), n + 1);
		}
		cr_expect_eq(spool_bytes(s), bytes);
		cr_expect_eq(spool_count(s), lists[i].count);
		expect_all(s, SPOOL_FORWARD, lists[i].count, lists[i].longest);
		expect_all(s, SPOOL_BACKWARD, lists[i].count, lists[i].longest);
		spool_free(s);
	}
}

Test(spool, takes_the_longest_record)
{
	static uint8_t record[SPOOL_RECORD_BYTES];
	struct spool *s = spool_new();
	struct spool_reader *r;
	const void *got;
	size_t length;

	for (int i = 0; i < 5; i++) {
		memset(record, i, sizeof(record));
		cr_assert_eq(spool_append(s, record, sizeof(record)), 0);
	}
	r = spool_reader_new(s, SPOOL_BACKWARD);
	for (int i = 5; i-- > 0;) {
		memset(record, i, sizeof(record));
		cr_assert_eq(spool_read(r, &got, &length), 0);
		cr_assert(length == sizeof(record) && memcmp(got, record, length) == 0);
	}
	spool_reader_free(r);
	spool_free(s);
}

Test(spool, is_read_by_several_at_once)
{
	struct spool *s = spool_new();
	struct spool_reader *forward, *backward;
	size_t count = 100000;

	for (size_t i = 0; i < count; i++)
		cr_assert_eq(spool_append(s, &i, sizeof(i)), 0);
	forward = spool_reader_new(s, SPOOL_FORWARD);
	backward = spool_reader_new(s, SPOOL_BACKWARD);
	for (size_t i = 0; i < count; i++) {
		size_t last = count - 1 - i, length;
		const void *a, *b;

		cr_assert_eq(spool_read(forward, &a, &length), 0);
		cr_assert_eq(spool_read(backward, &b, &length), 0);
		cr_assert(memcmp(a, &i, sizeof(i)) == 0 && memcmp(b, &last, sizeof(i)) == 0);
	}
	spool_reader_free(forward);
	spool_reader_free(backward);
	spool_free(s);
}

/* Appends records of 1000 bytes until there are count of them or one fails. */
static int
append_thousands(struct spool *s, size_t count)
{
	uint8_t record[1000];
	int r = 0;

	while (r == 0 && spool_count(s) < count) {
		memset(record, (int)spool_count(s), sizeof(record));
		r = spool_append(s, record, sizeof(record));
	}
	return r;
}

static void
expect_thousands(struct spool *s)
{
	struct spool_reader *r = spool_reader_new(s, SPOOL_BACKWARD);
	uint8_t expected[1000];

	for (uint64_t i = spool_count(s); i-- > 0;) {
		const void *record;
		size_t length;

		memset(expected, (int)i, sizeof(expected));
		cr_assert_eq(spool_read(r, &record, &length), 0);
		cr_assert(length == 1000 && memcmp(record, expected, length) == 0);
	}
	spool_reader_free(r);
}

Test(spool, keeps_a_small_list_in_memory)
{
	struct spool *s = spool_new();

	cr_assert(setenv("TMPDIR", "/nowhere", 1) == 0);
	cr_expect_eq(append_thousands(s, 65), 0);
	expect_thousands(s);
	cr_expect_eq(append_thousands(s, 66), FTX_E_NOT_FOUND);
	cr_expect_eq(errno, ENOENT);
	cr_expect_eq(spool_count(s), 65);
	expect_thousands(s);
	spool_free(s);
}

static size_t
names_in(const char *directory)
{
	DIR *d = opendir(directory);
	size_t n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

Test(spool, leaves_no_name_behind)
{
	char top[] = "/tmp/ftx-spool-XXXXXX";
	struct spool *s = spool_new();

	cr_assert(mkdtemp(top) != NULL && setenv("TMPDIR", top, 1) == 0);
	cr_assert_eq(append_thousands(s, 1000), 0);
	cr_expect_eq(names_in(top), 2);
	expect_thousands(s);
	spool_free(s);
	cr_expect(rmdir(top) == 0);
}

/* From here on O_TMPFILE is refused as file systems without it do. */
static void
refuse_nameless_files(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 3),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	cr_assert(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	cr_assert(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	cr_assert(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) < 0 && errno == EOPNOTSUPP);
}

Test(spool, needs_no_help_of_the_file_system)
{
	char top[] = "/tmp/ftx-spool-XXXXXX";
	struct spool *s = spool_new();

	cr_assert(mkdtemp(top) != NULL && setenv("TMPDIR", top, 1) == 0);
	refuse_nameless_files();
	cr_assert_eq(append_thousands(s, 1000), 0);
	cr_expect_eq(names_in(top), 2);
	expect_thousands(s);
	spool_free(s);
	cr_expect(rmdir(top) == 0);
}

static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	cr_assert(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = bytes;
	cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

Test(spool, is_what_it_was_after_a_write_that_failed)
{
	struct spool *s = spool_new();
	uint64_t count;
	struct rlimit limit;

	cr_assert(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	signal(SIGXFSZ, SIG_IGN);
	/* Not a multiple of what is written at once: the write that fails is cut short first. */
	limit_files(200000);
	cr_expect_eq(append_thousands(s, 100000), FTX_E_TOO_LARGE);
	cr_expect_eq(errno, EFBIG);
	count = spool_count(s);
	cr_expect(count > 190 && count < 300, "%ju", (uintmax_t)count);
	cr_expect_eq(spool_bytes(s), count * 1000);
	expect_thousands(s);
	cr_expect_eq(append_thousands(s, 100000), FTX_E_TOO_LARGE);
	cr_expect_eq(spool_count(s), count);

	limit_files(limit.rlim_cur);
	cr_expect_eq(append_thousands(s, 1000), 0);
	expect_thousands(s);
	spool_free(s);
}

/* The descriptor of the temporary file: the lowest free one when it was opened. */
static struct spool *
spool_on(int *fd)
{
	struct spool *s = spool_new();

	*fd = dup(STDIN_FILENO);
	close(*fd);
	cr_assert_eq(append_thousands(s, 200), 0);
	return s;
}

static int
read_all(struct spool *s, enum spool_order order)
{
	struct spool_reader *r = spool_reader_new(s, order);
	const void *record;
	size_t length;
	int error;

	do
		error = spool_read(r, &record, &length);
	while (error == 0 && record != NULL);
	spool_reader_free(r);
	return error;
}

Test(spool, believes_no_length_that_the_file_says)
{
	static const uint32_t lengths[] = {0, 1, 999, 1001, 65536, 65537, UINT32_MAX};
	int fd;
	struct spool *s = spool_on(&fd);

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const uint32_t right = 1000;

		/* In front of the second record, and behind it. */
		for (off_t at = 1008; at <= 2 * 1008 - 4; at += 1004) {
			cr_assert(pwrite(fd, &lengths[i], 4, at) == 4);
			cr_expect_eq(read_all(s, SPOOL_FORWARD), FTX_E_IO, "%u", lengths[i]);
			cr_expect_eq(read_all(s, SPOOL_BACKWARD), FTX_E_IO, "%u", lengths[i]);
			cr_assert(pwrite(fd, &right, 4, at) == 4);
		}
		cr_expect_eq(read_all(s, SPOOL_FORWARD), 0);
	}
	cr_assert(ftruncate(fd, 5000) == 0);
	cr_expect_eq(read_all(s, SPOOL_FORWARD), FTX_E_IO);
	cr_expect_eq(read_all(s, SPOOL_BACKWARD), FTX_E_IO);
	spool_free(s);
}
