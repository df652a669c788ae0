/*
 * What a client asks for during a race: each request that has a path, some in several ways.
 */
#ifndef HOSTILE_RACE_VERBS_H
#define HOSTILE_RACE_VERBS_H

#include "tests/hostile/race/scene.h"

struct verb {
	const char *name;
	void (*round)(struct scene *s); /* once, with each path */
};

enum { VERBS = 15 };
extern const struct verb verbs[VERBS];

#endif
