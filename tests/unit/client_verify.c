#include "src/client/verify.h"

#include "tests/harness/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/store/metadata.h"
#include "tests/unit/client_lines.h"

#define LONG_MS 10000

static const char *const names[] = {"a", "b", "c"}; /* empty files of this end */
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static char directory[64];
static FILE *results;

static void
begin(void)
{
	unit_directory(directory, sizeof(directory), "verify");
	for (size_t i = 0; i < NAMES; i++) {
		char path[80];

		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	}
}

static void
end(void)
{
	for (size_t i = 0; i < NAMES; i++) {
		char path[80];

		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	rmdir(directory);
}

TestSuite(client_verify, .init = begin, .fini = end);

/* What the server says of its files, one word each, and then of their digests. */
static struct {
	const char *lines;
	int error;	       /* of DIGEST as a whole */
	int codes[NAMES];      /* of each file */
	int wrong;	       /* this one's digest is that of something else; -1: none */
	uint64_t sizes[NAMES]; /* as read for the digest */
	uint32_t too_many;     /* digests nobody asked for */
} there;

static void
say_digests(struct peer *p)
{
	static const uint8_t key[MATCH_KEY_BYTES]; /* of the peer's connection */
	struct message m = {.type = MESSAGE_DIGESTS};
	struct path_digest digests[NAMES + 1] = {0};
	uint32_t count = p->message.digest.paths.count;

	cr_expect(p->message.digest.keyed == 1);
	for (uint32_t i = 0; i < count && i < NAMES; i++) {
		struct match match;

		match_start(&match, key, 0);
		match_finish(&match, digests[i].digest);
		digests[i].code = (uint16_t)-there.codes[i];
		digests[i].size = there.sizes[i];
		if (there.wrong == (int)i)
			digests[i].digest[0] ^= 1;
	}
	m.digests.digests.items = digests;
	m.digests.digests.count = count + there.too_many;
	peer_send(p, &m);
}

static void
say_there(struct peer *p)
{
	if (!lines_until_next(p))
		return;
	lines_send_done(p, lines_send(p, there.lines));
	while (peer_receive(p)) {
		if (p->message.type != MESSAGE_DIGEST)
			return;
		if (there.error != 0)
			peer_error(p, there.error);
		else
			say_digests(p);
	}
}

/* "a" equal, "a!denied" an error, with a second mark where it was said before; "a:only here". */
static void
on_result(void *arg, const struct verify_result *r)
{
	(void)arg;
	fprintf(results, "%s", r->path);
	if (r->problem != NULL)
		fprintf(results, "!%s%s%s", side_name(r->problem->side), r->repeated ? "!" : ":",
			error_name(r->problem->error));
	for (unsigned i = 0; i < DIFFERENCE_COUNT; i++)
		if ((r->differences & 1u << i) != 0)
			fprintf(results, ":%s", difference_text((enum difference)i));
	fputs(" ", results);
}

static void
on_progress(void *arg, const struct transfer_progress *progress)
{
	(void)arg;
	cr_expect(progress->files <= progress->files_total);
}

static char *
verify_text(int *error)
{
	struct peer p = {0};
	struct connection *c = peer_start(&p, say_there, LONG_MS);
	struct attributes top = {.metadata = {.type = ENTRY_DIRECTORY}};
	const struct verify_request request = {.local = directory,
					       .remote = "s/d",
					       .top = &top,
					       .cancel = &p.cancel,
					       .on_result = on_result,
					       .on_progress = on_progress};
	struct transfer_progress progress;
	struct problem problem = {0};
	char *text;
	size_t size;

	results = open_memstream(&text, &size);
	*error = verify_run(c, &request, &progress, &problem);
	cr_expect(problem.error == *error);
	cr_expect(*error != 0 || (progress.scanned && progress.files == progress.files_total),
		  "%llu of %llu", (unsigned long long)progress.files,
		  (unsigned long long)progress.files_total);
	connection_close(c);
	peer_join(&p);
	fclose(results);
	return text;
}

static void
expect_results(const char *expected)
{
	int error;
	char *text = verify_text(&error);

	cr_expect(error == 0, "%s", error_name(error));
	cr_expect_str_eq(text, expected, "\"%s\", not \"%s\"", text, expected);
	free(text);
	memset(&there, 0, sizeof(there));
}

Test(client_verify, finds_equal_and_other_content)
{
	there.lines = "< a b c";
	there.wrong = -1;
	expect_results(" a b c ");
	there.lines = "< a b d";
	there.wrong = 1;
	expect_results(" c:only here d:only there a b:content differs ");
}

Test(client_verify, says_once_that_there_is_no_right_to_digests)
{
	there.lines = "< a b c d/ <d";
	there.error = FTX_E_DENIED;
	expect_results(" d:only there !remote:denied a!remote!denied b!remote!denied "
		       "c!remote!denied ");
}

Test(client_verify, names_each_file_that_the_server_cannot_read)
{
	there.lines = "< a b c";
	there.wrong = -1;
	there.codes[0] = FTX_E_DENIED;
	there.codes[1] = FTX_E_NOT_FOUND;
	there.sizes[2] = 7;
	expect_results(" a!remote:denied b!remote:vanished c!remote:changed ");
}

Test(client_verify, does_not_miss_what_could_not_be_listed)
{
	there.lines = "< a! !";
	there.wrong = -1;
	expect_results(" a!remote:vanished !remote:denied ");
	there.lines = "< a b c d!/ <d ! x";
	there.wrong = -1;
	expect_results(" d!remote:vanished a b c ");
}

Test(client_verify, another_number_of_digests_ends_the_connection)
{
	int error;

	there.lines = "< a b";
	there.wrong = -1;
	there.too_many = 1;
	free(verify_text(&error));
	cr_expect(error == FTX_E_PROTOCOL);
}

Test(client_verify, ends_where_it_is_told_to)
{
	struct peer p = {0};
	struct connection *c = peer_start(&p, peer_linger, LONG_MS);
	struct attributes top = {.metadata = {.type = ENTRY_DIRECTORY}};
	const struct verify_request request = {.local = directory,
					       .remote = "s/d",
					       .top = &top,
					       .cancel = &p.cancel,
					       .on_result = on_result,
					       .on_progress = on_progress};
	struct transfer_progress progress;
	struct problem problem = {0};

	results = stderr;
	cancel_request(&p.cancel);
	cr_expect(verify_run(c, &request, &progress, &problem) == FTX_E_INTERRUPTED);
	cr_expect(problem.error == FTX_E_INTERRUPTED);
	connection_close(c);
	peer_join(&p);
}
