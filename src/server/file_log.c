#include "src/server/file_log.h"

#include <stdio.h>
#include <string.h>

#include "src/base/display.h"
#include "src/base/log.h"
#include "src/server/handlers.h"
#include "src/server/session_log.h"

/* Two of them, and the other fields, fit into a line (log.c). */
#define SHOWN_BYTES 1800u

/* A path in a set is one below the destination, for who reads the log as for the client. */
static const char *
show(const struct session *s, const struct subtree *t, const char *path,
     char out[static SHOWN_BYTES])
{
	char whole[2 * LIMIT_PATH_BYTES + 2];
	int n;

	if (t->set == NULL)
		return display_quote(out, SHOWN_BYTES, path, strlen(path));
	n = snprintf(whole, sizeof(whole), "%s%s%s", s->filling.destination,
		     path[0] != '\0' ? "/" : "", path);
	return display_quote(out, SHOWN_BYTES, whole, (size_t)n);
}

void
file_changed(const struct session *s, const char *action, const struct subtree *t, const char *path,
	     uint64_t size)
{
	char shown[SHOWN_BYTES];
	char sized[32] = "";

	if (s->file_log == FILE_LOG_NONE)
		return;
	if (size != FILE_LOG_NO_SIZE)
		snprintf(sized, sizeof(sized), " size=%llu", (unsigned long long)size);
	log_info(SESSION_LOG_FILE "%s share=%s path=%s%s", action, t->grant->share,
		 show(s, t, path, shown), sized);
}

void
file_changed_from(const struct session *s, const char *action, const struct subtree *t,
		  const char *path, const char *other)
{
	char shown[SHOWN_BYTES], from[SHOWN_BYTES];

	if (s->file_log == FILE_LOG_NONE)
		return;
	log_info(SESSION_LOG_FILE "%s share=%s path=%s from=%s", action, t->grant->share,
		 show(s, t, path, shown), show(s, t, other, from));
}

static bool
is_same(const struct session *s, const char *action, const struct subtree *t, const char *path)
{
	return s->read_from == t && strcmp(s->read_action, action) == 0 &&
	       strcmp(s->read_path, path) == 0;
}

void
file_read(struct session *s, const char *action, const struct subtree *t, const char *path)
{
	if (s->file_log != FILE_LOG_ALL || is_same(s, action, t, path))
		return;
	s->read_action = action;
	s->read_from = t;
	strcpy(s->read_path, path);
	file_changed(s, action, t, path, FILE_LOG_NO_SIZE);
}
