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
#define PORT_TWICE  "the port is there twice: in 'address' and as 'port'"

#define USER   0u
#define SYSTEM 1u

#define HOST_ONLY_KEYS 2u

struct config {
	struct config_host *hosts; /* the user's first */
	size_t count;
	char *files[CONFIG_FILES];
	struct config_line defaults[CONFIG_FILES][SETTING_COUNT];
	const char *variables[SETTING_COUNT];
};

/* One file on its way into a configuration. */
struct loading {
	struct config *config;
	unsigned file;	       /* USER, SYSTEM */
	unsigned section_line; /* of the last host, 0 before the first */
	struct ini_key host_keys[HOST_ONLY_KEYS + SETTING_COUNT + 1];
	struct ini_key default_keys[SETTING_COUNT + 1];
	struct ini_section sections[3];
};

/* The tables for the reader: [host NAME] and [defaults] have the settings in common. */
static void
loading_init(struct loading *l, struct config *c, unsigned file)
{
	memset(l, 0, sizeof(*l));
	l->config = c;
	l->file = file;
	l->host_keys[0] = (struct ini_key){"address", 1};
	l->host_keys[1] = (struct ini_key){"server-key", CONFIG_SERVER_KEYS};
	for (unsigned i = 0; i < SETTING_COUNT; i++) {
		l->default_keys[i] = (struct ini_key){setting_rows[i].key, 1};
		l->host_keys[HOST_ONLY_KEYS + i] = l->default_keys[i];
	}
	l->sections[0] = (struct ini_section){"host", true, l->host_keys};
	l->sections[1] = (struct ini_section){"defaults", false, l->default_keys};
}

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

/* The line's text is owned by the configuration from here on. */
static int
keep_line(struct config_line *line, const struct ini_entry *e, const char *text)
{
	line->text = strdup(text);
	line->number = e->line;
	return line->text != NULL ? 0 : FTX_E_NOMEM;
}

/* The reader has looked the key up in the tables that are made of these rows. */
static enum setting
setting_of_key(const char *key)
{
	unsigned i = 0;

	while (strcmp(setting_rows[i].key, key) != 0)
		i++;
	return (enum setting)i;
}

static int
take_address(struct config_host *h, const struct ini_entry *e)
{
	char text[8];
	uint16_t port;

	if (!address_split(h->address, &port, e->value))
		return refuse_value(e, "HOST, HOST:PORT or [IPV6]:PORT");
	h->address_line = e->line;
	if (port == 0)
		return 0;
	if (h->port != 0)
		return ini_refuse(e, PORT_TWICE);
	h->port = port;
	snprintf(text, sizeof(text), "%u", (unsigned)port);
	return keep_line(&h->lines[SETTING_PORT], e, text);
}

static int
take_server_key(struct config_host *h, const struct ini_entry *e)
{
	/* The reader has counted them. */
	if (key_parse(h->keys[h->key_count], e->value) != 0)
		return refuse_value(e, "key: 43 characters, as \"ftxd key\" prints them");
	h->key_lines[h->key_count++] = e->line;
	return 0;
}

static int
take_identity(struct config_line *line, const struct ini_entry *e)
{
	const char *home = home_directory();
	char path[PATH_MAX];
	int n;

	/* One from the working directory would be another file each time. */
	if (e->value[0] != '/' && strncmp(e->value, "~/", 2) != 0)
		return refuse_value(e, "path that begins with / or ~/");
	if (e->value[0] == '/')
		return keep_line(line, e, e->value);
	if (home == NULL)
		return ini_refuse(e, "HOME is not set, and there is no other");
	n = snprintf(path, sizeof(path), "%s%s", home, e->value + 1);
	if (n < 0 || (size_t)n >= sizeof(path))
		return ini_refuse(e, "the path is too long");
	return keep_line(line, e, path);
}

static int
take_setting(struct config_line *lines, enum setting id, const struct ini_entry *e)
{
	struct settings tried;
	char shown[160];

	if (id == SETTING_IDENTITY)
		return take_identity(&lines[id], e);
	if (!setting_parse(&tried, id, e->value))
		return ini_refuse(e, "'%s' is not possible for %s: %s",
				  display_escape(shown, sizeof(shown), e->value, strlen(e->value)),
				  e->key, setting_rows[id].form);
	return keep_line(&lines[id], e, e->value);
}

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
	h->file = c->files[l->file];
	h->line = e->section_line;
	l->section_line = e->section_line;
	return h;
}

