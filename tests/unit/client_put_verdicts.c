/* A tree to a server: what is made of what it says of each entry. */
#include "tests/unit/client_put_case.h"

#include "tests/harness/unit.h"
#include <stdio.h>
#include <string.h>

#include "proto/errors.h"

/* What follows from a verdict, with and without -u and --ignore-existing. */
static struct offer_verdict said;

static void
say(const struct node *n, struct offer_verdict *v)
{
	if (n->path.length == 0) {
		v->state = TREE_SAME;
		return;
	}
	*v = said;
	v->mtime_s += n->metadata.mtime_s;
	v->mtime_ns = n->metadata.mtime_ns;
}

enum { PLAIN, UPDATE, IGNORE, DRY };

static const struct {
	struct offer_verdict verdict; /* mtime: relative to the source's */
	int how;
	enum file_status status;
	enum file_action action;
	int error;
	const char *log; /* NULL: it is sent in a PACK */
} verdicts[] = {
    {{.state = TREE_ABSENT}, PLAIN, STATUS_DONE, ACTION_CREATE, 0, NULL},
    {{.state = TREE_SAME}, PLAIN, STATUS_SAME, ACTION_NONE, 0, " OFFER"},
    {{.state = TREE_METADATA},
     PLAIN,
     STATUS_DONE,
     ACTION_METADATA,
     0,
     " OFFER SETMETA(f) COMMIT_PACKS"},
    {{.state = TREE_DIFFERS}, PLAIN, STATUS_DONE, ACTION_REPLACE, 0, NULL},
    {{.state = TREE_CONFLICT}, PLAIN, STATUS_FAILED, ACTION_REPLACE, FTX_E_CONFLICT, " OFFER"},
    {{.state = TREE_ERROR, .code = -FTX_E_DENIED},
     PLAIN,
     STATUS_FAILED,
     ACTION_CREATE,
     FTX_E_DENIED,
     " OFFER"},
    {{.state = TREE_ERROR, .code = -FTX_E_VANISHED},
     PLAIN,
     STATUS_CHANGED,
     ACTION_CREATE,
     FTX_E_VANISHED,
     " OFFER"},
    {{.state = TREE_DIFFERS, .mtime_s = 1}, UPDATE, STATUS_IGNORED, ACTION_REPLACE, 0, " OFFER"},
    {{.state = TREE_DIFFERS, .mtime_s = -1}, UPDATE, STATUS_DONE, ACTION_REPLACE, 0, NULL},
    {{.state = TREE_DIFFERS, .mtime_s = 0}, UPDATE, STATUS_DONE, ACTION_REPLACE, 0, NULL},
    {{.state = TREE_SAME, .mtime_s = 0}, UPDATE, STATUS_SAME, ACTION_NONE, 0, " OFFER"},
    {{.state = TREE_ABSENT}, UPDATE, STATUS_DONE, ACTION_CREATE, 0, NULL},
    {{.state = TREE_DIFFERS, .mtime_s = -1}, IGNORE, STATUS_IGNORED, ACTION_REPLACE, 0, " OFFER"},
    {{.state = TREE_ABSENT}, IGNORE, STATUS_DONE, ACTION_CREATE, 0, NULL},
    {{.state = TREE_ABSENT}, DRY, STATUS_PLANNED, ACTION_CREATE, 0, " OFFER"},
    {{.state = TREE_METADATA}, DRY, STATUS_PLANNED, ACTION_METADATA, 0, " OFFER"},
    {{.state = TREE_DIFFERS}, DRY, STATUS_PLANNED, ACTION_REPLACE, 0, " OFFER"},
    {{.state = TREE_CONFLICT}, DRY, STATUS_FAILED, ACTION_REPLACE, FTX_E_CONFLICT, " OFFER"},
};

