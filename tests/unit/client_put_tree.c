/* A tree to a server: what is asked for in which order, and what follows from its answers. */
#include "tests/unit/client_put_case.h"

#include "tests/harness/unit.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

Test(client_put_tree, directories_first_their_metadata_last)
{
	case_begin();
	case_make_tree();
	cr_expect(case_run() == 0);
	cr_expect(fake_has(fake, "s/d/src/a/b/g", "src/a/b/g", 300));
	cr_expect(fake_has(fake, "s/d/src/a/f", "src/a/f", 5000));
	cr_expect(fake_has(fake, "s/d/src/empty", "src/empty", 0));
	cr_expect(fake->file_count == 3);
	cr_expect(case_in_order("MKDIR( a a/b)", "SYMLINK(l>a/f)"), "%s", fake->log);
	cr_expect(case_in_order("SYMLINK(l>a/f)", "PACK COMMIT_PACKS"), "%s", fake->log);
	cr_expect(case_in_order("COMMIT_PACKS", "SETMETA("), "%s", fake->log);
	/* and the last word makes that durable */
	cr_expect_str_eq(fake->log + strlen(fake->log) - 13, " COMMIT_PACKS");
	cr_expect(rig.run.files == 4 && rig.run.files_total == 4);
	cr_expect(rig.run.bytes == 5300 && rig.run.bytes_total == 5300);
	cr_expect(rig.run.outcome.done == 4 && rig.run.outcome.exits == 0);
	case_end();
}

Test(client_put_tree, a_file_is_sent_with_the_metadata_it_has)
{
	const struct fake_file *f;
	struct stat st;

	case_begin();
	rig_file(&rig, "src/f", 10);
	cr_assert(fchmodat(rig.dir, "src/f", 0751, 0) == 0);
	cr_assert(fstatat(rig.dir, "src/f", &st, 0) == 0);
	cr_expect(case_run() == 0);
	f = fake_find(fake, "s/d/src/f");
	cr_assert(f != NULL);
	cr_expect(f->metadata.mode == 0751 && f->metadata.mtime_s == st.st_mtim.tv_sec &&
		  f->metadata.mtime_ns == (uint32_t)st.st_mtim.tv_nsec);
	case_end();
}

/* Several streams make one tree of it, each entry once. */
Test(client_put_tree, four_streams_send_every_entry_once)
{
	char path[64];

	case_begin();
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
	case_end();
}

/* What goes on when a connection was lost: what is done, and nothing that fails. */
static void
directories_are_there(const struct node *n, struct offer_verdict *v)
{
	if (n->metadata.type == ENTRY_DIRECTORY)
		v->state = TREE_SAME;
}

static bool
was_lost(struct fake *f, struct peer *p)
{
	(void)f;
	if (p->message.type == MESSAGE_PACK)
		retry_lost(&rig.run.retry);
	return false;
}

static int
deny_files(enum message_type type, struct span path)
{
	(void)path;
	return type == MESSAGE_COMMIT_PACKS ? FTX_E_DENIED : 0;
}

Test(client_put_tree, a_file_that_is_done_is_progress)
{
	for (int fails = 0; fails < 2; fails++) {
		case_begin();
		rig_file(&rig, "src/f", 10);
		fake->verdict = directories_are_there;
		fake->hook = was_lost;
		fake->item_error = fails ? deny_files : NULL;
		cr_expect(case_run() == 0);
		cr_expect(retry_is_lost(&rig.run.retry) == (fails != 0), "%d", fails);
		case_end();
	}
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

			case_begin();
			case_make_tree();
			cr_assert(linkat(rig.dir, "src/a/f", rig.dir, "src/a/h", 0) == 0);
			rig.request.hard_links = true;
			lied_about = types[i];
			fake->hook = miscount;
			r = case_run();
			cr_expect(r == (off_by == 0 ? 0 : FTX_E_PROTOCOL), "%u%+d: %s",
				  (unsigned)types[i], off_by, error_name(r));
			case_end();
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

		case_begin();
		case_make_tree();
		cr_assert(linkat(rig.dir, "src/empty", rig.dir, "src/z", 0) == 0);
		rig.request.hard_links = true;
		failing = items[i].type;
		failing_path = items[i].path;
		failing_error = FTX_E_DENIED;
		fake->item_error = fail_one;
		cr_expect(case_run() == 0);
		e = rig_error(&rig, items[i].entry);
		cr_assert(e != NULL, "%s", items[i].entry);
		cr_expect(e->problem.error == FTX_E_DENIED && e->problem.side == SIDE_REMOTE &&
			  e->of_entry);
		cr_expect_str_eq(e->relative, items[i].entry);
		cr_expect(rig_count(&rig, TRANSFER_ERROR, 0) == 1, "%s", items[i].entry);
		cr_expect(rig.run.outcome.failed == 1, "%s", items[i].entry);
		cr_expect(rig.run.outcome.done == (items[i].file ? 4u : 5u), "%s: %d",
			  items[i].entry, (int)rig.run.outcome.done);
		case_end();
	}
}

