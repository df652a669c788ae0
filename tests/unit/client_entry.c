/* Batches and what is in them; roots. */
#include "src/client/entry.h"

#include "tests/harness/unit.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"

static struct root root = {.remote = "s/d", .is_directory = true};

static struct entry
entry_at(const char *path)
{
	return (struct entry){
	    .path = path, .target = "", .metadata = {.type = ENTRY_FILE, .mode = 0600}};
}

Test(batch, owns_copies_of_all_that_an_entry_leads_to)
{
	struct batch *b = batch_new(&root);
	char path[] = "a/b", target[] = "there", user[] = "me", group[] = "us", xattrs[] = "xx";
	struct entry from = entry_at(path), *e;

	from.target = target;
	from.metadata.user = span_of(user);
	from.metadata.group = span_of(group);
	from.metadata.xattrs = span_of(xattrs);
	from.identity.size = 7;
	e = batch_add(b, &from);
	cr_assert(e != NULL && b->count == 1 && e == &b->entries[0]);
	memset(path, '#', sizeof(path) - 1);
	memset(target, '#', sizeof(target) - 1);
	memset(user, '#', sizeof(user) - 1);
	memset(group, '#', sizeof(group) - 1);
	memset(xattrs, '#', sizeof(xattrs) - 1);
	cr_expect_str_eq(e->path, "a/b");
	cr_expect_str_eq(e->target, "there");
	cr_expect(memcmp(e->metadata.user.data, "me", 2) == 0);
	cr_expect(memcmp(e->metadata.group.data, "us", 2) == 0);
	cr_expect(memcmp(e->metadata.xattrs.data, "xx", 2) == 0);
	cr_expect(e->batch == b && b->content == 7 && b->open == 2);
	batch_free(b);
}

/* Copies stay where they are while the batch grows; one larger than a block has its own. */
Test(batch, keeps_every_copy_in_its_place)
{
	enum { COPIES = 500 };
	struct batch *b = batch_new(&root);
	static char *copies[COPIES];
	static char text[100000];

	for (int i = 0; i < COPIES; i++) {
		size_t length = i % 50 == 7 ? sizeof(text) : (size_t)i * 3;

		memset(text, i, sizeof(text));
		copies[i] = batch_copy(b, text, length);
		cr_assert(copies[i] != NULL);
	}
	for (int i = 0; i < COPIES; i++) {
		size_t length = i % 50 == 7 ? sizeof(text) : (size_t)i * 3;

		for (size_t n = 0; n < length; n++)
			cr_assert(copies[i][n] == (char)i);
	}
	batch_free(b);
}

Test(batch, has_room_for_what_one_request_can_say)
{
	struct batch *b = batch_new(&root);
	struct entry e = entry_at("f");

	while (batch_has_room(b, entry_encoded(&e)))
		cr_assert(batch_add(b, &e) != NULL && b->count <= BATCH_ENTRIES);
	cr_expect(b->count == BATCH_ENTRIES, "%zu", b->count);
	batch_free(b);
}

Test(batch, is_full_with_its_bytes_or_its_content)
{
	static uint8_t xattrs[LIMIT_XATTRS_BYTES];
	struct batch *b = batch_new(&root);
	struct entry e = entry_at("f");

	e.metadata.xattrs = (struct span){xattrs, sizeof(xattrs)};
	while (batch_has_room(b, entry_encoded(&e)))
		cr_assert(batch_add(b, &e) != NULL);
	cr_expect(b->count == 2 && b->encoded <= BATCH_BYTES);
	batch_free(b);

	b = batch_new(&root);
	e = entry_at("f");
	e.identity.size = BATCH_CONTENT;
	cr_expect(batch_has_room(b, entry_encoded(&e)));
	cr_assert(batch_add(b, &e) != NULL);
	cr_expect(!batch_has_room(b, entry_encoded(&e)));
	batch_free(b);
}

/* The longest node there can be is alone in its batch, and fits in a record. */
Test(batch, takes_the_largest_entry_alone)
{
	static uint8_t xattrs[LIMIT_XATTRS_BYTES];
	static char path[LIMIT_PATH_BYTES + 1], target[LIMIT_PATH_BYTES + 1],
	    owner[LIMIT_OWNER_BYTES + 1], plain[LIMIT_RECORD_PLAIN], base[LIMIT_PATH_BYTES + 1];
	struct batch *b = batch_new(&root);
	struct entry e = entry_at(path);
	struct message m = {.type = MESSAGE_OFFER};
	struct node n;
	size_t length;

	memset(path, 'p', LIMIT_PATH_BYTES);
	memset(target, 't', LIMIT_PATH_BYTES);
	memset(owner, 'o', LIMIT_OWNER_BYTES);
	memset(base, 'b', LIMIT_PATH_BYTES);
	e.target = target;
	e.metadata.user = e.metadata.group = span_of(owner);
	e.metadata.xattrs = (struct span){xattrs, sizeof(xattrs)};
	cr_expect(batch_has_room(b, entry_encoded(&e)));
	cr_assert(batch_add(b, &e) != NULL);
	entry_node(&b->entries[0], &n);
	m.offer.base = span_of(base);
	m.offer.nodes.items = &n;
	m.offer.nodes.count = 1;
	cr_expect(message_encode(&m, (uint8_t *)plain, sizeof(plain), &length) == 0);
	cr_expect(length <= LIMIT_PATH_BYTES + 16 + entry_encoded(&e));
	batch_free(b);
}

