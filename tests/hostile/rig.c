#include "tests/hostile/rig.h"

#include "tests/harness/unit.h"
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/data/checksum.h"
#include "src/server/pair.h"
#include "src/server/sandbox.h"
#include "src/server/session.h"
#include "src/store/metadata.h"

#define PATIENCE_MS 20000 /* only a hang waits this long */

uint64_t rig_stall_ms = SESSION_STALL_MS;
bool rig_keeps_pair;

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* Linux before 6.6 has no user.* attributes in memory, a container perhaps not the room. */
static bool
memory_will_do(const char *directory)
{
	const uint64_t enough = 512u << 20;
	struct statvfs fs;

	return statvfs(directory, &fs) == 0 && fs.f_bavail * fs.f_frsize >= enough &&
	       setxattr(directory, "user.ftx-hostile", "x", 1, 0) == 0 &&
	       removexattr(directory, "user.ftx-hostile") == 0;
}

void
rig_directory(char directory[static 64])
{
	static const char *const parents[] = {"/dev/shm", "/tmp"};

	for (size_t i = 0; i < 2; i++) {
		snprintf(directory, 64, "%s/ftx-hostile-XXXXXX", parents[i]);
		if (mkdtemp(directory) == NULL)
			continue;
		if (i > 0 || memory_will_do(directory))
			return;
		cr_assert_eq(rmdir(directory), 0);
	}
	cr_assert_fail("no directory can be made");
}

void
rig_remove(const char *directory)
{
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct session_keys
rig_keys(void)
{
	struct session_keys keys = {.aead = AEAD_CHACHA20_POLY1305};

	randombytes_buf_deterministic(keys.client_to_server, 32, (const uint8_t[32]){1});
	randombytes_buf_deterministic(keys.server_to_client, 32, (const uint8_t[32]){2});
	return keys;
}

struct rig *
rig_new(uint8_t rights, const struct rig *shared)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct session_keys keys = rig_keys();
	int conn[2];
	int pair[2];

	cr_assert(sodium_init() >= 0);
	/* As the supervisor does it before it forks. */
	cr_assert_eq(sandbox_setup(&(const struct sandbox_options){0}), 0);
	if (shared != NULL)
		strcpy(rig->directory, shared->directory);
	else
		rig_directory(rig->directory);
	strcpy(rig->grant.share, "s");
	rig->grant.path = rig->directory;
	rig->grant.rights = rights;
	strcpy(rig->client.name, "test");
	rig->client.grants = &rig->grant;
	rig->client.grant_count = 1;
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn) == 0);
	cr_assert(pair_new(pair) == 0);
	rig->pid = fork();
	cr_assert(rig->pid >= 0);
	if (rig->pid == 0) {
		close(conn[0]);
		close(pair[0]);
		session_run(conn[1], pair[1], &keys, &rig->client,
			    &(const struct session_settings){.stall_ms = rig_stall_ms});
	}
	close(conn[1]);
	rig->session_pair = rig_keeps_pair ? pair[1] : -1;
	if (!rig_keeps_pair)
		close(pair[1]);
	rig->pair = pair[0];
	rig->channel = channel_new(conn[0], &keys, CHANNEL_CLIENT);
	cr_assert(rig->channel != NULL);
	return rig;
}

void
rig_hello(struct rig *rig, uint8_t run)
{
	struct message m = {.type = MESSAGE_HELLO};
	struct pair_message p;

	m.hello.session_id[0] = run;
	m.hello.codecs = 7;
	m.hello.agent = span_of("test");
	rig_send(rig, &m);
	cr_assert_eq(pair_wait(rig->pair, &p, clock_ms() + PATIENCE_MS), 1);
	cr_assert_eq(p.type, PAIR_JOIN);
	cr_assert_eq(p.join.session_id[0], run);
	p.type = PAIR_JOINED;
	cr_assert_eq(pair_send(rig->pair, &p), 0);
	cr_assert_eq(rig_receive(rig, &m), 0);
	cr_assert_eq(m.type, MESSAGE_WELCOME);
	cr_assert_eq(m.welcome.shares.count, (rig->grant.rights & RIGHT_LIST) != 0 ? 1 : 0);
	if (m.welcome.shares.count > 0)
		cr_assert_eq(m.welcome.shares.items[0].rights, rig->grant.rights);
}

