/*
 * From the path of a request to a share and a checked path below it, and the errors of paths.
 */
#include "src/server/handlers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/base/log.h"
#include "src/server/charges.h"
#include "src/store/name.h"
#include "src/store/resolve.h"

static struct subtree *
find_subtree(struct session *s, const uint8_t *name, size_t length)
{
	for (size_t i = 0; i < s->subtree_count; i++) {
		const char *share = s->subtrees[i].grant->share;

		if (s->subtrees[i].set == NULL && strlen(share) == length &&
		    memcmp(share, name, length) == 0)
			return &s->subtrees[i];
	}
	return NULL;
}

/* Is path at or below the destination? */
static bool
is_in(const struct filling *f, const char *path)
{
	return strncmp(path, f->destination, f->destination_length) == 0 &&
	       (path[f->destination_length] == '\0' || path[f->destination_length] == '/');
}

/* A path of the share that is one of the set. */
static void
go_inside(struct filling *f, struct target *t)
{
	const char *rest = t->rest + f->destination_length;

	rest += *rest == '/' ? 1 : 0;
	memmove(t->rest, rest, strlen(rest) + 1);
	t->subtree = f->inside;
}

void
subtree_umask(const struct subtree *t)
{
	if (t->grant->rules.has_umask)
		umask(t->grant->rules.umask_bits);
}

int
target_parse(struct session *s, const struct span *path, unsigned rights, struct target *t)
{
	const uint8_t *slash = path->length > 0 ? memchr(path->data, '/', path->length) : NULL;
	size_t share_length = slash != NULL ? (size_t)(slash - path->data) : path->length;
	size_t rest_length = slash != NULL ? path->length - share_length - 1 : 0;

	activity_path(s->connection.activity, path->data, path->length);
	t->rest[0] = '\0';
	t->barred = NULL;
	t->subtree = find_subtree(s, path->data, share_length);
	if (t->subtree == NULL)
		return FTX_E_NOT_FOUND;
	subtree_umask(t->subtree);
	if (slash != NULL) {
		int r = path_check(slash + 1, rest_length);

		if (r != 0)
			return r;
		memcpy(t->rest, slash + 1, rest_length);
		t->rest[rest_length] = '\0';
	}
	if (s->filling.set != NULL && t->subtree == s->filling.outside) {
		if (is_in(&s->filling, t->rest))
			go_inside(&s->filling, t);
		else
			t->barred = &s->filling;
	}
	if ((t->subtree->grant->rights & rights) != rights)
		return FTX_E_DENIED;
	return t->subtree->root < 0 ? FTX_E_OFFLINE : 0;
}

int
target_join(const struct target *t, const struct span *path, bool empty,
	    char joined[static LIMIT_PATH_BYTES + 1])
{
	size_t base = strlen(t->rest);
	size_t slash = base > 0 && path->length > 0 ? 1 : 0;

	if ((path->length == 0 && !empty) || path->length > LIMIT_PATH_BYTES - base - slash)
		return FTX_E_NAME;
	memcpy(joined, t->rest, base);
	if (slash != 0)
		joined[base] = '/';
	if (path->length > 0)
		memcpy(joined + base + slash, path->data, path->length);
	joined[base + slash + path->length] = '\0';
	if (t->barred != NULL && is_in(t->barred, joined))
		return FTX_E_NAME;
	return path->length == 0 ? 0 : path_check(joined, base + slash + path->length);
}

/* Errors that say that there is something, where something was to be made. */
static bool
tells_of_a_name(int error)
{
	return error == FTX_E_EXISTS || error == FTX_E_CONFLICT || error == FTX_E_IS_LINK ||
	       error == FTX_E_NOT_REGULAR || error == FTX_E_NOT_EMPTY ||
	       error == FTX_E_OTHER_FILE_SYSTEM || error == FTX_E_SET_EXISTS;
}

static bool
may_know(const struct subtree *t)
{
	return t == NULL || (t->grant->rights & RIGHT_LIST) != 0;
}

int
subtree_hide(const struct subtree *t, int error)
{
	return !may_know(t) && tells_of_a_name(error) ? FTX_E_DENIED : error;
}

int
subtree_hide_read(const struct subtree *t, int error)
{
	return !may_know(t) && error == FTX_E_NOT_FOUND ? FTX_E_DENIED : subtree_hide(t, error);
}

