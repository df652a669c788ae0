/*
 * A real session process with a test in the place of its client and of its supervisor.
 */
#ifndef HOSTILE_RIG_H
#define HOSTILE_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/message.h"
#include "src/secure/channel.h"
#include "src/server/policy.h"
#include "src/store/resolve.h"

/* A test that is run once more as one of SUITE_walking, as on a kernel without openat2 (T69). */
#define BothWays(suite, name)                                                                      \
	static void suite##_##name(void);                                                          \
	Test(suite, name)                                                                          \
	{                                                                                          \
		suite##_##name();                                                                  \
	}                                                                                          \
	Test(suite##_walking, name)                                                                \
	{                                                                                          \
		resolve_walk_only(true);                                                           \
		suite##_##name();                                                                  \
	}                                                                                          \
	static void suite##_##name(void)

struct rig {
	char directory[64]; /* the share "s" */
	int pair;
	int session_pair; /* owned: the session's end of it; -1 unless rig_keeps_pair */
	pid_t pid;
	struct channel *channel;
	struct message_arena arena;
	struct grant grant;
	struct client_policy client;
};

/* Makes a directory: in memory where that is as good as the disk, which takes several times as
 * long. */
void rig_directory(char directory[static 64]);
void rig_remove(const char *directory); /* with all in it */

/* Of the sessions that are started next: as struct session_settings has it. */
extern uint64_t rig_stall_ms;

/* Likewise: their end of the pair stays open here. */
extern bool rig_keeps_pair;

/* What each session's connection is sealed with. */
struct session_keys rig_keys(void);

/* Starts a session on a new temporary directory, or on shared's where that is not NULL. */
struct rig *rig_new(uint8_t rights, const struct rig *shared);

/* HELLO and all that belongs to it, with this run's session id. */
void rig_hello(struct rig *rig, uint8_t run);
struct rig *rig_open(uint8_t rights); /* rig_new() and rig_hello() */

/* Ends the session, waits for it, removes the directory unless it is shared. */
void rig_free(struct rig *rig);

void rig_send(struct rig *rig, const struct message *m);
void rig_send_plain(struct rig *rig, const uint8_t *plain, size_t length);

/* The next message but WORKING; borrowed until the next call.  0, or why there is none. */
int rig_receive(struct rig *rig, struct message *m);

/* Without waiting, WORKING too: 1, 0 where nothing has come, or why nothing will. */
int rig_take(struct rig *rig, struct message *m);

/* Sends m and receives its answer, which must be of this type. */
struct message rig_ask(struct rig *rig, const struct message *m, enum message_type type);

/* Sends m and expects ERROR with this error. */
void rig_expect_error(struct rig *rig, const struct message *m, int error);

/* The connection must end with CLOSE of this error. */
void rig_expect_close(struct rig *rig, int error);

/* PING must be answered: nothing before it ended the connection. */
void rig_expect_alive(struct rig *rig);

/* Requests with their usual content. */
struct message rig_open_request(uint8_t handle, const char *path, uint64_t size);
struct message rig_write(uint8_t handle, uint64_t offset, const void *data, size_t length);
struct message rig_commit(uint8_t handle, uint64_t size, const void *content,
			  const struct block_range *blocks, uint32_t count);

/* Sends a PACK of one whole file below the share; returns the COMMIT_PACKS that asks for it. */
struct message rig_send_pack(struct rig *rig, const char *path, const void *content,
			     uint32_t length);

/* Puts a file on the share, or reads one (owned by the caller; *length is set). */
void rig_file(const struct rig *rig, const char *name, const void *data, size_t length);
uint8_t *rig_content(const struct rig *rig, const char *name, size_t *length);
int rig_exists(const struct rig *rig, const char *name);

#endif
