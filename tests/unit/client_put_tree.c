/* A tree to a server: what is asked for in which order, and what follows from its answers. */
#include "tests/unit/client_fake.h"

#include "tests/harness/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

static struct rig rig;
static struct fake *fake;

static void
begin(void)
{
	fake = fake_new();
	rig_init(&rig, TRANSFER_PUT);
	rig_directory(&rig, "src");
}

static int
put(void)
{
	int r;

	rig_start(&rig);
	rig_stream(&rig, fake_serve, fake);
	r = rig_put(&rig);
	return r;
}

static void
end(void)
{
	rig_end(&rig);
	cr_expect_str_eq(fake->broken, "");
	fake_free(fake);
}

static void
tree(void)
{
	rig_file(&rig, "src/a/b/g", 300);
	rig_file(&rig, "src/a/f", 5000);
	rig_file(&rig, "src/empty", 0);
	cr_assert(symlinkat("a/f", rig.dir, "src/l") == 0);
}

static bool
in_order(const char *first, const char *second)
{
	const char *a = strstr(fake->log, first), *b = strstr(fake->log, second);

	return a != NULL && b != NULL && a < b;
}

Test(client_put_tree, directories_first_their_metadata_last)
{
	begin();
	tree();
	cr_expect(put() == 0);
	cr_expect(fake_has(fake, "s/d/src/a/b/g", "src/a/b/g", 300));
	cr_expect(fake_has(fake, "s/d/src/a/f", "src/a/f", 5000));
	cr_expect(fake_has(fake, "s/d/src/empty", "src/empty", 0));
	cr_expect(fake->file_count == 3);
	cr_expect(in_order("MKDIR( a a/b)", "SYMLINK(l>a/f)"), "%s", fake->log);
	cr_expect(in_order("SYMLINK(l>a/f)", "PACK COMMIT_PACKS"), "%s", fake->log);
	cr_expect(in_order("COMMIT_PACKS", "SETMETA("), "%s", fake->log);
	/* and the last word makes that durable */
	cr_expect_str_eq(fake->log + strlen(fake->log) - 13, " COMMIT_PACKS");
	cr_expect(rig.run.files == 4 && rig.run.files_total == 4);
	cr_expect(rig.run.bytes == 5300 && rig.run.bytes_total == 5300);
	cr_expect(rig.run.outcome.done == 4 && rig.run.outcome.exits == 0);
	end();
}

Test(client_put_tree, a_file_is_sent_with_the_metadata_it_has)
{
	const struct fake_file *f;
	struct stat st;

	begin();
	rig_file(&rig, "src/f", 10);
	cr_assert(fchmodat(rig.dir, "src/f", 0751, 0) == 0);
	cr_assert(fstatat(rig.dir, "src/f", &st, 0) == 0);
	cr_expect(put() == 0);
	f = fake_find(fake, "s/d/src/f");
	cr_assert(f != NULL);
	cr_expect(f->metadata.mode == 0751 && f->metadata.mtime_s == st.st_mtim.tv_sec &&
		  f->metadata.mtime_ns == (uint32_t)st.st_mtim.tv_nsec);
	end();
}

/* Several streams make one tree of it, each entry once. */
Test(client_put_tree, four_streams_send_every_entry_once)
{
	char path[64];

	begin();
	for (int d = 0; d < 12; d++)
		for (int i = 0; i < 150; i++) {
			snprintf(path, sizeof(path), "src/d%d/e/f%d", d, i);
			rig_file(&rig, path, (uint64_t)i);
		}
	rig_file(&rig, "src/d3/big", 40 * (uint64_t)LIMIT_BLOCK_BYTES + 3);
	rig_start(&rig);
	for (int i = 0; i < 4; i++)
		rig_stream(&rig, fake_serve, fake);
	cr_expect(rig_put(&rig) == 0);
	for (int d = 0; d < 12; d++)
		for (int i = 0; i < 150; i++) {
			char at[80];

			snprintf(path, sizeof(path), "src/d%d/e/f%d", d, i);
			snprintf(at, sizeof(at), "s/d/%s", path);
			cr_expect(fake_has(fake, at, path, (uint64_t)i), "%s", at);
		}
	cr_expect(rig.run.outcome.done == 12 * 150 + 1 && rig.run.outcome.failed == 0);
	cr_expect(rig.run.files == 12 * 150 + 1);
	cr_expect(rig.run.bytes == rig.run.bytes_total);
	end();
}