/* Without one, temporary names are made beside what they are for. */
static void
open_temp(struct subtree *t)
{
	int r;

	if (t->staging < 0)
		return;
	if ((r = staging_temp_open(t->staging, t->node, &t->temp, t->temp_name)) != 0) {
		t->temp = -1;
		log_error("no temporary directory share=%s error=%s", t->grant->share,
			  error_name(r));
	}
}

void
subtree_link_temp(struct subtree *t, struct tree *tree)
{
	int r;

	if (t->sets >= 0 && t->link_temp < 0 &&
	    (r = staging_temp_open(t->sets, t->node, &t->link_temp, t->link_temp_name)) != 0) {
		t->link_temp = -1;
		log_error("no temporary directory for links share=%s error=%s", t->grant->share,
			  error_name(r));
	}
	tree_set_link_temp(tree, t->link_temp);
}

int
subtree_tree(struct session *s, struct subtree *t, bool changes, struct tree **tree)
{
	const struct tree_options options = {
	    .root = t->root,
	    .rules = &t->rules,
	    .overwrite = (t->grant->rights & RIGHT_OVERWRITE) != 0,
	    .spare_linked = t->set != NULL,
	    .temp_dir = t->temp,
	    .tally = charge_tally(t),
	    .before_long_call = session_working,
	    .arg = s,
	};

	if (t->tree == NULL)
		t->tree = tree_new(&options);
	if (t->tree == NULL)
		return FTX_E_NOMEM;
	if (changes && t->temp < 0) {
		open_temp(t);
		tree_set_temp(t->tree, t->temp);
	}
	*tree = t->tree;
	return 0;
}

void
subtree_close(struct subtree *t)
{
	group_free(t->group);
	tree_free(t->tree);
	t->group = NULL;
	t->tree = NULL;
	if (t->temp >= 0)
		staging_temp_close(t->staging, t->temp, t->temp_name);
	t->temp = -1;
	if (t->link_temp >= 0)
		staging_temp_close(t->sets, t->link_temp, t->link_temp_name);
	t->link_temp = -1;
}

void
subtrees_close(struct session *s)
{
	for (size_t i = 0; i < s->subtree_count; i++)
		subtree_close(&s->subtrees[i]);
}

void
subtree_partial_id(const struct subtree *t, const char *path, char id[static UPLOAD_ID_BYTES])
{
	if (t->set != NULL)
		staging_set_partial_id(id, set_id(t->set), path, strlen(path));
	else
		staging_server_id(id, path, strlen(path));
}

int
answer_error(struct session *s, int error, const char *text)
{
	struct message m = {.type = MESSAGE_ERROR};

	m.error.code = (uint16_t)-error;
	m.error.retryable = error_retryable(error);
	if (text == NULL && error == FTX_E_QUOTA && s->over_quota[0] != '\0')
		text = s->over_quota;
	m.error.text = span_of(text != NULL ? text : error_text(error));
	return connection_send(&s->connection, &m);
}

int
answer_ok(struct session *s)
{
	const struct message m = {.type = MESSAGE_OK};

	return connection_send(&s->connection, &m);
}

int
answer_path_error(struct session *s, int error, const struct target *t)
{
	char text[LIMIT_TEXT_BYTES];
	char link[LIMIT_NAME_BYTES * 4 + 1];
	char shown[LIMIT_TEXT_BYTES];
	char name[2 * LIMIT_NAME_BYTES];
	struct place place;
	ssize_t length = -1;

	if (error != FTX_E_IS_LINK || t->subtree == NULL)
		return answer_error(s, error, NULL);
	if (resolve_parent(t->subtree->root, t->rest, 0, &place) == 0 || place.dir >= 0) {
		length = readlinkat(place.dir, place.leaf, link, sizeof(link));
		display_escape(name, sizeof(name), place.leaf, strlen(place.leaf));
		place_release(&place);
	}
	if (length < 0)
		return answer_error(s, error, NULL);
	display_escape(shown, sizeof(shown) / 2, link, (size_t)length);
	snprintf(text, sizeof(text), "'%.400s' is a link to '%.500s': use that", name, shown);
	return answer_error(s, error, text);
}
