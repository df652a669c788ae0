#include "cmd/ftx/settings.h"

#include <stdio.h>
#include <string.h>

#include "cmd/ftx/option_values.h"
#include "cmd/ftx/remote.h"
#include "src/client/config.h"

/* The argument that names the server, NULL: none does. */
static const char *
server_argument(const struct options *o)
{
	if ((o->verb & VERBS_TRANSFER) != 0 || o->verb == VERB_VERIFY)
		return o->verb == VERB_GET ? o->transfer.sources[0] : o->transfer.dest;
	if (o->verb == VERB_LN)
		return o->arguments[1];
	if (o->verb == VERB_DIGEST) {
		for (size_t i = 0; i < o->argument_count; i++)
			if (argument_is_remote(o->arguments[i]))
				return o->arguments[i];
		return NULL;
	}
	if (o->verb == VERB_CONFIG)
		return o->argument_count > 1 ? o->arguments[1] : NULL;
	return (o->verb & VERBS_REMOTE) != 0 ? o->arguments[0] : NULL;
}

/* What is wrong with an argument is said when it is used. */
static void
find_server(struct options *o)
{
	const char *argument = server_argument(o);
	struct problem ignored;
	struct address a;

	if (argument == NULL || address_parse_server(&a, argument, &ignored) != 0)
		return;
	if (a.named)
		snprintf(o->host, sizeof(o->host), "%s", a.host);
	if (a.port != 0)
		snprintf(o->address_port, sizeof(o->address_port), "%u", (unsigned)a.port);
}

struct setting_said
settings_said(const struct options *o, enum setting id)
{
	struct setting_said said = {.text = o->given[id], .origin = SETTING_OF_OPTION};

	if (said.text != NULL)
		return said;
	said.text = o->address_port;
	said.origin = SETTING_OF_ADDRESS;
	if (id == SETTING_PORT && said.text[0] != '\0')
		return said;
	said.text = setting_rows[id].built_in;
	said.origin = SETTING_BUILT_IN;
	if (o->config == NULL)
		return said;
	return setting_look_up(o->config, o->host[0] != '\0' ? o->host : NULL, id);
}

const struct config_host *
settings_host(const struct options *o)
{
	return o->host[0] != '\0' ? config_host(o->config, o->host) : NULL;
}

void
settings_take(struct options *o)
{
	struct transfer_request *t = &o->transfer;
	struct settings s;

	/* host add -i: what a section is to say is what is typed. */
	if (o->verb != VERB_HOST && config_load(&o->config, &o->config_why) == 0)
		find_server(o);
	settings_init(&s);
	for (unsigned i = 0; i < SETTING_COUNT; i++) {
		struct setting_said said = settings_said(o, (enum setting)i);

		/* All of it was tried where it was read. */
		if (said.origin != SETTING_BUILT_IN)
			(void)setting_parse(&s, (enum setting)i, said.text);
	}
	o->identity = s.identity;
	o->progress = s.progress;
	t->port = s.port;
	t->streams = s.streams;
	t->compress = s.compress;
	t->level = s.level;
	t->bwlimit = s.bwlimit;
	t->retry_for_ms = s.retry_for_ms;
	t->timeout_ms = s.timeout_ms;
}

int
settings_config(const struct options *o, const struct config **config, struct problem *why)
{
	*config = o->config;
	if (o->config == NULL)
		*why = o->config_why;
	return o->config == NULL ? why->error : 0;
}
