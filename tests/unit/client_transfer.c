/* Whole transfers, from transfer_new() to TRANSFER_FINISHED. */
#include "src/client/transfer.h"

#include "tests/harness/unit.h"

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "tests/unit/client_fake.h"
#include "tests/unit/client_host.h"

static struct rig rig; /* for its directory */
static struct host host;
static struct transferring r;
static struct fake *fake;

static void
begin(void (*script)(struct peer *p), bool (*hook)(struct fake *f, struct peer *p))
{
	fake = fake_new();
	fake->hook = hook;
	rig_init(&rig, TRANSFER_PUT);
	rig_file(&rig, "src/a/f", 1000);
	rig_file(&rig, "src/g", 2000);
	host_start(&host, script, fake);
	rig.request.dest = host_address(&host, "s/d");
}

static void
end(void)
{
	transferring_end(&r);
	host_end(&host);
	rig_start(&rig);
	rig_end(&rig);
	fake_free(fake);
}

Test(transfer, a_put_of_a_tree_comes_to_its_end)
{
	struct transfer_progress p;

	begin(fake_serve, NULL);
	transferring_start(&r, &rig.request);
	cr_expect(transferring_until(&r, TRANSFER_STARTED));
	cr_expect(transferring_until(&r, TRANSFER_FINISHED));
	cr_expect(r.events[0]->type == TRANSFER_STARTED && transferring_errors(&r, 0) == 0);
	cr_expect(r.outcome.done == 2 && outcome_exit(&r.outcome) == FTX_EXIT_OK);
	transfer_progress(r.t, &p);
	cr_expect(p.scanned && p.files == 2 && p.files_total == 2 && p.bytes == 3000 &&
		  p.bytes_total == 3000);
	cr_expect(fake_has(fake, "s/d/src/a/f", "src/a/f", 1000));
	cr_expect(host.count == 1);
	cr_expect_str_eq(fake->broken, "");
	end();
}

static void
all_the_same(const struct node *n, struct offer_verdict *v)
{
	(void)n;
	v->state = TREE_SAME;
}

/* What was found the same may have been written by a run that did not live to make it durable. */
Test(transfer, what_is_the_same_is_synced_once_at_the_end)
{
	for (int no_sync = 0; no_sync < 2; no_sync++) {
		begin(fake_serve, NULL);
		fake->verdict = all_the_same;
		rig.request.no_sync = no_sync;
		transferring_start(&r, &rig.request);
		cr_expect(transferring_until(&r, TRANSFER_FINISHED));
		cr_expect(r.outcome.same == 2 && fake->syncs == (no_sync ? 0u : 1u));
		end();
	}
}

/* What is asked of a server that says nothing, or of one that goes away. */
static enum message_type silent_about;
static sem_t asked;

static bool
say_nothing(struct fake *f, struct peer *p)
{
	(void)f;
	if (p->message.type != silent_about)
		return false;
	sem_post(&asked);
	return true;
}

/* false: nobody has asked for half a minute. */
static bool
await_question(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 30;
	return sem_timedwait(&asked, &until) == 0;
}

static bool
go_away(struct fake *f, struct peer *p)
{
	(void)f;
	if (p->message.type == silent_about)
		p->message.type = MESSAGE_CLOSE;
	return false;
}

/*
 * Stopped while an answer is waited for: one word about that, and the exit code of it.  What is at
 * the destination is asked for one file only, not for a directory.
 */
Test(transfer, a_stop_is_told_once_and_is_no_success)
{
	static const enum message_type when[] = {MESSAGE_STAT, MESSAGE_OFFER, MESSAGE_COMMIT_PACKS};
	const char *source;
	char path[160];

	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
		silent_about = when[i];
		begin(fake_serve, say_nothing);
		snprintf(path, sizeof(path), "%s/src/g", rig.directory);
		source = path;
		if (silent_about == MESSAGE_STAT)
			rig.request.sources = &source;
		rig.request.streams = 2;
		sem_init(&asked, 0, 0);
		transferring_start(&r, &rig.request);
		cr_expect(transferring_until(&r, TRANSFER_STARTED));
		cr_assert(await_question(), "case %zu", i);
		transfer_stop(r.t);
		cr_expect(transferring_until(&r, TRANSFER_FINISHED));
		cr_expect(transferring_errors(&r, FTX_E_INTERRUPTED) == 1 &&
			      transferring_errors(&r, 0) == 1,
			  "case %zu: %u", i, transferring_errors(&r, 0));
		cr_expect(outcome_exit(&r.outcome) != FTX_EXIT_OK, "case %zu", i);
		end();
		sem_destroy(&asked);
	}
}