/* One wrong count each: the answer is not believed. */
static enum message_type lied_about;
static int off_by;

static bool
miscount(struct fake *f, struct peer *p)
{
	static struct offer_verdict verdicts[16];
	const struct message *m = &p->message;
	struct message answer = {.type = MESSAGE_VERDICTS};

	if (m->type != lied_about)
		return false;
	if (m->type == MESSAGE_COMMIT_PACKS && m->commit_packs.items == 0)
		return false;
	if (m->type == MESSAGE_OFFER) {
		answer.verdicts.verdicts.items = verdicts;
		answer.verdicts.verdicts.count = (uint32_t)((int)fake_items(m) + off_by);
		peer_send(p, &answer);
	} else if (m->type == MESSAGE_COMMIT_PACKS) {
		f->ends[0].group_count = 0;
		fake_statuses(p, MESSAGE_COMMITTED_PACKS,
			      (uint32_t)((int)m->commit_packs.items + off_by), 0);
	} else {
		fake_statuses(p, MESSAGE_STATUSES, (uint32_t)((int)fake_items(m) + off_by), 0);
	}
	return true;
}

Test(client_put_tree, T26_T35_an_answer_of_another_count_ends_the_connection)
{
	static const enum message_type types[] = {MESSAGE_OFFER,   MESSAGE_MKDIR,
						  MESSAGE_SYMLINK, MESSAGE_LINK,
						  MESSAGE_SETMETA, MESSAGE_COMMIT_PACKS};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (off_by = -1; off_by <= 1; off_by++) {
			int r;

			begin();
			tree();
			cr_assert(linkat(rig.dir, "src/a/f", rig.dir, "src/a/h", 0) == 0);
			rig.request.hard_links = true;
			lied_about = types[i];
			fake->hook = miscount;
			r = put();
			cr_expect(r == (off_by == 0 ? 0 : FTX_E_PROTOCOL), "%u%+d: %s",
				  (unsigned)types[i], off_by, error_name(r));
			end();
		}
}

/* One entry's error is its own. */
static enum message_type failing;
static const char *failing_path;
static int failing_error;

static int
fail_one(enum message_type type, struct span path)
{
	return type == failing && path.length == strlen(failing_path) &&
		       memcmp(path.data, failing_path, path.length) == 0
		   ? failing_error
		   : 0;
}

static const struct {
	enum message_type type;
	const char *path; /* as the server knows it */
	const char *entry;
	bool file;
} items[] = {
    {MESSAGE_MKDIR, "a/b", "a/b", false},
    {MESSAGE_SYMLINK, "l", "l", true},
    {MESSAGE_COMMIT_PACKS, "s/d/src/a/f", "a/f", true},
    {MESSAGE_SETMETA, "a", "a", false},
    {MESSAGE_LINK, "z", "z", true},
};

Test(client_put_tree, the_error_of_an_item_is_that_of_its_entry_alone)
{
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		const struct transfer_error *e;

		begin();
		tree();
		cr_assert(linkat(rig.dir, "src/empty", rig.dir, "src/z", 0) == 0);
		rig.request.hard_links = true;
		failing = items[i].type;
		failing_path = items[i].path;
		failing_error = FTX_E_DENIED;
		fake->item_error = fail_one;
		cr_expect(put() == 0);
		e = rig_error(&rig, items[i].entry);
		cr_assert(e != NULL, "%s", items[i].entry);
		cr_expect(e->problem.error == FTX_E_DENIED && e->problem.side == SIDE_REMOTE &&
			  e->of_entry);
		cr_expect_str_eq(e->relative, items[i].entry);
		cr_expect(rig_count(&rig, TRANSFER_ERROR, 0) == 1, "%s", items[i].entry);
		cr_expect(rig.run.outcome.failed == 1, "%s", items[i].entry);
		cr_expect(rig.run.outcome.done == (items[i].file ? 4u : 5u), "%s: %d",
			  items[i].entry, (int)rig.run.outcome.done);
		end();
	}
}

