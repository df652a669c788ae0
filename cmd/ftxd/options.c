#include "cmd/ftxd/options.h"

#include <assert.h>
#include <string.h>

const char *
option_value(int argc, char **argv, int *i, const char *name)
{
	size_t length = strlen(name);
	const char *arg = argv[*i];

	if (strncmp(arg, name, length) != 0)
		return NULL;
	if (arg[length] == '=' && arg[1] == '-')
		return arg + length + 1;
	if (arg[length] != '\0')
		return NULL;
	if (*i + 1 == argc)
		return "";
	++*i;
	assert(argv[*i] != NULL);
	return argv[*i];
}
