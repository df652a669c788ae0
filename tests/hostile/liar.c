#include "tests/hostile/liar.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/data/codec.h"
#include "src/secure/keyfile.h"
#include "src/server/policy.h"
#include "src/store/metadata.h"

const uint8_t liar_secret[32] = {7, 7, 7, 7};
static uint8_t public_key[KEY_BYTES];

static int
step_es(void *arg, const uint8_t ephemeral[static KEY_BYTES], uint8_t ck[static 64],
	uint8_t k[static 32])
{
	(void)arg;
	return handshake_es(liar_secret, ephemeral, ck, k);
}

static bool
shake_hands(int fd, struct session_keys *keys)
{
	uint8_t hello[HANDSHAKE_HELLO_BYTES], reply[HANDSHAKE_REPLY_BYTES],
	    finish[HANDSHAKE_FINISH_BYTES];
	struct handshake_server s;

	return recv(fd, hello, sizeof(hello), MSG_WAITALL) == (ssize_t)sizeof(hello) &&
	       handshake_server_reply(&s, public_key, step_es, NULL, hello, reply) == 0 &&
	       send(fd, reply, sizeof(reply), MSG_NOSIGNAL) == (ssize_t)sizeof(reply) &&
	       recv(fd, finish, sizeof(finish), MSG_WAITALL) == (ssize_t)sizeof(finish) &&
	       handshake_server_finish(&s, finish, keys) == 0;
}

bool
liar_receive(struct liar *l)
{
	uint8_t *plain;
	size_t length;
	int r;

	while ((r = channel_receive(l->channel, SIZE_MAX, &plain, &length, NULL)) == 0) {
		struct pollfd fd = {.fd = channel_fd(l->channel), .events = POLLIN};

		poll(&fd, 1, -1);
	}
	return r == 1 && message_decode(&l->message, &l->arena, plain, length) == 0;
}

static bool
send_sealed(struct liar *l, size_t length)
{
	int r;

	channel_seal(l->channel, length);
	while ((r = channel_flush(l->channel, SIZE_MAX, NULL)) == 1) {
		struct pollfd fd = {.fd = channel_fd(l->channel), .events = POLLOUT};

		poll(&fd, 1, -1);
	}
	return r == 0;
}

bool
liar_tell(struct liar *l, const struct message *m)
{
	size_t length;

	/* What went before did not get through. */
	if (channel_unsent(l->channel) > 0)
		return false;
	if (message_encode(m, channel_plain(l->channel), LIMIT_RECORD_PLAIN, &length) != 0)
		abort();
	return send_sealed(l, length);
}

bool
liar_tell_plain(struct liar *l, const uint8_t *plain, size_t length)
{
	memcpy(channel_plain(l->channel), plain, length);
	return send_sealed(l, length);
}

void
liar_tell_raw(struct liar *l, const void *bytes, size_t length)
{
	if (send(channel_fd(l->channel), bytes, length, MSG_NOSIGNAL) < 0)
		return;
}

bool
liar_answer(struct liar *l, enum message_type type)
{
	const struct message m = {.type = type};

	return liar_tell(l, &m);
}

bool
liar_error(struct liar *l, int error, const char *text)
{
	struct message m = {.type = MESSAGE_ERROR};

	m.error.code = (uint16_t)-error;
	m.error.text = span_of(text);
	return liar_tell(l, &m);
}

void
liar_linger(struct liar *l)
{
	while (liar_receive(l))
		;
}

static bool
welcome(struct liar *l)
{
	const struct share share = {.name = span_of("s"), .rights = RIGHTS_FULL};
	struct message m = {.type = MESSAGE_WELCOME};

	m.welcome.codecs = CODEC_MASK_ALL;
	m.welcome.handles = LIMIT_HANDLES;
	m.welcome.unanswered = LIMIT_UNANSWERED;
	m.welcome.shares.items = &share;
	m.welcome.shares.count = 1;
	return liar_tell(l, &m);
}

