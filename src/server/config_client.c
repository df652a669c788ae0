/*
 * The directives of [client NAME] and [clients].
 */
#include "src/server/config_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/errors.h"
#include "proto/limits.h"
#include "src/secure/keyfile.h"

#define MAX_CLIENTS  4096u
#define MAX_NETWORKS 64u
/* With less, eight chunks at a time would take longer than a client waits for an answer. */
#define LEAST_RATE (UINT64_C(64) << 10)

static struct client_draft *
find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->client_count; i++)
		if (strcmp(c->clients[i].policy.name, name) == 0)
			return &c->clients[i];
	return NULL;
}

int
config_client_begin(struct config_draft *d, const struct ini_entry *e)
{
	struct config *c = d->config;
	const struct client_draft *same = find(c, e->name);
	struct client_draft *clients;
	char *shown;

	if (same != NULL)
		return ini_refuse(e, "the section [client %s] is in %.300s too", e->name,
				  same->shown);
	if (c->client_count == MAX_CLIENTS)
		return ini_refuse(e, "there are more than %u clients", MAX_CLIENTS);
	if ((clients = config_grow(c->clients, c->client_count, sizeof(*clients))) == NULL)
		return config_no_memory(e);
	c->clients = clients;
	if (asprintf(&shown, "%s:%u", e->file, e->section_line) < 0)
		return config_no_memory(e);
	d->client = &clients[c->client_count++];
	*d->client = (struct client_draft){.place = {d->file, e->section_line}, .shown = shown};
	strcpy(d->client->policy.name, e->name); /* ini_name_ok() */
	return 0;
}

const char *
config_client_place(const struct config *c, const char *name)
{
	const struct client_draft *client = find(c, name);

	return client != NULL ? client->shown : NULL;
}

void
config_client_release(struct client_draft *client)
{
	free(client->grants);
	free(client->grant_places);
	free(client->from);
	free(client->shown);
}

#define KEY_BY_INVITE "invite"

_Static_assert(sizeof(KEY_BY_INVITE) - 1 != KEY_TEXT_CHARS, "it is no key");

static int
add_key(struct config_draft *d, const struct ini_entry *e)
{
	struct config *c = d->config;
	struct client_policy *p = &d->client->policy;

	if (key_parse(p->keys[p->key_count], e->value) != 0)
		return config_refuse(
		    e, "it is no public key: 43 characters, as \"ftx key\" prints them");
	for (size_t i = 0; i < c->client_count; i++) {
		const struct client_draft *other = &c->clients[i];

		if (policy_has_key(&other->policy, p->keys[p->key_count]))
			return ini_refuse(e, "the key is in [client %s] of %.300s too",
					  other->policy.name, other->shown);
	}
	p->key_count++;
	return 0;
}

int
take_client_key(struct config_draft *d, const struct ini_entry *e)
{
	struct client_policy *p = &d->client->policy;

	/* The reader has counted them: one that comes by an invite has a place, too. */
	if (strcmp(e->value, KEY_BY_INVITE) != 0)
		return add_key(d, e);
	if (p->invited)
		return config_refuse(e, "one key comes by an invite, not two");
	p->invited = true;
	return 0;
}

int
config_client_entered(struct config_draft *d, const struct ini_entry *e)
{
	if (strcmp(e->name, d->client->policy.name) != 0)
		return ini_refuse(e, "this file is for [client %s] alone", d->client->policy.name);
	return add_key(d, e);
}

int
take_client_share(struct config_draft *d, const struct ini_entry *e)
{
	struct client_draft *client = d->client;
	size_t n = client->policy.grant_count;
	struct grant *grants;
	struct config_place *places;
	struct share_spec spec;
	const char *why;

	if (n == LIMIT_SHARES)
		return ini_refuse(e, "a client has at most %u shares", LIMIT_SHARES);
	if (share_spec_parse(&spec, e->value, &why) != 0)
		return config_refuse(e, why);
	for (size_t i = 0; i < n; i++)
		if (strcmp(client->grants[i].share, spec.share) == 0)
			return ini_refuse(e, "share %s is there twice", spec.share);
	if ((grants = config_grow(client->grants, n, sizeof(*grants))) == NULL)
		return config_no_memory(e);
	client->grants = grants;
	if ((places = config_grow(client->grant_places, n, sizeof(*places))) == NULL)
		return config_no_memory(e);
	client->grant_places = places;
	places[n] = (struct config_place){d->file, e->line};
	grants[n] = (struct grant){.rights = spec.rights};
	strcpy(grants[n].share, spec.share);
	if ((grants[n].subtree = config_text(d->config, spec.subtree)) == NULL)
		return config_no_memory(e);
	client->policy.grant_count++;
	return 0;
}

