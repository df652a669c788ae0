#include "src/client/work_impl.h"

void
work_add_big(struct work *w, struct big *b)
{
	work_lock(w);
	live_add(&w->live_bigs, &b->live);
	b->next = NULL;
	if (w->waiting_last != NULL)
		w->waiting_last->next = b;
	else
		w->waiting = b;
	w->waiting_last = b;
	work_wake(w);
	work_unlock(w);
}

/* So many blocks of the present range have gone. */
static void
go_on(struct big *b, uint64_t count)
{
	b->next_number += count;
	b->next_block += count;
	if (b->next_block == b->todo[b->next_range].count) {
		b->next_range++;
		b->next_block = 0;
	}
}

void
work_big_opened(struct work *w, struct big *b, bool helpers, bool first_sent)
{
	work_lock(w);
	b->opened = true;
	b->helpers = helpers;
	b->next_range = 0;
	b->next_block = b->next_number = 0;
	if (first_sent)
		go_on(b, 1);
	work_wake(w);
	work_unlock(w);
}

void
work_next_segment(struct work *w, struct big *b, struct segment *out)
{
	const struct block_range *range;
	uint64_t left;

	*out = (struct segment){0};
	work_lock(w);
	if (b->error == 0 && b->next_range < b->todo_count) {
		range = &b->todo[b->next_range];
		left = range->count - b->next_block;
		out->first = range->first + b->next_block;
		out->count = left < SEGMENT_BLOCKS ? left : SEGMENT_BLOCKS;
		out->number = b->next_number;
		out->active = b->active;
		go_on(b, out->count);
	}
	work_unlock(w);
}

void
work_big_fail(struct work *w, struct big *b, const struct problem *p, bool lost)
{
	work_lock(w);
	if (b->error == 0) {
		b->lost = lost;
		b->error = p->error;
		b->problem = *p;
	}
	work_unlock(w);
}

bool
work_big_leave(struct work *w, struct big *b)
{
	bool last;

	work_lock(w);
	last = b->active - b->leaving == 1;
	if (last)
		b->helpers = false; /* what is sent again is the last one's alone */
	else
		b->leaving++;
	while (last && b->active > 1)
		pthread_cond_wait(&w->changed, &w->lock);
	work_unlock(w);
	return last;
}

void
work_big_left(struct work *w, struct big *b)
{
	work_lock(w);
	b->active--;
	b->leaving--;
	work_wake(w);
	work_unlock(w);
}

void
work_big_return(struct work *w, struct big *b)
{
	struct big **at;

	work_lock(w);
	for (at = &w->active; *at != b; at = &(*at)->next)
		;
	*at = b->next;
	b->active = 0;
	b->next = w->waiting;
	w->waiting = b;
	if (w->waiting_last == NULL)
		w->waiting_last = b;
	work_wake(w);
	work_unlock(w);
}

void
work_big_over(struct work *w, struct big *b)
{
	struct big **at;

	work_lock(w);
	for (at = &w->active; *at != b; at = &(*at)->next)
		;
	*at = b->next;
	live_remove(&b->live);
	work_unlock(w);
	big_free(b);
}

void
work_big_again(struct work *w, struct big *b)
{
	work_lock(w);
	if (!b->lost)
		b->attempt++;
	b->error = 0;
	b->lost = b->opened = b->helpers = false;
	b->credit += b->present + atomic_load(&b->moved);
	work_unlock(w);
}

void
work_big_concluded(struct work *w, struct big *b)
{
	work_lock(w);
	b->concluded = true;
	work_unlock(w);
}
