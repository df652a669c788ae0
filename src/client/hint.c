#include "src/client/hint.h"

#include <stdio.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/display.h"

const char *
right_name(unsigned n)
{
	static const char *const names[] = {"list", "get", "put", "overwrite", "delete"};

	return n < sizeof(names) / sizeof(names[0]) ? names[n] : NULL;
}

bool
hint_concerns(const char *path, const char *typed)
{
	size_t length = strlen(typed);

	if (path == NULL)
		return true;
	while (length > 0 && typed[length - 1] == '/')
		length--;
	return strncmp(path, typed, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* The share that path begins with; NULL: the server lists none of this name. */
static const struct server_share *
share_of(const struct server_info *info, const char *path)
{
	size_t length = strcspn(path, "/");

	for (unsigned i = 0; i < info->share_count; i++)
		if (strncmp(info->shares[i].name, path, length) == 0 &&
		    info->shares[i].name[length] == '\0')
			return &info->shares[i];
	return NULL;
}

/* What of the rights it is that lacks, the server does not say. */
static void
hint_rights(struct problem *p, const struct server_info *info, const struct server_share *share)
{
	char client[4 * CLIENT_NAME_BYTES], rights[64] = "";
	size_t used = 0;
	bool all = true;

	for (unsigned n = 0; right_name(n) != NULL; n++) {
		if ((share->rights & 1u << n) == 0) {
			all = false;
			continue;
		}
		used += (size_t)snprintf(rights + used, sizeof(rights) - used, "%s%s",
					 used > 0 ? "," : "", right_name(n));
	}
	display_escape(client, sizeof(client), info->client, strlen(info->client));
	if (all)
		problem_hint(p,
			     "this key, which is %s there, has all rights for '%s': it is ftxd "
			     "that may not",
			     client, share->name);
	else
		problem_hint(p, "this key, which is %s there, has %s for '%s'", client, rights,
			     share->name);
}

void
hint_remote(struct problem *p, const struct server_info *info, const char *path)
{
	const struct server_share *share = share_of(info, path);

	if ((p->error != FTX_E_NOT_FOUND && p->error != FTX_E_DENIED) || p->side != SIDE_REMOTE ||
	    p->hint[0] != '\0')
		return;
	if (share == NULL)
		problem_hint(p,
			     "a path begins with a share, and the server lists no '%.*s' for "
			     "this key: ftx ls HOST: shows what it does",
			     (int)strcspn(path, "/"), path);
	else if (p->error == FTX_E_DENIED)
		hint_rights(p, info, share);
	else if (strpbrk(path, "*?[") != NULL)
		problem_hint(p, "a remote path is no pattern: take the directory, with --include "
				"and --exclude");
}
