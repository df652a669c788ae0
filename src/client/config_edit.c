#include "src/client/config_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/directory.h"
#include "src/base/display.h"
#include "src/base/io.h"
#include "src/client/config.h"

#define MAX_FILE_BYTES (1u << 20)
#define TEMPORARY_NAME ".ftx-config-new"
#define NO_FILE	       "/dev/null/none" /* in place of the one for everybody: never there */

/* A file while it is changed. */
struct edit {
	char path[PATH_MAX]; /* what a symbolic link leads to */
	char directory[PATH_MAX];
	char temporary[PATH_MAX + sizeof(TEMPORARY_NAME) + 1];
	int dir; /* locked */
	mode_t mode;
	char *text; /* terminated */
	size_t length;
	struct problem *why;
};

static int
failed(const struct edit *e, const char *path, int errnum)
{
	char shown[512];

	problem_set(e->why, error_from_errno(errnum), SIDE_LOCAL, "'%s': %s",
		    display_escape(shown, sizeof(shown), path, strlen(path)), strerror(errnum));
	e->why->errnum = errnum;
	return e->why->error;
}

/* Where the file is or is to be. */
static int
find_place(struct edit *e, const char *file)
{
	struct stat st;

	if (realpath(file, e->path) == NULL) {
		if (errno != ENOENT)
			return failed(e, file, errno);
		if (lstat(file, &st) == 0)
			return failed(e, file, ENOENT); /* a link to nowhere */
		if (strlen(file) >= sizeof(e->path))
			return failed(e, file, ENAMETOOLONG);
		strcpy(e->path, file);
	}
	if (directory_of(e->directory, e->path) != 0)
		return failed(e, file, ENAMETOOLONG);
	snprintf(e->temporary, sizeof(e->temporary), "%s/" TEMPORARY_NAME, e->directory);
	return 0;
}

