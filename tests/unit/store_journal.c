#include "src/store/journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/io.h"
#include "store_helpers.h"

TestSuite(journal, .init = room_begin, .fini = room_end);

enum { SIZE = 5 * (1 << 20) + 100, BLOCKS = 6, FILE_BYTES = 16384 + BLOCKS * 32, SECTOR = 512 };
static const char path[] = "target";
static const bool in_table[BLOCKS] = {true, true, false, true, false, true};
static uint8_t image[FILE_BYTES];

static void
write_file(const char *name, const void *data, size_t length)
{
	int fd = openat(room_up, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert(fd >= 0);
	assert_ok(pwrite_full(fd, data, length, 0));
	close(fd);
}

static size_t
read_journal(uint8_t *out, size_t capacity)
{
	int fd = openat(room_up, journal_name, O_RDONLY | O_CLOEXEC);
	size_t got;

	cr_assert(fd >= 0);
	assert_ok(pread_full(fd, out, capacity, 0, &got));
	close(fd);
	return got;
}

/* Resume reads nothing of the partial, so any file of the right length will do. */
static void
make_part(uint64_t size)
{
	int fd;

	write_file(part_name, "", 0);
	fd = openat(room_up, part_name, O_RDWR | O_CLOEXEC);
	cr_assert(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	close(fd);
}

/* Leaves a partial with blocks 0, 1, 3 and 5, and its journal in image. */
static void
make_image(void)
{
	struct upload_options o = server_upload(path, SIZE);
	struct upload *u;

	assert_ok(begin(&u, &o));
	for (uint64_t b = 0; b < BLOCKS; b++)
		if (in_table[b])
			assert_ok(write_block(u, SIZE, b, 1));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	cr_assert(read_journal(image, sizeof(image)) == sizeof(image));
}

/* Opens with this journal beside a good partial, and says which blocks are believed. */
static char *
believed(const uint8_t *journal, size_t length)
{
	struct upload_options o = server_upload(path, SIZE);
	struct upload *u;

	write_file(journal_name, journal, length);
	make_part(SIZE);
	set_session(&o, 2);
	assert_ok(begin(&u, &o));
	upload_close(u, UPLOAD_KEEP);
	return have_text();
}

/* The table's blocks that lie before end, without one. */
static const char *
blocks_but(unsigned without, unsigned end)
{
	static char text[64];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned b = 0; b < BLOCKS && b < end; b++)
		if (in_table[b] && b != without) {
			if (used > 0)
				text[used++] = ' ';
			text[used++] = (char)('0' + b);
			text[used] = '\0';
		}
	return text;
}

Test(journal, T47_cut_at_every_length_vouches_for_what_is_left)
{
	make_image();
	for (size_t length = 0; length <= FILE_BYTES; length++) {
		unsigned slots = length < 16384 ? 0 : (unsigned)(length - 16384) / 32;
		char *text = believed(image, length);

		cr_assert_str_eq(text, blocks_but(BLOCKS, slots), "cut at %zu: %s", length, text);
	}
}

Test(journal, T47_flipped_in_any_byte_never_vouches_for_a_wrong_block)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff};
	const size_t header_end = SECTOR + sizeof(path) - 1;

	make_image();
	for (size_t at = 0; at < FILE_BYTES; at++) {
		/* Nothing lies between the path and the slots. */
		if (at == header_end + 3)
			at = 16384 - 3;
		for (size_t f = 0; f < sizeof(flips); f++) {
			unsigned slot = at < 16384 ? BLOCKS : (unsigned)(at - 16384) / 32;
			unsigned end = at < header_end ? 0 : BLOCKS;
			char *text;

			image[at] ^= flips[f];
			text = believed(image, sizeof(image));
			cr_assert_str_eq(text, blocks_but(slot, end), "byte %zu ^ %02x: %s", at,
					 flips[f], text);
			image[at] ^= flips[f];
		}
	}
}

Test(journal, does_not_believe_a_slot_of_another_place_or_journal)
{
	uint8_t other[FILE_BYTES];

	make_image();
	memcpy(other, image, sizeof(other));
	memcpy(other + 16384 + 2 * 32, other + 16384 + 1 * 32, 32);
	cr_expect_str_eq(believed(other, sizeof(other)), "0 1 3 5");
	cr_assert(unlinkat(room_up, part_name, 0) == 0);
	cr_assert(unlinkat(room_up, journal_name, 0) == 0);
	memcpy(other, image, sizeof(other));
	make_image();
	memcpy(image + 16384, other + 16384, sizeof(image) - 16384);
	cr_expect_str_eq(believed(image, sizeof(image)), "");
}

