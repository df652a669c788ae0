#include "cmd/ftxd/client_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"
#include "src/base/directory.h"
#include "src/base/io.h"
#include "src/server/config.h"
#include "src/server/rights.h"

#define MAX_FILE_BYTES (1u << 20)
/* Not read as a client's: it begins with a dot. */
#define TEMPORARY_NAME ".ftxd-client-new"

static int
failed(const struct client_file *f, const char *path, int errnum)
{
	complain(f->verb, "'%s': %s", path, strerror(errnum));
	return FTX_EXIT_FAILURE;
}

static int
check_share(const char *verb, const char *text)
{
	struct share_spec spec;
	const char *why;

	if (share_spec_parse(&spec, text, &why) == 0 &&
	    (why = "it is several lines", strchr(text, '\n') == NULL))
		return 0;
	complain(verb, "--share '%s': %s", text, why);
	return FTX_EXIT_USAGE;
}

int
client_text(const char *verb, const char *client, const char *key, const char *const *shares,
	    size_t share_count, char **text)
{
	size_t length;
	FILE *f;

	*text = NULL;
	for (size_t i = 0; i < share_count; i++)
		if (check_share(verb, shares[i]) != 0)
			return FTX_EXIT_USAGE;
	if ((f = open_memstream(text, &length)) == NULL) {
		complain(verb, "%s", error_text(FTX_E_NOMEM));
		return FTX_EXIT_FAILURE;
	}
	fprintf(f, "[client %s]\nkey = %s\n", client, key);
	for (size_t i = 0; i < share_count; i++)
		fprintf(f, "share = %s\n", shares[i]);
	if (fclose(f) == 0)
		return 0;
	complain(verb, "%s", error_text(FTX_E_NOMEM));
	free(*text);
	*text = NULL;
	return FTX_EXIT_FAILURE;
}

/* Makes clients.d where it is missing, for whoever the daemon runs as to read. */
static int
make_directory(const struct client_file *f)
{
	if (access(f->directory, F_OK) == 0)
		return 0;
	if (directory_make(f->directory, 0755) != 0 || chmod(f->directory, 0755) != 0)
		return failed(f, f->directory, errno);
	return 0;
}

int
client_file_open(struct client_file *f, const char *verb, const char *config, const char *client,
		 bool make)
{
	struct ini_error error;
	int r;

	*f = (struct client_file){.verb = verb, .config = config, .client = client, .dir = -1};
	snprintf(f->name, sizeof(f->name), "%s" CONFIG_CLIENT_END, client);
	if (config_clients_directory(f->directory, config) != 0)
		return failed(f, config, ENAMETOOLONG);
	snprintf(f->path, sizeof(f->path), "%s/%s", f->directory, f->name);
	if (make && (r = make_directory(f)) != 0)
		return r;
	r = config_open(&f->dir, f->directory, true, &error);
	if (r != 0) {
		f->dir = -1;
		if (r == FTX_E_NOT_FOUND && !make)
			return 0; /* so there is no such file either */
		complain(f->verb, "%s", error.text);
		return FTX_EXIT_CONFIG;
	}
	/* Two changes at a time would each be checked without the other. */
	return flock(f->dir, LOCK_EX) == 0 ? 0 : failed(f, f->directory, errno);
}

void
client_file_close(struct client_file *f)
{
	if (f->dir >= 0)
		close(f->dir);
	f->dir = -1;
}

/* Where the client is now, "FILE:LINE", owned; NULL: nowhere.  0 or the exit code. */
static int
find_client(const struct client_file *f, char **place)
{
	struct config *config;
	struct ini_error error;
	const char *found;

	*place = NULL;
	if (config_load(&config, f->config, &error) != 0) {
		complain(f->verb, "nothing is changed, since this is wrong already: %s",
			 error.text);
		return FTX_EXIT_CONFIG;
	}
	found = config_client_place(config, f->client);
	if (found != NULL && (*place = strdup(found)) == NULL) {
		config_free(config);
		return failed(f, f->path, ENOMEM);
	}
	config_free(config);
	return 0;
}

