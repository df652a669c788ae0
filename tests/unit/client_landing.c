/* Where sources land: what each end is asked. */
#include "src/client/landing.h"

#include "tests/harness/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "tests/unit/client_peer.h"

static struct rig rig;

static const struct {
	const char *dest;
	bool trailing_slash;
	size_t sources;
	bool no_target_directory;
	bool asks;
} questions[] = {
    {"s/d", false, 1, false, true},  {"s/d", true, 1, false, false}, {"s", false, 1, false, false},
    {"s/d", false, 2, false, false}, {"s/d", false, 1, true, true},
};

Test(landing, the_server_is_asked_only_where_that_decides)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct transfer_request request = {.verb = TRANSFER_PUT,
						   .source_count = questions[i].sources,
						   .no_target_directory =
						       questions[i].no_target_directory};
		struct address *remote = calloc(1, sizeof(*remote));
		struct run run = {.request = &request, .remotes = remote};

		strcpy(remote->path, questions[i].dest);
		remote->trailing_slash = questions[i].trailing_slash;
		cr_expect(landing_asks(&run) == questions[i].asks, "case %zu", i);
		request.verb = TRANSFER_GET;
		cr_expect(!landing_asks(&run));
		free(remote);
	}
}

/* What the server says of the destination. */
static void
answer(struct peer *p)
{
	struct message m = {.type = MESSAGE_ENTRY};

	if (!peer_receive(p) || p->message.type != MESSAGE_STAT)
		return;
	m.entry.attributes.metadata.type = (uint8_t)p->step;
	if (p->step == ENTRY_SYMLINK)
		m.entry.attributes.target = span_of("to");
	if (p->step < 0)
		peer_error(p, p->step);
	else
		peer_send(p, &m);
	peer_linger(p);
}

static const struct {
	int answer;	   /* a type or an error */
	const char *lands; /* NULL: nowhere */
} answers[] = {
    {ENTRY_FILE, "s/d"},      {ENTRY_DIRECTORY, "s/d/src"}, {ENTRY_SYMLINK, NULL},
    {FTX_E_NOT_FOUND, "s/d"}, {FTX_E_DENIED, "s/d"},
};

Test(landing, a_file_goes_into_a_directory_and_else_gets_its_name)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct landing_question question = {.run = &rig.run};
		struct connection *c;
		struct problem p;

		rig_init(&rig, TRANSFER_PUT);
		rig_start(&rig);
		rig.remote.trailing_slash = false;
		rig.run.dest_asked = true;
		rig.peers[0].step = answers[i].answer;
		rig_stream(&rig, answer, NULL);
		c = rig.streams[0]->connection;
		cr_expect(landing_ask(&question, c) == 0);
		cr_expect(landing_take(&rig.run, &question, c) == 0);
		if (answers[i].lands == NULL) {
			cr_expect(landing_put(&rig.run, &rig.root, &p) == FTX_E_IS_LINK);
			cr_expect_str_eq(p.text, "'d' is a link to 'to': use that");
		} else {
			cr_expect(landing_put(&rig.run, &rig.root, &p) == 0);
			cr_expect_str_eq(rig.root.remote, answers[i].lands, "case %zu: %s", i,
					 rig.root.remote);
		}
		cr_expect(rig.root.absent == (answers[i].answer == FTX_E_NOT_FOUND));
		rig_end(&rig);
	}
}

static void *
wait_for_landing(void *arg)
{
	struct problem p;

	return landing_put(&rig.run, arg, &p) == 0 ? arg : NULL;
}

/* A stream that ends before it could ask lets the scanner go. */
Test(landing, nobody_waits_for_a_look_that_does_not_come)
{
	pthread_t scanner;
	void *landed;

	rig_init(&rig, TRANSFER_PUT);
	rig_start(&rig);
	rig.remote.trailing_slash = false;
	rig.run.dest_asked = true;
	cr_assert(pthread_create(&scanner, NULL, wait_for_landing, &rig.root) == 0);
	landing_give_up(&rig.run);
	pthread_join(scanner, &landed);
	cr_expect(landed == &rig.root);
	rig_end(&rig);
}

/* get: below a directory of the test's, where "there/" is one and "file" is none. */
static const struct {
	const char *remote;
	bool is_directory;
	const char *dest; /* below the rig's directory */
	bool no_target_directory, dry_run;
	const char *local_path; /* likewise; NULL: an error */
	const char *local_name;
	int error;
	const char *names; /* afterwards */
} gets[] = {
    {"s/f", false, "new", false, false, "new", "new", 0, "file there/"},
    {"s/f", false, "new/", false, false, "new/f", "f", 0, "file new/ there/"},
    {"s/f", false, "there", false, false, "there/f", "f", 0, "file there/"},
    {"s/f", false, "there", true, false, NULL, "", FTX_E_CONFLICT, "file there/"},
    {"s/f", false, "file", false, false, "file", "file", 0, "file there/"},
    {"s/f", false, "a/b/new", false, false, "a/b/new", "new", 0, "a/ a/b/ file there/"},
    {"s/f", false, "a/b/new", false, true, "a/b/new", "", 0, "file there/"},
    {"s/d", true, "new", false, false, "new/d", "", 0, "file new/ new/d/ there/"},
    {"s/d", true, "new", true, false, "new", "", 0, "file new/ there/"},
    {"s/d", true, "there", false, false, "there/d", "", 0, "file there/ there/d/"},
    {"s/d", true, "there", true, false, "there", "", 0, "file there/"},
    {"s", true, "there", false, false, "there", "", 0, "file there/"},
    {"s/d", true, "new", false, true, "new/d", "", 0, "file there/"},
    {"s/d", true, "file", true, false, NULL, "", FTX_E_CONFLICT, "file there/"},
    {"s/.ftx-1", false, "there", false, false, NULL, "", FTX_E_NAME, "file there/"},
};

Test(landing, a_get_lands_where_the_rule_says_and_makes_what_is_above)
{
	for (size_t i = 0; i < sizeof(gets) / sizeof(gets[0]); i++) {
		char dest[160], expected[160];
		struct problem p = {0};
		int r;

		rig_init(&rig, TRANSFER_GET);
		rig_directory(&rig, "there");
		rig_file(&rig, "file", 1);
		rig_start(&rig);
		snprintf(dest, sizeof(dest), "%s/%s", rig.directory, gets[i].dest);
		rig.request.dest = dest;
		rig.request.no_target_directory = gets[i].no_target_directory;
		rig.request.dry_run = gets[i].dry_run;
		free(rig.root.local_path);
		rig.root = (struct root){.is_directory = gets[i].is_directory, .local = -1};
		strcpy(rig.root.remote, gets[i].remote);
		r = landing_get(&rig.run, &rig.root, &p);
		cr_expect(gets[i].local_path != NULL ? r == 0 : r == gets[i].error, "case %zu: %s",
			  i, p.text);
		cr_expect_str_eq(rig_names(&rig), gets[i].names, "case %zu: %s", i,
				 rig_names(&rig));
		if (gets[i].local_path != NULL) {
			snprintf(expected, sizeof(expected), "%s/%s", rig.directory,
				 gets[i].local_path);
			cr_expect_str_eq(rig.root.local_path, expected, "case %zu: %s", i,
					 rig.root.local_path);
			cr_expect_str_eq(rig.root.local_name, gets[i].local_name, "case %zu", i);
			cr_expect(gets[i].dry_run || rig.root.local >= 0, "case %zu", i);
		}
		rig_end(&rig);
	}
}
