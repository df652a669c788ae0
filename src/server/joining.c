/*
 * DESIGN.  What makes a key a client's is the file clients.d/NAME.conf in the state directory,
 * which is made exclusively: of several that come with one invite at the same time, even to
 * different daemons, one makes it.  The mark that the invite is used comes after it.  Whoever dies
 * between the two, or before the answer, loses nothing: who comes again with the same key is let
 * through.
 *
 * Before a key is entered the configuration is read again.  When the invite is good after that, as
 * it is after a refusal, the configuration is not read for invites for a while: who comes meanwhile
 * waits, and then it is read once for all of them.  So nobody is refused by what it said before he
 * came, and whoever asks in vain, however often, costs little.
 */
#include "src/server/joining.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "proto/errors.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/secure/keyfile.h"
#include "src/server/invites.h"

/* What the invites' files leave of secrets must not come to a child with the stack. */
#define STACK_USED_BYTES 16384u

#define READING_REST_MS 1000u /* see above; less than a handshake may take */

/* Reading the configuration again, for one invite or for several. */
struct reading {
	bool done;
	int result;
};

void
joining_begin(const struct supervisor *s)
{
	unsigned left = 0;
	int state;
	int r;

	if (s->options->state == NULL || invites_open(&state, s->options->state) != 0)
		return; /* nobody was ever invited */
	r = invites_sweep(state, NULL, clock_wall_s(), &left);
	close(state);
	if (r != 0)
		log_warning("invites cannot be looked through error=%s", error_name(r));
	sodium_stackzero(STACK_USED_BYTES);
}

/* The invite that p's greeter has asked for. */
static int
read_invite(const struct supervisor *s, const struct peer *p, int *state, struct invite *invite)
{
	int r;

	*state = -1;
	if (s->options->state == NULL)
		return FTX_E_NOT_FOUND;
	if ((r = invites_open(state, s->options->state)) != 0)
		return r;
	return invites_read(*state, p->invite_id, invite);
}

void
joining_tell_psk(const struct supervisor *s, struct peer *p, const struct pair_message *asked)
{
	struct pair_message answer = {.type = PAIR_PSK_ANSWER};
	struct invite invite = {0};
	int state;

	p->psk_given = true;
	memcpy(p->invite_id, asked->invite_id, sizeof(p->invite_id));
	answer.psk.error = read_invite(s, p, &state, &invite);
	if (answer.psk.error == 0)
		memcpy(answer.psk.psk, invite.proof.psk, sizeof(answer.psk.psk));
	else if (answer.psk.error != FTX_E_NOT_FOUND)
		log_error("an invite cannot be read error=%s", error_name(answer.psk.error));
	children_tell(p, &answer);
	if (state >= 0)
		close(state);
	invite_wipe(&invite);
	sodium_memzero(&answer, sizeof(answer));
	sodium_stackzero(STACK_USED_BYTES);
}

/* Is the key that of this client now? */
static bool
is_in_force(const struct supervisor *s, const char *name, const uint8_t key[static KEY_BYTES])
{
	const struct client_policy *client = policy_find(s->settings.policy, key);

	return client != NULL && strcmp(client->name, name) == 0;
}

/* Does the configuration let the client of the invite in, from where p comes? */
static bool
may_come(const struct client_policy *client, const struct peer *p)
{
	enum refusal why;

	return client != NULL && client->invited &&
	       !policy_refuses(client, &p->from.any, clock_wall_s(), &why);
}

/* What stands against entering the key for this client, by the configuration of this moment. */
static int
objection(struct supervisor *s, const struct peer *p, const char *name,
	  const uint8_t key[static KEY_BYTES], struct reading *reading)
{
	const struct client_policy *client, *other;

	/* What the administrator has written since, this client's section say. */
	if (!reading->done)
		*reading = (struct reading){.done = true, .result = supervisor_reload(s)};
	if (reading->result != 0)
		return FTX_E_CONFIG;
	client = policy_of_name(s->settings.policy, name);
	other = policy_find(s->settings.policy, key);
	if (!may_come(client, p))
		return FTX_E_KEY_REFUSED;
	return other != NULL && other != client ? FTX_E_EXISTS : 0;
}

/* Enters it where the client has none from an invite; the key counts when this returns 0. */
static int
enter(struct supervisor *s, int state, const char *name, const uint8_t key[static KEY_BYTES])
{
	int r;

	if (is_in_force(s, name, key))
		return 0;
	r = invites_enter_key(state, name, key);
	if (r == FTX_E_EXISTS)
		return FTX_E_INVITE_USED;
	if (r != 0)
		return r;
	return supervisor_reload(s) == 0 && is_in_force(s, name, key) ? 0 : FTX_E_CONFIG;
}

