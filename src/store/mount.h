/*
 * Which mount something is on: how the resolver and the walk notice that they would leave theirs.
 */
#ifndef STORE_MOUNT_H
#define STORE_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

struct mount {
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t id; /* 0 where the kernel does not say (before Linux 5.8) */
};

/*
 * Of name in dir, of dir itself where name is "".  follow: a link is looked through.  dir may be
 * O_PATH.  0 or the error of errno.
 */
int mount_of(int dir, const char *name, bool follow, struct mount *out);

/* A bind mount of the same file system has its device, but another mount id. */
bool mount_same(const struct mount *a, const struct mount *b);

#endif
