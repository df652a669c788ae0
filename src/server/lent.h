/*
 * Memory that the supervisor shares with one child, or a few: none inherits it but who is forked
 * while it is lent.  Whoever has it may have written anything there.
 */
#ifndef SERVER_LENT_H
#define SERVER_LENT_H

#include <stddef.h>

/* Zeroed pages of their own; NULL without memory. */
void *lent_new(size_t bytes);
void lent_free(void *memory, size_t bytes); /* may be NULL */

/* Around a fork: only between these two do children inherit it.  memory may be NULL.  0 or the
 * error of errno. */
int lent_lend(void *memory, size_t bytes);
void lent_keep(void *memory, size_t bytes);

#endif
