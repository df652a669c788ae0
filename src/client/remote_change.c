/*
 * The operations that change something: requests with items, of which all but REMOVE have few here.
 */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/remote.h"
#include "src/store/metadata.h"

/* Statuses that are expected, and where they go. */
struct expected {
	struct item_status *items;
	uint32_t count;
};

static int
take_statuses(void *arg, const struct message *m)
{
	const struct expected *e = arg;

	if (m->type != MESSAGE_STATUSES)
		return 0;
	if (m->statuses.statuses.count != e->count)
		return FTX_E_PROTOCOL;
	memcpy(e->items, m->statuses.statuses.items, e->count * sizeof(*e->items));
	return 0;
}

/* *twice: as of remote_call(). */
static int
call_items(struct remote *r, const struct message *m, struct item_status *statuses, uint32_t count,
	   bool *twice, struct problem *p)
{
	struct expected expected = {.items = statuses, .count = count};
	struct reply reply = {.on_message = take_statuses, .arg = &expected};

	return remote_call(r, m, &reply, twice, p);
}

/* The same for one item, whose status is the result. */
static int
call_item(struct remote *r, const struct message *m, struct problem *p)
{
	struct item_status status;
	int error = call_items(r, m, &status, 1, NULL, p);

	if (error == 0 && status.code != 0)
		error = problem_set(p, error_from_wire(status.code), SIDE_REMOTE, NULL);
	return error;
}

static struct metadata
metadata_now(enum entry_type type, uint16_t mode)
{
	struct metadata m = {.type = (uint8_t)type, .mode = mode};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	m.mtime_s = now.tv_sec;
	m.mtime_ns = (uint32_t)now.tv_nsec;
	return m;
}

static struct span
share_of(char share[static LIMIT_SHARE_BYTES + 1], const char *path)
{
	address_share(share, path);
	return span_of(share);
}

/* The directories from the first below the share down to rest; at most count of them. */
static uint32_t
make_nodes(struct node *nodes, uint32_t count, const char *rest, uint16_t mode)
{
	uint32_t n = 0;

	for (size_t end = 0; n < count; end++) {
		end += strcspn(rest + end, "/");
		nodes[n].path = (struct span){(const uint8_t *)rest, end};
		nodes[n].size = 0;
		nodes[n].metadata = metadata_now(ENTRY_DIRECTORY, mode);
		nodes[n].target = (struct span){NULL, 0};
		n++;
		if (rest[end] == '\0')
			break;
	}
	return n;
}

/*
 * Makes nodes; those that were not there before get their metadata.  missing: so many of the last
 * ones were not.  *made: how many.
 */
static int
make_directories(struct remote *r, const struct span *share, struct node *nodes, uint32_t count,
		 uint32_t missing, uint32_t *made, struct problem *p)
{
	struct item_status statuses[LIMIT_PATH_DEPTH + 1];
	struct message m = {.type = MESSAGE_MKDIR};
	bool twice;
	int error;

	m.mkdir.base = *share;
	m.mkdir.nodes.items = nodes;
	m.mkdir.nodes.count = count;
	*made = 0;
	if ((error = call_items(r, &m, statuses, count, &twice, p)) != 0)
		return error;
	for (uint32_t i = 0; i < count; i++) {
		/* Made by the request whose answer was lost. */
		bool ours = twice && i >= count - missing;

		if (statuses[i].code != 0)
			return problem_set(p, error_from_wire(statuses[i].code), SIDE_REMOTE, NULL);
		if ((statuses[i].flags & STATUS_NOTHING_DONE) == 0 || ours)
			nodes[(*made)++] = nodes[i];
	}
	if (*made == 0)
		return 0;
	m = (struct message){.type = MESSAGE_SETMETA};
	m.setmeta.base = *share;
	m.setmeta.nodes.items = nodes;
	m.setmeta.nodes.count = *made;
	if ((error = call_items(r, &m, statuses, *made, NULL, p)) != 0)
		return error;
	for (uint32_t i = 0; i < *made; i++)
		if (statuses[i].code != 0)
			return problem_set(p, error_from_wire(statuses[i].code), SIDE_REMOTE, NULL);
	return 0;
}

