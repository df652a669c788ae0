/* T35: what a hostile server may answer when small files are asked for. */
#include "tests/unit/client_served.h"

#include "tests/harness/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/errors.h"

#define C_BYTES (600u << 10) /* in three parts */

static const struct served_entry entries[] = {
    {.path = "", .type = ENTRY_DIRECTORY},
    {.path = "a", .type = ENTRY_FILE, .size = 1000},
    {.path = "b", .type = ENTRY_FILE, .size = 2000},
    {.path = "c", .type = ENTRY_FILE, .size = C_BYTES},
    {.path = "d", .type = ENTRY_FILE, .size = 0},
};
#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

static struct rig rig;
static struct served served;

static int
get(bool (*hook)(struct served *v, struct peer *p))
{
	served = (struct served){.entries = entries, .count = ENTRIES, .hook = hook};
	rig_init(&rig, TRANSFER_GET);
	rig_start(&rig);
	rig.run.rate = 16 << 20; /* c is small */
	rig_stream(&rig, served_serve, &served);
	served_push(&rig, &served);
	return rig_run(&rig);
}

Test(client_get_fetch, takes_what_it_asked_for)
{
	struct stat st;

	cr_expect(get(NULL) == 0);
	cr_expect(served.fetches == 1 && served.reads == 0);
	cr_expect(rig_has(&rig, "a", "a", 1000) && rig_has(&rig, "b", "b", 2000) &&
		  rig_has(&rig, "c", "c", C_BYTES) && rig_has(&rig, "d", "d", 0));
	cr_expect(fstatat(rig.dir, "c", &st, 0) == 0 && st.st_mtim.tv_sec == 1003 &&
		  st.st_mtim.tv_nsec == 500 && (st.st_mode & 07777) == 0640);
	/* the directory's own time comes last */
	cr_expect(fstat(rig.dir, &st) == 0 && st.st_mtim.tv_sec == 1000);
	cr_expect(rig.run.outcome.done == 4 && rig.run.files == 4);
	cr_expect(rig.run.bytes == 3000 + C_BYTES && rig.run.bytes == rig.run.bytes_total);
	cr_expect(rig_said(&rig, "c")->has_digest && rig_said(&rig, "c")->bytes_sent == C_BYTES);
	cr_expect_str_eq(rig_names(&rig), "a b c d");
	rig_end(&rig);
}

static const uint8_t bad_xattrs[] = {6, 0, 'u', 's', 'e', 'r', '.', 'a', 2, 0, 'v'};

enum lie {
	INDEX_SKIPPED,
	INDEX_AGAIN,
	INDEX_BEYOND,
	INDEX_BACK,
	OFFSET_AT_FIRST,
	OFFSET_GAP,
	OFFSET_AGAIN,
	SIZE_OVER_LIMIT,
	SIZE_HUGE,
	SIZE_CHANGES,
	LENGTH_OVER_SIZE,
	LAST_EARLY,
	LAST_MISSING,
	EMPTY_PART,
	SUM_TOO_SMALL,
	SUM_TOO_LARGE,
	DATA_SHORT,
	CODEC_JUNK,
	CODEC_OF_NOTHING,
	NO_ITEMS,
	TYPE_DIRECTORY,
	TYPE_SYMLINK,
	TYPE_NONE,
	FLAGS_NOT_ASKED_FOR,
	XATTRS_MALFORMED,
	FILE_MORE,
	FILE_AGAIN,
	AFTER_THE_END,
	END_EARLY,
	END_IN_A_FILE,
	COUNT_LESS,
	COUNT_MORE,
	FAILED_MORE,
	DATA_OF_READ,
	LIES
};

static void
swap(struct served_answer *a, unsigned i, unsigned k)
{
	struct message m = a->parts[i];

	a->parts[i] = a->parts[k];
	a->parts[k] = m;
}

