/*
 * What keeps a session from following a link, and ways to be without it, in this program alone:
 * openat() and syscall() of the product lead here (-Wl,--wrap in the Makefile).
 */
#ifndef HOSTILE_RACE_PROTECTION_H
#define HOSTILE_RACE_PROTECTION_H

enum protection {
	BY_OPENAT2, /* as on a kernel that has it */
	BY_WALKING, /* as on one that has not: component by component with O_NOFOLLOW */
	BY_LOOKING, /* first look whether it is a link, then open what has the name: none */
};

/*
 * Of this process and those that it forks from now on.  In none of the cases is there Landlock:
 * what it forbids would hide that the resolver has lost.
 */
void protect(enum protection how);

#endif
