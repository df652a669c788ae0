/*
 * What the files of the configuration share: config_read.c (from entries to directives, and what
 * ties sections together), config_files.c (which files there are), config_take.c (values),
 * config_server.c, config_share.c, config_client.c (directives).
 */
#ifndef SERVER_CONFIG_IMPL_H
#define SERVER_CONFIG_IMPL_H

#include "src/server/config.h"

/* A get lists over one and reads over another. */
#define LEAST_CONNECTIONS 2u

enum config_section { SECTION_SERVER, SECTION_SHARE, SECTION_CLIENT, SECTION_CLIENTS, SECTIONS };
enum config_when { WHEN_START, WHEN_RELOAD, WHEN_SESSION };

/* Where something stands, for what is found wrong with it later. */
struct config_place {
	const char *file; /* owned by the configuration */
	unsigned line;
};

/* A value as the file has it. */
struct config_value {
	size_t directive; /* number in config_directives */
	const char *value;
	struct config_place place;
};

struct share_draft {
	struct share_place share;
	uint64_t said; /* directives, by number */
	struct config_place place;
};

struct client_draft {
	struct client_policy policy;
	struct grant *grants;
	struct network *from;
	uint64_t said;
	struct config_place place;
	struct config_place *grant_places; /* of each grant */
	char *shown;			   /* "FILE:LINE" */
};

struct config {
	struct server_config server;
	struct share_draft *shares;
	struct share_place *share_places; /* the same, for the policy */
	size_t share_count;
	struct client_draft *clients;
	struct client_policy *policies; /* the same, for the policy */
	size_t client_count;
	struct policy policy;
	struct config_value *start; /* WHEN_START */
	size_t start_count;
	void **owned; /* texts */
	size_t owned_count;
};

/* A configuration while it is read. */
struct config_draft {
	struct config *config;
	struct ini_error *error;
	const struct config_change *change; /* NULL: none */
	const char *file;		    /* owned by config */
	unsigned section_line;
	uint64_t said;			/* directives of the present section, by number */
	uint64_t server_said;		/* and of [server] */
	struct share_draft *share;	/* the present one */
	struct client_draft *client;	/* likewise */
	struct client_draft any_client; /* takes what [clients] says, to see whether it is right */
	struct config_value *defaults;	/* of [clients] */
	size_t default_count;
};

struct directive {
	enum config_section section;
	const char *key;
	unsigned at_most;
	int (*take)(struct config_draft *d, const struct ini_entry *e);
	const char *otherwise;
	enum config_when when;
};

extern const struct directive config_directives[];
extern const size_t config_directive_count; /* at most 64 */

/* A copy that lives as long as the configuration; NULL without memory. */
char *config_text(struct config *c, const char *text);

/* Room for one more at the end of an array of count items of size bytes.  NULL without memory. */
void *config_grow(void *array, size_t count, size_t size);

/* Of [share] and [client]: begins a section, ends it. */
int config_share_begin(struct config_draft *d, const struct ini_entry *e);
int config_client_begin(struct config_draft *d, const struct ini_entry *e);
struct share_draft *config_share(const struct config *c, const char *name);

/* When everything has been read: gives clients their shares.  0 or FTX_E_CONFIG. */
int config_share_finish(struct config_draft *d);

/* The key that an invite has brought to d->client, from an entry of its file. */
int config_client_entered(struct config_draft *d, const struct ini_entry *e);
int config_client_finish(struct config_draft *d);
void config_client_release(struct client_draft *client);

/* e->value is wrong.  what: "is no port".  Return FTX_E_CONFIG. */
int config_refuse(const struct ini_entry *e, const char *what);
/* Something at a place is wrong, or FILE as a whole where its line is 0. */
int config_refuse_place(struct ini_error *error, const struct config_place *place,
			const char *format, ...) __attribute__((format(printf, 3, 4)));
int config_no_memory(const struct ini_entry *e);

/* The same for a file; returns result. */
int config_refuse_file(struct ini_error *error, const char *path, int result, const char *why);

/*
 * The names in the directory open at fd, which it takes, that are read: in their order, owned by
 * the caller, who frees them with config_free_names() in any case.  0 or the error.
 */
int config_list_clients(int fd, char ***names, size_t *count);
void config_free_names(char **names, size_t count);

/*
 * Opens NAME.conf of clients.d in the state directory.  *fd is owned by the caller.
 * FTX_E_NOT_FOUND where there is none; FTX_E_CONFIG, ... with error set.
 */
int config_open_entered(int *fd, const char *state, const char *name, struct ini_error *error);

/* Values.  0 or FTX_E_CONFIG; ranges are inclusive. */
int config_yes_no(const struct ini_entry *e, bool *out);
int config_number(const struct ini_entry *e, unsigned least, unsigned most, unsigned *out);
int config_duration(const struct ini_entry *e, uint64_t least_ms, uint64_t most_ms, uint64_t *out);
int config_size(const struct ini_entry *e, uint64_t least, uint64_t most, uint64_t *out);
/* A number of files from 1 up, K M G T = powers of 1024. */
int config_files(const struct ini_entry *e, uint64_t *out);
/* An absolute path without '/' at its end. */
int config_path(struct config_draft *d, const struct ini_entry *e, const char **out);

#define DIRECTIVE(section, key, at_most, take, otherwise, when)                                    \
	int take(struct config_draft *d, const struct ini_entry *e);
#include "src/server/directives.def"
#undef DIRECTIVE

#endif