Test(entry, is_a_node_whose_size_counts_for_files_only)
{
	struct entry e = entry_at("l");
	struct node n;

	e.identity.size = 5;
	entry_node(&e, &n);
	cr_expect(n.size == 5 && n.path.length == 1);
	e.metadata.type = ENTRY_SYMLINK;
	e.target = "there";
	entry_node(&e, &n);
	cr_expect(n.size == 0 && n.target.length == 5);
}

static const uint8_t good_xattrs[] = {6, 0, 'u', 's', 'e', 'r', '.', 'a', 1, 0, 'v'};
static const uint8_t bad_xattrs[] = {6, 0, 'u', 's', 'e', 'r', '.', 'a', 2, 0, 'v'};
static const uint8_t our_xattrs[] = {10, 0, 'u', 's', 'e', 'r', '.', 'f', 't', 'x', '.', 'm', 0, 0};

/* T35: what a server may not say a file has become. */
static const struct {
	struct attributes attributes;
	unsigned parts;
	int error;
} refreshed[] = {
    {{.metadata = {.type = ENTRY_FILE}, .identity = {.size = 9}}, 0, 0},
    {{.metadata = {.type = ENTRY_FILE, .flags = METADATA_OWNER}}, METADATA_OWNER, 0},
    {{.metadata = {.type = ENTRY_FILE,
		   .flags = METADATA_XATTRS,
		   .xattrs = {good_xattrs, sizeof(good_xattrs)}}},
     METADATA_XATTRS,
     0},
    {{.metadata = {.type = 0}}, 0, FTX_E_PROTOCOL},
    {{.metadata = {.type = ENTRY_FILE, .flags = METADATA_OWNER}}, METADATA_ACLS, FTX_E_PROTOCOL},
    {{.metadata = {.type = ENTRY_FILE, .flags = METADATA_XATTRS}}, 0, FTX_E_PROTOCOL},
    {{.metadata = {.type = ENTRY_FILE, .xattrs = {bad_xattrs, sizeof(bad_xattrs)}}},
     7,
     FTX_E_PROTOCOL},
    {{.metadata = {.type = ENTRY_FILE, .xattrs = {our_xattrs, sizeof(our_xattrs)}}},
     7,
     FTX_E_PROTOCOL},
    {{.metadata = {.type = ENTRY_FILE}, .identity = {.size = LIMIT_FILE_BYTES + 1}},
     0,
     FTX_E_PROTOCOL},
};

Test(entry, T35_is_brought_up_to_date_with_what_was_asked_for_only)
{
	for (size_t i = 0; i < sizeof(refreshed) / sizeof(refreshed[0]); i++) {
		struct batch *b = batch_new(&root);
		struct entry from = entry_at("f"), *e = batch_add(b, &from);
		int r = entry_refresh(e, &refreshed[i].attributes, refreshed[i].parts);

		cr_expect(r == refreshed[i].error, "case %zu: %s", i, error_name(r));
		cr_expect(r != 0 || e->identity.size == refreshed[i].attributes.identity.size);
		cr_expect(r == 0 || e->metadata.mode == 0600, "case %zu: changed", i);
		batch_free(b);
	}
}

Test(entry, refreshed_metadata_is_copied)
{
	struct batch *b = batch_new(&root);
	struct entry from = entry_at("f"), *e = batch_add(b, &from);
	char user[] = "somebody";
	struct attributes a = {.metadata = {.type = ENTRY_FILE, .user = span_of(user)}};

	cr_expect(entry_refresh(e, &a, 7) == 0);
	memset(user, '#', sizeof(user));
	cr_expect(memcmp(e->metadata.user.data, "somebody", 8) == 0);
	batch_free(b);
}

static const struct {
	const char *top, *path, *joined;
} joins[] = {
    {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a//", "b/c", "a/b/c"},
    {"a", "", "a"},    {"a/", "", "a"},	   {"/", "b", "/b"},
    {"/", "", "/"},    {".", "x", "./x"},  {"../t/", "x", "../t/x"},
};

Test(root, joins_with_one_slash)
{
	for (size_t i = 0; i < sizeof(joins) / sizeof(joins[0]); i++) {
		char *joined = root_join(joins[i].top, joins[i].path);

		cr_expect_str_eq(joined, joins[i].joined, "case %zu: %s", i, joined);
		free(joined);
	}
}

Test(root, says_where_a_path_is_on_the_server)
{
	char out[LIMIT_PATH_BYTES + 1], path[LIMIT_PATH_BYTES + 1];
	size_t longest = LIMIT_PATH_BYTES - strlen(root.remote) - 1;

	cr_expect(root_remote(&root, "a/b", out) == 0);
	cr_expect_str_eq(out, "s/d/a/b");
	cr_expect(root_remote(&root, "", out) == 0);
	cr_expect_str_eq(out, "s/d");
	memset(path, 'x', sizeof(path));
	path[longest] = '\0';
	cr_expect(root_remote(&root, path, out) == 0 && strlen(out) == LIMIT_PATH_BYTES);
	path[longest] = 'x';
	path[longest + 1] = '\0';
	cr_expect(root_remote(&root, path, out) == FTX_E_NAME);
}

Test(root, a_file_has_its_own_name_here)
{
	struct root file = {.local_name = "copy"};
	struct batch *b = batch_new(&file);
	struct entry from = entry_at(""), *e = batch_add(b, &from);

	cr_expect_str_eq(entry_local(e), "copy");
	file.is_directory = true;
	cr_expect_str_eq(entry_local(e), "");
	batch_free(b);
}
