#include "src/client/landing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/directory.h"
#include "src/base/display.h"
#include "src/client/local.h"
#include "src/client/mapping.h"

bool
landing_asks(const struct run *run)
{
	const struct transfer_request *request = run->request;
	const struct address *dest = &run->remotes[0];

	return run_is_put(run) && request->source_count == 1 && !dest->trailing_slash &&
	       address_rest(dest->path)[0] != '\0';
}

static void
set_known(struct run *run, const struct landing_found *found)
{
	pthread_mutex_lock(&run->results);
	run->dest_known = true;
	run->dest = *found;
	pthread_cond_broadcast(&run->dest_said);
	pthread_mutex_unlock(&run->results);
}

/* Who names a link means what it leads to, or does not know that it is one. */
static int
refuse_link(struct problem *p, enum side side, const char *path, const char *target, size_t length)
{
	char name[2 * LIMIT_NAME_BYTES], to[4 * LIMIT_NAME_BYTES];
	const char *last;
	size_t last_length = mapping_last_name(path, &last);

	display_escape(name, sizeof(name), last, last_length);
	display_escape(to, sizeof(to), target, length);
	return problem_set(p, FTX_E_IS_LINK, side, "'%s' is a link to '%s': use that", name, to);
}

static int
take_entry(void *arg, const struct message *m)
{
	struct landing_question *q = arg;
	const struct attributes *a = &m->entry.attributes;

	if (m->type != MESSAGE_ENTRY)
		return 0;
	q->found.is_directory = a->metadata.type == ENTRY_DIRECTORY;
	q->found.is_file = a->metadata.type == ENTRY_FILE;
	if (a->metadata.type == ENTRY_SYMLINK)
		refuse_link(&q->found.problem, SIDE_REMOTE, q->run->remotes[0].path,
			    (const char *)a->target.data, a->target.length);
	return 0;
}

int
landing_ask(void *question, struct connection *c)
{
	struct landing_question *q = question;
	struct message m = {.type = MESSAGE_STAT};

	q->reply = (struct reply){.on_message = take_entry, .arg = q};
	m.stat.path = span_of(q->run->remotes[0].path);
	return connection_request(c, &m, &q->reply);
}

int
landing_take(struct run *run, struct landing_question *q, struct connection *c)
{
	int r = connection_answer(c, &q->reply);

	if (connection_error(c) != 0 || r == FTX_E_INTERRUPTED)
		return r;
	/* Where nothing can be asked nothing is there, or OPEN says what is wrong. */
	q->found.is_absent = r == FTX_E_NOT_FOUND;
	set_known(run, &q->found);
	return 0;
}

void
landing_give_up(struct run *run)
{
	set_known(run, &(struct landing_found){.is_directory = false});
}

/* What is at the destination, where that was to be asked. */
static struct landing_found
await_dest(struct run *run)
{
	struct landing_found found = {.is_directory = false};

	if (!run->dest_asked)
		return found;
	pthread_mutex_lock(&run->results);
	while (!run->dest_known)
		pthread_cond_wait(&run->dest_said, &run->results);
	found = run->dest;
	pthread_mutex_unlock(&run->results);
	return found;
}

static int
explain(int r, struct problem *p)
{
	return r != 0 ? problem_set(p, r, SIDE_LOCAL, "cannot be put there: %s", error_text(r)) : 0;
}

int
landing_put(struct run *run, struct root *root, struct problem *p)
{
	const struct transfer_request *request = run->request;
	const struct address *dest = &run->remotes[0];
	struct landing l = {.dest = dest->path,
			    .ends_in_slash = dest->trailing_slash,
			    .is_root = address_rest(dest->path)[0] == '\0',
			    .several = request->source_count > 1,
			    .no_target_directory = request->no_target_directory};
	struct landing_found found;
	const char *name;
	size_t length = mapping_last_name(root->typed, &name);

	if (root->is_directory)
		return explain(
		    mapping_land_directory(&l, name, length, root->remote, sizeof(root->remote)),
		    p);
	found = await_dest(run);
	if (found.problem.error != 0) {
		*p = found.problem;
		return p->error;
	}
	l.is_directory = found.is_directory;
	root->absent = found.is_absent;
	return explain(mapping_land(&l, name, length, root->remote, sizeof(root->remote)), p);
}

/* The place of a directory that is fetched, made unless it is a dry run. */
static int
open_directory(struct run *run, struct root *root, struct problem *p)
{
	struct stat st;

	if (!run->request->dry_run && directory_make(root->local_path, 0777) != 0)
		return problem_local(p, error_from_errno(errno), errno);
	root->local = open(root->local_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root->local >= 0)
		return 0;
	if (errno == ENOENT && run->request->dry_run)
		return 0;
	if (errno == ENOTDIR ||
	    (errno == EACCES && stat(root->local_path, &st) == 0 && !S_ISDIR(st.st_mode)))
		return problem_set(p, FTX_E_CONFLICT, SIDE_LOCAL,
				   "something that is no directory is there");
	return problem_local(p, error_from_errno(errno), errno);
}

/* Does a file land on a link that was named?  One that is found in a directory is replaced. */
static int
check_link(const char *dest, const char *lands, struct problem *p)
{
	char target[LIMIT_PATH_BYTES];
	ssize_t length = strcmp(dest, lands) == 0 ? readlink(dest, target, sizeof(target)) : -1;

	return length < 0 ? 0 : refuse_link(p, SIDE_LOCAL, dest, target, (size_t)length);
}

static int
open_parent(struct run *run, struct root *root, struct problem *p)
{
	struct local_place place;
	int r = local_open(&place, root->local_path, !run->request->dry_run, p);

	if (r == FTX_E_NOT_FOUND && run->request->dry_run)
		return 0;
	if (r != 0)
		return r;
	root->local = place.dir;
	memcpy(root->local_name, place.name, sizeof(root->local_name));
	return 0;
}

int
landing_get(struct run *run, struct root *root, struct problem *p)
{
	const struct transfer_request *request = run->request;
	char dest[LIMIT_PATH_BYTES + 1], out[2 * LIMIT_PATH_BYTES];
	size_t end = strlen(request->dest);
	const char *name;
	struct stat st;
	struct landing l = {.dest = dest,
			    .ends_in_slash = end > 0 && request->dest[end - 1] == '/',
			    .is_root = mapping_last_name(request->dest, &name) == 0,
			    .is_directory = stat(request->dest, &st) == 0 && S_ISDIR(st.st_mode),
			    .several = request->source_count > 1,
			    .no_target_directory = request->no_target_directory};
	size_t length = mapping_last_name(address_rest(root->remote), &name);
	int r;

	while (end > 1 && request->dest[end - 1] == '/')
		end--;
	if (end >= sizeof(dest))
		return explain(FTX_E_NAME, p);
	memcpy(dest, request->dest, end);
	dest[end] = '\0';
	r = (root->is_directory ? mapping_land_directory : mapping_land)(&l, name, length, out,
									 sizeof(out));
	if (r != 0)
		return explain(r, p);
	if (!root->is_directory && (r = check_link(dest, out, p)) != 0)
		return r;
	root->local_path = strdup(out);
	if (root->local_path == NULL)
		return problem_nomem(p);
	return root->is_directory ? open_directory(run, root, p) : open_parent(run, root, p);
}