/* The honest answer: {a b c} {c} {c d} FETCHED. */
static void
spoil(struct served_answer *a, enum lie how)
{
	struct fetched *first = a->items[0], *second = a->items[1], *third = a->items[2];

	cr_assert(a->count == 4 && a->parts[0].data_pack.items.count == 3);
	switch (how) {
	case INDEX_SKIPPED:
		first[1].index = 2;
		break;
	case INDEX_AGAIN:
		first[1].index = 0;
		break;
	case INDEX_BEYOND:
		first[0].index = LIMIT_ENTRIES - 1;
		break;
	case INDEX_BACK:
		second[0].index = 1;
		break;
	case OFFSET_AT_FIRST:
		first[0].offset = 1;
		first[0].length--;
		break;
	case OFFSET_GAP:
		second[0].offset++;
		break;
	case OFFSET_AGAIN:
		second[0].offset = 0;
		break;
	case SIZE_OVER_LIMIT:
		first[2].size = (4 << 20) + 1;
		break;
	case SIZE_HUGE:
		first[2].size = LIMIT_GROUP_BYTES;
		break;
	case SIZE_CHANGES:
		second[0].size++;
		break;
	case LENGTH_OVER_SIZE:
		first[0].size -= 1;
		break;
	case LAST_EARLY:
		first[2].flags = 1;
		break;
	case LAST_MISSING:
		first[0].flags = 0;
		break;
	case EMPTY_PART:
		first[2].length = 0;
		a->parts[0].data_pack.raw_length = 3000;
		a->parts[0].data_pack.data.length = 3000;
		break;
	case SUM_TOO_SMALL:
		first[0].size = first[0].length = 500;
		break;
	case SUM_TOO_LARGE:
		first[0].size = first[0].length = 2000;
		break;
	case DATA_SHORT:
		a->parts[0].data_pack.data.length--;
		break;
	case CODEC_JUNK:
		a->parts[0].data_pack.codec = CODEC_ZSTD;
		break;
	case CODEC_OF_NOTHING:
		for (unsigned i = 0; i < 3; i++)
			first[i].code = -FTX_E_DENIED;
		a->parts[0].data_pack.raw_length = 0;
		a->parts[0].data_pack.codec = CODEC_ZSTD;
		break;
	case NO_ITEMS: /* and all that was asked for behind it */
		memmove(&a->parts[1], &a->parts[0], a->count++ * sizeof(a->parts[0]));
		a->parts[0] = (struct message){.type = MESSAGE_DATA_PACK};
		break;
	case TYPE_DIRECTORY:
		first[0].metadata.type = ENTRY_DIRECTORY;
		break;
	case TYPE_SYMLINK:
		first[0].metadata.type = ENTRY_SYMLINK;
		break;
	case TYPE_NONE:
		first[0].metadata.type = 0;
		break;
	case FLAGS_NOT_ASKED_FOR:
		first[0].metadata.flags = METADATA_ACLS;
		break;
	case XATTRS_MALFORMED:
		first[0].metadata.xattrs = (struct span){bad_xattrs, sizeof(bad_xattrs)};
		break;
	case FILE_MORE:
		third[2] = third[1];
		third[2].index = 4;
		a->parts[2].data_pack.items.count = 3;
		break;
	case FILE_AGAIN:
		third[2] = third[1];
		a->parts[2].data_pack.items.count = 3;
		break;
	case AFTER_THE_END:
		swap(a, 2, 3);
		break;
	case END_EARLY:
		third[0].flags = 1;
		a->parts[2].data_pack.items.count = 1; /* d is missing */
		break;
	case END_IN_A_FILE:
		swap(a, 1, 3);
		break;
	case COUNT_LESS:
		a->parts[3].fetched.count--;
		break;
	case COUNT_MORE:
		a->parts[3].fetched.count++;
		break;
	case FAILED_MORE:
		third[2] = (struct fetched){.index = 4, .code = -FTX_E_DENIED};
		a->parts[2].data_pack.items.count = 3;
		break;
	case DATA_OF_READ:
		a->parts[1] = served_chunk("a", 0, 10);
		break;
	case LIES:
		abort();
	}
}

static enum lie telling;

static bool
tell(struct served *v, struct peer *p)
{
	struct served_answer *a;

	if (p->message.type != MESSAGE_FETCH)
		return false;
	a = served_fetch(v, &p->message.fetch);
	spoil(a, telling);
	for (unsigned i = 0; i < a->count; i++)
		if (!peer_send(p, &a->parts[i]))
			break;
	free(a);
	peer_linger(p);
	return true;
}

/* Whatever it says: nothing but what was asked for is made, and that is right. */
Test(client_get_fetch, T35_an_answer_that_was_not_asked_for_ends_the_connection)
{
	for (telling = 0; telling < LIES; telling++) {
		int r = get(tell);

		cr_expect(r == FTX_E_PROTOCOL, "lie %u: %s", telling, error_name(r));
		rig_streams_end(&rig);
		cr_expect_str_eq(rig_names(&rig), "", "lie %u: %s", telling, rig_names(&rig));
		rig_end(&rig);
	}
}

