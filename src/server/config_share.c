/*
 * The directives of [share NAME].
 */
#include "src/server/config_impl.h"

#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"

#define MAX_SHARES 1024u

struct share_draft *
config_share(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->share_count; i++)
		if (strcmp(c->shares[i].share.name, name) == 0)
			return &c->shares[i];
	return NULL;
}

int
config_share_begin(struct config_draft *d, const struct ini_entry *e)
{
	struct config *c = d->config;
	struct share_draft *shares;

	if (c->share_count == MAX_SHARES)
		return ini_refuse(e, "there are more than %u shares", MAX_SHARES);
	if ((shares = config_grow(c->shares, c->share_count, sizeof(*shares))) == NULL)
		return config_no_memory(e);
	c->shares = shares;
	d->share = &shares[c->share_count++];
	*d->share = (struct share_draft){.place = {d->file, e->section_line}};
	strcpy(d->share->share.name, e->name); /* ini_name_ok() */
	return 0;
}

int
take_share_path(struct config_draft *d, const struct ini_entry *e)
{
	return config_path(d, e, &d->share->share.path);
}

/* A percentage with at most two digits behind its point, in hundredths.  0 or FTX_E_USAGE. */
static int
parse_percent(uint32_t *hundredths, const char *text)
{
	char *end;
	unsigned long whole, rest = 0;

	if (*text < '0' || *text > '9')
		return FTX_E_USAGE;
	whole = strtoul(text, &end, 10);
	if (*end == '.') {
		size_t digits = strspn(end + 1, "0123456789");

		if (digits < 1 || digits > 2)
			return FTX_E_USAGE;
		rest = strtoul(end + 1, &end, 10) * (digits == 1 ? 10 : 1);
	}
	if (strcmp(end, "%") != 0 || whole > 99)
		return FTX_E_USAGE;
	*hundredths = (uint32_t)(whole * 100 + rest);
	return 0;
}

int
take_min_free(struct config_draft *d, const struct ini_entry *e)
{
	struct share_rules *rules = &d->share->share.rules;

	if (strchr(e->value, '%') == NULL)
		return config_size(e, 0, UINT64_C(1) << 60, &rules->min_free_bytes);
	if (parse_percent(&rules->min_free_hundredths, e->value) != 0)
		return config_refuse(e, "it is to be a size, or a percentage below 100%");
	return 0;
}

int
take_require_mount(struct config_draft *d, const struct ini_entry *e)
{
	return config_yes_no(e, &d->share->share.rules.require_mount);
}

int
take_umask(struct config_draft *d, const struct ini_entry *e)
{
	struct share_rules *rules = &d->share->share.rules;
	size_t length = strlen(e->value);

	if (length < 3 || length > 4 || strspn(e->value, "01234567") != length ||
	    (length == 4 && e->value[0] != '0'))
		return config_refuse(e, "it is to be three octal digits, as 027");
	rules->umask_bits = (mode_t)strtoul(e->value, NULL, 8);
	rules->has_umask = true;
	if ((rules->umask_bits & 0700) != 0)
		return config_refuse(e, "it takes from the owner what the server needs");
	return 0;
}

int
take_symlinks(struct config_draft *d, const struct ini_entry *e)
{
	d->share->share.rules.refuse_symlinks = strcmp(e->value, "refuse") == 0;
	if (d->share->share.rules.refuse_symlinks || strcmp(e->value, "keep") == 0)
		return 0;
	return config_refuse(e, "it is to be keep or refuse");
}

int
take_read_only(struct config_draft *d, const struct ini_entry *e)
{
	return config_yes_no(e, &d->share->share.read_only);
}

int
take_shared_fs(struct config_draft *d, const struct ini_entry *e)
{
	return config_yes_no(e, &d->share->share.rules.shared_fs);
}

int
take_share_quota(struct config_draft *d, const struct ini_entry *e)
{
	return config_size(e, 1, UINT64_C(1) << 60, &d->share->share.rules.quota.bytes);
}

int
take_share_quota_files(struct config_draft *d, const struct ini_entry *e)
{
	return config_files(e, &d->share->share.rules.quota.files);
}

int
config_share_finish(struct config_draft *d)
{
	struct config *c = d->config;

	c->share_places = calloc(c->share_count + 1, sizeof(*c->share_places));
	if (c->share_places == NULL)
		return FTX_E_NOMEM;
	for (size_t i = 0; i < c->share_count; i++)
		c->share_places[i] = c->shares[i].share;
	return 0;
}
