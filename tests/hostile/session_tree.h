/*
 * Requests about the entries of a tree, for the tests of what becomes of them.
 */
#ifndef HOSTILE_SESSION_TREE_H
#define HOSTILE_SESSION_TREE_H

#include <sys/stat.h>

#include "proto/message.h"
#include "src/store/tree.h"
#include "tests/hostile/rig.h"

/* The requests whose answers are statuses, with one item each. */
enum request { MKDIR, SYMLINK, LINK, SETMETA, REMOVE, RENAME, REPLACE, REQUESTS };

struct span span_over(const void *data, size_t length);
struct node entry_node(struct span path, uint8_t type);

/*
 * A request with one item; other: the target of a link, the existing name, the new name.  What it
 * refers to is good until the next one.
 */
struct message entry_request(enum request request, const char *base, struct span path,
			     struct span other, uint8_t type);

/* The status that answers it. */
struct item_status entry_ask(struct rig *rig, const struct message *m);

/* Asks in the share "s", and expects this error, 0 for none, and flags. */
void entry_expect(struct rig *rig, enum request request, const char *path, const char *other,
		  uint8_t type, int error, uint8_t flags);

/* What OFFER says of one entry there. */
struct offer_verdict entry_offer(struct rig *rig, struct span path, uint8_t type, uint64_t size,
				 const char *target);
void entry_expect_offer(struct rig *rig, const char *path, uint8_t type, uint64_t size,
			const char *target, enum tree_state state, int error);

/* Behind the session's back: names below the share. */
void entry_path(const struct rig *rig, const char *name, char path[static 512]);
struct stat entry_stat(const struct rig *rig, const char *name);
void entry_make_directory(const struct rig *rig, const char *name);
void entry_make_link(const struct rig *rig, const char *target, const char *name);
void entry_make_fifo(const struct rig *rig, const char *name);
void entry_make_socket(const struct rig *rig, const char *name);

/* COMMIT_PACKS without a pack: what was done is durable. */
void entry_commit_packs(struct rig *rig);

#endif