/* The others' connections end because of the first one's end. */
Test(transfer, a_lost_connection_is_told_once)
{
	static const enum message_type when[] = {MESSAGE_OFFER, MESSAGE_PACK, MESSAGE_COMMIT_PACKS};

	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
		silent_about = when[i];
		begin(fake_serve, go_away);
		rig.request.streams = 4;
		transferring_start(&r, &rig.request);
		cr_expect(transferring_until(&r, TRANSFER_FINISHED));
		cr_expect(transferring_errors(&r, 0) == 1, "case %zu: %u", i,
			  transferring_errors(&r, 0));
		cr_expect(outcome_exit(&r.outcome) == FTX_EXIT_NETWORK);
		end();
	}
}

static int
no_space(enum message_type type, struct span path)
{
	(void)path;
	return type == MESSAGE_COMMIT_PACKS ? FTX_E_NO_SPACE : 0;
}

Test(transfer, a_full_disk_is_told_once)
{
	begin(fake_serve, NULL);
	fake->item_error = no_space;
	rig.request.streams = 2;
	transferring_start(&r, &rig.request);
	cr_expect(transferring_until(&r, TRANSFER_FINISHED));
	cr_expect(transferring_errors(&r, 0) == 1, "%u", transferring_errors(&r, 0));
	cr_expect(outcome_exit(&r.outcome) == FTX_EXIT_NO_SPACE);
	end();
}

/* Freed in the middle, without looking at the events: asan. */
Test(transfer, can_be_freed_at_any_time)
{
	begin(fake_serve, NULL);
	for (int i = 0; i < 300; i++) {
		char path[32];

		snprintf(path, sizeof(path), "src/more/f%d", i);
		rig_file(&rig, path, 10);
	}
	rig.request.streams = 2;
	transferring_start(&r, &rig.request);
	cr_expect(transferring_until(&r, TRANSFER_STARTED));
	end();
}

/* One file lands in what is a directory there, or gets its name. */
static bool is_directory;

static bool
say_what_is_there(struct fake *f, struct peer *p)
{
	struct message m = {.type = MESSAGE_ENTRY};

	(void)f;
	if (p->message.type != MESSAGE_STAT || !is_directory)
		return false;
	m.entry.attributes.metadata.type = ENTRY_DIRECTORY;
	return peer_send(p, &m);
}

Test(transfer, a_file_lands_where_the_destination_says)
{
	const char *source;
	char path[160];

	for (int i = 0; i < 2; i++) {
		is_directory = i == 1;
		begin(fake_serve, say_what_is_there);
		snprintf(path, sizeof(path), "%s/src/g", rig.directory);
		source = path;
		rig.request.sources = &source;
		transferring_start(&r, &rig.request);
		cr_expect(transferring_until(&r, TRANSFER_FINISHED));
		cr_expect(fake_has(fake, is_directory ? "s/d/g" : "s/d", "src/g", 2000), "%d", i);
		end();
	}
}

/* Several sources: what fails is its own. */
Test(transfer, a_source_that_is_not_there_fails_alone)
{
	const char *sources[3];
	char paths[3][160];
	static const char *const names[] = {"a", "absent", "g"};

	begin(fake_serve, NULL);
	for (int i = 0; i < 3; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/src/%s", rig.directory, names[i]);
		sources[i] = paths[i];
	}
	rig.request.sources = sources;
	rig.request.source_count = 3;
	transferring_start(&r, &rig.request);
	cr_expect(transferring_until(&r, TRANSFER_FINISHED));
	cr_expect(transferring_errors(&r, FTX_E_NOT_FOUND) == 1 && transferring_errors(&r, 0) == 1);
	cr_expect(r.outcome.done == 2 && outcome_exit(&r.outcome) == FTX_EXIT_PARTIAL);
	cr_expect(fake_has(fake, "s/d/a/f", "src/a/f", 1000) &&
		  fake_has(fake, "s/d/g", "src/g", 2000));
	end();
}

