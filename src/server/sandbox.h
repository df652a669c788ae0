/*
 * What the supervisor's children give up before they hear a peer.
 *
 * A greeter has no files and ten system calls (greeter.h).  A session has:
 *
 *	user		not root: where the daemon is, it becomes the user of the configuration or
 *			else the owner of the directory, without supplementary groups.  What root
 *			owns can only be served by root's number: then every capability goes.
 *	no_new_privs, no core file, no debugger (not dumpable), no capability
 *	RLIMITs		descriptors, and address space: what it has at its start and
 *			session_memory more
 *	Landlock	exactly its subtrees, with what its rights need (below), no TCP, no
 *			abstract sockets, no signals to anybody outside
 *	seccomp		a list of system calls, without any that makes processes, threads,
 *			sockets or executable memory; anything else kills the process
 *
 * Landlock, best version of the kernel's up to 6; 1 counts as none, because there no file is
 * renamed from one directory to another.  Below a subtree a session may
 *
 *	list		read directories
 *	get		read files
 *	put		read directories (to sync them), make files, directories and links, rename
 *			and link into other directories
 *	overwrite	remove names of files (a rename over one does), read files (SETMETA does)
 *	delete		read directories, remove names of files and directories
 *
 * and nowhere write to a file.  Below up/ it may also write, truncate and remove; below set/ also
 * remove.  The kernel lets no file come by a rename or a link to where it would gain one of these,
 * so a published file cannot be made writable.  Not covered are modes, times, attributes, and
 * before version 3 truncate(), which is not on the list of system calls.
 *
 * In builds with sanitizers there is no seccomp and no limit of address space: they use system
 * calls of their own, and terabytes.
 */
#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/* session_memory where none is given: several times what a session was seen to need. */
#define SANDBOX_SESSION_MEMORY (64u << 20)
/* Who serves nothing, or has no directory yet: nobody and nogroup. */
#define SANDBOX_NOBODY 65534u

struct sandbox_options {
	bool require;		 /* without Landlock or seccomp nothing starts */
	bool no_root;		 /* a directory of root's is not served */
	bool has_user;		 /* sessions become this one rather than the directory's owner */
	uid_t user;		 /* not 0 */
	gid_t group;		 /* not 0 */
	uint64_t session_memory; /* bytes; 0: SANDBOX_SESSION_MEMORY */
};

/*
 * In the supervisor, before its first child and again when options change: keeps them for the
 * children, prepares the filters, says once what the kernel lacks.  0; FTX_E_UNSUPPORTED where
 * something is missing and required, FTX_E_NOMEM.
 */
int sandbox_setup(const struct sandbox_options *options);

/*
 * In a greeter, first thing.  Ends the process where it cannot be confined, but for what
 * sandbox_setup() found lacking and not required.
 */
void sandbox_greeter(void);

/*
 * In a session, in this order; nobody else's bytes are looked at before the last one.  Each logs
 * what is wrong (session_log.h) and returns 0, or FTX_E_OFFLINE: this session cannot be.
 */

/* dir: of the share, -1: there is none.  For a process that is not root, nothing. */
int sandbox_become(int dir);

/* What a client has of a share; borrowed descriptors, -1: not there. */
struct sandbox_place {
	int root;
	int up;
	int set;
	uint8_t rights; /* enum right */
};

/* no_new_privs, limits, files. */
int sandbox_files(const struct sandbox_place *places, size_t count);

/* System calls, of every thread.  Those threads must have set themselves up. */
int sandbox_calls(void);

#endif
