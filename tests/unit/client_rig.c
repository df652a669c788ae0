#include "tests/unit/client_peer.h"

#include "tests/harness/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/client/scan.h"

void
rig_init(struct rig *rig, enum transfer_verb verb)
{
	memset(rig, 0, sizeof(*rig));
	unit_directory(rig->directory, sizeof(rig->directory), "client");
	rig->dir = open(rig->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(rig->dir >= 0);
	snprintf(rig->source_path, sizeof(rig->source_path), "%s/src", rig->directory);
	rig->source = verb == TRANSFER_PUT ? rig->source_path : "s/src";
	rig->request = (struct transfer_request){.verb = verb,
						 .sources = &rig->source,
						 .source_count = 1,
						 .dest = rig->directory,
						 .input_fd = -1,
						 .report_files = true,
						 .compress = COMPRESS_NONE,
						 .streams = 1,
						 .timeout_ms = 10000};
}

void
rig_init_again(struct rig *rig, const struct rig *first)
{
	rig_init(rig, first->request.verb);
	rmdir(rig->directory);
	close(rig->dir);
	strcpy(rig->directory, first->directory);
	strcpy(rig->source_path, first->source_path);
	rig->dir = open(rig->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rig->is_second = true;
}

void
rig_start(struct rig *rig)
{
	struct run *run = &rig->run;

	run->request = &rig->request;
	run->parts = rig->request.no_owner ? 0 : METADATA_OWNER;
	run->parts |= rig->request.xattrs ? METADATA_XATTRS : 0u;
	metadata_rules_init(&run->rules, METADATA_CLIENT, false, true, -1);
	run->remotes = &rig->remote;
	run->roots = &rig->root;
	strcpy(rig->remote.path, run_is_put(run) ? "s/d" : "s/src");
	rig->remote.trailing_slash = true;
	rig->root.typed = rig->source;
	rig->root.local = -1;
	if (!run_is_put(run)) {
		strcpy(rig->root.remote, "s/src");
		rig->root.local_path = strdup(rig->directory);
		rig->root.local = rig->dir;
		rig->root.is_directory = true;
	}
	strcpy(run->server.host, "127.0.0.1");
	run->server.port = 1; /* nobody: a second connection fails */
	run->server.has_key = true;
	run->identity = run->server.key;
	cr_assert(cancel_init(&run->cancel) == 0 && cancel_init(&run->enough) == 0);
	bucket_init(&run->bucket, 0, clock_ns());
	run->events = queue_new(RIG_EVENTS, sizeof(struct transfer_event *));
	run->events_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	run->finished = calloc(1, sizeof(*run->finished));
	run->finished->type = TRANSFER_FINISHED;
	pthread_mutex_init(&run->results, NULL);
	retry_init(&run->retry);
	pthread_cond_init(&run->dest_said, NULL);
	cr_assert(work_init(&run->work) == 0);
}

void
rig_stream(struct rig *rig, void (*script)(struct peer *p), void *arg)
{
	unsigned n = rig->stream_count++;
	struct stream *s = stream_new(&rig->run, n);

	cr_assert(s != NULL);
	rig->streams[n] = s;
	rig->peers[n].arg = arg;
	s->peer_codecs = CODEC_MASK_ALL;
	s->checkpoint.done = true;
	cr_assert(encoder_setup(s->encoder, rig->request.compress, 0, CODEC_MASK_ALL) == 0);
	s->connection = peer_start(&rig->peers[n], script, rig->request.timeout_ms);
}

struct running {
	struct stream *s;
	int result;
};

static void *
run_stream(void *arg)
{
	struct running *r = arg;

	r->result = run_is_put(r->s->run) ? put_run(r->s) : get_run(r->s);
	if (r->result != 0)
		run_end(r->s->run);
	return NULL;
}

static void
collect(struct rig *rig)
{
	struct transfer_event *event;

	while (queue_try_pop(rig->run.events, &event))
		rig->events[rig->event_count++] = event;
}

int
rig_run(struct rig *rig)
{
	struct running running[RIG_STREAMS] = {0};
	pthread_t threads[RIG_STREAMS];
	int r = 0;

	for (unsigned i = 0; i < rig->stream_count; i++) {
		running[i].s = rig->streams[i];
		if (i > 0)
			cr_assert(pthread_create(&threads[i], NULL, run_stream, &running[i]) == 0);
	}
	run_stream(&running[0]);
	for (unsigned i = 1; i < rig->stream_count; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < rig->stream_count; i++)
		if (r == 0 || (r == FTX_E_INTERRUPTED && running[i].result != 0))
			r = running[i].result;
	collect(rig);
	return r;
}

int
rig_put(struct rig *rig)
{
	pthread_t scanner;
	int r;

	if (rig->run.dest_asked) {
		/* The scanner waits for the stream. */
		cr_assert(pthread_create(&scanner, NULL, scan_main, &rig->run) == 0);
		r = rig_run(rig);
		pthread_join(scanner, NULL);
		return r;
	}
	scan_main(&rig->run);
	return rig_run(rig);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void
rig_streams_end(struct rig *rig)
{
	for (unsigned i = 0; i < rig->stream_count; i++) {
		connection_close(rig->streams[i]->connection);
		rig->streams[i]->connection = NULL;
		peer_join(&rig->peers[i]);
		stream_free(rig->streams[i]);
	}
	rig->stream_count = 0;
}

void
rig_end(struct rig *rig)
{
	struct run *run = &rig->run;

	rig_streams_end(rig);
	work_release(&run->work);
	collect(rig);
	for (size_t i = 0; i < rig->event_count; i++)
		transfer_event_free(rig->events[i]);
	queue_free(run->events);
	transfer_event_free(run->finished);
	close(run->events_fd);
	cancel_release(&run->cancel);
	cancel_release(&run->enough);
	bucket_release(&run->bucket);
	pthread_mutex_destroy(&run->results);
	pthread_cond_destroy(&run->dest_said);
	if (rig->root.local >= 0 && rig->root.local != rig->dir)
		close(rig->root.local);
	free(rig->root.local_path);
	close(rig->dir);
	if (!rig->is_second)
		nftw(rig->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

uint8_t
rig_byte(const char *path, uint64_t offset)
{
	unsigned seed = 0;

	for (; *path != '\0'; path++)
		seed = seed * 31 + (unsigned char)*path;
	return (uint8_t)(seed + offset * 7 + offset / 251);
}

/* By spans in which offset / 251 is the same, since tests fill many megabytes. */
void
rig_fill(uint8_t *out, const char *path, uint64_t offset, size_t length)
{
	unsigned seed = rig_byte(path, 0);

	for (size_t done = 0; done < length;) {
		uint64_t at = offset + done;
		size_t left = length - done, span = 251 - at % 251;
		unsigned first = seed + (unsigned)(at * 7 + at / 251);

		if (span > left)
			span = left;
		for (unsigned i = 0; i < span; i++)
			out[done + i] = (uint8_t)(first + i * 7);
		done += span;
	}
}

bool
rig_is(const uint8_t *bytes, const char *path, uint64_t size)
{
	uint8_t should[4096];
	bool same = true;

	for (uint64_t at = 0; at < size && same; at += sizeof(should)) {
		size_t n = size - at < sizeof(should) ? (size_t)(size - at) : sizeof(should);

		rig_fill(should, path, at, n);
		same = memcmp(bytes + at, should, n) == 0;
	}
	return same;
}

void
rig_directory(struct rig *rig, const char *path)
{
	char above[512];

	snprintf(above, sizeof(above), "%s/", path);
	for (char *slash = strchr(above, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(rig->dir, above, 0755) != 0)
			cr_assert(errno == EEXIST);
		*slash = '/';
	}
}

void
rig_file(struct rig *rig, const char *path, uint64_t size)
{
	char above[512];
	uint8_t *bytes = malloc(size + 1);
	int fd;

	snprintf(above, sizeof(above), "%s", path);
	if (strrchr(above, '/') != NULL) {
		*strrchr(above, '/') = '\0';
		rig_directory(rig, above);
	}
	cr_assert(bytes != NULL);
	rig_fill(bytes, path, 0, size);
	fd = openat(rig->dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	cr_assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
	free(bytes);
}

bool
rig_exists(struct rig *rig, const char *path)
{
	return faccessat(rig->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool
rig_has(struct rig *rig, const char *path, const char *content_path, uint64_t size)
{
	uint8_t *bytes = malloc(size + 1);
	int fd = openat(rig->dir, path, O_RDONLY);
	bool same = bytes != NULL && fd >= 0 && read(fd, bytes, size + 1) == (ssize_t)size &&
		    rig_is(bytes, content_path, size);

	if (fd >= 0)
		close(fd);
	free(bytes);
	return same;
}

static char names[65536];
static size_t names_top;

static int
compare_entries(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

const char *
rig_names(struct rig *rig)
{
	char *top[] = {rig->directory, NULL};
	FTS *fts = fts_open(top, FTS_PHYSICAL | FTS_NOCHDIR, compare_entries);
	FTSENT *e;

	names[0] = '\0';
	names_top = 0;
	while ((e = fts_read(fts)) != NULL) {
		if (e->fts_level == 0 || e->fts_info == FTS_DP)
			continue;
		names_top += (size_t)snprintf(names + names_top, sizeof(names) - names_top,
					      "%s%s%s", names_top > 0 ? " " : "",
					      e->fts_path + strlen(rig->directory) + 1,
					      e->fts_info == FTS_D ? "/" : "");
	}
	fts_close(fts);
	return names;
}

/* Is an event's path that of an entry? */
static bool
is_of(const struct rig *rig, const char *said, const char *path)
{
	size_t length = strlen(rig->source);

	if (said == NULL || strncmp(said, rig->source, length) != 0)
		return false;
	said += length;
	return path[0] == '\0' ? said[0] == '\0' : said[0] == '/' && strcmp(said + 1, path) == 0;
}

const struct transfer_file *
rig_said(struct rig *rig, const char *path)
{
	for (size_t i = 0; i < rig->event_count; i++)
		if (rig->events[i]->type == TRANSFER_FILE &&
		    is_of(rig, rig->events[i]->file.path, path))
			return &rig->events[i]->file;
	return NULL;
}

const struct transfer_error *
rig_error(struct rig *rig, const char *path)
{
	for (size_t i = 0; i < rig->event_count; i++)
		if (rig->events[i]->type == TRANSFER_ERROR &&
		    (path == NULL ? rig->events[i]->error.path == NULL
				  : is_of(rig, rig->events[i]->error.path, path)))
			return &rig->events[i]->error;
	return NULL;
}

unsigned
rig_count(struct rig *rig, enum transfer_event_type type, int error)
{
	unsigned count = 0;

	for (size_t i = 0; i < rig->event_count; i++)
		count += rig->events[i]->type == type &&
			 (error == 0 ||
			  (type == TRANSFER_ERROR && rig->events[i]->error.problem.error == error));
	return count;
}
