/*
 * Files of one size at both ends wait in a portion until it is full; then its DIGEST is sent, and
 * while the server computes, this end does.  The answer is waited for when the next portion is
 * through, so neither end waits for the other but at the end.
 */
#include "src/client/verify_impl.h"

#include <errno.h>
#include <string.h>

#include "proto/errors.h"
#include "src/store/content.h"

/* Once for each file of a portion, when both digests are known. */
static void
judge(struct verify *v, const char *path, struct candidate *f)
{
	struct verify_result result = {
	    .path = path, .type = ENTRY_FILE, .bytes = f->size, .differences = f->differences};

	if (v->blind.error != 0) {
		result.problem = &v->blind;
		result.repeated = true;
		verify_give(v, &result);
	} else if (f->error != 0) {
		verify_fail_local(v, path, ENTRY_FILE, f->error, f->errnum);
	} else if (f->there.code != 0) {
		int error = error_from_wire(f->there.code);

		verify_fail_remote(v, path, ENTRY_FILE,
				   error == FTX_E_NOT_FOUND ? FTX_E_VANISHED : error);
	} else if (f->there.size != f->size) {
		verify_fail_remote(v, path, ENTRY_FILE, FTX_E_CHANGED);
	} else {
		if (memcmp(f->here.digest, f->there.digest, sizeof(f->here.digest)) != 0)
			result.differences |= 1u << DIFFERENCE_CONTENT;
		verify_give(v, &result);
	}
}

static void
judge_all(struct verify *v, struct portion *portion)
{
	for (uint32_t i = 0; i < portion->count; i++)
		judge(v, (const char *)portion->paths[i].path.data, &portion->files[i]);
	portion->count = 0;
	portion->names_length = 0;
	portion->bytes = 0;
}

static int
take_digests(void *arg, const struct message *m)
{
	struct portion *portion = arg;

	if (m->type != MESSAGE_DIGESTS)
		return 0;
	if (m->digests.digests.count != portion->count)
		return FTX_E_PROTOCOL;
	for (uint32_t i = 0; i < portion->count; i++)
		portion->files[i].there = m->digests.digests.items[i];
	return 0;
}

int
verify_explain(struct verify *v, int error)
{
	if (v->connection != NULL && connection_error(v->connection) != 0)
		connection_explain(v->connection, v->problem);
	else
		problem_set(v->problem, error, SIDE_LOCAL, NULL);
	return v->problem->error;
}

int
verify_finish(struct verify *v, struct portion *portion)
{
	int r;

	if (!portion->sent)
		return 0;
	if ((r = connection_wait(v->connection, &portion->reply)) != 0)
		return verify_explain(v, r);
	portion->sent = false;
	if (portion->reply.problem.error != 0 && v->blind.error == 0) {
		v->blind = portion->reply.problem;
		/* Not one of the entries, and said once for all. */
		v->request->on_result(v->request->arg,
				      &(struct verify_result){.path = "", .problem = &v->blind});
	}
	judge_all(v, portion);
	return 0;
}

static int
between(void *arg)
{
	struct verify *v = arg;
	int r = connection_poll(v->connection);

	if (r == 0 && cancel_requested(v->request->cancel))
		r = FTX_E_INTERRUPTED;
	if (r == 0)
		v->request->on_progress(v->request->arg, v->progress);
	return r;
}

static int
open_here(struct verify *v, const char *path, struct source **source)
{
	const struct place *place;
	int r;

	if (v->top < 0)
		return source_open_path(source, v->request->local, NULL, 0);
	r = tree_parent(v->tree, path, false, &place);
	return r == 0 ? source_open_at(source, place->dir, place->leaf, NULL, 0) : r;
}

/* The digest of this end.  0 or what ends it all. */
static int
digest_here(struct verify *v, const char *path, struct candidate *f)
{
	struct source *source = NULL;
	int r;

	errno = 0;
	f->error = open_here(v, path, &source);
	if (f->error == 0)
		f->error = content_hash(source, connection_match_key(v->connection), v->block,
					between, v, &f->here);
	f->errnum = f->error == FTX_E_IO || source == NULL ? errno : 0;
	if (f->error == 0 && f->here.size != f->size)
		f->error = FTX_E_CHANGED;
	source_close(source);
	v->progress->bytes += f->size;
	if ((r = between(v)) != 0)
		return verify_explain(v, r);
	return 0;
}

/* DIGEST, and the same at this end.  0 or what ends it all. */
static int
ask(struct verify *v, struct portion *portion)
{
	struct message m = {.type = MESSAGE_DIGEST};
	int r;

	m.digest.base = span_of(v->request->remote);
	m.digest.keyed = 1;
	m.digest.paths.items = portion->paths;
	m.digest.paths.count = portion->count;
	portion->reply = (struct reply){.on_message = take_digests, .arg = portion};
	portion->sent = true;
	portion->hashed = 0;
	if ((r = connection_request(v->connection, &m, &portion->reply)) != 0)
		return verify_explain(v, r);
	for (uint32_t i = 0; i < portion->count && r == 0; i++) {
		r = digest_here(v, (const char *)portion->paths[i].path.data, &portion->files[i]);
		portion->hashed += portion->files[i].size;
	}
	return r;
}

/* Keys, and so digests, are those of a connection: both ends compute them anew. */
static int
ask_again(struct verify *v, struct portion *portion)
{
	if (!portion->sent)
		return 0;
	v->progress->bytes -= portion->hashed;
	return ask(v, portion);
}

static bool
is_lost(const struct verify *v)
{
	return v->request->on_lost != NULL && v->connection != NULL &&
	       connection_is_lost(v->connection) && !cancel_requested(v->request->cancel);
}

int
verify_recover(struct verify *v)
{
	const struct verify_request *request = v->request;
	int r = v->problem->error;

	while (r != 0 && is_lost(v)) {
		if (v->listing != NULL)
			listing_lost(v->listing);
		if ((r = request->on_lost(request->arg, &v->connection, v->problem)) != 0)
			break;
		if (v->listing != NULL) {
			(void)listing_again(v->listing, v->connection); /* the answer tells */
			r = listing_wait(v->listing, v->problem);
		}
		if (r == 0)
			r = ask_again(v, v->last);
		if (r == 0 && v->portion != v->last)
			r = ask_again(v, v->portion);
	}
	return r;
}

int
verify_flush(struct verify *v)
{
	struct portion *portion = v->portion;
	int r;

	if (portion->count == 0 || v->blind.error != 0) {
		judge_all(v, portion);
		return 0;
	}
	r = ask(v, portion);
	if (r == 0)
		r = verify_finish(v, v->last);
	while (r != 0 && (r = verify_recover(v)) == 0)
		r = verify_finish(v, v->last);
	v->portion = v->last;
	v->last = portion;
	return r;
}

int
verify_content(struct verify *v, const char *path, uint64_t size, unsigned differences)
{
	size_t length = strlen(path);
	struct portion *portion;
	char *name;
	int r = 0;

	v->progress->bytes_total += size;
	portion = v->portion;
	if (portion->count == PORTION_FILES || portion->bytes >= PORTION_BYTES ||
	    portion->names_length + length + 2 > sizeof(portion->names))
		r = verify_flush(v);
	if (r != 0)
		return r;
	portion = v->portion;
	name = portion->names + portion->names_length;
	memcpy(name, path, length + 1);
	portion->paths[portion->count].path =
	    (struct span){.data = (const uint8_t *)name, .length = length};
	portion->files[portion->count++] =
	    (struct candidate){.size = size, .differences = differences};
	portion->names_length += length + 2;
	portion->bytes += size;
	return 0;
}
