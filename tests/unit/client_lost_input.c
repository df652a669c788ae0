/* A put of standard input whose connections are lost. */
#include "src/client/transfer.h"

#include "tests/harness/unit.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/data/checksum.h"
#include "src/secure/channel.h"
#include "tests/unit/client_fake.h"
#include "tests/unit/client_host.h"

static struct rig rig; /* for its request */
static struct host host;
static struct transferring r;
static struct fake *fake;

/*
 * Standard input: COMMIT is done and its answer lost, then the SYNC that follows from that.  What
 * is there is of its size and time all the while.
 */
static unsigned commits, offers, digests;

static struct {
	bool there;	 /* when the run began */
	int digest_code; /* why it has no digest; 0: it has one */
	unsigned kept;	 /* so many COMMITs do not come, and leave it as it was */
} before;

static bool
answer_stat(struct peer *p)
{
	struct message m = {.type = MESSAGE_ENTRY};

	if (!before.there)
		return false;
	m.entry.attributes.metadata.type = ENTRY_FILE;
	m.entry.attributes.metadata.mode = 0600;
	return peer_send(p, &m);
}

static bool
answer_digest(struct peer *p)
{
	const char *content = commits > before.kept ? "abc" : "xyz";
	const struct digest block = digest_of(content, 3);
	struct digest_state *state = digest_state_new();
	struct path_digest item = {.code = (uint16_t)-before.digest_code, .size = 3};
	struct message m = {.type = MESSAGE_DIGESTS};
	struct digest digest;

	digests++;
	cr_assert(state != NULL && p->message.digest.keyed == 0);
	cr_assert(p->message.digest.base.length == 3 && p->message.digest.paths.count == 1);
	file_digest_start(state, 3);
	file_digest_add(state, &block);
	digest = digest_finish(state);
	digest_state_free(state);
	if (before.digest_code == 0)
		memcpy(item.digest, digest.bytes, sizeof(item.digest));
	m.digests.digests.items = &item;
	m.digests.digests.count = 1;
	return peer_send(p, &m);
}

static bool
take_input(struct fake *f, struct peer *p)
{
	static const struct offer_verdict same = {.state = TREE_SAME};
	struct message verdicts = {.type = MESSAGE_VERDICTS};

	switch ((int)p->message.type) {
	case MESSAGE_STAT:
		return answer_stat(p);
	case MESSAGE_DIGEST:
		return answer_digest(p);
	case MESSAGE_OPEN:
		fake_have(p, 0, 0);
		return true;
	case MESSAGE_WRITE:
		return true;
	case MESSAGE_COMMIT:
		commits++;
		shutdown(channel_fd(p->channel), SHUT_RDWR);
		return true;
	case MESSAGE_OFFER:
		offers++;
		verdicts.verdicts.verdicts.items = &same;
		verdicts.verdicts.verdicts.count = 1;
		return peer_send(p, &verdicts);
	case MESSAGE_SYNC:
		if (f->step++ == 0)
			p->message.type = MESSAGE_CLOSE;
		return false;
	default:
		return false;
	}
}

static void
begin_input(const char *bytes)
{
	static int input[2];

	fake = fake_new();
	fake->hook = take_input;
	rig_init(&rig, TRANSFER_PUT);
	rig.request.streams = 1;
	rig.request.retry_for_ms = 60000;
	host_start(&host, fake_serve, fake);
	commits = offers = digests = 0;
	cr_assert(pipe(input) == 0);
	cr_assert(write(input[1], bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
	close(input[1]);
	rig.source = "-";
	rig.request.sources = &rig.source;
	rig.request.input_fd = input[0];
	rig.request.dest = host_address(&host, "s/f");
}

static void
put(void)
{
	transferring_start(&r, &rig.request);
	cr_expect(transferring_until(&r, TRANSFER_FINISHED));
}

static void
end_input(void)
{
	close(rig.request.input_fd);
	transferring_end(&r);
	host_end(&host);
	rig_start(&rig);
	rig_end(&rig);
	cr_expect_str_eq(fake->broken, "");
	fake_free(fake);
}

Test(client_lost_input, standard_input_is_not_read_again_when_it_is_there)
{
	begin_input("abc");
	put();
	cr_expect(commits == 1 && offers == 1, "%u commits", commits);
	cr_expect(r.outcome.exits == 0 && r.outcome.done == 1 && fake->syncs == 1);
	cr_expect(fake->ends[2].peer != NULL && fake->ends[3].peer == NULL);
	cr_expect(digests == 0, "it is not read where nothing was there before");
	end_input();
}

Test(client_lost_input, standard_input_is_told_from_what_was_there_by_its_content)
{
	for (before.kept = 0; before.kept < 2; before.kept++) {
		before.there = true;
		begin_input("abc");
		put();
		cr_expect(commits == 1 + before.kept && digests == commits, "%u commits", commits);
		cr_expect(r.outcome.exits == 0 && r.outcome.done == 1 && fake->syncs == 1);
		end_input();
	}
}

Test(client_lost_input, standard_input_is_known_by_size_and_time_to_who_may_not_read_it)
{
	before.there = true;
	before.kept = 1;
	before.digest_code = FTX_E_DENIED;
	begin_input("abc");
	put();
	cr_expect(commits == 1 && digests == 1, "%u commits", commits);
	cr_expect(r.outcome.exits == 0 && r.outcome.done == 1);
	end_input();
}

/* What was read is no good, and the connection is lost when it is dropped. */
static unsigned finished;

static int
no_good(void *arg, struct problem *why)
{
	(void)arg;
	return finished++ == 0 ? problem_set(why, FTX_E_IO, SIDE_LOCAL, "the command failed") : 0;
}

static bool
lose_at_release(struct fake *f, struct peer *p)
{
	if (p->message.type == MESSAGE_RELEASE)
		p->message.type = MESSAGE_CLOSE;
	return take_input(f, p);
}

Test(client_lost_input, standard_input_that_is_no_good_is_not_read_on_over_another_connection)
{
	finished = 0;
	begin_input("abc");
	fake->hook = lose_at_release;
	rig.request.input_finish = no_good;
	put();
	cr_expect(commits == 0 && finished == 1, "%u commits", commits);
	cr_expect(transferring_errors(&r, FTX_E_IO) == 1 && transferring_errors(&r, 0) == 1);
	cr_expect(outcome_exit(&r.outcome) == FTX_EXIT_FAILURE);
	end_input();
}
