#include "src/store/metadata.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "src/store/metadata_impl.h"
#include "src/store/owner.h"
#include "src/store/remembered.h"

enum { NSEC_PER_S = 1000000000, TEMPORARY_BYTES = 32 };

static uint8_t
type_of(mode_t mode)
{
	static const struct {
		mode_t format;
		enum entry_type type;
	} table[] = {
	    {S_IFREG, ENTRY_FILE},  {S_IFDIR, ENTRY_DIRECTORY}, {S_IFLNK, ENTRY_SYMLINK},
	    {S_IFIFO, ENTRY_FIFO},  {S_IFSOCK, ENTRY_SOCKET},	{S_IFCHR, ENTRY_CHARACTER},
	    {S_IFBLK, ENTRY_BLOCK},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].format == (mode & S_IFMT))
			return (uint8_t)table[i].type;
	return 0;
}

struct identity
identity_of(const struct stat *st)
{
	return (struct identity){
	    .size = (uint64_t)st->st_size,
	    .mtime_s = st->st_mtim.tv_sec,
	    .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
	    .inode = st->st_ino,
	    .ctime_s = st->st_ctim.tv_sec,
	    .ctime_ns = (uint32_t)st->st_ctim.tv_nsec,
	};
}

struct metadata
metadata_of(const struct stat *st)
{
	return (struct metadata){
	    .type = type_of(st->st_mode),
	    .mode = (uint16_t)(st->st_mode & 07777),
	    .mtime_s = st->st_mtim.tv_sec,
	    .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
	};
}

bool
identity_resumes(const struct identity *a, const struct identity *b)
{
	return a->size == b->size && a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns;
}

bool
identity_same(const struct identity *a, const struct identity *b)
{
	return identity_resumes(a, b) && a->inode == b->inode;
}

bool
mtime_same(int64_t source_s, uint32_t source_ns, int64_t stored_s, uint32_t stored_ns)
{
	static const uint32_t units[] = {1, 1000, 1000000, NSEC_PER_S};

	if (source_s != stored_s)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (stored_ns == source_ns - source_ns % units[i])
			return true;
	return false;
}

static struct owner own; /* user and group: names of these ids */
static bool own_known;

void
metadata_own_names(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (own_known && own.uid == uid && own.gid == gid)
		return;
	own = (struct owner){.uid = uid, .gid = gid};
	owner_name(OWNER_USER, uid, own.user);
	owner_name(OWNER_GROUP, gid, own.group);
	own_known = true;
}

/* A file that is gone when it is closed.  -1: none can be made. */
static int
probe_file(int dir)
{
	char name[TEMPORARY_BYTES];
	uint64_t random;
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return fd;
	snprintf(name, sizeof(name), "probe-%016" PRIx64 ".new", random);
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		unlinkat(dir, name, 0);
	return fd;
}

/* What a file made there has and can hold; in a directory with setgid it has another group. */
static void
probe(struct metadata_rules *rules, int dir)
{
	int fd = probe_file(dir);
	struct stat st;

	/* Where no file can be made now (no space), one that is made later is believed able. */
	rules->can_remember = true;
	if (fd < 0)
		return;
	rules->can_remember = remembered_possible(fd);
	if (fstat(fd, &st) == 0) {
		if (st.st_uid != rules->own.uid)
			rules->own.user[0] = '\0';
		if (st.st_gid != rules->own.gid)
			rules->own.group[0] = '\0';
		rules->own.uid = st.st_uid;
		rules->own.gid = st.st_gid;
	}
	close(fd);
}

void
metadata_rules_init(struct metadata_rules *rules, enum metadata_policy policy, bool set_owner,
		    bool numeric_ids, int probe_dir)
{
	*rules = (struct metadata_rules){
	    .policy = policy,
	    .umask_bits = metadata_umask(),
	    .is_root = geteuid() == 0,
	    .set_owner = set_owner && geteuid() == 0,
	    .numeric_ids = numeric_ids,
	    .own = {.uid = geteuid(), .gid = getegid()},
	};
	if (!numeric_ids) {
		metadata_own_names();
		rules->own = own;
	}
	if (policy == METADATA_SERVER && probe_dir >= 0)
		probe(rules, probe_dir);
}

