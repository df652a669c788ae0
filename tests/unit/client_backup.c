/* --backup-dir: what is replaced gets a second name before anything is sent. */
#include "src/client/backup.h"

#include "tests/harness/unit.h"

#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "tests/unit/client_fake.h"

static struct rig rig;
static struct fake *fake;

static void
begin(void (*verdict)(const struct node *n, struct offer_verdict *v))
{
	fake = fake_new();
	fake->verdict = verdict;
	rig_init(&rig, TRANSFER_PUT);
	rig.request.backup_dir = "bak";
	rig_file(&rig, "src/a/f", 10);
	rig_file(&rig, "src/g", 10);
	cr_assert(symlinkat("g", rig.dir, "src/l") == 0);
}

static int
put(void)
{
	rig_start(&rig);
	rig_stream(&rig, fake_serve, fake);
	return rig_put(&rig);
}

static void
end(void)
{
	rig_end(&rig);
	cr_expect_str_eq(fake->broken, "");
	fake_free(fake);
}

static void
all_differ(const struct node *n, struct offer_verdict *v)
{
	v->state = n->metadata.type == ENTRY_DIRECTORY ? TREE_SAME : TREE_DIFFERS;
}

static void
all_absent(const struct node *n, struct offer_verdict *v)
{
	v->state = n->path.length == 0 ? TREE_SAME : TREE_ABSENT;
}

static void
all_other_metadata(const struct node *n, struct offer_verdict *v)
{
	v->state = n->metadata.type == ENTRY_DIRECTORY ? TREE_SAME : TREE_METADATA;
}

/* A file keeps its name until the new one has it; a link has content only by its name. */
Test(backup, what_is_replaced_gets_its_second_name_first)
{
	const char *pack;

	begin(all_differ);
	cr_expect(put() == 0);
	pack = strstr(fake->log, "PACK");
	cr_assert(pack != NULL);
	cr_expect(strstr(fake->log, "LINK(bak/a/f>d/src/a/f)") < pack, "%s", fake->log);
	cr_expect(strstr(fake->log, "LINK(bak/g>d/src/g)") != NULL, "%s", fake->log);
	cr_expect(strstr(fake->log, "RENAME(d/src/l>bak/l)") != NULL, "%s", fake->log);
	cr_expect(rig.run.outcome.done == 3);
	end();
}

Test(backup, what_is_not_replaced_is_not_kept_twice)
{
	void (*const verdicts[])(const struct node *,
				 struct offer_verdict *) = {all_absent, all_other_metadata};

	for (size_t i = 0; i < 2; i++) {
		begin(verdicts[i]);
		cr_expect(put() == 0);
		cr_expect(strstr(fake->log, "bak/") == NULL, "%s", fake->log);
		cr_expect(rig.run.outcome.done == 3);
		end();
	}
}

/* What stays as it is must keep its name. */
static void
all_newer_there(const struct node *n, struct offer_verdict *v)
{
	all_differ(n, v);
	v->mtime_s = INT64_MAX;
}

Test(backup, what_is_to_stay_is_not_moved_away)
{
	for (int update = 0; update < 2; update++) {
		begin(all_newer_there);
		rig.request.update = update;
		rig.request.ignore_existing = !update;
		cr_expect(put() == 0);
		cr_expect_str_eq(fake->log, " OFFER");
		cr_expect(rig.run.outcome.ignored == 3 && rig.run.outcome.done == 0);
		end();
	}
}

Test(backup, a_dry_run_keeps_nothing)
{
	begin(all_differ);
	rig.request.dry_run = true;
	cr_expect(put() == 0);
	cr_expect_str_eq(fake->log, " OFFER");
	end();
}

static int
refuse_backups(enum message_type type, struct span path)
{
	bool of_g = path.length == strlen("bak/g") && memcmp(path.data, "bak/g", path.length) == 0;

	return (type == MESSAGE_LINK && of_g) || type == MESSAGE_RENAME ? FTX_E_DENIED : 0;
}

Test(backup, what_could_not_be_kept_is_not_replaced)
{
	begin(all_differ);
	fake->item_error = refuse_backups;
	cr_expect(put() == 0);
	cr_expect(rig_error(&rig, "g")->problem.error == FTX_E_DENIED);
	cr_expect(rig_error(&rig, "l")->problem.error == FTX_E_DENIED);
	cr_expect(rig.run.outcome.done == 1 && rig.run.outcome.failed == 2);
	cr_expect(fake->file_count == 1 && strstr(fake->log, "SYMLINK") == NULL);
	end();
}

static bool
miscount(struct fake *f, struct peer *p)
{
	(void)f;
	if (p->message.type != MESSAGE_LINK)
		return false;
	fake_statuses(p, MESSAGE_STATUSES, 2, 0);
	return true;
}

Test(backup, T26_another_count_of_statuses_ends_the_connection)
{
	begin(all_differ);
	fake->hook = miscount;
	cr_expect(put() == FTX_E_PROTOCOL);
	cr_expect(fake->packs == 0);
	end();
}

static const struct {
	const char *remote, *dir;
	bool good;
} places[] = {
    {"s/d/src", "bak", true},	     {"s/d/src", "d/bak", true},
    {"s/d/src", "d/src2", true},     {"s/d/src", "d/src", false},
    {"s/d/src", "d/src/bak", false}, {"s/d/src", "d", false},
    {"s/d/src2", "d/src", true},     {"s", "bak", false},
    {"s/bak", "bak", false},	     {"s/bak/x", "bak/y", true},
};

/* Otherwise the next run would take the backups for what is to go. */
Test(backup, the_directory_is_outside_of_what_is_put)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct root root = {.is_directory = true};
		struct problem p = {0};

		strcpy(root.remote, places[i].remote);
		cr_expect(backup_check(&root, places[i].dir, &p) ==
			      (places[i].good ? 0 : FTX_E_USAGE),
			  "%s %s", places[i].remote, places[i].dir);
	}
}
