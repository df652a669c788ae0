#include "tests/harness/unit.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/metadata.h"
#include "tests/hostile/session_tree.h"

struct span
span_over(const void *data, size_t length)
{
	return (struct span){.data = data, .length = length};
}

struct node
entry_node(struct span path, uint8_t type)
{
	return (struct node){
	    .path = path,
	    .metadata = {.type = type, .mode = 0750, .mtime_s = 1000000000},
	};
}

struct message
entry_request(enum request request, const char *base, struct span path, struct span other,
	      uint8_t type)
{
	static struct node node;
	static struct path_pair pair;
	static struct path_only only;
	struct message m;

	memset(&m, 0, sizeof(m));
	node = entry_node(path, type);
	node.target = other;
	pair = (struct path_pair){.path = path, .target = other};
	only.path = path;
	switch (request) {
	case MKDIR:
		node.target.length = 0;
		node.metadata.type = ENTRY_DIRECTORY;
		m.type = MESSAGE_MKDIR;
		m.mkdir.base = span_of(base);
		m.mkdir.nodes.items = &node;
		m.mkdir.nodes.count = 1;
		break;
	case SYMLINK:
		node.metadata.type = ENTRY_SYMLINK;
		m.type = MESSAGE_SYMLINK;
		m.symlink.base = span_of(base);
		m.symlink.nodes.items = &node;
		m.symlink.nodes.count = 1;
		break;
	case SETMETA:
		node.target.length = 0;
		m.type = MESSAGE_SETMETA;
		m.setmeta.base = span_of(base);
		m.setmeta.nodes.items = &node;
		m.setmeta.nodes.count = 1;
		break;
	case LINK:
		m.type = MESSAGE_LINK;
		m.link.base = span_of(base);
		m.link.pairs.items = &pair;
		m.link.pairs.count = 1;
		break;
	case RENAME:
	case REPLACE:
		m.type = MESSAGE_RENAME;
		m.rename.base = span_of(base);
		m.rename.replace = request == REPLACE;
		m.rename.pairs.items = &pair;
		m.rename.pairs.count = 1;
		break;
	case REMOVE:
		m.type = MESSAGE_REMOVE;
		m.remove.base = span_of(base);
		m.remove.paths.items = &only;
		m.remove.paths.count = 1;
		break;
	case REQUESTS:
		cr_assert_fail("no such request");
	}
	return m;
}

struct item_status
entry_ask(struct rig *rig, const struct message *m)
{
	struct message answer = rig_ask(rig, m, MESSAGE_STATUSES);

	cr_assert_eq(answer.statuses.statuses.count, 1);
	return answer.statuses.statuses.items[0];
}

void
entry_expect(struct rig *rig, enum request request, const char *path, const char *other,
	     uint8_t type, int error, uint8_t flags)
{
	struct message m = entry_request(request, "s", span_of(path), span_of(other), type);
	struct item_status status = entry_ask(rig, &m);

	cr_expect_eq(status.code, -error, "%d '%s' '%s': %s instead of %s", request, path, other,
		     error_name(-status.code), error_name(error));
	cr_expect_eq(status.flags & STATUS_NOTHING_DONE, flags, "%d '%s': flags %x", request, path,
		     status.flags);
}

struct offer_verdict
entry_offer(struct rig *rig, struct span path, uint8_t type, uint64_t size, const char *target)
{
	struct node node = entry_node(path, type);
	struct message m = {.type = MESSAGE_OFFER};

	node.size = size;
	node.target = span_of(target);
	m.offer.base = span_of("s");
	m.offer.nodes.items = &node;
	m.offer.nodes.count = 1;
	m = rig_ask(rig, &m, MESSAGE_VERDICTS);
	cr_assert_eq(m.verdicts.verdicts.count, 1);
	return m.verdicts.verdicts.items[0];
}

void
entry_expect_offer(struct rig *rig, const char *path, uint8_t type, uint64_t size,
		   const char *target, enum tree_state state, int error)
{
	struct offer_verdict v = entry_offer(rig, span_of(path), type, size, target);

	cr_expect_eq(v.state, state, "'%s': %u instead of %u", path, v.state, state);
	cr_expect_eq(v.code, -error, "'%s': %s", path, error_name(-v.code));
}

void
entry_path(const struct rig *rig, const char *name, char path[static 512])
{
	snprintf(path, 512, "%s/%s", rig->directory, name);
}

struct stat
entry_stat(const struct rig *rig, const char *name)
{
	char path[512];
	struct stat st;

	entry_path(rig, name, path);
	cr_assert_eq(lstat(path, &st), 0, "%s: %s", name, strerror(errno));
	return st;
}

void
entry_make_directory(const struct rig *rig, const char *name)
{
	char path[512];

	entry_path(rig, name, path);
	cr_assert_eq(mkdir(path, 0755), 0);
}

void
entry_make_link(const struct rig *rig, const char *target, const char *name)
{
	char path[512];

	entry_path(rig, name, path);
	cr_assert_eq(symlink(target, path), 0);
}

void
entry_make_fifo(const struct rig *rig, const char *name)
{
	char path[512];

	entry_path(rig, name, path);
	cr_assert_eq(mkfifo(path, 0600), 0);
}

void
entry_make_socket(const struct rig *rig, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.64s/%.32s", rig->directory, name);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

void
entry_commit_packs(struct rig *rig)
{
	const struct message m = {.type = MESSAGE_COMMIT_PACKS};
	struct message answer = rig_ask(rig, &m, MESSAGE_COMMITTED_PACKS);

	cr_assert_eq(answer.committed_packs.statuses.count, 0);
}
