#include "src/server/charges.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/errors.h"
#include "src/base/units.h"

/* So much is asked for ahead where many times as much is left: then nobody misses it. */
#define AHEAD_BYTES (UINT64_C(4) << 20)
#define AHEAD_PART  64u

/* For people, who may know how much there is. */
static void
explain(struct session *s, const struct subtree *t, const struct usage *wanted,
	const struct pair_message *answer)
{
	const struct usage *left = &answer->reserved.left, *most = &answer->reserved.most;
	char used[16], all[16], more[16];

	s->over_quota[0] = '\0';
	if ((t->grant->rights & RIGHT_LIST) == 0)
		return;
	if (wanted->bytes > left->bytes)
		snprintf(s->over_quota, sizeof(s->over_quota),
			 "quota exceeded: %s of %s are used, %s more do not fit",
			 size_format(used, sizeof(used), most->bytes - left->bytes),
			 size_format(all, sizeof(all), most->bytes),
			 size_format(more, sizeof(more), wanted->bytes));
	else if (wanted->files > left->files)
		snprintf(s->over_quota, sizeof(s->over_quota),
			 "quota exceeded: there are %llu of %llu files and directories",
			 (unsigned long long)(most->files - left->files),
			 (unsigned long long)most->files);
}

static int
reserve(struct session *s, const struct subtree *t, const struct usage *wanted,
	const struct usage *least, bool look, struct pair_message *answer)
{
	struct pair_message m = {.type = PAIR_RESERVE};
	int r;

	charges_tell(s); /* what has gone makes room */
	m.reserve.grant = t->charge->grant;
	m.reserve.wanted = *wanted;
	m.reserve.least = *least;
	m.reserve.look = look;
	if ((r = connection_reserve(&s->connection, &m, answer)) != 0)
		return r;
	t->charge->left = answer->reserved.left.bytes;
	if (answer->reserved.granted)
		return 0;
	explain(s, t, least, answer);
	return FTX_E_QUOTA;
}

int
charge_take(struct session *s, struct subtree *t, const struct usage *amount)
{
	struct pair_message answer;

	return t->charge->counted ? reserve(s, t, amount, amount, false, &answer) : 0;
}

int
charge_ahead(struct session *s, const struct subtree *t, uint64_t bytes)
{
	struct usage wanted = {.bytes = bytes};
	const struct usage least = wanted;
	struct pair_message answer;
	struct charge *c = t->charge;
	int r;

	if (!c->counted)
		return 0;
	if (c->ahead < bytes) {
		if (c->left / AHEAD_PART > AHEAD_BYTES)
			wanted.bytes += AHEAD_BYTES;
		if ((r = reserve(s, t, &wanted, &least, false, &answer)) != 0)
			return r;
		c->ahead += answer.reserved.amount.bytes;
	}
	c->ahead -= bytes;
	return 0;
}

static uint64_t
plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void
charge_give(const struct subtree *t, const struct usage *amount)
{
	struct usage *gone = &t->charge->tally.gone;

	if (!t->charge->counted)
		return;
	gone->bytes = plus(gone->bytes, amount->bytes);
	gone->files = plus(gone->files, amount->files);
}

void
charge_settle(const struct subtree *t)
{
	const struct usage ahead = {.bytes = t->charge->ahead};

	charge_give(t, &ahead);
	t->charge->ahead = 0;
}

int
charge_left(struct session *s, const struct subtree *t, struct usage *left, struct usage *most)
{
	static const struct usage nothing = {0};
	struct pair_message answer;
	int r;

	*left = *most = (struct usage){UINT64_MAX, UINT64_MAX};
	if (!t->charge->counted)
		return 0;
	if ((r = reserve(s, t, &nothing, &nothing, true, &answer)) != 0)
		return r;
	*left = answer.reserved.left;
	*most = answer.reserved.most;
	return 0;
}

/* What the partial, which may not be there, takes now. */
static struct usage
partial_usage(const struct upload_options *o)
{
	const struct upload_staging *staging = &o->staging;
	char name[UPLOAD_ID_BYTES + UPLOAD_NODE_BYTES + sizeof(".part")];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s%s.part", staging->id,
		 staging->node[0] != '\0' ? "." : "", staging->node);
	if (fstatat(o->staging.dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return (struct usage){0};
	return usage_of(&st);
}

/* Bytes of the file that are not there yet, as far as its size is known. */
static uint64_t
missing_bytes(const struct upload_options *o, uint64_t there)
{
	uint64_t all = o->identity.size;

	if (all == UPLOAD_SIZE_UNKNOWN)
		return 0;
	/* A source with holes occupies less than its size. */
	if (o->allocate < all)
		all = o->allocate;
	return all > there ? all - there : 0;
}

int
charge_upload(struct session *s, struct subtree *t, const struct upload_options *options,
	      struct upload **out, uint32_t *have_count)
{
	struct charge *c = t->charge;
	struct usage there, all, file = {0};
	struct pair_message answer;
	uint64_t gone;
	int r;

	if (!c->counted)
		return upload_open(out, options, s->have, have_count);
	there = partial_usage(options);
	file.files = there.files == 0 ? 1 : 0;
	all = (struct usage){.bytes = missing_bytes(options, there.bytes), .files = file.files};
	if ((r = reserve(s, t, &all, &all, true, &answer)) != 0 ||
	    (r = charge_take(s, t, &file)) != 0)
		return r;
	gone = c->tally.gone.files;
	r = upload_open(out, options, s->have, have_count);
	if (r == 0 && file.files == 0 && upload_is_begun(*out))
		usage_note_made(&c->tally, 1); /* the one that was there has gone, and said so */
	else if (r == 0 ? !upload_is_begun(*out) : c->tally.gone.files == gone)
		charge_give(t, &file);
	return r;
}

struct usage_tally *
charge_tally(const struct subtree *t)
{
	return t->charge->counted ? &t->charge->tally : NULL;
}

static bool
is_empty(const struct usage_tally *tally)
{
	return tally->made.bytes == 0 && tally->made.files == 0 && tally->gone.bytes == 0 &&
	       tally->gone.files == 0;
}

void
charges_tell(struct session *s)
{
	for (size_t i = 0; i < s->client->grant_count; i++) {
		struct pair_message m = {.type = PAIR_CHANGED};
		struct charge *c = &s->charges[i];

		if (!c->counted || is_empty(&c->tally))
			continue;
		m.changed.grant = c->grant;
		m.changed.tally = c->tally;
		/* A supervisor that is gone counts anew when it is back. */
		(void)connection_tell(&s->connection, &m);
		c->tally = (struct usage_tally){0};
	}
}

void
charges_end(struct session *s)
{
	for (size_t i = 0; i < s->client->grant_count; i++) {
		s->charges[i].tally.gone.bytes =
		    plus(s->charges[i].tally.gone.bytes, s->charges[i].ahead);
		s->charges[i].ahead = 0;
	}
	charges_tell(s);
}
