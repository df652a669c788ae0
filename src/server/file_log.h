/*
 * What a session changed or read, a line each in the log: log-files of ftxd.conf(5).
 *
 *	file client=laptop action=put share=backups path="a/b" size=12
 *
 * The client is put there by the supervisor (session_log.h); the session says the line before it
 * answers.  Paths are those below the share, escaped and in quotes, and cut where they are long.
 */
#ifndef SERVER_FILE_LOG_H
#define SERVER_FILE_LOG_H

#include <stdint.h>

struct session;
struct subtree;

enum file_log { FILE_LOG_NONE, FILE_LOG_CHANGES, FILE_LOG_ALL };

#define FILE_LOG_NO_SIZE UINT64_MAX

/* path below t became another one.  action: a word. */
void file_changed(const struct session *s, const char *action, const struct subtree *t,
		  const char *path, uint64_t size);

/* The same where other was the path before, or what it is a name of now. */
void file_changed_from(const struct session *s, const char *action, const struct subtree *t,
		       const char *path, const char *other);

/*
 * Some of the content of path below t is sent, or a hash of it.  Pieces of one file in a row have
 * one line.
 */
void file_read(struct session *s, const char *action, const struct subtree *t, const char *path);

#endif
