/* -c: verdicts that time and size alone would give are corrected by content. */
#include "src/client/compare.h"

#include "tests/harness/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/secure/match.h"
#include "tests/unit/client_fake.h"
#include "tests/unit/client_served.h"

#define SIZE (LIMIT_BLOCK_BYTES + 100u)

static struct rig rig;

/* The keyed digest of a file of the rig; peer_start()'s key is zeros. */
static void
digest_as_a_server(const char *content_path, uint64_t size, uint8_t out[static MATCH_BYTES])
{
	static const uint8_t key[MATCH_KEY_BYTES];
	uint8_t *bytes = malloc(LIMIT_BLOCK_BYTES);
	struct match match;

	match_start(&match, key, size);
	for (uint64_t at = 0; at < size; at += LIMIT_BLOCK_BYTES) {
		size_t n = size - at < LIMIT_BLOCK_BYTES ? (size_t)(size - at) : LIMIT_BLOCK_BYTES;

		rig_fill(bytes, content_path, at, n);
		match_add(&match, bytes, n);
	}
	match_finish(&match, out);
	free(bytes);
}

static struct plan {
	struct offer_verdict verdict; /* size: relative to the file's */
	bool other_content;
	int code;  /* instead of a digest */
	int error; /* of the whole request */
	int off;   /* of the count */
} plan;

static unsigned asked;

static void
answer(struct peer *p, const char *content_path)
{
	struct path_digest digests[2] = {{.code = (uint16_t)-plan.code, .size = SIZE}};
	struct message m = {.type = MESSAGE_DIGESTS};

	asked += p->message.digest.paths.count;
	cr_assert(p->message.digest.keyed == 1);
	if (plan.code == 0)
		digest_as_a_server(content_path, SIZE, digests[0].digest);
	if (plan.other_content)
		digests[0].digest[0] ^= 1;
	m.digests.digests.items = digests;
	m.digests.digests.count = (uint32_t)(1 + plan.off);
	if (plan.error != 0)
		peer_error(p, plan.error);
	else
		peer_send(p, &m);
}

static bool
answer_of_fake(struct fake *f, struct peer *p)
{
	(void)f;
	if (p->message.type != MESSAGE_DIGEST)
		return false;
	answer(p, "src/f");
	return true;
}

static void
say(const struct node *n, struct offer_verdict *v)
{
	if (n->path.length == 0) {
		v->state = TREE_SAME;
		return;
	}
	*v = plan.verdict;
	v->size += n->size;
}

static const struct {
	struct plan plan;
	enum file_status status;
	enum file_action action;
	bool sent;
	unsigned asked;
	int result;
} cases[] = {
    {{.verdict = {.state = TREE_SAME}}, STATUS_SAME, ACTION_NONE, false, 1, 0},
    {{.verdict = {.state = TREE_SAME}, .other_content = true},
     STATUS_DONE,
     ACTION_REPLACE,
     true,
     1,
     0},
    {{.verdict = {.state = TREE_DIFFERS}}, STATUS_DONE, ACTION_METADATA, false, 1, 0},
    {{.verdict = {.state = TREE_DIFFERS}, .other_content = true},
     STATUS_DONE,
     ACTION_REPLACE,
     true,
     1,
     0},
    {{.verdict = {.state = TREE_METADATA}}, STATUS_DONE, ACTION_METADATA, false, 1, 0},
    {{.verdict = {.state = TREE_METADATA}, .other_content = true},
     STATUS_DONE,
     ACTION_REPLACE,
     true,
     1,
     0},
    /* what is known without */
    {{.verdict = {.state = TREE_DIFFERS, .size = 1}}, STATUS_DONE, ACTION_REPLACE, true, 0, 0},
    {{.verdict = {.state = TREE_ABSENT}}, STATUS_DONE, ACTION_CREATE, true, 0, 0},
    /* what cannot be compared there is another one */
    {{.verdict = {.state = TREE_SAME}, .code = FTX_E_IO}, STATUS_DONE, ACTION_REPLACE, true, 1, 0},
    /* without the right to read there the verdicts stay */
    {{.verdict = {.state = TREE_SAME}, .error = FTX_E_DENIED},
     STATUS_SAME,
     ACTION_NONE,
     false,
     1,
     0},
    /* T26 */
    {{.verdict = {.state = TREE_SAME}, .off = 1},
     STATUS_SAME,
     ACTION_NONE,
     false,
     1,
     FTX_E_PROTOCOL},
    {{.verdict = {.state = TREE_SAME}, .off = -1},
     STATUS_SAME,
     ACTION_NONE,
     false,
     1,
     FTX_E_PROTOCOL},
};

