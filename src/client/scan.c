#include "src/client/scan.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/errors.h"

/* An entry that ends here: with problem, or skipped without. */
static void
report(struct run *run, const char *path, const struct problem *problem)
{
	struct transfer_event event = {.type = TRANSFER_FILE};

	event.file.path = path;
	event.file.status = problem != NULL ? STATUS_FAILED : STATUS_SKIPPED;
	if (problem != NULL)
		run_error(run, path, problem);
	atomic_fetch_add(&run->files, 1);
	run_emit(run, &event);
}

/* A trailing slash on a source changes nothing. */
static int
stat_source(const char *path, struct stat *st)
{
	char plain[LIMIT_PATH_BYTES + 2];
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length >= sizeof(plain))
		return ENAMETOOLONG;
	memcpy(plain, path, length);
	plain[length] = '\0';
	return stat(plain, st) != 0 ? errno : 0;
}

/* 1: to be queued; 0: over. */
static int
look(struct run *run, const char *path, struct work *work)
{
	struct problem problem;
	struct stat st;
	int errnum = stat_source(path, &st);

	if (errnum != 0) {
		problem_local(&problem, error_from_errno(errnum), errnum);
		report(run, path, &problem);
		return 0;
	}
	if (S_ISDIR(st.st_mode)) {
		problem_set(&problem, FTX_E_UNSUPPORTED, SIDE_LOCAL,
			    "is a directory; this version transfers files only");
		report(run, path, &problem);
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		report(run, path, NULL);
		return 0;
	}
	work->size = (uint64_t)st.st_size;
	return 1;
}

void *
scan_main(void *arg)
{
	struct run *run = arg;
	const struct transfer_request *request = run->request;

	for (size_t i = 0; i < request->source_count && !cancel_requested(&run->cancel); i++) {
		struct work work = {.index = i};

		atomic_fetch_add(&run->files_total, 1);
		if (request->verb == TRANSFER_PUT && look(run, request->sources[i], &work) == 0)
			continue;
		atomic_fetch_add(&run->bytes_total, work.size);
		if (!queue_push(run->work, &work))
			break;
	}
	atomic_store(&run->scanned, true);
	queue_close(run->work);
	return NULL;
}
