#include "src/client/settings.h"

#include <string.h>

#include "src/base/units.h"
#include "src/client/config.h"
#include "src/client/transfer.h"

/* clang-format off */
const struct setting_row setting_rows[SETTING_COUNT] = {
    [SETTING_IDENTITY]	= {"identity", "FTX_IDENTITY", NULL, "the path of a key file"},
    [SETTING_PORT]	= {"port", "FTX_PORT", "7389", "a number from 1 to 65535"},
    [SETTING_STREAMS]	= {"streams", "FTX_STREAMS", "auto", "auto, or a number from 1 to 16"},
    [SETTING_COMPRESS]	= {"compress", "FTX_COMPRESS", "auto", "auto, none, zlib[:1..9], zstd[:1..19]"},
    [SETTING_BWLIMIT]	= {"bwlimit", "FTX_BWLIMIT", "none", "bytes a second, as 500K or 20M, more than 0"},
    [SETTING_RETRY_FOR]	= {"retry-for", "FTX_RETRY_FOR", "10m", "a duration, as 30s or 10m; 0 is one attempt"},
    [SETTING_TIMEOUT]	= {"timeout", "FTX_TIMEOUT", "60s", "a duration, as 30s or 2m, more than 0"},
    [SETTING_PROGRESS]	= {"progress", "FTX_PROGRESS", "auto", "auto, always or never"},
};
/* clang-format on */

static bool
parse_compress(struct settings *s, const char *text)
{
	static const struct {
		const char *name;
		enum compress_mode mode;
		uint64_t max_level;
	} modes[] = {{"auto", COMPRESS_AUTO, 0},
		     {"none", COMPRESS_NONE, 0},
		     {"zlib", COMPRESS_ZLIB, 9},
		     {"zstd", COMPRESS_ZSTD, 19}};
	size_t length = strcspn(text, ":");

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		uint64_t level = 0;

		if (strlen(modes[i].name) != length || memcmp(text, modes[i].name, length) != 0)
			continue;
		if (text[length] != '\0' && (count_parse(&level, text + length + 1) != 0 ||
					     level < 1 || level > modes[i].max_level))
			return false;
		s->compress = modes[i].mode;
		s->level = (int)level;
		return true;
	}
	return false;
}

static bool
parse_streams(unsigned *streams, const char *text)
{
	uint64_t n;

	if (strcmp(text, "auto") == 0) {
		*streams = STREAMS_AUTO;
		return true;
	}
	if (count_parse(&n, text) != 0 || n < 1 || n > STREAMS_MAX)
		return false;
	*streams = (unsigned)n;
	return true;
}

static bool
parse_progress(enum progress_choice *choice, const char *text)
{
	static const char *const words[] = {"auto", "always", "never"};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], text) == 0) {
			*choice = (enum progress_choice)i;
			return true;
		}
	return false;
}

bool
setting_parse(struct settings *s, enum setting id, const char *text)
{
	switch (id) {
	case SETTING_IDENTITY:
		s->identity = text;
		return text[0] != '\0';
	case SETTING_PORT:
		return address_port(&s->port, text, strlen(text));
	case SETTING_STREAMS:
		return parse_streams(&s->streams, text);
	case SETTING_COMPRESS:
		return parse_compress(s, text);
	case SETTING_BWLIMIT:
		return size_parse(&s->bwlimit, text) == 0 && s->bwlimit != 0;
	case SETTING_RETRY_FOR:
		return duration_parse(&s->retry_for_ms, text) == 0;
	case SETTING_TIMEOUT:
		return duration_parse(&s->timeout_ms, text) == 0 && s->timeout_ms != 0;
	case SETTING_PROGRESS:
		return parse_progress(&s->progress, text);
	}
	return false;
}

void
settings_init(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	/* "none" and the default place are what is zero. */
	for (unsigned i = 0; i < SETTING_COUNT; i++)
		if (setting_rows[i].built_in != NULL)
			(void)setting_parse(s, (enum setting)i, setting_rows[i].built_in);
}

/* Of what a file says: is it there? */
static bool
take_line(struct setting_said *said, const struct config_line *line, const char *file,
	  const char *host)
{
	if (line->text == NULL)
		return false;
	*said = (struct setting_said){.text = line->text,
				      .origin = SETTING_OF_FILE,
				      .file = file,
				      .line = line->number,
				      .host = host};
	return true;
}

struct setting_said
setting_look_up(const struct config *c, const char *host, enum setting id)
{
	const char *variable = config_variable(c, id);
	const struct config_host *h = host != NULL ? config_host(c, host) : NULL;
	struct setting_said said = {.text = setting_rows[id].built_in, .origin = SETTING_BUILT_IN};

	if (variable != NULL) {
		said.text = variable;
		said.origin = SETTING_OF_ENVIRONMENT;
		return said;
	}
	for (unsigned i = 0; i < CONFIG_FILES; i++) {
		const char *file = config_file(c, i);

		/* One string for all that a file says. */
		if (h != NULL && h->file == file && take_line(&said, &h->lines[id], file, h->name))
			return said;
		if (take_line(&said, config_default(c, i, id), file, NULL))
			return said;
	}
	return said;
}