/* What is wrong with a request is found before anything is contacted. */
static const struct {
	const char *sources[2];
	size_t count;
	const char *dest;
	bool no_target_directory;
	enum transfer_verb verb;
	enum set_mode set;
} bad[] = {
    {{"f"}, 1, "", false, TRANSFER_PUT, SET_NONE},
    {{"f"}, 1, "not-remote", false, TRANSFER_PUT, SET_NONE},
    {{"f", "g"}, 2, "h:s/d", true, TRANSFER_PUT, SET_NONE},
    {{"a/f", "b/f"}, 2, "h:s/d", false, TRANSFER_PUT, SET_NONE},
    {{"f"}, 1, "d", false, TRANSFER_GET, SET_NONE},
    {{"h:s/f", "k:s/g"}, 2, "d", false, TRANSFER_GET, SET_NONE},
    {{"h:s/a/f", "h:s/b/f"}, 2, "d", false, TRANSFER_GET, SET_NONE},
    {{"h:s/f"}, 1, "", false, TRANSFER_GET, SET_NONE},
    {{"d"}, 1, "h:s", true, TRANSFER_PUT, SET_EXCHANGE},
    {{"d/."}, 1, "h:s/", false, TRANSFER_PUT, SET_NEW},
};

Test(transfer, refuses_a_request_that_makes_no_sense)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct transfer_request request = {.verb = bad[i].verb,
							 .sources = bad[i].sources,
							 .source_count = bad[i].count,
							 .dest = bad[i].dest,
							 .no_target_directory =
							     bad[i].no_target_directory,
							 .set = bad[i].set,
							 .input_fd = -1,
							 .timeout_ms = 1000};
		struct transfer *t;
		struct problem why = {0};

		cr_expect(transfer_new(&t, &request, &why) == FTX_E_USAGE, "case %zu", i);
		cr_expect(why.text[0] != '\0');
		if (bad[i].set != SET_NONE)
			cr_expect_str_eq(why.hint, "name a directory in it: s/NAME");
	}
}

/* No thread can be made with a stack as large as that. */
static void
set_stack(size_t bytes)
{
	pthread_attr_t attr;

	cr_assert(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, bytes) == 0 &&
		  pthread_setattr_default_np(&attr) == 0);
	pthread_attr_destroy(&attr);
}

/* Of what malloc() gives, as far as it says; with sanitizers these look for what is lost. */
static size_t
allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

Test(transfer, loses_nothing_where_no_thread_can_be_made)
{
	static const uint8_t identity[KEY_BYTES];
	const char *const sources[] = {"f"};
	const struct transfer_request request = {.verb = TRANSFER_PUT,
						 .sources = sources,
						 .source_count = 1,
						 .dest =
						     "ftx://"
						     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
						     "@127.0.0.1:1/s/d",
						 .input_fd = -1};
	pthread_attr_t before;
	size_t stack, held[2] = {0};

	cr_assert(pthread_getattr_default_np(&before) == 0 &&
		  pthread_attr_getstacksize(&before, &stack) == 0);
	pthread_attr_destroy(&before);
	for (int i = 0; i < 12; i++) {
		struct problem why = {0};
		const char *key_file;
		struct transfer *t;

		cr_assert(transfer_new(&t, &request, &why) == 0, "%s", why.text);
		cr_assert(transfer_resolve(t, NULL, &key_file, &why) == 0, "%s", why.text);
		set_stack((size_t)1 << 46);
		cr_expect(transfer_start(t, identity, &why) != 0 && why.text[0] != '\0');
		set_stack(stack);
		transfer_free(t);
		held[i > 1] = allocated();
	}
	/* libc keeps a little; the table of links alone is more. */
	cr_expect(held[1] < held[0] + (64 << 10), "%zu, then %zu", held[0], held[1]);
}
