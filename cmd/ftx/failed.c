#include "cmd/ftx/failed.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/client/mapping.h"

static int
explain(const struct failed *f, int error, int errnum, struct problem *why)
{
	char shown[512];

	problem_set(why, error, SIDE_LOCAL, "the list of failed names '%s': %s",
		    display_escape(shown, sizeof(shown), f->path, strlen(f->path)),
		    strerror(errnum));
	why->errnum = errnum;
	return error;
}

int
failed_open(struct failed *f, const char *path, const struct transfer_request *request,
	    struct problem *why)
{
	*f = (struct failed){.path = path, .request = request};
	if (path == NULL)
		return 0;
	f->file = fopen(path, "we");
	return f->file != NULL ? 0 : explain(f, FTX_E_CONFIG, errno, why);
}

static bool
is_local_directory(const struct failed *f)
{
	struct stat st;

	return f->request->verb == TRANSFER_PUT && stat(f->request->sources[0], &st) == 0 &&
	       S_ISDIR(st.st_mode);
}

/* What of path, as typed with what is below it, is the source. */
static size_t
source_length(const char *path, const char *relative)
{
	size_t whole = strlen(path), below = strlen(relative);

	return below > 0 && below < whole ? whole - below : whole;
}

void
failed_add(struct failed *f, const struct transfer_error *e)
{
	const char *below = e->relative != NULL ? e->relative : "";
	char source[LIMIT_PATH_BYTES * 3 + 1];
	const char *name = "";
	size_t length = 0;

	if (f->file == NULL || !e->of_entry || e->path == NULL)
		return;
	if (f->request->source_count > 1 || (below[0] == '\0' && !is_local_directory(f))) {
		size_t n = source_length(e->path, below);

		if (n >= sizeof(source))
			n = sizeof(source) - 1;
		memcpy(source, e->path, n);
		source[n] = '\0';
		length = mapping_last_name(source, &name);
	}
	if (length == 0 && below[0] == '\0')
		below = ".";
	errno = 0;
	if (fprintf(f->file, "%.*s%s%s%c", (int)length, name,
		    length > 0 && below[0] != '\0' ? "/" : "", below, '\0') < 0 &&
	    f->errnum == 0)
		f->errnum = errno != 0 ? errno : EIO;
}

int
failed_close(struct failed *f, struct problem *why)
{
	FILE *file = f->file;

	if (file == NULL)
		return 0;
	f->file = NULL;
	if (fclose(file) != 0 && f->errnum == 0)
		f->errnum = errno != 0 ? errno : EIO;
	return f->errnum == 0 ? 0 : explain(f, FTX_E_IO, f->errnum, why);
}