static int
take_host_entry(struct loading *l, const struct ini_entry *e)
{
	struct config_host *h;
	enum setting id;
	int r;

	if (e->section_line != l->section_line)
		h = add_host(l, e);
	else
		h = &l->config->hosts[l->config->count - 1];
	if (h == NULL)
		return FTX_E_NOMEM;
	if (strcmp(e->key, "address") == 0)
		return take_address(h, e);
	if (strcmp(e->key, "server-key") == 0)
		return take_server_key(h, e);
	id = setting_of_key(e->key);
	if (id == SETTING_PORT && h->port != 0)
		return ini_refuse(e, PORT_TWICE);
	r = take_setting(h->lines, id, e);
	if (r == 0 && id == SETTING_PORT)
		(void)address_port(&h->port, e->value, strlen(e->value));
	h->identity = h->lines[SETTING_IDENTITY].text;
	return r;
}

static int
take_entry(void *arg, const struct ini_entry *e)
{
	struct loading *l = arg;

	if (strcmp(e->kind, "host") == 0)
		return take_host_entry(l, e);
	return take_setting(l->config->defaults[l->file], setting_of_key(e->key), e);
}

static int
load_file(struct config *c, unsigned file, struct problem *why)
{
	struct loading l;
	struct ini_error error;
	int r;

	loading_init(&l, c, file);
	r = ini_read(c->files[file], l.sections, take_entry, &l, &error);
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
	c->files[USER] = strdup(user != NULL ? user : "~/.config/ftx/config");
	c->files[SYSTEM] = strdup(system);
	if (c->files[USER] == NULL || c->files[SYSTEM] == NULL)
		r = problem_nomem(why);
	if (r == 0 && user != NULL)
		r = load_file(c, USER, why);
	if (r == 0)
		r = load_file(c, SYSTEM, why);
	if (r != 0) {
		config_free(c);
		return r;
	}
	*out = c;
	return 0;
}

/* Variables live as long as the process. */
static int
take_environment(struct config *c, struct problem *why)
{
	for (unsigned i = 0; i < SETTING_COUNT; i++) {
		const char *value = getenv(setting_rows[i].variable);
		struct settings tried;
		char shown[160];

		if (value == NULL || value[0] == '\0')
			continue;
		if (!setting_parse(&tried, (enum setting)i, value))
			return problem_set(
			    why, FTX_E_CONFIG, SIDE_LOCAL, "%s: '%s' is not possible: %s",
			    setting_rows[i].variable,
			    display_escape(shown, sizeof(shown), value, strlen(value)),
			    setting_rows[i].form);
		c->variables[i] = value;
	}
	return 0;
}

int
config_load(struct config **out, struct problem *why)
{
	char user[PATH_MAX];
	/* What has no home, or one too long to be opened, has no file there. */
	bool placed = config_place(user, sizeof(user), "config", why) == 0;
	int r = config_load_files(out, placed ? user : NULL, SYSTEM_FILE, why);

	if (r == 0 && (r = take_environment(*out, why)) != 0) {
		config_free(*out);
		*out = NULL;
	}
	return r;
}

static void
free_lines(struct config_line lines[static SETTING_COUNT])
{
	for (unsigned i = 0; i < SETTING_COUNT; i++)
		free(lines[i].text);
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++)
		free_lines(c->hosts[i].lines);
	free(c->hosts);
	for (unsigned i = 0; i < CONFIG_FILES; i++) {
		free_lines(c->defaults[i]);
		free(c->files[i]);
	}
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
	return c->files[USER];
}

const char *
config_file(const struct config *c, unsigned n)
{
	return c->files[n];
}

const struct config_line *
config_default(const struct config *c, unsigned file, enum setting id)
{
	return &c->defaults[file][id];
}

const char *
config_variable(const struct config *c, enum setting id)
{
	return c->variables[id];
}
