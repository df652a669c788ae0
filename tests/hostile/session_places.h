/*
 * Everything that a client may ask about a path, one after the other, for the tests of paths that
 * lead elsewhere.
 */
#ifndef HOSTILE_SESSION_PLACES_H
#define HOSTILE_SESSION_PLACES_H

#include "proto/message.h"
#include "tests/hostile/rig.h"

enum { PLACE_TEXT_BYTES = 4 };
extern const char place_text[PLACE_TEXT_BYTES + 1]; /* what is put */

/* Path without the share; the error, 0 for none. */
struct way {
	const char *name;
	int (*ask)(struct rig *rig, const char *path);
};
enum { WAYS = 18 };
extern const struct way ways[WAYS];

/* The error of the answer, or of its only item; 0 for none. */
int place_ask(struct rig *rig, const struct message *m);

/* Some of ways. */
int place_fetch(struct rig *rig, const char *path);
int place_mkdir(struct rig *rig, const char *path);
int place_offer(struct rig *rig, const char *path);
int place_pack(struct rig *rig, const char *path);
int place_put(struct rig *rig, const char *path);
int place_rename_from(struct rig *rig, const char *path);
int place_statfs(struct rig *rig, const char *path);

#endif
