#include "src/store/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "proto/errors.h"

int
mount_of(int dir, const char *name, bool follow, struct mount *out)
{
	int flags = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | (follow ? 0 : AT_SYMLINK_NOFOLLOW);
	struct statx stx;

	if (statx(dir, name, flags, STATX_TYPE | STATX_MNT_ID, &stx) != 0)
		return error_from_errno(errno);
	*out = (struct mount){
	    .dev_major = stx.stx_dev_major,
	    .dev_minor = stx.stx_dev_minor,
	    .id = (stx.stx_mask & STATX_MNT_ID) != 0 ? stx.stx_mnt_id : 0,
	};
	return 0;
}

bool
mount_same(const struct mount *a, const struct mount *b)
{
	return a->dev_major == b->dev_major && a->dev_minor == b->dev_minor && a->id == b->id;
}
