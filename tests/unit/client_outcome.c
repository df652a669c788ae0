#include "src/client/outcome.h"

#include "tests/harness/unit.h"

#include "proto/errors.h"
#include "src/client/transfer.h"

static const struct {
	bool several;
	int errors[3];
	int exit;
} cases[] = {
    {false, {0}, FTX_EXIT_OK},
    {true, {0}, FTX_EXIT_OK},
    /* one thing asked for: its own code */
    {false, {FTX_E_NOT_FOUND}, FTX_EXIT_NOT_FOUND},
    {false, {FTX_E_DENIED}, FTX_EXIT_DENIED},
    {false, {FTX_E_IS_LINK}, FTX_EXIT_NOT_FOUND},
    {false, {FTX_E_CHANGED}, FTX_EXIT_CHANGED},
    {false, {FTX_E_MISMATCH}, FTX_EXIT_DIFFERENT},
    {false, {FTX_E_BUSY}, FTX_EXIT_BUSY},
    {false, {FTX_E_IO}, FTX_EXIT_FAILURE},
    {false, {FTX_E_NOT_KEPT}, FTX_EXIT_FAILURE},
    /* several */
    {true, {FTX_E_NOT_FOUND}, FTX_EXIT_PARTIAL},
    {true, {FTX_E_BUSY}, FTX_EXIT_PARTIAL},
    {true, {FTX_E_NOT_KEPT}, FTX_EXIT_PARTIAL},
    {true, {FTX_E_CHANGED, FTX_E_VANISHED}, FTX_EXIT_CHANGED},
    {true, {FTX_E_CHANGED, FTX_E_DENIED}, FTX_EXIT_PARTIAL},
    {true, {FTX_E_MISMATCH}, FTX_EXIT_DIFFERENT},
    /* what ends a run, in its order */
    {true, {FTX_E_NOT_FOUND, FTX_E_OFFLINE}, FTX_EXIT_BUSY},
    {true, {FTX_E_NOT_FOUND, FTX_E_STOPPING}, FTX_EXIT_BUSY},
    {true, {FTX_E_REPLACED}, FTX_EXIT_BUSY},
    {true, {FTX_E_SET_EXISTS}, FTX_EXIT_BUSY},
    {true, {FTX_E_NOT_FOUND, FTX_E_OFFLINE, FTX_E_QUOTA}, FTX_EXIT_NO_SPACE},
    {true, {FTX_E_NO_SPACE, FTX_E_CLOSED}, FTX_EXIT_NETWORK},
    {false, {FTX_E_CLOSED, FTX_E_PROTOCOL}, FTX_EXIT_PROTOCOL},
    {false, {FTX_E_PROTOCOL, FTX_E_KEY_REFUSED}, FTX_EXIT_KEY_REFUSED},
    {false, {FTX_E_KEY_REFUSED, FTX_E_SERVER_KEY}, FTX_EXIT_SERVER_KEY},
    {false, {FTX_E_SERVER_KEY, FTX_E_KEY_FILE}, FTX_EXIT_CONFIG},
    {false, {FTX_E_KEY_FILE, FTX_E_USAGE}, FTX_EXIT_USAGE},
};

Test(outcome, exit_code_is_the_first_that_applies)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome o = {.several = cases[i].several};

		for (size_t j = 0; j < 3 && cases[i].errors[j] != 0; j++)
			outcome_error(&o, cases[i].errors[j]);
		cr_expect(outcome_exit(&o) == cases[i].exit, "case %zu: %d", i, outcome_exit(&o));
	}
}

/* One error of each kind that counts, those that come before everything else first, in order. */
static const struct {
	int error, exit;
} kinds[] = {
    {FTX_E_USAGE, 2},	  {FTX_E_CONFIG, 14},	{FTX_E_SERVER_KEY, 8}, {FTX_E_KEY_REFUSED, 7},
    {FTX_E_PROTOCOL, 13}, {FTX_E_NETWORK, 9},	{FTX_E_NO_SPACE, 10},  {FTX_E_OFFLINE, 11},
    {FTX_E_CHANGED, 4},	  {FTX_E_MISMATCH, 12}, {FTX_E_IO, 1},	       {FTX_E_NOT_FOUND, 5},
    {FTX_E_DENIED, 6},	  {FTX_E_BUSY, 11},
};
#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))
#define LAST	7u /* of those that end a run */
#define CHANGED (1u << 8)
#define WRONG	(1u << 9)

