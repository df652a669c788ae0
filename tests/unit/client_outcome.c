#include "src/client/outcome.h"

#include <criterion/criterion.h>

#include "proto/errors.h"

static const struct {
	size_t asked;
	int errors[3];
	int exit;
} cases[] = {
    {1, {0}, FTX_EXIT_OK},
    {3, {0}, FTX_EXIT_OK},
    /* one thing asked for: its own code */
    {1, {FTX_E_NOT_FOUND}, FTX_EXIT_NOT_FOUND},
    {1, {FTX_E_DENIED}, FTX_EXIT_DENIED},
    {1, {FTX_E_IS_LINK}, FTX_EXIT_NOT_FOUND},
    {1, {FTX_E_CHANGED}, FTX_EXIT_CHANGED},
    {1, {FTX_E_MISMATCH}, FTX_EXIT_DIFFERENT},
    {1, {FTX_E_BUSY}, FTX_EXIT_BUSY},
    {1, {FTX_E_IO}, FTX_EXIT_FAILURE},
    /* several */
    {2, {FTX_E_NOT_FOUND}, FTX_EXIT_PARTIAL},
    {2, {FTX_E_BUSY}, FTX_EXIT_PARTIAL},
    {2, {FTX_E_CHANGED, FTX_E_VANISHED}, FTX_EXIT_CHANGED},
    {2, {FTX_E_CHANGED, FTX_E_DENIED}, FTX_EXIT_PARTIAL},
    /* what ends a run, in its order */
    {2, {FTX_E_NOT_FOUND, FTX_E_OFFLINE}, FTX_EXIT_BUSY},
    {2, {FTX_E_NOT_FOUND, FTX_E_OFFLINE, FTX_E_QUOTA}, FTX_EXIT_NO_SPACE},
    {2, {FTX_E_NO_SPACE, FTX_E_CLOSED}, FTX_EXIT_NETWORK},
    {1, {FTX_E_CLOSED, FTX_E_PROTOCOL}, FTX_EXIT_PROTOCOL},
    {1, {FTX_E_PROTOCOL, FTX_E_KEY_REFUSED}, FTX_EXIT_KEY_REFUSED},
    {1, {FTX_E_KEY_REFUSED, FTX_E_SERVER_KEY}, FTX_EXIT_SERVER_KEY},
    {1, {FTX_E_SERVER_KEY, FTX_E_KEY_FILE}, FTX_EXIT_CONFIG},
    {1, {FTX_E_KEY_FILE, FTX_E_USAGE}, FTX_EXIT_USAGE},
};

Test(outcome, exit_code_is_the_first_that_applies)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome o = {.asked = cases[i].asked};

		for (size_t j = 0; j < 3 && cases[i].errors[j] != 0; j++)
			outcome_error(&o, cases[i].errors[j]);
		cr_expect(outcome_exit(&o) == cases[i].exit, "case %zu: %d", i, outcome_exit(&o));
	}
}

Test(outcome, counts_files_by_what_became_of_them)
{
	struct outcome o = {.asked = 5};
	struct transfer_file f = {.bytes = 10, .bytes_resumed = 4};

	f.status = STATUS_DONE;
	outcome_file(&o, &f);
	f.status = STATUS_SAME;
	outcome_file(&o, &f);
	f.status = STATUS_SKIPPED;
	outcome_file(&o, &f);
	f.status = STATUS_CHANGED;
	outcome_file(&o, &f);
	f.status = STATUS_FAILED;
	f.resumable = true;
	outcome_file(&o, &f);
	cr_expect(o.total == 5 && o.done == 1 && o.same == 1 && o.skipped == 1 && o.failed == 2);
	cr_expect(o.bytes_resumed == 20 && o.resumable);
}
