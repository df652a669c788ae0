#include "src/server/policy.h"

#include <sodium.h>

const struct client_policy *
policy_find(const struct policy *policy, const uint8_t key[static KEY_BYTES])
{
	const struct client_policy *found = NULL;

	for (size_t i = 0; i < policy->client_count; i++)
		if (sodium_memcmp(policy->clients[i].key, key, KEY_BYTES) == 0)
			found = &policy->clients[i];
	return found;
}
