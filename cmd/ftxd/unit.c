/*
 * DESIGN.  The unit sees the file system read-only but for its state and /srv/ftx, empty home
 * directories, and a /tmp of its own (ProtectSystem=strict, ProtectHome=yes, PrivateTmp=yes).  So a
 * directory elsewhere is made writable where it is; one below what is hidden is bound into it.
 * Nothing is required to be mounted: a share that is not there is offline, the others are served.
 */
#include "cmd/ftxd/unit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/base/directory.h"

/* What the unit gives already. */
static const char *const writable[] = {"/srv/ftx", "/var/lib/ftxd", "/run/ftxd"};
static const char *const homes[] = {"/home", "/root", "/run/user"};
static const char *const temporary[] = {"/tmp", "/var/tmp"};

static bool
is_below(const char *path, const char *const *places, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(places[i]);

		if (strncmp(path, places[i], length) == 0 &&
		    (path[length] == '\0' || path[length] == '/'))
			return true;
	}
	return false;
}
#define IS_BELOW(path, places) is_below(path, places, sizeof(places) / sizeof((places)[0]))

/* Quoted, with specifiers' percent signs doubled (systemd.syntax(7)). */
static void
print_path(const char *key, const char *prefix, const char *path)
{
	printf("%s=\"%s", key, prefix);
	for (; *path != '\0'; path++) {
		if (*path == '"' || *path == '\\')
			putchar('\\');
		if (*path == '%')
			putchar('%');
		putchar(*path);
	}
	puts("\"");
}

static void
print_place(const char *path, bool read_only)
{
	if (IS_BELOW(path, homes) || IS_BELOW(path, temporary))
		print_path(read_only ? "BindReadOnlyPaths" : "BindPaths", "-", path);
	else if (read_only)
		print_path("ReadOnlyPaths", "-", path);
	else if (!IS_BELOW(path, writable))
		print_path("ReadWritePaths", "-", path);
}

static bool
is_needed(const char *path, bool read_only)
{
	return read_only || !IS_BELOW(path, writable);
}

/* The directory of a file that is made; NULL: there is no such file. */
static const char *
place_of(const char *file, char out[static PATH_MAX])
{
	return file != NULL && directory_of(out, file) == 0 ? out : NULL;
}

void
unit_print(const struct config *config, const char *file)
{
	const struct policy *policy = config_policy(config);
	const char *places[] = {config_server(config)->state, NULL, NULL};
	char control[PATH_MAX], metrics[PATH_MAX];
	bool any = false;
	bool in_homes = false;

	places[1] = place_of(config_server(config)->control, control);
	places[2] = place_of(config_server(config)->metrics_file, metrics);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		any |= places[i] != NULL && is_needed(places[i], false);
		in_homes |= places[i] != NULL && IS_BELOW(places[i], homes);
	}
	for (size_t i = 0; i < policy->share_count; i++) {
		any |= is_needed(policy->shares[i].path, policy->shares[i].read_only);
		in_homes |= IS_BELOW(policy->shares[i].path, homes);
	}
	if (!any) {
		printf("# %s needs nothing beyond the installed ftxd.service\n", file);
		return;
	}
	printf("# What %s needs beyond the installed ftxd.service, for:\n"
	       "#	systemctl edit ftxd.service\n"
	       "[Service]\n",
	       file);
	/* Nothing can be bound below what is inaccessible. */
	if (in_homes)
		puts("ProtectHome=tmpfs");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i] != NULL)
			print_place(places[i], false);
	for (size_t i = 0; i < policy->share_count; i++)
		print_place(policy->shares[i].path, policy->shares[i].read_only);
}
