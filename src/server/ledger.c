/*
 * DESIGN.  Places are one sorted table; each account is a client's grant and the number of its
 * place.  All is made anew for each policy, and what is known is carried over.
 */
#include "src/server/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct account {
	const struct client_policy *client;
	const struct grant *grant;
	uint32_t place;
	uint32_t share_place; /* of all of the share; LEDGER_NONE: it is not counted */
};

struct ledger {
	const struct policy *policy;
	struct account *accounts;
	size_t account_count;
	struct ledger_place *places;
	size_t place_count;
	struct ledger_share *shares;
	size_t share_count;
};

static const char *
subtree_of(const struct grant *grant)
{
	return grant->subtree != NULL ? grant->subtree : "";
}

static bool
has_quota(const struct quota *quota)
{
	return quota->bytes != 0 || quota->files != 0;
}

static int
compare_places(const void *a, const void *b)
{
	const struct ledger_place *one = a, *other = b;
	int order = strcmp(one->share, other->share);

	return order != 0 ? order : usage_compare_paths(one->subtree, other->subtree);
}

/* Is b in a, or a itself?  Of one share. */
static bool
holds(const struct ledger_place *a, const struct ledger_place *b)
{
	size_t length = strlen(a->subtree);

	if (strcmp(a->share, b->share) != 0)
		return false;
	return length == 0 || (strncmp(a->subtree, b->subtree, length) == 0 &&
			       (b->subtree[length] == '/' || b->subtree[length] == '\0'));
}

static struct ledger_place *
find_place(const struct ledger *l, const char *share, const char *subtree)
{
	const struct ledger_place key = {.share = share, .subtree = subtree};

	if (l->place_count == 0)
		return NULL;
	return bsearch(&key, l->places, l->place_count, sizeof(key), compare_places);
}

static uint32_t
number_of(const struct ledger *l, const struct ledger_place *place)
{
	return place != NULL ? (uint32_t)(place - l->places) : LEDGER_NONE;
}

/* Twice a place is one place, that is counted where either is to be. */
static void
sort_places(struct ledger *l)
{
	size_t n = 0;

	if (l->place_count > 0)
		qsort(l->places, l->place_count, sizeof(*l->places), compare_places);
	for (size_t i = 0; i < l->place_count; i++)
		if (n > 0 && compare_places(&l->places[n - 1], &l->places[i]) == 0)
			l->places[n - 1].wanted |= l->places[i].wanted;
		else
			l->places[n++] = l->places[i];
	l->place_count = n;
	/* What a place lies in stands before it, and so does what that lies in. */
	for (uint32_t i = 0; i < n; i++) {
		uint32_t around = i > 0 ? i - 1 : LEDGER_NONE;

		while (around != LEDGER_NONE && !holds(&l->places[around], &l->places[i]))
			around = l->places[around].around;
		l->places[i].around = around;
		/* So that no session can take away more of what is around than there is of its own.
		 */
		if (around != LEDGER_NONE)
			l->places[i].wanted |= l->places[around].wanted;
	}
}

/* Of a grant: its own place, and that of the share. */
static void
add_places(struct ledger *l, const struct client_policy *client, const struct grant *grant)
{
	struct ledger_place place = {.share = grant->share,
				     .path = grant->path,
				     .subtree = subtree_of(grant),
				     .rules = &grant->rules,
				     .wanted = has_quota(&client->quota)};

	l->places[l->place_count++] = place;
	if (!has_quota(&grant->rules.quota))
		return;
	place.subtree = "";
	place.wanted = true;
	l->places[l->place_count++] = place;
}

static void
find_shares(struct ledger *l)
{
	for (uint32_t i = 0; i < l->place_count; i++) {
		bool same = i > 0 && strcmp(l->places[i - 1].share, l->places[i].share) == 0;

		if (!same)
			l->shares[l->share_count++] = (struct ledger_share){.first = i};
		l->shares[l->share_count - 1].count++;
	}
}

static void
add_accounts(struct ledger *l, const struct client_policy *client)
{
	for (size_t i = 0; i < client->grant_count; i++) {
		const struct grant *grant = &client->grants[i];
		struct account *a = &l->accounts[l->account_count++];

		*a = (struct account){.client = client, .grant = grant};
		a->place = number_of(l, find_place(l, grant->share, subtree_of(grant)));
		a->share_place = has_quota(&grant->rules.quota)
				     ? number_of(l, find_place(l, grant->share, ""))
				     : LEDGER_NONE;
	}
}

