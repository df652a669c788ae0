/*
 * How much there is in the subtrees of clients, and how much there may be: what a walk has counted
 * (scan.h), and what sessions have said since.
 *
 * A *place* is a share, or a subtree of one that clients have; several may have the same one, and
 * one place may lie in another.  A place is counted where somebody's quota asks for it.  The quota
 * of a client holds for what it puts into a place, that of a share for everybody; whoever put what
 * is there, all of it counts.
 *
 * The supervisor alone has it.  What a session says is taken for its client's own place and those
 * around it, and for no more than it could do: adding stops at what the client may have
 * (and some directories more), taking away at what there is in its place.
 */
#ifndef SERVER_LEDGER_H
#define SERVER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/server/policy.h"
#include "src/store/usage.h"

struct ledger;

#define LEDGER_NONE	    UINT32_MAX
#define LEDGER_FILES_BEYOND 1024u /* of a limit: directories above what was allowed */

/* Of this policy, which it borrows, and nothing known.  NULL without memory. */
struct ledger *ledger_new(const struct policy *policy);
void ledger_free(struct ledger *l); /* may be NULL */

/* Takes from old what is known of places that are the same. */
void ledger_carry(struct ledger *l, const struct ledger *old);

/*
 * The accounts of a client, one for each of its grants, in their order: the number of the first.
 * LEDGER_NONE: there is no such client.
 */
uint32_t ledger_accounts(const struct ledger *l, const char *client);

/* Is what comes and goes in an account to be said?  Its place, or one around it, is counted. */
bool ledger_is_counted(const struct ledger *l, uint32_t account);

/* What may come at once, and what is left then.  UINT64_MAX: there is no limit. */
struct ledger_answer {
	bool granted;
	struct usage amount; /* granted */
	struct usage left;
	struct usage most; /* of the quota that has the least left */
};

/*
 * Takes wanted, or where that is more than is left least, for an account; without keep it only says
 * whether it would.  A place that is not known yet is not full.
 */
struct ledger_answer ledger_reserve(struct ledger *l, uint32_t account, const struct usage *wanted,
				    const struct usage *least, bool keep);

/* What has come and gone without having been asked for, or did not come after all. */
void ledger_change(struct ledger *l, uint32_t account, const struct usage_tally *change);

/* What others may see of an account. */
struct ledger_figures {
	const char *client;
	const char *share;
	const char *subtree;	  /* "": all of the share */
	struct quota quota;	  /* the client's; 0: no limit */
	struct quota share_quota; /* the whole share's */
	bool counted;		  /* it was, and used is known */
	int64_t counted_s;	  /* when last, seconds since 1970 */
	struct usage used;
};

size_t ledger_account_count(const struct ledger *l);
void ledger_look(const struct ledger *l, uint32_t account, struct ledger_figures *out);

/* Places, in the order of shares and in each of usage_compare_paths(). */
struct ledger_place {
	const char *share;
	const char *path;    /* of the share's directory */
	const char *subtree; /* "": the share itself */
	const struct share_rules *rules;
	uint32_t around; /* the place it lies in; LEDGER_NONE */
	bool wanted;	 /* to be counted */
	bool known;
	struct usage used;
	int64_t counted_s;
	struct usage came, went; /* while it is being counted */
};

size_t ledger_place_count(const struct ledger *l);
const struct ledger_place *ledger_place(const struct ledger *l, uint32_t place);

/* The shares, each a run of places. */
struct ledger_share {
	uint32_t first, count; /* places */
	bool wanted;	       /* any of them is to be counted */
	bool known;	       /* those that are to be counted were */
};
size_t ledger_share_count(const struct ledger *l);
struct ledger_share ledger_share(const struct ledger *l, size_t share);

/* A walk begins to count these places. */
void ledger_counting(struct ledger *l, uint32_t first, uint32_t count);

/*
 * It has counted this one.  What came and went meanwhile it may have seen or not: the figure is
 * corrected by no more than it is shown to be wrong.  false: there was none yet, and so this one
 * may be wrong by what came and went.
 */
bool ledger_counted(struct ledger *l, uint32_t place, const struct usage *counted, int64_t now_s);

/* Takes what an earlier run knew of a place; false: nobody asks for it now. */
bool ledger_recall(struct ledger *l, const struct ledger_place *known);

#endif