/* No space: nothing else would fare better. */
Test(client_put_tree, a_full_disk_ends_the_run)
{
	begin();
	tree();
	failing = MESSAGE_COMMIT_PACKS;
	failing_path = "s/d/src/a/f";
	failing_error = FTX_E_NO_SPACE;
	fake->item_error = fail_one;
	(void)put();
	cr_expect(rig.run.over && work_stopped(&rig.run.work));
	cr_expect(outcome_exit(&rig.run.outcome) == FTX_EXIT_NO_SPACE);
	end();
}

/*
 * A request that failed as a whole failed for each of its entries; a COMMIT_PACKS also for those
 * that it was to make durable.
 */
static bool
fail_request(struct fake *f, struct peer *p)
{
	if (p->message.type != failing ||
	    (failing == MESSAGE_COMMIT_PACKS && p->message.commit_packs.items == 0))
		return false;
	if (failing == MESSAGE_COMMIT_PACKS) {
		f->pack_commits++;
		f->ends[0].group_count = 0;
		f->ends[0].group_bytes = 0;
	}
	peer_error(p, FTX_E_IO);
	return true;
}

static const struct {
	enum message_type type;
	unsigned failed; /* entries */
} requests[] = {
    {MESSAGE_OFFER, 7},	  {MESSAGE_MKDIR, 3},	     {MESSAGE_SYMLINK, 1},
    {MESSAGE_SETMETA, 3}, {MESSAGE_COMMIT_PACKS, 7},
};

Test(client_put_tree, the_error_of_a_request_is_that_of_all_its_entries)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		begin();
		tree();
		failing = requests[i].type;
		fake->hook = fail_request;
		cr_expect(put() == 0, "%u", (unsigned)failing);
		cr_expect(rig_count(&rig, TRANSFER_ERROR, FTX_E_IO) == requests[i].failed &&
			      rig_count(&rig, TRANSFER_ERROR, 0) == requests[i].failed,
			  "%u: %u", (unsigned)failing, rig_count(&rig, TRANSFER_ERROR, 0));
		cr_expect(outcome_exit(&rig.run.outcome) == FTX_EXIT_PARTIAL);
		end();
	}
}

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

		begin();
		rig_file(&rig, "src/f", 10);
		rig.request.update = verdicts[i].how == UPDATE;
		rig.request.ignore_existing = verdicts[i].how == IGNORE;
		rig.request.dry_run = verdicts[i].how == DRY;
		said = verdicts[i].verdict;
		fake->verdict = say;
		r = put();
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
		end();
	}
}

/* Below what was not there nothing is: it is not asked for. */
Test(client_put_tree, what_is_below_an_absent_directory_is_not_offered)
{
	const char *offer;
	char path[32];

	begin();
	/* Six batches: each ends with its directory. */
	for (int i = 0; i < 6 * (int)BATCH_ENOUGH; i++) {
		snprintf(path, sizeof(path), "src/d/e%d/f%d", i % 6, i);
		rig_file(&rig, path, 1);
	}
	cr_expect(put() == 0);
	cr_expect(rig.run.outcome.done == 6 * BATCH_ENOUGH);
	offer = strstr(fake->log, "OFFER");
	for (unsigned n = 0; offer != NULL; offer = strstr(offer + 1, "OFFER"))
		cr_expect(++n <= OFFERS_AHEAD);
	end();
}

/* A directory whose time alone is another one: nothing in it is touched. */
static void
only_top_differs(const struct node *n, struct offer_verdict *v)
{
	v->state = n->path.length == 0 ? TREE_METADATA : TREE_SAME;
}

