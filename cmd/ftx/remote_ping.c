/*
 * ping: what a server says of itself, and some round trips over a connection that is there.
 */
#include "cmd/ftx/remote.h"
#include "src/secure/aead.h"

#define ROUND_TRIPS 5u

void
remote_pings(struct remote_job *j)
{
	struct report *r = &j->report;
	struct shown_server s = {
	    .address = remote_server(j->remote),
	    .info = remote_info(j->remote),
	    .aead = aead_name(connection_aead(remote_connection(j->remote))),
	    .session_id = remote_session_id(j->remote),
	    .connect_ns = j->connect_ns,
	    .least_ns = UINT64_MAX,
	};
	struct problem p;
	uint64_t ns, sum = 0;

	while (s.count < ROUND_TRIPS && !remote_ended(j)) {
		if (remote_ping(j->remote, &ns, &p) != 0) {
			remote_failed(j, NULL, &p);
			return;
		}
		sum += ns;
		s.count++;
		s.least_ns = ns < s.least_ns ? ns : s.least_ns;
		s.most_ns = ns > s.most_ns ? ns : s.most_ns;
	}
	if (s.count == 0)
		return;
	s.mean_ns = sum / s.count;
	r->reporter->server(r, &s);
}