/* Is there a directory above path to make it in? */
static int
check_parent(struct remote *r, const char *path, struct problem *p)
{
	struct remote_entry entry;
	char above[LIMIT_PATH_BYTES + 1];
	size_t length = (size_t)(strrchr(path, '/') - path);
	int error;

	memcpy(above, path, length);
	above[length] = '\0';
	if (address_rest(above)[0] == '\0')
		return 0;
	error = remote_stat(r, above, 0, &entry, p);
	if (error == FTX_E_NOT_FOUND) {
		problem_set(p, error, SIDE_REMOTE, "the directory above it does not exist");
		problem_hint(p, "-p makes it too");
	}
	return error;
}

/* Is anything at path?  A key that may not look does not know. */
static int
check_free(struct remote *r, const char *path, bool *is_free, struct problem *p)
{
	struct remote_entry entry;
	int error = remote_stat(r, path, 0, &entry, p);

	*is_free = error == FTX_E_NOT_FOUND;
	return error != 0 && remote_over(r) ? error : 0;
}

/* How many directories at the end of path are not there, of the last most of them. */
static int
count_missing(struct remote *r, const char *path, uint32_t most, uint32_t *missing,
	      struct problem *p)
{
	char above[LIMIT_PATH_BYTES + 1];
	bool is_free;
	int error = 0;

	memcpy(above, path, strlen(path) + 1);
	for (*missing = 0; *missing < most; (*missing)++) {
		if ((error = check_free(r, above, &is_free, p)) != 0 || !is_free)
			break;
		*strrchr(above, '/') = '\0';
	}
	return error;
}

int
remote_mkdir(struct remote *r, const char *path, uint16_t mode, bool parents, struct problem *p)
{
	struct node nodes[LIMIT_PATH_DEPTH + 1];
	const char *rest = address_rest(path);
	char name[LIMIT_SHARE_BYTES + 1];
	struct span share = share_of(name, path);
	uint32_t count, made, missing;
	int error;

	if (rest[0] == '\0')
		return parents ? 0 : problem_set(p, FTX_E_EXISTS, SIDE_REMOTE, NULL);
	if (!parents && (error = check_parent(r, path, p)) != 0)
		return error;
	count = make_nodes(nodes, LIMIT_PATH_DEPTH + 1, rest, mode);
	if (!parents) {
		nodes[0] = nodes[count - 1];
		count = 1;
	}
	if ((error = count_missing(r, path, count, &missing, p)) != 0)
		return error;
	error = make_directories(r, &share, nodes, count, missing, &made, p);
	if (error == 0 && !parents && made == 0)
		error = problem_set(p, FTX_E_EXISTS, SIDE_REMOTE, NULL);
	return error;
}

/* Which inode is at path; 0: nothing, or that cannot be seen. */
static int
look(struct remote *r, const char *path, uint64_t *inode, struct problem *p)
{
	struct remote_entry entry;
	int error = remote_stat(r, path, 0, &entry, p);

	*inode = error == 0 ? entry.attributes.identity.inode : 0;
	return error != 0 && remote_over(r) ? error : 0;
}

/* RENAME over one connection alone: done twice, the second time finds nothing. */
static int
rename_once(struct remote *r, const struct message *m, struct problem *p)
{
	struct item_status status;
	struct expected expected = {.items = &status, .count = 1};
	struct reply reply = {.on_message = take_statuses, .arg = &expected};
	int error = connection_call(remote_connection(r), m, &reply);

	if (error != 0)
		*p = reply.problem;
	else if (status.code != 0)
		error = problem_set(p, error_from_wire(status.code), SIDE_REMOTE, NULL);
	return error;
}