int
take_rate(struct config_draft *d, const struct ini_entry *e)
{
	return config_size(e, LEAST_RATE, UINT64_C(1) << 40, &d->client->policy.rate);
}

int
take_from(struct config_draft *d, const struct ini_entry *e)
{
	struct client_draft *client = d->client;
	size_t n = client->policy.from_count;
	struct network *from;
	const char *why;

	if (n == MAX_NETWORKS)
		return ini_refuse(e, "a client has at most %u networks", MAX_NETWORKS);
	if ((from = config_grow(client->from, n, sizeof(*from))) == NULL)
		return config_no_memory(e);
	client->from = from;
	if (network_parse(&from[n], e->value, &why) != 0)
		return config_refuse(e, why);
	client->policy.from_count++;
	return 0;
}

/* "2027-01-01", its first moment, or "2027-01-01T12:30:00Z".  0 or FTX_E_USAGE. */
static int
parse_time(int64_t *seconds, const char *text)
{
	struct tm tm = {0}, same;
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	bool day = end != NULL && *end == '\0';
	char again[32];
	time_t time;

	if (!day)
		end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (end == NULL || *end != '\0' || (time = timegm(&tm)) <= 0 ||
	    gmtime_r(&time, &same) == NULL)
		return FTX_E_USAGE;
	/* What there is not, the 31st of February say, comes out as something else. */
	if (strftime(again, sizeof(again), day ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%SZ", &same) == 0 ||
	    strcmp(again, text) != 0)
		return FTX_E_USAGE;
	*seconds = time;
	return 0;
}

int
take_expires(struct config_draft *d, const struct ini_entry *e)
{
	if (parse_time(&d->client->policy.expires_s, e->value) == 0)
		return 0;
	return config_refuse(e, "it is to be a day or a moment of UTC, as 2027-01-01 or "
				"2027-01-01T12:30:00Z");
}

int
take_client_connections(struct config_draft *d, const struct ini_entry *e)
{
	return config_number(e, LEAST_CONNECTIONS, SUPERVISOR_MAX_SESSIONS,
			     &d->client->policy.max_connections);
}

int
take_max_file_size(struct config_draft *d, const struct ini_entry *e)
{
	return config_size(e, 1, LIMIT_FILE_BYTES, &d->client->policy.max_file_bytes);
}

int
take_enabled(struct config_draft *d, const struct ini_entry *e)
{
	bool enabled = true;
	int r = config_yes_no(e, &enabled);

	d->client->policy.disabled = !enabled;
	return r;
}

int
take_quota(struct config_draft *d, const struct ini_entry *e)
{
	return config_size(e, 1, UINT64_C(1) << 60, &d->client->policy.quota.bytes);
}

int
take_quota_files(struct config_draft *d, const struct ini_entry *e)
{
	return config_files(e, &d->client->policy.quota.files);
}

int
take_expect_every(struct config_draft *d, const struct ini_entry *e)
{
	return config_duration(e, 1000, UINT64_C(366) * 86400000,
			       &d->client->policy.expect_every_ms);
}

/* Gives each grant of a client what its share says. */
static int
connect_grants(struct config_draft *d, struct client_draft *client)
{
	for (size_t i = 0; i < client->policy.grant_count; i++) {
		struct grant *grant = &client->grants[i];
		const struct share_draft *share = config_share(d->config, grant->share);

		if (share == NULL)
			return config_refuse_place(d->error, &client->grant_places[i],
						   "there is no section [share %s]", grant->share);
		grant->path = share->share.path;
		grant->rules = share->share.rules;
		if (share->share.read_only)
			grant->rights &= RIGHT_LIST | RIGHT_GET;
	}
	return 0;
}

int
config_client_finish(struct config_draft *d)
{
	struct config *c = d->config;
	int r;

	if ((c->policies = calloc(c->client_count + 1, sizeof(*c->policies))) == NULL)
		return FTX_E_NOMEM;
	for (size_t i = 0; i < c->client_count; i++) {
		struct client_draft *client = &c->clients[i];

		if ((r = connect_grants(d, client)) != 0)
			return r;
		client->policy.grants = client->grants;
		client->policy.from = client->from;
		policy_fingerprint(&client->policy);
		c->policies[i] = client->policy;
	}
	return 0;
}
