/*
 * Users and groups: numbers and names, through the system's name service.
 *
 * What was looked up is remembered, in fixed memory, as the name service may ask the network each
 * time.  Threads may share it.
 */
#ifndef STORE_OWNER_H
#define STORE_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"
#include "proto/message.h"

enum owner_kind { OWNER_USER, OWNER_GROUP };

/*
 * From now on names of numbers come from /etc/passwd and /etc/group as they are now, and numbers of
 * names from nowhere: for a process that is about to lose what the name service needs.  One thread
 * only from here on.
 */
void owner_from_files(void);

/* "" where it has no name. */
void owner_name(enum owner_kind kind, uint32_t id, char name[static LIMIT_OWNER_BYTES + 1]);

/* false: no such name here. */
bool owner_id(enum owner_kind kind, const struct span *name, uint32_t *id);

#endif