Test(client_put_tree, metadata_of_a_directory_alone_is_set)
{
	begin();
	tree();
	fake->verdict = only_top_differs;
	cr_expect(put() == 0);
	cr_expect_str_eq(fake->log, " OFFER SETMETA() COMMIT_PACKS");
	cr_expect(rig.run.outcome.same == 4 && rig.run.sync_owed);
	end();
}

Test(client_put_tree, what_was_not_kept_is_said_and_fails_only_with_strict_meta)
{
	for (int strict = 0; strict < 2; strict++) {
		begin();
		rig_file(&rig, "src/f", 10);
		rig.request.strict_meta = strict;
		fake->item_flags = STATUS_OWNER_NOT_KEPT;
		cr_expect(put() == 0);
		cr_expect(rig_said(&rig, "f")->not_kept == STATUS_OWNER_NOT_KEPT);
		cr_expect(rig.run.outcome.not_kept == STATUS_OWNER_NOT_KEPT);
		cr_expect((rig_error(&rig, "f") != NULL) == strict);
		cr_expect(outcome_exit(&rig.run.outcome) ==
			  (strict ? FTX_EXIT_PARTIAL : FTX_EXIT_OK));
		end();
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
		begin();
		tree();
		rig.request.strict_meta = strict;
		fake->verdict = same_and_unkept;
		cr_expect(put() == 0);
		cr_expect_str_eq(fake->log, " OFFER");
		cr_expect(rig.run.outcome.failed == (strict ? 7u : 0u), "%llu",
			  (unsigned long long)rig.run.outcome.failed);
		cr_expect(rig_count(&rig, TRANSFER_ERROR, FTX_E_NOT_KEPT) == (strict ? 7u : 0u));
		end();
	}
}

/* Hard links */

Test(client_put_tree, further_names_become_links_when_the_first_is_there)
{
	begin();
	rig_file(&rig, "src/a", 10);
	rig_directory(&rig, "src/d");
	cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/b", 0) == 0);
	cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/d/c", 0) == 0);
	rig.request.hard_links = true;
	cr_expect(put() == 0);
	cr_expect(fake->file_count == 1 && fake_has(fake, "s/d/src/a", "src/a", 10));
	cr_expect(in_order("COMMIT_PACKS", "LINK("), "%s", fake->log);
	cr_expect(strstr(fake->log, "b>a") != NULL && strstr(fake->log, "d/c>a") != NULL);
	cr_expect(in_order("LINK(", "SETMETA("), "%s", fake->log);
	cr_expect(rig.run.outcome.done == 3 && rig.run.files == 3 && rig.run.files_total == 3);
	end();
}

Test(client_put_tree, without_H_each_name_is_a_file)
{
	begin();
	rig_file(&rig, "src/a", 10);
	cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/b", 0) == 0);
	cr_expect(put() == 0);
	cr_expect(fake->file_count == 2 && fake_has(fake, "s/d/src/b", "src/a", 10));
	end();
}

/* What has the first name there is another, older file: it must not get further names. */
Test(client_put_tree, names_of_a_file_that_failed_fail_too)
{
	begin();
	rig_file(&rig, "src/a", 10);
	cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/b", 0) == 0);
	rig.request.hard_links = true;
	failing = MESSAGE_COMMIT_PACKS;
	failing_path = "s/d/src/a";
	failing_error = FTX_E_DENIED;
	fake->item_error = fail_one;
	cr_expect(put() == 0);
	cr_expect(strstr(fake->log, "LINK") == NULL, "%s", fake->log);
	cr_expect(rig_error(&rig, "a") != NULL && rig_error(&rig, "b") != NULL);
	cr_expect(rig.run.outcome.failed == 2 && rig.run.outcome.done == 0);
	end();
}

