#include "src/server/rights.h"

#include <stdio.h>
#include <string.h>

#include "proto/errors.h"
#include "src/base/ini.h"
#include "src/store/name.h"

static const struct {
	const char *name;
	uint8_t rights;
} words[] = {
    {"list", RIGHT_LIST},
    {"get", RIGHT_GET},
    {"put", RIGHT_PUT},
    {"overwrite", RIGHT_OVERWRITE},
    {"delete", RIGHT_DELETE},
    {"readonly", RIGHT_LIST | RIGHT_GET},
    {"append", RIGHT_LIST | RIGHT_GET | RIGHT_PUT},
    {"full", RIGHTS_FULL},
};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

/* 0: there is no such word. */
static uint8_t
word_rights(const char *word, size_t length)
{
	for (size_t i = 0; i < WORD_COUNT; i++)
		if (strlen(words[i].name) == length && memcmp(words[i].name, word, length) == 0)
			return words[i].rights;
	return 0;
}

int
rights_parse(uint8_t *rights, const char *text)
{
	uint8_t all = 0;

	for (;;) {
		size_t length = strcspn(text, ",");
		uint8_t some = word_rights(text, length);

		if (some == 0)
			return FTX_E_USAGE;
		all |= some;
		if (text[length] == '\0')
			break;
		text += length + 1;
	}
	*rights = all;
	return 0;
}

char *
rights_format(char out[static RIGHTS_TEXT_BYTES], uint8_t rights)
{
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; i < WORD_COUNT; i++) {
		uint8_t one = words[i].rights;

		if ((one & (one - 1)) == 0 && (rights & one) != 0)
			length += (size_t)snprintf(out + length, RIGHTS_TEXT_BYTES - length, "%s%s",
						   length > 0 ? "," : "", words[i].name);
	}
	return out;
}

static int
refuse(const char **why, const char *reason)
{
	*why = reason;
	return FTX_E_USAGE;
}

/* path: behind the ':', length bytes */
static int
parse_subtree(struct share_spec *spec, const char *path, size_t length, const char **why)
{
	if (length == 0 || path[0] != '/')
		return refuse(why, "a subtree begins with '/', as in SHARE:/SUBTREE=RIGHTS");
	path++;
	length--;
	while (length > 0 && path[length - 1] == '/')
		length--;
	if (length == 0)
		return 0;
	if (path_check(path, length) != 0)
		return refuse(why, "the subtree is no path that may be in a share");
	memcpy(spec->subtree, path, length);
	spec->subtree[length] = '\0';
	return 0;
}

int
share_spec_parse(struct share_spec *spec, const char *text, const char **why)
{
	/* A path may have a '=', the rights have none. */
	const char *equals = strrchr(text, '=');
	const char *colon;
	size_t left, length;
	int r = 0;

	if (equals == NULL)
		return refuse(why, "it is to be SHARE=RIGHTS or SHARE:/SUBTREE=RIGHTS");
	left = (size_t)(equals - text);
	colon = memchr(text, ':', left);
	length = colon != NULL ? (size_t)(colon - text) : left;
	if (!ini_name_ok(text, length))
		return refuse(why, "what stands first is no name of a share");
	memcpy(spec->share, text, length);
	spec->share[length] = '\0';
	spec->subtree[0] = '\0';
	if (colon != NULL)
		r = parse_subtree(spec, colon + 1, left - length - 1, why);
	if (r == 0 && rights_parse(&spec->rights, equals + 1) != 0)
		return refuse(why,
			      "rights are list, get, put, overwrite, delete with commas between "
			      "them, or readonly, append, full");
	return r;
}