Test(client_put_tree, a_verdict_decides_what_is_done)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		const struct transfer_file *f;
		const struct transfer_error *e;
		int r;

		case_begin();
		rig_file(&rig, "src/f", 10);
		rig.request.update = verdicts[i].how == UPDATE;
		rig.request.ignore_existing = verdicts[i].how == IGNORE;
		rig.request.dry_run = verdicts[i].how == DRY;
		said = verdicts[i].verdict;
		fake->verdict = say;
		r = case_run();
		f = rig_said(&rig, "f");
		e = rig_error(&rig, "f");
		cr_assert(f != NULL && r == 0, "case %zu: %d", i, r);
		cr_expect(f->status == verdicts[i].status && f->action == verdicts[i].action,
			  "case %zu: %s %s", i, file_status_name(f->status),
			  file_action_name(f->action));
		cr_expect((e != NULL ? e->problem.error : 0) == verdicts[i].error, "case %zu", i);
		cr_expect((fake->packs > 0) == (verdicts[i].log == NULL), "case %zu: %s", i,
			  fake->log);
		if (verdicts[i].log != NULL)
			cr_expect_str_eq(fake->log, verdicts[i].log, "case %zu: %s", i, fake->log);
		case_end();
	}
}

/* Below what was not there nothing is: it is not asked for. */
Test(client_put_tree, what_is_below_an_absent_directory_is_not_offered)
{
	const char *offer;
	char path[32];

	case_begin();
	/* Six batches: each ends with its directory. */
	for (int i = 0; i < 6 * (int)BATCH_ENOUGH; i++) {
		snprintf(path, sizeof(path), "src/d/e%d/f%d", i % 6, i);
		rig_file(&rig, path, 1);
	}
	cr_expect(case_run() == 0);
	cr_expect(rig.run.outcome.done == 6 * BATCH_ENOUGH);
	offer = strstr(fake->log, "OFFER");
	for (unsigned n = 0; offer != NULL; offer = strstr(offer + 1, "OFFER"))
		cr_expect(++n <= OFFERS_AHEAD);
	case_end();
}

/* A directory whose time alone is another one: nothing in it is touched. */
static void
only_top_differs(const struct node *n, struct offer_verdict *v)
{
	v->state = n->path.length == 0 ? TREE_METADATA : TREE_SAME;
}

Test(client_put_tree, metadata_of_a_directory_alone_is_set)
{
	case_begin();
	case_make_tree();
	fake->verdict = only_top_differs;
	cr_expect(case_run() == 0);
	cr_expect_str_eq(fake->log, " OFFER SETMETA() COMMIT_PACKS");
	cr_expect(rig.run.outcome.same == 4 && rig.run.sync_owed);
	case_end();
}

Test(client_put_tree, what_was_not_kept_is_said_and_fails_only_with_strict_meta)
{
	for (int strict = 0; strict < 2; strict++) {
		case_begin();
		rig_file(&rig, "src/f", 10);
		rig.request.strict_meta = strict;
		fake->item_flags = STATUS_OWNER_NOT_KEPT;
		cr_expect(case_run() == 0);
		cr_expect(rig_said(&rig, "f")->not_kept == STATUS_OWNER_NOT_KEPT);
		cr_expect(rig.run.outcome.not_kept == STATUS_OWNER_NOT_KEPT);
		cr_expect((rig_error(&rig, "f") != NULL) == strict);
		cr_expect(outcome_exit(&rig.run.outcome) ==
			  (strict ? FTX_EXIT_PARTIAL : FTX_EXIT_OK));
		case_end();
	}
}

/* What is the same and cannot be held there fails each time, not only when it is put. */
static void
same_and_unkept(const struct node *n, struct offer_verdict *v)
{
	*v = (struct offer_verdict){.state = TREE_SAME, .flags = STATUS_OWNER_NOT_KEPT};
	if (n->metadata.type == ENTRY_DIRECTORY)
		v->flags = STATUS_MODE_NOT_KEPT;
}

Test(client_put_tree, what_cannot_be_kept_fails_again_with_strict_meta)
{
	for (int strict = 0; strict < 2; strict++) {
		case_begin();
		case_make_tree();
		rig.request.strict_meta = strict;
		fake->verdict = same_and_unkept;
		cr_expect(case_run() == 0);
		cr_expect_str_eq(fake->log, " OFFER");
		cr_expect(rig.run.outcome.failed == (strict ? 7u : 0u), "%llu",
			  (unsigned long long)rig.run.outcome.failed);
		cr_expect(rig_count(&rig, TRANSFER_ERROR, FTX_E_NOT_KEPT) == (strict ? 7u : 0u));
		case_end();
	}
}
