/*
 * Clients that ask and do not read, or begin to say something and do not go on.
 */
#include "tests/harness/unit.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/data/codec.h"
#include "src/server/pair.h"
#include "src/server/sandbox.h"
#include "tests/hostile/rig.h"

#define MIB	    (1024u * 1024u)
#define FILE_BYTES  (16u * MIB)
#define REQUESTS    100u
#define PATIENCE_MS 60000 /* only a hang waits this long */

/* What a session that serves one READ at a time was seen to need, several times over. */
#define MOST_KIB 24576u

/* A field of /proc/PID/status in KiB, 0 where it is not there (any more). */
static unsigned long
status_kib(pid_t pid, const char *field)
{
	unsigned long kib = 0;
	char name[64], line[256];
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/status", (int)pid);
	if ((f = fopen(name, "re")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			kib = strtoul(line + strlen(field), NULL, 10);
	fclose(f);
	return kib;
}

/* A file with content, which takes no space: made of one hole it would be sent as one. */
static void
make_big_file(struct rig *rig)
{
	char path[128];
	int fd;

	rig_file(rig, "f", "", 0);
	snprintf(path, sizeof(path), "%s/f", rig->directory);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert(fd >= 0 && posix_fallocate(fd, 0, FILE_BYTES) == 0);
	close(fd);
}

static struct message
read_all(struct rig *rig)
{
	static const struct range all = {0, FILE_BYTES};
	struct message m = {.type = MESSAGE_STAT};
	struct message read = {.type = MESSAGE_READ};

	m.stat.path = span_of("s/f");
	m = rig_ask(rig, &m, MESSAGE_ENTRY);
	read.read.path = span_of("s/f");
	read.read.identity = m.entry.attributes.identity;
	read.read.ranges.items = &all;
	read.read.ranges.count = 1;
	read.read.compress = COMPRESS_NONE;
	return read;
}

/* What the session says at its end, with what it had in memory until then. */
static int
end_of(struct rig *rig, unsigned long *most_kib)
{
	uint64_t end_ms = clock_ms() + PATIENCE_MS;
	struct pair_message m;
	int r;

	*most_kib = 0;
	for (;;) {
		unsigned long kib = status_kib(rig->pid, "VmHWM:");

		*most_kib = kib > *most_kib ? kib : *most_kib;
		if ((r = pair_receive(rig->pair, &m)) != 0)
			break;
		cr_assert_lt(clock_ms(), end_ms, "it does not end");
		poll(NULL, 0, 10);
	}
	cr_assert_eq(r, 1);
	cr_assert_eq(m.type, PAIR_ENDED);
	return m.ended_error;
}

Test(session, T64_who_asks_and_never_reads_is_cut_off_and_costs_no_memory)
{
	struct rig *other = rig_open(RIGHTS_FULL);
	struct rig *rig;
	struct message m;
	unsigned long kib;

	rig_stall_ms = 1500;
	rig = rig_new(RIGHTS_FULL, other);
	rig_hello(rig, 2);
	make_big_file(rig);
	m = read_all(rig);
	for (unsigned i = 0; i < REQUESTS; i++)
		rig_send(rig, &m);
	rig_expect_alive(other);
	cr_expect_eq(end_of(rig, &kib), FTX_E_TIMEOUT);
	printf("%u READs of %u MiB, not read: the session had at most %lu KiB\n", REQUESTS,
	       FILE_BYTES / MIB, kib);
	cr_expect_gt(kib, 0);
	if (!SANDBOX_SANITIZED)
		cr_expect_lt(kib, MOST_KIB);
	rig_expect_alive(other);
	rig_free(rig);
	rig_free(other);
}

/* It is silence that counts, not slowness: a byte now and then keeps a session. */
Test(session, T64_who_reads_slowly_is_served)
{
	struct rig *rig;
	struct message m;
	unsigned pauses = 0;
	uint64_t bytes = 0;

	rig_stall_ms = 3000;
	rig = rig_open(RIGHTS_FULL);
	make_big_file(rig);
	m = read_all(rig);
	rig_send(rig, &m);
	do {
		cr_assert_eq(rig_receive(rig, &m), 0);
		bytes += m.type == MESSAGE_DATA ? m.data.raw_length : 0;
		if (bytes / (FILE_BYTES / 4) > pauses && m.type == MESSAGE_DATA) {
			pauses++;
			poll(NULL, 0, 1000);
		}
	} while (m.type == MESSAGE_DATA);
	cr_expect_eq(m.type, MESSAGE_DONE);
	cr_expect_eq(bytes, FILE_BYTES);
	rig_free(rig);
}

Test(session, T64_who_stops_amid_a_record_is_cut_off)
{
	struct rig *rig;
	unsigned long kib;

	rig_stall_ms = 1000;
	rig = rig_open(RIGHTS_FULL);
	cr_assert_eq(write(channel_fd(rig->channel), "\x10\x00\x00", 3), 3);
	cr_expect_eq(end_of(rig, &kib), FTX_E_TIMEOUT);
	rig_free(rig);
}

/* Whoever ends is heard, whatever of what was said before has not been read yet. */
Test(session, a_session_says_that_it_has_ended_to_a_supervisor_that_has_much_to_read)
{
	const struct pair_message filler = {.type = PAIR_CHANGED};
	const struct message close_request = {.type = MESSAGE_CLOSE};
	struct pair_message m = {.type = PAIR_CHANGED};
	struct pollfd gone;
	struct rig *rig;

	rig_keeps_pair = true;
	rig = rig_open(RIGHTS_FULL);
	while (pair_send(rig->session_pair, &filler) == 0)
		continue;
	close(rig->session_pair);
	rig_send(rig, &close_request);
	/* One that does not wait to be heard is gone now. */
	gone = (struct pollfd){.fd = channel_fd(rig->channel), .events = POLLIN};
	(void)poll(&gone, 1, 300);
	while (m.type == PAIR_CHANGED)
		cr_assert_eq(pair_wait(rig->pair, &m, clock_ms() + PATIENCE_MS), 1,
			     "it said nothing");
	cr_expect_eq(m.type, PAIR_ENDED);
	cr_expect_eq(m.ended_error, 0);
	rig_free(rig);
}
