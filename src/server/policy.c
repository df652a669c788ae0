#include "src/server/policy.h"

#include <sodium.h>
#include <string.h>

bool
policy_has_key(const struct client_policy *client, const uint8_t key[static KEY_BYTES])
{
	bool found = false;

	for (size_t i = 0; i < client->key_count; i++)
		found |= sodium_memcmp(client->keys[i], key, KEY_BYTES) == 0;
	return found;
}

const struct client_policy *
policy_find(const struct policy *policy, const uint8_t key[static KEY_BYTES])
{
	const struct client_policy *found = NULL;

	for (size_t i = 0; i < policy->client_count; i++)
		if (policy_has_key(&policy->clients[i], key))
			found = &policy->clients[i];
	return found;
}

const struct client_policy *
policy_of_name(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->client_count; i++)
		if (strcmp(policy->clients[i].name, name) == 0)
			return &policy->clients[i];
	return NULL;
}

static bool
is_from(const struct client_policy *client, const struct sockaddr *address)
{
	for (size_t i = 0; i < client->from_count; i++)
		if (network_has(&client->from[i], address))
			return true;
	return client->from_count == 0;
}

bool
policy_refuses(const struct client_policy *client, const struct sockaddr *address, int64_t now_s,
	       enum refusal *why)
{
	*why = REFUSED_DISABLED;
	if (client->disabled)
		return true;
	*why = REFUSED_EXPIRED;
	if (client->expires_s != 0 && now_s >= client->expires_s)
		return true;
	*why = REFUSED_NETWORK;
	return !is_from(client, address);
}

static void
add_bytes(crypto_generichash_state *hash, const void *bytes, size_t length)
{
	crypto_generichash_update(hash, bytes, length);
}

static void
add_number(crypto_generichash_state *hash, uint64_t number)
{
	add_bytes(hash, &number, sizeof(number));
}

/* With its end, so that two texts are not taken for others. */
static void
add_text(crypto_generichash_state *hash, const char *text)
{
	add_bytes(hash, text != NULL ? text : "", text != NULL ? strlen(text) + 1 : 1);
}

static void
add_grant(crypto_generichash_state *hash, const struct grant *grant)
{
	const struct share_rules *rules = &grant->rules;

	add_text(hash, grant->share);
	add_text(hash, grant->path);
	add_text(hash, grant->subtree);
	add_number(hash, grant->rights);
	add_number(hash, rules->require_mount);
	add_number(hash, rules->refuse_symlinks);
	add_number(hash, rules->shared_fs);
	add_number(hash, rules->has_umask);
	add_number(hash, rules->umask_bits);
	add_number(hash, rules->min_free_bytes);
	add_number(hash, rules->min_free_hundredths);
	add_number(hash, rules->quota.bytes);
	add_number(hash, rules->quota.files);
}

void
policy_fingerprint(struct client_policy *client)
{
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, NULL, 0, POLICY_FINGERPRINT_BYTES);
	add_text(&hash, client->name);
	add_number(&hash, client->key_count);
	for (size_t i = 0; i < client->key_count; i++)
		add_bytes(&hash, client->keys[i], KEY_BYTES);
	add_number(&hash, client->grant_count);
	for (size_t i = 0; i < client->grant_count; i++)
		add_grant(&hash, &client->grants[i]);
	add_number(&hash, client->disabled);
	add_number(&hash, client->from_count);
	for (size_t i = 0; i < client->from_count; i++) {
		const struct network *n = &client->from[i];

		add_number(&hash, n->v4);
		add_number(&hash, n->bits);
		add_bytes(&hash, n->address, sizeof(n->address));
	}
	add_number(&hash, (uint64_t)client->expires_s);
	add_number(&hash, client->rate);
	add_number(&hash, client->max_file_bytes);
	add_number(&hash, client->max_connections);
	add_number(&hash, client->quota.bytes);
	add_number(&hash, client->quota.files);
	crypto_generichash_final(&hash, client->fingerprint, POLICY_FINGERPRINT_BYTES);
}
