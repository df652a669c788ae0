/*
 * ftxd status: what the daemon of a configuration, or the one at --control, tells on its control
 * socket.
 */
#include <errno.h>
#include <getopt.h>
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

#define USAGE "ftxd status [--json] [-c FILE | --control FILE]"

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
		return "no ftxd serves it: does it run?";
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

static int
usage(const char *why)
{
	complain("status", "%s\nusage: " USAGE, why);
	return FTX_EXIT_USAGE;
}

/* file: NULL unless it is said; control likewise. */
static int
take_options(int argc, char **argv, const char **file, const char **control, bool *json)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"control", required_argument, NULL, 's'},
						{"json", no_argument, NULL, 'j'},
						{NULL, 0, NULL, 0}};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:c:", options, NULL)) != -1) {
		if (c == 'c')
			*file = optarg;
		else if (c == 's')
			*control = optarg;
		else if (c == 'j')
			*json = true;
		else
			return usage(c == ':' ? "an option's value is missing" : "unknown option");
	}
	if (optind != argc)
		return usage("there is nothing more to say");
	return *file != NULL && *control != NULL ? usage("--config or --control, not both") : 0;
}

/* The control socket of this configuration, owned.  NULL after a complaint, with *code. */
static char *
control_of(const char *file, int *code)
{
	struct config *config;
	char *path;

	if ((*code = settings_load("status", file, &config)) != 0)
		return NULL;
	path = settings_control(config_server(config));
	config_free(config);
	if (path != NULL)
		return path;
	complain("status", "%s", error_text(FTX_E_NOMEM));
	*code = FTX_EXIT_FAILURE;
	return NULL;
}

int
verb_status(int argc, char **argv)
{
	const char *file = NULL, *control = NULL;
	bool json = false;
	char *path;
	int code = take_options(argc, argv, &file, &control, &json);

	if (code != 0)
		return code;
	if (control != NULL)
		return ask(control, json);
	if ((path = control_of(file != NULL ? file : CONFIG_FILE, &code)) == NULL)
		return code;
	code = ask(path, json);
	free(path);
	return code;
}
