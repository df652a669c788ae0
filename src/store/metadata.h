/*
 * Metadata and identities: from the file system, onto the file system, and compared.
 *
 * The daemon never sets setuid, setgid or sticky bits and keeps files usable for itself: a file's
 * own mode on the server is (mode & 0777 | 0600) & ~umask.  Where the full mode differs it is
 * remembered in the xattr user.ftx.meta, together with the mode that was given in its place: when
 * somebody changes the mode on the server by hand, the remembered one no longer counts.
 */
#ifndef STORE_METADATA_H
#define STORE_METADATA_H

#include <stdbool.h>
#include <sys/stat.h>

#include "proto/message.h"

/* Values of struct metadata.type (messages.def). */
enum entry_type {
	ENTRY_FILE = 1,
	ENTRY_DIRECTORY,
	ENTRY_SYMLINK,
	ENTRY_FIFO,
	ENTRY_SOCKET,
	ENTRY_CHARACTER,
	ENTRY_BLOCK,
};

struct identity identity_of(const struct stat *st);
struct metadata metadata_of(const struct stat *st);

/* Same file in the same state: size, mtime and inode. */
bool identity_same(const struct identity *a, const struct identity *b);

/* The same source from one run to the next: size and mtime. */
bool identity_resumes(const struct identity *a, const struct identity *b);

/*
 * Are two modification times equal at the precision with which the destination stored it (0, 3, 6
 * or 9 decimal places)?  A coarser time is one whose missing digits are zero.
 */
bool mtime_same(int64_t source_s, uint32_t source_ns, int64_t stored_s, uint32_t stored_ns);

enum metadata_policy {
	METADATA_SERVER, /* remembers what it may not apply */
	METADATA_CLIENT, /* a get: mode & 0777, as root mode & 07777 */
};

/* The mode a file gets.  umask_bits: of the daemon, for METADATA_SERVER. */
mode_t metadata_mode(enum metadata_policy policy, mode_t umask_bits, const struct metadata *m);

/*
 * Gives an open, unpublished file its mode and mtime.  *not_kept is set where the full mode could
 * be neither applied nor remembered.  m->mtime_ns is below 10^9.  0 or the error of errno.
 */
int metadata_apply(int fd, enum metadata_policy policy, mode_t umask_bits, const struct metadata *m,
		   bool *not_kept);

/*
 * Replaces m->mode, of the file that st describes, by the one remembered on fd (an ordinary
 * descriptor, not O_PATH), if that still counts.
 */
void metadata_recall(int fd, const struct stat *st, struct metadata *m);

/* The process's umask.  Changes it for a moment: call it before there are other threads. */
mode_t metadata_umask(void);

#endif
