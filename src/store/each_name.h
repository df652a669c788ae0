/*
 * The names in a directory of the staging, in no order; walk.h is for what may be of any size.
 */
#ifndef STORE_EACH_NAME_H
#define STORE_EACH_NAME_H

#include <stdbool.h>

/*
 * Calls take() for each name in dir, which may be O_PATH, but for "." and "..", until it returns
 * false.  What take() removes or makes meanwhile is met or not.  A directory that cannot be read
 * has no names.
 */
void each_name(int dir, bool (*take)(void *arg, const char *name), void *arg);

#endif