/* The text as it is; none is an empty one. */
static int
read_text(struct edit *e)
{
	int fd = open(e->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int errnum = 0;

	if ((e->text = malloc(MAX_FILE_BYTES + 2)) == NULL)
		errnum = ENOMEM;
	else if (fd < 0 && errno != ENOENT)
		errnum = errno;
	else if (fd >= 0 && (fstat(fd, &st) != 0 ||
			     read_full(fd, e->text, MAX_FILE_BYTES + 1, &e->length) != 0))
		errnum = errno;
	else if (e->length > MAX_FILE_BYTES)
		errnum = EFBIG;
	if (fd >= 0)
		close(fd);
	if (errnum != 0)
		return failed(e, e->path, errnum);
	e->mode = fd >= 0 ? st.st_mode & 0777 : 0600;
	e->text[e->length] = '\0';
	return 0;
}

/* Is what stands in path a configuration?  Is there a section of this name in it? */
static int
check(const struct edit *e, const char *path, const char *name, bool *has)
{
	struct config *config;
	int r = config_load_files(&config, path, NO_FILE, e->why);

	if (r != 0)
		return r;
	*has = config_host(config, name) != NULL;
	config_free(config);
	return 0;
}

static int
begin(struct edit *e, const char *file, const char *name, bool *has, struct problem *why)
{
	int r;

	*e = (struct edit){.dir = -1, .why = why};
	if ((r = find_place(e, file)) != 0)
		return r;
	if (directory_make(e->directory, 0700) != 0)
		return failed(e, e->directory, errno);
	e->dir = open(e->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->dir < 0 || flock(e->dir, LOCK_EX) != 0)
		return failed(e, e->directory, errno);
	if ((r = read_text(e)) != 0 || (r = check(e, e->path, name, has)) != 0)
		return r;
	/* It was read twice; somebody who does not lock may have been at it. */
	return memchr(e->text, '\0', e->length) == NULL ? 0 : failed(e, e->path, EINVAL);
}

static void
end(struct edit *e)
{
	free(e->text);
	if (e->dir >= 0)
		close(e->dir);
}

static int
write_temporary(const struct edit *e, const char *text, size_t length)
{
	int fd, r;

	/* Of a run that was killed: nobody else is here, the directory is locked. */
	if (unlinkat(e->dir, TEMPORARY_NAME, 0) != 0 && errno != ENOENT)
		return failed(e, e->temporary, errno);
	fd = openat(e->dir, TEMPORARY_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return failed(e, e->temporary, errno);
	r = write_full(fd, text, length);
	if (r == 0 && (fchmod(fd, e->mode) != 0 || fsync(fd) != 0))
		r = error_from_errno(errno);
	if (r != 0)
		r = failed(e, e->path, errno);
	if (close(fd) != 0 && r == 0)
		r = failed(e, e->path, errno);
	return r;
}

/* In place of the old one, if it is right. */
static int
replace(const struct edit *e, const char *text, size_t length, const char *name)
{
	bool has;
	int r = write_temporary(e, text, length);

	if (r == 0)
		r = check(e, e->temporary, name, &has);
	if (r == 0 && rename(e->temporary, e->path) != 0)
		r = failed(e, e->path, errno);
	if (r != 0) {
		unlinkat(e->dir, TEMPORARY_NAME, 0);
		return r;
	}
	return fsync(e->dir) == 0 ? 0 : failed(e, e->directory, errno);
}

/* The text with the section behind it, owned; NULL without memory. */
static char *
text_with(const struct edit *e, const struct host_lines *host)
{
	const char *gap = e->length == 0 ? "" : e->text[e->length - 1] == '\n' ? "\n" : "\n\n";
	char key[KEY_TEXT_CHARS + 1];
	char *text;

	key_format(key, host->server_key);
	if (asprintf(&text, "%s%s[host %s]\naddress = %s\nserver-key = %s\n%s%s%s", e->text, gap,
		     host->name, host->address, key, host->identity != NULL ? "identity = " : "",
		     host->identity != NULL ? host->identity : "",
		     host->identity != NULL ? "\n" : "") < 0)
		return NULL;
	return text;
}

int
config_add_host(const char *file, const struct host_lines *host, struct problem *why)
{
	struct edit e;
	bool has = false;
	char *text = NULL, shown[512];
	int r = begin(&e, file, host->name, &has, why);

	if (r == 0 && has)
		r = problem_set(why, FTX_E_EXISTS, SIDE_LOCAL, "[host %s] is in %s already",
				host->name,
				display_escape(shown, sizeof(shown), e.path, strlen(e.path)));
	if (r == 0 && (text = text_with(&e, host)) == NULL)
		r = problem_nomem(why);
	if (r == 0)
		r = replace(&e, text, strlen(text), host->name);
	free(text);
	end(&e);
	return r;
}

/* Length of a line with its end. */
static size_t
line_length(const char *line)
{
	const char *feed = strchr(line, '\n');

	return feed != NULL ? (size_t)(feed - line) + 1 : strlen(line);
}

static bool
is_blank(const char *line, size_t length)
{
	return strspn(line, " \t\n") >= length;
}

/* Is it the head of the section of this name? */
static bool
is_head(const char *line, size_t length, const char *name)
{
	char head[INI_NAME_BYTES + 16];
	size_t n = (size_t)snprintf(head, sizeof(head), "[host %s]", name);

	return length >= n && memcmp(line, head, n) == 0 && is_blank(line + n, length - n);
}

/* out: as much room as the text has.  Returns how much is left of it. */
static size_t
text_without(const struct edit *e, const char *name, char *out)
{
	size_t done = 0, last = 0; /* where the last line begins in out */
	bool inside = false;

	for (const char *line = e->text; *line != '\0';) {
		size_t n = line_length(line);
		bool head = is_head(line, n, name);
		bool comment = line[0] == ';' || line[0] == '#';

		if (line[0] == '[')
			inside = head;
		if (head && done > last && is_blank(out + last, done - last))
			done = last;
		if (!inside || comment || is_blank(line, n)) {
			memcpy(out + done, line, n);
			last = done;
			done += n;
		}
		line += n;
	}
	return done;
}

int
config_remove_host(const char *file, const char *name, struct problem *why)
{
	struct edit e;
	bool has = false;
	char *text = NULL, shown[512];
	int r = begin(&e, file, name, &has, why);

	if (r == 0 && !has)
		r = problem_set(why, FTX_E_NOT_FOUND, SIDE_LOCAL, "there is no [host %s] in %s",
				name, display_escape(shown, sizeof(shown), e.path, strlen(e.path)));
	if (r == 0 && (text = malloc(e.length + 1)) == NULL)
		r = problem_nomem(why);
	if (r == 0)
		r = replace(&e, text, text_without(&e, name, text), name);
	free(text);
	end(&e);
	return r;
}
