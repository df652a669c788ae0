#include "cmd/ftxd/invited.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cmd/ftxd/paths.h"
#include "cmd/ftxd/settings.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"

struct work {
	const char *verb;
	const char *state; /* the directory's path */
	const char *client;
	bool is_new;
	const struct invite *invite;
	int dir;
};

static int
failed(const struct work *w, const char *what, int r)
{
	complain(w->verb, "'%s': %s: %s", w->state, what, error_text(r));
	return FTX_EXIT_FAILURE;
}

/* As the owner of the state directory, which is open meanwhile. */
static int
do_work(struct work *w, const struct server_config *server, int (*work)(void *arg))
{
	char *inside = path_join(server->state, "invites");
	int code = FTX_EXIT_FAILURE;

	w->state = server->state;
	w->dir = -1;
	if (inside == NULL)
		complain(w->verb, "%s", error_text(FTX_E_NOMEM));
	else
		code = settings_as_owner(w->verb, inside, work, w);
	if (w->dir >= 0)
		close(w->dir);
	free(inside);
	return code;
}

static int
open_state(struct work *w)
{
	int r = invites_open(&w->dir, w->state);

	if (r != FTX_E_NOT_FOUND)
		return r == 0 ? 0 : failed(w, "the state directory", r);
	complain(w->verb,
		 "'%s': the state directory is not there; ftxd makes it when it is started",
		 w->state);
	return FTX_EXIT_FAILURE;
}

static int
prepare(void *arg)
{
	struct work *w = arg;
	unsigned left;
	bool has;
	int code = open_state(w);
	int r;

	if (code != 0)
		return code;
	if (w->is_new && (r = invites_remove_key(w->dir, w->client)) != 0)
		return failed(w, "the key of an earlier client", r);
	if ((r = invites_has_key(w->dir, w->client, &has)) != 0)
		return failed(w, "keys that invites have brought", r);
	if (has) {
		complain(w->verb,
			 "client %s has come already: ftxd client rm %s takes its key away",
			 w->client, w->client);
		return FTX_EXIT_FAILURE;
	}
	if ((r = invites_sweep(w->dir, w->client, time(NULL), &left)) != 0)
		return failed(w, "earlier invites", r);
	if (left < INVITES_MOST)
		return 0;
	complain(w->verb, "there are %u invites that are open or were within a day", left);
	return FTX_EXIT_FAILURE;
}

static int
make(void *arg)
{
	struct work *w = arg;
	int code = open_state(w);
	int r;

	if (code == 0 && (r = invites_write(w->dir, w->invite)) != 0)
		code = failed(w, "the invite", r);
	return code;
}

static int
forget(void *arg)
{
	struct work *w = arg;
	unsigned left;
	int r = invites_open(&w->dir, w->state);

	if (r == FTX_E_NOT_FOUND)
		return 0; /* so it has nothing there */
	if (r == 0)
		r = invites_sweep(w->dir, w->client, time(NULL), &left);
	if (r == 0)
		r = invites_remove_key(w->dir, w->client);
	return r == 0 ? 0 : failed(w, "what an invite has brought stays there", r);
}

int
invited_prepare(const char *verb, const struct server_config *server, const char *client,
		bool is_new)
{
	struct work w = {.verb = verb, .client = client, .is_new = is_new};

	return do_work(&w, server, prepare);
}

int
invited_make(const char *verb, const struct server_config *server, const struct invite *invite)
{
	struct work w = {.verb = verb, .client = invite->client, .invite = invite};

	return do_work(&w, server, make);
}

int
invited_forget(const char *verb, const char *config_file, const char *client)
{
	struct work w = {.verb = verb, .client = client};
	struct config *config;
	int code = settings_load(verb, config_file, &config);

	if (code != 0)
		return code;
	code = do_work(&w, config_server(config), forget);
	config_free(config);
	return code;
}
