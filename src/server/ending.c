/*
 * How the supervisor ends: sessions are told, and killed where they take too long
 * (sessions_stop()); the loop ends with the last of them.  Connections that come meanwhile wait in
 * the listeners' queues, for the next process if there is one.
 */
#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/server/supervisor_impl.h"

#define STOP_MS 10000u /* from the last session's end to the end, at the most */

void
ending_begin(struct supervisor *s)
{
	s->stopping = true;
	s->accept_again_ms = s->greet_again_ms = 0;
	if (s->again)
		service_reloading(s->options->service);
	else
		service_stopping(s->options->service, s->settings.drain_time_ms + STOP_MS);
	admission_close(s);
	for (size_t i = 0; i < MAX_PEERS; i++) {
		struct peer *p = &s->peers.table[i];

		if (p->state == PEER_SESSION) {
			sessions_stop(s, p, FTX_E_STOPPING);
		} else if (p->state != PEER_FREE) {
			peer_kill(p);
			peer_reset_connection(p);
			if (p->state != PEER_GREETING)
				peer_free(&s->peers, p);
		}
	}
}

void
ending_hurry(struct supervisor *s)
{
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (s->peers.table[i].state != PEER_FREE)
			peer_kill(&s->peers.table[i]);
}

void
ending_crashed(struct supervisor *s)
{
	const struct supervisor_options *options = s->options;

	if (!crashes_add(&s->crashes, clock_ms()) || s->stopping || options->may_restart == NULL ||
	    !options->may_restart(options->arg))
		return;
	log_warning("the third crash within an hour: this process ends its sessions and starts "
		    "anew sessions=%u",
		    s->peers.count[PEER_SESSION]);
	s->again = true;
	ending_begin(s);
}
