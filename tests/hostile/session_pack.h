/*
 * What the tests of small files send: PACK and COMMIT_PACKS in the share "s".
 */
#ifndef HOSTILE_SESSION_PACK_H
#define HOSTILE_SESSION_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"
#include "tests/hostile/rig.h"

enum { PACK_LAST = 1, PACK_DROPPED = 2 }; /* flags of an item */

/* Bytes that no codec makes much smaller, the same each time. */
void pack_fill(uint8_t *out, size_t length);

/* A whole file, and a part of one; path is borrowed. */
struct packed pack_item(const char *path, const void *data, size_t length);
struct packed pack_part(const char *path, const uint8_t *data, uint64_t size, uint64_t offset,
			size_t length, uint8_t flags);

/* Both are borrowed. */
struct message pack_request(const struct packed *list, uint32_t count, const void *data,
			    size_t length);
void pack_send(struct rig *rig, const struct packed *list, uint32_t count, const void *data,
	       size_t length);

struct message pack_commit(uint32_t count);

/* Commits count items, which must have these statuses; NULL: all are fine. */
void pack_expect_statuses(struct rig *rig, uint32_t count, const int *expected);

/* Behind the session's back: a file of the share, and how many there are in its staging. */
bool pack_content_is(struct rig *rig, const char *name, const void *data, size_t length);
unsigned pack_left_in_staging(const struct rig *rig);

#endif
