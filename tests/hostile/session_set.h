/*
 * What the tests of sets ask for, and what they do with a share behind the session's back.
 */
#ifndef HOSTILE_SESSION_SET_H
#define HOSTILE_SESSION_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/message.h"
#include "tests/hostile/rig.h"

enum mode { NEW, EXCHANGE }; /* of BEGIN */

/* BEGIN: as a message; asked, with what BEGUN says of another one that is like it. */
struct message sets_begin_request(const char *destination, enum mode mode);
uint8_t sets_begin(struct rig *rig, const char *destination, enum mode mode);

/* PUBLISH: as a message; asked, and it is published there. */
struct message sets_publish_request(const char *destination);
void sets_publish(struct rig *rig, const char *destination);

/* A session on the same share, of this run. */
struct rig *sets_another(const struct rig *rig, uint8_t run);

/* One file through OPEN, WRITE, COMMIT; its content is text. */
void sets_put(struct rig *rig, const char *path, const char *text);

/* The same through PACK; returns its status. */
int sets_pack(struct rig *rig, const char *base, const char *path, const char *text);

/* Is this file there, and text in it? */
bool sets_is(const struct rig *rig, const char *name, const char *text);

/* path is borrowed. */
struct node sets_node(const char *path, uint8_t type, uint64_t size);

/* The verdict on one node. */
unsigned sets_offer(struct rig *rig, const char *base, struct node node);

/* MKDIR or SETMETA of one node; its status. */
int sets_with_node(struct rig *rig, enum message_type type, const char *base, struct node node);

/* REMOVE of one name; its status. */
int sets_remove(struct rig *rig, const char *base, const char *path);

void sets_make_directory(const struct rig *rig, const char *name);

/* A file with the time and mode of sets_node(). */
void sets_make_file(const struct rig *rig, const char *name, const char *text);

ino_t sets_inode(const struct rig *rig, const char *name);

/* The session's process dies as by a crash. */
void sets_kill_session(struct rig *rig);

#endif
