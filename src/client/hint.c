#include "src/client/hint.h"

#include <string.h>

#include "proto/errors.h"

void
hint_missing(struct problem *p, const struct server_info *info, const char *path)
{
	size_t length = strcspn(path, "/");
	unsigned i = 0;

	if (p->error != FTX_E_NOT_FOUND || p->side != SIDE_REMOTE || p->hint[0] != '\0')
		return;
	while (i < info->share_count && (strncmp(info->shares[i].name, path, length) != 0 ||
					 info->shares[i].name[length] != '\0'))
		i++;
	if (i == info->share_count)
		problem_hint(p,
			     "a path begins with a share, and the server lists no '%.*s' for "
			     "this key: ftx ls HOST: shows what it does",
			     (int)length, path);
	else if (strpbrk(path, "*?[") != NULL)
		problem_hint(p, "a remote path is no pattern: take the directory, with --include "
				"and --exclude");
}