static uint64_t
le64(const uint8_t *p)
{
	uint64_t value = 0;

	for (unsigned i = 8; i > 0; i--)
		value = value << 8 | p[i - 1];
	return value;
}

Test(journal, lies_on_disk_as_its_header_file_says)
{
	static const uint8_t session[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	static const uint8_t none[16384 - SECTOR - 6];
	uint8_t covered[48], block[BLOCK];
	struct digest d;

	make_image();
	cr_expect(memcmp(image, "ftx1jnl\n\1\0\0\0", 12) == 0);
	cr_expect(memcmp(image + 28, session, 16) == 0);
	cr_expect(le64(image + 44) == SIZE);
	cr_expect(le64(image + 52) == 1700000000);
	cr_expect(memcmp(image + 60, "\5\0\0\0\0\0\0\0\6\0\0\0", 12) == 0);
	cr_expect(le64(image + 72) == check64(path, 6));
	cr_expect(memcmp(image + 80, none, 504 - 80) == 0);
	cr_expect(le64(image + 504) == check64(image, 504));
	cr_expect(memcmp(image + SECTOR, path, 6) == 0);
	cr_expect(memcmp(image + SECTOR + 6, none, sizeof(none)) == 0);
	for (unsigned b = 0; b < BLOCKS; b++) {
		const uint8_t *slot = image + 16384 + 32 * b;
		size_t length = b == 5 ? 100 : BLOCK;

		memcpy(covered, image + 12, 16);
		memset(covered + 16, 0, 8);
		covered[16] = (uint8_t)b;
		memcpy(covered + 24, slot, 24);
		content_fill(block, b * BLOCK, length, 1);
		d = digest_of(block, length);
		if (!in_table[b]) {
			cr_expect(memcmp(slot, none, 32) == 0);
			continue;
		}
		cr_expect(memcmp(slot, d.bytes, 16) == 0);
		cr_expect(le64(slot + 16) == length);
		cr_expect(le64(slot + 24) == check64(covered, 48));
	}
}

Test(journal, that_is_not_ours_is_begun_anew)
{
	uint8_t junk[FILE_BYTES];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)(i * 7);
	cr_expect_str_eq(believed(junk, sizeof(junk)), "");
	cr_expect_str_eq(believed(junk, 0), "");
}

Test(journal, finds_the_longest_4096_runs_of_any_number)
{
	enum { RUNS = 5000 };
	static struct digest digests[64];
	/* Run i: 1 + i * 7 % 61 blocks, then one missing. */
	struct upload_options o;
	struct journal j;
	struct upload *u;
	uint64_t blocks = 0, at = 0;
	unsigned lengths[62] = {0}, seen[62] = {0}, left = LIMIT_HAVE_RANGES;

	for (unsigned i = 0; i < RUNS; i++)
		blocks += 2 + i * 7 % 61;
	o = server_upload("big", blocks * BLOCK);
	o.allocate = 0;
	assert_ok(begin(&u, &o));
	assert_ok(upload_close(u, UPLOAD_KEEP));
	make_part(blocks * BLOCK);
	assert_ok(journal_open(&j, room_up, journal_name));
	assert_ok(journal_read_header(&j));
	for (unsigned i = 0; i < RUNS; i++) {
		unsigned length = 1 + i * 7 % 61;

		assert_ok(journal_put(&j, at, digests, length));
		lengths[length]++;
		at += length + 1;
	}
	journal_close(&j);
	assert_ok(begin(&u, &o));
	cr_assert(have_count == LIMIT_HAVE_RANGES);
	for (uint32_t i = 0; i < have_count; i++) {
		seen[have[i].count]++;
		cr_assert(
		    i == 0 || have[i].count < have[i - 1].count ||
		    (have[i].count == have[i - 1].count && have[i].first > have[i - 1].first));
	}
	for (unsigned length = 61; length > 0; length--) {
		unsigned expected = lengths[length] < left ? lengths[length] : left;

		cr_expect(seen[length] == expected, "%u: %u", length, seen[length]);
		left -= expected;
	}
	upload_close(u, UPLOAD_DISCARD);
}