/* The client must be in the file that is ours to change, and this must be no name for another. */
static int
check_ours(const struct client_file *f)
{
	struct stat st;
	char *place;
	int code = find_client(f, &place);

	if (code != 0)
		return code;
	if (place == NULL) {
		complain(f->verb, "there is no client '%s'", f->client);
		return FTX_EXIT_FAILURE;
	}
	if (strncmp(place, f->path, strlen(f->path)) != 0 || place[strlen(f->path)] != ':') {
		complain(f->verb, "[client %s] is in %s: change it there", f->client, place);
		code = FTX_EXIT_FAILURE;
	} else if (fstatat(f->dir, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
		complain(f->verb, "'%s' is a symbolic link: change what it leads to", f->path);
		code = FTX_EXIT_FAILURE;
	}
	free(place);
	return code;
}

/* Is the configuration right with this change? */
static int
check_change(const struct client_file *f, const char *path)
{
	const struct config_change change = {.name = f->name, .path = path};
	struct config *config;
	struct ini_error error;

	if (config_load_changed(&config, f->config, &change, &error) != 0) {
		complain(f->verb, "nothing is changed, since this would be wrong: %s", error.text);
		return FTX_EXIT_CONFIG;
	}
	config_free(config);
	return 0;
}

/* What else the file in whose place fd comes has; a new one is for everybody to read. */
static int
take_over(int fd, const struct stat *old)
{
	struct stat st;

	if (old == NULL)
		return fchmod(fd, 0644);
	if (fstat(fd, &st) != 0 || ((st.st_uid != old->st_uid || st.st_gid != old->st_gid) &&
				    fchown(fd, old->st_uid, old->st_gid) != 0))
		return -1;
	return fchmod(fd, old->st_mode & 0777);
}

/* old: of the file that it is to replace, NULL where there is none */
static int
write_temporary(const struct client_file *f, const char *text, size_t length,
		const struct stat *old)
{
	int fd;
	int r;

	/* Of a run that was killed: nobody else is here, the directory is locked. */
	if (unlinkat(f->dir, TEMPORARY_NAME, 0) != 0 && errno != ENOENT)
		return failed(f, f->directory, errno);
	fd = openat(f->dir, TEMPORARY_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return failed(f, f->directory, errno);
	r = write_full(fd, text, length);
	if (r == 0 && (take_over(fd, old) != 0 || fsync(fd) != 0))
		r = error_from_errno(errno);
	if (r != 0) {
		int code = failed(f, f->path, errno);

		close(fd);
		return code;
	}
	return close(fd) == 0 ? 0 : failed(f, f->path, errno);
}

/* A name that is new is nobody else's.  link() is for file systems without RENAME_NOREPLACE. */
static int
give_name(const struct client_file *f, bool is_new)
{
	if (!is_new)
		return renameat(f->dir, TEMPORARY_NAME, f->dir, f->name);
	if (renameat2(f->dir, TEMPORARY_NAME, f->dir, f->name, RENAME_NOREPLACE) == 0)
		return 0;
	if ((errno != EINVAL && errno != ENOSYS) ||
	    linkat(f->dir, TEMPORARY_NAME, f->dir, f->name, 0) != 0)
		return -1;
	return unlinkat(f->dir, TEMPORARY_NAME, 0);
}

/* old: of the file that it is to replace, NULL where there is none */
static int
replace(const struct client_file *f, const char *text, size_t length, const struct stat *old)
{
	char temporary[PATH_MAX + sizeof(TEMPORARY_NAME) + 1];
	int code = write_temporary(f, text, length, old);

	snprintf(temporary, sizeof(temporary), "%s/" TEMPORARY_NAME, f->directory);
	if (code == 0)
		code = check_change(f, temporary);
	if (code == 0 && give_name(f, old == NULL) != 0)
		code = failed(f, f->path, errno);
	if (code != 0) {
		unlinkat(f->dir, TEMPORARY_NAME, 0);
		return code;
	}
	return fsync(f->dir) == 0 ? 0 : failed(f, f->directory, errno);
}

int
client_file_add(struct client_file *f, const char *text)
{
	char *place;
	int code = find_client(f, &place);

	if (code == 0 && place != NULL) {
		complain(f->verb, "[client %s] is in %s already", f->client, place);
		code = FTX_EXIT_FAILURE;
	}
	free(place);
	return code != 0 ? code : replace(f, text, strlen(text), NULL);
}

/* The whole file, owned and terminated, and what it is; NULL after a complaint. */
static char *
read_all(const struct client_file *f, size_t *length, struct stat *st)
{
	char *text = malloc(MAX_FILE_BYTES + 1);
	int fd = openat(f->dir, f->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int errnum = text == NULL ? ENOMEM : 0;

	if (errnum == 0 &&
	    (fd < 0 || fstat(fd, st) != 0 || read_full(fd, text, MAX_FILE_BYTES + 1, length) != 0))
		errnum = errno;
	if (errnum == 0 && *length > MAX_FILE_BYTES)
		errnum = EFBIG;
	if (fd >= 0)
		close(fd);
	if (errnum == 0) {
		text[*length] = '\0';
		return text;
	}
	failed(f, f->path, errnum);
	free(text);
	return NULL;
}

/* Length of a line with its end. */
static size_t
line_length(const char *line)
{
	const char *end = strchr(line, '\n');

	return end != NULL ? (size_t)(end - line) + 1 : strlen(line);
}

static bool
is_blank(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\n')
			return false;
	return true;
}

/* Does the line begin with word, and what follows it with one of next or blanks? */
static bool
is_line(const char *line, size_t length, const char *word, const char *next)
{
	size_t n = strlen(word);

	if (length < n || strncmp(line, word, n) != 0)
		return false;
	if (next == NULL)
		return is_blank(line + n, length - n);
	n += strspn(line + n, " \t");
	return n < length && strchr(next, line[n]) != NULL;
}

int
client_file_enable(struct client_file *f, bool enabled)
{
	static const char off[] = "enabled = no\n";
	char head[INI_NAME_BYTES + 16];
	size_t length = 0, done = 0;
	bool inside = false;
	struct stat old;
	int code = check_ours(f);
	char *text = code == 0 ? read_all(f, &length, &old) : NULL;
	char *changed = text != NULL ? malloc(length + sizeof(off) + 1) : NULL;

	snprintf(head, sizeof(head), "[client %s]", f->client);
	for (const char *line = text; changed != NULL && *line != '\0';) {
		size_t n = line_length(line);

		if (line[0] == '[')
			inside = is_line(line, n, head, NULL);
		if (!inside || !is_line(line, n, "enabled", "=")) {
			memcpy(changed + done, line, n);
			done += n;
		}
		if (inside && line[0] == '[' && !enabled) {
			memcpy(changed + done, off, sizeof(off) - 1);
			done += sizeof(off) - 1;
		}
		line += n;
	}
	if (code == 0)
		code = changed != NULL ? replace(f, changed, done, &old) : FTX_EXIT_FAILURE;
	free(changed);
	free(text);
	return code;
}

/* A file with other clients is not removed for one of them. */
static int
check_alone(const struct client_file *f)
{
	size_t length, sections = 0;
	struct stat st;
	char *text = read_all(f, &length, &st);

	if (text == NULL)
		return FTX_EXIT_FAILURE;
	for (const char *line = text; *line != '\0'; line += line_length(line))
		sections += line[0] == '[';
	free(text);
	if (sections == 1)
		return 0;
	complain(f->verb, "'%s' has other clients too: change it there", f->path);
	return FTX_EXIT_FAILURE;
}

int
client_file_remove(struct client_file *f)
{
	int code = check_ours(f);

	if (code != 0 || (code = check_alone(f)) != 0 || (code = check_change(f, NULL)) != 0)
		return code;
	if (unlinkat(f->dir, f->name, 0) != 0)
		return failed(f, f->path, errno);
	return fsync(f->dir) == 0 ? 0 : failed(f, f->directory, errno);
}
