#include "src/server/config_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/base/units.h"

char *
config_text(struct config *c, const char *text)
{
	void **owned = config_grow(c->owned, c->owned_count, sizeof(*owned));
	char *copy;

	if (owned == NULL)
		return NULL;
	c->owned = owned;
	if ((copy = strdup(text)) != NULL)
		c->owned[c->owned_count++] = copy;
	return copy;
}

void *
config_grow(void *array, size_t count, size_t size)
{
	size_t room = 8;

	/* Powers of two have no room left, and those below 8 never were the room. */
	if (count != 0 && (count < 8 || (count & (count - 1)) != 0))
		return array;
	while (room <= count)
		room *= 2;
	return reallocarray(array, room, size);
}

int
config_refuse(const struct ini_entry *e, const char *what)
{
	char shown[160];

	display_escape(shown, sizeof(shown), e->value, strlen(e->value));
	return ini_refuse(e, "%s = %s: %s", e->key, shown, what);
}

int
config_refuse_place(struct ini_error *error, const struct config_place *place, const char *format,
		    ...)
{
	char file[INI_ERROR_BYTES / 2];
	size_t n;
	va_list ap;

	display_escape(file, sizeof(file), place->file, strlen(place->file));
	error->line = place->line;
	if (place->line != 0)
		n = (size_t)snprintf(error->text, sizeof(error->text), "%s:%u: ", file,
				     place->line);
	else
		n = (size_t)snprintf(error->text, sizeof(error->text), "%s: ", file);
	va_start(ap, format);
	vsnprintf(error->text + n, sizeof(error->text) - n, format, ap);
	va_end(ap);
	return FTX_E_CONFIG;
}

int
config_no_memory(const struct ini_entry *e)
{
	ini_refuse(e, "%s", error_text(FTX_E_NOMEM));
	return FTX_E_NOMEM;
}

int
config_yes_no(const struct ini_entry *e, bool *out)
{
	*out = strcmp(e->value, "yes") == 0;
	return *out || strcmp(e->value, "no") == 0 ? 0 : config_refuse(e, "it is to be yes or no");
}

int
config_number(const struct ini_entry *e, unsigned least, unsigned most, unsigned *out)
{
	char what[64];
	unsigned number = 0;
	const char *p = e->value;

	for (; *p >= '0' && *p <= '9' && number <= most; p++)
		number = number * 10 + (unsigned)(*p - '0');
	*out = number;
	if (*p == '\0' && number >= least && number <= most)
		return 0;
	snprintf(what, sizeof(what), "it is to be a number from %u to %u", least, most);
	return config_refuse(e, what);
}

int
config_duration(const struct ini_entry *e, uint64_t least_ms, uint64_t most_ms, uint64_t *out)
{
	char what[96];
	char least[32], most[32];

	if (duration_parse(out, e->value) == 0 && *out >= least_ms && *out <= most_ms)
		return 0;
	snprintf(what, sizeof(what), "it is to be a duration from %s to %s",
		 duration_format(least, sizeof(least), least_ms),
		 duration_format(most, sizeof(most), most_ms));
	return config_refuse(e, what);
}

int
config_size(const struct ini_entry *e, uint64_t least, uint64_t most, uint64_t *out)
{
	char what[96];
	char low[16], high[16];

	if (size_parse(out, e->value) == 0 && *out >= least && *out <= most)
		return 0;
	snprintf(what, sizeof(what), "it is to be a size from %s to %s",
		 size_format(low, sizeof(low), least), size_format(high, sizeof(high), most));
	return config_refuse(e, what);
}

int
config_files(const struct ini_entry *e, uint64_t *out)
{
	if (size_parse(out, e->value) == 0 && *out >= 1 && *out <= UINT64_C(1) << 40)
		return 0;
	return config_refuse(e, "it is to be a number of files from 1 to 1T");
}

int
config_path(struct config_draft *d, const struct ini_entry *e, const char **out)
{
	size_t length = strlen(e->value);
	char *path;

	if (e->value[0] != '/')
		return config_refuse(e, "a path begins with '/'");
	if ((path = config_text(d->config, e->value)) == NULL)
		return config_no_memory(e);
	while (length > 1 && path[length - 1] == '/')
		path[--length] = '\0';
	*out = path;
	return 0;
}