static struct attributes
attributes_of(const struct told *t)
{
	struct attributes a = {.links = 1, .allocated = t->size};

	a.metadata.type = t->type;
	a.metadata.mode = t->type == ENTRY_DIRECTORY ? 0755 : 0644;
	a.metadata.mtime_s = 1000000000;
	a.identity.size = t->size;
	a.identity.mtime_s = 1000000000;
	a.identity.inode = 7;
	if (t->target != NULL)
		a.target = span_of(t->target);
	return a;
}

/* The share's src is a directory; below it, what the listing has. */
static bool
entry(struct liar *l)
{
	static const struct told directory = {.type = ENTRY_DIRECTORY};
	const struct told *found = &directory;
	const struct span path = l->message.stat.path;
	struct message m = {.type = MESSAGE_ENTRY};

	for (const struct told *t = l->tale->lines; t < l->tale->lines + TOLD_MOST; t++)
		if (t->type == ENTRY_FILE && t->path.length > 0 && t->path.length < path.length &&
		    memcmp(path.data + path.length - t->path.length, t->path.data,
			   t->path.length) == 0)
			found = t;
	m.entry.attributes = attributes_of(found);
	return liar_tell(l, &m);
}

static bool
list(struct liar *l)
{
	struct listed lines[TOLD_MOST];
	struct message m = {.type = MESSAGE_ENTRIES};
	uint32_t count = 0;

	for (const struct told *t = l->tale->lines; count < TOLD_MOST && t->type != 0; t++)
		lines[count++] = (struct listed){.kind = t->kind,
						 .code = t->code,
						 .path = t->path,
						 .attributes = attributes_of(t)};
	m.entries.lines.items = lines;
	m.entries.lines.count = count;
	if (!liar_tell(l, &m))
		return false;
	m = (struct message){.type = MESSAGE_LIST_DONE};
	m.list_done.count = count;
	return liar_tell(l, &m);
}

uint32_t
liar_items(struct liar *l, struct fetched items[static LIMIT_ENTRIES])
{
	static const struct told file = {.type = ENTRY_FILE};
	struct digest digest = digest_of(LIAR_TEXT, LIAR_BYTES);
	uint32_t count = l->message.fetch.files.count;

	for (uint32_t i = 0; i < count; i++) {
		items[i] = (struct fetched){.index = (uint16_t)i,
					    .size = LIAR_BYTES,
					    .length = LIAR_BYTES,
					    .flags = 1,
					    .metadata = attributes_of(&file).metadata};
		memcpy(items[i].digest, digest.bytes, sizeof(items[i].digest));
	}
	return count;
}

bool
liar_tell_pack(struct liar *l, const struct fetched *items, uint32_t count, const uint8_t *data,
	       uint32_t length)
{
	struct message m = {.type = MESSAGE_DATA_PACK};

	m.data_pack.items.items = items;
	m.data_pack.items.count = count;
	m.data_pack.raw_length = length;
	m.data_pack.data.data = data;
	m.data_pack.data.length = length;
	return liar_tell(l, &m);
}

static bool
fetch(struct liar *l)
{
	static struct fetched items[LIMIT_ENTRIES];
	static uint8_t data[LIMIT_ENTRIES * LIAR_BYTES];
	struct message m = {.type = MESSAGE_FETCHED};
	uint32_t count = liar_items(l, items);

	for (uint32_t i = 0; i < count; i++)
		memcpy(data + i * LIAR_BYTES, LIAR_TEXT, LIAR_BYTES);
	m.fetched.count = (uint16_t)count;
	return liar_tell_pack(l, items, count, data, count * LIAR_BYTES) && liar_tell(l, &m);
}

struct message
liar_chunk(uint64_t offset, uint32_t length)
{
	static uint8_t data[LIMIT_CHUNK_BYTES];
	struct message m = {.type = MESSAGE_DATA};
	struct digest digest;

	memset(data, 'x', sizeof(data));
	digest = digest_of(data, length);
	m.data.offset = offset;
	m.data.raw_length = length;
	memcpy(m.data.digest, digest.bytes, sizeof(m.data.digest));
	m.data.data.data = data;
	m.data.data.length = length;
	return m;
}

