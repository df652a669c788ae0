/*
 * The requests of the test of rights that put files.
 */
#include "tests/harness/unit.h"
#include <stdbool.h>

#include "proto/errors.h"
#include "src/store/tree.h"
#include "tests/hostile/session_rights.h"

static int
offer(struct rig *rig, const char *path, unsigned state)
{
	const struct node node = rights_node(path, ENTRY_FILE);
	struct message m = {.type = MESSAGE_OFFER}, answer;
	const struct offer_verdict *v;
	int r;

	m.offer.base = span_of("s");
	m.offer.nodes.items = &node;
	m.offer.nodes.count = 1;
	if ((r = rights_error_of(rig, &m, MESSAGE_VERDICTS, &answer)) != 0)
		return r;
	v = &answer.verdicts.verdicts.items[0];
	if (v->state == TREE_ERROR)
		return error_from_wire(v->code);
	cr_expect_eq(v->state, state, "OFFER of %s: %u", path, v->state);
	return 0;
}

int
ask_offer_absent(struct rig *rig)
{
	return offer(rig, "absent", TREE_ABSENT);
}

int
ask_offer_there(struct rig *rig)
{
	return offer(rig, "there", TREE_DIFFERS);
}

static void
release(struct rig *rig, uint8_t handle)
{
	struct message m = {.type = MESSAGE_RELEASE}, answer;

	m.release.handle = handle;
	m.release.discard = 1;
	(void)rights_error_of(rig, &m, MESSAGE_OK, &answer);
}

static int
open_upload(struct rig *rig, uint8_t handle, const char *path)
{
	const struct message m = rig_open_request(handle, path, RIGHTS_FILE_BYTES);
	struct message answer;

	return rights_error_of(rig, &m, MESSAGE_HAVE, &answer);
}

int
ask_open_there(struct rig *rig)
{
	int r = open_upload(rig, 1, "s/there");

	release(rig, 1);
	return r;
}

int
ask_open_through_link(struct rig *rig)
{
	int r = open_upload(rig, 1, "s/link/x");

	release(rig, 1);
	return r;
}

int
ask_checkpoint(struct rig *rig)
{
	struct message m = {.type = MESSAGE_CHECKPOINT}, answer;
	int r;

	(void)open_upload(rig, 1, "s/checkpoint");
	m.checkpoint.handle = 1;
	r = rights_error_of(rig, &m, MESSAGE_OK, &answer);
	release(rig, 1);
	return r;
}

int
ask_hole(struct rig *rig)
{
	struct message m = {.type = MESSAGE_HOLE};
	int r = open_upload(rig, 1, "s/hole");

	m.hole.handle = 1;
	m.hole.length = RIGHTS_FILE_BYTES;
	rig_send(rig, &m);
	release(rig, 1);
	return r;
}

int
ask_release(struct rig *rig)
{
	struct message m = {.type = MESSAGE_RELEASE}, answer;

	(void)open_upload(rig, 1, "s/release");
	m.release.handle = 1;
	return rights_error_of(rig, &m, MESSAGE_OK, &answer);
}

/* Whole, to path; after: another has made it meanwhile. */
static int
upload(struct rig *rig, const char *path, bool meanwhile)
{
	const struct block_range all = {0, 1};
	struct message m, answer;
	int r;

	(void)open_upload(rig, 1, path);
	m = rig_write(1, 0, rights_content, RIGHTS_FILE_BYTES);
	rig_send(rig, &m);
	if (meanwhile)
		rig_file(rig, path + 2, "other", 5);
	m = rig_commit(1, RIGHTS_FILE_BYTES, rights_content, &all, 1);
	if ((r = rights_error_of(rig, &m, MESSAGE_COMMITTED, &answer)) != 0)
		release(rig, 1);
	return r;
}

int
ask_write(struct rig *rig)
{
	return upload(rig, "s/write", false);
}

int
ask_commit(struct rig *rig)
{
	return upload(rig, "s/commit", false);
}

int
ask_commit_meanwhile(struct rig *rig)
{
	return upload(rig, "s/meanwhile", true);
}

static int
pack(struct rig *rig, const char *path)
{
	struct message m = rig_send_pack(rig, path, rights_content, RIGHTS_FILE_BYTES), answer;
	int r;

	if ((r = rights_error_of(rig, &m, MESSAGE_COMMITTED_PACKS, &answer)) != 0)
		return r;
	return answer.committed_packs.statuses.items[0].code == 0
		   ? 0
		   : error_from_wire(answer.committed_packs.statuses.items[0].code);
}

int
ask_pack(struct rig *rig)
{
	return pack(rig, "pack");
}

int
ask_pack_there(struct rig *rig)
{
	return pack(rig, "there-2");
}

int
ask_pack_over_directory(struct rig *rig)
{
	return pack(rig, "directory");
}
