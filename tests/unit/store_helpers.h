/*
 * What the tests of the store share: a directory of their own, content that can be told apart byte
 * by byte, an upload in a few words, and system calls that fail when told to and are written down.
 */
#ifndef TESTS_STORE_HELPERS_H
#define TESTS_STORE_HELPERS_H

#include "tests/harness/unit.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "proto/errors.h"
#include "src/store/resolve.h"
#include "src/store/upload.h"

#define BLOCK ((uint64_t)LIMIT_BLOCK_BYTES)
#define CHUNK ((uint64_t)LIMIT_CHUNK_BYTES)

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		int result_ = (call);                                                              \
		cr_assert(result_ == 0, "%s: %s", #call, error_name(result_));                     \
	} while (0)
#define assert_error(call, error)                                                                  \
	do {                                                                                       \
		int result_ = (call);                                                              \
		cr_assert(result_ == (error), "%s: %s instead of %s", #call, error_name(result_),  \
			  error_name(error));                                                      \
	} while (0)

/*
 * A test of a suite that is run once more as one of SUITE_walking, as on a kernel without openat2
 * (T69).
 */
#define BothWays(suite, name)                                                                      \
	static void suite##_##name(void);                                                          \
	Test(suite, name)                                                                          \
	{                                                                                          \
		suite##_##name();                                                                  \
	}                                                                                          \
	Test(suite##_walking, name)                                                                \
	{                                                                                          \
		resolve_walk_only(true);                                                           \
		suite##_##name();                                                                  \
	}                                                                                          \
	static void suite##_##name(void)

/* The test's own directory; room_begin() and room_end() are for a suite's .init and .fini. */
extern int room;    /* descriptor of "share" in it */
extern int room_up; /* of "staging" beside it */
extern char room_path[];
void room_begin(void);
void
room_begin_on_disk(void); /* in the first of $TMPDIR, /tmp and /var/tmp that is not in memory */
void room_end(void);

void make_file(int dir, const char *name, const char *text, mode_t mode);
bool file_is(int dir, const char *name, const char *text);
bool exists(int dir, const char *name);
struct stat stat_of(int dir, const char *name);
unsigned entries_in(int dir);

/* In a mount namespace of its own; false, with a line that says so, where that is not allowed. */
bool own_mounts(void);

/* Content of a file, told apart by seed. */
void content_fill(uint8_t *out, uint64_t offset, size_t length, unsigned seed);
bool content_is(int dir, const char *name, uint64_t size, unsigned seed);
struct digest content_digest(uint64_t size, const struct block_range *ranges, uint32_t count,
			     unsigned seed);

/* An upload to room/name of size bytes, session 1; on the server, or beside the destination. */
struct upload_options server_upload(const char *name, uint64_t size);
struct upload_options client_upload(const char *name, uint64_t size);
void set_session(struct upload_options *o, uint8_t session);

extern struct block_range have[LIMIT_HAVE_RANGES];
extern uint32_t have_count;
extern struct upload_result result;

/* upload_open() with have and have_count. */
int begin(struct upload **u, const struct upload_options *o);
bool have_is(const struct block_range *expected, uint32_t count);
/* Blocks in have, as "0 1 5", in ascending order. */
char *have_text(void);

/* Writes one block, or blocks first..end, in chunks. */
int write_block(struct upload *u, uint64_t size, uint64_t block, unsigned seed);
int write_blocks(struct upload *u, uint64_t size, uint64_t first, uint64_t end, unsigned seed);

/* Commits, mode 0644, mtime 1000000000.123456789; digest of the content in the given ranges. */
int commit_ranges(struct upload *u, uint64_t size, const struct block_range *sent, uint32_t count,
		  unsigned seed);
int commit_whole(struct upload *u, uint64_t size, unsigned seed);
int put_whole(const struct upload_options *o, unsigned seed);

/* The names of the server's and client's files. */
extern const char part_name[], journal_name[];
extern const char client_part_name[], client_journal_name[];

/*
 * The nth (1..) call of this name fails with errnum, or, for FAULT_KILL, the process dies in front
 * of it; "any" counts them all, NULL none.  Counting begins now.
 */
#define FAULT_KILL (-1)
void fault_set(const char *call, unsigned nth, int errnum);
bool fault_hit(void);
/* Beside that, each of these calls fails; NULL: none. */
void fault_also(const char *call, int errnum);
/* In front of the nth call of this name something else happens: what another process might do. */
void fault_hook(const char *call, unsigned nth, void (*hook)(void));

/* From now on pwrite writes at most this much at once, and every third call is interrupted. */
void fault_short_writes(size_t most);

/* From now on calls are written down, as "pwrite part", "fdatasync jnl", "rename", "fsync dir"...
 */
void trace_start(void);
const char *trace_text(void);
void trace_note(const char *what);

#endif
