#include "src/client/verdict.h"

#include "proto/errors.h"
#include "src/store/tree.h"

enum file_action
verdict_action(const struct entry *e)
{
	switch ((enum tree_state)e->verdict.state) {
	case TREE_SAME:
		return ACTION_NONE;
	case TREE_METADATA:
		return ACTION_METADATA;
	case TREE_DIFFERS:
	case TREE_CONFLICT:
		return ACTION_REPLACE;
	case TREE_ABSENT:
	case TREE_PARTIAL:
	case TREE_ERROR:
		break;
	}
	return ACTION_CREATE;
}

int
verdict_problem(const struct run *run, struct problem *p, int error)
{
	enum side side = run_is_put(run) ? SIDE_REMOTE : SIDE_LOCAL;

	if (error == FTX_E_CONFLICT)
		return problem_set(p, error, side,
				   "something of another type is there, which is never replaced");
	if (error == FTX_E_EXISTS)
		return problem_set(p, error, side,
				   "exists already, and there is no right to overwrite it");
	return problem_set(p, error, side, NULL);
}

void
verdict_settle(struct run *run, struct entry *e, enum file_status status, bool touched)
{
	struct transfer_file f = run_file(e, verdict_action(e), status);

	if (status == STATUS_SAME) {
		atomic_store(&run->sync_owed, true);
		if (run->request->strict_meta)
			f.not_kept = e->verdict.flags;
	}
	if (f.not_kept != 0 && f.type == ENTRY_DIRECTORY)
		e->directory->unkept_said = true;
	if (status != STATUS_PLANNED) {
		atomic_fetch_add(&run->bytes, f.bytes);
		atomic_fetch_add(&run->bytes_present, f.bytes);
	}
	run_entry(run, e, &f, NULL, touched);
}

void
verdict_arrived(struct run *run, struct entry *e)
{
	struct transfer_file f = run_file(e, verdict_action(e), STATUS_DONE);

	atomic_store(&run->sync_owed, true);
	run_entry(run, e, &f, NULL, f.action != ACTION_METADATA);
}

void
verdict_fail(struct run *run, struct entry *e, const struct problem *p)
{
	struct transfer_file f = run_file(e, verdict_action(e), STATUS_FAILED);

	f.bytes_sent = 0;
	run_entry(run, e, &f, p, false);
}

bool
verdict_is_ignored(const struct run *run, const struct entry *e)
{
	const struct offer_verdict *v = &e->verdict;
	const struct metadata *m = &e->metadata;

	if (e->metadata.type == ENTRY_DIRECTORY || v->state < TREE_SAME)
		return false;
	if (run->request->ignore_existing)
		return true;
	return run->request->update && v->state != TREE_SAME &&
	       (v->mtime_s > m->mtime_s || (v->mtime_s == m->mtime_s && v->mtime_ns > m->mtime_ns));
}

int
verdict_meets(struct run *run, struct entry *e, bool *is_link)
{
	const unsigned state = e->verdict.state;
	int r;

	*is_link = false;
	if (e->names < 2 || state == TREE_ERROR || state == TREE_CONFLICT ||
	    verdict_is_ignored(run, e))
		return 0;
	r = work_meet_link(&run->work, e->batch->root, e->device, e->names, e, &e->links);
	e->names = 0;
	if (r != 0 || e->links != NULL)
		return r;
	/* It was counted as content; it is a name now, which says itself what becomes of it. */
	atomic_fetch_sub(&run->bytes_total, e->identity.size);
	work_entry_over(&run->work, e, false, false);
	*is_link = true;
	return 0;
}

bool
verdict_ends(struct run *run, struct entry *e)
{
	const struct offer_verdict *v = &e->verdict;

	if (v->state == TREE_ERROR || v->state == TREE_CONFLICT) {
		struct problem p;

		verdict_problem(run, &p,
				v->state == TREE_ERROR ? error_from_wire(v->code) : FTX_E_CONFLICT);
		verdict_fail(run, e, &p);
		return true;
	}
	if (verdict_is_ignored(run, e)) {
		verdict_settle(run, e, STATUS_IGNORED, false);
		return true;
	}
	if (v->state == TREE_SAME) {
		verdict_settle(run, e, STATUS_SAME, false);
		return true;
	}
	if (run->request->dry_run)
		verdict_settle(run, e, STATUS_PLANNED, false);
	return run->request->dry_run;
}

bool
verdict_ends_name(struct run *run, struct link_name *n)
{
	struct transfer_file f = {.type = ENTRY_FILE,
				  .action = ACTION_CREATE,
				  .status = STATUS_PLANNED,
				  .bytes = n->group->size};
	bool failed = n->group->state == LINK_FAILED;
	struct problem p;

	if (!failed && !run->request->dry_run)
		return false;
	/* Why is said of the first name; it is of this kind where that one changed or vanished. */
	if (failed)
		problem_set(&p, FTX_E_CHANGED, SIDE_LOCAL,
			    "a hard link to a file that could not be transferred");
	run_result(run, n->group->root, n->path, &f, failed ? &p : NULL);
	work_name_over(&run->work, n, false);
	return true;
}