Test(client_put_tree, a_dry_run_plans_links_and_makes_none)
{
	begin();
	rig_file(&rig, "src/d/a", 10);
	cr_assert(linkat(rig.dir, "src/d/a", rig.dir, "src/d/b", 0) == 0);
	rig.request.hard_links = true;
	rig.request.dry_run = true;
	cr_expect(put() == 0);
	cr_expect_str_eq(fake->log, " OFFER");
	cr_expect(rig_said(&rig, "d/b")->status == STATUS_PLANNED);
	cr_expect(rig.run.outcome.done == 2);
	end();
}

/*
 * -u and --ignore-existing look at each name by itself: the first that does not stay is sent, and
 * becomes the one that the others are links to.
 */
static const char *staying;

static void
some_stay(const struct node *n, struct offer_verdict *v)
{
	bool there =
	    n->path.length > 0 && memchr(staying, ((const char *)n->path.data)[n->path.length - 1],
					 strlen(staying)) != NULL;

	if (there)
		*v = (struct offer_verdict){.state = TREE_DIFFERS, .mtime_s = INT64_MAX};
}

static const struct {
	const char *staying;	     /* of the names a, b, c */
	const char *sent;	     /* NULL: none */
	const char *links, *no_link; /* what is in the log, and what is not */
} names_there[] = {
    {"", "s/d/src/a", "LINK(", ">b"},	   {"a", "s/d/src/b", "LINK(c>b)", ">a"},
    {"b", "s/d/src/a", "LINK(c>a)", "b>"}, {"ab", "s/d/src/c", NULL, "LINK("},
    {"abc", NULL, NULL, "LINK("},
};

Test(client_put_tree, what_has_a_further_name_stays_with_u_and_ignore_existing)
{
	const char *const paths[] = {"s/d/src/a", "s/d/src/b", "s/d/src/c"};
	size_t count = sizeof(names_there) / sizeof(names_there[0]);

	for (size_t i = 0; i < 2 * count; i++) {
		const char *sent = names_there[i / 2].sent;
		size_t stay = strlen(names_there[i / 2].staying);

		begin();
		rig_file(&rig, "src/a", 10);
		cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/b", 0) == 0);
		cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/c", 0) == 0);
		rig.request.hard_links = true;
		rig.request.update = i % 2 == 0;
		rig.request.ignore_existing = i % 2 != 0;
		staying = names_there[i / 2].staying;
		fake->verdict = some_stay;
		cr_expect(put() == 0);
		for (size_t n = 0; n < 3; n++)
			cr_expect(fake_has(fake, paths[n], "src/a", 10) ==
				      (sent != NULL && strcmp(sent, paths[n]) == 0),
				  "case %zu: %s", i, paths[n]);
		if (names_there[i / 2].links != NULL)
			cr_expect(in_order("COMMIT_PACKS", names_there[i / 2].links),
				  "case %zu: %s", i, fake->log);
		cr_expect(strstr(fake->log, names_there[i / 2].no_link) == NULL, "case %zu: %s", i,
			  fake->log);
		cr_expect(rig.run.outcome.done == 3 - stay && rig.run.outcome.failed == 0);
		cr_expect(rig.run.bytes == rig.run.bytes_total && rig.run.files == 3);
		end();
	}
}

/* Names that ftx keeps for itself, devices: said, and passed over. */
Test(client_put_tree, what_is_not_transferred_is_counted_as_skipped)
{
	begin();
	rig_file(&rig, "src/.ftx-1", 10);
	rig_file(&rig, "src/f", 10);
	cr_assert(mkfifoat(rig.dir, "src/p", 0600) == 0);
	cr_expect(put() == 0);
	cr_expect(rig.run.outcome.skipped == 2 && rig.run.outcome.done == 1 &&
		  rig.run.outcome.total == 3);
	cr_expect(rig.run.files == 3 && rig.run.files_total == 3);
	cr_expect(rig_said(&rig, "p")->status == STATUS_SKIPPED);
	cr_expect(rig_count(&rig, TRANSFER_NOTE, 0) == 1);
	cr_expect(strstr(fake->log, "ftx-1") == NULL);
	cr_expect(outcome_exit(&rig.run.outcome) == FTX_EXIT_OK);
	end();
}
