#include "src/client/compare.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/client/put.h"
#include "src/secure/match.h"
#include "src/store/content.h"

struct comparison {
	struct stream *s;
	uint32_t count;
	struct path_only paths[LIMIT_ENTRIES];
	struct entry *entries[LIMIT_ENTRIES];
	struct path_digest remote[LIMIT_ENTRIES];
	uint8_t block[LIMIT_BLOCK_BYTES];
};

/* Is it only by its content that this file can be told from the one there? */
static bool
is_candidate(const struct entry *e)
{
	const struct offer_verdict *v = &e->verdict;

	return entry_is_file(e) && !e->begun && !e->arrived && v->size == e->identity.size &&
	       (v->state == TREE_SAME || v->state == TREE_METADATA || v->state == TREE_DIFFERS);
}

static int
take_digests(void *arg, const struct message *m)
{
	struct comparison *c = arg;

	if (m->type != MESSAGE_DIGESTS)
		return 0;
	if (m->digests.digests.count != c->count)
		return FTX_E_PROTOCOL;
	memcpy(c->remote, m->digests.digests.items, c->count * sizeof(c->remote[0]));
	return 0;
}

static int
open_local(struct stream *s, struct entry *e, struct source **source, char **path)
{
	const struct place *place;
	int r;

	*path = NULL;
	if (run_is_put(s->run))
		return put_source(s, e, source, path);
	r = tree_parent(s->tree, entry_local(e), false, &place);
	return r == 0 ? source_open_at(source, place->dir, place->leaf, NULL, 0) : r;
}

static int
keep_connection(void *arg)
{
	struct stream *s = arg;

	return connection_poll(s->connection);
}

/* The digest of the file at this end; *known: there is one. */
static int
digest_local(struct comparison *c, struct entry *e, struct path_digest *digest, bool *known)
{
	struct stream *s = c->s;
	struct source *source = NULL;
	char *path;
	int r = open_local(s, e, &source, &path);

	*known = false;
	if (r == 0) {
		r = content_hash(source, connection_match_key(s->connection), c->block,
				 keep_connection, s, digest);
		*known = r == 0 && digest->size == e->identity.size;
	}
	source_close(source);
	free(path);
	return connection_error(s->connection) != 0 || cancel_requested(&s->run->cancel)
		   ? stream_explain(s, r)
		   : 0;
}

static void
decide(struct entry *e, const struct path_digest *here, const struct path_digest *there)
{
	struct offer_verdict *v = &e->verdict;
	bool equal = there->code == 0 && there->size == here->size &&
		     memcmp(here->digest, there->digest, sizeof(here->digest)) == 0;

	if (!equal) {
		v->state = TREE_DIFFERS;
	} else if (e->resent && v->state == TREE_SAME) {
		e->arrived = true;
		v->state = e->resent_as;
	} else if (v->state == TREE_DIFFERS)
		v->state = TREE_METADATA;
}

/* Both ends read at the same time. */
static int
compare(struct comparison *c, struct root *root)
{
	struct stream *s = c->s;
	struct message m = {.type = MESSAGE_DIGEST};
	struct path_digest *here = calloc(c->count, sizeof(*here));
	bool *known = calloc(c->count, sizeof(*known));
	int r = here != NULL && known != NULL ? 0 : problem_nomem(&s->problem);

	m.digest.base = span_of(root->remote);
	m.digest.keyed = 1;
	m.digest.paths.items = c->paths;
	m.digest.paths.count = c->count;
	s->call = (struct reply){.on_message = take_digests, .arg = c};
	if (r == 0 && (r = connection_request(s->connection, &m, &s->call)) != 0)
		stream_explain(s, r);
	for (uint32_t i = 0; i < c->count && r == 0; i++)
		r = digest_local(c, c->entries[i], &here[i], &known[i]);
	if (r == 0 && (r = connection_wait(s->connection, &s->call)) != 0)
		stream_explain(s, r);
	/* Without the right to read there nothing can be compared: the verdicts stay. */
	for (uint32_t i = 0; i < c->count && r == 0 && s->call.problem.error == 0; i++) {
		if (known[i])
			decide(c->entries[i], &here[i], &c->remote[i]);
		else /* what is wrong with it is met when it is to be moved */
			c->entries[i]->verdict.state = TREE_DIFFERS;
	}
	free(here);
	free(known);
	return r;
}

int
compare_content(struct stream *s, struct batch *b)
{
	struct comparison *c = malloc(sizeof(*c));
	int r = 0;

	if (c == NULL)
		return problem_nomem(&s->problem);
	c->s = s;
	c->count = 0;
	for (size_t i = 0; i < b->count; i++)
		if (is_candidate(&b->entries[i])) {
			c->paths[c->count].path = span_of(b->entries[i].path);
			c->entries[c->count++] = &b->entries[i];
		}
	if (c->count > 0)
		r = compare(c, b->root);
	free(c);
	return r;
}
