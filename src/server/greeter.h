/*
 * The process that meets a stranger: one handshake, no files, no key, fixed buffers.
 *
 * It may use read, write, sendmsg, recvmsg, ppoll, close, getrandom, clock_gettime, munmap and
 * exit_group, and no other system call, from its first byte on (sandbox.h).
 */
#ifndef SERVER_GREETER_H
#define SERVER_GREETER_H

#include <stdint.h>

#include "src/secure/handshake.h"
#include "src/server/key_holder.h"

/*
 * Runs the server's side of the handshake (PROTOCOL.md, "Handshake", "Invites") on conn, a
 * non-blocking socket from which nothing was read, until deadline_ms (clock_ms()).  pair leads to
 * the supervisor, which does the step es, knows the invites and takes the result.  Of the server's
 * keys the client expects one.  Never returns.
 */
_Noreturn void greeter_run(int conn, int pair, const struct server_keys *server,
			   uint64_t deadline_ms);

/*
 * The same process for a connection of a trusted proxy, before that: reads the proxy's header
 * (proxy.h) and not a byte more, and reports whom it names; of a wrong one nothing.  Never returns.
 */
_Noreturn void greeter_read_header(int conn, int pair, uint64_t deadline_ms);

#endif
