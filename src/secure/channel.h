/*
 * A channel: sealed records over a connected, non-blocking stream socket.
 *
 * One buffer out, one buffer in, both of one record (and a little read-ahead), allocated once.  The
 * plaintext is written where it is sealed and read where it was opened: the bytes of a file are not
 * copied here.  The only system calls after channel_new() are read(2), sendmsg(2) and close(2).
 *
 * Sending: p = channel_plain(ch); fill p; channel_seal(ch, n); then channel_flush(ch) until it
 * returns 0.  Receiving: channel_receive(ch, ...) until it returns 1.
 */
#ifndef SECURE_CHANNEL_H
#define SECURE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/secure/handshake.h"
#include "src/secure/record.h"

struct channel;

enum channel_role { CHANNEL_CLIENT, CHANNEL_SERVER };

/*
 * Takes fd (closed by channel_free(), made non-blocking).  Copies what it needs of keys.  NULL: out
 * of memory, fd is still the caller's.
 */
struct channel *channel_new(int fd, const struct session_keys *keys, enum channel_role role);

/* Wipes and frees; ch may be NULL. */
void channel_free(struct channel *ch);

int channel_fd(const struct channel *ch);

/* Where the next record's plaintext goes: LIMIT_RECORD_PLAIN bytes.  Nothing may be unflushed. */
uint8_t *channel_plain(struct channel *ch);

/* Seals channel_plain()[0..length). */
void channel_seal(struct channel *ch, size_t length);

/* Bytes of the sealed record that still have to be sent. */
size_t channel_unsent(const struct channel *ch);

/* What is unsent is never sent: the connection is over.  channel_plain() may be called again. */
void channel_drop_unsent(struct channel *ch);

/*
 * Sends at most budget bytes of the sealed record without waiting.  Returns 0 when all of it is
 * sent, 1 when some remains (socket full or budget used up), or FTX_E_CLOSED, FTX_E_TIMEOUT,
 * FTX_E_NETWORK.  *sent (may be NULL) is the number of bytes sent by this call.
 * After an error nothing more can be sent; the peer's last words may still be received.
 */
int channel_flush(struct channel *ch, size_t budget, size_t *sent);

/*
 * Takes in at most budget bytes without waiting.  Returns 1 with a record's plaintext in
 * *plain, *length, valid until the next call; 0 when none is whole yet; FTX_E_CLOSED at the
 * end of the stream (never a success: the end is a CLOSE message), FTX_E_PROTOCOL for a bad length
 * or tag, FTX_E_TIMEOUT, FTX_E_NETWORK.  *received (may be NULL): bytes taken from the socket by
 * this call.
 * After an error the channel is only good for channel_free(): the same error comes again.
 */
int channel_receive(struct channel *ch, size_t budget, uint8_t **plain, size_t *length,
		    size_t *received);

/*
 * Would channel_receive() have something to return, a record or an error, without touching the
 * socket?
 */
bool channel_has_record(const struct channel *ch);

/* Is a part of the next record here, but not all of it? */
bool channel_mid_record(const struct channel *ch);

#endif
