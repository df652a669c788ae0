#include "src/client/config.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/display.h"

#define SYSTEM_FILE "/etc/ftx/config"

static const struct ini_key host_keys[] = {
    {"address", 1}, {"port", 1}, {"server-key", CONFIG_SERVER_KEYS}, {"identity", 1}, INI_KEYS_END};
static const struct ini_section sections[] = {{"host", true, host_keys}, INI_SECTIONS_END};

struct config {
	struct config_host *hosts; /* the user's first */
	size_t count;
	char *user_file, *system_file;
};

/* One file on its way into a configuration. */
struct loading {
	struct config *config;
	const char *file;
	unsigned section_line; /* of the last host, 0 before the first */
};

/* NULL where nothing says where it is. */
static const char *
home_directory(void)
{
	const char *home = getenv("HOME");
	const struct passwd *user;

	if (home != NULL && home[0] != '\0')
		return home;
	user = getpwuid(geteuid());
	return user != NULL ? user->pw_dir : NULL;
}

int
config_place(char *out, size_t capacity, const char *name, struct problem *why)
{
	const char *base = getenv("XDG_CONFIG_HOME");
	const char *home;
	int n;

	if (base != NULL && base[0] == '/') {
		n = snprintf(out, capacity, "%s/ftx/%s", base, name);
	} else {
		home = home_directory();
		if (home == NULL)
			return problem_set(why, FTX_E_CONFIG, SIDE_LOCAL,
					   "neither XDG_CONFIG_HOME nor HOME says where keys are");
		n = snprintf(out, capacity, "%s/.config/ftx/%s", home, name);
	}
	if (n < 0 || (size_t)n >= capacity)
		return problem_set(why, FTX_E_CONFIG, SIDE_LOCAL, "HOME is too long");
	return 0;
}

/* value, for a message */
static int
refuse_value(const struct ini_entry *e, const char *what)
{
	char shown[160];

	return ini_refuse(e, "'%s' is no %s",
			  display_escape(shown, sizeof(shown), e->value, strlen(e->value)), what);
}

static int
set_port(struct config_host *h, const struct ini_entry *e, uint16_t port)
{
	if (h->port != 0)
		return ini_refuse(e, "the port is there twice: in 'address' and as 'port'");
	h->port = port;
	return 0;
}

static int
take_address(struct config_host *h, const struct ini_entry *e)
{
	uint16_t port;

	if (!address_split(h->address, &port, e->value))
		return refuse_value(e, "HOST, HOST:PORT or [IPV6]:PORT");
	return port != 0 ? set_port(h, e, port) : 0;
}

static int
take_port(struct config_host *h, const struct ini_entry *e)
{
	uint16_t port;

	if (!address_port(&port, e->value, strlen(e->value)))
		return refuse_value(e, "port: a number from 1 to 65535");
	return set_port(h, e, port);
}

static int
take_server_key(struct config_host *h, const struct ini_entry *e)
{
	/* The reader has counted them. */
	if (key_parse(h->keys[h->key_count], e->value) != 0)
		return refuse_value(e, "key: 43 characters, as \"ftxd key\" prints them");
	h->key_count++;
	return 0;
}

static int
take_identity(struct config_host *h, const struct ini_entry *e)
{
	const char *home = "";
	const char *rest = e->value;

	/* One from the working directory would be another file each time. */
	if (e->value[0] != '/' && strncmp(e->value, "~/", 2) != 0)
		return refuse_value(e, "path that begins with / or ~/");
	if (e->value[0] == '~') {
		rest++;
		home = home_directory();
		if (home == NULL)
			return ini_refuse(e, "HOME is not set, and there is no other");
	}
	if (asprintf(&h->identity, "%s%s", home, rest) < 0) {
		h->identity = NULL;
		return FTX_E_NOMEM;
	}
	return 0;
}

static const struct {
	const char *key;
	int (*take)(struct config_host *h, const struct ini_entry *e);
} takers[] = {{"address", take_address},
	      {"port", take_port},
	      {"server-key", take_server_key},
	      {"identity", take_identity}};

/* A zeroed one behind the others, or NULL. */
static struct config_host *
add_host(struct loading *l, const struct ini_entry *e)
{
	struct config *c = l->config;
	struct config_host *h = reallocarray(c->hosts, c->count + 1, sizeof(*h));

	if (h == NULL)
		return NULL;
	c->hosts = h;
	h = &c->hosts[c->count++];
	memset(h, 0, sizeof(*h));
	/* The reader holds names to INI_NAME_BYTES, and what is a name is a host name. */
	memcpy(h->name, e->name, strlen(e->name));
	memcpy(h->address, e->name, strlen(e->name));
	h->file = l->file;
	l->section_line = e->section_line;
	return h;
}

static int
take_entry(void *arg, const struct ini_entry *e)
{
	struct loading *l = arg;
	struct config_host *h;

	if (e->section_line != l->section_line)
		h = add_host(l, e);
	else
		h = &l->config->hosts[l->config->count - 1];
	if (h == NULL)
		return FTX_E_NOMEM;
	for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++) {
		if (strcmp(takers[i].key, e->key) == 0)
			return takers[i].take(h, e);
	}
	return ini_refuse(e, "'%s' has no meaning", e->key);
}

static int
load_file(struct config *c, const char *file, struct problem *why)
{
	struct loading l = {.config = c, .file = file};
	struct ini_error error;
	int r = ini_read(file, sections, take_entry, &l, &error);

	if (r == 0 || r == FTX_E_NOT_FOUND)
		return 0;
	if (r == FTX_E_NOMEM)
		return problem_set(why, r, SIDE_LOCAL, NULL);
	return problem_set(why, FTX_E_CONFIG, SIDE_LOCAL, "%s", error.text);
}

int
config_load_files(struct config **out, const char *user, const char *system, struct problem *why)
{
	struct config *c = calloc(1, sizeof(*c));
	int r = 0;

	if (c == NULL)
		return problem_nomem(why);
	c->user_file = strdup(user != NULL ? user : "~/.config/ftx/config");
	c->system_file = strdup(system);
	if (c->user_file == NULL || c->system_file == NULL)
		r = problem_nomem(why);
	if (r == 0 && user != NULL)
		r = load_file(c, c->user_file, why);
	if (r == 0)
		r = load_file(c, c->system_file, why);
	if (r != 0) {
		config_free(c);
		return r;
	}
	*out = c;
	return 0;
}

int
config_load(struct config **out, struct problem *why)
{
	char user[PATH_MAX];
	/* What has no home, or one too long to be opened, has no file there. */
	bool placed = config_place(user, sizeof(user), "config", why) == 0;

	return config_load_files(out, placed ? user : NULL, SYSTEM_FILE, why);
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++)
		free(c->hosts[i].identity);
	free(c->hosts);
	free(c->user_file);
	free(c->system_file);
	free(c);
}

const struct config_host *
config_host(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++) {
		if (strcmp(c->hosts[i].name, name) == 0)
			return &c->hosts[i];
	}
	return NULL;
}

const struct config_host *
config_host_at(const struct config *c, size_t n)
{
	for (size_t i = 0; i < c->count; i++) {
		/* One of the same name before it hides it. */
		if (config_host(c, c->hosts[i].name) == &c->hosts[i] && n-- == 0)
			return &c->hosts[i];
	}
	return NULL;
}

const char *
config_user_file(const struct config *c)
{
	return c->user_file;
}
