/*
 * The directives of [server].
 */
#include "src/server/config_impl.h"
#include "src/server/control.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"

int
take_listen(struct config_draft *d, const struct ini_entry *e)
{
	struct server_config *s = &d->config->server;

	/* The reader has counted them. */
	if (listen_parse(&s->listen[s->listen_count], e->value) != 0)
		return config_refuse(e, "it is no ADDRESS:PORT, as 192.0.2.1:7389 or [::]:7389");
	s->listen_count++;
	s->listen_said = e->line != 0; /* a default is in no line */
	return 0;
}

/* A number from 1 to 65535, without zeros before it. */
static bool
is_port(const char *text)
{
	size_t length = strlen(text);

	return length >= 1 && length <= 5 && text[0] != '0' &&
	       strspn(text, "0123456789") == length && atoi(text) <= UINT16_MAX;
}

/* What a URL may have between '@' and '/': a name or an address, and perhaps a port. */
bool
config_is_place(const char *text)
{
	const char *end = text;

	if (*text == '[') {
		end = text + 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
		if (end == text + 1 || *end++ != ']')
			return false;
	} else {
		while (isalnum((unsigned char)*end) ||
		       (*end != '\0' && strchr("._-", *end) != NULL))
			end++;
		if (end == text || text[0] == '-' || text[0] == '.')
			return false;
	}
	return *end == '\0' || (*end == ':' && is_port(end + 1));
}

int
take_public_address(struct config_draft *d, const struct ini_entry *e)
{
	if (!config_is_place(e->value))
		return config_refuse(e, "it is no HOST, HOST:PORT or [IPV6]:PORT");
	d->config->server.public_address = config_text(d->config, e->value);
	return d->config->server.public_address != NULL ? 0 : config_no_memory(e);
}

int
take_key_file(struct config_draft *d, const struct ini_entry *e)
{
	struct server_config *s = &d->config->server;
	int r = config_path(d, e, &s->key_files[s->key_file_count]); /* the reader counts them */

	if (r != 0)
		return r;
	for (size_t i = 0; i < s->key_file_count; i++)
		if (strcmp(s->key_files[i], s->key_files[s->key_file_count]) == 0)
			return config_refuse(e, "it is the same file twice");
	s->key_file_count++;
	return 0;
}

int
take_state(struct config_draft *d, const struct ini_entry *e)
{
	return config_path(d, e, &d->config->server.state);
}

int
take_control(struct config_draft *d, const struct ini_entry *e)
{
	if (strlen(e->value) >= CONTROL_PATH_BYTES)
		return config_refuse(e, "a socket's path has up to 107 bytes");
	return config_path(d, e, &d->config->server.control);
}

int
take_metrics_file(struct config_draft *d, const struct ini_entry *e)
{
	size_t length = strlen(e->value);

	if (length > 0 && e->value[length - 1] == '/')
		return config_refuse(e, "it is the path of a file");
	return config_path(d, e, &d->config->server.metrics_file);
}

int
take_user(struct config_draft *d, const struct ini_entry *e)
{
	struct server_config *s = &d->config->server;
	const struct passwd *user;

	errno = 0;
	user = getpwnam(e->value);
	if (user == NULL)
		return config_refuse(e, errno == 0 || errno == ENOENT || errno == ESRCH
					    ? "there is no user of this name"
					    : strerror(errno));
	if (user->pw_uid == 0 || user->pw_gid == 0)
		return config_refuse(e, "sessions are never root, nor of its group");
	s->has_user = true;
	s->user = user->pw_uid;
	s->group = user->pw_gid;
	return 0;
}

int
take_log_level(struct config_draft *d, const struct ini_entry *e)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {{"error", LOG_LEVEL_ERROR},
		      {"warning", LOG_LEVEL_WARNING},
		      {"info", LOG_LEVEL_INFO},
		      {"debug", LOG_LEVEL_DEBUG}};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(levels[i].name, e->value) == 0) {
			d->config->server.log_level = levels[i].level;
			return 0;
		}
	return config_refuse(e, "it is to be error, warning, info or debug");
}

int
take_log_files(struct config_draft *d, const struct ini_entry *e)
{
	static const char *const names[] = {
	    [FILE_LOG_NONE] = "none", [FILE_LOG_CHANGES] = "changes", [FILE_LOG_ALL] = "all"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], e->value) == 0) {
			d->config->server.file_log = (enum file_log)i;
			return 0;
		}
	return config_refuse(e, "it is to be none, changes or all");
}

int
take_max_connections(struct config_draft *d, const struct ini_entry *e)
{
	return config_number(e, LEAST_CONNECTIONS, SUPERVISOR_MAX_SESSIONS,
			     &d->config->server.max_connections);
}

int
take_max_handshakes(struct config_draft *d, const struct ini_entry *e)
{
	return config_number(e, 1, SUPERVISOR_MAX_GREETERS, &d->config->server.max_handshakes);
}

int
take_handshake_timeout(struct config_draft *d, const struct ini_entry *e)
{
	return config_duration(e, 100, 60000, &d->config->server.handshake_timeout_ms);
}

int
take_stall_timeout(struct config_draft *d, const struct ini_entry *e)
{
	return config_duration(e, 1000, 3600000, &d->config->server.stall_timeout_ms);
}

int
take_drain_time(struct config_draft *d, const struct ini_entry *e)
{
	return config_duration(e, 100, 3600000, &d->config->server.drain_time_ms);
}

int
take_penalty(struct config_draft *d, const struct ini_entry *e)
{
	return config_duration(e, 100, 3600000, &d->config->server.penalty_ms);
}

int
take_penalty_max(struct config_draft *d, const struct ini_entry *e)
{
	return config_duration(e, 100, 86400000, &d->config->server.penalty_max_ms);
}

int
take_trusted_proxy(struct config_draft *d, const struct ini_entry *e)
{
	struct server_config *s = &d->config->server;
	const char *why;

	/* The reader has counted them. */
	if (network_parse(&s->trusted_proxies[s->trusted_proxy_count], e->value, &why) != 0)
		return config_refuse(e, why);
	s->trusted_proxy_count++;
	return 0;
}

int
take_session_memory(struct config_draft *d, const struct ini_entry *e)
{
	return config_size(e, UINT64_C(32) << 20, UINT64_C(1) << 40,
			   &d->config->server.session_memory);
}

int
take_require_sandbox(struct config_draft *d, const struct ini_entry *e)
{
	return config_yes_no(e, &d->config->server.require_sandbox);
}

int
take_partial_expire(struct config_draft *d, const struct ini_entry *e)
{
	return config_duration(e, 1000, UINT64_C(3660) * 86400000,
			       &d->config->server.partial_expire_ms);
}

int
take_quota_scan(struct config_draft *d, const struct ini_entry *e)
{
	return config_duration(e, 1000, UINT64_C(366) * 86400000, &d->config->server.quota_scan_ms);
}
