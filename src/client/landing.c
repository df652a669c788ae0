#include "src/client/landing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/directory.h"
#include "src/client/local.h"
#include "src/client/mapping.h"

bool
landing_asks(const struct run *run)
{
	const struct transfer_request *request = run->request;
	const struct address *dest = &run->remotes[0];

	return run_is_put(run) && request->source_count == 1 && !request->no_target_directory &&
	       !dest->trailing_slash && address_rest(dest->path)[0] != '\0';
}

static void
set_known(struct run *run, bool is_directory, bool absent)
{
	pthread_mutex_lock(&run->results);
	run->dest_known = true;
	run->dest_is_directory = is_directory;
	run->dest_absent = absent;
	pthread_cond_broadcast(&run->dest_said);
	pthread_mutex_unlock(&run->results);
}

static int
take_entry(void *arg, const struct message *m)
{
	struct landing_question *q = arg;

	if (m->type == MESSAGE_ENTRY)
		q->is_directory = m->entry.attributes.metadata.type == ENTRY_DIRECTORY;
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
	set_known(run, q->is_directory, r == FTX_E_NOT_FOUND);
	return 0;
}

void
landing_give_up(struct run *run)
{
	set_known(run, false, false);
}

/* Is the destination a directory?  *absent: nothing is there. */
static bool
await_dest(struct run *run, bool *absent)
{
	bool is_directory;

	*absent = false;
	if (!run->dest_asked)
		return false;
	pthread_mutex_lock(&run->results);
	while (!run->dest_known)
		pthread_cond_wait(&run->dest_said, &run->results);
	is_directory = run->dest_is_directory;
	*absent = run->dest_absent;
	pthread_mutex_unlock(&run->results);
	return is_directory;
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
	const char *name;
	size_t length = mapping_last_name(root->typed, &name);

	if (root->is_directory)
		return explain(
		    mapping_land_directory(&l, name, length, root->remote, sizeof(root->remote)),
		    p);
	l.is_directory = await_dest(run, &root->absent);
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
	root->local_path = strdup(out);
	if (root->local_path == NULL)
		return problem_set(p, FTX_E_NOMEM, SIDE_LOCAL, NULL);
	return root->is_directory ? open_directory(run, root, p) : open_parent(run, root, p);
}
