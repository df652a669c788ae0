/*
 * ftxd run: what ftxd.conf(5) says, in the foreground, until SIGTERM; SIGHUP reads it again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cmd/ftxd/again.h"
#include "cmd/ftxd/node.h"
#include "cmd/ftxd/settings.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"
#include "src/base/directory.h"
#include "src/secure/keyfile.h"
#include "src/server/control.h"
#include "src/server/supervisor.h"

#define USAGE "ftxd [run] [-c FILE]"

struct run {
	const char *file;
	/* The one in force, and while another takes its place that one. */
	struct config *present, *next;
	int fds[SUPERVISOR_MAX_LISTENERS];
	size_t listener_count;
	size_t passed_count; /* of them, those that the service manager has opened */
	char *state;	     /* that of the start counts; owned */
	struct key_holder keys[SERVER_KEYS];
	size_t key_count;
	struct service service;
	char *control_path; /* owned; of a socket that is there; NULL: none is yet */
	int control;
};

/* What the configuration alone cannot tell.  NULL: nothing is wrong. */
static const char *
objection(const struct server_config *server)
{
	if (server->has_user && geteuid() != 0 && geteuid() != server->user)
		return "user: only ftxd that root has started can become another user";
	return NULL;
}

static void
set_log(const struct server_config *server)
{
	log_setup(server->log_level, log_is_journal());
}

/* Only where it is needed, since it needs a state directory.  0, or an error with *why. */
static int
take_node(const struct config *config, char node[static UPLOAD_NODE_BYTES], const char **why)
{
	const struct policy *policy = config_policy(config);

	for (size_t i = 0; i < policy->share_count; i++)
		if (policy->shares[i].rules.shared_fs)
			return node_name(config_server(config)->state, node, why);
	return 0;
}

/* 0, or an error with *why: about the file `node` in the state directory. */
static int
make_settings(const struct config *config, struct supervisor_settings *settings, const char **why)
{
	const struct server_config *server = config_server(config);

	*settings = (struct supervisor_settings){
	    .policy = config_policy(config),
	    .sandbox = {.require = server->require_sandbox,
			/* Root that is to become nobody in particular stays root's number. */
			.has_user = server->has_user && geteuid() == 0,
			.user = server->user,
			.group = server->group,
			.session_memory = server->session_memory},
	    .max_connections = server->max_connections,
	    .max_handshakes = server->max_handshakes,
	    .handshake_timeout_ms = server->handshake_timeout_ms,
	    .stall_timeout_ms = server->stall_timeout_ms,
	    .drain_time_ms = server->drain_time_ms,
	    .penalty_ms = server->penalty_ms,
	    .penalty_max_ms = server->penalty_max_ms,
	    .file_log = server->file_log,
	    .metrics_file = server->metrics_file,
	    .trusted_proxy_count = server->trusted_proxy_count,
	    .partial_expire_ms = server->partial_expire_ms,
	    .quota_scan_ms = server->quota_scan_ms,
	};
	memcpy(settings->trusted_proxies, server->trusted_proxies,
	       sizeof(settings->trusted_proxies));
	return take_node(config, settings->node, why);
}

/* Both are meant to say where to listen, and one alone counts. */
static void
warn_listen(const struct run *run, const struct server_config *server)
{
	if (run->passed_count > 0 && server->listen_said && !again_is())
		log_warning("listen of %s does not count: the service manager has passed the "
			    "sockets to listen on",
			    run->file);
}

static int
reload(void *arg, struct supervisor_settings *settings)
{
	struct run *run = arg;
	struct ini_error error;
	const char *why;
	char keys[256];

	if (config_load(&run->next, run->file, &error) != 0) {
		log_error("the old configuration is kept: %s", error.text);
		return FTX_E_CONFIG;
	}
	if ((why = objection(config_server(run->next))) != NULL) {
		log_error("the old configuration is kept: %s: %s", run->file, why);
		config_free(run->next);
		run->next = NULL;
		return FTX_E_CONFIG;
	}
	if (make_settings(run->next, settings, &why) != 0) {
		log_error("the old configuration is kept: %s/node: %s",
			  config_server(run->next)->state, why);
		config_free(run->next);
		run->next = NULL;
		return FTX_E_CONFIG;
	}
	warn_listen(run, config_server(run->next));
	config_needs_start(run->present, run->next, keys, sizeof(keys));
	if (keys[0] != '\0')
		log_warning("what has changed counts only when ftxd is started again keys=%s",
			    keys);
	return 0;
}

/* Of the two configurations the one that is not in force any more, or never was. */
static void
release(void *arg, const struct policy *policy)
{
	struct run *run = arg;

	if (policy == config_policy(run->present)) {
		config_free(run->present);
		run->present = run->next;
		set_log(config_server(run->present));
	} else {
		config_free(run->next);
	}
	run->next = NULL;
}

static int
setup_keys(struct run *run)
{
	const struct server_config *server = config_server(run->present);
	size_t count = settings_key_count(server);

	for (; run->key_count < count; run->key_count++) {
		uint8_t *secret = settings_key("run", server, run->key_count, true);

		if (secret == NULL)
			return FTX_EXIT_CONFIG;
		if (key_holder_init(&run->keys[run->key_count], secret) != 0) {
			complain("run", "this kernel does not keep the key from child processes");
			return FTX_EXIT_CONFIG;
		}
		if (run->key_count > 0)
			run->keys[run->key_count - 1].other = &run->keys[run->key_count];
	}
	/* Where it cannot be made nobody can be invited, and ftxd invite says so. */
	(void)directory_make(server->state, 0700);
	return 0;
}