/* ftx(1), EXIT STATUS: "the first that applies". */
static int
expected(unsigned set, unsigned first, bool several, bool guarded)
{
	for (unsigned k = 0; k <= LAST; k++)
		if ((set & 1u << k) != 0)
			return kinds[k].exit;
	if (set == 0)
		return guarded ? 15 : 0;
	if (!several)
		return kinds[first].exit;
	if (set == CHANGED)
		return 4;
	return set == WRONG ? 12 : 3;
}

Test(outcome, every_set_of_errors_in_every_order_of_the_first_has_its_code)
{
	for (unsigned set = 0; set < 1u << KINDS; set++)
		for (unsigned first = 0; first < KINDS; first++) {
			if (set != 0 && (set & 1u << first) == 0)
				continue;
			for (unsigned how = 0; how < 4; how++) {
				struct outcome o = {.several = (how & 1) != 0,
						    .guarded = (how & 2) != 0};
				int exit;

				if (set != 0)
					outcome_error(&o, kinds[first].error);
				for (unsigned k = 0; k < KINDS; k++)
					if ((set & 1u << k) != 0)
						outcome_error(&o, kinds[k].error);
				exit = expected(set, first, o.several, o.guarded);
				cr_assert(outcome_exit(&o) == exit,
					  "set %#x, first %u, how %u: %d, not %d", set, first, how,
					  outcome_exit(&o), exit);
			}
		}
}

static const struct {
	enum file_action action;
	enum entry_type type;
	enum file_status status;
	uint64_t done, same, ignored, skipped, failed, deleted, total;
} counted[] = {
    {ACTION_CREATE, ENTRY_FILE, STATUS_DONE, .done = 1, .total = 1},
    {ACTION_CREATE, ENTRY_SYMLINK, STATUS_DONE, .done = 1, .total = 1},
    {ACTION_CREATE, ENTRY_FILE, STATUS_PLANNED, .done = 1, .total = 1},
    {ACTION_NONE, ENTRY_FILE, STATUS_SAME, .same = 1, .total = 1},
    {ACTION_REPLACE, ENTRY_FILE, STATUS_IGNORED, .ignored = 1, .total = 1},
    {ACTION_NONE, ENTRY_FIFO, STATUS_SKIPPED, .skipped = 1, .total = 1},
    {ACTION_REPLACE, ENTRY_FILE, STATUS_FAILED, .failed = 1, .total = 1},
    {ACTION_REPLACE, ENTRY_FILE, STATUS_CHANGED, .failed = 1, .total = 1},
    /* directories are no files, but one that failed is missed */
    {ACTION_CREATE, ENTRY_DIRECTORY, STATUS_DONE, .total = 0},
    {ACTION_NONE, ENTRY_DIRECTORY, STATUS_SAME, .total = 0},
    {ACTION_CREATE, ENTRY_DIRECTORY, STATUS_FAILED, .failed = 1, .total = 1},
    /* deletions are counted apart */
    {ACTION_DELETE, ENTRY_FILE, STATUS_DONE, .deleted = 1},
    {ACTION_DELETE, ENTRY_DIRECTORY, STATUS_PLANNED, .deleted = 1},
    {ACTION_DELETE, ENTRY_FILE, STATUS_FAILED, .failed = 1, .total = 1},
};

Test(outcome, counts_entries_by_what_became_of_them)
{
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		struct outcome o = {0};
		const struct transfer_file f = {.type = counted[i].type,
						.action = counted[i].action,
						.status = counted[i].status};

		outcome_file(&o, &f);
		cr_expect(o.done == counted[i].done && o.same == counted[i].same &&
			      o.ignored == counted[i].ignored && o.skipped == counted[i].skipped &&
			      o.failed == counted[i].failed && o.deleted == counted[i].deleted &&
			      o.total == counted[i].total,
			  "case %zu", i);
	}
}

Test(outcome, adds_up_bytes_and_what_was_not_kept)
{
	struct outcome o = {0};
	struct transfer_file f = {.type = ENTRY_FILE, .bytes = 10, .bytes_resumed = 4};

	outcome_file(&o, &f);
	f.not_kept = STATUS_OWNER_NOT_KEPT;
	outcome_file(&o, &f);
	f.not_kept = STATUS_ACLS_NOT_KEPT;
	outcome_file(&o, &f);
	cr_expect(!o.resumable);
	f.status = STATUS_FAILED;
	f.resumable = true;
	outcome_file(&o, &f);
	f.resumable = false;
	outcome_file(&o, &f);
	cr_expect(o.bytes_total == 50 && o.bytes_resumed == 20 && o.resumable);
	cr_expect(o.not_kept == (STATUS_OWNER_NOT_KEPT | STATUS_ACLS_NOT_KEPT));
}
