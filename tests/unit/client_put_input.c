/* Standard input to a server. */
#include "tests/unit/client_fake.h"

#include "tests/harness/unit.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"

static struct rig rig;
static struct fake *fake;
static int input[2];
static sem_t checkpointed;
static unsigned checkpoints;
static uint64_t received, committed;

/* An honest server, of a file whose size it is not told. */
static bool
take_input(struct fake *f, struct peer *p)
{
	const struct message *m = &p->message;

	(void)f;
	switch ((int)m->type) {
	case MESSAGE_OPEN:
		fake_have(p, 0, 0);
		return true;
	case MESSAGE_WRITE:
		received += m->write.raw_length;
		return true;
	case MESSAGE_CHECKPOINT:
		checkpoints++;
		peer_answer(p, MESSAGE_OK);
		sem_post(&checkpointed);
		return true;
	case MESSAGE_COMMIT:
		committed = m->commit.size;
		peer_answer(p, MESSAGE_COMMITTED);
		return true;
	default:
		return false;
	}
}

static void
begin(void)
{
	fake = fake_new();
	fake->hook = take_input;
	received = committed = 0;
	checkpoints = 0;
	sem_init(&checkpointed, 0, 0);
	cr_assert(pipe(input) == 0);
	rig_init(&rig, TRANSFER_PUT);
	rig.source = "-";
	rig.request.input_fd = input[0];
	rig_start(&rig);
	rig.remote.trailing_slash = false;
	rig_stream(&rig, fake_serve, fake);
}

static void
end(void)
{
	rig_end(&rig);
	cr_expect_str_eq(fake->broken, "");
	fake_free(fake);
	close(input[0]);
	sem_destroy(&checkpointed);
}

/* A whole block and a little, then nothing more until that block is safe. */
static void *
write_slowly(void *arg)
{
	const size_t size = LIMIT_BLOCK_BYTES + 5;
	uint8_t *bytes = calloc(1, size);
	bool *safe = arg;
	struct timespec until;

	cr_assert(bytes != NULL && write_full(input[1], bytes, size) == 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	*safe = sem_timedwait(&checkpointed, &until) == 0;
	close(input[1]);
	free(bytes);
	return NULL;
}

Test(client_put_input, what_has_come_is_made_durable_while_nothing_comes)
{
	bool safe = false;
	pthread_t writer;

	begin();
	cr_assert(pthread_create(&writer, NULL, write_slowly, &safe) == 0);
	cr_expect(rig_put(&rig) == 0);
	pthread_join(writer, NULL);
	cr_expect(safe);
	cr_expect(received == LIMIT_BLOCK_BYTES + 5 && committed == received);
	end();
}

/* Less than a block: there is nothing that a CHECKPOINT could keep. */
Test(client_put_input, nothing_is_asked_for_without_a_block)
{
	begin();
	cr_assert(write_full(input[1], "abc", 3) == 0);
	close(input[1]);
	cr_expect(rig_put(&rig) == 0);
	cr_expect(received == 3 && committed == 3 && checkpoints == 0);
	end();
}
