#include "src/store/walk_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/name.h"

static int
compare_names(const void *a, const void *b, void *arena)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	/* Bytes, unsigned, and a shorter name before what it begins. */
	return strcmp((const char *)arena + x + INODE_BYTES, (const char *)arena + y + INODE_BYTES);
}

static int
compare_visits(const void *a, const void *b)
{
	const struct visit *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static int
add_name(struct frame *f, uint64_t inode, const char *name, size_t length)
{
	size_t need = INODE_BYTES + length + 1;

	if (need > UINT32_MAX - f->arena_length)
		return FTX_E_NOMEM;
	if (need > f->arena_room - f->arena_length) {
		size_t room = f->arena_room + f->arena_room / 2 + 4096;
		char *arena = realloc(f->arena, room);

		if (arena == NULL)
			return FTX_E_NOMEM;
		f->arena = arena;
		f->arena_room = room;
	}
	memcpy(f->arena + f->arena_length, &inode, INODE_BYTES);
	memcpy(f->arena + f->arena_length + INODE_BYTES, name, length + 1);
	f->arena_length += need;
	f->count++;
	return 0;
}

/* One entry as the kernel gives it. */
static int
take_name(struct walk *w, struct frame *f, const struct dirent64 *d)
{
	const char *name = d->d_name;
	size_t length = strlen(name);

	if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
		return 0;
	if (name_reserved(name, length)) {
		if (!w->options.show_reserved) {
			w->reserved++;
			return 0;
		}
		if (length <= LIMIT_NAME_BYTES)
			return add_name(f, d->d_ino, name, length);
	}
	if (!name_ok(name, length)) {
		/* Too long for anybody to be told: the listing is not complete. */
		f->error = FTX_E_NAME;
		f->errnum = ENAMETOOLONG;
		return 0;
	}
	return add_name(f, d->d_ino, name, length);
}

/* The offsets, sorted: made when the number of names is known. */
static int
sort_names(struct frame *f)
{
	uint32_t offset = 0;

	if (f->count == 0)
		return 0;
	f->order = malloc(f->count * sizeof(*f->order));
	if (f->order == NULL)
		return FTX_E_NOMEM;
	for (uint32_t i = 0; i < f->count; i++) {
		f->order[i] = offset;
		offset += (uint32_t)(INODE_BYTES + strlen(f->arena + offset + INODE_BYTES) + 1);
	}
	assert(offset == f->arena_length);
	qsort_r(f->order, f->count, sizeof(*f->order), compare_names, f->arena);
	return 0;
}

int
walk_read_names(struct walk *w, struct frame *f)
{
	ssize_t got = 0;
	int r;

	while (f->fd >= 0 && (got = getdents64(f->fd, w->dents, sizeof(w->dents))) > 0) {
		const struct dirent64 *d;

		for (ssize_t at = 0; at < got; at += d->d_reclen) {
			d = (const struct dirent64 *)(const void *)(w->dents + at);
			if ((r = take_name(w, f, d)) != 0)
				return r;
		}
	}
	if (got < 0) {
		f->errnum = errno;
		f->error = errno == ENOENT ? FTX_E_VANISHED : error_from_errno(errno);
	}
	w->window_from = w->window_end = 0;
	return sort_names(f);
}

void
walk_look_ahead(struct walk *w, const struct frame *f)
{
	int flags = AT_NO_AUTOMOUNT | (w->options.follow ? 0 : AT_SYMLINK_NOFOLLOW);
	uint32_t count = f->count - f->next < WINDOW ? f->count - f->next : WINDOW;

	w->window_from = f->next;
	w->window_end = f->next + count;
	for (uint32_t i = 0; i < count; i++) {
		memcpy(&w->visits[i].inode, f->arena + f->order[f->next + i], INODE_BYTES);
		w->visits[i].position = i;
	}
	qsort(w->visits, count, sizeof(w->visits[0]), compare_visits);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t position = w->visits[i].position;
		struct looked *l = &w->looked[position];

		l->errnum = 0;
		if (fstatat(f->fd, walk_name_at(f, f->next + position), &l->st, flags) != 0)
			l->errnum = errno;
	}
}

void
walk_begin_descent(struct frame *f)
{
	size_t length = 0;
	char *arena;

	f->phase = FRAME_DESCENDING;
	f->count = f->kept;
	f->next = 0;
	for (uint32_t i = 0; i < f->count; i++)
		length += INODE_BYTES + strlen(walk_name_at(f, i)) + 1;
	if (length > f->arena_length / 2)
		return;
	arena = malloc(length > 0 ? length : 1);
	if (arena == NULL)
		return; /* then they stay */
	length = 0;
	for (uint32_t i = 0; i < f->count; i++) {
		size_t bytes = INODE_BYTES + strlen(walk_name_at(f, i)) + 1;

		memcpy(arena + length, f->arena + f->order[i], bytes);
		f->order[i] = (uint32_t)length;
		length += bytes;
	}
	free(f->arena);
	f->arena = arena;
	f->arena_length = f->arena_room = length;
	if (f->count > 0) {
		uint32_t *order = realloc(f->order, f->count * sizeof(*order));

		f->order = order != NULL ? order : f->order;
	}
}

void
walk_frame_release(struct frame *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->arena);
	free(f->order);
	*f = (struct frame){.fd = -1};
}
