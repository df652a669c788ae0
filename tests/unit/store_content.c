#include "src/store/content.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/io.h"
#include "src/secure/match.h"
#include "store_helpers.h"

TestSuite(content, .init = room_begin, .fini = room_end);

static const uint8_t key[MATCH_KEY_BYTES] = {1, 2, 3};
static uint8_t content[2 * BLOCK + 5], block[BLOCK];

static struct source *
open_content(size_t size)
{
	int fd = openat(room, "f", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	struct source *s;

	content_fill(content, 0, sizeof(content), 1);
	cr_assert(fd >= 0);
	assert_ok(write_full(fd, content, size));
	close(fd);
	assert_ok(source_open_at(&s, room, "f", NULL, 0));
	return s;
}

/* Both digests of the first size bytes of content, the straightforward way. */
static void
expected_of(size_t size, uint8_t keyed[MATCH_BYTES], struct digest *plain)
{
	struct digest_state *state = digest_state_new();
	struct match m;

	match_start(&m, key, size);
	file_digest_start(state, size);
	for (size_t at = 0; at < size; at += BLOCK) {
		size_t length = size - at < BLOCK ? size - at : BLOCK;
		struct digest d = digest_of(content + at, length);

		match_add(&m, content + at, length);
		file_digest_add(state, &d);
	}
	match_finish(&m, keyed);
	*plain = digest_finish(state);
	digest_state_free(state);
}

Test(content, has_both_digests_of_files_of_every_kind_of_size)
{
	static const size_t sizes[] = {0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct source *s = open_content(sizes[i]);
		uint8_t keyed[MATCH_BYTES];
		struct digest plain;
		struct path_digest d;

		expected_of(sizes[i], keyed, &plain);
		assert_ok(content_hash(s, key, block, NULL, NULL, &d));
		cr_expect(d.size == sizes[i]);
		cr_expect_arr_eq(d.digest, keyed, sizeof(keyed), "%zu", sizes[i]);
		assert_ok(content_hash(s, NULL, block, NULL, NULL, &d));
		cr_expect(d.size == sizes[i]);
		cr_expect_arr_eq(d.digest, plain.bytes, sizeof(plain.bytes), "%zu", sizes[i]);
		source_close(s);
	}
}

static int
shorten(void *arg)
{
	int fd = openat(room, "f", O_WRONLY | O_CLOEXEC);

	if (++*(int *)arg == 2)
		cr_assert(ftruncate(fd, 7) == 0);
	close(fd);
	return 0;
}

static int
grow(void *arg)
{
	int fd = openat(room, "f", O_WRONLY | O_APPEND | O_CLOEXEC);

	if (++*(int *)arg == 2)
		assert_ok(write_full(fd, "x", 1));
	close(fd);
	return 0;
}

static int
remove_it(void *arg)
{
	if (++*(int *)arg == 2)
		cr_assert(unlinkat(room, "f", 0) == 0);
	return 0;
}

static int
stop(void *arg)
{
	return ++*(int *)arg == 2 ? FTX_E_STOPPING : 0;
}

Test(content, says_so_where_the_file_changes_or_the_caller_stops)
{
	static const struct {
		int (*between)(void *arg);
		int error;
	} cases[] = {
	    {shorten, FTX_E_CHANGED},
	    {grow, FTX_E_CHANGED},
	    {remove_it, FTX_E_VANISHED},
	    {stop, FTX_E_STOPPING},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct source *s = open_content(sizeof(content));
		struct path_digest d;
		int calls = 0;

		assert_error(content_hash(s, key, block, cases[i].between, &calls, &d),
			     cases[i].error);
		cr_expect(calls >= 2);
		source_close(s);
	}
}
