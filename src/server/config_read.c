/*
 * DESIGN.  An entry goes to the function that directives.def names for it, which checks and keeps
 * it.  At the end of a section what it did not say is taken in the same way: of a client first from
 * [clients], which may stand anywhere and so is kept, then from the table.  When everything is read
 * clients and shares are tied together.
 */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/server/config_impl.h"

const struct directive config_directives[] = {
#define DIRECTIVE(section, key, at_most, take, otherwise, when)                                    \
	{SECTION_##section, key, at_most, take, otherwise, WHEN_##when},
#include "src/server/directives.def"
#undef DIRECTIVE
};
const size_t config_directive_count = sizeof(config_directives) / sizeof(config_directives[0]);
_Static_assert(sizeof(config_directives) / sizeof(config_directives[0]) <= 64,
	       "struct config_draft.said has a bit for each");

static const struct {
	const char *kind;
	bool named;
} kinds[SECTIONS] = {
    [SECTION_SERVER] = {"server", false},
    [SECTION_SHARE] = {"share", true},
    [SECTION_CLIENT] = {"client", true},
    [SECTION_CLIENTS] = {"clients", false},
};

/* What the reader of the format is to know. */
struct format {
	struct ini_key keys[SECTIONS][INI_MAX_KEYS + 1];
	struct ini_section sections[SECTIONS + 1];
};

static void
add_section(struct format *f, size_t place, enum config_section section)
{
	size_t n = 0;

	for (size_t i = 0; i < config_directive_count; i++) {
		const struct directive *d = &config_directives[i];

		assert(n < INI_MAX_KEYS);
		if (d->section == section)
			f->keys[section][n++] = (struct ini_key){d->key, d->at_most};
	}
	f->sections[place] =
	    (struct ini_section){kinds[section].kind, kinds[section].named, f->keys[section]};
}

/* What may stand in the main file, or in one of a client. */
static void
make_format(struct format *f, bool main_file)
{
	*f = (struct format){0};
	if (!main_file) {
		add_section(f, 0, SECTION_CLIENT);
		return;
	}
	for (int i = 0; i < SECTIONS; i++)
		add_section(f, (size_t)i, (enum config_section)i);
}

static enum config_section
section_of(const struct ini_entry *e)
{
	size_t i = 0;

	while (strcmp(kinds[i].kind, e->kind) != 0)
		i++; /* the reader knows no others */
	return (enum config_section)i;
}

static size_t
find_directive(enum config_section section, const char *key)
{
	size_t i = 0;

	while (config_directives[i].section != section ||
	       strcmp(config_directives[i].key, key) != 0)
		i++; /* likewise */
	return i;
}

static uint64_t
bit_of(size_t directive)
{
	return UINT64_C(1) << directive;
}

static int
keep_value(struct config_draft *d, struct config_value **values, size_t *count, size_t directive,
	   const struct ini_entry *e)
{
	struct config_value *more = config_grow(*values, *count, sizeof(*more));

	if (more == NULL)
		return config_no_memory(e);
	*values = more;
	more[*count] = (struct config_value){.directive = directive,
					     .value = config_text(d->config, e->value),
					     .place = {d->file, e->line}};
	return more[(*count)++].value != NULL ? 0 : config_no_memory(e);
}

/* One value of the present section. */
static int
take(struct config_draft *d, size_t directive, const struct ini_entry *e)
{
	const struct directive *known = &config_directives[directive];
	int r = 0;

	d->said |= bit_of(directive);
	if (known->when == WHEN_START)
		r = keep_value(d, &d->config->start, &d->config->start_count, directive, e);
	return r != 0 ? r : known->take(d, e);
}

/* A value that the section does not have itself. */
static int
take_other(struct config_draft *d, size_t directive, const char *value,
	   const struct config_place *place)
{
	struct ini_entry e = {
	    .kind = kinds[config_directives[directive].section].kind,
	    .name = "",
	    .key = config_directives[directive].key,
	    .value = value,
	    .file = place->file,
	    .line = place->line,
	    .error = d->error,
	};

	return take(d, directive, &e);
}

/* What the present section has not said: from the table. */
static int
take_otherwise(struct config_draft *d, enum config_section section)
{
	const struct config_place nowhere = {"directives.def", 0};

	for (size_t i = 0; i < config_directive_count; i++) {
		const struct directive *known = &config_directives[i];
		int r;

		if (known->section != section || known->otherwise == NULL ||
		    (d->said & bit_of(i)) != 0)
			continue;
		if ((r = take_other(d, i, known->otherwise, &nowhere)) != 0)
			return r;
	}
	return 0;
}

/* And that of a client: from [clients]. */
static int
take_defaults(struct config_draft *d)
{
	uint64_t own = d->said;

	for (size_t i = 0; i < d->default_count; i++) {
		const struct config_value *v = &d->defaults[i];
		size_t directive =
		    find_directive(SECTION_CLIENT, config_directives[v->directive].key);
		int r;

		if ((own & bit_of(directive)) != 0)
			continue;
		if ((r = take_other(d, directive, v->value, &v->place)) != 0)
			return r;
	}
	return 0;
}

/* A section begins where the line of its head is another one than before. */
static int
begin_section(struct config_draft *d, enum config_section section, const struct ini_entry *e)
{
	d->section_line = e->section_line;
	d->said = 0;
	switch (section) {
	case SECTION_SHARE:
		return config_share_begin(d, e);
	case SECTION_CLIENT:
		return config_client_begin(d, e);
	case SECTION_CLIENTS:
		d->client = &d->any_client;
		return 0;
	case SECTION_SERVER:
	case SECTIONS:
		break;
	}
	return 0;
}

/* What was said is kept beside what it is about, for when everything is read. */
static void
remember_said(struct config_draft *d, enum config_section section)
{
	if (section == SECTION_SERVER)
		d->server_said = d->said;
	else if (section == SECTION_SHARE)
		d->share->said = d->said;
	else if (section == SECTION_CLIENT)
		d->client->said = d->said;
}

static int
on_entry(void *arg, const struct ini_entry *e)
{
	struct config_draft *d = arg;
	enum config_section section = section_of(e);
	size_t directive = find_directive(section, e->key);
	int r = 0;

	if (e->section_line != d->section_line)
		r = begin_section(d, section, e);
	if (r == 0 && section == SECTION_CLIENTS)
		r = keep_value(d, &d->defaults, &d->default_count, directive, e);
	if (r == 0)
		r = take(d, directive, e);
	remember_said(d, section);
	return r;
}

/* path: what is read; file: its name for people */
static int
read_file(struct config_draft *d, const char *path, const char *file, bool main_file)
{
	struct format format;
	int fd;
	int r;

	make_format(&format, main_file);
	d->section_line = 0;
	if ((d->file = config_text(d->config, file)) == NULL)
		return config_refuse_file(d->error, file, FTX_E_NOMEM, error_text(FTX_E_NOMEM));
	if ((r = config_open(&fd, path, false, d->error)) != 0)
		return r;
	r = ini_read_fd(fd, file, format.sections, on_entry, d, d->error);
	close(fd);
	return r;
}

/* One of clients.d, or what it is to become. */
static int
read_client(struct config_draft *d, const char *directory, const char *name)
{
	const struct config_change *change = d->change;
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (change == NULL || strcmp(change->name, name) != 0)
		return read_file(d, path, path, false);
	return change->path != NULL ? read_file(d, change->path, path, false) : 0;
}

static bool
is_among(const char *name, char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* clients.d beside file; where there is none there are no such clients. */
static int
read_clients(struct config_draft *d, const char *file)
{
	char directory[PATH_MAX];
	char **names = NULL;
	size_t count = 0;
	int fd;
	int r;

	if ((r = config_clients_directory(directory, file)) != 0)
		return config_refuse_file(d->error, file, r, error_text(r));
	r = config_open(&fd, directory, true, d->error);
	if (r == 0 && (r = config_list_clients(fd, &names, &count)) != 0)
		config_refuse_file(d->error, directory, r, error_text(r));
	else if (r == FTX_E_NOT_FOUND)
		r = 0;
	for (size_t i = 0; i < count && r == 0; i++)
		r = read_client(d, directory, names[i]);
	if (r == 0 && d->change != NULL && !is_among(d->change->name, names, count))
		r = read_client(d, directory, d->change->name);
	config_free_names(names, count);
	return r;
}

static int
on_entered(void *arg, const struct ini_entry *e)
{
	return config_client_entered(arg, e);
}

/* The key that an invite has brought to d->client, if one has. */
static int
read_entered(struct config_draft *d)
{
	static const struct ini_key keys[] = {{"key", 1}, INI_KEYS_END};
	static const struct ini_section sections[] = {{"client", true, keys}, INI_SECTIONS_END};
	const char *state = d->config->server.state;
	char name[INI_NAME_BYTES + sizeof(CONFIG_CLIENT_END)];
	char path[2 * PATH_MAX];
	int fd;
	int r;

	snprintf(name, sizeof(name), "%s" CONFIG_CLIENT_END, d->client->policy.name);
	r = config_open_entered(&fd, state, name, d->error);
	if (r != 0)
		return r == FTX_E_NOT_FOUND ? 0 : r;
	snprintf(path, sizeof(path), "%s/" CONFIG_CLIENTS_DIR "/%s", state, name);
	r = ini_read_fd(fd, path, sections, on_entered, d, d->error);
	close(fd);
	return r;
}

static int
complete_shares(struct config_draft *d)
{
	struct config *c = d->config;
	int r = 0;

	for (size_t i = 0; i < c->share_count && r == 0; i++) {
		d->share = &c->shares[i];
		d->said = d->share->said;
		if (d->share->share.path == NULL)
			return config_refuse_place(d->error, &d->share->place,
						   "[share %s] has no path", d->share->share.name);
		r = take_otherwise(d, SECTION_SHARE);
	}
	return r != 0 ? r : config_share_finish(d);
}

static int
complete_clients(struct config_draft *d)
{
	struct config *c = d->config;
	int r = 0;

	for (size_t i = 0; i < c->client_count && r == 0; i++) {
		const struct client_policy *p = &c->clients[i].policy;

		d->client = &c->clients[i];
		d->said = d->client->said;
		if ((p->key_count == 0 && !p->invited) || p->grant_count == 0)
			return config_refuse_place(d->error, &d->client->place,
						   "[client %s] has no %s", p->name,
						   p->grant_count > 0 ? "key" : "share");
		if (p->invited)
			r = read_entered(d);
		if (r == 0 && (r = take_defaults(d)) == 0)
			r = take_otherwise(d, SECTION_CLIENT);
	}
	return r != 0 ? r : config_client_finish(d);
}

/* When all files are read.  file: the main one */
static int
complete(struct config_draft *d, const char *file)
{
	struct config *c = d->config;
	int r;

	d->said = d->server_said;
	if ((r = take_otherwise(d, SECTION_SERVER)) != 0 || (r = complete_shares(d)) != 0 ||
	    (r = complete_clients(d)) != 0)
		return r;
	if (c->server.penalty_ms > c->server.penalty_max_ms)
		return config_refuse_file(d->error, file, FTX_E_CONFIG,
					  "penalty is more than penalty-max");
	c->policy = (struct policy){.clients = c->policies,
				    .client_count = c->client_count,
				    .shares = c->share_places,
				    .share_count = c->share_count};
	return 0;
}

int
config_load(struct config **out, const char *file, struct ini_error *error)
{
	return config_load_changed(out, file, NULL, error);
}

int
config_load_changed(struct config **out, const char *file, const struct config_change *change,
		    struct ini_error *error)
{
	struct config_draft d = {.error = error, .change = change};
	int r;

	error->text[0] = '\0';
	if ((d.config = calloc(1, sizeof(*d.config))) == NULL)
		return config_refuse_file(error, file, FTX_E_NOMEM, error_text(FTX_E_NOMEM));
	if ((r = read_file(&d, file, file, true)) == 0 && (r = read_clients(&d, file)) == 0)
		r = complete(&d, file);
	if (r != 0 && error->text[0] == '\0')
		config_refuse_file(error, file, r, error_text(r));
	config_client_release(&d.any_client);
	free(d.defaults);
	if (r != 0)
		config_free(d.config);
	else
		*out = d.config;
	return r;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->client_count; i++)
		config_client_release(&c->clients[i]);
	for (size_t i = 0; i < c->owned_count; i++)
		free(c->owned[i]);
	free(c->owned);
	free(c->clients);
	free(c->policies);
	free(c->shares);
	free(c->share_places);
	free(c->start);
	free(c);
}

const struct server_config *
config_server(const struct config *c)
{
	return &c->server;
}

const struct policy *
config_policy(const struct config *c)
{
	return &c->policy;
}

/* The n-th value of a directive, NULL where there are fewer. */
static const char *
start_value(const struct config *c, size_t directive, size_t n)
{
	for (size_t i = 0; i < c->start_count; i++)
		if (c->start[i].directive == directive && n-- == 0)
			return c->start[i].value;
	return NULL;
}

static bool
is_same(const struct config *old, const struct config *new, size_t directive)
{
	for (size_t n = 0;; n++) {
		const char *before = start_value(old, directive, n);
		const char *now = start_value(new, directive, n);

		if (before == NULL || now == NULL)
			return before == now;
		if (strcmp(before, now) != 0)
			return false;
	}
}

void
config_needs_start(const struct config *old, const struct config *new, char *out, size_t capacity)
{
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; i < config_directive_count; i++)
		if (config_directives[i].when == WHEN_START && !is_same(old, new, i) &&
		    length < capacity)
			length += (size_t)snprintf(out + length, capacity - length, "%s%s",
						   length > 0 ? "," : "", config_directives[i].key);
}
