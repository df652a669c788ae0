/*
 * ftxd status: what the daemon of a configuration tells on its control socket.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/ftxd/report.h"
#include "cmd/ftxd/settings.h"
#include "cmd/ftxd/verbs.h"
#include "proto/errors.h"
#include "src/base/io.h"
#include "src/server/control.h"

#define USAGE "ftxd status [--json] [-c FILE]"

/* The daemon answers at once, or has something else to do than ever to answer. */
#define PATIENCE_S 10

/* NULL: the daemon could be reached. */
static const char *
call(const char *path, int *fd)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return "the path is too long for a socket";
	strcpy(address.sun_path, path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
	    setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0)
		return strerror(errno);
	if (connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return NULL;
	if (errno == EACCES)
		return "only root and the user that ftxd runs as may ask";
	if (errno == ENOENT || errno == ECONNREFUSED)
		return "no ftxd runs with this configuration";
	return errno == EAGAIN ? "it does not answer" : strerror(errno);
}

/* report: PAGE_MOST_BYTES + 1 of room.  NULL: all that was told is printed. */
static const char *
tell(const char *path, char *report, bool json)
{
	size_t length = 0;
	int fd = -1;
	const char *why = call(path, &fd);
	int r = why == NULL ? read_full(fd, report, PAGE_MOST_BYTES, &length) : 0;

	if (r != 0)
		why = errno == EAGAIN ? "it does not answer" : error_text(r);
	if (fd >= 0)
		close(fd);
	if (why != NULL)
		return why;
	report[length] = '\0';
	if (length == 0)
		return "it does not tell this user";
	if (!report_print(report, json, stdout))
		return "not everything was told";
	return fflush(stdout) == 0 ? NULL : "standard output cannot be written to";
}

static int
ask(const char *path, bool json)
{
	char *report = malloc(PAGE_MOST_BYTES + 1);
	const char *why = error_text(FTX_E_NOMEM);

	if (report != NULL)
		why = tell(path, report, json);
	free(report);
	if (why == NULL)
		return 0;
	complain("status", "'%s': %s", path, why);
	return FTX_EXIT_FAILURE;
}

int
verb_status(int argc, char **argv)
{
	const char *file;
	struct config *config;
	bool json;
	char *path;
	int code = settings_options_and_flag("status", USAGE, argc, argv, &file, "json", &json);

	if (code != 0 || (code = settings_load("status", file, &config)) != 0)
		return code;
	if ((path = settings_control(config_server(config))) != NULL) {
		code = ask(path, json);
	} else {
		complain("status", "%s", error_text(FTX_E_NOMEM));
		code = FTX_EXIT_FAILURE;
	}
	free(path);
	config_free(config);
	return code;
}