struct ledger *
ledger_new(const struct policy *policy)
{
	struct ledger *l = calloc(1, sizeof(*l));
	size_t grants = 0;

	if (l == NULL)
		return NULL;
	l->policy = policy;
	for (size_t i = 0; i < policy->client_count; i++)
		grants += policy->clients[i].grant_count;
	l->accounts = calloc(grants + 1, sizeof(*l->accounts));
	l->places = calloc(2 * grants + 1, sizeof(*l->places));
	l->shares = calloc(2 * grants + 1, sizeof(*l->shares));
	if (l->accounts == NULL || l->places == NULL || l->shares == NULL) {
		ledger_free(l);
		return NULL;
	}
	for (size_t i = 0; i < policy->client_count; i++)
		for (size_t j = 0; j < policy->clients[i].grant_count; j++)
			add_places(l, &policy->clients[i], &policy->clients[i].grants[j]);
	sort_places(l);
	find_shares(l);
	for (size_t i = 0; i < policy->client_count; i++)
		add_accounts(l, &policy->clients[i]);
	return l;
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	free(l->accounts);
	free(l->places);
	free(l->shares);
	free(l);
}

void
ledger_carry(struct ledger *l, const struct ledger *old)
{
	for (size_t i = 0; i < old->place_count; i++) {
		const struct ledger_place *before = &old->places[i];
		struct ledger_place *now = find_place(l, before->share, before->subtree);

		/* What nobody asked for was not kept right either. */
		if (now == NULL || !now->wanted || !before->wanted || !before->known ||
		    strcmp(now->path, before->path) != 0)
			continue;
		now->known = true;
		now->used = before->used;
		now->counted_s = before->counted_s;
	}
}

uint32_t
ledger_accounts(const struct ledger *l, const char *client)
{
	const struct client_policy *found = policy_of_name(l->policy, client);
	size_t first = 0;

	if (found == NULL)
		return LEDGER_NONE;
	for (const struct client_policy *c = l->policy->clients; c != found; c++)
		first += c->grant_count;
	return (uint32_t)first;
}

bool
ledger_is_counted(const struct ledger *l, uint32_t account)
{
	uint32_t place = l->accounts[account].place;

	while (place != LEDGER_NONE && !l->places[place].wanted)
		place = l->places[place].around;
	return place != LEDGER_NONE;
}

/* What is left of a limit; UINT64_MAX where there is none. */
static uint64_t
left_of(uint64_t limit, uint64_t used)
{
	if (limit == 0)
		return UINT64_MAX;
	return used < limit ? limit - used : 0;
}

static void
apply_limit(struct ledger_answer *answer, const struct ledger_place *place,
	    const struct quota *quota)
{
	uint64_t bytes = place->known ? left_of(quota->bytes, place->used.bytes) : UINT64_MAX;
	uint64_t files = place->known ? left_of(quota->files, place->used.files) : UINT64_MAX;

	if (bytes < answer->left.bytes) {
		answer->left.bytes = bytes;
		answer->most.bytes = quota->bytes;
	}
	if (files < answer->left.files) {
		answer->left.files = files;
		answer->most.files = quota->files;
	}
}

/* Both limits that hold for an account. */
static struct ledger_answer
look_at_limits(const struct ledger *l, const struct account *a)
{
	struct ledger_answer answer = {.left = {UINT64_MAX, UINT64_MAX},
				       .most = {UINT64_MAX, UINT64_MAX}};

	apply_limit(&answer, &l->places[a->place], &a->client->quota);
	if (a->share_place != LEDGER_NONE)
		apply_limit(&answer, &l->places[a->share_place], &a->grant->rules.quota);
	return answer;
}

static uint64_t
least_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t
minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* To a place and all that it lies in. */
static void
add(struct ledger *l, uint32_t place, const struct usage *amount)
{
	for (; place != LEDGER_NONE; place = l->places[place].around) {
		struct ledger_place *p = &l->places[place];

		p->used.bytes = plus(p->used.bytes, amount->bytes);
		p->used.files = plus(p->used.files, amount->files);
		p->came.bytes = plus(p->came.bytes, amount->bytes);
		p->came.files = plus(p->came.files, amount->files);
	}
}

static void
take_away(struct ledger *l, uint32_t place, const struct usage *amount)
{
	for (; place != LEDGER_NONE; place = l->places[place].around) {
		struct ledger_place *p = &l->places[place];

		p->used.bytes = minus(p->used.bytes, amount->bytes);
		p->used.files = minus(p->used.files, amount->files);
		p->went.bytes = plus(p->went.bytes, amount->bytes);
		p->went.files = plus(p->went.files, amount->files);
	}
}

static bool
fits(const struct usage *amount, const struct usage *left)
{
	/* Where a limit was lowered, or more was found, what adds nothing to it still fits. */
	return (amount->bytes == 0 || amount->bytes <= left->bytes) &&
	       (amount->files == 0 || amount->files <= left->files);
}