Test(compare, content_decides_of_a_put)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake *fake = fake_new();
		const struct transfer_file *f;
		int r;

		plan = cases[i].plan;
		asked = 0;
		fake->hook = answer_of_fake;
		fake->verdict = say;
		rig_init(&rig, TRANSFER_PUT);
		rig.request.checksum = true;
		rig_file(&rig, "src/f", SIZE);
		rig_start(&rig);
		rig_stream(&rig, fake_serve, fake);
		r = rig_put(&rig);
		f = rig_said(&rig, "f");
		cr_expect(r == cases[i].result && asked == cases[i].asked, "case %zu: %s", i,
			  error_name(r));
		cr_expect(fake_has(fake, "s/d/src/f", "src/f", SIZE) == cases[i].sent, "case %zu",
			  i);
		cr_expect(r != 0 || (f->status == cases[i].status && f->action == cases[i].action),
			  "case %zu", i);
		rig_end(&rig);
		cr_expect_str_eq(fake->broken, "");
		fake_free(fake);
	}
}

/* A file that cannot be read is not the same: it fails when it is sent, not before. */
static bool
remove_it(struct fake *f, struct peer *p)
{
	if (p->message.type == MESSAGE_OFFER)
		cr_assert(unlinkat(rig.dir, "src/f", 0) == 0);
	return answer_of_fake(f, p);
}

Test(compare, T50_what_has_vanished_here_is_left_as_it_was_and_told)
{
	static const uint8_t states[] = {TREE_SAME, TREE_METADATA, TREE_DIFFERS};

	for (size_t i = 0; i < sizeof(states); i++) {
		struct fake *fake = fake_new();

		plan = (struct plan){.verdict = {.state = states[i]}};
		fake->hook = remove_it;
		fake->verdict = say;
		rig_init(&rig, TRANSFER_PUT);
		rig.request.checksum = true;
		rig_file(&rig, "src/f", SIZE);
		rig_start(&rig);
		rig_stream(&rig, fake_serve, fake);
		cr_expect(rig_put(&rig) == 0);
		cr_assert(rig_error(&rig, "f") != NULL, "case %zu", i);
		cr_expect(rig_error(&rig, "f")->problem.error == FTX_E_VANISHED);
		cr_expect(strstr(fake->log, "SETMETA") == NULL);
		rig_end(&rig);
		fake_free(fake);
	}
}

/* get: what is here with another content, of the same size and time, is fetched. */
static const struct served_entry entries[] = {
    {.path = "", .type = ENTRY_DIRECTORY},
    {.path = "f", .type = ENTRY_FILE, .size = SIZE},
};

static bool
answer_of_served(struct served *v, struct peer *p)
{
	(void)v;
	if (p->message.type != MESSAGE_DIGEST)
		return false;
	answer(p, "f");
	return true;
}

Test(compare, content_decides_of_a_get)
{
	for (int same = 0; same < 2; same++) {
		struct served served = {.entries = entries, .count = 2, .hook = answer_of_served};

		plan = (struct plan){0};
		asked = 0;
		rig_init(&rig, TRANSFER_GET);
		rig.request.checksum = true;
		rig_file(&rig, same ? "f" : "other", SIZE);
		if (!same)
			cr_assert(renameat(rig.dir, "other", rig.dir, "f") == 0);
		cr_assert(utimensat(rig.dir, "f", (struct timespec[2]){{1001, 500}, {1001, 500}},
				    0) == 0);
		cr_assert(fchmodat(rig.dir, "f", 0640, 0) == 0);
		rig_start(&rig);
		rig_stream(&rig, served_serve, &served);
		served_push(&rig, &served);
		cr_expect(rig_run(&rig) == 0);
		cr_expect(asked == 1 && served.reads == (same ? 0u : 1u));
		cr_expect(rig_has(&rig, "f", "f", SIZE));
		rig_end(&rig);
	}
}