/* The answer to RENAME was lost: *done where the file has its new name, an error where it has none.
 */
static int
look_renamed(struct remote *r, const char *from, const char *to, uint64_t inode, bool *done,
	     struct problem *p)
{
	uint64_t there;
	int error = look(r, to, &there, p);

	*done = inode != 0 && there == inode;
	if (error != 0 || *done)
		return error;
	if ((error = look(r, from, &there, p)) != 0)
		return error;
	if (inode != 0 && there == inode)
		return 0;
	problem_set(p, FTX_E_IO, SIDE_NETWORK,
		    "the connection was lost meanwhile: whether it was renamed is not known");
	return p->error;
}

int
remote_rename(struct remote *r, const char *from, const char *to, bool replace, struct problem *p)
{
	const struct path_pair pair = {.path = span_of(address_rest(from)),
				       .target = span_of(address_rest(to))};
	struct message m = {.type = MESSAGE_RENAME};
	char share[LIMIT_SHARE_BYTES + 1];
	bool done = false;
	uint64_t inode, lost_ms = 0;
	int error;

	m.rename.base = share_of(share, from);
	m.rename.replace = replace;
	m.rename.pairs.items = &pair;
	m.rename.pairs.count = 1;
	if ((error = look(r, from, &inode, p)) != 0)
		return error;
	while ((error = rename_once(r, &m, p)) != 0 &&
	       connection_error(remote_connection(r)) != 0) {
		if (lost_ms == 0)
			lost_ms = clock_ms();
		if (!remote_has_time(r, lost_ms) || (error = remote_again(r, p)) != 0 ||
		    (error = look_renamed(r, from, to, inode, &done, p)) != 0 || done)
			break;
	}
	return error;
}

int
remote_link(struct remote *r, const char *existing, const char *name, struct problem *p)
{
	const struct path_pair pair = {.path = span_of(address_rest(name)),
				       .target = span_of(address_rest(existing))};
	struct message m = {.type = MESSAGE_LINK};
	char share[LIMIT_SHARE_BYTES + 1];

	m.link.base = share_of(share, name);
	m.link.pairs.items = &pair;
	m.link.pairs.count = 1;
	return call_item(r, &m, p);
}

int
remote_symlink(struct remote *r, const char *text, const char *name, struct problem *p)
{
	const struct node node = {.path = span_of(address_rest(name)),
				  .metadata = metadata_now(ENTRY_SYMLINK, 0777),
				  .target = span_of(text)};
	struct message m = {.type = MESSAGE_SYMLINK};
	char share[LIMIT_SHARE_BYTES + 1];

	if (text[0] == '\0' || strlen(text) > LIMIT_PATH_BYTES)
		return problem_set(p, FTX_E_NAME, SIDE_LOCAL,
				   "the text of a link has 1 to 4095 bytes");
	m.symlink.base = share_of(share, name);
	m.symlink.nodes.items = &node;
	m.symlink.nodes.count = 1;
	return call_item(r, &m, p);
}

int
remote_remove(struct remote *r, const char *base, const char *const *names, uint32_t count,
	      int *errors, struct problem *p)
{
	struct path_only paths[LIMIT_ENTRIES];
	struct item_status statuses[LIMIT_ENTRIES];
	struct message m = {.type = MESSAGE_REMOVE};
	int error;

	assert(count > 0 && count <= LIMIT_ENTRIES);
	for (uint32_t i = 0; i < count; i++)
		paths[i].path = span_of(names[i]);
	m.remove.base = span_of(base);
	m.remove.paths.items = paths;
	m.remove.paths.count = count;
	if ((error = call_items(r, &m, statuses, count, NULL, p)) != 0)
		return error;
	/* What the caller gets of one that an unanswered request removed is FTX_E_NOT_FOUND. */
	for (uint32_t i = 0; i < count; i++)
		errors[i] = statuses[i].code == 0 ? 0 : error_from_wire(statuses[i].code);
	return 0;
}
