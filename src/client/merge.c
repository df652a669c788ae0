#include "src/client/merge.h"

#include <stdlib.h>
#include <string.h>

#include "src/client/position.h"

struct merge {
	struct walk *walk;
	struct listing *listing;
	struct walk_item here;
	struct listing_line there;
	bool here_used, there_used; /* given out: the next one is needed */
	bool there_over;
};

struct merge *
merge_new(struct walk *here, struct listing *there)
{
	struct merge *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->walk = here;
	m->listing = there;
	m->here_used = m->there_used = true;
	return m;
}

void
merge_free(struct merge *m)
{
	free(m);
}

/* Brings both ends to what has not been given out. */
static int
advance(struct merge *m, struct problem *p)
{
	int r = 0;

	if (m->here_used) {
		do
			r = walk_next(m->walk, &m->here);
		while (r == 0 && m->here.kind == WALK_LEAVE);
		if (r != 0)
			return problem_set(p, r, SIDE_LOCAL, NULL);
		m->here_used = false;
	}
	if (m->there_used && !m->there_over) {
		if ((r = listing_next(m->listing, &m->there, p)) < 0)
			return r;
		m->there_over = r == 0;
		m->there_used = false;
	}
	return 0;
}

static int
give(struct merge *m, struct merge_item *item, bool here, bool there)
{
	item->here = here ? &m->here : NULL;
	item->there = there ? &m->there : NULL;
	item->path = here ? m->here.path : m->there.path;
	m->here_used = here;
	m->there_used = there;
	return 0;
}

/* An entry that could not be looked at has its place among the others; a directory's error has
 * that of the directory. */
int
merge_next(struct merge *m, struct merge_item *item, struct problem *p)
{
	struct position here, there;
	bool here_over;
	int order;
	int r = advance(m, p);

	*item = (struct merge_item){.kind = MERGE_END, .path = ""};
	if (r != 0)
		return r;
	here_over = m->here.kind == WALK_END;
	if (here_over && m->there_over)
		return 0;
	item->kind = MERGE_ERROR;
	if (m->here.kind == WALK_ERROR && m->here.of_directory)
		return give(m, item, true, false);
	if (!m->there_over && m->there.kind == LISTING_ERROR && m->there.of_directory)
		return give(m, item, false, true);
	if (!here_over)
		here = position_of(m->here.path, m->here.name, m->here.kind == WALK_ENTER);
	if (!m->there_over)
		there = position_of(m->there.path, m->there.name, m->there.kind == LISTING_ENTER);
	if (here_over || m->there_over)
		order = here_over ? 1 : -1;
	else
		order = position_compare(&here, &there);
	item->kind = (order <= 0 ? here.name : there.name) == NULL ? MERGE_ENTER : MERGE_ENTRY;
	return give(m, item, order <= 0, order >= 0);
}