struct ledger_answer
ledger_reserve(struct ledger *l, uint32_t account, const struct usage *wanted,
	       const struct usage *least, bool keep)
{
	const struct account *a = &l->accounts[account];
	struct ledger_answer answer = look_at_limits(l, a);

	assert(account < l->account_count);
	if (fits(wanted, &answer.left))
		answer.amount = *wanted;
	else if (fits(least, &answer.left))
		answer.amount = *least;
	else
		return answer;
	answer.granted = true;
	if (!keep)
		return answer;
	answer.left.bytes -= answer.left.bytes != UINT64_MAX ? answer.amount.bytes : 0;
	answer.left.files -= answer.left.files != UINT64_MAX ? answer.amount.files : 0;
	add(l, a->place, &answer.amount);
	return answer;
}

/*
 * Directories that come with what was asked for are counted where they pass the limit too, for they
 * are there; but no session adds others without end.
 */
static uint64_t
beyond(const struct ledger *l, uint32_t place, const struct quota *quota)
{
	if (place == LEDGER_NONE || quota->files == 0)
		return UINT64_MAX;
	return minus(plus(quota->files, LEDGER_FILES_BEYOND), l->places[place].used.files);
}

void
ledger_change(struct ledger *l, uint32_t account, const struct usage_tally *change)
{
	const struct account *a = &l->accounts[account];
	const struct ledger_place *own = &l->places[a->place];
	struct usage made = change->made, gone = change->gone;
	struct ledger_answer limits;

	assert(account < l->account_count);
	/* While nothing is known of it, what is there may be anything. */
	if (own->known) {
		gone.bytes = least_of(gone.bytes, own->used.bytes);
		gone.files = least_of(gone.files, own->used.files);
	}
	take_away(l, a->place, &gone);
	limits = look_at_limits(l, a);
	made.bytes = least_of(made.bytes, limits.left.bytes);
	made.files = least_of(made.files, beyond(l, a->place, &a->client->quota));
	made.files = least_of(made.files, beyond(l, a->share_place, &a->grant->rules.quota));
	add(l, a->place, &made);
}

size_t
ledger_account_count(const struct ledger *l)
{
	return l->account_count;
}

void
ledger_look(const struct ledger *l, uint32_t account, struct ledger_figures *out)
{
	const struct account *a = &l->accounts[account];
	const struct ledger_place *place = &l->places[a->place];

	*out = (struct ledger_figures){.client = a->client->name,
				       .share = a->grant->share,
				       .subtree = subtree_of(a->grant),
				       .quota = a->client->quota,
				       .share_quota = a->grant->rules.quota,
				       .counted = place->known && place->wanted,
				       .counted_s = place->counted_s,
				       .used = place->used};
}

size_t
ledger_place_count(const struct ledger *l)
{
	return l->place_count;
}

const struct ledger_place *
ledger_place(const struct ledger *l, uint32_t place)
{
	return &l->places[place];
}

size_t
ledger_share_count(const struct ledger *l)
{
	return l->share_count;
}

struct ledger_share
ledger_share(const struct ledger *l, size_t share)
{
	struct ledger_share s = l->shares[share];

	s.known = true;
	for (uint32_t i = s.first; i < s.first + s.count; i++) {
		s.wanted |= l->places[i].wanted;
		s.known &= l->places[i].known || !l->places[i].wanted;
	}
	return s;
}

void
ledger_counting(struct ledger *l, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		l->places[i].came = l->places[i].went = (struct usage){0};
}

/* Between counted - went and counted + came it is; where what was thought is among it, that. */
static uint64_t
corrected(uint64_t thought, uint64_t counted, uint64_t came, uint64_t went)
{
	if (thought > plus(counted, came))
		return plus(counted, came);
	return thought < minus(counted, went) ? minus(counted, went) : thought;
}

bool
ledger_counted(struct ledger *l, uint32_t place, const struct usage *counted, int64_t now_s)
{
	struct ledger_place *p = &l->places[place];
	bool sure = p->known || (p->came.bytes == 0 && p->came.files == 0 && p->went.bytes == 0 &&
				 p->went.files == 0);

	if (!p->known)
		p->used = *counted;
	p->used.bytes = corrected(p->used.bytes, counted->bytes, p->came.bytes, p->went.bytes);
	p->used.files = corrected(p->used.files, counted->files, p->came.files, p->went.files);
	p->known = true;
	p->counted_s = now_s;
	p->came = p->went = (struct usage){0};
	return sure;
}

bool
ledger_recall(struct ledger *l, const struct ledger_place *known)
{
	struct ledger_place *p = find_place(l, known->share, known->subtree);

	if (p == NULL || !p->wanted)
		return false;
	p->known = true;
	p->used = known->used;
	p->counted_s = known->counted_s;
	return true;
}