struct rig *
rig_open(uint8_t rights)
{
	struct rig *rig = rig_new(rights, NULL);

	rig_hello(rig, 1);
	return rig;
}

void
rig_free(struct rig *rig)
{
	int status;

	channel_free(rig->channel);
	close(rig->pair);
	cr_assert_eq(waitpid(rig->pid, &status, 0), rig->pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "session ended with status %x",
		  (unsigned)status);
	rig_remove(rig->directory);
	free(rig);
}

static void
wait_for(struct rig *rig, short events)
{
	struct pollfd pfd = {.fd = channel_fd(rig->channel), .events = events};

	cr_assert_eq(poll(&pfd, 1, PATIENCE_MS), 1, "the session hangs");
}

void
rig_send_plain(struct rig *rig, const uint8_t *plain, size_t length)
{
	int r;

	if (plain != channel_plain(rig->channel))
		memcpy(channel_plain(rig->channel), plain, length);
	channel_seal(rig->channel, length);
	while ((r = channel_flush(rig->channel, SIZE_MAX, NULL)) == 1)
		wait_for(rig, POLLOUT);
}

void
rig_send(struct rig *rig, const struct message *m)
{
	size_t length;

	cr_assert_eq(message_encode(m, channel_plain(rig->channel), LIMIT_RECORD_PLAIN, &length), 0,
		     "message %d cannot be encoded", m->type);
	rig_send_plain(rig, channel_plain(rig->channel), length);
}

int
rig_take(struct rig *rig, struct message *m)
{
	uint8_t *plain;
	size_t length;
	int r = channel_receive(rig->channel, SIZE_MAX, &plain, &length, NULL);

	if (r == 1)
		cr_assert_eq(message_decode(m, &rig->arena, plain, length), 0);
	return r;
}

int
rig_receive(struct rig *rig, struct message *m)
{
	for (;;) {
		int r = rig_take(rig, m);

		if (r < 0)
			return r;
		if (r == 0)
			wait_for(rig, POLLIN);
		else if (m->type != MESSAGE_WORKING)
			return 0;
	}
}

struct message
rig_ask(struct rig *rig, const struct message *m, enum message_type type)
{
	struct message answer;

	rig_send(rig, m);
	cr_assert_eq(rig_receive(rig, &answer), 0);
	cr_assert_eq(answer.type, type, "%s was answered by %s (%s)", message_info(m->type)->name,
		     message_info(answer.type)->name,
		     answer.type == MESSAGE_ERROR ? error_name(error_from_wire(answer.error.code))
						  : "");
	return answer;
}

void
rig_expect_error(struct rig *rig, const struct message *m, int error)
{
	struct message answer = rig_ask(rig, m, MESSAGE_ERROR);

	cr_assert_eq(error_from_wire(answer.error.code), error, "%s instead of %s",
		     error_name(error_from_wire(answer.error.code)), error_name(error));
}

void
rig_expect_close(struct rig *rig, int error)
{
	struct message m;
	int r = rig_receive(rig, &m);

	cr_assert_eq(r, 0, "the connection ended without CLOSE: %s", error_name(r));
	cr_assert_eq(m.type, MESSAGE_CLOSE, "%s instead of CLOSE", message_info(m.type)->name);
	cr_assert_eq(m.close.code, -error, "%s instead of %s",
		     error_name(error_from_wire(m.close.code)), error_name(error));
	cr_assert_eq(rig_receive(rig, &m), FTX_E_CLOSED);
}

void
rig_expect_alive(struct rig *rig)
{
	const struct message ping = {.type = MESSAGE_PING};

	rig_ask(rig, &ping, MESSAGE_PONG);
}

