/*
 * The requests of the test of rights that change nothing.
 */
#include "tests/harness/unit.h"
#include <stdio.h>
#include <sys/stat.h>

#include "proto/errors.h"
#include "src/store/metadata.h"
#include "tests/hostile/session_rights.h"

int
ask_ping(struct rig *rig)
{
	const struct message m = {.type = MESSAGE_PING};
	struct message answer;

	return rights_error_of(rig, &m, MESSAGE_PONG, &answer);
}

int
ask_stat(struct rig *rig)
{
	struct message m = {.type = MESSAGE_STAT}, answer;

	m.stat.path = span_of("s/there");
	return rights_error_of(rig, &m, MESSAGE_ENTRY, &answer);
}

int
ask_list(struct rig *rig)
{
	struct message m = {.type = MESSAGE_LIST}, answer;

	m.list.path = span_of("s");
	return rights_error_of(rig, &m, MESSAGE_OK, &answer);
}

int
ask_next(struct rig *rig)
{
	struct message m = {.type = MESSAGE_LIST}, answer;
	int r;

	m.list.walk = 1;
	m.list.path = span_of("s");
	if ((r = rights_error_of(rig, &m, MESSAGE_OK, &answer)) != 0)
		return r;
	m = (struct message){.type = MESSAGE_NEXT};
	m.next.walk = 1;
	m.next.parts = 1;
	return rights_error_of(rig, &m, MESSAGE_LIST_DONE, &answer);
}

int
ask_statfs(struct rig *rig)
{
	struct message m = {.type = MESSAGE_STATFS}, answer;

	m.statfs.path = span_of("s");
	return rights_error_of(rig, &m, MESSAGE_SPACE, &answer);
}

static int
read_request(struct rig *rig, const char *name)
{
	const struct range all = {.length = RIGHTS_FILE_BYTES};
	struct message m = {.type = MESSAGE_READ}, answer;
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/there", rig->directory);
	cr_assert(stat(path, &st) == 0);
	snprintf(path, sizeof(path), "s/%s", name);
	m.read.path = span_of(path);
	m.read.identity = identity_of(&st);
	m.read.ranges.items = &all;
	m.read.ranges.count = 1;
	return rights_error_of(rig, &m, MESSAGE_DONE, &answer);
}

/* What is said of the one file asked for; the last word is FETCHED. */
static int
fetch_request(struct rig *rig, const char *name)
{
	const struct wanted wanted = {.path = span_of(name), .limit = 100};
	struct message m = {.type = MESSAGE_FETCH}, answer;
	int r;

	m.fetch.base = span_of("s");
	m.fetch.files.items = &wanted;
	m.fetch.files.count = 1;
	rig_send(rig, &m);
	cr_assert_eq(rig_receive(rig, &answer), 0);
	if (answer.type == MESSAGE_ERROR)
		return error_from_wire(answer.error.code);
	cr_assert_eq(answer.type, MESSAGE_DATA_PACK);
	cr_assert_eq(answer.data_pack.items.count, 1);
	r = answer.data_pack.items.items[0].code == 0
		? 0
		: error_from_wire(answer.data_pack.items.items[0].code);
	cr_assert_eq(rig_receive(rig, &answer), 0);
	cr_assert_eq(answer.type, MESSAGE_FETCHED);
	return r;
}

static int
digest_request(struct rig *rig, const char *name)
{
	const struct path_only path = {.path = span_of(name)};
	struct message m = {.type = MESSAGE_DIGEST}, answer;
	int r;

	m.digest.base = span_of("s");
	m.digest.paths.items = &path;
	m.digest.paths.count = 1;
	if ((r = rights_error_of(rig, &m, MESSAGE_DIGESTS, &answer)) != 0)
		return r;
	return answer.digests.digests.items[0].code == 0
		   ? 0
		   : error_from_wire(answer.digests.digests.items[0].code);
}

int
ask_read(struct rig *rig)
{
	return read_request(rig, "there");
}

int
ask_read_directory(struct rig *rig)
{
	return read_request(rig, "directory");
}

int
ask_read_link(struct rig *rig)
{
	return read_request(rig, "link");
}

int
ask_read_below_link(struct rig *rig)
{
	return read_request(rig, "link/x");
}

int
ask_read_missing(struct rig *rig)
{
	return read_request(rig, "missing");
}

int
ask_fetch(struct rig *rig)
{
	return fetch_request(rig, "there");
}

int
ask_fetch_directory(struct rig *rig)
{
	return fetch_request(rig, "directory");
}

int
ask_fetch_link(struct rig *rig)
{
	return fetch_request(rig, "link");
}

int
ask_fetch_below_link(struct rig *rig)
{
	return fetch_request(rig, "link/x");
}

int
ask_fetch_missing(struct rig *rig)
{
	return fetch_request(rig, "missing");
}

int
ask_digest(struct rig *rig)
{
	return digest_request(rig, "there");
}

int
ask_digest_directory(struct rig *rig)
{
	return digest_request(rig, "directory");
}

int
ask_digest_link(struct rig *rig)
{
	return digest_request(rig, "link");
}

int
ask_digest_below_link(struct rig *rig)
{
	return digest_request(rig, "link/x");
}

int
ask_digest_missing(struct rig *rig)
{
	return digest_request(rig, "missing");
}

int
ask_sync(struct rig *rig)
{
	struct message m = {.type = MESSAGE_SYNC}, answer;

	m.sync.share = span_of("s");
	return rights_error_of(rig, &m, MESSAGE_OK, &answer);
}
