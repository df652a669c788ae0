/* --delete: what goes, in which order, and what withholds it. */
#include "src/client/mirror.h"

#include "tests/harness/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/client/filter.h"
#include "tests/unit/client_fake.h"
#include "tests/unit/client_lines.h"
#include "tests/unit/client_served.h"

static struct rig rig;
static struct fake *fake;
static const char *listed; /* by the server, as of client_lines.h */

/* The server's listing; false: another message. */
static bool
list(struct peer *p)
{
	if (p->message.type == MESSAGE_LIST)
		return peer_answer(p, MESSAGE_OK);
	if (p->message.type != MESSAGE_NEXT)
		return false;
	if (p->message.next.parts == 0)
		lines_send_done(p, 0);
	else
		lines_send_done(p, lines_send(p, listed));
	return true;
}

static bool
list_of_fake(struct fake *f, struct peer *p)
{
	(void)f;
	return list(p);
}

static void
all_the_same(const struct node *n, struct offer_verdict *v)
{
	(void)n;
	v->state = TREE_SAME;
}

static void
begin(void)
{
	fake = fake_new();
	fake->hook = list_of_fake;
	fake->verdict = all_the_same;
	rig_init(&rig, TRANSFER_PUT);
	rig.request.delete = true;
	rig_file(&rig, "src/a/f", 10);
	rig_file(&rig, "src/g", 10);
	listed = "< a/ g k@ old oldd/ <a f x <oldd y";
}

/* The put, then what follows it. */
static int
mirror(void)
{
	int r;

	rig_start(&rig);
	rig_stream(&rig, fake_serve, fake);
	cr_expect(rig_put(&rig) == 0);
	r = mirror_delete(rig.streams[0]);
	cr_expect(rig_run(&rig) == 0 || r != 0); /* collects the events */
	return r;
}

static void
end(void)
{
	rig_end(&rig);
	cr_expect_str_eq(fake->broken, "");
	fake_free(fake);
}

Test(mirror, what_is_in_a_directory_goes_before_it)
{
	begin();
	cr_expect(mirror() == 0);
	cr_expect(strstr(fake->log, "REMOVE(oldd/y oldd ") != NULL, "%s", fake->log);
	for (size_t i = 0; i < 3; i++)
		cr_expect(strstr(fake->log, ((const char *[]){" a/x", " old", " k"})[i]) != NULL,
			  "%s", fake->log);
	cr_expect(rig.run.outcome.deleted == 5 && !rig.run.outcome.guarded);
	/* those in which something was get their times again */
	cr_expect(strstr(fake->log, "SETMETA(") != NULL, "%s", fake->log);
	end();
}

static void
incomplete(void)
{
	atomic_store(&rig.run.roots[0].incomplete, true);
}

static void
failed(void)
{
	outcome_error(&rig.run.outcome, FTX_E_DENIED);
}

static const struct {
	const char *what;
	const char *listed;
	void (*before)(void);
	bool has_max;
	uint64_t max;
	bool withheld;
} guards[] = {
    {"nothing surplus", "< a/ g <a f", NULL, false, 0, false},
    {"the source was not read to its end", "< old", incomplete, false, 0, true},
    {"something failed", "< old", failed, false, 0, true},
    {"a directory there cannot be read", "< a/ g old <a !", NULL, false, 0, true},
    {"an entry there cannot be seen", "< a/ bad! g old <a f", NULL, false, 0, true},
    {"as many as --max-delete", "< a/ g old x <a f", NULL, true, 2, false},
    {"more than --max-delete", "< a/ g old x <a f", NULL, true, 1, true},
    {"--max-delete 0", "< a/ g old <a f", NULL, true, 0, true},
    {"--max-delete 0, and nothing to do", "< a/ g <a f", NULL, true, 0, false},
    {"another type there", "< a/ g/ old <a f <g", NULL, false, 0, true},
};

Test(mirror, a_guard_withholds_everything)
{
	for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
		begin();
		listed = guards[i].listed;
		rig.request.has_max_delete = guards[i].has_max;
		rig.request.max_delete = guards[i].max;
		rig_start(&rig);
		rig_stream(&rig, fake_serve, fake);
		cr_expect(rig_put(&rig) == 0);
		if (guards[i].before != NULL)
			guards[i].before();
		cr_expect(mirror_delete(rig.streams[0]) == 0, "%s", guards[i].what);
		cr_expect(rig.run.outcome.guarded == guards[i].withheld, "%s", guards[i].what);
		cr_expect(!guards[i].withheld || strstr(fake->log, "REMOVE") == NULL, "%s: %s",
			  guards[i].what, fake->log);
		if (guards[i].withheld && guards[i].before != failed)
			cr_expect(outcome_exit(&rig.run.outcome) == FTX_EXIT_GUARD, "%s",
				  guards[i].what);
		end();
	}
}

/* An empty source is more often a mistake, as a disk that is not mounted. */
Test(mirror, an_empty_source_deletes_only_when_that_is_meant)
{
	for (int meant = 0; meant < 2; meant++) {
		begin();
		cr_assert(unlinkat(rig.dir, "src/a/f", 0) == 0 &&
			  unlinkat(rig.dir, "src/a", AT_REMOVEDIR) == 0 &&
			  unlinkat(rig.dir, "src/g", 0) == 0);
		rig.request.delete_empty = meant;
		listed = "< old";
		cr_expect(mirror() == 0);
		cr_expect(rig.run.outcome.guarded == !meant);
		cr_expect(rig.run.outcome.deleted == (meant ? 1u : 0u));
		end();
	}
}

