/*
 * DESIGN.  Every figure is an atomic one of its own: a moment between two of them is nothing that
 * matters.  A path may be read while it is written, and is then a mixture of two; it is shown to
 * people and used for nothing.
 *
 * The session counts in windows of a second.  The rate is that of the last whole window, or of the
 * one that has begun where that is longer: a session that moves nothing comes to 0 by itself.
 */
#include "src/server/activity.h"

#include <stdatomic.h>
#include <string.h>

#include "src/server/lent.h"

#define WINDOW_MS 1000u

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock would be one between processes");

struct activity {
	_Atomic uint64_t received;
	_Atomic uint64_t sent;
	_Atomic uint64_t committed;
	_Atomic uint64_t window_ms;   /* when the present window began; 0: none has */
	_Atomic uint64_t window_from; /* bytes before it, both ways */
	_Atomic uint64_t rate;	      /* of the window before */
	_Atomic uint32_t doing;
	_Atomic uint32_t uploads;
	_Atomic uint32_t path_length;
	char path[ACTIVITY_PATH_BYTES];
};

struct activity *
activity_new(void)
{
	return lent_new(sizeof(struct activity));
}

void
activity_free(struct activity *a)
{
	lent_free(a, sizeof(*a));
}

int
activity_lend(struct activity *a)
{
	return lent_lend(a, sizeof(*a));
}

void
activity_keep(struct activity *a)
{
	lent_keep(a, sizeof(*a));
}

void
activity_begin(struct activity *a, unsigned type)
{
	if (a != NULL)
		atomic_store_explicit(&a->doing, type, memory_order_relaxed);
}

void
activity_path(struct activity *a, const void *path, size_t length)
{
	const char *text = path;

	if (a == NULL)
		return;
	if (length > ACTIVITY_PATH_BYTES) {
		text += length - ACTIVITY_PATH_BYTES;
		length = ACTIVITY_PATH_BYTES;
	}
	if (length > 0)
		memcpy(a->path, text, length);
	atomic_store_explicit(&a->path_length, (uint32_t)length, memory_order_relaxed);
}

/* Bytes a second; ms is not 0. */
static uint64_t
per_second(uint64_t bytes, uint64_t ms)
{
	return bytes < UINT64_MAX / 1000 ? bytes * 1000 / ms : bytes / ms;
}

void
activity_moved(struct activity *a, size_t received, size_t sent, uint64_t now_ms)
{
	uint64_t all, begun;

	if (a == NULL || (received == 0 && sent == 0))
		return;
	all = atomic_fetch_add_explicit(&a->received, received, memory_order_relaxed) + received;
	all += atomic_fetch_add_explicit(&a->sent, sent, memory_order_relaxed) + sent;
	begun = atomic_load_explicit(&a->window_ms, memory_order_relaxed);
	if (begun != 0 && now_ms - begun < WINDOW_MS)
		return;
	if (begun != 0)
		atomic_store(&a->rate,
			     per_second(all - atomic_load(&a->window_from), now_ms - begun));
	atomic_store(&a->window_from, begun != 0 ? all : 0);
	atomic_store(&a->window_ms, now_ms);
}

void
activity_committed(struct activity *a, uint32_t files)
{
	if (a != NULL)
		atomic_fetch_add(&a->committed, files);
}

void
activity_uploads(struct activity *a, unsigned count)
{
	if (a != NULL)
		atomic_store(&a->uploads, count);
}

/* Of what may be any numbers. */
static uint64_t
present_rate(const struct activity *a, uint64_t all, uint64_t now_ms)
{
	uint64_t begun = atomic_load(&a->window_ms);
	uint64_t from = atomic_load(&a->window_from);

	if (begun == 0 || begun > now_ms || from > all)
		return 0;
	if (now_ms - begun < WINDOW_MS)
		return atomic_load(&a->rate);
	return per_second(all - from, now_ms - begun);
}

void
activity_look(const struct activity *a, uint64_t now_ms, struct activity_seen *seen)
{
	*seen = (struct activity_seen){0};
	if (a == NULL)
		return;
	seen->doing = atomic_load(&a->doing);
	seen->received = atomic_load(&a->received);
	seen->sent = atomic_load(&a->sent);
	seen->committed = atomic_load(&a->committed);
	seen->uploads = atomic_load(&a->uploads);
	seen->rate = present_rate(a, seen->received + seen->sent, now_ms);
	seen->path_length = atomic_load(&a->path_length);
	if (seen->path_length > ACTIVITY_PATH_BYTES)
		seen->path_length = ACTIVITY_PATH_BYTES;
	memcpy(seen->path, a->path, seen->path_length);
}
