/*
 * A share in which somebody exchanges a directory with a link to a directory outside of it, and a
 * file with a link to a file there, while a client asks for what lies at them.
 *
 *	share:    d/{f,sub/g}  e -> OUTSIDE    l  m -> OUTSIDE/f    plain
 *	OUTSIDE:  f  sub/{g,secret}  secret
 *
 * exchanged are d with e and l with m; the client names d and l.
 */
#ifndef HOSTILE_RACE_SCENE_H
#define HOSTILE_RACE_SCENE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "tests/hostile/rig.h"
#include "tests/hostile/race/protection.h"

#define INSIDE	"inside"   /* content of all files of the share */
#define OUTSIDE "outside!" /* and of those outside: of another length */

/* What came of the requests; shared with who has started the race. */
struct tally {
	atomic_uint links;  /* refused as FTX_E_IS_LINK */
	atomic_uint others; /* answered otherwise */
	atomic_bool escaped;
};

struct scene {
	struct rig *rig;
	struct tally *tally;
	char outside[64];
	int share, inside, away; /* directories: the share, d wherever it is, OUTSIDE */
	struct stat before[4];	 /* of what is outside */
	bool begun;		 /* of PUBLISH: its BEGIN was answered */
	unsigned round;
};

/* tally: borrowed. */
struct scene *scene_new(enum protection how, struct tally *tally);
void scene_free(struct scene *s);

/* Sends m and exchanges until it is answered.  0, or the error of the answer or of its only item.
 */
int scene_ask(struct scene *s, const struct message *m);

/* After a round: notes whether anything outside has changed, and makes the share what it was. */
void scene_tidy(struct scene *s);

#endif
