#include "src/server/expected.h"

#include <stdlib.h>
#include <string.h>

struct expected {
	struct expected_client *clients;
	size_t count;
};

struct expected *
expected_new(const struct policy *policy, int64_t now_s)
{
	struct expected *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->count = policy->client_count;
	if ((e->clients = calloc(e->count + 1, sizeof(*e->clients))) == NULL) {
		free(e);
		return NULL;
	}
	for (size_t i = 0; i < e->count; i++) {
		const struct client_policy *c = &policy->clients[i];
		uint64_t every_ms = c->disabled ? 0 : c->expect_every_ms;

		e->clients[i] = (struct expected_client){
		    .name = c->name, .every_s = (int64_t)(every_ms / 1000), .since_s = now_s};
	}
	return e;
}

void
expected_free(struct expected *e)
{
	if (e != NULL)
		free(e->clients);
	free(e);
}

static struct expected_client *
find(struct expected *e, const char *name)
{
	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->clients[i].name, name) == 0)
			return &e->clients[i];
	return NULL;
}

void
expected_carry(struct expected *e, const struct expected *old)
{
	for (size_t i = 0; i < old->count; i++) {
		const struct expected_client *before = &old->clients[i];
		struct expected_client *now = find(e, before->name);

		if (now == NULL)
			continue;
		now->since_s = before->since_s;
		now->last_s = before->last_s;
		now->overdue = before->overdue && now->every_s != 0;
	}
}

bool
expected_came(struct expected *e, const char *name, int64_t now_s)
{
	struct expected_client *c = find(e, name);
	bool overdue = c != NULL && c->overdue;

	if (c == NULL)
		return false;
	c->last_s = now_s;
	c->overdue = false;
	return overdue;
}

int64_t
expected_due_s(const struct expected_client *client)
{
	return (client->last_s != 0 ? client->last_s : client->since_s) + client->every_s;
}

/* The clock was set back: what lies in the future is from now on. */
static void
mend(struct expected_client *c, int64_t now_s)
{
	if (c->since_s > now_s)
		c->since_s = now_s;
	if (c->last_s > now_s)
		c->last_s = now_s;
}

int64_t
expected_look(struct expected *e, int64_t now_s,
	      void (*found)(void *arg, const struct expected_client *client), void *arg)
{
	int64_t next_s = INT64_MAX;

	for (size_t i = 0; i < e->count; i++) {
		struct expected_client *c = &e->clients[i];
		bool before = c->overdue;
		int64_t due_s;

		if (c->every_s == 0)
			continue;
		mend(c, now_s);
		due_s = expected_due_s(c);
		c->overdue = now_s > due_s;
		if (c->overdue && !before && found != NULL)
			found(arg, c);
		if (!c->overdue && due_s + 1 < next_s)
			next_s = due_s + 1;
	}
	return next_s;
}

size_t
expected_count(const struct expected *e)
{
	return e->count;
}

const struct expected_client *
expected_client(const struct expected *e, size_t i)
{
	return &e->clients[i];
}

bool
expected_recall(struct expected *e, const char *name, int64_t since_s, int64_t last_s)
{
	struct expected_client *c = find(e, name);

	if (c == NULL)
		return false;
	c->since_s = since_s;
	c->last_s = last_s;
	return true;
}
