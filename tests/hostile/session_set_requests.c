#include "tests/hostile/session_set.h"

#include "tests/harness/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/data/checksum.h"
#include "src/server/policy.h"
#include "src/store/metadata.h"

struct message
sets_begin_request(const char *destination, enum mode mode)
{
	struct message m = {.type = MESSAGE_BEGIN};

	m.begin.destination = span_of(destination);
	m.begin.mode = (uint8_t)mode;
	return m;
}

uint8_t
sets_begin(struct rig *rig, const char *destination, enum mode mode)
{
	struct message m = sets_begin_request(destination, mode);

	return rig_ask(rig, &m, MESSAGE_BEGUN).begun.like;
}

struct message
sets_publish_request(const char *destination)
{
	struct message m = {.type = MESSAGE_PUBLISH};

	m.publish.destination = span_of(destination);
	return m;
}

void
sets_publish(struct rig *rig, const char *destination)
{
	struct message m = sets_publish_request(destination);
	struct message answer = rig_ask(rig, &m, MESSAGE_PUBLISHED);

	cr_expect_eq(answer.published.path.length, strlen(destination));
	cr_expect(memcmp(answer.published.path.data, destination, strlen(destination)) == 0);
}

struct rig *
sets_another(const struct rig *rig, uint8_t run)
{
	struct rig *other = rig_new(RIGHTS_FULL, rig);

	rig_hello(other, run);
	return other;
}

void
sets_put(struct rig *rig, const char *path, const char *text)
{
	const struct block_range all = {0, 1};
	struct message m = rig_open_request(0, path, strlen(text));

	rig_ask(rig, &m, MESSAGE_HAVE);
	m = rig_write(0, 0, text, strlen(text));
	rig_send(rig, &m);
	m = rig_commit(0, strlen(text), text, &all, 1);
	rig_ask(rig, &m, MESSAGE_COMMITTED);
}

int
sets_pack(struct rig *rig, const char *base, const char *path, const char *text)
{
	struct packed item = {.path = span_of(path), .size = strlen(text), .flags = 1};
	struct digest digest = digest_of(text, strlen(text));
	struct message m = {.type = MESSAGE_PACK}, answer;

	item.length = (uint32_t)item.size;
	memcpy(item.digest, digest.bytes, sizeof(item.digest));
	item.metadata = (struct metadata){.type = ENTRY_FILE, .mode = 0644, .mtime_s = 1000000000};
	m.pack.base = span_of(base);
	m.pack.items.items = &item;
	m.pack.items.count = 1;
	m.pack.raw_length = item.length;
	m.pack.data = (struct span){(const uint8_t *)text, item.size};
	rig_send(rig, &m);
	m = (struct message){.type = MESSAGE_COMMIT_PACKS};
	m.commit_packs.items = 1;
	answer = rig_ask(rig, &m, MESSAGE_COMMITTED_PACKS);
	return -answer.committed_packs.statuses.items[0].code;
}

bool
sets_is(const struct rig *rig, const char *name, const char *text)
{
	size_t length = 0;
	uint8_t *content;
	bool same;

	if (!rig_exists(rig, name))
		return false;
	content = rig_content(rig, name, &length);
	same = length == strlen(text) && memcmp(content, text, length) == 0;
	free(content);
	return same;
}

struct node
sets_node(const char *path, uint8_t type, uint64_t size)
{
	return (struct node){
	    .path = span_of(path),
	    .size = size,
	    .metadata = {.type = type, .mode = 0644, .mtime_s = 1000000000},
	};
}

unsigned
sets_offer(struct rig *rig, const char *base, struct node node)
{
	struct message m = {.type = MESSAGE_OFFER};

	m.offer.base = span_of(base);
	m.offer.nodes.items = &node;
	m.offer.nodes.count = 1;
	m = rig_ask(rig, &m, MESSAGE_VERDICTS);
	return m.verdicts.verdicts.items[0].state;
}

int
sets_with_node(struct rig *rig, enum message_type type, const char *base, struct node node)
{
	struct message m = {.type = type};

	/* Both have the same fields. */
	if (type == MESSAGE_MKDIR) {
		m.mkdir.base = span_of(base);
		m.mkdir.nodes.items = &node;
		m.mkdir.nodes.count = 1;
	} else {
		m.setmeta.base = span_of(base);
		m.setmeta.nodes.items = &node;
		m.setmeta.nodes.count = 1;
	}
	m = rig_ask(rig, &m, MESSAGE_STATUSES);
	return -m.statuses.statuses.items[0].code;
}

int
sets_remove(struct rig *rig, const char *base, const char *path)
{
	struct path_only only = {.path = span_of(path)};
	struct message m = {.type = MESSAGE_REMOVE};

	m.remove.base = span_of(base);
	m.remove.paths.items = &only;
	m.remove.paths.count = 1;
	m = rig_ask(rig, &m, MESSAGE_STATUSES);
	return -m.statuses.statuses.items[0].code;
}

void
sets_make_directory(const struct rig *rig, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", rig->directory, name);
	cr_assert_eq(mkdir(path, 0755), 0);
}

void
sets_make_file(const struct rig *rig, const char *name, const char *text)
{
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	char path[512];

	rig_file(rig, name, text, strlen(text));
	snprintf(path, sizeof(path), "%s/%s", rig->directory, name);
	cr_assert(chmod(path, 0644) == 0 && utimensat(AT_FDCWD, path, times, 0) == 0);
}

ino_t
sets_inode(const struct rig *rig, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", rig->directory, name);
	cr_assert_eq(lstat(path, &st), 0, "%s: %s", name, strerror(errno));
	return st.st_ino;
}

void
sets_kill_session(struct rig *rig)
{
	int status;

	cr_assert_eq(kill(rig->pid, SIGKILL), 0);
	cr_assert_eq(waitpid(rig->pid, &status, 0), rig->pid);
	channel_free(rig->channel);
	close(rig->pair);
	free(rig);
}
