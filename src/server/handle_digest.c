/*
 * DIGEST (PROTOCOL.md, "Content").
 */
#include "src/server/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/store/content.h"
#include "src/store/name.h"
#include "src/store/resolve.h"

/* The digests of one request. */
struct digesting {
	struct session *session;
	const uint8_t *match_key; /* NULL: not keyed */
	int over;		  /* why the connection is */
	uint8_t block[LIMIT_BLOCK_BYTES];
	struct path_digest digests[LIMIT_ENTRIES];
};

static int
between(void *arg)
{
	struct digesting *d = arg;

	d->over = session_progress(d->session);
	return d->over;
}

static int
digest_one(struct digesting *d, const struct target *base, const struct span *path,
	   struct path_digest *out)
{
	char full[LIMIT_PATH_BYTES + 1];
	struct place place = {.dir = -1};
	struct source *source = NULL;
	int r = target_join(base, path, true, full);

	if (r == 0)
		r = resolve_parent(base->subtree->root, full, 0, &place);
	if (r == 0)
		r = source_open_at(&source, place.dir, place.leaf, NULL, 0);
	if (r == 0)
		r = content_hash(source, d->match_key, d->block, between, d, out);
	if (r == 0)
		file_read(d->session, "digest", base->subtree, full);
	source_close(source);
	place_release(&place);
	return r;
}

int
handle_digest(struct session *s, const struct message *m)
{
	struct message answer = {.type = MESSAGE_DIGESTS};
	struct digesting *d;
	struct target base;
	int r = target_parse(s, &m->digest.base, RIGHT_GET, &base);

	if (r != 0)
		return answer_path_error(s, r, &base);
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return answer_error(s, FTX_E_NOMEM, NULL);
	d->session = s;
	d->match_key = m->digest.keyed != 0 ? s->match_key : NULL;
	for (uint32_t i = 0; i < m->digest.paths.count && d->over == 0; i++) {
		struct path_digest *out = &d->digests[i];

		if ((d->over = session_progress(s)) != 0)
			break;
		r = digest_one(d, &base, &m->digest.paths.items[i].path, out);
		out->code = (uint16_t)-subtree_hide_read(base.subtree, r);
	}
	answer.digests.digests.items = d->digests;
	answer.digests.digests.count = m->digest.paths.count;
	r = d->over != 0 ? d->over : connection_send(&s->connection, &answer);
	free(d);
	return r;
}