/* What who comes with an invite that is used is told: the same again, with the same key. */
static int
use_again(const struct supervisor *s, const struct peer *p, const struct invite *invite,
	  const uint8_t key[static KEY_BYTES])
{
	if (sodium_memcmp(invite->key, key, KEY_BYTES) != 0 || !is_in_force(s, invite->client, key))
		return FTX_E_INVITE_USED;
	return may_come(policy_of_name(s->settings.policy, invite->client), p) ? 0
									       : FTX_E_KEY_REFUSED;
}

/* Is the configuration read before it is used? */
static bool
is_open(const struct invite *invite)
{
	return !invite->used && clock_wall_s() < invite->expires_s;
}

static int
use(struct supervisor *s, const struct peer *p, int state, struct invite *invite,
    struct reading *reading)
{
	int r;

	if (invite->used)
		return use_again(s, p, invite, p->joining_key);
	if (!is_open(invite))
		return FTX_E_INVITE_EXPIRED;
	if ((r = objection(s, p, invite->client, p->joining_key, reading)) != 0 ||
	    (r = enter(s, state, invite->client, p->joining_key)) != 0)
		return r;
	/* Without the mark it is used all the same: its client has a key. */
	r = invites_mark_used(state, invite->proof.id, p->joining_key);
	invite->used = r == 0;
	if (r != 0)
		log_error("an invite cannot be marked as used client=%s error=%s", invite->client,
			  error_name(r));
	return 0;
}

static void
log_result(struct supervisor *s, const struct peer *p, const char *client, int r)
{
	char text[KEY_TEXT_CHARS + 1];

	key_format(text, p->joining_key);
	if (r == 0)
		log_info("joined client=%s address=%s key=%s", client, p->address, text);
	else if (refusals_add(&s->refusals, REFUSED_INVITE, clock_ms()))
		log_warning("invite refused reason=%s address=%s key=%s client=%s", error_name(r),
			    p->address, text, client);
}

static void
answer(struct supervisor *s, struct peer *p, const struct invite *invite, int r)
{
	struct pair_message m = {.type = PAIR_ENTERED, .entered.error = r};

	log_result(s, p, invite->client, r);
	p->known = r == 0;
	if (p->known)
		sources_known(s->sources, p->source, clock_ms());
	static_assert(sizeof(m.entered.client) == sizeof(invite->client), "one name");
	memcpy(m.entered.client, invite->client, sizeof(invite->client));
	/* However long the disk has taken, the answer has time to arrive. */
	peer_set_deadline(&s->peers, p, clock_ms() + s->settings.handshake_timeout_ms);
	children_tell(p, &m);
}

static uint64_t
rest_ms(const struct supervisor *s)
{
	uint64_t part = s->settings.handshake_timeout_ms / 4;

	return part < READING_REST_MS ? part : READING_REST_MS;
}

/* Enters p's key, if all is well, and answers; or notes that p waits. */
static void
join(struct supervisor *s, struct peer *p, struct reading *reading)
{
	struct invite invite = {0};
	int state;
	int r = read_invite(s, p, &state, &invite);

	/* A reload forks: nothing secret is to be here then. */
	sodium_memzero(invite.proof.psk, sizeof(invite.proof.psk));
	p->joins_later =
	    r == 0 && is_open(&invite) && !reading->done && clock_ms() < s->join_again_ms;
	if (!p->joins_later) {
		if (r == 0)
			r = use(s, p, state, &invite, reading);
		else if (r == FTX_E_NOT_FOUND)
			r = FTX_E_INVITE_USED; /* withdrawn in this moment */
		if (reading->done && !invite.used)
			s->join_again_ms = clock_ms() + rest_ms(s);
		answer(s, p, &invite, r);
	}
	if (state >= 0)
		close(state);
	invite_wipe(&invite);
	sodium_stackzero(STACK_USED_BYTES);
}

void
joining_proved(struct supervisor *s, struct peer *p, struct session_keys *keys)
{
	struct reading reading = {.done = false};

	memcpy(p->joining_key, keys->client_key, sizeof(p->joining_key));
	session_keys_wipe(keys);
	p->greeted = true;
	join(s, p, &reading);
}

void
joining_on_time(struct supervisor *s, uint64_t now_ms)
{
	struct reading reading = {.done = false};

	if (s->join_again_ms == 0 || now_ms < s->join_again_ms)
		return;
	s->join_again_ms = 0;
	for (size_t i = 0; i < MAX_PEERS; i++) {
		struct peer *p = &s->peers.table[i];

		/* Without a connection it was cut off meanwhile. */
		if (p->state == PEER_GREETING && p->joins_later && p->conn >= 0)
			join(s, p, &reading);
	}
}
