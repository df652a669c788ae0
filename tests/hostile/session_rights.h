/*
 * Each request that a client may send, as the test of rights asks it (session_rights.c).
 */
#ifndef HOSTILE_SESSION_RIGHTS_H
#define HOSTILE_SESSION_RIGHTS_H

#include <stdint.h>

#include "proto/message.h"
#include "tests/hostile/rig.h"

/* What is in the files that are there, and in those that are put. */
enum { RIGHTS_FILE_BYTES = 4 };
extern const uint8_t rights_content[RIGHTS_FILE_BYTES];

/* The error of the answer to m; 0 where it is of the type good. */
int rights_error_of(struct rig *rig, const struct message *m, enum message_type good,
		    struct message *answer);

/* The same where the answer is one status. */
int rights_status_of(struct rig *rig, const struct message *m);

/* path is borrowed. */
struct node rights_node(const char *path, uint8_t type);

/*
 * Each asks for one thing in the share "s" of session_rights.c and returns 0 or the error it was
 * answered with.
 */

/* session_rights_read.c */
int ask_ping(struct rig *rig);
int ask_stat(struct rig *rig);
int ask_list(struct rig *rig);
int ask_next(struct rig *rig);
int ask_statfs(struct rig *rig);
int ask_read(struct rig *rig);
int ask_read_directory(struct rig *rig);
int ask_read_link(struct rig *rig);
int ask_read_below_link(struct rig *rig);
int ask_read_missing(struct rig *rig);
int ask_fetch(struct rig *rig);
int ask_fetch_directory(struct rig *rig);
int ask_fetch_link(struct rig *rig);
int ask_fetch_below_link(struct rig *rig);
int ask_fetch_missing(struct rig *rig);
int ask_digest(struct rig *rig);
int ask_digest_directory(struct rig *rig);
int ask_digest_link(struct rig *rig);
int ask_digest_below_link(struct rig *rig);
int ask_digest_missing(struct rig *rig);
int ask_sync(struct rig *rig);

/* session_rights_put.c */
int ask_offer_absent(struct rig *rig);
int ask_offer_there(struct rig *rig);
int ask_open_there(struct rig *rig);
int ask_open_through_link(struct rig *rig);
int ask_checkpoint(struct rig *rig);
int ask_hole(struct rig *rig);
int ask_release(struct rig *rig);
int ask_write(struct rig *rig);
int ask_commit(struct rig *rig);
int ask_commit_meanwhile(struct rig *rig);
int ask_pack(struct rig *rig);
int ask_pack_there(struct rig *rig);
int ask_pack_over_directory(struct rig *rig);

/* session_rights_tree.c */
int ask_mkdir(struct rig *rig);
int ask_mkdir_there(struct rig *rig);
int ask_mkdir_over_file(struct rig *rig);
int ask_symlink(struct rig *rig);
int ask_symlink_there(struct rig *rig);
int ask_link(struct rig *rig);
int ask_link_there(struct rig *rig);
int ask_setmeta(struct rig *rig);
int ask_setmeta_of_directory(struct rig *rig);
int ask_setmeta_of_the_root(struct rig *rig);
int ask_setmeta_of_own(struct rig *rig);
int ask_remove(struct rig *rig);
int ask_remove_full(struct rig *rig);
int ask_rename(struct rig *rig);
int ask_rename_there(struct rig *rig);
int ask_rename_over(struct rig *rig);
int ask_begin(struct rig *rig);
int ask_begin_there(struct rig *rig);
int ask_begin_exchange(struct rig *rig);
int ask_publish(struct rig *rig);
int ask_publish_exchange(struct rig *rig);
int ask_close(struct rig *rig);

#endif
