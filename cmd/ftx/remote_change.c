/*
 * mkdir, mv and ln, and what of the arguments can be refused at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/ftx/remote.h"
#include "proto/errors.h"
#include "src/base/display.h"
#include "src/client/mapping.h"
#include "src/store/metadata.h"

static const char *
typed(const struct remote_job *j, size_t i)
{
	return j->options->arguments[i];
}

static int
usage(struct problem *why, const char *argument, const char *text)
{
	char shown[512];

	return problem_set(why, FTX_E_USAGE, SIDE_LOCAL, "'%s': %s",
			   display_escape(shown, sizeof(shown), argument, strlen(argument)), text);
}

static bool
same_share(const struct address *a, const struct address *b)
{
	char first[LIMIT_SHARE_BYTES + 1], second[LIMIT_SHARE_BYTES + 1];

	address_share(first, a->path);
	address_share(second, b->path);
	return strcmp(first, second) == 0;
}

/* ln -s HOST:SHARE/A HOST:SHARE/B: what was meant is not what it would make. */
static bool
looks_remote(const char *text, const struct address *other)
{
	struct address a;
	struct problem p;

	return strncmp(text, "ftx://", 6) == 0 ||
	       (address_parse(&a, text, &p) == 0 && strcmp(a.host, other->host) == 0);
}

static int
check_symlink(const struct remote_job *j, struct problem *why)
{
	const struct address *name = remote_address(j->remote, 0);

	if (looks_remote(typed(j, 0), name))
		return usage(why, typed(j, 0),
			     "the target of a symbolic link is its text, as ../DIRECTORY/NAME; a "
			     "further name of a file is ln without -s");
	if (address_rest(name->path)[0] == '\0')
		return usage(why, typed(j, 1), "the share itself cannot be a link");
	return 0;
}

int
remote_check(const struct remote_job *j, struct problem *why)
{
	const struct options *o = j->options;
	size_t last = o->argument_count - 1;
	if ((o->verb & VERBS_COMPARE) != 0)
		return 0;
	/* What is only looked at or gone into may be a share. */
	bool root_refused = o->verb == VERB_RM;

	if (o->verb == VERB_LN && o->symbolic)
		return check_symlink(j, why);
	if (o->verb == VERB_MV && o->transfer.no_target_directory && last > 1)
		return usage(why, typed(j, last), "with -T it is the new name of one source only");
	for (size_t i = 0; i <= last; i++) {
		const struct address *a = remote_address(j->remote, i);
		bool is_source = (o->verb == VERB_MV || o->verb == VERB_LN) && i < last;

		if ((root_refused || is_source) && address_rest(a->path)[0] == '\0')
			return usage(
			    why, typed(j, i),
			    "a share itself is not removed, renamed or linked; name what is "
			    "in it");
		if (is_source && !same_share(a, remote_address(j->remote, last)))
			return usage(why, typed(j, i), "both names have to be in one share");
	}
	return 0;
}

void
remote_make(struct remote_job *j)
{
	uint16_t mode = (uint16_t)(0777 & ~metadata_umask());
	struct problem p;

	for (size_t i = 0; i < j->options->argument_count && !remote_ended(j); i++) {
		const char *path = remote_address(j->remote, i)->path;
		int r = remote_mkdir(j->remote, path, mode, j->options->parents, &p);

		/* Of several some may have been made. */
		j->changed = true;
		remote_entry_over(j, typed(j, i), NULL, ENTRY_DIRECTORY, ACTION_CREATE,
				  r != 0 ? &p : NULL);
	}
}

/* Does the last argument, to, stand for a directory to go into?  An error ends the command. */
static int
goes_into(struct remote_job *j, const struct address *to, bool *into)
{
	struct remote_entry entry;
	struct problem p;
	int r;

	*into = false;
	if (j->options->transfer.no_target_directory)
		return 0;
	*into = j->options->argument_count > 2 || to->trailing_slash ||
		address_rest(to->path)[0] == '\0';
	if (*into)
		return 0;
	r = remote_stat(j->remote, to->path, 0, &entry, &p);
	*into = r == 0 && entry.attributes.metadata.type == ENTRY_DIRECTORY;
	if (r == 0 || !remote_over(j->remote))
		return 0;
	remote_failed(j, typed(j, j->options->argument_count - 1), &p);
	return r;
}

