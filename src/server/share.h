/*
 * Is a share there?  Its directory may be missing, or nothing be mounted on it: then it is offline,
 * its requests are answered so, and everything else goes on.
 */
#ifndef SERVER_SHARE_H
#define SERVER_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/server/key_holder.h"
#include "src/server/policy.h"

#define SHARE_LOOK_S 10u /* how often it is looked whether a share has come or gone */

/*
 * Opens the directory of a share.  *dir: O_PATH, owned by the caller.  FTX_E_OFFLINE with *why set
 * to a clause for people, which lasts until the next call.
 */
int share_open(const char *path, const struct share_rules *rules, int *dir, const char **why);

/*
 * Opens a directory below share, and where make is set makes what is missing of it (mode 0777 less
 * the umask, durable).  Symbolic links and other file systems are not followed.  *dir: O_PATH,
 * owned by the caller.  0 or the error.
 */
int share_subtree(int share, const char *path, bool make, int *dir);

/*
 * Bytes that the rules keep free in the file system that dir (may be O_PATH) is on; 0 where that
 * does not count its blocks.
 */
uint64_t share_keep_free(int dir, const struct share_rules *rules);

/* Is there room for so many bytes beside them? */
bool share_has_room(int dir, const struct share_rules *rules, uint64_t bytes);

/* What is known of a share. */
enum share_presence { SHARE_UNKNOWN, SHARE_ONLINE, SHARE_OFFLINE };

/* What the watch has seen of one, in memory that it shares with the supervisor (lent.h). */
struct share_seen {
	_Atomic uint32_t presence;
	_Atomic uint64_t bytes;	     /* of its file system; 0: not known */
	_Atomic uint64_t bytes_free; /* of them, for who is not root */
};

/*
 * Watches the shares of a policy in a process of its own, since a file system whose server is gone
 * lets nobody who looks go on: logs what is offline, and each change, and keeps seen, one for each
 * share, which the process has been lent.  It ends with its parent, or when it is killed; it has
 * nothing of key.  Returns its pid, 0 where there are no shares, or a negative error.
 */
pid_t share_watch_start(const struct policy *policy, struct share_seen *seen,
			struct key_holder *key);

#endif
