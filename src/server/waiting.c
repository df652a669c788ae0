#include "src/server/waiting.h"

#include <assert.h>

static struct waiting_seat *
find(struct waiting *w, uint32_t number)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->seats[i].number == number)
			return &w->seats[i];
	return NULL;
}

static bool
is_known(const struct waiting_seat *seat)
{
	return seat->standing == WAITING_KNOWN;
}

/* How many of a source there are is kept in each of its seats: looking is frequent. */
static void
count_source(struct waiting *w, uint64_t source)
{
	uint16_t waiting = 0;
	uint16_t greeting = 0;

	for (size_t i = 0; i < w->count; i++) {
		if (w->seats[i].source != source)
			continue;
		if (w->seats[i].state == WAITING_GREETING)
			greeting++;
		else
			waiting++;
	}
	for (size_t i = 0; i < w->count; i++) {
		if (w->seats[i].source != source)
			continue;
		w->seats[i].waiting = waiting;
		w->seats[i].greeting = greeting;
	}
}

void
waiting_add(struct waiting *w, uint32_t number, uint64_t source)
{
	assert(w->count < WAITING_SEATS);
	w->seats[w->count++] = (struct waiting_seat){
	    .source = source, .arrived = w->arrivals++, .number = number, .state = WAITING_SILENT};
	count_source(w, source);
}

void
waiting_know(struct waiting *w, uint32_t number, enum waiting_standing standing)
{
	struct waiting_seat *seat = find(w, number);

	assert(seat != NULL);
	seat->standing = standing;
}

/* The round behind those in which others of its source are served, and behind the present one. */
static uint64_t
next_turn(const struct waiting *w, uint64_t source)
{
	uint64_t last = w->turn;

	for (size_t i = 0; i < w->count; i++) {
		const struct waiting_seat *seat = &w->seats[i];

		if (seat->source == source && seat->turn > last)
			last = seat->turn;
	}
	return last + 1;
}

void
waiting_move(struct waiting *w, uint32_t number, enum waiting_state state)
{
	struct waiting_seat *seat = find(w, number);

	assert(seat != NULL);
	if (state == WAITING_READY)
		seat->turn = next_turn(w, seat->source);
	else if (state == WAITING_GREETING && seat->turn > w->turn)
		w->turn = seat->turn;
	seat->state = state;
	if (state == WAITING_GREETING)
		w->known_last = is_known(seat);
	count_source(w, seat->source);
}

void
waiting_leave(struct waiting *w, uint32_t number)
{
	struct waiting_seat *seat = find(w, number);
	uint64_t source;

	if (seat == NULL)
		return;
	source = seat->source;
	*seat = w->seats[--w->count];
	count_source(w, source);
}

static unsigned
greeting_strangers(const struct waiting *w)
{
	unsigned count = 0;

	for (size_t i = 0; i < w->count; i++)
		count += w->seats[i].state == WAITING_GREETING &&
			 w->seats[i].standing == WAITING_STRANGER;
	return count;
}

/* Is a served rather than b?  Neither known sources nor strangers keep out the others. */
static bool
is_before(const struct waiting *w, const struct waiting_seat *a, const struct waiting_seat *b)
{
	if (is_known(a) != is_known(b))
		return is_known(a) != w->known_last;
	return a->turn < b->turn || (a->turn == b->turn && a->arrived < b->arrived);
}

bool
waiting_next(const struct waiting *w, unsigned most_of_one, unsigned most_of_strangers,
	     uint32_t *number)
{
	bool strangers = greeting_strangers(w) < most_of_strangers;
	const struct waiting_seat *next = NULL;

	for (size_t i = 0; i < w->count; i++) {
		const struct waiting_seat *seat = &w->seats[i];

		if (seat->state != WAITING_READY || seat->greeting >= most_of_one ||
		    (seat->standing == WAITING_STRANGER && !strangers))
			continue;
		if (next == NULL || is_before(w, seat, next))
			next = seat;
	}
	if (next != NULL)
		*number = next->number;
	return next != NULL;
}

/* Does a make room rather than b? */
static bool
goes_first(const struct waiting_seat *a, const struct waiting_seat *b)
{
	unsigned a_over = a->waiting > WAITING_SHARE ? a->waiting : 0;
	unsigned b_over = b->waiting > WAITING_SHARE ? b->waiting : 0;

	if (a_over != b_over)
		return a_over > b_over;
	if (is_known(a) != is_known(b))
		return is_known(b);
	if (a->state != b->state)
		return a->state == WAITING_SILENT;
	return a->arrived < b->arrived;
}

bool
waiting_victim(const struct waiting *w, bool silent_only, uint32_t *number)
{
	const struct waiting_seat *victim = NULL;

	for (size_t i = 0; i < w->count; i++) {
		const struct waiting_seat *seat = &w->seats[i];

		if (seat->state == WAITING_GREETING ||
		    (silent_only && seat->state != WAITING_SILENT))
			continue;
		if (victim == NULL || goes_first(seat, victim))
			victim = seat;
	}
	if (victim != NULL)
		*number = victim->number;
	return victim != NULL;
}

uint64_t
pace_take(struct pace *pace, uint64_t now_ms, unsigned cost_ms)
{
	uint64_t earliest = now_ms > PACE_CREDIT_MS ? now_ms - PACE_CREDIT_MS : 0;

	if (pace->used_up_to_ms > now_ms)
		return pace->used_up_to_ms;
	if (pace->used_up_to_ms < earliest)
		pace->used_up_to_ms = earliest;
	pace->used_up_to_ms += cost_ms;
	return 0;
}