static bool
read_ranges(struct liar *l)
{
	const struct message_read request = l->message.read;
	struct message m;

	for (uint32_t i = 0; i < request.ranges.count; i++) {
		uint64_t at = request.ranges.items[i].offset;
		uint64_t end = at + request.ranges.items[i].length;

		while (at < end) {
			uint64_t length = LIMIT_CHUNK_BYTES - at % LIMIT_CHUNK_BYTES;

			length = length < end - at ? length : end - at;
			m = liar_chunk(at, (uint32_t)length);
			if (!liar_tell(l, &m))
				return false;
			at += length;
		}
	}
	m = (struct message){.type = MESSAGE_DONE};
	m.done.identity = request.identity;
	return liar_tell(l, &m);
}

static bool
verdicts(struct liar *l)
{
	static const struct offer_verdict absent[LIMIT_ENTRIES];
	struct message m = {.type = MESSAGE_VERDICTS};

	m.verdicts.verdicts.items = absent;
	m.verdicts.verdicts.count = l->message.offer.nodes.count;
	return liar_tell(l, &m);
}

static bool
statuses(struct liar *l, uint32_t count)
{
	static const struct item_status good[LIMIT_GROUP_ITEMS];
	struct message m = {.type = MESSAGE_STATUSES};

	m.statuses.statuses.items = good;
	m.statuses.statuses.count = count;
	if (l->message.type == MESSAGE_COMMIT_PACKS) {
		m = (struct message){.type = MESSAGE_COMMITTED_PACKS};
		m.committed_packs.statuses.items = good;
		m.committed_packs.statuses.count = l->files;
		l->files = 0;
	}
	return liar_tell(l, &m);
}

static bool
count_files(struct liar *l)
{
	for (uint32_t i = 0; i < l->message.pack.items.count; i++)
		l->files += l->message.pack.items.items[i].flags & 1;
	return true;
}

bool
liar_be_honest(struct liar *l)
{
	switch ((unsigned)l->message.type) {
	case MESSAGE_HELLO:
		return welcome(l);
	case MESSAGE_STAT:
		return entry(l);
	case MESSAGE_NEXT:
		return l->message.next.parts > 0 ? list(l) : liar_answer(l, MESSAGE_LIST_DONE);
	case MESSAGE_FETCH:
		return fetch(l);
	case MESSAGE_READ:
		return read_ranges(l);
	case MESSAGE_OFFER:
		return verdicts(l);
	case MESSAGE_PACK:
		return count_files(l);
	case MESSAGE_WRITE:
	case MESSAGE_HOLE:
		return true;
	case MESSAGE_COMMIT_PACKS:
		return statuses(l, 0);
	case MESSAGE_MKDIR:
	case MESSAGE_SETMETA: /* of the same layout */
		return statuses(l, l->message.mkdir.nodes.count);
	case MESSAGE_OPEN:
		return liar_answer(l, MESSAGE_HAVE);
	case MESSAGE_COMMIT:
		return liar_answer(l, MESSAGE_COMMITTED);
	case MESSAGE_PING:
		return liar_answer(l, MESSAGE_PONG);
	case MESSAGE_CLOSE:
		return false;
	default: /* LIST, SYNC, CHECKPOINT, RELEASE */
		return liar_answer(l, MESSAGE_OK);
	}
}

static void
serve_one(int fd, const struct tale *tale)
{
	static struct liar l;
	struct session_keys keys;

	if (!shake_hands(fd, &keys)) {
		close(fd);
		return;
	}
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	memset(&l, 0, sizeof(l));
	l.tale = tale;
	if ((l.channel = channel_new(fd, &keys, CHANNEL_SERVER)) == NULL)
		abort();
	while (liar_receive(&l))
		if (!(tale->lie != NULL && tale->lie(&l)) && !liar_be_honest(&l))
			break;
	channel_free(l.channel);
}

/* A client has several connections at once. */
_Noreturn void
liar_serve(int listener, const struct tale *tale)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	key_public(public_key, liar_secret);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve_one(fd, tale);
			_exit(0);
		}
		close(fd);
	}
}