struct message
rig_open_request(uint8_t handle, const char *path, uint64_t size)
{
	struct message m = {.type = MESSAGE_OPEN};

	m.open.handle = handle;
	m.open.path = span_of(path);
	m.open.identity.size = size;
	m.open.identity.mtime_s = 1700000000;
	return m;
}

struct message
rig_write(uint8_t handle, uint64_t offset, const void *data, size_t length)
{
	struct message m = {.type = MESSAGE_WRITE};
	struct digest digest = digest_of(data, length);

	m.write.handle = handle;
	m.write.offset = offset;
	m.write.raw_length = (uint32_t)length;
	memcpy(m.write.digest, digest.bytes, sizeof(m.write.digest));
	m.write.data = (struct span){.data = data, .length = length};
	return m;
}

struct message
rig_commit(uint8_t handle, uint64_t size, const void *content, const struct block_range *blocks,
	   uint32_t count)
{
	struct message m = {.type = MESSAGE_COMMIT};
	struct digest_state *state = digest_state_new();
	struct digest digest;

	file_digest_start(state, size);
	for (uint32_t i = 0; i < count; i++)
		for (uint64_t b = blocks[i].first; b < blocks[i].first + blocks[i].count; b++) {
			uint64_t start = b * LIMIT_BLOCK_BYTES;
			uint64_t length =
			    size - start < LIMIT_BLOCK_BYTES ? size - start : LIMIT_BLOCK_BYTES;

			digest = digest_of((const uint8_t *)content + start, (size_t)length);
			file_digest_add(state, &digest);
		}
	digest = digest_finish(state);
	digest_state_free(state);
	m.commit.handle = handle;
	m.commit.size = size;
	memcpy(m.commit.digest, digest.bytes, sizeof(m.commit.digest));
	m.commit.metadata.type = ENTRY_FILE;
	m.commit.metadata.mode = 0644;
	m.commit.metadata.mtime_s = 1700000000;
	m.commit.blocks.items = blocks;
	m.commit.blocks.count = count;
	return m;
}

struct message
rig_send_pack(struct rig *rig, const char *path, const void *content, uint32_t length)
{
	struct digest digest = digest_of(content, length);
	struct packed item = {
	    .path = span_of(path),
	    .size = length,
	    .length = length,
	    .flags = 1,
	    .metadata = {.type = ENTRY_FILE, .mode = 0644, .mtime_s = 1000000000},
	};
	struct message m = {.type = MESSAGE_PACK};

	memcpy(item.digest, digest.bytes, sizeof(item.digest));
	m.pack.base = span_of("s");
	m.pack.items.items = &item;
	m.pack.items.count = 1;
	m.pack.raw_length = length;
	m.pack.data = (struct span){content, length};
	rig_send(rig, &m);
	m = (struct message){.type = MESSAGE_COMMIT_PACKS};
	m.commit_packs.items = 1;
	return m;
}

static void
path_of(const struct rig *rig, const char *name, char path[static 512])
{
	snprintf(path, 512, "%s/%s", rig->directory, name);
}

void
rig_file(const struct rig *rig, const char *name, const void *data, size_t length)
{
	char path[512];
	FILE *f;

	path_of(rig, name, path);
	f = fopen(path, "w");
	cr_assert(f != NULL && fwrite(data, 1, length, f) == length && fclose(f) == 0);
}

uint8_t *
rig_content(const struct rig *rig, const char *name, size_t *length)
{
	char path[512];
	uint8_t *data = malloc(1 << 24);
	FILE *f;

	path_of(rig, name, path);
	f = fopen(path, "r");
	cr_assert(f != NULL, "'%s' is not there", name);
	*length = fread(data, 1, 1 << 24, f);
	fclose(f);
	return data;
}

int
rig_exists(const struct rig *rig, const char *name)
{
	char path[512];
	struct stat st;

	path_of(rig, name, path);
	return lstat(path, &st) == 0;
}
