/*
 * What is tried from inside a session's sandbox: a share with its staging, something outside of it,
 * another session, and the ways to enter the sandbox, which are a session's own.
 */
#ifndef HOSTILE_SANDBOX_ROOM_H
#define HOSTILE_SANDBOX_ROOM_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

/* Made before the sandbox is entered. */
struct sandbox_room {
	char top[64];
	char secret[128]; /* outside the share */
	int outside;	  /* a descriptor that was kept by mistake: the directory above the share */
	int share, up, set, other;
	int published; /* read only */
	int listener;
	struct sockaddr_un address;
	pid_t sibling, supervisor;
};
extern struct sandbox_room room;

enum { FREE = -1 }; /* as rights: no sandbox */

/*
 * attempt in a process of its own, confined as a session of these rights; abi: of Landlock, 0: the
 * kernel's.  0 where it succeeded, else its errno, or minus the signal that killed it; from 200 on
 * the sandbox could not be entered.
 */
int room_outcome(int (*attempt)(void), int rights, int abi);

/* All files as they were made. */
void room_renew(void);

#define ATTEMPT(name, ...)                                                                         \
	static int try_##name(void)                                                                \
	{                                                                                          \
		return (int)(__VA_ARGS__);                                                         \
	}

#endif