/* No space: nothing else would fare better. */
Test(client_put_tree, a_full_disk_ends_the_run)
{
	case_begin();
	case_make_tree();
	failing = MESSAGE_COMMIT_PACKS;
	failing_path = "s/d/src/a/f";
	failing_error = FTX_E_NO_SPACE;
	fake->item_error = fail_one;
	(void)case_run();
	cr_expect(rig.run.over && work_stopped(&rig.run.work));
	cr_expect(outcome_exit(&rig.run.outcome) == FTX_EXIT_NO_SPACE);
	case_end();
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
		case_begin();
		case_make_tree();
		failing = requests[i].type;
		fake->hook = fail_request;
		cr_expect(case_run() == 0, "%u", (unsigned)failing);
		cr_expect(rig_count(&rig, TRANSFER_ERROR, FTX_E_IO) == requests[i].failed &&
			      rig_count(&rig, TRANSFER_ERROR, 0) == requests[i].failed,
			  "%u: %u", (unsigned)failing, rig_count(&rig, TRANSFER_ERROR, 0));
		cr_expect(outcome_exit(&rig.run.outcome) == FTX_EXIT_PARTIAL);
		case_end();
	}
}

/* Hard links */

Test(client_put_tree, further_names_become_links_when_the_first_is_there)
{
	case_begin();
	rig_file(&rig, "src/a", 10);
	rig_directory(&rig, "src/d");
	cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/b", 0) == 0);
	cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/d/c", 0) == 0);
	rig.request.hard_links = true;
	cr_expect(case_run() == 0);
	cr_expect(fake->file_count == 1 && fake_has(fake, "s/d/src/a", "src/a", 10));
	cr_expect(case_in_order("COMMIT_PACKS", "LINK("), "%s", fake->log);
	cr_expect(strstr(fake->log, "b>a") != NULL && strstr(fake->log, "d/c>a") != NULL);
	cr_expect(case_in_order("LINK(", "SETMETA("), "%s", fake->log);
	cr_expect(rig.run.outcome.done == 3 && rig.run.files == 3 && rig.run.files_total == 3);
	case_end();
}

Test(client_put_tree, without_H_each_name_is_a_file)
{
	case_begin();
	rig_file(&rig, "src/a", 10);
	cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/b", 0) == 0);
	cr_expect(case_run() == 0);
	cr_expect(fake->file_count == 2 && fake_has(fake, "s/d/src/b", "src/a", 10));
	case_end();
}

/* What has the first name there is another, older file: it must not get further names. */
Test(client_put_tree, names_of_a_file_that_failed_fail_too)
{
	case_begin();
	rig_file(&rig, "src/a", 10);
	cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/b", 0) == 0);
	rig.request.hard_links = true;
	failing = MESSAGE_COMMIT_PACKS;
	failing_path = "s/d/src/a";
	failing_error = FTX_E_DENIED;
	fake->item_error = fail_one;
	cr_expect(case_run() == 0);
	cr_expect(strstr(fake->log, "LINK") == NULL, "%s", fake->log);
	cr_expect(rig_error(&rig, "a") != NULL && rig_error(&rig, "b") != NULL);
	cr_expect(rig.run.outcome.failed == 2 && rig.run.outcome.done == 0);
	case_end();
}

Test(client_put_tree, a_dry_run_plans_links_and_makes_none)
{
	case_begin();
	rig_file(&rig, "src/d/a", 10);
	cr_assert(linkat(rig.dir, "src/d/a", rig.dir, "src/d/b", 0) == 0);
	rig.request.hard_links = true;
	rig.request.dry_run = true;
	cr_expect(case_run() == 0);
	cr_expect_str_eq(fake->log, " OFFER");
	cr_expect(rig_said(&rig, "d/b")->status == STATUS_PLANNED);
	cr_expect(rig.run.outcome.done == 2);
	case_end();
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

		case_begin();
		rig_file(&rig, "src/a", 10);
		cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/b", 0) == 0);
		cr_assert(linkat(rig.dir, "src/a", rig.dir, "src/c", 0) == 0);
		rig.request.hard_links = true;
		rig.request.update = i % 2 == 0;
		rig.request.ignore_existing = i % 2 != 0;
		staying = names_there[i / 2].staying;
		fake->verdict = some_stay;
		cr_expect(case_run() == 0);
		for (size_t n = 0; n < 3; n++)
			cr_expect(fake_has(fake, paths[n], "src/a", 10) ==
				      (sent != NULL && strcmp(sent, paths[n]) == 0),
				  "case %zu: %s", i, paths[n]);
		if (names_there[i / 2].links != NULL)
			cr_expect(case_in_order("COMMIT_PACKS", names_there[i / 2].links),
				  "case %zu: %s", i, fake->log);
		cr_expect(strstr(fake->log, names_there[i / 2].no_link) == NULL, "case %zu: %s", i,
			  fake->log);
		cr_expect(rig.run.outcome.done == 3 - stay && rig.run.outcome.failed == 0);
		cr_expect(rig.run.bytes == rig.run.bytes_total && rig.run.files == 3);
		case_end();
	}
}

/* Names that ftx keeps for itself, devices: said, and passed over. */
Test(client_put_tree, what_is_not_transferred_is_counted_as_skipped)
{
	case_begin();
	rig_file(&rig, "src/.ftx-1", 10);
	rig_file(&rig, "src/f", 10);
	cr_assert(mkfifoat(rig.dir, "src/p", 0600) == 0);
	cr_expect(case_run() == 0);
	cr_expect(rig.run.outcome.skipped == 2 && rig.run.outcome.done == 1 &&
		  rig.run.outcome.total == 3);
	cr_expect(rig.run.files == 3 && rig.run.files_total == 3);
	cr_expect(rig_said(&rig, "p")->status == STATUS_SKIPPED);
	cr_expect(rig_count(&rig, TRANSFER_NOTE, 0) == 1);
	cr_expect(strstr(fake->log, "ftx-1") == NULL);
	cr_expect(outcome_exit(&rig.run.outcome) == FTX_EXIT_OK);
	case_end();
}
