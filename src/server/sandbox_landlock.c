#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/server/policy.h"
#include "src/server/sandbox_impl.h"

/*
 * From linux/landlock.h, whose newer parts the headers of Debian 12 do not have.  The numbers of
 * the system calls are the same on all architectures.
 */
enum {
	NR_CREATE_RULESET = 444,
	NR_ADD_RULE = 445,
	NR_RESTRICT_SELF = 446,
	CREATE_RULESET_VERSION = 1,
	RULE_PATH_BENEATH = 1,
};

enum fs_access {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_CHAR = 1 << 6,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_MAKE_SOCK = 1 << 9,
	FS_MAKE_FIFO = 1 << 10,
	FS_MAKE_BLOCK = 1 << 11,
	FS_MAKE_SYM = 1 << 12,
	FS_REFER = 1 << 13,	/* from version 2 */
	FS_TRUNCATE = 1 << 14,	/* 3 */
	FS_IOCTL_DEV = 1 << 15, /* 5 */
};

enum {
	NET_BIND_TCP = 1 << 0, /* 4 */
	NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, /* 6 */
	SCOPE_SIGNAL = 1 << 1,
};

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

int
landlock_abi(void)
{
	long abi = syscall(NR_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

/* Everything that this version can forbid. */
static struct ruleset_attr
handled(int abi)
{
	struct ruleset_attr a = {.handled_access_fs = FS_TRUNCATE - 1};

	if (abi >= 3)
		a.handled_access_fs |= FS_TRUNCATE;
	if (abi >= 5)
		a.handled_access_fs |= FS_IOCTL_DEV;
	if (abi >= 4)
		a.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 6)
		a.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	return a;
}

/* An older kernel takes a structure that ends where its own does. */
static size_t
attr_bytes(int abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset_attr);
	return abi >= 4 ? offsetof(struct ruleset_attr, scoped)
			: offsetof(struct ruleset_attr, handled_access_net);
}

static uint64_t
access_of(uint8_t rights)
{
	static const struct {
		enum right right;
		uint64_t access;
	} needs[] = {
	    {RIGHT_LIST, FS_READ_DIR},
	    {RIGHT_GET, FS_READ_FILE},
	    {RIGHT_PUT, FS_READ_DIR | FS_MAKE_REG | FS_MAKE_DIR | FS_MAKE_SYM | FS_REFER},
	    {RIGHT_OVERWRITE, FS_REMOVE_FILE | FS_READ_FILE},
	    {RIGHT_DELETE, FS_READ_DIR | FS_REMOVE_FILE | FS_REMOVE_DIR},
	};
	uint64_t access = 0;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if ((rights & needs[i].right) != 0)
			access |= needs[i].access;
	return access;
}

static int
allow(int ruleset, const struct ruleset_attr *handles, int dir, uint64_t access)
{
	struct path_beneath_attr rule = {.allowed_access = access & handles->handled_access_fs,
					 .parent_fd = dir};

	if (dir < 0 || rule.allowed_access == 0)
		return 0;
	return syscall(NR_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) == 0
		   ? 0
		   : error_from_errno(errno);
}

static int
allow_place(int ruleset, const struct ruleset_attr *handles, const struct sandbox_place *p)
{
	uint64_t access = access_of(p->rights);
	uint64_t remove = FS_REMOVE_FILE | FS_REMOVE_DIR;
	uint64_t write = FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | remove;
	int r = allow(ruleset, handles, p->root, access);

	if (r == 0)
		r = allow(ruleset, handles, p->up, access | write);
	return r != 0 ? r : allow(ruleset, handles, p->set, access | remove);
}

int
landlock_confine(int abi, const struct sandbox_place *places, size_t count)
{
	struct ruleset_attr handles = handled(abi);
	int ruleset, r = 0;

	if (abi < LANDLOCK_ABI_LEAST)
		return FTX_E_UNSUPPORTED;
	ruleset = (int)syscall(NR_CREATE_RULESET, &handles, attr_bytes(abi), 0);
	if (ruleset < 0)
		return error_from_errno(errno);
	for (size_t i = 0; i < count && r == 0; i++)
		r = allow_place(ruleset, &handles, &places[i]);
	if (r == 0 && syscall(NR_RESTRICT_SELF, ruleset, 0) != 0)
		r = error_from_errno(errno);
	close(ruleset);
	return r;
}
