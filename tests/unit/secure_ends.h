/*
 * Two channels that are each other's ends, and what the tests send and expect through them.
 */
#ifndef TESTS_UNIT_SECURE_ENDS_H
#define TESTS_UNIT_SECURE_ENDS_H

#include <stddef.h>
#include <stdint.h>

#include "src/secure/channel.h"

#define ALL SIZE_MAX /* no budget */

void new_keys(struct session_keys *keys, enum aead_id id);

/* ends[0] is the client's.  Takes fds. */
void new_channels(struct channel *ends[static 2], const int fds[static 2]);

/* The same over a socket pair; buffer_bytes: SO_SNDBUF of both, 0 as they come. */
void new_connection(struct channel *ends[static 2], int buffer_bytes);
void free_connection(struct channel *ends[static 2]);

/* Seals one record of length times value. */
void seal_bytes(struct channel *ch, uint8_t value, size_t length);

/* Seals it and sends it whole, in one go. */
void send_bytes(struct channel *ch, uint8_t value, size_t length);

/* The next record is here, of expected times value. */
void expect_bytes(struct channel *ch, uint8_t value, size_t expected);

/* channel_receive() returns result. */
void expect(struct channel *ch, int result);

#endif