Test(mirror, a_dry_run_plans_deletions)
{
	begin();
	rig.request.dry_run = true;
	cr_expect(mirror() == 0);
	cr_expect(strstr(fake->log, "REMOVE") == NULL && rig.run.outcome.deleted == 5);
	cr_expect(rig_said(&rig, "old") != NULL &&
		  rig_said(&rig, "old")->status == STATUS_PLANNED &&
		  rig_said(&rig, "old")->action == ACTION_DELETE);
	end();
}

/* What is excluded stays, and the directory it is in; --delete-excluded means it. */
Test(mirror, what_is_excluded_is_protected)
{
	for (int meant = 0; meant < 2; meant++) {
		struct filter *filter = filter_new();
		struct problem why;

		begin();
		cr_assert(filter_add(filter, FILTER_EXCLUDE, "y", &why) == 0);
		rig.request.filter = filter;
		rig.request.delete_excluded = meant;
		cr_expect(mirror() == 0);
		cr_expect((strstr(fake->log, "oldd/y oldd") != NULL) == meant, "%s", fake->log);
		cr_expect(rig.run.outcome.deleted == (meant ? 5u : 3u));
		end();
		filter_free(filter);
	}
}

/* What the server answers. */
static int removal_error, removal_off;

static bool
answer_removal(struct fake *f, struct peer *p)
{
	(void)f;
	if (p->message.type != MESSAGE_REMOVE)
		return list(p);
	fake_statuses(p, MESSAGE_STATUSES, (uint32_t)((int)fake_items(&p->message) + removal_off),
		      removal_error);
	return true;
}

static const struct {
	int error, off, result;
	unsigned deleted, failed;
} removals[] = {
    {0, 0, 0, 5, 0},
    {0, 1, FTX_E_PROTOCOL, 0, 0},
    {0, -1, FTX_E_PROTOCOL, 0, 0},
    {FTX_E_DENIED, 0, 0, 0, 5},
    /* somebody was faster, or has put something there: no failures of ours */
    {FTX_E_NOT_FOUND, 0, 0, 0, 0},
    {FTX_E_NOT_EMPTY, 0, 0, 0, 0},
};

Test(mirror, each_deletion_has_its_result)
{
	for (size_t i = 0; i < sizeof(removals) / sizeof(removals[0]); i++) {
		int r;

		begin();
		fake->hook = answer_removal;
		removal_error = removals[i].error;
		removal_off = removals[i].off;
		r = mirror();
		cr_expect(r == removals[i].result, "case %zu: %s", i, error_name(r));
		cr_expect(rig.run.outcome.deleted == removals[i].deleted &&
			      rig.run.outcome.failed == removals[i].failed,
			  "case %zu: %d %d", i, (int)rig.run.outcome.deleted,
			  (int)rig.run.outcome.failed);
		end();
	}
}

/* --backup-dir: what goes is moved there. */
Test(mirror, what_goes_is_moved_to_the_backup)
{
	begin();
	rig.request.backup_dir = "bak";
	cr_expect(mirror() == 0);
	cr_expect(strstr(fake->log, "RENAME(d/src/oldd/y>bak/oldd/y)") != NULL, "%s", fake->log);
	cr_expect(strstr(fake->log, "RENAME(d/src/old>bak/old)") != NULL, "%s", fake->log);
	cr_expect(strstr(fake->log, "RENAME(d/src/oldd>") == NULL, "%s", fake->log);
	end();
}

/* get */

static const struct served_entry there[] = {
    {.path = "", .type = ENTRY_DIRECTORY},
    {.path = "a", .type = ENTRY_DIRECTORY},
    {.path = "a/f", .type = ENTRY_FILE, .size = 10},
    {.path = "g", .type = ENTRY_FILE, .size = 10},
};

static bool
list_of_served(struct served *v, struct peer *p)
{
	(void)v;
	return list(p);
}

static const struct {
	const char *listed;
	bool dry_run;
	const char *left;
	unsigned deleted;
} gets[] = {
    {"< a/ g <a f", false, "a/ a/f g", 4},
    {"< a/ g <a f", true, "a/ a/f a/x g old oldd/ oldd/y", 4},
    {"< a/ g old <a f", false, "a/ a/f g old", 3},
    {"< a/ g <a !", false, "a/ a/f a/x g old oldd/ oldd/y", 0},
    {"< a/ g oldd/ <a f <oldd", false, "a/ a/f g oldd/", 3},
};

Test(mirror, a_get_deletes_what_the_server_has_not)
{
	for (size_t i = 0; i < sizeof(gets) / sizeof(gets[0]); i++) {
		struct served served = {.entries = there, .count = 4, .hook = list_of_served};

		rig_init(&rig, TRANSFER_GET);
		rig.request.delete = true;
		rig_start(&rig);
		rig_stream(&rig, served_serve, &served);
		served_push(&rig, &served);
		rig.root.entries = 2;
		cr_expect(rig_run(&rig) == 0);
		rig_file(&rig, "old", 1);
		rig_file(&rig, "oldd/y", 1);
		rig_file(&rig, "a/x", 1);
		rig.request.dry_run = gets[i].dry_run;
		listed = gets[i].listed;
		cr_expect(mirror_delete(rig.streams[0]) == 0, "case %zu", i);
		cr_expect_str_eq(rig_names(&rig), gets[i].left, "case %zu: %s", i, rig_names(&rig));
		cr_expect(rig.run.outcome.deleted == gets[i].deleted, "case %zu", i);
		cr_expect(rig.run.outcome.guarded == (gets[i].deleted == 0), "case %zu", i);
		rig_end(&rig);
	}
}