/* Where a source whose path is from goes.  false: the path is too long. */
static bool
landing(char out[static LIMIT_PATH_BYTES + 1], const struct address *to, bool into,
	const char *from)
{
	const char *name;
	size_t length = mapping_last_name(from, &name);
	int n = snprintf(out, LIMIT_PATH_BYTES + 1, "%s%s%.*s", to->path, into ? "/" : "",
			 into ? (int)length : 0, name);

	return n >= 0 && (size_t)n <= LIMIT_PATH_BYTES;
}

static int
too_long(struct problem *p)
{
	return problem_set(p, FTX_E_NAME, SIDE_LOCAL, "the path is too long");
}

static void
hint_force(int error, struct problem *p)
{
	if (error == FTX_E_EXISTS)
		problem_hint(p, "-f replaces a file or link that has the name");
}

static void
entry_over_at(struct remote_job *j, const char *path, const char *dest, enum entry_type type,
	      const struct problem *p)
{
	const struct address *server = remote_server(j->remote);
	char text[ADDRESS_TEXT_BYTES];

	address_format(text, server->host, server->port, dest);
	remote_entry_over(j, path, text, type, j->options->force ? ACTION_REPLACE : ACTION_CREATE,
			  p);
}

void
remote_move(struct remote_job *j)
{
	size_t last = j->options->argument_count - 1;
	const struct address *to = remote_address(j->remote, last);
	char dest[LIMIT_PATH_BYTES + 1];
	struct remote_entry entry;
	struct problem p;
	bool into;

	if (goes_into(j, to, &into) != 0)
		return;
	for (size_t i = 0; i < last && !remote_ended(j); i++) {
		const char *from = remote_address(j->remote, i)->path;
		enum entry_type type = ENTRY_FILE;
		int r = 0;

		if (!landing(dest, to, into, from))
			r = too_long(&p);
		/* A key without the right to list does not know; the server decides. */
		if (r == 0 && remote_stat(j->remote, from, 0, &entry, &p) == 0)
			type = (enum entry_type)entry.attributes.metadata.type;
		if (r == 0)
			r = remote_rename(j->remote, from, dest, j->options->force, &p);
		hint_force(r, &p);
		entry_over_at(j, typed(j, i), dest, type, r != 0 ? &p : NULL);
	}
}

/* LINK and SYMLINK replace what the right allows; here only -f does. */
static int
check_free(struct remote_job *j, const char *path, struct problem *p)
{
	struct remote_entry entry;
	int r;

	if (j->options->force)
		return 0;
	r = remote_stat(j->remote, path, 0, &entry, p);
	if (r == 0)
		return problem_set(p, FTX_E_EXISTS, SIDE_REMOTE, NULL);
	return r == FTX_E_NOT_FOUND ? 0 : r;
}

void
remote_name(struct remote_job *j)
{
	bool symbolic = j->options->symbolic;
	const struct address *to = remote_address(j->remote, symbolic ? 0 : 1);
	const char *from = symbolic ? typed(j, 0) : remote_address(j->remote, 0)->path;
	char dest[LIMIT_PATH_BYTES + 1];
	struct problem p;
	bool into;
	int r;

	if (goes_into(j, to, &into) != 0)
		return;
	r = landing(dest, to, into, from) ? check_free(j, dest, &p) : too_long(&p);
	if (r == 0)
		r = symbolic ? remote_symlink(j->remote, from, dest, &p)
			     : remote_link(j->remote, from, dest, &p);
	hint_force(r, &p);
	entry_over_at(j, typed(j, 0), dest, symbolic ? ENTRY_SYMLINK : ENTRY_FILE,
		      r != 0 ? &p : NULL);
}
