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

/* Bits of struct metadata.flags, and of what is asked for. */
enum metadata_part { METADATA_OWNER = 1, METADATA_XATTRS = 2, METADATA_ACLS = 4 };

/* Bits of item_status.flags and COMMITTED.flags: what was not kept. */
enum status_flag {
	STATUS_MODE_NOT_KEPT = 1,
	STATUS_OWNER_NOT_KEPT = 2,
	STATUS_XATTRS_NOT_KEPT = 4,
	STATUS_ACLS_NOT_KEPT = 8,
	STATUS_NOTHING_DONE = 16,
};

enum metadata_policy {
	METADATA_SERVER, /* remembers what it may not apply */
	METADATA_CLIENT, /* applies: mode & 0777, as root mode & 07777; owners as root only */
};

struct owner {
	uint32_t uid, gid;
	char user[LIMIT_OWNER_BYTES + 1]; /* "" where there is no name */
	char group[LIMIT_OWNER_BYTES + 1];
};

/*
 * What is kept and how, on one file system by one process; constant while in use, so threads may
 * share it.  metadata_rules_init() fills it.
 */
struct metadata_rules {
	enum metadata_policy policy;
	mode_t umask_bits;
	struct owner own; /* of what this process makes */
	bool is_root;
	bool set_owner;	   /* CLIENT: owners are applied (root without --no-owner) */
	bool numeric_ids;  /* CLIENT: names are ignored, and not looked up */
	bool can_remember; /* SERVER: this file system holds user.* attributes */
};

/*
 * policy, umask_bits, own (names through NSS but for numeric_ids), can_remember (tried on an
 * unnamed or temporary file in probe_dir where probe_dir >= 0).  Call it before there are threads.
 */
void metadata_rules_init(struct metadata_rules *rules, enum metadata_policy policy, bool set_owner,
			 bool numeric_ids, int probe_dir);

/*
 * Looks the names of this process's own user and group up, once: metadata_rules_init() in this
 * process and in its children then asks no name service.
 */
void metadata_own_names(void);

/* What the spans of a struct metadata from metadata_read() lead into. */
struct metadata_buffer {
	char user[LIMIT_OWNER_BYTES + 1];
	char group[LIMIT_OWNER_BYTES + 1];
	uint8_t xattrs[LIMIT_XATTRS_BYTES];
};

/*
 * Everything of an entry that st (lstat) describes: type, mode, mtime; owner, attributes and ACLs
 * as far as parts asks for them.  On the server the remembered mode, owner, ACLs and attributes
 * count where they are still valid; a symbolic link of its own user has no owner, as that of the
 * source could not be remembered.  dir/name is not followed; name "": dir itself.  fd: an
 * ordinary descriptor of it, or -1 (attributes are then read by name).  FTX_E_TOO_LARGE where its
 * attributes do not fit in LIMIT_XATTRS_BYTES; what cannot be read for lack of permission is left
 * out.  m borrows from b, which may be NULL where parts is 0.
 */
int metadata_read(const struct metadata_rules *rules, unsigned parts, int dir, const char *name,
		  int fd, const struct stat *st, struct metadata *m, struct metadata_buffer *b);

/* The mode an entry of m->type gets. */
mode_t metadata_mode(const struct metadata_rules *rules, const struct metadata *m);

/* What an entry that is given metadata has of its own already. */
enum metadata_past {
	METADATA_MADE,	/* nothing, and its mode is metadata_mode()'s: it was made with that */
	METADATA_FRESH, /* nothing: made a moment ago, with 0600 (a directory: 0700) less umask */
	METADATA_AGAIN, /* what an earlier try may have left: it goes */
	METADATA_STANDING, /* anything: what m->flags does not mean stays as it is */
};

/*
 * Gives an open file or directory (ordinary descriptor) its owner, mode, attributes, ACLs and,
 * last, its mtime, as far as m->flags has them.  m->xattrs has passed xattrs_check(), m->mtime_ns
 * is below 10^9.  0 with *flags (what was not kept), or the error of errno.
 */
int metadata_apply(const struct metadata_rules *rules, int fd, const struct metadata *m,
		   enum metadata_past past, uint8_t *flags);

/* The same for a symbolic link: owner, attributes where the file system has them for links, mtime.
 */
int metadata_apply_link(const struct metadata_rules *rules, int dir, const char *name,
			const struct metadata *m, uint8_t *flags);

/*
 * Would metadata_apply(wanted) change anything of what metadata_read() found?  Compares what this
 * side can keep: mode, mtime (mtime_same()), and owner, attributes, ACLs as far as wanted->flags
 * has them.  The parts of there must have been read with these flags.
 */
bool metadata_differs(const struct metadata_rules *rules, const struct metadata *wanted,
		      const struct metadata *there);

/*
 * Bits of enum status_flag: what metadata_apply(wanted) would not keep because this side or this
 * file system cannot hold it.  metadata_differs() is not true for that alone.
 */
uint8_t metadata_unkept(const struct metadata_rules *rules, const struct metadata *wanted);

/*
 * struct metadata.xattrs, packed: for each attribute u16 length and name, u16 length and value,
 * ascending by name without duplicates.  0 or FTX_E_PROTOCOL for anything else, empty or overlong
 * names, names with NUL, a name outside user., security., trusted. and the two of POSIX ACLs
 * (system.posix_acl_access, system.posix_acl_default), and user.ftx.* (ours).  Checked on
 * everything received.
 */
int xattrs_check(const struct span *packed);

/* The process's umask.  Changes it for a moment: call it before there are other threads. */
mode_t metadata_umask(void);

#endif