/* One file's trouble is its own. */
static struct {
	unsigned part, item;
	int code;    /* instead of content */
	bool rotten; /* a digest that is wrong */
	bool twice;  /* also where the file is asked for by itself, once more */
} spoiled;

static bool
spoil_one(struct served *v, struct peer *p)
{
	struct served_answer *a;

	if (p->message.type != MESSAGE_FETCH)
		return false;
	a = served_fetch(v, &p->message.fetch);
	if (v->step++ > 0) {
		a->items[0][0].digest[5] ^= spoiled.twice;
		for (unsigned i = 0; i < a->count; i++)
			peer_send(p, &a->parts[i]);
		free(a);
		return true;
	}
	for (unsigned i = 0; i < a->count; i++) {
		struct fetched *item = &a->items[i][spoiled.item];
		struct message_data_pack *m = &a->parts[i].data_pack;

		if (i == spoiled.part && spoiled.rotten) {
			item->digest[5] ^= 1;
		} else if (i == spoiled.part) {
			/* Its bytes are left out, and what else there is of it. */
			uint8_t *at = a->data[i];

			for (unsigned n = 0; n < spoiled.item; n++)
				at += a->items[i][n].length;
			memmove(at, at + item->length,
				(size_t)(a->data[i] + m->raw_length - at) - item->length);
			m->raw_length -= item->length;
			m->data.length = m->raw_length;
			item->code = (uint16_t)-spoiled.code;
			item->length = 0;
		}
		peer_send(p, &a->parts[i]);
	}
	free(a);
	return true;
}

static const struct {
	unsigned part, item;
	int code;
	bool rotten;
	const char *path;
	int error;
} troubles[] = {
    {0, 0, 0, true, "a", FTX_E_MISMATCH},
    {0, 1, 0, true, "b", FTX_E_MISMATCH},
    {0, 2, 0, true, "c", FTX_E_MISMATCH},
    {1, 0, 0, true, "c", FTX_E_MISMATCH},
    {2, 0, 0, true, "c", FTX_E_MISMATCH},
    {2, 1, 0, true, "d", FTX_E_MISMATCH},
    {0, 0, FTX_E_DENIED, false, "a", FTX_E_DENIED},
    {0, 1, FTX_E_NOT_FOUND, false, "b", FTX_E_VANISHED},
    {0, 1, FTX_E_TOO_LARGE, false, "b", FTX_E_CHANGED},
    {2, 0, FTX_E_CHANGED, false, "c", FTX_E_CHANGED},
    {2, 0, FTX_E_NOT_FOUND, false, "c", FTX_E_VANISHED},
    {2, 0, FTX_E_IO, false, "c", FTX_E_IO},
    {2, 1, FTX_E_IO, false, "d", FTX_E_IO},
};

/* Whose trouble it is for good, with the others as they should be. */
static void
check_trouble(size_t i)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	const struct transfer_error *e = rig_error(&rig, troubles[i].path);

	cr_assert(e != NULL, "case %zu", i);
	cr_expect(e->problem.error == troubles[i].error && e->problem.side == SIDE_REMOTE,
		  "case %zu: %s", i, error_name(e->problem.error));
	cr_expect(rig_count(&rig, TRANSFER_ERROR, 0) == 1);
	cr_expect(rig.run.outcome.done == 3 && rig.run.outcome.failed == 1);
	for (unsigned n = 0; n < 4; n++) {
		bool bad = strcmp(names[n], troubles[i].path) == 0;

		cr_expect(rig_exists(&rig, names[n]) == !bad, "case %zu: %s", i, names[n]);
		cr_expect(bad || rig_has(&rig, names[n], names[n], entries[n + 1].size));
	}
}

static void
get_spoiled(size_t i, bool twice)
{
	spoiled.part = troubles[i].part;
	spoiled.item = troubles[i].item;
	spoiled.code = troubles[i].code;
	spoiled.rotten = troubles[i].rotten;
	spoiled.twice = twice;
	cr_expect(get(spoil_one) == 0, "case %zu", i);
	cr_expect(served.step == (troubles[i].rotten ? 2 : 1), "case %zu: asked %d times", i,
		  served.step);
}

Test(client_get_fetch, T25_a_file_that_came_wrong_once_is_asked_for_again)
{
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		if (!troubles[i].rotten)
			continue;
		get_spoiled(i, false);
		cr_expect(rig_count(&rig, TRANSFER_ERROR, 0) == 0 && rig.run.outcome.done == 4,
			  "case %zu", i);
		cr_expect(rig_has(&rig, troubles[i].path, troubles[i].path,
				  entries[troubles[i].path[0] - 'a' + 1].size));
		cr_expect(rig.run.bytes == rig.run.bytes_total);
		rig_end(&rig);
	}
}

