/*
 * The settings of the supervisor, at its start and at SIGHUP: others come into force as a whole or
 * not at all.
 */
#include <assert.h>

#include "proto/errors.h"
#include "src/base/log.h"
#include "src/server/session.h"
#include "src/server/supervisor_impl.h"

#define HANDSHAKE_TIMEOUT_MS 5000u
#define DRAIN_TIME_MS	     10000u
#define PENALTY_MS	     1000u
#define PENALTY_MAX_MS	     600000u
#define PARTIAL_EXPIRE_MS    UINT64_C(604800000)
#define QUOTA_SCAN_MS	     UINT64_C(86400000)

void
supervisor_take_settings(struct supervisor *s, const struct supervisor_settings *given)
{
	s->settings = *given;
	if (given->max_connections == 0)
		s->settings.max_connections = SUPERVISOR_MAX_SESSIONS;
	if (given->max_handshakes == 0)
		s->settings.max_handshakes = SUPERVISOR_MAX_GREETERS;
	if (given->handshake_timeout_ms == 0)
		s->settings.handshake_timeout_ms = HANDSHAKE_TIMEOUT_MS;
	if (given->stall_timeout_ms == 0)
		s->settings.stall_timeout_ms = SESSION_STALL_MS;
	if (given->drain_time_ms == 0)
		s->settings.drain_time_ms = DRAIN_TIME_MS;
	if (given->penalty_ms == 0)
		s->settings.penalty_ms = PENALTY_MS;
	if (given->penalty_max_ms == 0)
		s->settings.penalty_max_ms = PENALTY_MAX_MS;
	if (given->partial_expire_ms == 0)
		s->settings.partial_expire_ms = PARTIAL_EXPIRE_MS;
	if (given->quota_scan_ms == 0)
		s->settings.quota_scan_ms = QUOTA_SCAN_MS;
	assert(s->settings.max_connections <= SUPERVISOR_MAX_SESSIONS &&
	       s->settings.max_handshakes <= SUPERVISOR_MAX_GREETERS);
}

static int
take_reload(struct supervisor *s)
{
	const struct supervisor_options *options = s->options;
	struct supervisor_settings fresh = {0};
	const struct policy *unused = s->settings.policy;
	struct books books = {.ledger = NULL};
	int r = options->reload(options->arg, &fresh);

	if (r != 0)
		return r;
	if ((r = books_prepare(fresh.policy, &books)) == 0 &&
	    (r = sandbox_setup(&fresh.sandbox)) == 0) {
		supervisor_take_settings(s, &fresh);
		books_take(s, &books);
		operations_reloaded(s);
		sessions_check(s);
		admission_start_greeters(s);
		log_info("the new configuration is in force");
	} else {
		log_error("the old configuration is kept");
		(void)sandbox_setup(&s->settings.sandbox); /* as it was before */
		books_drop(&books);
		unused = fresh.policy;
	}
	options->release(options->arg, unused);
	return r;
}

int
supervisor_reload(struct supervisor *s)
{
	int r;

	service_reloading(s->options->service);
	r = take_reload(s);
	service_ready(s->options->service);
	return r;
}
