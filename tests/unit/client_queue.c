#include "src/client/queue.h"

#include "tests/harness/unit.h"

#include <pthread.h>

#include "src/client/bucket.h"

#define ITEMS 10000

static void *
push_all(void *arg)
{
	for (int i = 0; i < ITEMS; i++)
		if (!queue_push(arg, &i))
			break;
	queue_close(arg);
	return NULL;
}

Test(queue, gives_everything_in_order_and_then_the_end)
{
	struct queue *q = queue_new(3, sizeof(int));
	pthread_t thread;
	int item, next = 0;

	pthread_create(&thread, NULL, push_all, q);
	while (queue_pop(q, &item))
		cr_assert(item == next++);
	cr_expect(next == ITEMS);
	pthread_join(thread, NULL);
	cr_expect(!queue_push(q, &next));
	queue_free(q);
}

Test(queue, cancel_ends_who_waits_for_room)
{
	struct queue *q = queue_new(1, sizeof(int));
	pthread_t thread;
	int item;

	pthread_create(&thread, NULL, push_all, q);
	cr_assert(queue_pop(q, &item));
	queue_cancel(q);
	pthread_join(thread, NULL);
	cr_expect(!queue_pop(q, &item));
	cr_expect(!queue_try_pop(q, &item));
	queue_free(q);
}

Test(queue, try_pop_does_not_wait)
{
	struct queue *q = queue_new(1, sizeof(int));
	int item = 7;

	cr_expect(!queue_try_pop(q, &item));
	cr_expect(queue_push(q, &item));
	item = 0;
	cr_expect(queue_try_pop(q, &item) && item == 7);
	queue_free(q);
}

/* Who cleans up behind a cancellation gets what is left. */
Test(queue, drain_empties_a_cancelled_queue)
{
	struct queue *q = queue_new(2, sizeof(int));
	int item = 7;

	cr_expect(!queue_drain(q, &item));
	cr_expect(queue_push(q, &item));
	queue_cancel(q);
	cr_expect(!queue_push(q, &item));
	item = 0;
	cr_expect(queue_drain(q, &item) && item == 7);
	cr_expect(!queue_drain(q, &item));
	queue_free(q);
}

#define SECOND UINT64_C(1000000000)

Test(bucket, lets_flow_what_the_rate_says)
{
	struct bucket b;
	uint64_t now = 5 * SECOND, sent = 0;

	bucket_init(&b, 100000, now);
	for (int ms = 0; ms < 10000; ms++) {
		size_t room = bucket_budget(&b, now);

		/* even: never more than a tenth of a second's flow at once */
		cr_assert(room <= 10000);
		sent += room;
		bucket_spend(&b, room);
		now += SECOND / 1000;
	}
	cr_expect(sent > 990000 && sent <= 1000000, "%llu", (unsigned long long)sent);
}

Test(bucket, says_how_long_to_wait)
{
	struct bucket b;

	bucket_init(&b, 1000, 0);
	cr_expect(bucket_budget(&b, 0) == 0);
	cr_expect(bucket_wait_ms(&b) >= 20 && bucket_wait_ms(&b) <= 22);
	cr_expect(bucket_budget(&b, (uint64_t)bucket_wait_ms(&b) * 1000000) > 0);
}

/* Of several that look before any of them has spent, each may flow; what is too much is made up. */
Test(bucket, users_share_its_rate)
{
	struct bucket b;
	uint64_t now = 5 * SECOND, sent = 0;

	bucket_init(&b, 100000, now);
	for (int ms = 0; ms < 10000; ms++) {
		size_t room[3];

		for (int i = 0; i < 3; i++)
			room[i] = bucket_budget(&b, now);
		for (int i = 0; i < 3; i++) {
			sent += room[i];
			bucket_spend(&b, room[i]);
		}
		now += SECOND / 1000;
	}
	cr_expect(sent > 970000 && sent <= 1030000, "%llu", (unsigned long long)sent);
	bucket_release(&b);
}

/* A thread that looked at the clock earlier and comes later brings no time. */
Test(bucket, time_does_not_go_backward)
{
	struct bucket b;

	bucket_init(&b, 100000, 5 * SECOND);
	cr_expect(bucket_budget(&b, 6 * SECOND) == 10000);
	bucket_spend(&b, 10000);
	cr_expect(bucket_budget(&b, 5 * SECOND) == 0);
	cr_expect(bucket_budget(&b, 6 * SECOND) == 0);
	bucket_release(&b);
}

Test(bucket, without_a_rate_there_is_no_limit)
{
	struct bucket b;

	bucket_init(&b, 0, 0);
	bucket_spend(&b, 1 << 20);
	cr_expect(bucket_budget(&b, 1) == SIZE_MAX);
}

Test(bucket, one_byte_a_second_is_possible)
{
	struct bucket b;

	bucket_init(&b, 1, 0);
	cr_expect(bucket_budget(&b, SECOND / 2) == 0);
	cr_expect(bucket_budget(&b, SECOND) == 1);
}
