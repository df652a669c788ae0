/*
 * What the supervisor does for a client that comes with an invite (PROTOCOL.md, "Invites"): gives
 * its greeter the psk, once; enters the key that was proved; has the configuration read again, so
 * that the key counts.
 */
#ifndef SERVER_JOINING_H
#define SERVER_JOINING_H

#include "src/server/supervisor_impl.h"

/* Forgets what nobody need remember any more, when the supervisor starts. */
void joining_begin(const struct supervisor *s);

/* PAIR_PSK: p's greeter is told the psk of the invite that its client names. */
void joining_tell_psk(const struct supervisor *s, struct peer *p, const struct pair_message *asked);

/*
 * p's client has proved the key in keys and the secret of the invite that its greeter asked for:
 * enters the key, if all is well, and tells the greeter what is to be answered, now or in
 * joining_on_time().  Wipes keys.
 */
void joining_proved(struct supervisor *s, struct peer *p, struct session_keys *keys);

/* The same for those that wait, when it is time: s->join_again_ms. */
void joining_on_time(struct supervisor *s, uint64_t now_ms);

#endif
