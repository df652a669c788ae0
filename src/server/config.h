/*
 * The daemon's configuration (ftxd.conf(5)): one file, the clients of clients.d/NAME.conf beside
 * it, and the keys that invites have brought to some of them (invites.h).  The format is that of
 * src/base/ini.h, the directives are those of directives.def.
 *
 * All of it is right, or none of it is used: what is wrong is an error with file and line.
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/ini.h"
#include "src/base/log.h"
#include "src/server/listen.h"
#include "src/server/policy.h"
#include "src/server/supervisor.h"

#define CONFIG_FILE	   "/etc/ftxd/ftxd.conf"
#define CONFIG_CLIENTS_DIR "clients.d" /* beside it */
#define CONFIG_CLIENT_END  ".conf"     /* of the names in it that are read */

#define CONFIG_CONTROL "control"

struct server_config {
	struct listen_address listen[SUPERVISOR_MAX_LISTENERS];
	size_t listen_count; /* 1 or more */
	bool listen_said;    /* by the file; else it is the default */
	const char
	    *public_address; /* HOST or HOST:PORT as clients are to be told; NULL: not said */
	/* Empty: server-key in state, made where it is missing.  The first is what people are told.
	 */
	const char *key_files[SERVER_KEYS];
	size_t key_file_count;
	const char *state;
	const char *control; /* NULL: CONFIG_CONTROL in state */
	bool has_user;
	uid_t user;  /* not 0 */
	gid_t group; /* not 0 */
	enum log_level log_level;
	enum file_log file_log;
	const char *metrics_file; /* NULL: none */
	unsigned max_connections;
	unsigned max_handshakes;
	uint64_t handshake_timeout_ms;
	uint64_t stall_timeout_ms;
	uint64_t drain_time_ms;
	uint64_t penalty_ms;
	uint64_t penalty_max_ms; /* not less */
	struct network trusted_proxies[SUPERVISOR_MAX_PROXIES];
	size_t trusted_proxy_count;
	uint64_t session_memory;
	bool require_sandbox;
	uint64_t partial_expire_ms;
	uint64_t quota_scan_ms;
};

struct config;

/*
 * Reads file and, in the order of their names, the files in clients.d beside it that end in .conf
 * and do not begin with a dot.  Each must belong to root or to who runs this, and be writable by
 * nobody else; clients.d likewise.  Of the clients that are invited it then reads the key in
 * STATE/clients.d/NAME.conf, if there is one; that may also belong to whom STATE does.  0 with *out
 * owned by the caller; FTX_E_CONFIG, FTX_E_NOT_FOUND,
 * ..., with error set.
 */
int config_load(struct config **out, const char *file, struct ini_error *error);

/* A file of clients.d that is to become another one. */
struct config_change {
	const char *name; /* in clients.d */
	const char *path; /* of what it is to become; NULL: it is to be removed */
};

/* The same as it would be with this change. */
int config_load_changed(struct config **out, const char *file, const struct config_change *change,
			struct ini_error *error);
void config_free(struct config *c);

/* Borrowed until config_free(). */
const struct server_config *config_server(const struct config *c);
const struct policy *config_policy(const struct config *c);

/* Where the section of a client is, "FILE:LINE"; NULL: it has none. */
const char *config_client_place(const struct config *c, const char *name);

/*
 * The keys of [server] whose values differ and count only when the daemon is started again, with
 * commas between them, to out; "": none.
 */
void config_needs_start(const struct config *old, const struct config *new, char *out,
			size_t capacity);

/* Is it HOST, HOST:PORT or [IPV6]:PORT, with a numeric IPv6 HOST in brackets? */
bool config_is_place(const char *text);

/* clients.d beside file to out, PATH_MAX bytes.  0 or FTX_E_NAME. */
int config_clients_directory(char *out, const char *file);

/*
 * Opens a file of the configuration, or its directory, and looks at who may write to it.
 * *fd is owned by the caller.  FTX_E_CONFIG, FTX_E_NOT_FOUND, ... with error set.
 */
int config_open(int *fd, const char *path, bool directory, struct ini_error *error);

#endif
