#include "store_helpers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "src/base/io.h"

int room = -1, room_up = -1;
char room_path[PATH_MAX];
struct block_range have[LIMIT_HAVE_RANGES];
uint32_t have_count;
struct upload_result result;

#define ID "0123456789abcdef0123456789abcdef"
const char part_name[] = ID ".part", journal_name[] = ID ".jnl";
const char client_part_name[] = ".ftx-" ID ".part", client_journal_name[] = ".ftx-" ID ".jnl";

static int
open_sub(const char *name)
{
	char path[PATH_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", room_path, name);
	cr_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(fd >= 0);
	return fd;
}

static void
open_room(void)
{
	room = open_sub("share");
	room_up = open_sub("staging");
}

static void
room_begin_in(const char *parent)
{
	snprintf(room_path, PATH_MAX, "%s/ftx-store-XXXXXX", parent);
	cr_assert(mkdtemp(room_path) != NULL, "%s: %s", room_path, strerror(errno));
	open_room();
}

void
room_begin(void)
{
	const char *dir = getenv("TMPDIR");

	if (dir == NULL || dir[0] == '\0')
		dir = "/tmp";
	room_begin_in(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : dir);
}

void
room_begin_on_disk(void)
{
	const char *const parents[] = {getenv("TMPDIR"), "/tmp", "/var/tmp"};
	struct statfs fs;

	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
		if (parents[i] != NULL && statfs(parents[i], &fs) == 0 &&
		    fs.f_type != TMPFS_MAGIC) {
			room_begin_in(parents[i]);
			return;
		}
	cr_skip_test("$TMPDIR, /tmp and /var/tmp are all in memory");
}

/* Some paths are longer than PATH_MAX, so fts changes its directory on its way. */
static void
remove_room(void)
{
	char *const paths[] = {room_path, NULL};
	FTS *walk = fts_open(paths, FTS_PHYSICAL, NULL);
	const FTSENT *entry;

	while ((entry = fts_read(walk)) != NULL)
		if (entry->fts_info != FTS_D)
			cr_expect(remove(entry->fts_accpath) == 0);
	fts_close(walk);
}

void
room_end(void)
{
	fault_set(NULL, 0, 0);
	close(room);
	close(room_up);
	remove_room();
}

void
make_file(int dir, const char *name, const char *text, mode_t mode)
{
	int fd;

	unlinkat(dir, name, 0);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	cr_assert(fd >= 0);
	assert_ok(write_full(fd, text, strlen(text)));
	cr_assert(fchmod(fd, mode) == 0);
	close(fd);
}

bool
file_is(int dir, const char *name, const char *text)
{
	char buffer[256] = "";
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	size_t got = 0;

	if (fd < 0)
		return false;
	assert_ok(read_full(fd, buffer, sizeof(buffer), &got));
	close(fd);
	return got == strlen(text) && memcmp(buffer, text, got) == 0;
}

bool
exists(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

struct stat
stat_of(int dir, const char *name)
{
	struct stat st;

	cr_assert(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s", name);
	return st;
}

unsigned
entries_in(int dir)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	unsigned count = 0;

	cr_assert(d != NULL);
	while (readdir(d) != NULL)
		count++;
	closedir(d);
	return count - 2;
}

bool
own_mounts(void)
{
	if (unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0) {
		/* The descriptors still lead to the mounts of the old one. */
		close(room);
		close(room_up);
		open_room();
		return true;
	}
	fprintf(stderr, "skipped: no mount namespace of its own for this user\n");
	return false;
}

static uint64_t
mix(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	return x;
}

void
content_fill(uint8_t *out, uint64_t offset, size_t length, unsigned seed)
{
	for (size_t i = 0; i < length;) {
		uint64_t at = offset + i, word = mix(at / 8 + seed * UINT64_C(0x9e3779b97f4a7c15));

		if (at % 8 == 0 && length - i >= 8) {
			memcpy(out + i, &word, 8);
			i += 8;
			continue;
		}
		for (unsigned b = at % 8; b < 8 && i < length; b++, i++)
			out[i] = (uint8_t)(word >> (8 * b));
	}
}

bool
content_is(int dir, const char *name, uint64_t size, unsigned seed)
{
	static uint8_t is[LIMIT_CHUNK_BYTES], should[LIMIT_CHUNK_BYTES];
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool same = fd >= 0;
	struct stat st;

	if (!same)
		return false;
	same = fstat(fd, &st) == 0 && (uint64_t)st.st_size == size;
	for (uint64_t at = 0; same && at < size; at += CHUNK) {
		size_t length = size - at < CHUNK ? (size_t)(size - at) : CHUNK, got;

		assert_ok(pread_full(fd, is, length, at, &got));
		content_fill(should, at, length, seed);
		same = got == length && memcmp(is, should, length) == 0;
	}
	close(fd);
	return same;
}

static uint64_t
blocks_of(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK;
}

static uint64_t
block_end(uint64_t size, uint64_t block)
{
	return (block + 1) * BLOCK < size ? (block + 1) * BLOCK : size;
}

struct digest
content_digest(uint64_t size, const struct block_range *ranges, uint32_t count, unsigned seed)
{
	static uint8_t data[LIMIT_BLOCK_BYTES];
	struct digest_state *s = digest_state_new();
	struct digest d;

	file_digest_start(s, size);
	for (uint32_t i = 0; i < count; i++)
		for (uint64_t b = ranges[i].first; b < ranges[i].first + ranges[i].count; b++) {
			size_t length = (size_t)(block_end(size, b) - b * BLOCK);

			content_fill(data, b * BLOCK, length, seed);
			d = digest_of(data, length);
			file_digest_add(s, &d);
		}
	d = digest_finish(s);
	digest_state_free(s);
	return d;
}

static const struct metadata_rules server_rules = {
    .policy = METADATA_SERVER, .umask_bits = 022, .can_remember = true};
static const struct metadata_rules client_rules = {.policy = METADATA_CLIENT, .umask_bits = 022};

struct upload_options
server_upload(const char *name, uint64_t size)
{
	struct upload_options o = {
	    .staging = {.dir = room_up, .prefix = "", .id = ID},
	    .root = room,
	    .path = name,
	    .identity = {.size = size, .mtime_s = 1700000000, .mtime_ns = 5},
	    .allocate = size,
	    .overwrite = true,
	    .rules = &server_rules,
	};

	set_session(&o, 1);
	return o;
}

struct upload_options
client_upload(const char *name, uint64_t size)
{
	struct upload_options o = server_upload(name, size);

	o.staging.dir = room;
	o.staging.prefix = ".ftx-";
	o.rules = &client_rules;
	o.resolve_flags = RESOLVE_ENTER_MOUNTS;
	return o;
}

void
set_session(struct upload_options *o, uint8_t session)
{
	memset(o->session_id, session, sizeof(o->session_id));
}

int
begin(struct upload **u, const struct upload_options *o)
{
	*u = NULL;
	return upload_open(u, o, have, &have_count);
}

bool
have_is(const struct block_range *expected, uint32_t count)
{
	if (have_count != count)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (have[i].first != expected[i].first || have[i].count != expected[i].count)
			return false;
	return true;
}

char *
have_text(void)
{
	static char text[4096];
	size_t used = 0;
	bool in[512] = {false};

	for (uint32_t i = 0; i < have_count; i++)
		for (uint64_t b = have[i].first; b < have[i].first + have[i].count; b++) {
			cr_assert(b < 512);
			cr_assert(!in[b], "a block twice");
			in[b] = true;
		}
	text[0] = '\0';
	for (unsigned b = 0; b < 512; b++)
		if (in[b])
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u",
						 used > 0 ? " " : "", b);
	return text;
}

int
write_block(struct upload *u, uint64_t size, uint64_t block, unsigned seed)
{
	static uint8_t data[LIMIT_CHUNK_BYTES];
	uint64_t end = block_end(size, block);

	for (uint64_t at = block * BLOCK; at < end;) {
		size_t length = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
		int r;

		content_fill(data, at, length, seed);
		if ((r = upload_write(u, at, data, length)) != 0)
			return r;
		at += length;
	}
	return 0;
}

int
write_blocks(struct upload *u, uint64_t size, uint64_t first, uint64_t end, unsigned seed)
{
	for (uint64_t b = first; b < end; b++) {
		int r = write_block(u, size, b, seed);

		if (r != 0)
			return r;
	}
	return 0;
}

int
commit_ranges(struct upload *u, uint64_t size, const struct block_range *sent, uint32_t count,
	      unsigned seed)
{
	struct digest d = content_digest(size, sent, count, seed);
	struct upload_commit c = {
	    .metadata = {.type = ENTRY_FILE,
			 .mode = 0644,
			 .mtime_s = 1000000000,
			 .mtime_ns = 123456789},
	    .sent = sent,
	    .sent_count = count,
	    .digest = &d,
	};

	return upload_commit(u, &c, &result);
}

int
commit_whole(struct upload *u, uint64_t size, unsigned seed)
{
	struct block_range all = {.first = 0, .count = blocks_of(size)};

	return commit_ranges(u, size, &all, size > 0 ? 1 : 0, seed);
}

int
put_whole(const struct upload_options *o, unsigned seed)
{
	struct upload *u;
	int r = begin(&u, o), closed;

	if (r != 0)
		return r;
	r = write_blocks(u, o->identity.size, 0, blocks_of(o->identity.size), seed);
	if (r == 0)
		r = commit_whole(u, o->identity.size, seed);
	closed = upload_close(u, UPLOAD_KEEP);
	return r != 0 ? r : closed;
}