mode_t
metadata_mode(const struct metadata_rules *rules, const struct metadata *m)
{
	switch (rules->policy) {
	case METADATA_SERVER:
		return ((m->mode & 0777u) | (m->type == ENTRY_DIRECTORY ? 0700u : 0600u)) &
		       ~rules->umask_bits;
	case METADATA_CLIENT:
		return m->mode & (rules->is_root ? 07777u : 0777u);
	}
	assert(false);
	return 0;
}

unsigned
metadata_classes(const struct metadata_rules *rules, unsigned parts, uint8_t type)
{
	bool server = rules->policy == METADATA_SERVER;
	bool has_all = type == ENTRY_FILE || type == ENTRY_DIRECTORY;
	unsigned classes = 0;

	/* The kernel has user.* and ACLs for files and directories only. */
	if ((parts & METADATA_XATTRS) != 0 && has_all)
		classes |= XATTR_USER;
	if ((parts & METADATA_XATTRS) != 0 && (server ? has_all : rules->is_root))
		classes |= XATTR_PRIVILEGED;
	if ((parts & METADATA_ACLS) != 0 && has_all)
		classes |= XATTR_ACL;
	if ((parts & METADATA_ACLS) != 0 && type == ENTRY_DIRECTORY)
		classes |= XATTR_DEFAULT_ACL;
	return classes;
}

void
metadata_ids(const struct metadata_rules *rules, const struct metadata *m, uint32_t *uid,
	     uint32_t *gid)
{
	if (rules->numeric_ids || !owner_id(OWNER_USER, &m->user, uid))
		*uid = m->uid;
	if (rules->numeric_ids || !owner_id(OWNER_GROUP, &m->group, gid))
		*gid = m->gid;
}

static bool
span_equal(const struct span *a, const struct span *b)
{
	return a->length == b->length &&
	       (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

static bool
mode_differs(const struct metadata_rules *rules, const struct metadata *wanted,
	     const struct metadata *there)
{
	mode_t mode = metadata_mode(rules, wanted);

	if (wanted->type == ENTRY_SYMLINK)
		return false;
	if (rules->policy == METADATA_SERVER)
		return (rules->can_remember ? wanted->mode : mode) != there->mode;
	return ((mode ^ there->mode) & (rules->is_root ? 07777u : 0777u)) != 0;
}

static bool
owner_differs(const struct metadata_rules *rules, const struct metadata *wanted,
	      const struct metadata *there)
{
	uint32_t uid, gid;

	if (rules->policy == METADATA_SERVER)
		/* On a link nothing can be remembered. */
		return rules->can_remember && wanted->type != ENTRY_SYMLINK &&
		       (wanted->uid != there->uid || wanted->gid != there->gid ||
			!span_equal(&wanted->user, &there->user) ||
			!span_equal(&wanted->group, &there->group));
	if (!rules->set_owner)
		return false;
	metadata_ids(rules, wanted, &uid, &gid);
	return uid != there->uid || gid != there->gid;
}

bool
metadata_differs(const struct metadata_rules *rules, const struct metadata *wanted,
		 const struct metadata *there)
{
	unsigned classes = metadata_classes(rules, wanted->flags, wanted->type);

	if (rules->policy == METADATA_SERVER && !rules->can_remember)
		classes = 0;
	return mode_differs(rules, wanted, there) ||
	       !mtime_same(wanted->mtime_s, wanted->mtime_ns, there->mtime_s, there->mtime_ns) ||
	       ((wanted->flags & METADATA_OWNER) != 0 && owner_differs(rules, wanted, there)) ||
	       !xattrs_equal(&wanted->xattrs, &there->xattrs, classes);
}

mode_t
metadata_umask(void)
{
	mode_t bits = umask(0);

	umask(bits);
	return bits;
}
