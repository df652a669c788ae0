/*
 * The process that looks at what is in a share: counts what quotas ask for, removes what expired of
 * the staging.
 *
 * It gives way to everybody else (nice, idle priority for the disk), is as confined as a session
 * (sandbox.h), and ends with the supervisor.  To count, it may read directories below the share and
 * nothing else; to remove, it has the staging of its places and nothing else.  It has no
 * connection, and what it reads are names and inodes.
 */
#ifndef SERVER_SCAN_H
#define SERVER_SCAN_H

#include <stdint.h>

#include "src/server/ledger.h"

#define SCAN_EXPIRE_PLACES 256u	   /* of one process: each is a directory to be confined to */
#define SCAN_SILENCE_MS	   600000u /* without a word so long it is stuck */

enum scan_task { SCAN_EXPIRE, SCAN_COUNT };

struct scan_job {
	enum scan_task task;
	const struct ledger *ledger;
	uint32_t first, count; /* places of one share; to expire: at most SCAN_EXPIRE_PLACES */
	int64_t before_s;      /* to expire: what was last written before that moment goes */
};

/* In a child of the supervisor, whose pid is parent: does the job and says so over pair. */
_Noreturn void scan_run(const struct scan_job *job, int pair, int parent);

#endif