Test(client_get_fetch, T25_a_file_that_came_wrong_twice_is_not_published_and_the_others_are)
{
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		get_spoiled(i, true);
		check_trouble(i);
		rig_streams_end(&rig);
		cr_expect(strstr(rig_names(&rig), ".ftx") == NULL, "%s", rig_names(&rig));
		rig_end(&rig);
	}
}

/* The request fails as a whole, before or amid its files. */
static bool
fail_after(struct served *v, struct peer *p)
{
	struct served_answer *a;

	if (p->message.type != MESSAGE_FETCH)
		return false;
	a = served_fetch(v, &p->message.fetch);
	for (unsigned i = 0; i < spoiled.part; i++)
		peer_send(p, &a->parts[i]);
	free(a);
	return peer_error(p, FTX_E_OTHER_FILE_SYSTEM);
}

Test(client_get_fetch, the_error_of_a_request_is_that_of_the_files_that_did_not_come)
{
	for (spoiled.part = 0; spoiled.part <= 2; spoiled.part++) {
		unsigned came = spoiled.part > 0 ? 2 : 0;

		cr_expect(get(fail_after) == 0);
		cr_expect(rig_count(&rig, TRANSFER_ERROR, FTX_E_OTHER_FILE_SYSTEM) == 4 - came,
			  "%u: %u", spoiled.part, rig_count(&rig, TRANSFER_ERROR, 0));
		cr_expect(rig.run.outcome.done == came);
		cr_expect_str_eq(rig_names(&rig), came > 0 ? "a b" : "");
		rig_end(&rig);
	}
}

static bool
hang_up(struct served *v, struct peer *p)
{
	struct served_answer *a;

	if (p->message.type != MESSAGE_FETCH)
		return false;
	a = served_fetch(v, &p->message.fetch);
	peer_send(p, &a->parts[0]);
	peer_send(p, &a->parts[1]);
	free(a);
	v->over = true;
	return true;
}

Test(client_get_fetch, a_lost_connection_leaves_nothing_half)
{
	cr_expect(get(hang_up) == FTX_E_CLOSED);
	rig_streams_end(&rig);
	cr_expect_str_eq(rig_names(&rig), "");
	rig_end(&rig);
}

/* What has come is published, and all else is begun anew: that of which a part has come too. */
Test(client_get_fetch, of_a_lost_connection_what_is_whole_is_kept)
{
	struct stream *s;
	unsigned begun = 0;

	cr_expect(get(hang_up) == FTX_E_CLOSED);
	s = rig.streams[0];
	connection_free(s->connection);
	s->connection = NULL;
	atomic_store(&rig.run.over, false); /* as where another one goes on */
	get_lost(s);
	cr_expect_str_eq(rig_names(&rig), "a b");
	cr_expect(rig.run.outcome.done == 2 && rig.run.outcome.failed == 0);
	cr_assert(s->again != NULL && s->again->next == NULL && s->again->redo);
	for (size_t i = 0; i < s->again->count; i++)
		begun += s->again->entries[i].begun;
	cr_expect(begun == s->again->count - 2, "%u of %zu", begun, s->again->count);
	cr_expect(s->requests.first == NULL);
	rig_end(&rig);
}

/* It grew, within the limit: it is taken as it is. */
static bool
grow(struct served *v, struct peer *p)
{
	static struct served_entry grown[ENTRIES];
	struct served later = *v;
	struct served_answer *a;

	if (p->message.type != MESSAGE_FETCH)
		return false;
	memcpy(grown, entries, sizeof(entries));
	grown[1].size = 5000;
	later.entries = grown;
	a = served_fetch(&later, &p->message.fetch);
	for (unsigned i = 0; i < a->count; i++)
		peer_send(p, &a->parts[i]);
	free(a);
	return true;
}

Test(client_get_fetch, T50_a_file_is_taken_as_it_is_now)
{
	cr_expect(get(grow) == 0);
	cr_expect(rig_has(&rig, "a", "a", 5000));
	cr_expect(rig_said(&rig, "a")->bytes == 5000);
	cr_expect(rig.run.bytes == rig.run.bytes_total && rig.run.bytes == 7000 + C_BYTES);
	rig_end(&rig);
}
