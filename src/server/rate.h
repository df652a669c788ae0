/*
 * A rate that all sessions of one client share, though each is a process: a number in a page of
 * memory that the supervisor makes and lends to those sessions alone.
 *
 * It bounds what they receive and send together.  A session that has been taken over can spoil it
 * for its own client and for nobody else.
 */
#ifndef SERVER_RATE_H
#define SERVER_RATE_H

#include <stddef.h>
#include <stdint.h>

struct rate;

/* bytes_per_s: at least 1.  NULL without memory. */
struct rate *rate_new(uint64_t bytes_per_s);
void rate_free(struct rate *rate); /* may be NULL */

/* Around the fork of a session: only between these two do children inherit it.  rate may be NULL.
 * 0 or the error of errno. */
int rate_lend(struct rate *rate);
void rate_keep(struct rate *rate);

/* In a session: how many bytes to move at once, so that they flow and do not come in gusts. */
size_t rate_piece(const struct rate *rate);

/* So many bytes were moved, at now_ns (clock_ns()).  Returns when the next may be, 0: at once. */
uint64_t rate_take(struct rate *rate, size_t bytes, uint64_t now_ns);

#endif