/* In a network without a way out nobody would come, and nobody would say so. */
static bool
is_cut_off(const struct server_config *server)
{
	for (size_t i = 0; i < server->listen_count; i++)
		if (!listen_is_loopback(&server->listen[i]))
			return service_is_isolated();
	return false;
}

static int
open_listeners(struct run *run)
{
	const struct server_config *server = config_server(run->present);

	if (is_cut_off(server)) {
		complain("run", "no socket was passed: systemctl enable --now ftxd.socket");
		return FTX_EXIT_CONFIG;
	}
	for (size_t i = 0; i < server->listen_count; i++) {
		struct listen_address a = server->listen[i];
		bool v6 = strchr(a.host, ':') != NULL;
		int r = listen_open(&a, &run->fds[i]);

		if (r != 0) {
			complain("run", "cannot listen on %s%s%s:%u: %s", v6 ? "[" : "", a.host,
				 v6 ? "]" : "", a.port,
				 r == FTX_E_BUSY ? "the port is taken" : error_text(r));
			return FTX_EXIT_FAILURE;
		}
		run->listener_count++;
	}
	return 0;
}

static int
setup_listeners(struct run *run)
{
	char address[NETWORK_END_BYTES];
	int code;

	run->listener_count = run->passed_count;
	warn_listen(run, config_server(run->present));
	if (run->passed_count == 0 && (code = open_listeners(run)) != 0)
		return code;
	for (size_t i = 0; i < run->listener_count; i++)
		log_info("listening address=%s", listen_format(run->fds[i], address));
	return 0;
}

/* One that somebody else serves, or that was asked for, must be; the other one is missed by nobody
 * but ftxd status. */
static int
setup_control(struct run *run)
{
	const struct server_config *server = config_server(run->present);
	char *path = settings_control(server);
	int pid = 0;
	int r = path != NULL ? 0 : FTX_E_NOMEM;

	if (r == 0 && server->control == NULL)
		r = directory_make(server->state, 0700);
	if (r == 0)
		r = control_open(path, &run->control, &pid);
	if (r == 0) {
		run->control_path = path;
		return 0;
	}
	if (server->control != NULL || r == FTX_E_BUSY)
		complain("run", "'%s': cannot make the control socket: %s",
			 path != NULL ? path : "", control_problem(r, pid));
	else
		log_error("ftxd status will not work, there is no control socket error=\"%s\"",
			  control_problem(r, pid));
	free(path);
	return server->control != NULL || r == FTX_E_BUSY ? FTX_EXIT_FAILURE : 0;
}

static void
remove_control(struct run *run)
{
	if (run->control_path == NULL)
		return;
	(void)unlink(run->control_path); /* one that stays is no harm: nobody serves it */
	free(run->control_path);
}

/* What is wrong now would keep the next process from starting. */
static bool
may_restart(void *arg)
{
	const struct run *run = arg;
	struct ini_error error;
	struct config *config;

	if (config_load(&config, run->file, &error) == 0) {
		config_free(config);
		return true;
	}
	log_error("children crash, and ftxd is not started anew: %s", error.text);
	return false;
}

/* First of all: what is opened later must not come to lie where a socket was said to be. */
static int
setup_service(struct run *run)
{
	const char *why;

	service_init(&run->service);
	if (service_sockets(run->fds, SUPERVISOR_MAX_LISTENERS, &run->passed_count, &why) == 0)
		return 0;
	complain("run", "%s", why);
	return FTX_EXIT_CONFIG;
}

static int
serve(struct run *run)
{
	const char *why = objection(config_server(run->present));
	struct supervisor_options options = {.listeners = run->fds,
					     .key = run->keys,
					     .service = &run->service,
					     .state = run->state,
					     .reload = reload,
					     .may_restart = may_restart,
					     .release = release,
					     .arg = run};
	int code;
	int r;

	if (why != NULL) {
		complain("run", "%s: %s", run->file, why);
		return FTX_EXIT_CONFIG;
	}
	set_log(config_server(run->present));
	if ((code = setup_keys(run)) != 0 || (code = setup_listeners(run)) != 0 ||
	    (code = setup_control(run)) != 0)
		return code;
	options.listener_count = run->listener_count;
	options.control = run->control_path != NULL ? &run->control : NULL;
	if (make_settings(run->present, &options.settings, &why) != 0) {
		complain("run", "'%s/node': %s", config_server(run->present)->state, why);
		return FTX_EXIT_CONFIG;
	}
	r = supervisor_run(&options);
	remove_control(run);
	if (r == SUPERVISOR_RESTART) {
		again_execute(run->fds, run->listener_count);
		complain("run", "cannot be executed anew: %s", strerror(errno));
	} else if (r != 0) {
		complain("run", "%s", error_text(r));
	}
	return r != 0 ? FTX_EXIT_FAILURE : 0;
}

int
verb_run(int argc, char **argv)
{
	static struct run run;
	int code = settings_options("run", USAGE, argc, argv, &run.file);

	/* The supervisor's memory holds the server's secret key. */
	prctl(PR_SET_DUMPABLE, 0);
	if (code != 0)
		return code;
	if (optind != argc) {
		complain("run", "there is nothing more to say\nusage: " USAGE);
		return FTX_EXIT_USAGE;
	}
	if ((code = setup_service(&run)) != 0 ||
	    (code = settings_load("run", run.file, &run.present)) != 0)
		return code;
	run.state = strdup(config_server(run.present)->state);
	if (run.state == NULL) {
		complain("run", "%s", error_text(FTX_E_NOMEM));
		return FTX_EXIT_FAILURE;
	}
	code = serve(&run);
	for (size_t i = 0; i < run.key_count; i++)
		key_holder_release(&run.keys[i]);
	free(run.state);
	config_free(run.present);
	return code;
}
